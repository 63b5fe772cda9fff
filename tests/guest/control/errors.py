# SPDX-License-Identifier: GPL-2.0
"""What inject makes fail fails at the system call with that errno, once, and works again."""

import fcntl
import os
import signal
import struct
import subprocess
import sys

import tool
from policies import check_clean, done, inject, named, rules

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import KEEP_SIZE, PAGE, PUNCH_HOLE, UNSHARE_RANGE, Aio, Mapping, buffer, c_errno_of, errno_of, libc    # noqa: E402

SIZE = 64 << 10


def opened(act, flags=os.O_RDWR):
    """act(path) that opens and closes the file for act(fd)."""
    def on_path(path):
        fd = os.open(path, flags)
        try:
            return act(fd)
        finally:
            os.close(fd)
    return on_path


def reflinked(path):
    """Unsharing has something to do each time: the clone is made anew."""
    fd, clone = os.open(path, os.O_RDWR), os.open(path + ".clone", os.O_RDWR | os.O_CREAT, 0o600)
    machine.clone(clone, fd)
    got = c_errno_of(libc.fallocate, fd, UNSHARE_RANGE, 0, SIZE)
    os.close(fd)
    os.close(clone)
    return got


def punch(fd):
    os.pwrite(fd, b"d" * PAGE, 0)
    return c_errno_of(libc.fallocate, fd, PUNCH_HOLE | KEEP_SIZE, 100, 1000)


def cut(fd):
    os.pwrite(fd, b"d" * PAGE, PAGE)
    return errno_of(os.ftruncate, fd, PAGE + 1000) or 0


def fiemap(fd):
    return errno_of(fcntl.ioctl, fd, machine.FIEMAP, bytearray(struct.pack("=QQLLLL", 0, SIZE, 0, 0, 8, 0) + bytes(56 * 8)))


def swap(path):
    """swapon, and swapoff if that works."""
    subprocess.run(["mkswap", path], check=True, capture_output=True)
    got = c_errno_of(libc.swapon, path.encode(), 0)
    return got or c_errno_of(libc.swapoff, path.encode())


def fibmap(fd):
    block = bytearray(struct.pack("i", 0))
    fcntl.ioctl(fd, machine.FIBMAP, block)
    return struct.unpack("i", block)[0]


def store(fd):
    """A write fault on a page that is cached and clean; minus the signal."""
    os.fsync(fd)
    mapping = Mapping(fd, PAGE, align=PAGE)
    mapping.read()
    killed = mapping.refused(mapping.write)
    mapping.unmap()
    return -killed


def cold_read(fd):
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return errno_of(lambda: len(os.pread(fd, PAGE, 0)))


def by_aio(opcode):
    def act(fd):
        aio, memory = Aio(), buffer(PAGE)
        iocb = aio.iocb(opcode, fd, 1, memory, PAGE)
        if (got := aio.submit(iocb)) != 1:
            return got
        result = aio.events(1)[0][1]
        aio.destroy()
        return result
    return opened(act, os.O_RDWR | os.O_DIRECT)


write = opened(lambda fd: errno_of(os.pwrite, fd, b"x" * PAGE, 0))
dread = opened(lambda fd: machine.dread(fd, PAGE, 0), os.O_RDWR | os.O_DIRECT)
dwrite = opened(lambda fd: machine.dwrite(fd, PAGE, 0), os.O_RDWR | os.O_DIRECT)
seek_data = opened(lambda fd: errno_of(os.lseek, fd, 0, os.SEEK_DATA))
seek_hole = opened(lambda fd: errno_of(os.lseek, fd, 0, os.SEEK_HOLE))

# Operation, step, errno, and the system call; where the caller sees something else, what.
DIRECT = [
    ("dio_read", "lookup", "EIO", dread), ("dio_write", "lookup", "ENOSPC", dwrite),
    ("dio_write", "mapped", "EROFS", dwrite), ("dio_read", "step", "ENODATA", dread),
    ("dio_write", "dio_begin", "EINVAL", dwrite), ("dio_read", "dio_bio", "ENOLINK", dread), ("dio_write", "dio_bio", "EIO", dwrite),
    ("dio_write", "dio_end", "EREMOTEIO", dwrite), ("dio_read", "dio_end", "EILSEQ", dread),
    ("dio_read", "lookup", "EBADMSG", by_aio(machine.PREAD)), ("dio_read", "dio_bio", "ETIMEDOUT", by_aio(machine.PREAD)),
    ("dio_write", "dio_end", "EIO", by_aio(machine.PWRITE)), ("dio_write", "dio_begin", "EDQUOT", by_aio(machine.PWRITE)),
    ("seek_data", "lookup", "EIO", seek_data), ("seek_hole", "mapped", "EUCLEAN", seek_hole),
    ("fiemap", "lookup", "EIO", opened(fiemap)),
]
SWAP = [("swap_activate", "lookup", "EIO", swap), ("swap_activate", "mapped", "EUCLEAN", swap)]
BUFFERED = [
    ("write", "lookup", "EROFS", write), ("write", "mapped", "EUCLEAN", write), ("write", "step", "ENOMEM", write),
    ("zero", "lookup", "EIO", opened(punch)), ("zero", "step", "ENOMEM", opened(punch)),
    ("truncate", "lookup", "EUCLEAN", opened(cut)), ("unshare", "lookup", "ENOSPC", reflinked), ("unshare", "step", "EIO", reflinked),
    ("mkwrite", "lookup", "EIO", opened(store), -signal.SIGBUS),
]


def check(t, env, fs, op, step, error, act, seen=None):
    name = f"{fs.kind} {op} {step} {error}{' aio' if act in AIO else ''}"
    path = fs.file("victim", SIZE)
    good = act(path)
    observed = inject(env, "-f", path, "--op", op, "--step", step, "--errno", error, "--times", 1)
    got = act(path), act(path)
    observed.stop(sig=None)
    t.equal(got, (seen or named(error), good), f"{name}: it fails once, and works again", observed.stderr())
    t.ok(good >= 0, f"{name}: and worked before", good)
    t.equal((observed.status, [(e["op"], e["step"], e["error"], e["applied"], e["ignored"], e["rule"]) for e in observed.events]),
            (0, [(op, step, named(error), "error", "", 1)]), f"{name}: one line, and it stops by itself", observed.stderr())
    t.equal([r[1:] for r in rules(observed)], [(1, 0)], f"{name}: applied once", observed.text)
    tool.balanced(t, observed, name)


AIO = [row[3] for row in DIRECT[9:13]]


def check_bmap(t, env, fs):
    """FIBMAP has no way to tell of an error: it says block 0, as of a hole."""
    path = fs.file("mapped", SIZE)
    for step in ("lookup", "mapped"):
        name = f"{fs.kind} bmap {step}"
        good = opened(fibmap)(path)
        observed = inject(env, "-f", path, "--op", "bmap", "--step", step, "--errno", "EIO", "--times", 1)
        got = opened(fibmap)(path), opened(fibmap)(path)
        observed.stop(sig=None)
        t.equal((good > 0, got), (True, (0, good)), f"{name}: block 0 once, and then the right one")
        t.equal([(e["op"], e["step"], e["error"], e["applied"]) for e in observed.events], [("bmap", step, named("EIO"), "error")],
                f"{name}: one line")


def check_read(t, env):
    """Readahead that fails is tried again page by page; both fail, and the reader gets EIO."""
    path = env.xfs.file("cold", SIZE)
    observed = inject(env, "-f", path, "--op", "read,readahead", "--errno", "EIO")
    got = opened(cold_read)(path)
    observed.stop()
    t.equal((got, opened(cold_read)(path)), (named("EIO"), PAGE), "xfs read: fails with EIO while it is attached")
    t.equal({(e["op"], e["applied"]) for e in observed.events}, {("readahead", "error"), ("read", "error")}, "xfs read: both lookups",
            observed.events)
    tool.balanced(t, observed, "xfs read")


def check_release(t, env):
    """Only asked for where nothing was done on the mapping, as when it went stale."""
    path = env.xfs.file("released", SIZE)
    with open(env.workdir + "/policy", "w") as file:
        file.write(f"--stale --op write --times 1 -f {path}\n--errno EIO --step release --op write --times 1 -f {path}\n")
    observed = inject(env, "--policy", env.workdir + "/policy")
    got = write(path), write(path)
    observed.stop(sig=None)
    t.equal(got, (named("EIO"), PAGE), "xfs release: a stale mapping whose release fails fails the write")
    t.equal(done(observed), [("revalidate", "stale", ""), ("release", "error", "")], "xfs release: both steps")

    # After work was done its result is not looked at.
    observed = inject(env, "--errno", "EIO", "--step", "release", "--op", "write", "-f", path)
    got = write(path)
    observed.stop()
    t.equal((got, done(observed)), (PAGE, [("release", "", "error")]), "xfs release: after work it is ignored")
    t.equal(rules(observed), [(1, 0, 1)], "xfs release: and counted so")


def run(t, env):
    for row in BUFFERED:
        check(t, env, env.xfs, *row)
    for row in DIRECT:
        check(t, env, env.xfs, *row)
    for row in (DIRECT[0], DIRECT[1], DIRECT[4], DIRECT[6], DIRECT[7], DIRECT[11], DIRECT[13], DIRECT[15]):
        check(t, env, env.ext4, *row)
    for fs in (env.xfs, env.ext4):
        for row in SWAP:
            check(t, env, fs, *row)
        check_bmap(t, env, fs)
    check_read(t, env)
    check_release(t, env)
    check_clean(t, env.xfs)
    check_clean(t, env.ext4)
