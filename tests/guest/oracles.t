#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Events against oracles that nobody here wrote: blktrace, FIEMAP, fio, smaps, pagemap and vmstat.

The guest (oracles/record.py) records what was asked for and what both sides say; here the two are compared
(oracles/compare.py). Everything is equality of multisets: no request may be missing, or too many, on either side.

How the data of files is told from the rest in what blktrace has queued: every request that touches a sector that FIEMAP has
shown to belong to one of the files, at any of the times at which it was asked, is data, and has to be an event's. All
others have to be metadata: flagged as such (M, which XFS sets for its log and its buffers, ext4 and jbd2 for theirs), or an
empty flush; and nothing that is data may have that flag. blktrace's queue events come before the block layer splits a
request, as do the kernel's.

    oracles.t [--again]		--again: compares what the last run has recorded
"""

import collections
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "oracles")]
import compare  # noqa: E402
import guest  # noqa: E402
import tool  # noqa: E402
from tap import Tap  # noqa: E402

DISKS = ["virtio:512M", "virtio:512M", "nvme:512M", "nvme:512M", "virtio:32M", "virtio:32M", "virtio:16M", "pmem:400M"]
TIMEOUT = 240
NAMES = {"vda": "XFS on virtio", "vdb": "ext4 on virtio", "nvme0n1": "XFS with 1 KiB blocks on NVMe",
         "nvme1n1": "ext4 with 1 KiB blocks on NVMe", "vdc": "the first leg", "vdd": "the second leg", "vde": "the log"}


def record(out):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    disks = [arg for disk in DISKS for arg in ("--disk", disk)]
    # The guest has an environment of its own.
    command = [guest.VM, *guest.built_kernel("observe"), "--hold", "--cpus", "1", "--memory", "1G",
               "--timeout", str(TIMEOUT), "--log", out + ".log", *disks, "--share", out,
               "--env", f"BUILD_DIR={tool.BUILD}", "--",
               os.path.join(HERE, "oracles", "record.py"), out]
    return subprocess.run(command, capture_output=True, text=True)


def notices(t, name, check, ours, theirs):
    """The comparison itself: it sees each of the smallest changes to either side."""
    if not ours or not theirs:
        return t.fail(f"{name}: the comparison can fail", "there is nothing to compare")
    first = theirs[len(theirs) // 2]
    changed = {
        "an event dropped": (ours[1:], theirs),
        "an event doubled": (ours + ours[:1], theirs),
        "a request dropped": (ours, theirs[:-1]),
        "a request doubled": (ours, theirs + theirs[-1:]),
        "a sector wrong by one": (ours, [q for q in theirs if q is not first] + [first._replace(sector=first.sector + 1)]),
        "a request longer by a sector": (ours, [q for q in theirs if q is not first]
                                         + [first._replace(sectors=first.sectors + 1)]),
        "another direction": (ours, [q for q in theirs if q is not first]
                              + [first._replace(rwbs=first.rwbs[::-1] + "x")]),
    }
    missed = [what for what, sides in changed.items() if not check(*sides)]
    return t.ok(not missed, f"{name}: the comparison would notice each of {len(changed)} faults", missed)


def compare_data(t, phase, trace, device, ours, least):
    """Requests with data of the files: the events' and blktrace's. ours: kind -> what the events say."""
    name = f"{phase.name}, {NAMES[device]}"
    queued = trace.during(device, phase.number, phase.devices[device]["mark"])
    extents = compare.Sectors(phase.extents(device))
    data, rest = compare.split(queued, extents)
    fills, missing = compare.fill_requests(phase, device, data)
    ours = {**ours, "fills of blocks": fills}
    every = [q for kind in ours.values() for q in kind]
    for kind, number in least.items():
        t.ok(len(ours[kind]) >= number, f"{name}: there are at least {number} {kind}", len(ours[kind]))
    said = ", ".join(f"{len(kind)} {what}" for what, kind in ours.items() if kind)
    lines = compare.differences(every, data) + missing[:8]
    t.ok(not lines, f"{name}: {said}, of {sum(q.sectors for q in every)} sectors, are blktrace's requests with direction, "
         "flags, sector and length, all of them and none more", "\n".join(lines))
    outside = [q for q in every if q.sectors != extents.overlap(q.sector, q.sectors)]
    t.ok(not outside, f"{name}: all of it is where FIEMAP says that the files are", outside[:8])
    strange = [q for q in rest if not compare.is_metadata(q)]
    flagged = [q for q in data if "M" in q.rwbs]
    t.ok(not strange and not flagged, f"{name}: the other {len(rest)} requests are metadata, and none of these is",
         f"{strange[:8]} {flagged[:8]}")
    notices(t, name, compare.differences, every, data)
    return data


def check_direct(t, phase, trace):
    kinds = collections.Counter()
    for device in phase.devices:
        ours = compare.direct_requests(phase, device)
        kinds.update(q.rwbs for q in ours)
        compare_data(t, phase, trace, device, {"bios": ours, "ioends": compare.ioend_requests(phase, device),
                                               "buffered reads": compare.read_requests(phase, device)}, {"bios": 600})
    begun, ended = (len(phase.of(f"iomap_dio_bio_{what}")) for what in ("submit", "end"))
    t.equal(ended, begun, "direct: each bio has ended")
    t.ok({"R", "WS"} <= set(kinds) and any("F" in kind for kind in kinds),
         "direct: reads, writes and writes through the cache are among them", kinds)
    for device, about in phase.devices.items():
        sizes = {q.sectors for q in compare.direct_requests(phase, device)}
        t.ok(1 in sizes and max(sizes) > about["max_sectors"],
             f"direct, {NAMES[device]}: from one sector to more than the device takes at once ({about['max_sectors']})",
             sorted(sizes))
    polled = phase.of("iomap_dio_bio_submit", polled="1")
    t.ok(polled and all(e["bdev"] in (phase.number_of("nvme0n1"), phase.number_of("nvme1n1")) for e in polled),
         f"direct: {len(polled)} bios are polled, on NVMe alone", polled[:3])
    zeroed = phase.of("iomap_dio_zero")
    bios = {(e["dio"], e["pos"], e["length"]) for e in phase.of("iomap_dio_bio_submit")}
    t.ok(zeroed and all((e["dio"], e["pos"], e["length"]) in bios for e in zeroed),
         f"direct: {len(zeroed)} parts of blocks are zeroed, each by a bio", zeroed[:3])


def check_fio(t, phase):
    for job in phase.notes["fio"]:
        for what, (ours, fios) in compare.fio_counts(job, phase).items():
            t.equal(ours, fios, f"fio {job['job']}: {what}")
    iocbs = len(phase.of("aio_iocb_end"))
    t.equal(iocbs, sum(job["reads"] + job["writes"] for job in phase.notes["fio"] if job["engine"] == "libaio"),
            "fio: there are no more aio requests than fio's")


def check_writeback(t, phase, trace):
    for device in phase.devices:
        ours = compare.ioend_requests(phase, device)
        data = compare_data(t, phase, trace, device,
                            {"ioends": ours, "buffered reads": compare.read_requests(phase, device)}, {"ioends": 400})
        name = f"writeback, {NAMES[device]}"
        number = phase.number_of(device)
        events = [e for e in phase.events if "ioend" in e and e.get("dev") == number]
        wrong, counts = compare.ioend_lives(events)
        t.ok(not wrong, f"{name}: of each ioend, what was added was submitted and finished", "\n".join(map(str, wrong[:8])))
        totals = {counts[f"bytes {what}"] for what in ("added", "submitted", "finished")}
        t.equal(totals, {compare.SECTOR * sum(q.sectors for q in data if "W" in q.rwbs)},
                f"{name}: as many bytes were added, submitted and finished as blktrace has seen")
        t.ok(counts["merged"] and counts["short"], f"{name}: {counts['merged']} ioends are merged, {counts['short']} end "
             "at the end of the file", counts)
        for what, drop in (("an added range", "iomap_add_to_ioend"), ("an end", "iomap_ioend_finish"),
                           ("a merge", "iomap_ioend_merge")):
            gone = [i for i, e in enumerate(events) if e["event"] == drop][:1]
            rest = [e for i, e in enumerate(events) if i not in gone]
            t.ok(compare.ioend_lives(rest)[0], f"{name}: {what} that is missing would be noticed")


def check_reads(t, phase, trace):
    for device in phase.devices:
        ours = compare.read_requests(phase, device)
        compare_data(t, phase, trace, device, {"buffered reads": ours, "ioends": compare.ioend_requests(phase, device)},
                     {"buffered reads": 300, "fills of blocks": 100})
        added = sum(int(e["length"], 16) for e in phase.of("iomap_read_bio_add", dev=phase.number_of(device)))
        t.equal(added, compare.SECTOR * sum(q.sectors for q in ours),
                f"reads, {NAMES[device]}: as many bytes were added as submitted")


def check_mirror(t, phase, trace):
    for device in phase.devices:
        name = f"mirror, {NAMES[device]}"
        queued = trace.during(device, phase.number, phase.devices[device]["mark"])
        ours = compare.mirror_requests(phase, device)
        lines = compare.differences(ours, queued, their_name="blktrace")
        t.ok(ours and not lines, f"{name}: the {len(ours)} requests of {sum(q.sectors for q in ours)} sectors are blktrace's, "
             "and there is no other", "\n".join(lines))
        notices(t, name, compare.differences, ours, queued)
        regions = sum(int(e["count"]) for e in phase.of("dm_io_region", dev=phase.number_of(device), error="0"))
        t.equal(sum(q.sectors for q in ours), regions, f"mirror, {NAMES[device]}: the bios are as long as the regions")
    kinds = {q.rwbs for device in phase.devices for q in compare.mirror_requests(phase, device)}
    t.ok({"R", "W", "D", "FW", "FWS"} <= kinds, "mirror: reads, writes, a discard and flushes are among them", kinds)
    resync = sum(int(e["nr_sectors"]) for e in phase.of("dm_io_bio_submit", dev=phase.number_of("vdc"))
                 if "R" in e["rwbs"])
    t.equal(resync, phase.notes["regions"] * phase.notes["region_sectors"],
            "mirror: what is read for the synchronisation is all regions, once")
    written = sum(q.sectors for q in compare.mirror_requests(phase, "vdd") if "W" in q.rwbs)
    t.equal(written - resync, phase.notes["written"] // compare.SECTOR,
            "mirror: what is written beside that is what was written to the mirror")
    for what in ("io", "bio"):
        begin, end = (len(phase.of(event)) for event in
                      (("dm_io_begin", "dm_io_end") if what == "io" else ("dm_io_bio_submit", "dm_io_bio_end")))
        t.equal(end, begin, f"mirror: each {what} has ended")


def check_dax(t, phase, out):
    totals = collections.Counter()
    for section in compare.sections(out):
        checks, counts = compare.dax_section(section, phase)
        totals.update(counts)
        for what, (ours, theirs) in checks.items():
            good = ours == theirs
            t.ok(good, f"dax {section.name}: {what}",
                 "" if good else f"the events {str(ours)[:300]}\nthe oracle {str(theirs)[:300]}\n{counts} {section.counters}")
    t.ok(all(totals[kind] >= least for kind, least in
             (("small", 3000), ("huge", 20), ("zero", 8), ("cow", 600), ("faults", 4000), ("fallbacks", 20), ("major", 300))),
         f"dax: in all {', '.join(f'{number} {kind}' for kind, number in totals.items())}", totals)
    for name, event in (("small", "dax_insert_mapping"), ("huge", "dax_pmd_insert_mapping"), ("huge", "dax_iomap_fault"),
                        ("hole", "dax_load_hole"), ("huge_hole", "dax_pmd_load_hole"), ("allocated", "dax_iomap_fault"),
                        ("private_written", "dax_fault_cow"), ("small", "dax_fault_fallback")):
        section = next(s for s in compare.sections(out) if s.name == name)
        checks, _ = compare.dax_section(section, compare.without_last(phase, event, section))
        t.ok(any(ours != theirs for ours, theirs in checks.values()), f"dax {name}: a {event} that is missing would be noticed")


def main():
    t = Tap()
    out = os.path.join(tool.BUILD, "tests", "oracles")
    if "--again" not in sys.argv:
        done = record(out)
        t.equal(done.returncode, 0, "the guest has recorded everything", f"{done.stdout}{done.stderr}")
        if done.returncode:
            return t.done()
    try:
        trace = compare.Blktrace(out)
        phases = {name: compare.Phase(out, name) for name in ("direct", "writeback", "reads", "mirror", "dax")}
        check_direct(t, phases["direct"], trace)
        check_fio(t, phases["direct"])
        check_writeback(t, phases["writeback"], trace)
        check_reads(t, phases["reads"], trace)
        check_mirror(t, phases["mirror"], trace)
        check_dax(t, phases["dax"], out)
    except compare.OracleError as why:
        t.fail("the records can be compared", why)
    return t.done()


if __name__ == "__main__":
    sys.exit(main())
