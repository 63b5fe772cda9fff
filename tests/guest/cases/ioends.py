# SPDX-License-Identifier: GPL-2.0
"""Each ioend is shown once: as many bytes as were written, in the file's own range, by who wrote it back, on every source."""

import errno
import os
import shutil
import subprocess

import storage
import tool
from tap import Skip

BLOCK = 4096
MEGABYTE = 1 << 20
TRACING = "/sys/kernel/tracing"


def write(path, size, pos=0, sync="fsync"):
    """Buffered data at pos, and its writeback by this process."""
    command = ["xfs_io", "-f", "-c", f"pwrite -q -b 64k {pos} {size}", "-c", sync, path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)


def ranges(events):
    return sorted((e["pos"], e["pos"] + e["len"]) for e in events)


def contiguous(events, begin, end):
    """The ranges in their order, without a gap or an overlap, are [begin, end)."""
    at = begin
    for start, stop in ranges(events):
        if start != at:
            return False
        at = stop
    return at == end


def observe(env, source, *args):
    return env.observe("ioends", "-v", "--source", source, *args)


def empty(t, observed, name):
    t.ok("in flight at the end: 0\n" in observed.stderr(), f"{name}: nothing is left in flight", observed.stderr())


def check_file(t, env, source, patched):
    """One file, written once: its length and not a byte more, and data in whole blocks."""
    name = source
    path = env.xfs.path("ioends")
    size = 8 * MEGABYTE + 1000
    open(path, "wb").close()
    observed = observe(env, source, "-f", path)
    write(path, size)
    observed.stop()
    events = observed.events
    # Where ioends have chains of bios (6.1), they also go on to the end of the last block.
    end = size if events and events[0]["bytes"] is not None else -(-size // BLOCK) * BLOCK
    t.ok(events and contiguous(events, 0, end), f"{name}: the ranges are the file's, each byte once",
         f"{ranges(events)}\n{observed.stderr()}")
    t.equal(sum(e["len"] for e in events), end, f"{name}: the sum of the lengths is the file's size")
    tool.balanced(t, observed, name)
    empty(t, observed, name)
    if not events:
        return
    t.equal({(e["event"], e["op"], e["comm"], e["dev"], e["ino"], e["ret"], e["source"]) for e in events},
            {("ioend", "writeback", "xfs_io", env.xfs.dev, os.stat(path).st_ino, 0, source)},
            f"{name}: who, where and with which result")
    t.ok(all(0 < e["latency_ns"] < 10**11 and e["sector"] > 0 for e in events), f"{name}: a latency and a sector", events[0])
    known = [e["bytes"] for e in events if e["bytes"] is not None]
    if known:
        t.equal(sum(known), -(-size // BLOCK) * BLOCK, f"{name}: the bios carry whole blocks")
    else:
        t.skip(f"{name}: the bios carry whole blocks", "this kernel does not tell")
    for field in ("folios", "ranges", "reason", "merged", "build_ns"):
        t.ok(all((e[field] is not None) == patched for e in events), f"{name}: {field} is " + ("known" if patched else "null"),
             events[0])
    if patched:
        first = min(events, key=lambda e: e["pos"])
        t.equal(first["reason"], "first", f"{name}: the first was begun as there was none")
        t.ok(all(1 <= e["folios"] <= e["ranges"] for e in events), f"{name}: folios and their ranges", events)
        t.ok(all(e["build_ns"] <= e["latency_ns"] for e in events), f"{name}: phases are within the whole", events)
    os.unlink(path)


def check_overwrite(t, env, source, patched):
    """A plain overwrite ends in iomap's own function, so that the time on the device is known to our events."""
    path = env.xfs.file("overwrite", MEGABYTE)
    observed = observe(env, source, "-f", path)
    write(path, MEGABYTE)
    observed.stop()
    name = f"{source} overwrite"
    t.equal((sum(e["len"] for e in observed.events), {e["type"] for e in observed.events}), (MEGABYTE, {"mapped"}),
            f"{name}: mapped blocks, each byte once", observed.stderr())
    if patched:
        t.ok(all(e["device_ns"] is not None and
                 e["build_ns"] + e["device_ns"] + e["completion_ns"] == e["latency_ns"] for e in observed.events),
             f"{name}: the phases add up to the latency", observed.events)
    else:
        t.ok(all(e["device_ns"] is None and e["completion_ns"] is None for e in observed.events),
             f"{name}: no phase is made up", observed.events[:1])
    os.unlink(path)


def check_holes(t, env, source, patched):
    """Ranges that are apart in the file are ioends of their own, and the reason says so."""
    path = env.xfs.hole("gaps", MEGABYTE)
    observed = observe(env, source, "-f", path)
    gaps = [f"pwrite -q {at} 4k" for at in range(0, MEGABYTE, 256 << 10)]
    subprocess.run(["xfs_io", *[arg for gap in gaps for arg in ("-c", gap)], "-c", "fsync", path], check=True,
                   timeout=tool.PATIENCE)
    observed.stop()
    name = f"{source} gaps"
    t.equal(ranges(observed.events), [(at, at + 4096) for at in range(0, MEGABYTE, 256 << 10)],
            f"{name}: one ioend for each", observed.stderr())
    if patched:
        t.equal([e["reason"] for e in sorted(observed.events, key=lambda e: e["pos"])], ["first"] + ["file_gap"] * 3,
                f"{name}: the reasons")
    os.unlink(path)


def check_filters(t, env, source):
    """What the filters leave out is counted, and takes no room."""
    mine, other = env.xfs.path("mine"), env.xfs.path("other")
    observed = observe(env, source, "-d", env.xfs.mount, "-c", "nobody")
    write(other, 65536)
    observed.stop()
    s = observed.summary
    t.ok(not observed.events and s["filtered"] == s["seen"] >= 1, f"{source}: another comm is filtered", s)
    tool.balanced(t, observed, f"{source} filtered")
    empty(t, observed, f"{source} filtered")
    observed = observe(env, source, "-f", other, "--errors")
    write(mine, 65536)
    write(other, 65536)
    observed.stop()
    t.ok(not observed.events and observed.summary["filtered"] >= 2, f"{source}: --errors leaves successes out", observed.summary)
    tool.balanced(t, observed, f"{source} errors")
    os.unlink(mine)
    os.unlink(other)


def check_hist(t, env, source):
    """The histograms hold each ioend once."""
    path = env.xfs.hole("hist", MEGABYTE)
    gaps = [f"pwrite -q {at} 4k" for at in range(0, MEGABYTE, 256 << 10)]
    for by, key in (("comm", "xfs_io"), ("type", None), ("ino", None), ("dev", env.xfs.dev)):
        observed = observe(env, source, "-f", path, "--hist", "--by", by)
        subprocess.run(["xfs_io", *[arg for gap in gaps for arg in ("-c", gap)], "-c", "fsync", path], check=True,
                       timeout=tool.PATIENCE)
        observed.stop()
        hists = observed.hists
        good = len(hists) == 1 and hists[0]["count"] == 4 == sum(b["count"] for b in hists[0]["buckets"]) and \
            hists[0]["by"] == by and (not key or hists[0]["key"] == key) and hists[0]["command"] == "ioends"
        t.ok(good, f"{source}: --hist --by {by} counts each ioend once", hists)
        tool.balanced(t, observed, f"{source} hist by {by}", streamed=False)
    os.unlink(path)


def check_full_table(t, env, source):
    """A table with room for one loses what comes beyond it, and counts it."""
    path = env.xfs.path("table")
    open(path, "wb").close()
    observed = observe(env, source, "-f", path, "--in-flight", "1")
    gaps = [f"pwrite -q {at} 4k" for at in range(0, 64 * 65536, 65536)]
    subprocess.run(["xfs_io", *[arg for gap in gaps for arg in ("-c", gap)], "-c", "fsync", path], check=True,
                   timeout=tool.PATIENCE)
    observed.stop()
    s = observed.summary
    t.ok(s["seen"] == 64 and s["lost"]["map_full"] + s["emitted"] == 64, f"{source}: a full table is counted", s)
    tool.balanced(t, observed, f"{source} full table", lossless=False)
    empty(t, observed, f"{source} full table")
    os.unlink(path)


def check_flusher(t, env, source):
    """Without fsync() it is the kernel's flusher that writes back, and the line says so."""
    path = env.xfs.path("flushed")
    os.sync()
    open(path, "wb").close()
    observed = observe(env, source, "-f", path)
    write(path, MEGABYTE, sync="quit")
    os.sync()
    observed.stop()
    t.equal(sum(e["len"] for e in observed.events), MEGABYTE, f"{source} sync(): each byte once", observed.stderr())
    t.ok(all(e["comm"].startswith("kworker") for e in observed.events), f"{source} sync(): by a kworker",
         {e["comm"] for e in observed.events})
    tool.balanced(t, observed, f"{source} sync()")
    os.unlink(path)


def traced(names, work):
    """How often each event fires while work() is done, as ftrace counts."""
    # Room for all of them: the oldest must not be overwritten.
    with open(f"{TRACING}/buffer_size_kb", "w") as size:
        size.write("8192")
    for name in names:
        with open(f"{TRACING}/events/iomap/{name}/enable", "w") as enable:
            enable.write("1")
    with open(f"{TRACING}/trace", "w"):
        pass
    try:
        work()
    finally:
        for name in names:
            with open(f"{TRACING}/events/iomap/{name}/enable", "w") as enable:
                enable.write("0")
    with open(f"{TRACING}/trace") as trace:
        lines = trace.readlines()
    return {name: sum(f": {name}: " in line for line in lines) for name in names}


def check_merges(t, env, source):
    """Many ioends without a gap, of a size at which the kernel begins another: what ftrace counts is what is shown."""
    path = env.xfs.path("merges")
    open(path, "wb").close()
    size = 48 * MEGABYTE
    observed = observe(env, source, "-d", env.xfs.mount)

    def work():
        subprocess.run(["xfs_io", "-c", f"pwrite -q -b 4k 0 {size}", "-c", "fsync", path], check=True,
                       timeout=tool.PATIENCE)
        os.sync()

    counted = traced(("iomap_ioend_new", "iomap_ioend_merge", "iomap_ioend_finish", "iomap_add_to_ioend"), work)
    observed.stop()
    events = [e for e in observed.events if e["ino"] == os.stat(path).st_ino]
    name = f"{source} merges"
    t.equal(sum(e["len"] for e in events), size, f"{name}: each byte once", observed.stderr())
    t.ok(len(events) > 1, f"{name}: several ioends", counted)
    t.equal((len(observed.events), len(observed.events), sum(e["ranges"] for e in observed.events),
             sum(e["merged"] for e in observed.events)),
            (counted["iomap_ioend_new"], counted["iomap_ioend_finish"], counted["iomap_add_to_ioend"],
             counted["iomap_ioend_merge"]), f"{name}: as many begun, finished, added to and merged as ftrace counts")
    tool.balanced(t, observed, name)
    empty(t, observed, name)
    os.unlink(path)


def check_failure(t, env, source):
    """A device that fails every write: the ioend has the errno, and --errors shows it."""
    name = f"{source} EIO"
    if not shutil.which("dmsetup"):
        t.skip(name, "dmsetup is not installed")
        return
    image = env.ext4.path("failing.img")
    with open(image, "wb") as file:
        file.truncate(400 * MEGABYTE)
    device = f"ioends-{os.getpid()}"
    sectors = 400 * MEGABYTE // 512
    mount = os.path.join(env.workdir, device)
    os.makedirs(mount, exist_ok=True)

    def run(*command, **kwargs):
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=tool.PATIENCE, **kwargs).stdout

    subprocess.run(["modprobe", "-aq", "loop", "dm-mod"], stderr=subprocess.DEVNULL)
    if not storage.loop_devices_work():
        t.skip(name, "no loop devices")
        os.unlink(image)
        return
    loop = run("losetup", "--find", "--show", image).strip()
    try:
        if subprocess.run(["dmsetup", "create", device, "--table", f"0 {sectors} linear {loop} 0"],
                          capture_output=True).returncode:
            t.skip(name, "this kernel has no device mapper")
            return
        try:
            run("mkfs.xfs", "-q", "-f", f"/dev/mapper/{device}")
            run("mount", f"/dev/mapper/{device}", mount)
            try:
                path = os.path.join(mount, "file")
                with open(path, "wb") as file:
                    file.write(b"x" * 65536)
                    os.fsync(file.fileno())
                    observed = observe(env, source, "-f", path, "--errors")
                    file.seek(0)
                    file.write(b"y" * 65536)
                    file.flush()
                    run("dmsetup", "suspend", "--nolockfs", "--noflush", device)
                    run("dmsetup", "load", device, "--table", f"0 {sectors} error")
                    run("dmsetup", "resume", device)
                    try:
                        os.fsync(file.fileno())
                        failed = None
                    except OSError as error:
                        failed = error.errno
                observed.stop()
                t.equal(failed, errno.EIO, f"{name}: fsync() fails")
                t.ok(observed.events and {e["ret"] for e in observed.events} == {-errno.EIO} and
                     sum(e["len"] for e in observed.events) == 65536, f"{name}: the ioend says so",
                     f"{observed.events}\n{observed.stderr()}")
                tool.balanced(t, observed, name)
                empty(t, observed, name)
            finally:
                run("umount", mount)
        finally:
            run("dmsetup", "remove", device)
    finally:
        run("losetup", "-d", loop)
        os.unlink(image)


def run(t, env):
    sources = tool.tested_sources(env, "ioends")
    if not sources:
        raise Skip("no source of ioends can be used on this kernel")
    for source in sources:
        patched = source == "iomap_ioend"
        for check in (check_file, check_overwrite, check_holes):
            tool.by_kprobe(t, env, source, check, patched)
        for check in (check_flusher, check_failure) if env.brief else (check_filters, check_hist, check_full_table, check_flusher, check_failure):
            tool.by_kprobe(t, env, source, check)
        if patched:
            check_merges(t, env, source)
