# SPDX-License-Identifier: GPL-2.0
"""Each fsdax fault, read and write is shown once: page sizes as the process finds them, why it fell back, syncs, copies."""

import collections
import errno
import os
import signal
import subprocess
import sys
import threading

import tool
from tap import Skip

for directory in ("steps", "oracles"):
    sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", directory))
import case_fsdax    # noqa: E402
import compare    # noqa: E402
import machine    # noqa: E402
from machine import HUGE, MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_SYNC, PAGE, Mapping    # noqa: E402

BLOCK = 1 << 20                 # of daxmap's writes
THREADS, WRITES = 4, 8
STATX_ATTR_DAX = 0x200000
EVENTS, FEXIT, STOCK = "dax_iomap_fault", "dax_iomap_fault+fexit", "dax_pte_fault"
# What only this project's events tell.
ONLY_EVENTS = ("extents", "copies", "recovered")
# What the faults of some of daxmap's mappings can have mapped.
KINDS = {"small": {"page"}, "huge": {"page"}, "hole": {"zero"}, "huge_hole": {"zero"},
         "private_written": {"copy"}, "private_hole": {"copy"}}


def observe(env, source, *args):
    return env.observe("dax", "-v", "--source", source, *args)


def faults(events):
    return [e for e in events if e["op"].startswith("dax_fault")]


def transfers(events):
    return [e for e in events if not e["op"].startswith("dax_fault")]


def fell_back(events):
    return [e for e in faults(events) if "FALLBACK" in e["result"].split("|")]


def checked(t, observed, name, **kwargs):
    """What holds of every run."""
    tool.balanced(t, observed, name, **kwargs)
    left = int(observed.stderr().split("in flight at the end: ")[1].split()[0])
    # An end that the kernel has skipped leaves its begin behind.
    t.ok(left <= observed.summary["programs_skipped"], f"{name}: nothing is left in flight", observed.stderr())


def vmstat(key):
    with open("/proc/vmstat") as file:
        return next((int(line.split()[1]) for line in file if line.startswith(key + " ")), None)


def is_dax(path):
    """Whether statx() calls the file one of fsdax."""
    shown = subprocess.run(["xfs_io", "-c", "statx -r", path], capture_output=True, text=True, check=True).stdout
    attributes = next(int(line.split("=")[1], 0) for line in shown.splitlines() if line.startswith("stat.attributes ="))
    return bool(attributes & STATX_ATTR_DAX)


def check_section(t, name, section, events, patched):
    """The faults of one mapping, against what the process found in pagemap and counted by getrusage()."""
    here = [e for e in faults(events) if section.start <= e["address"] < section.start + section.length]
    mapped = collections.defaultdict(set)
    for e in here:
        if e["mapped"]:
            mapped[e["op"], e["mapped"]].add(e["address"] // e["len"] * e["len"])
    small = set().union(*(mapped["dax_fault_pte", kind] for kind in ("page", "zero", "copy")))
    huge, zero = mapped["dax_fault_pmd", "page"], mapped["dax_fault_pmd", "zero"]
    pages = small | {page for pmd in huge | zero for page in range(pmd, pmd + HUGE, PAGE)}
    t.equal(pages, set(section.pages), f"{name}: the pages of pagemap, and no other")
    t.equal(4 * len({page // HUGE for page in small}), section.counters["page_tables_kb"],
            f"{name}: small pages need as many page tables")
    if section.scanned:
        t.equal((huge, zero), (section.huge, section.zero), f"{name}: huge pages, and those of zeroes, are those of PAGEMAP_SCAN")
    kinds = {e["mapped"] for e in here} - {None}
    t.equal(kinds, KINDS.get(section.name, kinds), f"{name}: what is mapped")
    fallbacks = fell_back(here)
    t.equal(len(here) - len(fallbacks), section.counters["minflt"] + section.counters["majflt"],
            f"{name}: as many faults as the process has had")
    t.equal(sum("MAJOR" in e["result"].split("|") for e in here), section.counters["majflt"], f"{name}: and major ones")
    t.equal(4 * len(mapped["dax_fault_pte", "copy"]), section.smaps["Anonymous"], f"{name}: private copies are those of smaps")
    t.ok(all(e["cow"] == ("private" if section.name in compare.COPYING else "none" if patched or e["access"] == "read" else None)
             for e in here), f"{name}: who copies", here[:1])
    if patched:
        t.ok(all((e["type"] in ("hole", "unwritten")) == (e["mapped"] == "zero") for e in here if e["mapped"] in ("page", "zero")
                 and e["access"] == "read"), f"{name}: holes read as zeroes")
    return here


def check_pages(t, env, fs, source):
    """Faults of known number and size; the files are written by write()."""
    patched = source == EVENTS
    observed = observe(env, source, "-d", fs.mount)
    report = tool.workload("daxmap", fs.mount)
    observed.stop()
    events, found = observed.events, compare.sections_of(report)
    t.ok(len(found) > 10, f"{source}: daxmap has its mappings")
    for section in found:
        check_section(t, f"{source} {section.name}", section, events, patched)
    t.equal({(e["event"], e["comm"], e["dev"], e["source"], e["tid"] == e["pid"]) for e in events},
            {("dax", "daxmap", fs.dev, source, True)}, f"{source}: who and where")
    t.ok(all(e["pos"] % e["len"] == 0 and e["len"] == (HUGE if e["op"] == "dax_fault_pmd" else PAGE) and e["latency_ns"] > 0
             for e in faults(events)), f"{source}: each fault has a page and a latency")
    sections = {section.name: section for section in found}
    if source != STOCK:
        for name, size in (("small", 1000 * PAGE), ("huge", 20 * HUGE)):
            writes = [e for e in transfers(events) if e["ino"] == sections[name].ino]
            t.equal([(e["op"], e["access"], e["pos"], e["len"], e["done"], e["ret"], e["result"]) for e in writes],
                    [("dax_write", "write", at, min(BLOCK, size - at), min(BLOCK, size - at), 0, None)
                     for at in range(0, size, BLOCK)],
                    f"{source}: the writes to {name}, once each, with their bytes")
        t.ok(all((e[field] is not None) == patched for e in transfers(events) for field in ONLY_EVENTS),
             f"{source}: extents and copies are " + ("known" if patched else "null"), transfers(events)[:1])
        if patched:
            t.ok(all(e["extents"] >= 1 and e["copies"] >= 1 and e["recovered"] == 0 for e in transfers(events)),
                 f"{source}: extents and copies", transfers(events)[:1])
    else:
        t.equal(transfers(events), [], f"{source}: reads and writes are not seen")
    t.ok(all((e["type"] is not None) == patched for e in faults(events) if e["mapped"] in ("page", "zero")),
         f"{source}: mappings are " + ("known" if patched else "null"))
    checked(t, observed, source)

    # The same again as histograms: what the lines add up to, file by file.
    observed = observe(env, source, "-d", fs.mount, "--hist", "--by", "ino", "--op", "dax_fault_pte,dax_fault_pmd")
    tool.workload("daxmap", fs.mount)
    observed.stop()
    for section in ("small", "huge", "huge_hole"):
        ino = sections[section].ino
        of_file = [e for e in faults(events) if e["ino"] == ino]
        pte = sum(e["op"] == "dax_fault_pte" and e["mapped"] is not None for e in of_file)
        pmd = sum(e["op"] == "dax_fault_pmd" and e["mapped"] is not None for e in of_file)
        hist = next((h for h in observed.hists if h["ino"] == ino), {})
        # The files are there and allocated already, so that a mapping may be another; the number of faults is the same.
        t.equal({key: hist.get(key) for key in ("dev", "count", "errors", "pte", "pmd", "fallbacks", "mapped_bytes", "huge_bytes")},
                {"dev": fs.dev, "count": len(of_file), "errors": 0, "pte": pte, "pmd": pmd, "fallbacks": len(fell_back(of_file)),
                 "mapped_bytes": pte * PAGE + pmd * HUGE, "huge_bytes": pmd * HUGE},
                f"{source} --hist --by ino: the faults of {section}")
        t.ok(hist and abs(hist["huge_rate"] - pmd * HUGE / (pte * PAGE + pmd * HUGE)) < 0.0001,
             f"{source} --hist --by ino: the huge page rate of {section}", hist)
    checked(t, observed, f"{source} --hist --by ino", streamed=False)


def check_fallbacks(t, env, fs, source):
    """A huge page fault that falls back says why, and is followed by that of the small page."""
    os.close(case_fsdax.file(fs, "pmd", 4 * HUGE, 4 * HUGE))
    before = vmstat("thp_fault_fallback")
    observed = observe(env, source, "-d", fs.mount, "-p", os.getpid())
    expected = case_fsdax.fallbacks(t, fs)
    counted = vmstat("thp_fault_fallback") - before
    observed.stop()
    name, events = f"{source} fallbacks", faults(observed.events)
    fallen = fell_back(events)
    if source == STOCK:
        t.ok(all(e["op"] != "dax_fault_pud" for e in events), f"{name}: faults of larger pages are not seen")
        expected = expected[:-1]
    t.equal(len([e for e in fallen if e["op"] == "dax_fault_pmd"]), counted, f"{name}: as many as the kernel counts",
            observed.summary)
    t.equal([e["fallback"] for e in fallen],
            [reason.lower() if source == EVENTS else None for reason in expected], f"{name}: each with its reason", fallen)
    t.ok(all(e["mapped"] is None and e["ret"] == 0 for e in fallen), f"{name}: nothing is mapped, and it is no error", fallen)
    followed = []
    for fault in fallen:
        after = events[events.index(fault) + 1:]
        followed.append(bool(after) and after[0]["address"] == fault["address"] and after[0]["mapped"] is not None and
                        after[0]["len"] < fault["len"])
    t.ok(all(followed), f"{name}: the fault of a smaller page follows", [f for f, ok in zip(fallen, followed) if not ok])
    checked(t, observed, name)
    for file in ("eof", "conflict", "extent", "padding", "unaligned", "giant"):
        os.unlink(fs.path(file))
    fallbacks = collections.Counter(e["fallback"] for e in events)
    observed = observe(env, source, "-d", fs.mount, "--hist", "--by", "fallback", "-p", os.getpid())
    case_fsdax.fallbacks(t, fs)
    observed.stop()
    t.equal({h["fallback"]: h["count"] for h in observed.hists if h["fallback"]},
            {reason: count for reason, count in fallbacks.items() if reason}, f"{name} --hist --by fallback: the same reasons",
            observed.hists)
    checked(t, observed, f"{name} --hist", streamed=False)


def check_sync(t, env, fs, source):
    observed = observe(env, source, "-d", fs.mount, "-p", os.getpid())
    case_fsdax.synchronous(fs)
    observed.stop()
    name = f"{source} MAP_SYNC"
    synced = [e for e in faults(observed.events) if "NEEDDSYNC" in e["result"].split("|")]
    t.equal([(e["op"], e["access"], e["result"].split("|")[-2:], e["mapped"], e["ret"]) for e in synced],
            [(op, "write", ["NOPAGE", "NEEDDSYNC"], "page", 0) for op in ("dax_fault_pte", "dax_fault_pmd")],
            f"{name}: one fault of each size, which is over when its page is mapped", observed.events)
    t.ok(all(0 < e["sync_ns"] < e["latency_ns"] for e in synced), f"{name}: the sync is a part of it", synced)
    t.ok(all(e["sync_ns"] is None for e in observed.events if e not in synced), f"{name}: others have none")
    checked(t, observed, name)


def check_copies(t, env, fs, source):
    """Writes to blocks that are shared with another file, by write() and by a fault."""
    origin, copy = (case_fsdax.file(fs, name) for name in ("origin", "copy"))
    name = f"{source} reflink"
    os.pwrite(origin, b"o" * 16 * PAGE, 0)
    os.fsync(origin)
    if machine.errno_of(machine.clone, copy, origin):
        t.skip(name, "this kernel does not share blocks of fsdax files")
        return
    observed = observe(env, source, "-f", fs.path("copy"))
    os.pwrite(copy, b"c" * 100, 100)
    m = Mapping(copy, 16 * PAGE)
    m.write(8 * PAGE)
    m.read(12 * PAGE)
    m.unmap()
    observed.stop()
    seen = [(e["op"], e["pos"], e["access"], e["cow"], e["mapped"]) for e in observed.events if e["op"] != "dax_fault_pmd"]
    shared = "shared" if source == EVENTS else None
    expected = [("dax_write", 100, "write", shared, None), ("dax_fault_pte", 8 * PAGE, "write", shared, "page"),
                ("dax_fault_pte", 12 * PAGE, "read", "none", "page")]
    t.equal(seen, expected[source == STOCK:], f"{name}: what copies, and what does not")
    if source == EVENTS:
        written = [e["flags"] for e in faults(observed.events) if e["access"] == "write" and e["flags"] is not None]
        t.ok(written and all("SHARED" in flags.split("|") for flags in written), f"{name}: the mapping is shared", observed.events)
    checked(t, observed, name)
    os.close(origin)
    os.close(copy)


def check_transfers(t, env, fs, source):
    """Reads and writes: bytes, the end of the file, a hole, a buffer that cannot be read."""
    fd = case_fsdax.file(fs, "transfers")
    os.pwrite(fd, b"t" * 10000, 0)
    os.ftruncate(fd, 100000)
    unreadable = machine.libc.mmap(None, PAGE, machine.PROT_NONE, MAP_PRIVATE | machine.MAP_ANONYMOUS, -1, 0)
    observed = observe(env, source, "-f", fs.path("transfers"), "-p", os.getpid())
    got = [len(os.pread(fd, 5000, 0)), len(os.pread(fd, 8000, 99000)), len(os.pread(fd, 10, 200000)),
           len(os.pread(fd, PAGE, 8 * PAGE)), os.pwrite(fd, b"t" * 3000, 5000), machine.c_errno_of(machine.libc.pwrite, fd, unreadable, PAGE, 0)]
    observed.stop()
    name = f"{source} reads and writes"
    t.equal([(e["op"], e["pos"], e["len"], e["done"], e["ret"]) for e in observed.events],
            [("dax_read", 0, 5000, got[0], 0), ("dax_read", 99000, 8000, got[1], 0), ("dax_read", 200000, 10, got[2], 0),
             ("dax_read", 8 * PAGE, PAGE, got[3], 0), ("dax_write", 5000, 3000, got[4], 0), ("dax_write", 0, PAGE, None, got[5])],
            f"{name}: what the calls return")
    t.equal(got, [5000, 1000, 0, PAGE, 3000, -errno.EFAULT], f"{name}: as it should be")
    checked(t, observed, name)
    machine.libc.munmap(unreadable, PAGE)
    os.close(fd)


def check_errors(t, env, fs, source):
    """Of all that is done only the fault beyond the end of the file fails; a fallback is no failure."""
    fd = case_fsdax.file(fs, "errors", PAGE)
    m = Mapping(fd, HUGE)
    observed = observe(env, source, "-f", fs.path("errors"), "--errors")
    m.read()
    t.equal(m.refused(m.read, 2 * PAGE), signal.SIGBUS, f"{source} --errors: SIGBUS beyond the end of the file")
    observed.stop()
    t.ok(observed.events and all((e["result"], e["ret"], e["mapped"], e["pos"]) == ("SIGBUS", None, None, 2 * PAGE)
                                 for e in observed.events if e["op"] == "dax_fault_pte"),
         f"{source} --errors: shown as such", observed.events)
    t.ok(all("SIGBUS" in e["result"] for e in observed.events) and observed.summary["filtered"] >= 1,
         f"{source} --errors: nothing else", observed.events)
    checked(t, observed, f"{source} --errors")
    m.unmap()
    os.close(fd)


def check_poison(t, env, fs, source):
    name = f"{source} poison"
    try:
        fd = case_fsdax.poison(fs, f"poison.{source}", 16 * PAGE, PAGE)
    except OSError as error:
        t.skip(name, f"no blocks can be called bad: {error}")
        return
    m = Mapping(fd, 16 * PAGE)
    observed = observe(env, source, "-f", fs.path(f"poison.{source}"))
    read = machine.errno_of(os.pread, fd, PAGE, PAGE)
    killed = m.refused(m.read, PAGE)
    written = machine.errno_of(os.pwrite, fd, b"r" * PAGE, PAGE)
    observed.stop()
    events = [e for e in observed.events if e["op"] != "dax_fault_pmd"]
    failed = [e for e in faults(events) if not e["mapped"]]
    t.ok(killed == signal.SIGBUS and failed and all(e["ret"] is None if source != EVENTS else e["ret"] in (-errno.EIO, -133)
                                                    for e in failed), f"{name}: the fault fails, and with which errno", failed)
    if source != STOCK:
        moved = transfers(events)
        t.equal([(e["op"], e["done"], e["ret"]) for e in moved],
                [("dax_read", None, read), ("dax_write", *((None, written) if written < 0 else (written, 0)))], f"{name}: read and write")
        if source == EVENTS:
            t.equal((written, moved[-1]["recovered"]), (PAGE, PAGE), f"{name}: the write recovers", moved[-1])
    checked(t, observed, name)
    m.unmap()
    os.close(fd)
    os.unlink(fs.path(f"poison.{source}"))


def check_nested(t, env, fs, source):
    """Writes whose source is a mapping of another fsdax file, which faults."""
    observed = observe(env, source, "-d", fs.mount)
    t.equal(tool.workload("nested", "-t", THREADS, "-n", WRITES, fs.mount), f"writes {THREADS * WRITES}\n", f"{source} nested: is done")
    observed.stop()
    name, events = f"{source} nested", observed.events
    checked(t, observed, name)
    check_one(t, env, fs, source, name)
    if tool.programs_skipped(t, observed, f"{name}: the faults, the writes"):
        return
    names = {os.stat(fs.path(file)).st_ino: file for file in os.listdir(fs.mount) if file.startswith("nested-")}
    inside = faults(events)
    t.ok(len(inside) >= THREADS * WRITES and {names[e["ino"]].split("-")[1] for e in inside} == {"from"} and
         all(e["access"] == "read" for e in inside), f"{name}: the faults are reads of the source", inside[:1])
    if source != STOCK:
        writes = collections.Counter((names[e["ino"]], e["len"]) for e in transfers(events))
        per_file = {length: count for (file, length), count in writes.items() if file == "nested-to-0"}
        t.equal(per_file, {32768: 4, 32768 - 100: WRITES}, f"{name}: each write is whole")
        t.equal({(e["op"], e["done"] == e["len"], e["ret"]) for e in transfers(events)}, {("dax_write", True, 0)},
                f"{name}: with its own result")
        spans = [(e["tid"], stamp(e) - e["latency_ns"], stamp(e)) for e in transfers(events)]
        t.ok(all(any(tid == e["tid"] and begin < stamp(e) - e["latency_ns"] and stamp(e) < end for tid, begin, end in spans)
                 for e in inside), f"{name}: within the writes", inside[:1])


def check_one(t, env, fs, source, name):
    """A table with room for one: what finds none is lost, and said to be."""
    name += " --in-flight 1"
    observed = observe(env, source, "-d", fs.mount, "--in-flight", 1, "--strict")
    tool.workload("nested", "-t", THREADS, "-n", WRITES, fs.mount)
    observed.stop()
    lost = observed.summary["lost"]
    if source == FEXIT:
        t.ok(lost["map_full"] > 0, f"{name}: a fault inside a write finds no room", observed.summary)
    t.equal(observed.status, 6 if sum(lost.values()) or observed.summary["programs_skipped"] else 0, f"{name}: the status",
            observed.summary)
    checked(t, observed, name, lossless=False)


def stamp(e):
    """An event's time as nanoseconds of its day."""
    clock, _, fraction = e["time"].split("T")[1].rstrip("Z").partition(".")
    hours, minutes, seconds = map(int, clock.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 10 ** 9 + int(fraction)


def check_filters(t, env, fs, source, first):
    fd = case_fsdax.file(fs, "filters", 64 * PAGE, 64 * PAGE)
    ino = os.fstat(fd).st_ino

    def work():
        os.pwrite(fd, b"f" * PAGE, 0)
        m = Mapping(fd, 64 * PAGE, align=HUGE, offset=PAGE)
        for page in range(8):
            m.read(page * PAGE)
        m.unmap()

    count = {"pte": 8, "write": 1 if source != STOCK else 0}
    everything = sum(count.values())
    filters = ((("-i", ino, "-d", fs.device), everything), (("-c", "daxwork"), everything), (("-p", 1), 0),
               (("--op", "dax_write"), count["write"]), (("--op", "dax_fault_pte"), 8), (("--errors",), 0),
               (("-c", "nobody"), 0), (("-p", os.getpid()), everything), (("--op", "dax"), everything), (("--op", "read"), 0),
               (("--min-latency", "100s"), 0), (("--min-latency", "1ns"), everything))
    # What comes last depends on no source.
    for args, expected in filters if first else filters[:6]:
        file = () if "-i" in args else ("-f", fs.path("filters"))
        observed = observe(env, source, *file, *args, "--strict")
        with open("/proc/self/comm") as comm:
            before = comm.read()
        set_comm("daxwork")
        work()
        set_comm(before.strip())
        observed.stop()
        name = f"{source} {args[0]} {args[1] if len(args) > 1 else ''}"
        seen = [e for e in observed.events if e["op"] != "dax_fault_pmd"]
        t.equal((len(seen), observed.status), (expected, 6 if observed.summary["programs_skipped"] else 0), f"{name}: what is left",
                f"{observed.summary}\n{observed.stderr()}")
        t.ok(observed.summary["filtered"] >= everything - expected, f"{name}: the rest is counted as filtered", observed.summary)
        checked(t, observed, name)
    observed = observe(env, source, "-f", fs.path("filters"), "--hist", "--by", "op")
    work()
    observed.stop()
    t.equal({h["key"]: h["count"] for h in observed.hists if h["key"] != "dax_fault_pmd"},
            {key: n for key, n in (("dax_fault_pte", 8), ("dax_write", count["write"])) if n}, f"{source} --hist --by op: each once")
    checked(t, observed, f"{source} --hist --by op", streamed=False)
    os.close(fd)


def set_comm(name):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
        comm.write(name)


def run(t, env):
    if not env.pmem:
        raise Skip("no pmem to put a file system on")
    sources = tool.tested_sources(env, "dax")
    if not sources:
        raise Skip("no source of fsdax can be used on this kernel")
    with machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always", where="dax") as fs:
        fs.device = env.pmem
        os.close(case_fsdax.file(fs, "probe"))
        if not is_dax(fs.path("probe")):
            raise Skip("this kernel does not make the file system's files fsdax")
        for source in sources:
            check_pages(t, env, fs, source)
            check_fallbacks(t, env, fs, source)
            check_sync(t, env, fs, source)
            check_copies(t, env, fs, source)
            if source != STOCK:
                check_transfers(t, env, fs, source)
            if not env.brief:
                check_errors(t, env, fs, source)
                check_filters(t, env, fs, source, source == sources[0])
                check_nested(t, env, fs, source)
                check_poison(t, env, fs, source)
            for entry in os.scandir(fs.mount):
                os.unlink(entry.path)
