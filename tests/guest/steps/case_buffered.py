# SPDX-License-Identifier: GPL-2.0
"""Buffered reads and writes, write faults, zeroing, truncation and unsharing, on blocks of 4 KiB and of 1 KiB."""

import contextlib
import errno
import mmap
import os
import time

import machine
from machine import PAGE
from trace import Background, Recorder, check, select

INLINE = b"i" * (PAGE + 100)


def reads(t, fs):
    """Readahead of a file in one piece and of one in many, of a hole, of one page; returns the expected bytes by inode."""
    whole = fs.file("whole", 1 << 20)
    many = fs.open("many")
    for pos in list(range(0, 64 << 10, 8192)) + list(range(4096, 64 << 10, 8192)):
        os.pwrite(many, b"x" * PAGE, pos)
        os.fsync(many)
    os.close(many)
    hole = fs.hole("hole", 100000)
    large = fs.file("large", 2 << 20)
    machine.drop_caches()
    expected = {}
    for path in (whole, fs.path("many"), hole):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
            status = os.fstat(file.fileno())
            expected[f"{status.st_ino:#x}"] = status.st_size
    # By pages, which lie in memory so that none continues the one before: more than a bio can take.
    bdi = f"/sys/dev/block/{fs.dev}/bdi/read_ahead_kb"
    with open(bdi) as file:
        before = file.read()
    with open(bdi, "w") as file:
        file.write("4096")
    with machine.Scattered():
        fd = os.open(large, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 2 << 20, os.POSIX_FADV_WILLNEED)
        os.pread(fd, 1, (2 << 20) - 1)
    os.close(fd)
    with open(bdi, "w") as file:
        file.write(before)
    # One page without readahead, which is still an operation of its own.
    fd = os.open(whole, os.O_RDWR)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    os.pread(fd, 100, 5000)
    memory = mmap.mmap(fd, 1 << 20)
    memory.madvise(mmap.MADV_RANDOM)
    _ = memory[300000]
    memory.close()
    os.close(fd)
    return expected


def writes(fs):
    fd = fs.open("whole")
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.pwrite(fd, b"z" * 100, 700100)               # a part of a block, which must be read
    os.pwrite(fd, b"z" * 5000, 800100)              # and of two
    os.pwrite(fd, b"A" * 9000, 1 << 20)             # appended
    os.pwrite(fd, b"B" * 100, (1 << 20) + 40000)    # beyond the end
    memory = mmap.mmap(fd, 1 << 20)
    memory[8192] = 65
    memory[70000] = 66
    os.fsync(fd)
    memory[8192] = 67
    memory.close()
    os.close(fd)
    # A large folio, of which a part is written, made invalid, and cut off while it is dirty.
    fd = fs.open("big")
    os.pwrite(fd, b"b" * (1 << 20), 0)
    os.pwrite(fd, b"c" * PAGE, 65536)
    os.ftruncate(fd, 300001)
    os.fsync(fd)
    machine.fallocate(fd, machine.ZERO_RANGE, 1000, 5000)
    machine.fallocate(fd, machine.PUNCH_HOLE | machine.KEEP_SIZE, 20000, 30001)
    os.close(fd)
    # Zeroing over dirty page cache, and over none, of what was never written.
    fd = fs.open("unwritten")
    machine.fallocate(fd, 0, 0, 1 << 20)
    os.pwrite(fd, b"u" * 100, 8192)
    os.pwrite(fd, b"u" * 1024, 65536)               # on blocks of 1 KiB: one of a page's, and all of it
    machine.fallocate(fd, machine.ZERO_RANGE | machine.KEEP_SIZE, 8200, 20)
    machine.fallocate(fd, machine.ZERO_RANGE | machine.KEEP_SIZE, 500000, 20)
    os.close(fd)
    fd = fs.open("flushed")
    machine.fallocate(fd, machine.KEEP_SIZE, 0, 65536)
    os.pwrite(fd, b"s" * 100, 0)
    os.ftruncate(fd, 8192)
    os.close(fd)


def unshare(fs):
    source = fs.file("source", 65536)
    fd, shared = os.open(source, os.O_RDWR), fs.open("shared")
    machine.clone(shared, fd)
    machine.fallocate(shared, machine.UNSHARE_RANGE, 0, 32768)
    machine.fallocate(shared, machine.UNSHARE_RANGE, 0, 32768)
    os.pwrite(shared, b"w" * 777, 40001)
    os.close(shared)
    os.close(fd)


def failures(t, fs):
    """Writes whose source cannot be read from some page on."""
    address = machine.anonymous(1 << 20)
    machine.libc.mprotect(address + 65536, 1 << 19, machine.PROT_NONE)
    fd = fs.open("short")
    short = machine.libc.pwrite(fd, address + 65536 - 1000, 30000, 5000)
    t.equal(short, 1000, "a write whose source ends early is short")
    # Into a new folio of several pages, where a short copy cannot be accepted.
    t.equal(machine.libc.pwrite(fd, address + 65536 - 1000, 30000, 65536), 1000, "after another try where it must")
    t.equal(machine.c_errno_of(machine.libc.pwrite, fd, address + 65536, 3000, 200000), -errno.EFAULT,
            "and fails if there is no source at all")
    # Around clean and dirty page cache: what is given back has both.
    os.ftruncate(fd, 2 << 20)
    os.pread(fd, 262144, 1 << 20)
    os.pwrite(fd, b"d" * 1024, (1 << 20) + 131072 + 1024)
    machine.libc.pwrite(fd, address + 65536 - 1000, 300000, (1 << 20) + 4096)
    os.close(fd)
    machine.libc.munmap(address, 1 << 20)


def stale(t, fs, slow):
    """A mapping goes stale while the source is faulted in from a slow disk: writeback allocates meanwhile."""
    with machine.Mounted("ext4", slow.path) as source:
        path = source.file("source", 65536)
        machine.drop_caches()
        fd, target = os.open(path, os.O_RDONLY), fs.open("stale")
        address = machine.libc.mmap(None, 65536, machine.PROT_READ, machine.MAP_SHARED, fd, 0)
        os.pwrite(target, b"t" * PAGE, 1 << 20)
        slow.load("delay {device} 0 400")
        writer = Background(machine.libc.pwrite, target, address, PAGE, 4 << 20)
        time.sleep(0.15)
        os.fsync(target)
        t.equal(writer.finish(), PAGE, "a write whose mapping went stale is carried out")
        slow.load("linear {device} 0")
        machine.libc.munmap(address, 65536)
        os.close(fd)
        os.close(target)


@contextlib.contextmanager
def erofs_mounted(disk):
    """A file with inline data, which none of the other file systems has."""
    os.makedirs("/tmp/tree", exist_ok=True)
    os.makedirs("/tmp/mnt.erofs", exist_ok=True)
    with open("/tmp/tree/file", "wb") as file:
        file.write(INLINE)
    machine.command("mkfs.erofs", "/tmp/erofs.img", "/tmp/tree")
    machine.command("dd", "if=/tmp/erofs.img", f"of={disk}", "bs=1M", "conv=fsync", "status=none")
    machine.command("mount", "-t", "erofs", disk, "/tmp/mnt.erofs")
    try:
        yield "/tmp/mnt.erofs/file"
    finally:
        machine.command("umount", "/tmp/mnt.erofs")


def facts(t, events, expected):
    ended = {}
    for e in select(events, "iomap_op_end"):
        if e.f["op"] == "READAHEAD" and e.f["ino"] in expected:
            ended[e.f["ino"]] = max(ended.get(e.f["ino"], 0), int(e.f["pos"], 16))
    t.ok(ended and all(ended[ino] >= size for ino, size in expected.items()),
         "the reads of a file come to its end", f"{ended} {expected}")
    submitted = sum(int(e.f["length"], 16) for e in select(events, "iomap_read_submit"))
    added = sum(int(e.f["length"], 16) for e in select(events, "iomap_read_bio_add"))
    returned = sum(int(e.f["length"], 16) for e in select(events, "iomap_read_end_io"))
    finished = sum(int(e.f["length"], 16) for e in select(events, "iomap_finish_folio_read"))
    t.ok(submitted and submitted == added == returned == finished, "what is added to bios is what they bring",
         f"added {added} submitted {submitted} returned {returned} finished {finished}")
    copies = select(events, "iomap_write_copy")
    puts = sum(int(e.f["length"], 16) for e in select(events, "iomap_put_folio", op="WRITE"))
    kept = sum(int(e.f["copied"], 16) for e in copies)
    dropped = sum(int(e.f["copied"], 16) for e in select(events, "iomap_write_retry"))
    t.equal(puts, kept - dropped, "what a write puts is what it copied, less what was rejected")
    failed, again = select(events, "iomap_write_failed"), select(events, "iomap_write_retry")
    t.ok(again and {e.f["ret"] for e in failed} == {"0"} and
         [(e.f["iter"], e.f["pos"]) for e in failed] == [(e.f["iter"], e.f["pos"]) for e in again],
         "what is tried again has failed before, without an error", [e.text for e in failed + again])


def block_size(t, size, disk, slow):
    t.topic = f"buffered, {size >> 10} KiB blocks"
    with Recorder() as recorder:
        with machine.Mounted("xfs", disk, "-b", f"size={size}") as fs:
            expected = reads(t, fs)
            writes(fs)
            unshare(fs)
            failures(t, fs)
            stale(t, fs, slow)
    check(t, recorder.events)
    facts(t, recorder.events, expected)
    return recorder.events


def run(t):
    slow = machine.Mapped("slow", "/dev/vdb", length=128 << 11)
    events = []
    for size in (4096, 1024):
        events += block_size(t, size, "/dev/vda", slow)
    slow.remove()
    t.topic = "buffered, inline"
    with Recorder() as recorder:
        with erofs_mounted("/dev/vdb") as path, open(path, "rb", buffering=0) as file:
            t.equal(file.read(65536), INLINE, "EROFS: inline data is read")
    check(t, recorder.events)
    t.topic = "buffered"
    return events + recorder.events
