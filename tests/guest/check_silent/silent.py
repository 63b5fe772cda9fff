# SPDX-License-Identifier: GPL-2.0
"""check finds nothing on any file system under stress, and has checked each rule on one of them at least."""

import collections
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time

import storage
import tool
from tap import Skip

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402

SECONDS = int(os.environ.get("STRESS_SECONDS", "20"))
WANTED = os.environ.get("STRESS_ON")
CHURN = os.path.join(tool.TOP, "tests", "lib", "churn.py")
VIOLATIONS = 8      # the exit status
PRESSURE = "/sys/fs/cgroup/pressure"
FIO = ["fio", "--size=4m", "--time_based", f"--runtime={SECONDS}", "--continue_on_error=all", "--fallocate=none", "--thread"]
SHARED = "shared"
STRESSORS = {"hdd": "hdd-bytes", "seek": "seek-size", "fallocate": "fallocate-bytes", "fiemap": "fiemap-bytes", "readahead": "readahead-bytes"}


class Kind:
    """A file system to be stressed: how it is made and mounted, where, and what it can do (words of churn.py, nowait, freeze)."""

    def __init__(self, name, kind, place, mkfs, options=None, words=()):
        self.name, self.kind, self.place, self.mkfs, self.options, self.words = name, kind, place, mkfs, options, words


KINDS = [
    Kind("xfs", "xfs", "disk", ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"], words=("reflink", "freeze", "nowait")),
    # On a mirror, so that there is dm-io.
    Kind("xfs-1k", "xfs", "mirror", ["mkfs.xfs", "-q", "-f", "-b", "size=1k"], words=("reflink", "freeze", "nowait")),
    Kind("ext4", "ext4", "disk", ["mkfs.ext4", "-q", "-F"], words=("freeze", "nowait")),
    Kind("btrfs", "btrfs", "disk", ["mkfs.btrfs", "-q", "-f"], options="nodatasum", words=("reflink", "freeze", "nowait")),
    # Frozen under load it withdraws now and then, by an assertion of its own in __gfs2_log_flush().
    Kind("gfs2", "gfs2", "disk", ["mkfs.gfs2", "-q", "-O", "-K", "-J", "16", "-p", "lock_nolock"]),
    Kind("erofs", "erofs", "disk", None, words=("readonly",)),
    Kind("xfs-dax", "xfs", "pmem", ["mkfs.xfs", "-q", "-f", "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m"], options="dax=always",
         words=("dax", "reflink", "freeze", "nowait")),
    Kind("ext4-dax", "ext4", "pmem", ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "stride=512,stripe-width=512"], options="dax=always",
         words=("dax", "freeze", "nowait")),
    Kind("ext2-dax", "ext2", "pmem", ["mkfs.ext2", "-q", "-F", "-b", "4096"], options="dax", words=("dax", "freeze")),
]


# What the file systems of Linux 6.12 do break, by the kernel's source: docs/checks.md, Findings.
# (rule, file systems, operations, function in the stack)
FINDINGS = [
    ("nowait-sleep", ("btrfs",), ("dio_read", "dio_write"), "btrfs_direct"),
    ("nowait-sleep", ("ext4",), ("dio_read", "dio_write"), "ext4_file"),
    ("nowait-sleep", ("ext4-dax",), ("dax_read", "dax_write"), "ext4_file"),
    ("nowait-sleep", ("xfs", "xfs-1k"), ("write",), "xfs_file_buffered_write"),
    ("nowait-sleep", ("xfs-dax",), ("dax_read",), "xfs_file_dax_read"),
]


def known(kind, violation):
    return any((violation["rule"] == rule and kind.name in names and violation["op"] in ops and
                any(function in frame for frame in violation["kstack"])) for rule, names, ops, function in FINDINGS)


def commands(kind, directory):
    """What runs at the same time, all of it for as long."""
    for seed in range(2):
        yield [CHURN, directory, str(SECONDS), str(seed), *kind.words]
    if "readonly" in kind.words:
        name = os.path.join(directory, sorted(os.listdir(directory))[0])
        yield [*FIO, "--name=cached", f"--filename={name}", "--readonly", "--rw=randread", "--bs=3k", "--ioengine=psync"]
        yield [*FIO, "--name=direct", f"--filename={name}", "--readonly", "--rw=randread", "--bs=4k", "--ioengine=libaio", "--direct=1",
               "--iodepth=4"]
        yield [*FIO, "--name=mapped", f"--filename={name}", "--readonly", "--rw=randread", "--bs=4k", "--ioengine=mmap"]
        return
    with open(os.path.join(directory, SHARED), "wb") as file:
        file.write(bytes(4 << 20))
        os.fsync(file.fileno())
    fio = [*FIO, f"--directory={directory}"]
    shared = [f"--filename={SHARED}"]
    yield [*fio, "--name=cached", *shared, "--rw=randrw", "--bs=3k", "--ioengine=psync", "--fsync=32"]
    yield [*fio, "--name=libaio", *shared, "--rw=randrw", "--bs=4k", "--ioengine=libaio", "--direct=1", "--iodepth=8"]
    yield [*fio, "--name=uring", *shared, "--rw=randrw", "--bs=16k", "--ioengine=io_uring", "--direct=1", "--iodepth=8"]
    yield [*fio, "--name=uring-cached", "--rw=randrw", "--bs=8k", "--ioengine=io_uring", "--iodepth=4"]
    if "nowait" in kind.words:
        yield [*fio, "--name=nowait", "--rw=randrw", "--bs=4k", "--ioengine=pvsync2", "--nowait=1", "--direct=1",
               "--ignore_error=EAGAIN,EAGAIN"]
    yield [*fio, "--name=mapped", "--rw=randrw", "--bs=4k", "--ioengine=mmap", "--fsync=64"]
    yield [*fio, "--name=synced", "--rw=randwrite", "--bs=2k", "--ioengine=psync", "--sync=dsync"]
    yield ["stress-ng", "--temp-path", directory, "--timeout", str(SECONDS), "--quiet",
           *(arg for name, size in STRESSORS.items() for arg in (f"--{name}", "1", f"--{size}", "4m")), "--aiol", "1", "--aiol-requests", "8"]


class Disturbance(threading.Thread):
    """Syncs, drops caches, freezes and mounts again, as long as the work goes on."""

    def __init__(self, kind, directory):
        super().__init__()
        self.kind, self.directory = kind, directory
        self.end = threading.Event()
        self.failed = []

    def run(self):
        acts = [["sync", "-f", self.directory], ["sh", "-c", "echo 3 >/proc/sys/vm/drop_caches"], ["mount", "-o", "remount", self.directory]]
        if "freeze" in self.kind.words:
            acts += [["fsfreeze", "-f", self.directory], ["fsfreeze", "-u", self.directory]]
        while not self.end.is_set():
            for act in acts:
                done = subprocess.run(act, capture_output=True, text=True)
                if done.returncode:
                    self.failed.append(f"{' '.join(act)}: {done.stderr.strip()}")
                self.end.wait(0.5)


def under_pressure():
    """In a child: what it caches has to give way. Never killed for it, unlike with memory.max."""
    with open(os.path.join(PRESSURE, "cgroup.procs"), "w") as file:
        file.write("0")


def stress(t, kind, directory):
    disturbance = Disturbance(kind, directory)
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/tmp", preexec_fn=under_pressure)
               for command in commands(kind, directory)]
    disturbance.start()
    try:
        for process in running:
            text = process.communicate(timeout=tool.PATIENCE + 10 * SECONDS)[0]
            if process.args[0] == CHURN:
                t.diag(f"{kind.name}: {text.strip()[-900:]}")
                t.equal(process.returncode, 0, f"{kind.name}: churn ran to its end", text)
            # An fsync of a file that is written direct and through the page cache at once may fail: dio_warn_stale_pagecache().
            elif process.returncode and not (process.returncode == 1 and f"--filename={SHARED}" in process.args):
                t.fail(f"{kind.name}: {' '.join(process.args)} ran to its end", f"{process.returncode}: {text}")
    finally:
        disturbance.end.set()
        disturbance.join()
        for process in running:
            process.kill()
    t.equal(disturbance.failed, [], f"{kind.name}: synced, frozen and mounted again meanwhile")


@contextlib.contextmanager
def place(env, kind):
    """Where to make it, and what has to be mounted."""
    if kind.place == "mirror":
        name = "checked"
        sectors = machine.sectors(env.disks[0])
        storage.command("dmsetup", "create", name, "--table", f"0 {sectors} mirror core 2 1024 nosync 2 {env.disks[0]} 0 {env.disks[1]} 0")
        yield f"/dev/mapper/{name}"
        storage.command("dmsetup", "remove", "--retry", name)
    else:
        yield env.disks[0] if kind.place == "disk" else env.pmem


def make_erofs(env, device):
    """With files of all kinds: data in the inode, tails in it, and whole blocks."""
    source, image = os.path.join(env.workdir, "source"), os.path.join(env.workdir, "image")
    os.mkdir(source)
    for n, size in enumerate((4 << 20, (2 << 20) + 1234, 5000, 100, 70000)):
        with open(os.path.join(source, f"file{n}"), "wb") as file:
            file.write(os.urandom(size))
    storage.command("mkfs.erofs", "--quiet", image, source)
    storage.command("dd", f"if={image}", f"of={device}", "bs=1M", "conv=fsync", "status=none")
    shutil.rmtree(source)
    os.unlink(image)


def check(t, env, kind):
    """The rules' lines, by name."""
    with place(env, kind) as device:
        if kind.mkfs:
            storage.command(*kind.mkfs, device)
        else:
            make_erofs(env, device)
        directory = os.path.join(env.workdir, kind.name)
        os.mkdir(directory)
        observed = env.observe("check")
        storage.command("mount", "-t", kind.kind, *(["-o", kind.options] if kind.options else []), device, directory)
        try:
            stress(t, kind, directory)
        finally:
            storage.command("umount", directory)
            observed.stop()
    os.rmdir(directory)
    found = [record for record in observed.hists if record["event"] == "violation"]
    rows = {record["rule"]: record for record in observed.hists if record["event"] == "rule"}
    unknown = [violation for violation in found if not known(kind, violation)]
    t.equal((observed.status, unknown[:3]), (VIOLATIONS if found else 0, []), f"{kind.name}: nothing is found, but for what is known",
            f"{len(unknown)} violations\n{observed.stderr()}")
    t.diag(f"{kind.name}: known findings: " + (", ".join(f"{what} {count}" for what, count in
                                                        collections.Counter(f"{v['rule']} {v['op']}" for v in found).items()) or "none"))
    # A program that runs when an interrupt comes does not run for the interrupt as well.
    t.equal({name: row for name, row in rows.items() if row["no_room"] or row["unchecked"] * 100 > row["checked"]}, {},
            f"{kind.name}: there was room for all, and less than 1 % is left unchecked", observed.stderr())
    return rows


def show(t, table):
    """How often each rule was checked, on which file system."""
    names = list(table)
    t.diag("checked".ljust(22) + "".join(name.rjust(10) for name in names))
    for rule in next(iter(table.values())):
        t.diag(rule.ljust(22) + "".join(str(table[name][rule]["checked"]).rjust(10) for name in names))


def run(t, env):
    wanted = [kind for kind in KINDS if not WANTED or kind.name in WANTED.split(",")]
    if not env.pmem:
        raise Skip("no device for fsdax")
    env.disks = [env.xfs.device, env.ext4.device]
    for fs in list(env.filesystems):
        fs.unmount()
        env.filesystems.remove(fs)
    os.makedirs(PRESSURE, exist_ok=True)
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as file:
        file.write("+memory")
    with open(os.path.join(PRESSURE, "memory.high"), "w") as file:
        file.write("96M")
    table = {}
    for kind in wanted:
        begin = time.monotonic()
        table[kind.name] = check(t, env, kind)
        t.diag(f"{kind.name}: {time.monotonic() - begin:.0f} s")
    show(t, table)
    if not WANTED:
        never = [rule for rule in table["xfs"] if not any(rows[rule]["checked"] for rows in table.values())]
        t.equal(never, [], "each rule has been checked")
