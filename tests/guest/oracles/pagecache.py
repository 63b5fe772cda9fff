# SPDX-License-Identifier: GPL-2.0
"""In the guest: writeback and buffered reads on XFS."""

import ctypes
import mmap
import os
import random

from recorder import Phase, command

WRITE_EVENTS = tuple(f"iomap/iomap_{event}" for event in
                     ("ioend_new", "add_to_ioend", "ioend_submit", "ioend_merge", "ioend_finish", "read_submit",
                      "fill_folio"))
READ_EVENTS = ("iomap/iomap_read_submit", "iomap/iomap_read_bio_add", "iomap/iomap_fill_folio",
               "iomap/iomap_ioend_submit")
MIB = 1 << 20
NAMES = ("gaps", "unwritten", "reflinked", "large", "appended", "left", "right", "preallocated")
GAPS = 300
PIECES = 200
SYNC_FILE_RANGE_WRITE = 2


def random_writes(path, rng, count, size):
    fd = os.open(path, os.O_RDWR)
    for _ in range(count):
        length = rng.randrange(1, 40000)
        os.pwrite(fd, b"r" * length, rng.randrange(size - length))
    os.fsync(fd)
    os.close(fd)


def write_in_flight(fd, size):
    """Ioends that continue each other and of which many are complete before XFS looks at them: it merges these.

    Each piece is written back by itself, without waiting. As XFS finishes them in a worker, which does not get the only
    CPU from a task with a real-time priority, they wait for that until this one does.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    for pos in range(0, size, 4096):
        os.pwrite(fd, b"p" * 4096, pos)
        if libc.sync_file_range(fd, ctypes.c_int64(pos), ctypes.c_int64(4096), SYNC_FILE_RANGE_WRITE):
            raise OSError(ctypes.get_errno(), "sync_file_range")
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.fsync(fd)


def write_files(fs, remember):
    rng = random.Random(fs.block)
    # Every second block, so that each is an ioend of its own.
    with open(fs.path("gaps"), "wb", buffering=0) as file:
        for n in range(GAPS):
            os.pwrite(file.fileno(), b"g" * fs.block, 2 * n * fs.block)
        os.fsync(file.fileno())
    # Two files that are written by turns, with an fsync after each block: no two blocks of a file are neighbours.
    fds = [os.open(fs.path(name), os.O_CREAT | os.O_RDWR) for name in ("left", "right")]
    for n in range(40):
        for fd in fds:
            os.pwrite(fd, b"t" * fs.block, n * fs.block)
            os.fsync(fd)
    for fd in fds:
        os.pwrite(fd, b"T" * (40 * fs.block - 100), 50)
        os.fsync(fd)
        os.close(fd)
    for name, size in (("unwritten", 4 * MIB), ("preallocated", PIECES * 4096)):
        fd = os.open(fs.path(name), os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(fd, 0, size)
        if name == "preallocated":
            write_in_flight(fd, size)
        os.close(fd)
    random_writes(fs.path("unwritten"), rng, 60, 4 * MIB)
    with open(fs.path("large"), "wb", buffering=0) as file:
        for _ in range(16):
            file.write(b"l" * MIB)
        os.fsync(file.fileno())
    # An end of file within a block, again and again.
    with open(fs.path("appended"), "wb", buffering=0) as file:
        for n in range(60):
            file.write(b"a" * (700 + 31 * n))
            os.fsync(file.fileno())
    command("cp", "--reflink=always", fs.path("unwritten"), fs.path("reflinked"))
    remember()
    random_writes(fs.path("reflinked"), rng, 60, 4 * MIB)
    remember()
    random_writes(fs.path("reflinked"), rng, 20, 4 * MIB)


def forget(fs):
    for name in NAMES:
        fd = os.open(fs.path(name), os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def read_files(fs):
    rng = random.Random(fs.block)
    for name in NAMES:
        with open(fs.path(name), "rb", buffering=0) as file:
            while file.read(128 << 10):
                pass
    forget(fs)
    for name in ("large", "reflinked", "gaps"):
        fd = os.open(fs.path(name), os.O_RDWR)
        size = os.fstat(fd).st_size
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        for _ in range(100):
            os.pread(fd, rng.randrange(1, 20000), rng.randrange(size))
        # Parts of blocks that are not in the page cache: read in by the write itself.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for _ in range(100):
            os.pwrite(fd, b"m", rng.randrange(size))
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as memory:
            memory.madvise(mmap.MADV_RANDOM)
            for _ in range(50):
                memory[rng.randrange(size)]
        os.close(fd)


def record(out, filesystems):
    devices = [fs.device for fs in filesystems]
    phase = Phase(out, "writeback", devices, WRITE_EVENTS)

    def remember():
        for fs in filesystems:
            phase.map(fs.device, *(fs.path(name) for name in NAMES if os.path.exists(fs.path(name))))

    with phase:
        for fs in filesystems:
            write_files(fs, remember)
        command("sync")
        remember()

    for fs in filesystems:
        forget(fs)
    phase = Phase(out, "reads", devices, READ_EVENTS)
    with phase:
        remember()
        for fs in filesystems:
            read_files(fs)
        command("sync")
        remember()
