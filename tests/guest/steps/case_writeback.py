# SPDX-License-Identifier: GPL-2.0
"""Writeback: passes, folios at the end of the file, and each reason to begin another ioend."""

import os
import time

import machine
from machine import PAGE
from trace import Background, Recorder, check, select

SYNC_WRITE = 2
IOEND_BATCH = 4096      # folios of one ioend, in fs/iomap/buffered-io.c
BIO_MAX_VECS = 256
IOENDS = ("iomap_ioend_new", "iomap_ioend_submit", "iomap_ioend_finish", "iomap_add_to_ioend")


def ioends(fs):
    """One file for each reason."""
    fd = fs.open("gap")                             # in the file
    os.pwrite(fd, b"g" * PAGE, 0)
    os.pwrite(fd, b"g" * PAGE, 1 << 20)
    os.fsync(fd)
    os.close(fd)
    fd = fs.open("type")                            # written and unwritten extents, side by side
    machine.fallocate(fd, 0, 0, 65536)
    os.pwrite(fd, b"t" * 32768, 0)
    os.fsync(fd)
    os.pwrite(fd, b"t" * 65536, 0)
    os.fsync(fd)
    os.close(fd)
    fd = fs.open("pieces")                          # side by side in the file, but not on the disk
    for pos in (0, 16384, 8192, 24576, 4096, 20480):
        os.pwrite(fd, b"p" * PAGE, pos)
        os.fsync(fd)
    os.pwrite(fd, b"p" * 28672, 0)
    os.fsync(fd)
    os.close(fd)
    source = os.open(fs.file("shared-source", 131072), os.O_RDWR)
    fd = fs.open("shared")                          # shared in the middle; the copies are next to the new blocks
    machine.clone(fd, source)
    machine.fallocate(fd, machine.UNSHARE_RANGE, 0, 32768)
    os.fsync(fd)
    os.pwrite(fd, b"s" * 131072, 0)
    os.fsync(fd)
    os.close(fd)
    os.close(source)
    # The end of the file inside a folio, which also makes the ioend shorter than what was added.
    fd = fs.open("end")
    os.pwrite(fd, b"e" * 10001, 0)
    os.fsync(fd)
    os.close(fd)


def merged(fs, slow):
    """Ioends of one file that complete while the worker has not begun: sorted, and merged."""
    fd = fs.open("merged")
    machine.fallocate(fd, 0, 0, 1 << 20)
    slow.load("delay {device} 0 100")
    for pos in range(0, 1 << 20, 65536):
        os.pwrite(fd, b"m" * 65536, pos)
        machine.libc.sync_file_range(fd, pos, 65536, SYNC_WRITE)
    os.fsync(fd)
    slow.load("linear {device} 0")
    os.close(fd)


def skipped(t, fs, slow):
    """A folio behind an end of file that has just been moved: a sync has it locked and waits, the truncation waits for it."""
    fd = fs.open("skipped")
    os.pwrite(fd, b"k" * 65536, 0)
    os.fsync(fd)
    slow.load("delay {device} 0 400")
    os.pwrite(fd, b"l" * PAGE, 32768)
    machine.libc.sync_file_range(fd, 0, 65536, SYNC_WRITE)
    os.pwrite(fd, b"m" * PAGE, 32768)
    sync = Background(os.fsync, fd)
    time.sleep(0.1)
    os.ftruncate(fd, 0)
    sync.finish()
    slow.load("linear {device} 0")
    t.equal(os.fstat(fd).st_size, 0, "a truncation under writeback takes place")
    os.close(fd)


def full(fs):
    """More pages than a bio has room for, none of which follows another one in memory."""
    with machine.Scattered():
        fd = fs.open("full")
        for first in (0, 1):
            for page in range(first, BIO_MAX_VECS + 64, 2):
                os.pwrite(fd, b"f" * PAGE, page * PAGE)
        os.fsync(fd)
        os.close(fd)


def batch(fs):
    """More folios than are completed in one go."""
    fd = fs.open("batch")
    for page in range(IOEND_BATCH + 10):
        os.pwrite(fd, b"b" * PAGE, page * PAGE)
    os.fsync(fd)
    os.close(fd)


def facts(t, events):
    added, news = {}, 0
    wrong = []
    for e in events:
        if e.name == "iomap_ioend_new":
            added[e.f["ioend"]] = 0
            news += 1
        elif e.name == "iomap_add_to_ioend":
            added[e.f["ioend"]] += int(e.f["length"], 16)
        elif e.name == "iomap_ioend_submit":
            if added[e.f["ioend"]] != int(e.f["bio_length"], 16):
                wrong.append(e.text)
    t.ok(news and not wrong, "an ioend's bio has what was added to it", "\n".join(wrong[:5]))
    errors = [e.text for name in ("iomap_ioend_finish", "iomap_ioend_submit", "iomap_writeback_folio_end")
              for e in select(events, name) if e.f["error"] != "0"]
    t.ok(not errors, "none has an error", errors)


def run(t):
    slow = machine.Mapped("slow", "/dev/vda")
    with Recorder() as recorder:
        for size in (4096, 1024):
            with machine.Mounted("xfs", slow.path, "-b", f"size={size}") as fs:
                ioends(fs)
                merged(fs, slow)
                skipped(t, fs, slow)
                if size == 4096:
                    full(fs)
    check(t, recorder.events)
    facts(t, recorder.events)
    sizes = {e.f["isize"] for e in select(recorder.events, "iomap_writeback_eof", verdict="SKIPPED")}
    t.equal(sizes, {"0x0"}, "a folio is skipped as the file ends before it")
    events = recorder.events
    # Only the ioends, as there are so many folios.
    with machine.Mounted("xfs", slow.path) as fs:
        with Recorder(only=IOENDS) as recorder:
            batch(fs)
    facts(t, recorder.events)
    slow.remove()
    return events + recorder.events
