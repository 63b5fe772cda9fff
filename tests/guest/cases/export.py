# SPDX-License-Identifier: GPL-2.0
"""Each metric that the exporter has is what the observers count over the same work, and each that the table has occurs."""

import collections
import contextlib
import errno
import fcntl
import mmap
import os
import re
import shutil
import subprocess
import sys
import time

import exporter
import storage
import tool
from exporter import Exporter, device_name
from tap import Skip

for directory in ("steps", "oracles"):
    sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", directory))
import case_fsdax    # noqa: E402
import cgroup    # noqa: E402
import dmio    # noqa: E402
import ioends    # noqa: E402
import machine    # noqa: E402

KILOBYTE, MEGABYTE = 1 << 10, 1 << 20
PAGE = 4096
SYNC_WRITE = 2
QUIET_SECONDS = 60      # of tools/export/model.c
LOOP_CTL_REMOVE = 0x4C81
LOOP_NUMBER = 2000         # the first number of those that are ours, and how many there are
EVENTS = {"lookups": "iomap_lookup", "steps": "iomap_step", "ioends": "iomap_ioend", "dio": "iomap_dio", "dax": "dax_iomap_fault",
          "aio": "aio_iocb", "dmio": "dm_io"}
# Sums of events' durations, of which each has been measured by the observer itself, and what only a histogram has.
STREAMED = ("lookups", "ioends", "dio", "dax", "aio", "dmio")
PHASES = {"ioends": ("build", "device", "completion"), "dio": ("mapping", "setup", "device", "queue", "completion")}


def bound(value, first, last, step):
    """The le of a value, as a number; None is infinity."""
    for n in range(first, last + 1, step):
        if value <= 1 << n:
            return 1 << n
    return None


def histogram(counter, scale=1):
    """What a list of values is in buckets: le -> count."""
    return {"+Inf" if le is None else f"{le / scale:.9f}".rstrip("0").rstrip(".") if scale > 1 else str(le): count
            for le, count in counter.items()}


def latencies(values):
    return histogram(collections.Counter(bound(ns, 8, 34, 1) for ns in values), 10 ** 9)


def sizes(values):
    return histogram(collections.Counter(bound(size, 12, 40, 2) for size in values))


def words(values):
    return dict(collections.Counter("" if value is None else value for value in values))


def flagged(events, field, flag):
    return sum(flag in (e[field] or "").split("|") for e in events)


def expected_lookups(events, patched):
    good = [e for e in events if e["ret"] == 0]
    yield "iomap_lookups_total", None, len(events)
    yield "iomap_lookup_errors_total", None, len(events) - len(good)
    yield "iomap_lookup_mapping_bytes_sum", None, sum(e["map_len"] for e in good)
    yield "iomap_lookup_mapping_bytes_count", None, len(good)
    yield "iomap_lookup_mapping_bytes", "le", sizes(e["map_len"] for e in good)
    yield "iomap_lookup_mappings_total", "type", words(e["type"] for e in good)
    yield "iomap_lookup_shared_total", None, flagged(good, "flags", "SHARED")
    yield "iomap_lookup_cow_total", None, sum(e["src_type"] is not None for e in good)
    timed = [e["latency_ns"] for e in events if e["latency_ns"] is not None]
    yield "iomap_lookup_duration_seconds_count", None, len(timed)
    if patched:
        # The kernel's own durations: exactly the same.
        yield "iomap_lookup_duration_seconds", "le", latencies(timed)
        yield "iomap_lookup_duration_seconds_sum", None, sum(timed) / 10 ** 9


def expected_ioends(events, patched):
    yield "iomap_ioend_duration_seconds_count", None, len(events)
    yield "iomap_ioends_total", "reason", words(e["reason"] for e in events)
    yield "iomap_ioend_errors_total", None, sum(e["ret"] < 0 for e in events)
    yield "iomap_ioend_bytes", "le", sizes(e["len"] for e in events)
    yield "iomap_ioend_bytes_sum", None, sum(e["len"] for e in events)
    if patched:
        yield "iomap_ioend_merged_total", None, sum(e["merged"] for e in events)
        yield "iomap_ioend_folios_total", None, sum(e["folios"] for e in events)
        yield "iomap_ioend_phases_total", "phase", words(phase for e in events for phase in PHASES["ioends"] if e[f"{phase}_ns"] is not None)


def expected_dio(events, patched):
    yield "iomap_dio_duration_seconds_count", None, len(events)
    yield "iomap_dio_errors_total", None, sum(e["ret"] not in (0, -errno.ENOTBLK) for e in events)
    yield "iomap_dio_would_block_total", None, sum(e["ret"] == -errno.EAGAIN for e in events)
    yield "iomap_dio_request_bytes", "le", sizes(e["len"] for e in events)
    yield "iomap_dio_request_bytes_sum", None, sum(e["len"] for e in events)
    yield "iomap_dio_bytes_total", None, sum(e["done"] or 0 for e in events)
    yield "iomap_dio_waits_total", "wait", words(e["wait"] for e in events)
    if patched:
        yield "iomap_dio_bios_total", None, sum(e["bios"] for e in events)
        yield "iomap_dio_extents_total", None, sum(e["extents"] for e in events)
        yield "iomap_dio_completions_total", "route", words(e["route"] or "unknown" for e in events)
        yield "iomap_dio_fallbacks_total", "cause", words(e["exit"] for e in events if e["exit"] is not None)
        yield "iomap_dio_phases_total", "phase", words(phase for e in events for phase in PHASES["dio"] if e[f"{phase}_ns"])


def expected_dax(events, patched):
    faults = [e for e in events if e["op"].startswith("dax_fault")]
    yield "iomap_dax_duration_seconds_count", None, len(events)
    yield "iomap_dax_errors_total", None, sum(e["ret"] != 0 for e in events)
    yield "iomap_dax_fallbacks_total", "reason", words(e["fallback"] for e in faults if "FALLBACK" in e["result"].split("|"))
    yield "iomap_dax_mapped_total", "mapped", words(e["mapped"] for e in faults if e["mapped"] is not None)
    yield "iomap_dax_bytes_total", None, sum(e["done"] or 0 for e in events)


def expected_aio(events, patched):
    yield "aio_duration_seconds_count", None, len(events)
    yield "aio_errors_total", None, sum(e["ret"] < 0 for e in events)
    yield "aio_completions_total", "route", words(e["route"] for e in events)
    yield "aio_cancelled_total", None, sum(e["cancel"] is not None for e in events)


def expected_dmio(events, patched):
    yield "dm_io_duration_seconds_count", None, len(events)
    yield "dm_io_errors_total", None, sum(e["error_bits"] != 0 for e in events)
    yield "dm_io_failed_regions_total", None, sum(bin(e["error_bits"]).count("1") for e in events)
    yield "dm_io_regions_total", None, sum(e["region_count"] for e in events)
    yield "dm_io_bytes", "le", sizes(e["bytes"] for e in events)


EXPECTED = {"lookups": expected_lookups, "ioends": expected_ioends, "dio": expected_dio, "dax": expected_dax, "aio": expected_aio,
            "dmio": expected_dmio}


def key_of(observer, event):
    """Device and facet of an event; the device of a dm-io request is that of its first region."""
    dev = event["dev"] if observer != "dmio" else next((r["dev"] for r in event["regions"]), None)
    if dev is None:
        return "none", event["op"] or ""
    name = device_name(dev) if os.path.exists(f"/sys/dev/block/{dev}") else dev
    return name, (event["type"] if observer == "ioends" else event["op"]) or ""


def later(routes, patched):
    same = ("early", "queued") if patched else ("early", "queued", "")
    return {**{route: n for route, n in routes.items() if route not in same}, "later": sum(routes.get(route, 0) for route in same)}


def compare(t, name, scrape, observer, observed, devices, patched):
    """The events that the observer has shown, device by device and facet by facet, against the metrics."""
    facet = "type" if observer == "ioends" else "op"
    groups = collections.defaultdict(list)
    for event in observed.events:
        groups[key_of(observer, event)].append(event)
    wrong, compared = [], 0
    for (device, word), events in sorted(groups.items()):
        # Those of pipes are nobody else's.
        if device not in devices and not (observer == "aio" and device.startswith("0:")):
            continue
        labels = {"device": device, facet: word}
        for metric, label, expected in EXPECTED[observer](events, patched):
            if label == "le":
                got = scrape.buckets(metric, **labels)
            elif label:
                got = scrape.by(metric, label, **labels)
                # Whether io_submit() had gone on is what each of the two finds by itself; on a stock kernel also whether it can tell.
                if observer == "aio":
                    got, expected = later(got, patched), later(expected, patched)
            else:
                got = scrape.sum(metric, **labels)
            compared += 1
            if got != expected and not (isinstance(expected, float) and abs(got - expected) < 1e-9 * max(1, expected)):
                wrong.append(f"{metric} {labels}: got {got}, expected {expected}")
    t.ok(compared and not wrong, f"{name}: {observer}: {len(observed.events)} events, all metrics are what they add up to",
         "\n".join(wrong) or "nothing was compared")


def merging(fs):
    """Ioends that complete while the worker has not begun."""
    fd = os.open(fs.path("merged"), os.O_RDWR | os.O_CREAT)
    machine.fallocate(fd, 0, 0, MEGABYTE)
    fs.slow()
    for pos in range(0, MEGABYTE, 65536):
        os.pwrite(fd, b"m" * 65536, pos)
        machine.libc.sync_file_range(fd, pos, 65536, SYNC_WRITE)
    os.fsync(fd)
    os.close(fd)


def zeroing(fs):
    """Zeroing finds dirty page cache over blocks that are not written: the mapping goes stale."""
    fd = os.open(fs.path("zeroed"), os.O_RDWR | os.O_CREAT)
    machine.fallocate(fd, machine.KEEP_SIZE, 0, 65536)
    os.pwrite(fd, b"z" * 1000, 0)
    os.pwrite(fd, b"z" * 1000, 16384)
    os.fsync(fd)
    os.close(fd)
    os.unlink(fs.path("zeroed"))


def on_files(env, fs):
    path = fs.file("export", MEGABYTE)
    subprocess.run(["xfs_io", "-d", "-c", "pwrite -q -b 64k 0 1m", "-c", "pread -q -b 128k 0 1m", "-c", "pread -q -b 128k 900k 256k", path],
                   check=True, timeout=tool.PATIENCE, stdout=subprocess.DEVNULL)
    subprocess.run(["xfs_io", "-f", "-c", "pwrite -q -b 64k 0 2m", "-c", "fsync", "-c", "pwrite -q 3m 64k", "-c", "fsync", "-c", "fiemap",
                    fs.path("gaps")], check=True, timeout=tool.PATIENCE, stdout=subprocess.DEVNULL)
    tool.workload("seek", "-n", 50, path)
    tool.workload("aio", "mixed", fs.file("mixed", 64 * KILOBYTE))
    tool.workload("aio", "refused", fs.file("refused-aio", 64 * KILOBYTE))
    if shutil.which("fio"):
        subprocess.run(["fio", "--name=export", f"--filename={fs.path('fio')}", "--rw=randrw", "--bs=16k", "--size=2m", "--ioengine=libaio",
                        "--direct=1", "--iodepth=8", "--thread", "--overwrite=1"], check=True, timeout=tool.PATIENCE, stdout=subprocess.DEVNULL)
    if fs.kind == "xfs":
        tool.workload("fail", "nowait", fs.hole("refused"), 3)
        source, clone = os.open(path, os.O_RDWR), os.open(fs.path("clone"), os.O_RDWR | os.O_CREAT)
        machine.clone(clone, source)
        os.pwrite(clone, b"c" * 100, 8192)
        os.fsync(clone)
        os.close(clone)
        os.close(source)


def on_dax(fs):
    tool.workload("daxmap", fs.mount)
    fd = case_fsdax.file(fs, "synced", 4 * PAGE, 4 * PAGE)
    mapping = machine.Mapping(fd, 4 * PAGE, machine.MAP_SHARED_VALIDATE | machine.MAP_SYNC)
    for page in range(4):
        mapping.write(page * PAGE)
    mapping.unmap()
    os.close(fd)


def on_mirror(disk):
    legs = [disk.part("leg0", 0), disk.part("leg1", 1)]
    both = dmio.Mapped("mirror", f"mirror core 2 {dmio.REGION} nosync 2 {legs[0].path} 0 {legs[1].path} 0")
    dmio.write(both)
    both.remove()
    bad = dmio.Mapped("bad", "error")
    both = dmio.Mapped("mirror", f"mirror core 2 {dmio.REGION} nosync 2 {legs[0].path} 0 {bad.path} 0")
    dmio.write(both, 4)
    dmio.wait_for(lambda: "D" in both.status()[8], "the bad leg is noticed")
    both.remove()
    # What is told of later needs their names.
    return legs + [bad]


def attached(scrape):
    """The source of each observer that has one."""
    return {labels["observer"]: labels["source"] for labels, value in scrape.of("iomapscope_source_attached") if value}


@contextlib.contextmanager
def dax_mounted(env):
    """None where there is no fsdax."""
    if not env.pmem:
        yield None
        return
    with machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always", where="dax") as fs:
        yield fs


@contextlib.contextmanager
def mirrors(env):
    subprocess.run(["modprobe", "-aq", "loop", "dm-mod", "dm-mirror"], stderr=subprocess.DEVNULL)
    if not shutil.which("dmsetup") or not storage.loop_devices_work() or not tool.usable_sources("dmio"):
        yield None
        return
    disk = dmio.Disk(env)
    try:
        yield disk
    finally:
        disk.remove()


def accounted(t, scrape, name, lossless=True):
    """Seen = emitted + lost, and nothing is lost unless programs were skipped."""
    for observer in attached(scrape):
        seen, emitted = scrape.sum("iomapscope_events_total", observer=observer), scrape.sum("iomapscope_events_emitted_total", observer=observer)
        lost = scrape.by("iomapscope_events_lost_total", "reason", observer=observer)
        skipped = scrape.sum("iomapscope_programs_skipped_total", observer=observer)
        good = seen == emitted + sum(lost.values()) and (not lossless or sum(lost.values()) <= skipped)
        t.ok(good, f"{name}: {observer}: seen = emitted + lost", f"seen {seen}, emitted {emitted}, lost {lost}, skipped {skipped}")


def check_everything(t, env):
    os.sync()
    with dax_mounted(env) as dax, mirrors(env) as disk, storage.Delayed(env, 100) as slow, Exporter(env.workdir) as export:
        first = export.scrape()
        sources = attached(first)
        usable = {observer for observer in STREAMED if tool.usable_sources(observer)}
        t.equal(set(sources) - {"steps"}, usable, "each observer that has a source is attached", export.stderr())
        observed = {observer: env.observe(observer, "--source", sources[observer], "--ring-size", "16m") for observer in STREAMED
                    if observer in sources}
        parts = []
        for fs in (env.xfs, env.ext4):
            on_files(env, fs)
        zeroing(env.xfs)
        tool.workload("aio", "cancelled")
        if slow:
            merging(slow)
        if dax:
            on_dax(dax)
        if disk and "dmio" in sources:
            parts = on_mirror(disk)
        os.sync()
        for observer in observed.values():
            observer.stop()
        scrape = export.scrape()
        # Only devices that are ours: on a machine that others use they are at work as well.
        devices = {device_name(fs.dev) for fs in (env.xfs, env.ext4)} | {device_name(part.dev) for part in parts}
        if dax:
            devices.add(os.path.basename(env.pmem))
        if slow:
            number = os.stat(slow.device).st_rdev
            devices.add(device_name(f"{os.major(number)}:{os.minor(number)}"))
        for observer, stream in observed.items():
            # What is preempted is counted by one and maybe not by the other.
            if stream.summary["programs_skipped"] or scrape.sum("iomapscope_programs_skipped_total", observer=observer):
                t.skip(f"{sources[observer]}: exact counts", "this kernel preempts programs, and skipped some")
                continue
            mine = devices | {"none"} if observer in ("aio", "dmio") else devices
            if observer == "dax" and not dax or observer == "dmio" and not disk:
                continue
            compare(t, sources[observer], scrape, observer, stream, mine, sources[observer] == EVENTS[observer])
        t.equal({labels["fstype"] for labels, _ in scrape.of("iomap_lookups_total", device=device_name(env.xfs.dev))}, {"xfs"},
                "the file system type of XFS")
        if "dio" in sources:
            t.equal({labels["fstype"] for labels, _ in scrape.of("iomap_dio_errors_total", device=device_name(env.ext4.dev))}, {"ext4"},
                    "and of ext4")
        for metric in ("iomap_dio_in_flight", "iomap_ioends_in_flight", "aio_in_flight", "dm_io_in_flight"):
            mine = {key: value for key, value in scrape.samples.get(metric, {}).items() if dict(key)["device"] in devices and value}
            t.equal(mine, {}, f"{metric} is 0 when all is over")
        accounted(t, scrape, "everything", lossless=env.patched)
        for part in parts:
            part.remove()
        check_occurrence(t, env, scrape, sources, dax, disk)
        t.equal(export.stop().status, 0, "SIGTERM ends it in order", export.stderr())
    return sources


def check_occurrence(t, env, scrape, sources, dax, disk):
    """Each metric of the table is there if its source can tell it, and no other; the labels are the table's."""
    wrong = []
    for metric in exporter.table():
        name, observer = metric["name"], metric["observer"]
        absent = observer not in sources or ("needs this project's events" in metric["doc"] and sources[observer] != EVENTS[observer]) or \
            (name == "iomap_dax_bytes_total" and sources[observer] == "dax_pte_fault")
        sample = name + ("_count" if metric["type"] == "HISTOGRAM" else "")
        found = scrape.of(sample)
        if absent != (name not in scrape.families):
            wrong.append(f"{name} is {'there' if absent else 'absent'}")
        if absent:
            continue
        labels = {"device", "fstype", metric["facet"]} | ({metric["label"]} - {""})
        if any(set(got) != labels for got, _ in found):
            wrong.append(f"{name} has labels {set(found[0][0])}")
        if not found and env.patched and (observer != "dax" or dax) and (observer != "dmio" or disk):
            wrong.append(f"{name} does not occur")
    for metric in exporter.own_table():
        found = scrape.of(metric["name"])
        if not found or any(set(got) != set(metric["labels"]) for got, _ in found):
            wrong.append(f"{metric['name']}: {found[:1]}")
    t.ok(not wrong, "each metric of the table occurs with its labels, if the source can tell it", "\n".join(wrong))
    t.equal(set(scrape.families) - {metric["name"] for metric in exporter.table() + exporter.own_table()}, set(), "and no other")


def check_steps(t, env):
    """Steps, stale mappings and releases are those that ftrace has."""
    with Exporter(env.workdir, "--observers", "steps") as export:
        def work():
            on_files(env, env.xfs)
            zeroing(env.xfs)
        names = ("iomap_step", "iomap_stale", "iomap_release")
        ioends.traced(names, work)
        with open(f"{ioends.TRACING}/trace") as trace:
            lines = [line for line in trace if f" dev {env.xfs.dev} " in line]
        scrape = export.scrape()
    expected = collections.defaultdict(lambda: collections.defaultdict(int))
    for line in lines:
        value = dict(re.findall(r" (op|processed|reason|ret) (\S+)", line))
        op = value["op"].lower()
        if ": iomap_step:" in line:
            expected["iomap_steps_total"][op] += 1
            expected["iomap_step_bytes_total"][op] += max(int(value["processed"]), 0)
            expected["iomap_step_errors_total"][op] += int(value["processed"]) < 0
        elif ": iomap_stale:" in line:
            expected["iomap_stale_mappings_total"][op, value["reason"].lower()] += 1
        else:
            expected["iomap_releases_total"][op] += 1
            expected["iomap_release_errors_total"][op] += int(value["ret"]) < 0
            expected["iomap_release_duration_seconds_count"][op] += 1
    name = device_name(env.xfs.dev)
    t.ok(len(lines) > 100 and expected["iomap_stale_mappings_total"], "ftrace has steps and stale mappings", len(lines))
    for metric, counts in expected.items():
        got = {((labels["op"], labels["reason"]) if "reason" in labels else labels["op"]): value
               for labels, value in scrape.of(metric, device=name) if value}
        t.equal(got, {op: count for op, count in counts.items() if count}, f"{metric}: as many as ftrace has")


def check_overflow(t, env):
    """What has no room is added to "other", and no event is lost."""
    path, other = env.xfs.file("room", 65536), env.ext4.path("room")
    with Exporter(env.workdir, "--observers", "lookups", "--keys", 1) as export:
        tool.workload("seek", "-n", 100, path)
        first = export.scrape()
        subprocess.run(["xfs_io", "-c", "fiemap", path], check=True, stdout=subprocess.DEVNULL)
        with open(other, "wb") as file:
            file.write(b"x" * 65536)
            os.fsync(file.fileno())
        subprocess.run(["xfs_io", "-c", "fiemap", other], check=True, stdout=subprocess.DEVNULL)
        scrape = export.scrape()
    others = scrape.by("iomap_lookups_total", "op", device="other")
    t.ok(first.sum("iomap_lookups_total") >= 100 and first.sum("iomapscope_map_entries", map="keys") == 1, "one key has room",
         first.of("iomap_lookups_total"))
    t.ok(others.get("fiemap", 0) >= 2, "what has none is added to other, under its operation", scrape.of("iomap_lookups_total"))
    t.equal({labels["fstype"] for labels, _ in scrape.of("iomap_lookups_total", device="other")}, {"other"}, "so is its type")
    t.equal(scrape.sum("iomapscope_overflow_total", observer="lookups"), scrape.sum("iomap_lookups_total", device="other"), "and counted")
    t.equal(scrape.sum("iomapscope_events_emitted_total"), scrape.sum("iomap_lookups_total"), "all that is emitted is in the metrics")
    accounted(t, scrape, "overflow", lossless=False)


def check_no_room_at_the_end(t, env, source):
    """What has begun with room, and has none in the key of the program that sees the end, is not in flight for ever."""
    path, count = env.xfs.file("end", 65536), 20
    with Exporter(env.workdir, "--observers", "dio", "--keys", 1) as export:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            with mmap.mmap(-1, PAGE) as buffer:
                for _ in range(count):
                    # With events of stock kernels only the return shows that it is over.
                    os.preadv(fd, [buffer], 65536)
                    os.preadv(fd, [buffer], 0)
        finally:
            os.close(fd)
        scrape = export.scrape()
    name = device_name(env.xfs.dev)
    t.ok(scrape.sum("iomap_dio_duration_seconds_count") >= 2 * count and scrape.sum("iomapscope_map_entries", map="keys") == 1,
         f"{source}: requests, and one key", scrape.of("iomap_dio_duration_seconds_count"))
    t.equal({labels["device"]: value for labels, value in scrape.of("iomap_dio_in_flight") if labels["device"] in (name, "other") and value}, {},
            f"{source}: none is in flight when all are over")


def check_cgroups(t, env):
    """Those beyond the cap, and those that are gone, are the cgroup "other"; the sum of all never goes backwards."""
    with contextlib.ExitStack() as stack:
        root, mounted = cgroup.hierarchy(env)
        if mounted:
            stack.callback(subprocess.run, ["umount", root])
        names = [f"export-{os.getpid()}-{letter}" for letter in "abc"]
        for name in names:
            os.mkdir(os.path.join(root, name))
        left = set(names)
        path = env.xfs.file("cgroups", 65536)
        device = device_name(env.xfs.dev)
        try:
            with Exporter(env.workdir, "--observers", "lookups", "--by-cgroup=2") as export:
                for count, name in zip((100, 200, 400), names):
                    cgroup.seek_in(os.path.join(root, name), count, path)

                def counts():
                    scrape = export.scrape()
                    return {labels["cgroup"]: n for labels, n in scrape.of("iomap_lookups_total", device=device, op="seek_data")}, scrape

                got, scrape = counts()
                t.equal(got, {f"/{names[0]}": 100, f"/{names[1]}": 200, "other": 400}, "the first two, and the rest as other")
                t.equal((scrape.sum("iomapscope_map_entries", map="cgroups"), scrape.sum("iomapscope_map_max_entries", map="cgroups")), (2, 2),
                        "the table of cgroups is full")
                t.equal(scrape.sum("iomapscope_overflow_total", observer="lookups"), scrape.sum("iomap_lookups_total", cgroup="other"),
                        "those beyond the cap are counted as overflow")
                os.rmdir(os.path.join(root, names[0]))
                left.remove(names[0])
                got, scrape = counts()
                t.equal(got, {f"/{names[1]}": 200, "other": 500}, "one that is gone is other")
                cgroup.seek_in(os.path.join(root, names[2]), 50, path)
                got, scrape = counts()
                t.equal(got, {f"/{names[1]}": 200, f"/{names[2]}": 50, "other": 500}, "its place is another one's")
                accounted(t, scrape, "cgroups", lossless=False)
        finally:
            for name in left:
                os.rmdir(os.path.join(root, name))


def check_dead_cgroups(t, env):
    """A cgroup all of whose work had no key gives its place back, too."""
    with contextlib.ExitStack() as stack:
        root, mounted = cgroup.hierarchy(env)
        if mounted:
            stack.callback(subprocess.run, ["umount", root])
        path = env.xfs.file("dead", 65536)
        export = stack.enter_context(Exporter(env.workdir, "--observers", "lookups", "--keys", 1, "--by-cgroup=2"))
        tool.workload("seek", "-n", 1, path)        # the only key
        for letter in "abc":
            directory = os.path.join(root, f"dead-{os.getpid()}-{letter}")
            os.mkdir(directory)
            try:
                cgroup.seek_in(directory, 10, path)
            finally:
                os.rmdir(directory)
        full = export.scrape()
        t.equal((full.sum("iomapscope_map_entries", map="keys"), full.sum("iomapscope_map_max_entries", map="cgroups")), (1, 2),
                "one key, two places of cgroups")
        deadline = time.monotonic() + tool.PATIENCE
        # Without a name it is given up after a while only.
        while True:
            left = export.scrape().sum("iomapscope_map_entries", map="cgroups")
            if left < 2 or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        t.ok(left < 2, "places of cgroups that are gone and have no key are free again", left)


def check_gone(t, env):
    """Keys of a device that is gone are taken out when nothing happens on it any more, and it has no series then."""
    if not storage.loop_devices_work():
        t.skip("a device that is gone", "no loop devices")
        return
    with Exporter(env.workdir, "--observers", "lookups,dio") as export:
        before = export.scrape()
        image = env.ext4.path("gone.img")
        with open(image, "wb") as file:
            file.truncate(320 * MEGABYTE)
        # One that nobody else finds free: another's device of the same name would have series, too.
        name = f"loop{LOOP_NUMBER + os.getpid() % LOOP_NUMBER}"
        loop = f"/dev/{name}"
        storage.command("losetup", loop, image)
        fs = storage.Filesystem("xfs", env.workdir, "gone", loop)
        tool.workload("seek", "-n", 10, fs.file("gone", 65536))
        there = export.scrape()
        fs.unmount()
        storage.command("losetup", "-d", loop)
        os.unlink(image)
        # A loop device without a file stays until it is asked to go.
        with open("/dev/loop-control") as control:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    fcntl.ioctl(control, LOOP_CTL_REMOVE, int(name.removeprefix("loop")))
                    break
                time.sleep(0.05)
        gone, begin = not os.path.exists(f"/sys/class/block/{name}"), time.monotonic()
        first = last = after = export.scrape()

        def series():
            return [labels for samples in after.samples.values() for labels in samples if ("device", name) in labels]

        while gone and series() and time.monotonic() - begin < QUIET_SECONDS + tool.PATIENCE:
            time.sleep(1)
            last, after = after, export.scrape()
        took = time.monotonic() - begin
        t.ok(there.sum("iomap_lookups_total", device=name) >= 10 and not before.of("iomap_lookups_total", device=name), "it had series",
             there.of("iomap_lookups_total"))
        if not gone:
            t.skip("a device that is gone has no series", "the loop device stays")
        else:
            t.ok(first.sum("iomap_lookups_total", device=name) >= there.sum("iomap_lookups_total", device=name) and took >= QUIET_SECONDS,
                 "a device that is gone stays for a while, so that all it had is told", took)
            t.equal(series(), [], "and has no series then")
            if t.label == "native":
                t.skip("nor keys", "other tests' devices come and go")
            else:
                t.ok(after.sum("iomapscope_map_entries", observer="lookups", map="keys") <
                     last.sum("iomapscope_map_entries", observer="lookups", map="keys"), "nor keys")
            t.ok(after.sum("iomapscope_events_emitted_total") >= there.sum("iomapscope_events_emitted_total"),
                 "what it had stays counted as emitted")
        accounted(t, after, "gone", lossless=False)


def run(t, env):
    exporter.loopback_up()
    try:
        sources = check_everything(t, env)
        check_overflow(t, env)
        # The tracepoint alone does not tell of a read at the end of the file that it is over.
        if sources.get("dio", "iomap_dio_rw") != "iomap_dio_rw":
            check_no_room_at_the_end(t, env, sources["dio"])
        if "steps" in sources:
            check_steps(t, env)
        if not env.brief:
            check_gone(t, env)
            try:
                check_cgroups(t, env)
                check_dead_cgroups(t, env)
            except Skip as why:
                t.skip("by cgroup", why)
    finally:
        exporter.kill_all()
