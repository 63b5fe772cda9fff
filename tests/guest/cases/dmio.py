# SPDX-License-Identifier: GPL-2.0
"""Each dm-io request is shown once: the regions of a mirror's writes and copies, a snapshot's copies and metadata, the leg that fails."""

import os
import shutil
import subprocess
import time

import storage
import tool
from tap import Skip

MEGABYTE = 1 << 20
SIZE = 8 << 11          # sectors of each device
REGION = 1024           # sectors
CHUNK = 16              # sectors of a snapshot's exception
WRITES, WRITE = 8, 65536
EVENTS = "dm_io"


def observe(env, source, *args):
    return env.observe("dmio", "-v", "--source", source, *args)


def empty(t, observed, name):
    t.ok("in flight at the end: 0\n" in observed.stderr(), f"{name}: nothing is left in flight", observed.stderr())


def wait_for(condition, what):
    deadline = time.monotonic() + tool.PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not so: {what}")
        time.sleep(0.05)


class Mapped:
    """A device-mapper device of one target; by default a piece of the disk."""

    made = []

    def __init__(self, name, target):
        self.name = f"dmio-{os.getpid()}-{name}"
        self.path = f"/dev/mapper/{self.name}"
        made = subprocess.run(["dmsetup", "create", self.name, "--table", f"0 {SIZE} {target}"], capture_output=True, text=True)
        if made.returncode:
            raise Skip(f"no device of '{target.split()[0]}': {made.stderr.strip()}")
        Mapped.made.insert(0, self)
        number = os.stat(self.path).st_rdev
        self.dev = f"{os.major(number)}:{os.minor(number)}"

    def remove(self):
        Mapped.made.remove(self)
        storage.command("dmsetup", "remove", "--retry", self.name)

    def status(self):
        return storage.command("dmsetup", "status", self.name).split()

    def sectors(self):
        """Read and written since there is this device: the kernel's own figures."""
        with open(f"/sys/dev/block/{self.dev}/stat") as stat:
            fields = list(map(int, stat.read().split()))
        return fields[2], fields[6]


class Disk:
    def __init__(self, env):
        self.image = env.ext4.path("dmio.img")
        with open(self.image, "wb") as file:
            file.truncate(4 * SIZE * 512)
        self.loop = storage.command("losetup", "--find", "--show", self.image).strip()

    def part(self, name, number):
        return Mapped(name, f"linear {self.loop} {number * SIZE}")

    def remove(self):
        for device in list(Mapped.made):
            device.remove()
        storage.command("losetup", "-d", self.loop)
        os.unlink(self.image)


def write(device, count=WRITES):
    """Direct writes, one at a time, of 64 KiB each."""
    subprocess.run(["dd", "if=/dev/zero", f"of={device.path}", f"bs={WRITE}", f"count={count}", "oflag=direct", "status=none"], check=True,
                   timeout=tool.PATIENCE)


def regions(events):
    return sorted([(r["dev"], r["sector"], r["count"], r["failed"]) for r in e["regions"]] for e in events)


def total(events, device):
    """Sectors of the regions on a device."""
    return sum(r["count"] for e in events for r in e["regions"] if r["dev"] == device.dev)


def tiled(events, device, size):
    """The regions on a device are [0, size) of its sectors, each once."""
    at = 0
    for start, count in sorted((r["sector"], r["count"]) for e in events for r in e["regions"] if r["dev"] == device.dev):
        if start != at:
            return False
        at += count
    return at == size


def finish(t, observed, name):
    tool.balanced(t, observed, name)
    empty(t, observed, name)


def check_mirror(t, env, disk, source, best):
    name = f"{source} mirror"
    legs = [disk.part("leg0", 0), disk.part("leg1", 1)]
    both = Mapped("mirror", f"mirror core 2 {REGION} nosync 2 {legs[0].path} 0 {legs[1].path} 0")
    before = [leg.sectors()[1] for leg in legs]
    observed = observe(env, source)
    write(both)
    observed.stop()
    after = [leg.sectors()[1] for leg in legs]
    events = [e for e in observed.events if e["bytes"]]
    count = WRITE // 512
    t.equal(regions(events), [[(leg.dev, i * count, count, False) for leg in legs] for i in range(WRITES)],
            f"{name}: each write once, with a region on each leg", f"{observed.summary}\n{observed.stderr()}")
    t.equal([after[i] - before[i] for i in range(2)], [total(events, leg) for leg in legs],
            f"{name}: as many sectors as the kernel counts for the legs")
    t.equal({(e["event"], e["op"], e["wait"], e["memory"], e["region_count"], e["bytes"], e["error_bits"], e["source"]) for e in events},
            {("dmio", "write", "async", "bio", 2, 2 * WRITE, 0, source)}, f"{name}: what, how, and with which result")
    t.ok(all(0 < e["latency_ns"] < 10**11 for e in events), f"{name}: a latency", events[:1])
    if source == EVENTS:
        t.ok(all(e["bios"] == 2 and e["notify_ns"] is not None and e["device_ns"] <= e["latency_ns"] for e in events),
             f"{name}: bios and phases", events[:1])
    else:
        t.ok(all(e["bios"] is e["notify_ns"] is e["device_ns"] is None for e in events), f"{name}: no phase is made up", events[:1])
    finish(t, observed, name)

    filters = ((("-d", legs[1].path), WRITES), (("-d", env.xfs.mount), 0), (("--op", "write"), WRITES), (("--op", "read,discard"), 0),
               (("--errors",), 0), (("-c", "nobody"), 0))
    for args, left in filters if best else filters[:2]:
        observed = observe(env, source, *args)
        write(both)
        observed.stop()
        part = f"{name} {' '.join(args).replace(env.workdir, '')}"
        t.equal((len([e for e in observed.events if e["bytes"]]), observed.summary["filtered"] >= WRITES - left), (left, True),
                f"{part}: what is left", observed.summary)
        finish(t, observed, part)
    keys = (("dev", legs[0].dev), ("op", "write"), ("memory", "bio"), ("wait", "async"))
    for by, key in keys if best else keys[:1]:
        observed = observe(env, source, "-d", legs[0].path, "--hist", "--by", by)
        write(both)
        observed.stop()
        t.ok([(h["key"], h["count"], h["errors"]) for h in observed.hists if h["key"] == key] == [(key, WRITES, 0)],
             f"{name} --hist --by {by}: each request once", observed.hists)
        tool.balanced(t, observed, f"{name} --hist --by {by}", streamed=False)
    both.remove()

    name = f"{source} resynchronisation"
    before = [leg.sectors() for leg in legs]
    observed = observe(env, source)
    both = Mapped("mirror", f"mirror core 1 {REGION} 2 {legs[0].path} 0 {legs[1].path} 0")
    wait_for(lambda: both.status()[6] == f"{SIZE // REGION}/{SIZE // REGION}", "the second leg has been copied")
    both.remove()
    observed.stop()
    after = [leg.sectors() for leg in legs]
    reads, writes = ([e for e in observed.events if e["op"] == op and e["bytes"]] for op in ("read", "write"))
    t.ok(tiled(reads, legs[0], SIZE), f"{name}: each sector of the first leg is read once", regions(reads))
    t.ok(tiled(writes, legs[1], SIZE), f"{name}: and written once to the second", regions(writes))
    t.equal((after[0][0] - before[0][0], after[1][1] - before[1][1]), (total(reads, legs[0]), total(writes, legs[1])),
            f"{name}: as many sectors as the kernel counts")
    t.equal({(e["wait"], e["memory"], e["region_count"], e["error_bits"]) for e in reads + writes}, {("async", "page_list", 1, 0)},
            f"{name}: as kcopyd does it")
    t.ok(all(e["comm"].startswith("kworker") for e in reads + writes), f"{name}: by a kworker", {e["comm"] for e in reads + writes})
    finish(t, observed, name)
    for leg in legs:
        leg.remove()


def check_discard(t, env, disk, source):
    name = f"{source} discard"
    legs = [disk.part("leg0", 0), disk.part("leg1", 1)]
    both = Mapped("mirror", f"mirror core 2 {REGION} nosync 2 {legs[0].path} 0 {legs[1].path} 0")
    observed = observe(env, source, "--op", "discard")
    done = subprocess.run(["blkdiscard", "-o", "0", "-l", str(256 << 10), both.path], capture_output=True, text=True, timeout=tool.PATIENCE)
    observed.stop()
    if done.returncode:
        t.skip(name, f"the device does not discard: {done.stderr.strip()}")
    else:
        t.equal(regions(observed.events), [[(leg.dev, 0, 512, False) for leg in legs]], f"{name}: one request for both legs",
                f"{observed.events}\n{observed.stderr()}")
        finish(t, observed, name)
    both.remove()
    for leg in legs:
        leg.remove()


def check_snapshot(t, env, disk, source):
    """What is overwritten in the origin is copied; where to is written down before, and waited for."""
    name = f"{source} snapshot"
    origin, store = disk.part("origin", 2), disk.part("store", 3)
    # No exceptions of an earlier snapshot.
    subprocess.run(["dd", "if=/dev/zero", f"of={store.path}", "bs=64k", "count=1", "oflag=direct", "status=none"], check=True)
    observed = observe(env, source)
    snapshot = Mapped("snapshot", f"snapshot {origin.path} {store.path} P {CHUNK}")
    watched = Mapped("watched", f"snapshot-origin {origin.path}")
    write(watched)
    watched.remove()
    snapshot.remove()
    observed.stop()
    copies = [e for e in observed.events if e["memory"] == "page_list"]
    metadata = [e for e in observed.events if e["memory"] == "vma" and e["bytes"]]
    size = WRITES * WRITE // 512
    t.ok(tiled([e for e in copies if e["op"] == "read"], origin, size), f"{name}: each sector that is overwritten is read once",
         f"{regions(copies)}\n{observed.stderr()}")
    t.equal(total([e for e in copies if e["op"] == "write"], store), size, f"{name}: and as many are written to its store")
    t.equal({e["wait"] for e in copies}, {"async"}, f"{name}: nobody waits for copies")
    t.equal({(e["wait"], r["dev"]) for e in metadata for r in e["regions"]}, {("sync", store.dev)}, f"{name}: metadata is waited for")
    t.ok({e["op"] for e in metadata} == {"read", "write"} and all("SYNC" in e["flags"].split("|") for e in metadata),
         f"{name}: metadata is read and written, and flagged so", metadata[:2])
    t.equal({e["error_bits"] for e in observed.events}, {0}, f"{name}: no errors")
    finish(t, observed, name)
    store.remove()
    origin.remove()


def check_failing(t, env, disk, source):
    name = f"{source} failing leg"
    leg, bad = disk.part("leg0", 0), Mapped("bad", "error")
    both = Mapped("mirror", f"mirror core 2 {REGION} nosync 2 {leg.path} 0 {bad.path} 0")
    observed = observe(env, source)
    only = observe(env, source, "--errors")
    write(both, 4)
    wait_for(lambda: "D" in both.status()[8], "the bad leg is noticed")
    observed.stop()
    only.stop()
    both.remove()
    bad.remove()
    leg.remove()
    failed = [e for e in observed.events if e["error_bits"]]
    t.equal({(e["error_bits"], tuple(r["failed"] for r in e["regions"])) for e in failed}, {(2, (False, True))},
            f"{name}: the bit of the second region", observed.events)
    t.ok(all(e["error_bits"] for e in observed.events if any(r["dev"] == bad.dev and r["count"] for r in e["regions"])),
         f"{name}: of each request that reaches it", observed.events)
    t.equal(regions(only.events), regions(failed), f"{name}: --errors shows those alone")
    finish(t, observed, name)
    finish(t, only, f"{name} --errors")


def check_full_table(t, env, disk, source):
    """A table with room for one loses what comes beyond it, and counts it."""
    legs = [disk.part("leg0", 0), disk.part("leg1", 1)]
    observed = observe(env, source, "--in-flight", "1")
    both = Mapped("mirror", f"mirror core 1 {REGION} 2 {legs[0].path} 0 {legs[1].path} 0")
    wait_for(lambda: both.status()[6] == f"{SIZE // REGION}/{SIZE // REGION}", "the second leg has been copied")
    both.remove()
    observed.stop()
    name = f"{source} --in-flight 1"
    s = observed.summary
    t.ok(len(observed.events) > 0 and s["seen"] >= 2 * SIZE // REGION, f"{name}: it works on", s)
    t.ok(s["lost_total"] == s["lost"]["map_full"] + s["lost"]["unmatched_begin"], f"{name}: what finds no room is lost", s)
    tool.balanced(t, observed, name, lossless=False)
    empty(t, observed, name)
    for leg in legs:
        leg.remove()


def run(t, env):
    subprocess.run(["modprobe", "-aq", "loop", "dm-mod", "dm-mirror", "dm-snapshot"], stderr=subprocess.DEVNULL)
    sources = tool.tested_sources(env, "dmio")
    if not sources:
        raise Skip("no source of dm-io can be used on this kernel")
    if not shutil.which("dmsetup") or not storage.loop_devices_work():
        raise Skip("no dmsetup, or no loop devices")
    for source in sources:
        disk = Disk(env)
        try:
            # What sources have in common is tested with one of them.
            check_mirror(t, env, disk, source, source == sources[0])
            check_snapshot(t, env, disk, source)
            if not env.brief:
                check_discard(t, env, disk, source)
                check_failing(t, env, disk, source)
                check_full_table(t, env, disk, source)
        finally:
            disk.remove()
