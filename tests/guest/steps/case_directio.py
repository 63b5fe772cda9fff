# SPDX-License-Identifier: GPL-2.0
"""Direct I/O: its routes, and its reasons to do less; with libaio, io_uring and polling."""

import ctypes
import errno
import mmap
import os

import machine
from case_buffered import erofs_mounted
from machine import PAGE, dread, dwrite
from trace import Recorder, check, context_of, select

DISK = "/dev/nvme0n1"
BLOCK = 4096
REQUESTS = 16


def fio(path, *args):
    machine.command("fio", "--name=job", f"--filename={path}", "--size=1m", "--bs=4k", "--direct=1", "--iodepth=4",
                    f"--number_ios={REQUESTS}", "--norandommap", "--randrepeat=1", "--fallocate=none", "--thread",
                    "--output=/tmp/fio.out", *args)


def sizes(t, fs):
    """Plain requests and those that stop early, on XFS."""
    path = fs.path("file")
    fd = machine.direct(path)
    expected = []

    def expect(got, wanted, what):
        if got != wanted:
            expected.append(f"{what}: {got} instead of {wanted}")

    expect(dwrite(fd, 512, 512), 512, "a write of a part of a new block")
    expect(dwrite(fd, 65536, 65536), 65536, "a write")
    expect(dwrite(fd, BLOCK, 65536), BLOCK, "an overwrite")
    expect(dwrite(fd, BLOCK, 1 << 20), BLOCK, "a write behind the end")
    expect(dread(fd, 131072, 0), 131072, "a read over a hole")
    machine.fallocate(fd, 0, 2 << 20, 1 << 20)
    expect(dread(fd, BLOCK, 2 << 20), BLOCK, "a read of an unwritten extent")
    expect(dwrite(fd, 512, (2 << 20) + 1024), 512, "a write of a part of an unwritten block")
    expect(dread(fd, BLOCK, 64 << 20), 0, "a read behind the end")
    expect(dwrite(fd, BLOCK, 300 << 10, os.RWF_NOWAIT), -errno.EAGAIN, "a write into a hole without waiting")
    synced = machine.direct(path, os.O_RDWR | os.O_DSYNC)
    expect(dwrite(synced, BLOCK, 65536), BLOCK, "a synchronous overwrite")
    os.close(synced)
    synced = machine.direct(path, os.O_RDWR | os.O_SYNC)
    expect(dwrite(synced, BLOCK, 5 << 20), BLOCK, "a synchronous write behind the end")
    os.close(synced)
    short = machine.direct(fs.file("short", 5000))
    expect(dread(short, 8192, 0), 5000, "a read over the end")
    os.close(short)
    memory = mmap.mmap(-1, 8192)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    expect(machine.c_errno_of(machine.libc.pread, fd, address + 3, PAGE, 65536), -errno.EINVAL, "a buffer that is not aligned")
    # What the page cache has to do with it.
    cached = os.open(path, os.O_RDWR)
    os.pwrite(cached, b"y" * 8192, 65536)
    expect(dread(fd, BLOCK, 65536, os.RWF_NOWAIT), -errno.EAGAIN, "a read of what is dirty without waiting")
    # A write that finds that the file's time has to be set is refused before: not so if that was just done.
    for _ in range(20):
        os.pwrite(cached, b"y", 65536)
        expect(dwrite(fd, BLOCK, 65536, os.RWF_NOWAIT), -errno.EAGAIN, "a write to what is dirty without waiting")
    expect(dread(fd, BLOCK, 65536), BLOCK, "a read of what is dirty")
    os.pwrite(cached, b"y" * 8192, 65536)
    expect(dwrite(fd, BLOCK, 65536), BLOCK, "a write to what is dirty")
    os.close(cached)
    # Shared and unwritten extents, again and again.
    source = machine.direct(fs.file("source", 131072))
    copy = machine.direct(fs.path("copy"))
    machine.clone(copy, source)
    machine.fallocate(copy, 0, 131072, 131072)
    for pos in range(0, 262144, 32768):
        expect(dwrite(copy, 8192, pos), 8192, f"a write to a shared or unwritten extent at {pos}")
    for each in (fd, source, copy):
        os.close(each)
    t.ok(not expected, "every request has the result that it must have", "\n".join(expected))


def asynchronous(t, fs):
    path = fs.file("aio", 1 << 20)
    fd = machine.direct(path)
    context = machine.Aio()
    memory = machine.buffer(8 * BLOCK)
    context.submit(*[context.iocb(machine.PREAD, fd, i, memory, BLOCK, i * BLOCK) for i in range(8)])
    t.equal(sorted(context.events(8)), [(i, BLOCK) for i in range(8)], "libaio reads")
    context.submit(*[context.iocb(machine.PWRITE, fd, i, memory, BLOCK, (2 << 20) + i * BLOCK) for i in range(8)])
    t.equal(sorted(context.events(8)), [(i, BLOCK) for i in range(8)], "libaio writes")
    context.destroy()
    os.close(fd)
    fio(path, "--rw=randread", "--ioengine=io_uring")
    fio(path, "--rw=randwrite", "--ioengine=io_uring")
    fio(path, "--rw=randread", "--ioengine=io_uring", "--hipri")


def others(t, disk):
    """What XFS does not do: ext4 without extents, and btrfs, fall back; btrfs faults in; EROFS has inline data."""
    recorded = []
    fs = machine.Mounted("ext4", disk, "-O", "^extents,^64bit")
    with Recorder() as recorder, fs:
        fd = machine.direct(fs.hole("hole"))
        t.equal(dwrite(fd, BLOCK, 8192), BLOCK, "ext4: a write into a hole that falls back to buffered I/O")
        os.close(fd)
    recorded.append(recorder.events)
    fs = machine.Mounted("btrfs", disk)
    with Recorder() as recorder, fs:
        fd = os.open(fs.file("file", 1 << 20), os.O_RDWR | os.O_DIRECT)
        address = machine.anonymous(65536)
        t.equal(machine.libc.pread(fd, address, 0, 0), 0, "btrfs: a read of nothing")
        # Only the first page is there.
        machine.libc.madvise(address + PAGE, 65536 - PAGE, machine.MADV_DONTNEED)
        t.equal(machine.libc.pread(fd, address, 65536, 0), 65536, "btrfs: a read into memory that is to be faulted in")
        machine.libc.munmap(address, 65536)
        os.close(fd)
    recorded.append(recorder.events)
    with Recorder() as recorder, erofs_mounted(disk) as path:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        t.equal(dread(fd, 2 * PAGE, 0), PAGE + 100, "EROFS: a read of inline data")
        os.close(fd)
    recorded.append(recorder.events)
    return recorded


def facts(t, events, xfs):
    done = {}
    wrong = []
    for e in events:
        if e.name == "iomap_dio_begin":
            done[e.f["dio"]] = 0
        elif e.name == "iomap_dio_extent" and int(e.f["processed"]) > 0:
            done[e.f["dio"]] += int(e.f["processed"])
        elif e.name == "iomap_dio_submitted" and int(e.f["submitted"], 16) != done[e.f["dio"]]:
            wrong.append(e.text)
    t.ok(done and not wrong, "the extents of a request add up to what was submitted", "\n".join(wrong[:5]))
    for route, contexts in (("INLINE", "HS"), ("WORKQUEUE", "W"), ("WAITER", "P"), ("SUBMITTER", "P")):
        seen = {context_of(e) for e in select(events, "iomap_dio_complete_begin", route=route)}
        t.ok(seen <= set(contexts) | ({"P"} if route == "INLINE" else set()),
             f"route {route} completes in its context", seen)
    polled = [e for e in select(events, "iomap_dio_bio_submit", polled="1")]
    t.equal(len(polled), REQUESTS, "as many bios are polled as were asked for")
    zeroed = [(e.f["pos"], e.f["length"], e.f["tail"]) for e in select(xfs, "iomap_dio_zero")]
    t.equal(zeroed, [("0x0", "0x200", "0"), ("0x400", "0xc00", "1"), ("0x200000", "0x400", "0"), ("0x200600", "0xa00", "1")],
            "the rest of a new and of an unwritten block is zeroed")
    cow = [e for e in select(xfs, "iomap_dio_end_io", cow="1")]
    unwritten = [e for e in select(xfs, "iomap_dio_end_io", unwritten="1", cow="0")]
    t.equal((len(cow), len(unwritten) >= 4), (4, True), "->end_io is told of the copies and of unwritten extents")
    short = select(xfs, "iomap_dio_exit", reason="SHORT")
    t.equal([(e.f["pos"], e.f["length"]) for e in short], [("0x1388", f"{8192 - 5000:#x}")], "a read over the end is cut there")


def run(t):
    fs = machine.Mounted("xfs", DISK)
    with Recorder() as recorder, fs:
        sizes(t, fs)
        asynchronous(t, fs)
    everything = recorder.events
    check(t, recorder.events)
    for events in others(t, DISK):
        check(t, events)
        everything = everything + events
    facts(t, everything, recorder.events)
    return everything
