# SPDX-License-Identifier: GPL-2.0
"""The path of each file: as it was when the work was submitted, whatever becomes of its name, or null; never a wrong one."""

import csv
import io
import os
import subprocess
import time

import tool

CALLS = 3
ODD = b"new\nline \"quoted\\\" \xff\xc3( \xe2\x82\xac"


def seek(path):
    tool.workload("seek", "-n", CALLS, os.fsdecode(path))


def open_seek(fd):
    """The same on an open file, which need not have a name any more."""
    for _ in range(CALLS):
        os.lseek(fd, 0, os.SEEK_DATA)


def shown(path):
    """As JSON has it: what is no character is U+00NN."""
    text = os.fsencode(path)
    try:
        return text.decode()
    except UnicodeDecodeError:
        out = ""
        while text:
            for size in (1, 2, 3, 4):
                try:
                    out += text[:size].decode()
                    break
                except UnicodeDecodeError:
                    continue
            else:
                size = 1
                out += chr(text[0])
            text = text[size:]
        return out


class Scene:
    """Files of one file system, and what is expected of their events, in order."""

    def __init__(self, fs):
        self.fs = fs
        self.expected = []

    def expect(self, path, was=None, ino=None):
        """path: bytes, or what JSON may have: a tuple or set of strings."""
        one = path if isinstance(path, (set, tuple)) else (shown(path),)
        self.expected += [(ino, one, was and shown(was))] * CALLS

    def make(self, *names):
        path = os.path.join(os.fsencode(self.fs.mount), *map(os.fsencode, names))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"d" * 65536)
            file.flush()
            os.fsync(file.fileno())
        return path


def play(scene):
    """Everything that can become of a name, while it is traced."""
    top = os.fsencode(scene.fs.mount)
    for names in (("plain",), ("some", "more", "directories", "file"), ("odd", ODD), ("n" * 255,)):
        path = scene.make(*names)
        seek(path)
        scene.expect(path, ino=os.stat(path).st_ino)

    # Renamed: the file, then its directory, then the file into another one.
    old = scene.make("here", "old")
    ino = os.stat(old).st_ino
    seek(old)
    scene.expect(old, ino=ino)
    new, there = os.path.join(top, b"here", b"new"), os.path.join(top, b"there", b"new")
    os.rename(old, new)
    seek(new)
    scene.expect(new, old, ino)
    os.rename(os.path.join(top, b"here"), os.path.join(top, b"there"))
    seek(there)
    scene.expect(there, new, ino)
    last = os.path.join(top, b"last")
    os.rename(there, last)
    seek(last)
    scene.expect(last, there, ino)

    # As editors and databases do: the new contents come under another name and take the old file's place.
    one, two = scene.make("replaced"), scene.make("replaced.new")
    inos = os.stat(one).st_ino, os.stat(two).st_ino
    seek(one)
    scene.expect(one, ino=inos[0])
    seek(two)
    scene.expect(two, ino=inos[1])
    os.rename(two, one)
    seek(one)
    scene.expect(one, two, inos[1])

    # Unlinked while it is open, and then gone: its inode number may be the next file's.
    path = scene.make("gone")
    ino = os.stat(path).st_ino
    fd = os.open(path, os.O_RDONLY)
    seek(path)
    scene.expect(path, ino=ino)
    os.unlink(path)
    open_seek(fd)
    scene.expect(path + b" (deleted)", ino=ino)
    os.close(fd)
    for number in range(8):
        path = scene.make(f"after {number}")
        seek(path)
        scene.expect(path, ino=os.stat(path).st_ino)

    # Of two names one is shown that it has; losing one of them is no renaming.
    one = scene.make("link one")
    two = os.path.join(top, b"link two")
    os.link(one, two)
    ino = os.stat(one).st_ino
    seek(one)
    scene.expect({shown(one), shown(two)}, ino=ino)
    os.unlink(one)
    seek(two)
    scene.expect(two, ino=ino)

    # Deeper than there is room for: cut in front, and said so.
    names = ["d" * 200] * 9 + ["file"]
    directory = os.open(top, os.O_RDONLY)
    for name in names[:-1]:
        os.mkdir(name, dir_fd=directory)
        inner = os.open(name, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = inner
    fd = os.open(names[-1], os.O_RDWR | os.O_CREAT, dir_fd=directory)
    os.write(fd, b"d" * 65536)
    os.fsync(fd)
    ino = os.fstat(fd).st_ino
    open_seek(fd)
    scene.expect((".../" + "/".join(names[-5:]), ".../" + "/".join(names[-4:])), ino=ino)
    os.close(fd)
    os.close(directory)
    shallow = os.path.join(top, *[b"s"] * 60, b"file")
    scene.make(*[b"s"] * 60, b"file")
    seek(shallow)
    scene.expect((".../" + "s/" * 47 + "file",), ino=os.stat(shallow).st_ino)


def agrees(event, expected):
    ino, paths, was = expected
    return event["ino"] == ino and event["path"] in paths and event["path_was"] == was


def check_names(t, env, fs, source):
    name = f"{fs.kind} {source}"
    scene = Scene(fs)
    lookups = env.lookups("-d", fs.mount, "--op", "seek", "--source", source)
    play(scene)
    lookups.stop()
    events = [e for e in lookups.events if e["ino"] in {ino for ino, _, _ in scene.expected}]
    t.equal(len(events), len(scene.expected), f"{name}: all of them", lookups.stderr())
    wrong = [((e["ino"], e["path"], e["path_was"]), x) for e, x in zip(events, scene.expected) if not agrees(e, x)]
    t.ok(not wrong, f"{name}: each path, and what it was before", "\n".join(map(str, wrong[:6])))
    tool.balanced(t, lookups, name)
    subprocess.run(f"rm -rf {fs.mount}/*", shell=True, check=True)


def check_bind(t, env, fs):
    """What is bound elsewhere is shown where most of the file system is; one that is mounted nowhere else, there."""
    path = fs.file("bound")
    point = os.path.join(env.workdir, "bind")
    os.mkdir(point)
    subprocess.run(["mount", "--bind", fs.mount, point], check=True)
    try:
        lookups = env.lookups("-f", path, "--op", "seek")
        seek(os.path.join(point, "bound"))
        seek(path)
        lookups.stop()
        t.equal([e["path"] for e in lookups.events], [path] * 2 * CALLS, f"{fs.kind} bind mount: the path of the first mount")
    finally:
        subprocess.run(["umount", point], check=True)
    # Another file system hides ours; then the mount table says that it does not any more.
    lookups = env.lookups("-f", path, "--op", "seek")
    fd = os.open(path, os.O_RDONLY)
    subprocess.run(["mount", "-t", "tmpfs", "none", fs.mount], check=True)
    try:
        # The tool looks at the mount table once a second.
        time.sleep(2)
        open_seek(fd)
        time.sleep(0.5)
    finally:
        subprocess.run(["umount", fs.mount], check=True)
    time.sleep(2)
    open_seek(fd)
    os.close(fd)
    lookups.stop()
    t.equal([e["path"] for e in lookups.events], [None] * CALLS + [path] * CALLS, f"{fs.kind}: hidden, the path is null", lookups.stderr())
    os.rmdir(point)


def check_formats(t, env, fs):
    path = fs.file(os.fsdecode(b"odd, " + ODD))
    lookups = env.lookups("-f", path, "--op", "seek", output="csv")
    seek(path)
    lookups.stop(parse=False)
    rows = list(csv.DictReader(io.StringIO(lookups.text)))
    want = f"{fs.mount}/odd, new\\x0aline \"quoted\\\" \\xff\\xc3( \u20ac"
    t.equal([row["path"] for row in rows], [want] * CALLS, "csv: an odd name")
    lookups = env.lookups("-f", path, "--op", "seek", output="table")
    seek(path)
    lookups.stop(parse=False)
    lines = lookups.text.splitlines()
    t.ok(lines[0].endswith(" PATH") and all(line.endswith(" " + want) for line in lines[1:]) and len(lines) == 1 + CALLS,
         "table: an odd name ends the line", lookups.text)
    lookups = env.lookups("--hist", "--by", "ino", "-f", path, "--op", "seek")
    seek(path)
    lookups.stop()
    t.equal([h["path"] for h in lookups.hists], [f"{fs.mount}/{shown(b'odd, ' + ODD)}"], "--hist --by ino: JSON has the path")
    lookups = env.lookups("--hist", "--by", "ino", "-f", path, "--op", "seek", output="table")
    seek(path)
    lookups.stop(parse=False)
    t.ok(f" {want}: count {CALLS}," in lookups.text, "--hist --by ino: the key has the path", lookups.text)


def check_others(t, env, fs):
    """The observers that keep what they know from the submission to the end."""
    path = fs.file("request")
    for source in tool.tested_sources(env, "dio"):
        observed = env.observe("dio", "--source", source, "-d", fs.mount)
        subprocess.run(["xfs_io", "-d", "-c", "pwrite -q -b 64k 0 64k", path], check=True, stdout=subprocess.DEVNULL)
        os.rename(path, path + ".new")
        subprocess.run(["xfs_io", "-d", "-c", "pread -q -b 64k 0 64k", path + ".new"], check=True, stdout=subprocess.DEVNULL)
        os.rename(path + ".new", path)
        observed.stop()
        t.equal([(e["op"], e["path"], e["path_was"]) for e in observed.events],
                [("dio_write", path, None), ("dio_read", path + ".new", path)], f"dio {source}: renamed in between", observed.stderr())
    if fs.kind != "xfs":
        return
    for source in tool.tested_sources(env, "ioends"):
        observed = env.observe("ioends", "--source", source, "-d", fs.mount)
        subprocess.run(["xfs_io", "-c", "pwrite -q -b 64k 0 64k", "-c", "fsync", path], check=True, stdout=subprocess.DEVNULL)
        observed.stop()
        t.equal({e["path"] for e in observed.events}, {path}, f"ioends {source}: the path", observed.stderr())


def check_device(t, env):
    """A block device opened as a file: lookups of its page cache are writes, from Linux 6.6 on."""
    image = os.path.join(env.workdir, "device.img")
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    done = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True)
    if done.returncode:
        os.unlink(image)
        t.skip("block device", "no loop devices")
        return
    device = done.stdout.strip()
    try:
        lookups = env.lookups("-f", device)
        subprocess.run(["dd", "if=/dev/zero", f"of={device}", "bs=4k", "count=4", "conv=notrunc,fsync"], check=True, capture_output=True)
        lookups.stop()
        if lookups.events:
            t.equal({e["path"] for e in lookups.events}, {device}, "block device: its name")
        else:
            t.skip("block device", "this kernel's block devices do not enter iomap")
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
        os.unlink(image)


def run(t, env):
    for source in env.sources[:1] if env.brief else env.sources:
        check_names(t, env, env.xfs, source)
    if env.brief:
        check_others(t, env, env.xfs)
        return
    check_names(t, env, env.ext4, env.sources[0])
    check_bind(t, env, env.xfs)
    check_formats(t, env, env.xfs)
    for fs in (env.xfs, env.ext4):
        check_others(t, env, fs)
    check_device(t, env)
