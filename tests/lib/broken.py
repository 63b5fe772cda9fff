# SPDX-License-Identifier: GPL-2.0
"""The smallest work that comes to where tests/kernel/broken.patch breaks a rule.

A seed is what is prepared once, and an act that can be repeated: it prepares, calls arm(), and does the one thing.
"""

import contextlib
import errno
import os
import sys
import time

import storage
import tool

sys.path[1:1] = [os.path.join(tool.TOP, "tests", "guest", room) for room in ("steps", "lib")]
import machine    # noqa: E402
from kernel_log import OFFENCES, STAMP    # noqa: E402
from machine import HUGE, PAGE, Aio, buffer, dread, dwrite, errno_of, opened    # noqa: E402

BROKEN = "/sys/kernel/debug/iomap_broken"
RWF_NOWAIT = 8
SEEN = "broken: seen up to here"
SIZE = 65536
LEG = 8 << 11       # sectors


def left(rule, number=None):
    """How many of the next occasions break the rule; sets that if a number is given."""
    path = os.path.join(BROKEN, rule)
    if number is not None:
        with open(path, "w") as file:
            file.write(str(number))
    with open(path) as file:
        return int(file.read())


def warnings():
    """What the kernel has complained of since the last time; it will do so again, even of what it tells once."""
    with open("/sys/kernel/debug/clear_warn_once", "w") as file:
        file.write("1")
    lines = [STAMP.sub("", line) for line in storage.command("dmesg").splitlines()]
    with open("/dev/kmsg", "w") as log:
        log.write(f"{SEEN}\n")
    begin = max((at for at, line in enumerate(lines) if line.endswith(SEEN)), default=-1) + 1
    return [line for line in lines[begin:] if OFFENCES.search(line)]


class Seed:
    """One way, or two, to break a rule.

    ways: how many occasions the act has for it, which is what is armed.
    faults: of each violation (fault, position, length), in their order; None for what is not for the act to decide.
    seen: what the act returns when the rule is broken, and when it is not; what is seen from outside.
    warns: how many warnings the kernel prints.
    function: one that is in the kernel stack of each violation, None if it is found in whatever was interrupted.
    event: what fires more often, where the events are all that is broken; more: how much, once for each way if not given.
    quiet: nothing but a checker can see it.
    """

    def __init__(self, rule, act, path, faults, seen, good, warns=0, function=None, event=None, more=None, quiet=False):
        self.rule, self.act, self.path, self.faults = rule, act, path, faults
        self.seen, self.good, self.warns, self.function = seen, good, warns, function
        self.ways, self.event, self.quiet = len(faults), event, quiet
        self.more = more or self.ways

    def __str__(self):
        return f"{self.rule} ({', '.join(fault for fault, *_ in self.faults)})"

    def broken(self):
        """Does it with the rule armed."""
        return self.act(lambda: left(self.rule, self.ways))

    def unbroken(self):
        return self.act(lambda: None)

    @property
    def inode(self):
        return os.stat(self.path).st_ino if self.path else None


def cold(fd):
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def seek_data(path, times=1):
    def act(arm):
        arm()
        with opened(path) as fd:
            return [errno_of(os.lseek, fd, 0, os.SEEK_DATA) for _ in range(times)]
    return act


def seek_hole(path):
    def act(arm):
        arm()
        with opened(path) as fd:
            return errno_of(os.lseek, fd, 0, os.SEEK_HOLE)
    return act


def write(path, times=1):
    """Into the page cache, over what is there."""
    def act(arm):
        with opened(path) as fd:
            cold(fd)
            arm()
            return [errno_of(os.pwrite, fd, b"w" * PAGE, n * PAGE) for n in range(times)]
    return act


def nowait(path, again=False):
    """A direct read that must not wait, and another that may."""
    def act(arm):
        with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
            arm()
            got = dread(fd, PAGE, PAGE, RWF_NOWAIT)
            return (got, dread(fd, PAGE, PAGE)) if again else got
    return act


def nowait_refused(path):
    """What cannot be done without waiting, and is refused as it should be."""
    with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
        for _ in range(20):
            # Refused before the lookup, too, but in the tick in which the file's time was set.
            dwrite(fd, PAGE, 16 * PAGE)
            if dwrite(fd, PAGE, 0, RWF_NOWAIT) != -errno.EAGAIN:
                raise AssertionError("allocated without waiting")


def overwrite(path, times):
    """Of two sectors in a block, and what is then before them in the block."""
    def act(arm):
        with opened(path) as fd:
            os.pwrite(fd, b"d" * SIZE, 0)
            cold(fd)
        with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
            arm()
            got = [dwrite(fd, 1024, n * PAGE + 512) for n in range(times)]
        with opened(path) as fd:
            return got, [os.pread(fd, 1, n * PAGE) for n in range(times)]
    return act


def other_type(path):
    """Writes back a block that is written, and one behind it that is only allocated; what the second then holds."""
    def act(arm):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with opened(path) as fd:
            machine.fallocate(fd, 0, 0, SIZE)
            os.pwrite(fd, b"1" * PAGE, 0)
            os.fsync(fd)
            os.pwrite(fd, b"2" * 2 * PAGE, 0)
            arm()
            cold(fd)
            return os.pread(fd, 1, 0), os.pread(fd, 1, PAGE)
    return act


def behind_gap(path):
    """Two allocated blocks with one between them, whose writeback completes together, sooner or later."""
    def act(arm):
        arm()
        for _ in range(50):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            with opened(path) as fd:
                machine.fallocate(fd, 0, 0, SIZE)
                os.pwrite(fd, b"1" * PAGE, 0)
                os.pwrite(fd, b"2" * PAGE, 2 * PAGE)
                cold(fd)
                got = os.pread(fd, 1, 0), os.pread(fd, 1, 2 * PAGE)
            if not left("ioend-merge"):
                break
        return got
    return act


def sync(path):
    def act(arm):
        with opened(path) as fd:
            os.fsync(fd)
            os.pwrite(fd, b"w" * PAGE, 0)
            arm()
            return errno_of(os.fsync, fd)
    return act


def direct_read(path, times=1):
    def act(arm):
        with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
            arm()
            return [dread(fd, PAGE, n * PAGE) for n in range(times)]
    return act


def early(fs):
    """Whether a direct read has returned before its device, which is slow, can have answered; waits until it has."""
    path = fs.path("early")

    def act(arm):
        with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
            arm()
            begin = time.monotonic()
            got = dread(fd, PAGE, 0)
            took = time.monotonic() - begin
            time.sleep(2 * fs.milliseconds / 1000)
            return got, took < fs.milliseconds / 2000
    return act


def huge(path, size):
    """Reads a page of a mapping of 2 MiB, of which so many bytes are written; the signal that it ends with."""
    def act(arm):
        # Pages that a fault has left behind are in the way of a huge page.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        with opened(path) as fd:
            # A write would be of zeros as far as it has to be aligned.
            machine.fallocate(fd, 0, 0, HUGE)
            os.pwrite(fd, b"d" * size, 0)
            os.fsync(fd)
            mapping = machine.Mapping(fd, HUGE)
            arm()
            killed = mapping.refused(mapping.read)
            mapping.unmap()
            return killed
    return act


def aio_read(path, flags):
    """From the page cache it is not queued; direct, from a device that is slow, it is."""
    def act(arm):
        with opened(path, os.O_RDWR | flags) as fd:
            os.posix_fadvise(fd, 0, PAGE, os.POSIX_FADV_DONTNEED if flags else os.POSIX_FADV_WILLNEED)
            aio, memory = Aio(), buffer(PAGE)
            arm()
            submitted = aio.submit(aio.iocb(machine.PREAD, fd, 7, memory, PAGE, 0))
            got = aio.events(1)
            aio.destroy()
            return submitted, got
    return act


def to_mirror(loop):
    """One write to a mirror, with a region on each leg. A new mirror each time: once it has seen an error it does not write to both."""
    name = f"broken-{os.getpid()}"

    def act(arm):
        storage.command("dmsetup", "create", name, "--table", f"0 {LEG} mirror core 2 1024 nosync 2 {loop} 0 {loop} {LEG}")
        fd = os.open(f"/dev/mapper/{name}", os.O_RDWR | os.O_DIRECT)
        arm()
        got = dwrite(fd, PAGE, 0)
        os.close(fd)
        storage.command("dmsetup", "remove", "--retry", name)
        return got
    return act


@contextlib.contextmanager
def looped(path, size):
    with open(path, "wb") as file:
        file.truncate(size)
    loop = storage.command("losetup", "--find", "--show", path).strip()
    try:
        yield loop
    finally:
        storage.command("losetup", "-d", loop)
        os.unlink(path)


@contextlib.contextmanager
def seeds(env):
    """All of them, with the file systems that they need."""
    file, fresh = env.xfs.file("seeds", SIZE), env.xfs.path("fresh")
    with storage.Delayed(env, 300) as slow, looped(env.ext4.path("legs"), 2 * LEG * 512) as legs, \
            machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always",
                            where="dax") as dax:
        with opened(slow.path("early")) as fd:
            os.pwrite(fd, b"d" * PAGE, 0)
            os.fsync(fd)
        slow.slow()
        page = dax.path("huge")
        buffered, direct = "iomap_file_buffered_write", "__iomap_dio_rw"
        yield [
            Seed("lookup-covers", seek_data(file), file, [("begins-later", 0, SIZE)], [0], [0], warns=1, function="iomap_seek_data"),
            Seed("lookup-covers", seek_data(file, 2), file, [("empty", 0, SIZE), ("begins-later", 0, SIZE)], [0, 0], [0, 0],
                 warns=3, function="iomap_seek_data"),
            Seed("lookup-release", write(file, 2), file, [("released-again", 0, PAGE), ("not-released", PAGE, PAGE)], [PAGE, PAGE],
                 [PAGE, PAGE], function=buffered, quiet=True),
            Seed("step-length", seek_hole(file), file, [("processed-too-much", 0, SIZE)], -errno.EIO, SIZE, warns=1,
                 function="iomap_seek_hole"),
            Seed("step-length", write(file), file, [("written-too-much", 0, PAGE)], [PAGE], [PAGE], function=buffered, quiet=True),
            Seed("nowait-sleep", nowait(file), file, [("slept", PAGE, PAGE)], PAGE, PAGE, function=direct, quiet=True),
            Seed("nowait-again", nowait(file, again=True), file, [("other-error", PAGE, PAGE)], (-errno.EIO, PAGE), (PAGE, PAGE),
                 function=direct),
            Seed("stale-returned", seek_data(file), file, [("marked-stale", 0, SIZE)], [0], [0], warns=1, function="iomap_seek_data"),
            Seed("stale-returned", write(file), file, [("worked-on-stale", 0, PAGE)], [PAGE], [PAGE], function=buffered,
                 event="iomap_stale"),
            Seed("overwrite-only", overwrite(file, 2), file, [("allocated", 512, 1024), ("range-not-covered", PAGE + 512, 1024)],
                 ([1024, 1024], [b"\0", b"d"]), ([1024, 1024], [b"d", b"d"]), function=direct),
            Seed("ioend-merge", other_type(fresh), fresh, [("other-type", PAGE, PAGE)], (b"2", b"\0"), (b"2", b"2")),
            Seed("ioend-merge", behind_gap(fresh), fresh, [("file-gap", 2 * PAGE, PAGE)], (b"1", b"\0"), (b"1", b"2")),
            Seed("folio-writeback-once", sync(file), file, [("ended-again", 0, None)], None, None,
                 event="iomap_folio_writeback_end"),
            Seed("dio-result", direct_read(file, 2), file, [("fallback-of-read", 0, PAGE), ("more-than-asked", PAGE, PAGE)],
                 [-errno.ENOTBLK, PAGE + 1], [PAGE, PAGE]),
            Seed("dio-complete-once", direct_read(file, 2), file, [("returned-again", 0, PAGE), ("completed-again", PAGE, PAGE)],
                 [PAGE, PAGE], [PAGE, PAGE], event="iomap_dio_end", more=1),
            Seed("dio-after-bios", early(slow), slow.path("early"), [("before-bios", 0, PAGE)], (PAGE, True), (PAGE, False)),
            Seed("dax-pmd-aligned", huge(page, HUGE), page, [("memory-unaligned", 0, HUGE)], 0, 0, function="dax_iomap_fault",
                 quiet=True),
            Seed("dax-pmd-aligned", huge(page, HUGE // 2), page, [("page-not-covered", 0, HUGE)], 0, 0, function="dax_iomap_fault",
                 event="dax_pmd_insert_mapping"),
            Seed("kiocb-complete", aio_read(file, 0), file, [("not-queued", 0, PAGE)], (1, [(7, PAGE)]), (1, [(7, PAGE)]),
                 event="aio_iocb_complete"),
            Seed("kiocb-complete", aio_read(slow.path("early"), os.O_DIRECT), slow.path("early"), [("called-again", 0, PAGE)],
                 (1, [(7, PAGE)]), (1, [(7, PAGE)]), event="aio_iocb_complete"),
            Seed("dmio-notify", to_mirror(legs), None, [("notified-again", None, None)], PAGE, PAGE, event="dm_io_notify"),
            Seed("dmio-error-bits", to_mirror(legs), None, [("bits-beyond", None, None)], PAGE, PAGE, quiet=True),
        ]
