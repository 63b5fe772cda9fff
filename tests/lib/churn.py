#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Everything that can be done to a file, at random, until time is up: churn.py DIRECTORY SECONDS SEED [WORD...]

Words: readonly (only looks), reflink (clones and unshares), dax (faults of huge pages); others are for others. Several of them work on
the same files. Errors are what happens when they meet each other, and do not count; what has been done is printed.
"""

import collections
import mmap
import os
import random
import sys
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest", "steps"))
import machine    # noqa: E402

PAGE = 4096
SIZE = 4 << 20
FILES = 3
RWF_NOWAIT = 8
COLLAPSE, INSERT = 8, 0x20


class Churn:
    def __init__(self, directory, seed, words):
        self.random = random.Random(seed)
        self.words = words
        self.looks = [self.read, self.direct_read, self.mapped_read, self.seek, self.extents, self.aio_read, self.advise]
        self.changes = [self.write, self.append, self.direct_write, self.small_direct_write, self.mapped_write, self.sync, self.allocate,
                        self.punch, self.zero, self.truncate, self.collapse, self.aio_write, self.again]
        if "reflink" in words:
            self.changes += [self.clone, self.unshare]
        if "dax" in words:
            # A file of its own, as a mapping that is touched by its process must not be cut.
            self.own = os.open(os.path.join(directory, f"own{seed}"), os.O_RDWR | os.O_CREAT, 0o600)
            os.pwrite(self.own, bytes(3 * machine.HUGE), 0)
            self.changes += [self.huge]
        flags = os.O_RDONLY if "readonly" in words else os.O_RDWR | os.O_CREAT
        names = sorted(os.listdir(directory))[:FILES] if "readonly" in words else [f"churn{n}" for n in range(FILES)]
        paths = [os.path.join(directory, name) for name in names]
        self.files = [os.open(path, flags, 0o600) for path in paths]
        self.direct = [os.open(path, flags | os.O_DIRECT, 0o600) for path in paths]
        self.paths = paths
        self.memory = machine.buffer(256 << 10)
        self.aio = machine.Aio(8)
        self.done = collections.Counter()

    def which(self):
        return self.random.randrange(len(self.files))

    def range(self, align=1, most=256 << 10):
        pos = self.random.randrange(SIZE) // align * align
        length = max(self.random.randrange(min(most, SIZE - pos) + 1) // align * align, align)
        return pos, length

    def flags(self):
        return self.random.choice((0, RWF_NOWAIT))

    def view(self, length):
        return memoryview(self.memory)[:length]

    def read(self):
        pos, length = self.range()
        os.preadv(self.files[self.which()], [self.view(length)], pos, self.flags())

    def write(self):
        pos, length = self.range()
        os.pwritev(self.files[self.which()], [self.view(length)], pos, self.flags())

    def append(self):
        fd = self.files[self.which()]
        end = os.fstat(fd).st_size
        if end < SIZE:
            os.pwritev(fd, [self.view(self.random.randrange(1, 70000))], end)

    def direct_read(self):
        pos, length = self.range(512)
        os.preadv(self.direct[self.which()], [self.view(length)], pos, self.flags())

    def direct_write(self):
        pos, length = self.range(PAGE)
        os.pwritev(self.direct[self.which()], [self.view(length)], pos, self.flags())

    def small_direct_write(self):
        pos, length = self.range(512, 8192)
        os.pwritev(self.direct[self.which()], [self.view(length)], pos, self.flags())

    def aio_read(self):
        self.asynchronous(machine.PREAD)

    def aio_write(self):
        self.asynchronous(machine.PWRITE)

    def asynchronous(self, opcode):
        fd = self.random.choice((self.files, self.direct))[self.which()]
        ranges = [self.range(PAGE, 32 << 10) for _ in range(4)]
        count = self.aio.submit(*[self.aio.iocb(opcode, fd, n, self.memory, length, pos, rw_flags=self.flags())
                                  for n, (pos, length) in enumerate(ranges)])
        while count > 0:
            count -= len(self.aio.events(1))

    def mapped(self, act, write):
        """Lets the kernel touch the mapping, so that what is behind the end of the file is an error and no signal."""
        fd = self.files[self.which()]
        pos, length = self.range(PAGE, 64 << 10)
        with mmap.mmap(fd, length, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | (mmap.PROT_WRITE if write else 0), offset=pos) as mapping:
            act(mapping, length)

    def mapped_read(self):
        out = os.memfd_create("churn")
        try:
            self.mapped(lambda mapping, length: os.pwrite(out, mapping, 0), False)
        finally:
            os.close(out)

    def mapped_write(self):
        with open("/dev/zero", "rb", buffering=0) as zero:
            self.mapped(lambda mapping, length: os.readv(zero.fileno(), [mapping]), True)

    def huge(self):
        mapping = machine.Mapping(self.own, 3 * machine.HUGE)
        for at in range(0, 3 * machine.HUGE, machine.HUGE):
            self.random.choice((mapping.read, mapping.write))(at + self.random.randrange(machine.HUGE))
        mapping.unmap()
        machine.fallocate(self.own, self.random.choice((machine.PUNCH_HOLE, machine.ZERO_RANGE)) | machine.KEEP_SIZE,
                          self.random.randrange(3 * machine.HUGE), PAGE)

    def seek(self):
        os.lseek(self.files[self.which()], self.range()[0], self.random.choice((os.SEEK_DATA, os.SEEK_HOLE)))

    def extents(self):
        machine.fiemap(self.files[self.which()], 32)

    def advise(self):
        pos, length = self.range()
        os.posix_fadvise(self.files[self.which()], pos, length, self.random.choice((os.POSIX_FADV_DONTNEED, os.POSIX_FADV_WILLNEED)))

    def sync(self):
        self.random.choice((os.fsync, os.fdatasync))(self.files[self.which()])

    def fallocate(self, mode, align=1):
        pos, length = self.range(align)
        machine.fallocate(self.files[self.which()], mode, pos, length)

    def allocate(self):
        self.fallocate(self.random.choice((0, machine.KEEP_SIZE)))

    def punch(self):
        self.fallocate(machine.PUNCH_HOLE | machine.KEEP_SIZE)

    def zero(self):
        self.fallocate(machine.ZERO_RANGE | machine.KEEP_SIZE)

    def collapse(self):
        self.fallocate(self.random.choice((COLLAPSE, INSERT)), PAGE)

    def unshare(self):
        self.fallocate(machine.UNSHARE_RANGE | machine.KEEP_SIZE)

    def clone(self):
        machine.clone(self.files[self.which()], self.files[self.which()])

    def truncate(self):
        os.ftruncate(self.files[self.which()], self.range()[0])

    def again(self):
        """Written once, direct, with nothing behind it: what an overwrite needs."""
        fd = self.direct[self.which()]
        os.pwritev(fd, [self.view(64 << 10)], 0)
        os.pwritev(fd, [self.view(512)], 1024)

    def run(self, seconds):
        end = time.monotonic() + seconds
        acts = self.looks if "readonly" in self.words else self.looks + self.changes
        while time.monotonic() < end:
            act = self.random.choice(acts)
            try:
                act()
                self.done[act.__name__] += 1
            except (OSError, TypeError, ValueError) as error:
                name = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
                self.done[f"{act.__name__}: {name}"] += 1


if __name__ == "__main__":
    churn = Churn(sys.argv[1], int(sys.argv[3]), sys.argv[4:])
    churn.run(float(sys.argv[2]))
    print(", ".join(f"{name} {count}" for name, count in sorted(churn.done.items())))
