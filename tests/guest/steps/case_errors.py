# SPDX-License-Identifier: GPL-2.0
"""Faults: a device that fails, a file system that is full, one that has shut down. Every begin still has its end."""

import errno
import fcntl
import mmap
import os
import signal
import struct
import time

import machine
from machine import PAGE, dread, dwrite, errno_of
from trace import Background, Recorder, check, select

EIO = -errno.EIO
GOING_DOWN = 0x8004587D     # XFS_IOC_GOINGDOWN
NO_LOG_FLUSH = 2


def device_fails(t, disk):
    """First under what is only read, then under what is written."""
    with machine.Mounted("xfs", disk.path) as fs:
        path = fs.file("file", 8 << 20)
        for name in ("dirty", "bmap", "direct"):
            fs.file(name, 65536)
        machine.drop_caches()
        cached = {name: fs.open(name) for name in ("file", "dirty", "bmap", "direct")}
        fd = machine.direct(path)
        direct = machine.direct(fs.path("direct"))
        memory = machine.buffer(16 * PAGE)
        for each in cached.values():            # the inodes are in memory, and one page of each
            os.pread(each, 10, 0)
        dread(fd, PAGE, 0)
        os.pwrite(cached["direct"], b"d" * PAGE, 16384)
        os.pwrite(cached["bmap"], b"b" * PAGE, 0)
        os.pwrite(cached["dirty"], b"w" * PAGE, 0)
        disk.load("error")
        t.equal((errno_of(os.pread, cached["file"], PAGE, 1 << 20), errno_of(os.pwrite, cached["file"], b"x", 3 << 20)),
                (EIO, EIO), "a buffered read, and a write to a part of a block, fail")
        # Pages that do not follow each other: more than one bio can take.
        pages = [memoryview(memory)[pos:pos + PAGE] for pos in (0, 2 * PAGE)] * 200
        t.equal((dread(fd, PAGE, 65536), errno_of(os.preadv, fd, pages, 0)), (EIO, EIO), "direct reads fail")
        context = machine.Aio()
        context.submit(*[context.iocb(machine.PREAD, fd, i, memory, PAGE, i * PAGE) for i in range(4)])
        t.equal({res for _, res in context.events(4)}, {EIO}, "libaio reads fail")
        t.ok(dwrite(direct, PAGE, 16384) in (EIO, PAGE), "a direct write whose page cache cannot be written falls back")
        context.submit(*[context.iocb(machine.PWRITE, fd, i, memory, PAGE, i * PAGE) for i in range(4)])
        t.equal({res for _, res in context.events(4)}, {EIO}, "libaio writes fail")
        context.destroy()
        request = bytearray(struct.pack("i", 0))
        errno_of(fcntl.ioctl, cached["bmap"], machine.FIBMAP, request)
        t.equal(struct.unpack("i", request)[0], 0, "FIBMAP of what cannot be written says nothing")
        t.equal(errno_of(os.fsync, cached["dirty"]), EIO, "writeback fails")
        for each in (*cached.values(), fd, direct):
            os.close(each)
        disk.load("linear {device} 0")


def shut_down(t, disk):
    with machine.Mounted("xfs", disk.path) as fs:
        fd = fs.open("file")
        os.pwrite(fd, b"s" * 65536, 0)
        fcntl.ioctl(fd, GOING_DOWN, struct.pack("I", NO_LOG_FLUSH))
        t.equal(errno_of(os.fsync, fd), EIO, "writeback of a file system that has shut down fails")
        os.close(fd)


def truncated(t, disk):
    """A write fault that waits for a truncation, which waits for direct I/O: the page is gone when it gets there."""
    with machine.Mounted("xfs", disk.path) as fs:
        path = fs.file("file", 65536)
        fd, direct = os.open(path, os.O_RDWR), machine.direct(path)
        pages = mmap.mmap(fd, 65536)
        context = machine.Aio()
        memory = machine.buffer(PAGE)
        os.pread(fd, 65536, 0)
        disk.load("delay {device} 0 400")
        context.submit(context.iocb(machine.PREAD, direct, 1, memory, PAGE))
        truncation = Background(os.ftruncate, fd, 0)
        time.sleep(0.1)
        child = os.fork()
        if not child:
            pages[32768] = 1
            os._exit(0)
        t.equal(os.waitpid(child, 0)[1] & 0x7F, signal.SIGBUS, "a write fault behind a truncation ends with SIGBUS")
        truncation.finish()
        context.events(1)
        context.destroy()
        disk.load("linear {device} 0")
        pages.close()
        os.close(fd)
        os.close(direct)


def full(t, disk):
    with machine.Mounted("xfs", disk.path) as fs:
        fd = fs.open("file")
        status = os.fstatvfs(fd)
        machine.fallocate(fd, machine.KEEP_SIZE, 0, (status.f_bavail - 64) * status.f_bsize)
        other = fs.open("other")
        got = errno_of(os.pwrite, other, b"o" * (1 << 20), 0)
        while got > 0:
            os.fsync(other)
            got = errno_of(os.pwrite, other, b"o" * (1 << 20), os.fstat(other).st_size)
        t.equal(got, -errno.ENOSPC, "a buffered write to a full file system fails")
        direct = machine.direct(fs.path("direct"))
        t.equal(dwrite(direct, 1 << 20, 0), -errno.ENOSPC, "and so does a direct one")
        for each in (fd, other, direct):
            os.close(each)


def run(t):
    disk = machine.Mapped("faulty", "/dev/vda")
    with Recorder() as recorder:
        device_fails(t, disk)
        shut_down(t, disk)
        full(t, disk)
        truncated(t, disk)
    disk.remove()
    events = recorder.events
    check(t, events)

    def errors(name, field="error", **fields):
        return {int(e.f[field]) for e in select(events, name, **fields)}

    t.equal((EIO in errors("iomap_read_end_io"), EIO in errors("iomap_finish_folio_read"),
             errors("iomap_read_folio_end", "uptodate") >= {0, 1}), (True, True, True), "a read that fails says so, bio and folio")
    t.equal(errors("iomap_write_failed", "ret"), {EIO}, "the write to a part of a block fails with what the read failed with")
    t.ok(EIO in errors("iomap_dio_bio_end") and EIO in errors("iomap_dio_end", "ret"), "so do direct I/O's bios and requests")
    lookups = errors("iomap_writeback_lookup", "ret")
    t.ok(EIO in errors("iomap_ioend_finish") and EIO in lookups, "and ioends and ->map_blocks")
    t.equal(errors("iomap_writeback_discard"), {EIO}, "a folio that cannot be mapped is discarded")
    faults = errors("iomap_mkwrite_lock", "ret"), errors("iomap_mkwrite_end", "ret")
    t.equal(faults, ({-errno.EFAULT}, {-errno.EFAULT}), "the fault finds the page truncated")
    nospace = {e.f["op"] for e in select(events, "iomap_op_end", ret=str(-errno.ENOSPC))}
    t.ok({"WRITE", "DIO_WRITE"} <= nospace, "operations end with -ENOSPC", nospace)
    exits = {int(e.f["ret"]) for e in select(events, "iomap_dio_exit", reason="ERROR")}
    t.ok(-errno.ENOSPC in exits, "and so does the direct I/O request", exits)
    t.ok({e.f["ret"] for e in select(events, "iomap_dio_invalidate")} >= {str(EIO)} and
         select(events, "iomap_dio_exit", reason="INVALIDATE", ret=str(-errno.ENOTBLK)),
         "page cache that cannot be written back is why",
         [e.text for e in events if e.name in ("iomap_dio_invalidate", "iomap_dio_exit")])
    return events
