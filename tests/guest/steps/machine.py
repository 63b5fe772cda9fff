# SPDX-License-Identifier: GPL-2.0
"""What the cases use of the guest: disks, device mapper, file systems, system calls that Python lacks."""

import contextlib
import ctypes
import fcntl
import mmap
import os
import struct

import storage

command = storage.command
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.pwrite.argtypes = libc.pread.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
libc.pwrite.restype = libc.pread.restype = ctypes.c_ssize_t
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
libc.sync_file_range.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_long, ctypes.c_uint]
PAGE = 4096
HUGE = 2 << 20
PROT_NONE, PROT_READ, PROT_WRITE = 0, 1, 2
MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_FIXED, MAP_ANONYMOUS, MAP_SYNC = 1, 2, 3, 0x10, 0x20, 0x80000
MADV_DONTNEED, MADV_NOHUGEPAGE = 4, 15
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, UNSHARE_RANGE = 1, 2, 0x10, 0x40
FICLONE, FIDEDUPERANGE, FIBMAP, FIEMAP = 0x40049409, 0xC0189436, 1, 0xC020660B


def errno_of(call, *args):
    """The result of a call, or its errno, negative."""
    try:
        return call(*args)
    except OSError as error:
        return -error.errno


def c_errno_of(call, *args):
    got = call(*args)
    return -ctypes.get_errno() if got < 0 else got


@contextlib.contextmanager
def opened(path, flags=os.O_RDWR | os.O_CREAT):
    """A descriptor of the file, for as long."""
    fd = os.open(path, flags, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def fallocate(fd, mode, pos, length):
    got = c_errno_of(libc.fallocate, fd, mode, pos, length)
    if got:
        raise OSError(-got, os.strerror(-got))


def clone(to, source):
    fcntl.ioctl(to, FICLONE, source)


def fiemap(fd, count, length=(1 << 64) - 1):
    """How many extents are reported."""
    request = bytearray(struct.pack("=QQLLLL", 0, length, 0, 0, count, 0) + bytes(56 * count))
    fcntl.ioctl(fd, FIEMAP, request)
    return struct.unpack("=QQLLLL", request[:32])[3]


def direct(path, flags=os.O_RDWR):
    return os.open(path, flags | os.O_DIRECT | os.O_CREAT, 0o600)


def buffer(size):
    """Page-aligned memory, which is there."""
    memory = mmap.mmap(-1, size)
    memory.write(b"d" * size)
    return memory


def dread(fd, size, pos, flags=0):
    return errno_of(os.preadv, fd, [memoryview(buffer(max(size, 1)))[:size]], pos, flags)


def dwrite(fd, size, pos, flags=0):
    return errno_of(os.pwritev, fd, [memoryview(buffer(max(size, 1)))[:size]], pos, flags)


def anonymous(size):
    """The address of memory that is mapped and there, in pages that are small."""
    address = libc.mmap(None, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    libc.madvise(address, size, MADV_NOHUGEPAGE)
    ctypes.memset(address, 7, size)
    return address


class Scattered:
    """While it is entered, single free pages come from all over the memory, so that no two of them are neighbours."""

    def __enter__(self):
        self.size = 64 << 20
        self.address = anonymous(self.size)
        for offset in range(0, self.size, 2 * PAGE):
            libc.madvise(self.address + offset, PAGE, MADV_DONTNEED)

    def __exit__(self, *_):
        libc.munmap(self.address, self.size)


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as drop:
        drop.write("3")


def sectors(device):
    with open(f"/sys/class/block/{os.path.basename(os.path.realpath(device))}/size") as size:
        return int(size.read())


class Mapped:
    """A device-mapper device, one target over a device; its table can be replaced while it is used."""

    def __init__(self, name, device, target="linear {device} 0", start=0, length=None):
        self.name, self.device = name, device
        self.length = length or sectors(device)
        self.path = f"/dev/mapper/{name}"
        command("dmsetup", "create", name, "--table", self.table(target))

    def table(self, target):
        return f"0 {self.length} {target.format(device=self.device)}"

    def load(self, target):
        command("dmsetup", "suspend", "--noflush", "--nolockfs", self.name)
        command("dmsetup", "load", self.name, "--table", self.table(target))
        command("dmsetup", "resume", self.name)

    def remove(self):
        command("dmsetup", "remove", "--retry", self.name)


def on_loop(env, stack, name, *mkfs_args):
    """XFS on a sparse file in memory; a Mounted, with its name and device, until the stack is unwound."""
    loop = storage.loop(stack, os.path.join(env.workdir, f"{name}.img"), 400 << 20)
    fs = stack.enter_context(Mounted("xfs", loop, *mkfs_args, where=name))
    fs.name, fs.device = name, loop
    return fs


class Mounted(storage.Filesystem):
    """A fresh file system, made at once, that is mounted while it is entered. A mount option string can be given."""

    def __init__(self, kind, disk, *mkfs_args, options=None, where=None):
        self.kind, self.disk, self.options = kind, disk, options
        self.mount = f"/tmp/mnt.{where or kind}"
        # The block device's page cache goes through iomap as well.
        make = storage.MKFS.get(kind) or [f"mkfs.{kind}", "-q", "-f"]
        # mkfs.xfs takes a -m once.
        command(*(make[:make.index("-m")] if "-m" in make and "-m" in mkfs_args else make), *mkfs_args, disk)

    def __enter__(self):
        os.makedirs(self.mount, exist_ok=True)
        command("mount", "-t", self.kind, *(["-o", self.options] if self.options else []), self.disk, self.mount)
        dev = os.stat(self.mount).st_dev
        self.dev = f"{os.major(dev)}:{os.minor(dev)}"
        return self

    def __exit__(self, kind, *_):
        # Descriptors that a failed case has left open hold it.
        command("umount", *(["-l"] if kind else []), self.mount)

    def open(self, name, flags=os.O_RDWR | os.O_CREAT):
        return os.open(self.path(name), flags, 0o600)


class Mapping:
    """size bytes of a file, at an address that is offset bytes behind a multiple of align."""

    def __init__(self, fd, size, flags=MAP_SHARED, pos=0, align=HUGE, offset=0):
        self.room = size + 2 * align + offset
        self.start = libc.mmap(None, self.room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        self.address = (self.start + align - 1) // align * align + offset
        if libc.mmap(self.address, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, pos) != self.address:
            raise OSError(ctypes.get_errno(), "mmap")

    def read(self, at=0):
        return ctypes.c_ubyte.from_address(self.address + at).value

    def write(self, at=0):
        ctypes.c_ubyte.from_address(self.address + at).value = 1

    def refused(self, touch, *at):
        """The signal that a child dies of which touches the memory, 0 if none."""
        child = os.fork()
        if not child:
            touch(*at)
            os._exit(0)
        return os.waitpid(child, 0)[1] & 0x7F

    def unmap(self):
        libc.munmap(self.start, self.room)


# Linux AIO.
class Iocb(ctypes.Structure):
    _fields_ = [("data", ctypes.c_uint64), ("key", ctypes.c_uint32), ("rw_flags", ctypes.c_uint32),
                ("opcode", ctypes.c_uint16), ("reqprio", ctypes.c_int16), ("fd", ctypes.c_uint32), ("buf", ctypes.c_uint64),
                ("nbytes", ctypes.c_uint64), ("offset", ctypes.c_int64), ("reserved2", ctypes.c_uint64),
                ("flags", ctypes.c_uint32), ("resfd", ctypes.c_uint32)]


class IoEvent(ctypes.Structure):
    _fields_ = [("data", ctypes.c_uint64), ("obj", ctypes.c_uint64), ("res", ctypes.c_int64), ("res2", ctypes.c_int64)]


PREAD, PWRITE, FSYNC, FDSYNC, POLL = 0, 1, 2, 3, 5
SETUP, DESTROY, GETEVENTS, SUBMIT, CANCEL = 206, 207, 208, 209, 210


class Aio:
    """A context of Linux AIO by system calls."""

    def __init__(self, nr=32):
        context = ctypes.c_ulong(0)
        self._call(SETUP, nr, ctypes.byref(context))
        self.context = context.value

    @staticmethod
    def _call(number, *args):
        return c_errno_of(libc.syscall, ctypes.c_long(number), *args)

    @staticmethod
    def iocb(opcode, fd, data, memory=None, size=0, pos=0, **fields):
        buf = ctypes.addressof(ctypes.c_char.from_buffer(memory)) if memory is not None else fields.pop("buf", 0)
        return Iocb(data=data, opcode=opcode, fd=fd, buf=buf, nbytes=size, offset=pos, **fields)

    def submit(self, *iocbs):
        array = (ctypes.c_void_p * len(iocbs))(*[ctypes.addressof(iocb) for iocb in iocbs])
        return self._call(SUBMIT, ctypes.c_ulong(self.context), ctypes.c_long(len(iocbs)), array)

    def events(self, least, most=32, timeout=None):
        """(data, res) of each."""
        results = (IoEvent * most)()
        limit = struct.pack("qq", int(timeout), int(timeout % 1 * 1e9)) if timeout is not None else None
        got = self._call(GETEVENTS, ctypes.c_ulong(self.context), ctypes.c_long(least), ctypes.c_long(most), results, limit)
        return got if got < 0 else [(e.data, e.res) for e in results[:got]]

    def cancel(self, iocb):
        return self._call(CANCEL, ctypes.c_ulong(self.context), ctypes.byref(iocb), ctypes.byref(IoEvent()))

    def destroy(self):
        return self._call(DESTROY, ctypes.c_ulong(self.context))
