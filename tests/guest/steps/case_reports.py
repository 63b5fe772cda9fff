# SPDX-License-Identifier: GPL-2.0
"""What is reported of extents: SEEK_DATA and SEEK_HOLE, FIEMAP, FIBMAP, swapon."""

import ctypes
import errno
import fcntl
import os
import struct

import machine
from machine import PAGE
from trace import Recorder, check, select


def seeks(t, fs):
    """A hole, data, an unwritten extent with page cache for all of it, one for none, and data."""
    fd = fs.open("seek")
    os.pwrite(fd, b"d" * 65536, 65536)
    machine.fallocate(fd, 0, 131072, 131072)
    os.pwrite(fd, b"u" * 65536, 131072)
    os.pwrite(fd, b"d" * 65536, 262144)
    os.fsync(fd)
    machine.fallocate(fd, 0, 1 << 20, 65536)
    os.pwrite(fd, b"u" * 65536, 1 << 20)
    found = [machine.errno_of(os.lseek, fd, pos, whence) for pos, whence in (
        (0, os.SEEK_DATA), (65536, os.SEEK_HOLE), (196608, os.SEEK_DATA), (0, os.SEEK_HOLE), (327680, os.SEEK_DATA),
        (1 << 20, os.SEEK_HOLE), (2 << 20, os.SEEK_DATA))]
    t.equal(found, [65536, 196608, 262144, 0, 1 << 20, (1 << 20) + 65536, -errno.ENXIO], "lseek() finds what is there")
    os.close(fd)


def maps(t, fs):
    fd = fs.open("seek")
    inode = os.fstat(fd).st_ino
    extents = machine.fiemap(fd, 50)
    t.equal((machine.fiemap(fd, 0), machine.fiemap(fd, 1)), (extents, 1), "FIEMAP: all are counted, and as many reported as fit")
    # The array ends where there is no memory: the second extent cannot be written.
    address = machine.anonymous(2 * PAGE)
    machine.libc.munmap(address + PAGE, PAGE)
    request = struct.pack("=QQLLLL", 0, (1 << 64) - 1, 0, 0, 50, 0)
    start = address + PAGE - len(request) - 40
    ctypes.memmove(start, request, len(request))
    got = machine.c_errno_of(machine.libc.ioctl, fd, ctypes.c_ulong(machine.FIEMAP), ctypes.c_void_p(start))
    t.equal(got, -errno.EFAULT, "FIEMAP: an array that cannot be written to")
    machine.libc.munmap(address, PAGE)
    blocks = []
    for block in (65536 // fs.block, 0):
        request = bytearray(struct.pack("i", block))
        fcntl.ioctl(fd, machine.FIBMAP, request)
        blocks.append(struct.unpack("i", request)[0])
    t.ok(blocks[0] > 0 and blocks[1] == 0, "FIBMAP: a block, and none", blocks)
    os.close(fd)
    return f"{inode:#x}", extents, blocks[0]


def swapon(fs, name, pages, *pieces, grow=0):
    """A swap file of pieces (pos, length), each synced by itself; the errno of swapon(), 0 if it worked."""
    path = fs.path(name)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if grow:
        machine.fallocate(fd, 0, 0, grow)
    os.pwrite(fd, struct.pack("1024xIII", 1, pages - 1, 0).ljust(PAGE - 10, b"\0") + b"SWAPSPACE2", 0)
    os.fsync(fd)
    for pos, length in pieces:
        os.pwrite(fd, b"\0" * length, pos)
        os.fsync(fd)
    os.close(fd)
    return swapon_path(path)


def swapon_path(path):
    got = machine.c_errno_of(machine.libc.swapon, path.encode(), 0)
    if not got:
        machine.c_errno_of(machine.libc.swapoff, path.encode())
    return got


def swaps(t, fs):
    pages = 64
    whole = pages * PAGE
    # Written and unwritten blocks that are neighbours.
    t.equal(swapon(fs, "merged", pages, grow=whole), 0, "swapon: extents that follow each other")
    t.equal(swapon(fs, "sparse", pages, (whole - PAGE, PAGE)), -errno.EINVAL, "swapon: a hole")
    # Odd pages before even ones: many runs. More of them than the header speaks of.
    odd = [(pos, PAGE) for pos in range(PAGE, 16 * PAGE, 2 * PAGE)]
    even = [(pos, PAGE) for pos in range(2 * PAGE, 16 * PAGE, 2 * PAGE)]
    t.equal(swapon(fs, "enough", 6, *odd, *even), 0, "swapon: a file longer than its header says")
    source = os.open(fs.path("merged"), os.O_RDWR)
    fd = fs.open("reflinked")
    machine.clone(fd, source)
    os.close(fd)
    os.close(source)
    t.equal(swapon_path(fs.path("reflinked")), -errno.EINVAL, "swapon: shared blocks")
    if fs.block < PAGE:
        pieces = [(pos, fs.block) for first in (0, 1) for pos in range(PAGE + first * fs.block, 4 * PAGE, 2 * fs.block)]
        pieces += [(4 * PAGE, whole - 4 * PAGE)]
        t.equal(swapon(fs, "crumbs", pages, *pieces), 0, "swapon: runs that are shorter than a page")


def facts(t, events, mapped):
    inode, extents, block = mapped
    of_inode = [e for e in select(events, "iomap_fiemap_extent") if e.f["ino"] == inode]
    reported = [int(e.f["value"], 16) for e in of_inode if e.f["verdict"] == "REPORTED"]
    t.equal(reported[:extents], list(range(1, extents + 1)), "FIEMAP: as many are reported as the caller got")
    lookups = len([e for e in select(events, "iomap_lookup", op="FIEMAP", ret="0")])
    t.equal(len(select(events, "iomap_fiemap_extent")), lookups, "FIEMAP: one event for each mapping")
    lookups = len([e for e in select(events, "iomap_lookup", op="SWAP_ACTIVATE", ret="0")])
    t.equal(len(select(events, "iomap_swap_extent")), lookups, "swapon: one event for each mapping")
    t.equal(len(select(events, "iomap_swap_extent", verdict="HELD")), len(select(events, "iomap_swap_add")),
            "swapon: each run that is begun is added, or said not to be")
    lookups = [e for e in events if e.name == "iomap_lookup" and e.f["op"] in ("SEEK_DATA", "SEEK_HOLE") and e.f["ret"] == "0"]
    t.equal(len(select(events, "iomap_seek_extent")), len(lookups), "lseek: one event for each mapping")
    bmap = {int(e.f["value"], 16) for e in select(events, "iomap_bmap_extent", verdict="REPORTED")}
    t.equal(bmap, {block}, "FIBMAP: the block is that of the caller")
    found = [int(e.f["value"], 16) for e in select(events, "iomap_seek_extent", verdict="REPORTED")]
    t.equal(found, [65536, 196608, 262144, 0, 1 << 20], "lseek: where it ends is what the caller got")


def run(t):
    everything = []
    for size in (4096, 1024):
        t.topic = f"reports, {size >> 10} KiB blocks"
        with Recorder() as recorder:
            with machine.Mounted("xfs", "/dev/vda", "-b", f"size={size}") as fs:
                fs.block = size
                seeks(t, fs)
                mapped = maps(t, fs)
                swaps(t, fs)
        check(t, recorder.events)
        facts(t, recorder.events, mapped)
        everything += recorder.events
    t.topic = "reports"
    return everything
