# SPDX-License-Identifier: GPL-2.0
"""fsdax on pmem: faults of each size and why they fall back, copies, poison, synchronous faults, deduplication, writeback."""

import errno
import fcntl
import os
import signal
import struct

import machine
from machine import HUGE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE, MAP_SYNC, PAGE, Mapping
from trace import Recorder, Watch, check, select, wait_for

DISK = "/dev/pmem0"
GIANT = 1 << 30


def file(fs, name, size=0, allocated=0):
    fd = fs.open(name)
    if allocated:
        machine.fallocate(fd, 0, 0, allocated)
    if size:
        os.ftruncate(fd, size)
    return fd


def plain(t, fs):
    fd = file(fs, "rw")
    os.pwrite(fd, b"x" * 8192, 0)
    os.pwrite(fd, b"x" * 100, 100000)
    t.equal(os.pread(fd, 8192, 0) + os.pread(fd, PAGE, 40960), b"x" * 8192 + bytes(PAGE), "read() of data and of a hole")
    m = Mapping(fd, 65536)
    m.write()
    m.read(4096)
    m.read(45056)
    m.write(45056)
    os.fsync(fd)
    private = Mapping(fd, 131072, MAP_PRIVATE)
    private.write()
    private.write(49152)
    m.unmap()
    private.unmap()
    os.close(fd)
    fd = file(fs, "pmd", 4 * HUGE, 4 * HUGE)
    m = Mapping(fd, 4 * HUGE)
    m.write()
    m.read(HUGE)
    os.fsync(fd)
    m.unmap()
    os.close(fd)
    # The huge page of zeroes, which gives way to a small one.
    fd = file(fs, "hole", 4 * HUGE)
    m = Mapping(fd, 4 * HUGE)
    m.read()
    small = Mapping(fd, PAGE)
    small.write()
    small.unmap()
    m.unmap()
    os.close(fd)


def fallbacks(t, fs):
    """One after the other; returns the reasons expected, in order."""
    def touch(fd, size, flags=MAP_SHARED, at=0, write=False, **where):
        m = Mapping(fd, size, flags, **where)
        (m.write if write else m.read)(at)
        m.unmap()

    expected = []
    fd = file(fs, "pmd")
    touch(fd, 2 * HUGE, offset=PAGE)
    expected.append("COLOUR")
    touch(fd, 2 * HUGE, MAP_PRIVATE, write=True)
    expected.append("PRIVATE")
    touch(fd, 2 * HUGE, pos=8192, offset=8192)
    expected.append("VMA_START")
    touch(fd, HUGE - PAGE)
    expected.append("VMA_END")
    os.close(fd)
    fd = file(fs, "eof", HUGE // 2, HUGE // 2)
    touch(fd, HUGE)
    expected.append("EOF")
    os.close(fd)
    fd = file(fs, "conflict", 2 * HUGE)
    touch(fd, PAGE)             # a mapping that is too small leaves a small entry
    expected.append("VMA_END")
    touch(fd, HUGE, at=8192)
    expected.append("CONFLICT")
    os.close(fd)
    fd = file(fs, "extent", 2 * HUGE)
    os.pwrite(fd, b"x" * PAGE, 0)
    touch(fd, HUGE, at=8192)
    expected.append("EXTENT")
    os.close(fd)
    for name in ("padding", "unaligned"):
        fd = file(fs, name, PAGE, PAGE)
        if name == "unaligned":
            machine.fallocate(fd, 0, 0, 4 * HUGE)
            touch(fd, 4 * HUGE, write=True, at=HUGE)
            expected.append("UNALIGNED")
        os.close(fd)
    fd = file(fs, "giant", 2 * GIANT)
    touch(fd, 2 * GIANT, align=GIANT)
    expected.append("ORDER")
    os.close(fd)
    return expected


def synchronous(fs):
    for name, size, allocated in (("sync", 16384, 0), ("sync-pmd", 2 * HUGE, 2 * HUGE)):
        fd = file(fs, name, size, allocated)
        m = Mapping(fd, size, MAP_SHARED_VALIDATE | MAP_SYNC)
        m.write()
        m.unmap()
        os.close(fd)


def shared(t, fs):
    """Zeroing, copies on write, comparison, unsharing."""
    fd = file(fs, "zero")
    os.pwrite(fd, b"x" * 65536, 0)
    machine.fallocate(fd, machine.ZERO_RANGE, 100, 20000)
    machine.fallocate(fd, machine.PUNCH_HOLE | machine.KEEP_SIZE, 30000, 10000)
    for size in (50001, 200001, 200000):
        os.ftruncate(fd, size)
    os.close(fd)
    source, copy = file(fs, "source"), file(fs, "copy")
    os.pwrite(source, b"x" * 65536, 0)
    machine.clone(copy, source)
    os.pwrite(copy, b"y", 100)
    os.pwrite(copy, b"x" * PAGE, 8192)
    m = Mapping(copy, 65536)
    m.write(16384)
    m.unmap()
    machine.fallocate(copy, machine.PUNCH_HOLE | machine.KEEP_SIZE, 20500, 100)

    def same(pos):
        request = bytearray(struct.pack("=QQHHLqQQlL", pos, 32768, 1, 0, 0, copy, pos, 0, 0, 0))
        fcntl.ioctl(source, machine.FIDEDUPERANGE, request)
        return struct.unpack("=QQHHLqQQlL", request)[-2]
    t.equal((same(32768), same(0)), (0, 1), "ranges that are the same, and that differ")
    machine.fallocate(copy, machine.UNSHARE_RANGE, 0, 65536)
    os.close(source)
    os.close(copy)


def poison(fs, name, size, at):
    """A file with one bad block: its descriptor."""
    fd = file(fs, name, size, size)
    os.pwrite(fd, b"p" * size, 0)
    os.fsync(fd)
    request = bytearray(struct.pack("=QQLLLL", 0, (1 << 64) - 1, 0, 0, 1, 0) + bytes(56))
    fcntl.ioctl(fd, machine.FIEMAP, request)
    physical = struct.unpack_from("=QQQ", request, 32)[1]
    with open("/sys/block/pmem0/badblocks", "w") as bad:
        bad.write(f"{(physical + at) >> 9} 8")
    return fd


def poisoned(t, fs):
    fd = poison(fs, "poison", 65536, PAGE)
    t.equal(machine.errno_of(os.pread, fd, PAGE, PAGE), -errno.EIO, "poison is not read")
    t.equal(os.pwrite(fd, b"r" * PAGE, PAGE), PAGE, "a write recovers")
    os.close(fd)
    fd = poison(fs, "poison-pmd", 2 * HUGE, 0)
    m = Mapping(fd, 2 * HUGE)
    t.equal(m.refused(m.read, PAGE), 0, "next to poison, in a small page")
    t.equal(m.refused(m.read, 0), signal.SIGBUS, "on poison, SIGBUS")
    m.unmap()
    os.close(fd)


def nospace(t, fs):
    fd = file(fs, "nospace", 2 * HUGE)
    fill = file(fs, "fill")
    step = 64 << 20
    size = 0
    while step >= PAGE:
        try:
            machine.fallocate(fill, 0, size, step)
            size += step
        except OSError:
            step //= 4
    m = Mapping(fd, 2 * HUGE)
    t.equal(m.refused(m.write, 0), signal.SIGBUS, "no space for a fault: SIGBUS")
    m.unmap()
    os.close(fd)
    os.close(fill)


def waits(fs):
    """One process writes to a huge page, another one flushes it, until one has waited for the other."""
    fd = file(fs, "race", 2 * HUGE, 2 * HUGE)
    child = os.fork()
    if not child:
        m = Mapping(fd, HUGE)
        while True:
            for at in range(0, HUGE, PAGE):
                m.write(at)
    try:
        with Watch("dax_entry_wait") as watch:
            wait_for(lambda: [os.fdatasync(fd) for _ in range(20)] and watch.count(), "a wait for the lock of an entry")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(fd)


def facts(t, events, fallen):
    reasons = [e.f["reason"] for e in select(events, "dax_fault_fallback")]
    fell = len([e for e in select(events, "dax_iomap_fault") if "FALLBACK" in e.f["result"]])
    t.equal(len(reasons), fell, "each fault that falls back says why, once")
    # In this order; faults of the cases before and after stand around them.
    first = reasons.index(fallen[0]) if fallen[0] in reasons else 0
    t.equal(reasons[first:first + len(fallen)], fallen, "the reasons are those of the mappings", reasons)
    steps = sum(max(int(e.f["processed"]), 0) for e in events if e.name == "iomap_step" and e.f["op"] in ("DAX_READ", "DAX_WRITE"))
    copied = sum(int(e.f["copied"], 16) for e in select(events, "dax_rw_copy"))
    t.equal(copied, steps, "what is copied is what the operations moved")
    bad = [e for e in select(events, "dax_rw_access") if int(e.f["ret"]) < 0]
    t.ok(bad and {e.f["ret"] for e in bad} <= {"-133", str(-errno.EIO)}, "poison (EHWPOISON) is told by the device",
         [e.text for e in bad])
    same = [e.f["same"] for e in select(events, "dax_range_compare")]
    t.ok(set(same) == {"0", "1"}, "the comparisons have their results", same)
    t.ok({e.f["error"] for e in select(events, "dax_sync_fault_done")} == {"0"}, "the syncs of faults work")
    lookups = [e.f["error"] for e in select(events, "dax_fault_fallback", reason="LOOKUP")]
    t.equal(set(lookups), {str(-errno.ENOSPC)}, "a lookup that fails says with what")


def run(t):
    fs = machine.Mounted("xfs", DISK, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always")
    with Recorder() as recorder, fs:
        plain(t, fs)
        fallen = fallbacks(t, fs)
        synchronous(fs)
        shared(t, fs)
        poisoned(t, fs)
        waits(fs)
        nospace(t, fs)
    check(t, recorder.events)
    facts(t, recorder.events, fallen)
    return recorder.events
