# SPDX-License-Identifier: GPL-2.0
"""dm-io: the copies of a mirror and of a snapshot, a snapshot's metadata, and a leg of a mirror that fails."""

import errno
import os

import machine
from trace import Recorder, check, select, wait_for

DISK = "/dev/vdb"
SIZE = 16 << 11         # sectors of each device
REGION = 1024


class Part(machine.Mapped):
    """A piece of the disk."""

    def __init__(self, name, number, target=None):
        super().__init__(name, DISK, target or f"linear {{device}} {number * SIZE}", length=SIZE)


def direct_write(path, size, count, start=0):
    fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
    memory = machine.buffer(size)
    for i in range(count):
        os.pwritev(fd, [memory], start + i * size)
    os.close(fd)


def in_sync(mirror):
    return machine.command("dmsetup", "status", mirror.name).split()[6] == f"{SIZE // REGION}/{SIZE // REGION}"


def mirror():
    legs = [Part("leg0", 0), Part("leg1", 1)]
    both = Part("mirror", 0, f"mirror core 2 {REGION} sync 2 /dev/mapper/leg0 0 /dev/mapper/leg1 0")
    wait_for(lambda: in_sync(both), "the mirror is in sync")
    direct_write(both.path, 65536, 4)
    machine.command("blkdiscard", "-l", "1048576", both.path)
    both.remove()
    copying = Part("mirror", 0, f"mirror core 2 {REGION} nosync 2 /dev/mapper/leg0 0 /dev/mapper/leg1 0")
    copying.remove()
    unsynced = Part("mirror", 0, f"mirror core 1 {REGION} 2 /dev/mapper/leg0 0 /dev/mapper/leg1 0")
    wait_for(lambda: in_sync(unsynced), "the second leg has been copied")
    unsynced.remove()
    for leg in legs:
        leg.remove()


def snapshot():
    parts = [Part("origin", 2), Part("exceptions", 3)]
    snap = Part("snapshot", 0, "snapshot /dev/mapper/origin /dev/mapper/exceptions P 16")
    watched = Part("watched", 0, "snapshot-origin /dev/mapper/origin")
    direct_write(watched.path, 65536, 8)
    direct_write(snap.path, 4096, 8, 4 << 20)
    for device in (watched, snap, *parts):
        device.remove()


def failing():
    leg, bad = Part("leg0", 4), Part("bad", 0, "error")
    both = Part("mirror", 0, f"mirror core 2 {REGION} nosync 2 /dev/mapper/leg0 0 /dev/mapper/bad 0")
    direct_write(both.path, 65536, 2)
    wait_for(lambda: "D" in machine.command("dmsetup", "status", both.name).split()[8], "the bad leg is noticed")
    for device in (both, leg, bad):
        device.remove()


def facts(t, events):
    sectors, wrong = {}, []
    for e in events:
        if e.name == "dm_io_begin":
            sectors[e.f["io"]] = {}
        elif e.name == "dm_io_region" and int(e.f["count"]):
            sectors[e.f["io"]][e.f["region"]] = int(e.f["count"])
        elif e.name == "dm_io_bio_submit":
            sectors[e.f["io"]][e.f["region"]] -= int(e.f["nr_sectors"])
        elif e.name == "dm_io_end" and any(sectors[e.f["io"]].values()) and e.f["error_bits"] == "0x0":
            wrong.append(f"{sectors[e.f['io']]} {e.text}")
    t.ok(sectors and not wrong, "the bios of a region are as long as the region", "\n".join(wrong[:5]))
    waits = len(select(events, "dm_io_begin", sync="1"))
    t.ok(waits and waits == len(select(events, "dm_io_wait_begin")), "each synchronous request is waited for", waits)
    t.ok({e.f["num_regions"] for e in select(events, "dm_io_begin")} >= {"1", "2"}, "requests have one region and two")


def run(t):
    with Recorder() as recorder:
        mirror()
        snapshot()
    events = recorder.events
    check(t, events)
    facts(t, events)
    t.equal({e.f["error_bits"] for e in select(events, "dm_io_end")}, {"0x0"}, "without faults there is no error")
    with Recorder() as recorder:
        failing()
    check(t, recorder.events)
    bits = {e.f["error_bits"] for e in select(recorder.events, "dm_io_end")}
    t.ok("0x2" in bits, "the bit of the leg that fails is set", bits)
    t.equal({e.f["error"] for e in select(recorder.events, "dm_io_bio_end", region="1")} - {"0"}, {str(-errno.EIO)},
            "and its bio has the error")
    return events + recorder.events
