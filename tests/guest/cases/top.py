# SPDX-License-Identifier: GPL-2.0
"""What top shows of a run adds up to what was done: lookups, ioends and direct I/O, by file, process, device and cgroup."""

import csv
import functools
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time

import storage
import tool
from tap import Skip

MEGABYTE = 1 << 20
BLOCK = 65536               # size of the files that are searched
TRACING = "/sys/kernel/tracing"
NUMBERS = ("lookups", "lookup_errors", "lookup_bytes", "ioends", "ioend_errors", "ioend_bytes", "dio", "dio_errors", "dio_bytes", "faults", "fault_bytes", "bytes")


class Top:
    """A run of top with JSON for its output: rows, and the summary of each observer by its name."""

    def __init__(self, env, *args, stop=signal.SIGINT):
        self.observed = env.observe("top", *args)
        self.how = stop

    def stop(self):
        self.observed.stop(self.how, parse=False)
        records = [json.loads(line) for line in self.observed.text.splitlines()]
        self.rows = [r for r in records if r["event"] == "top"]
        self.summary = {r["command"]: r for r in records if r["event"] == "summary"}
        return self

    def sums(self, *keys):
        """All rows of the run, added up by these fields."""
        sums = {}
        for row in self.rows:
            at = tuple(row[key] for key in keys)
            mine = sums.setdefault(at if len(keys) > 1 else at[0], dict.fromkeys(NUMBERS, 0))
            for number in NUMBERS:
                mine[number] += row[number] or 0
        return sums


def balanced(t, top, name, lossless=True):
    """Of each observer: seen = emitted + filtered + lost, and emitted is what the rows show."""
    shown = {"lookups": sum(r["lookups"] or 0 for r in top.rows), "ioends": sum(r["ioends"] or 0 for r in top.rows),
             "dio": sum(r["dio"] or 0 for r in top.rows), "dax": sum(r["faults"] or 0 for r in top.rows)}
    good = bool(top.summary)
    for command, s in top.summary.items():
        lost = sum(s["lost"].values())
        good = good and s["seen"] == s["emitted"] + s["filtered"] + lost and s["emitted"] == shown[command]
        if lossless:
            unmatched = s["lost"]["unmatched_begin"] + s["lost"]["unmatched_end"]
            good = good and lost - unmatched == 0 and (unmatched <= s["programs_skipped"] or s["sources"] == ["iomap_dio_rw"])
    t.ok(good, f"{name}: seen = emitted + filtered + lost, and emitted is what is shown" + (", nothing lost" if lossless else ""),
         f"{top.summary}\n{shown}\n{top.observed.stderr()}")


def exact(t, top, name):
    """Whether counts can be exact; says so as a skipped result if the kernel skipped programs."""
    skipped = sum(s["programs_skipped"] for s in top.summary.values())
    if skipped:
        t.skip(name, f"this kernel preempts programs, and skipped them {skipped} times")
    return not skipped


def cgroup_of_self():
    """Number of our cgroup, and its name as top has it; None where cgroup v2 is not mounted."""
    with open("/proc/self/mountinfo") as mounts:
        points = [line.split()[4] for line in mounts if " - cgroup2 " in line]
    with open("/proc/self/cgroup") as cgroups:
        paths = [line.strip()[3:] for line in cgroups if line.startswith("0::")]
    if not points or not paths or not os.path.isdir(points[0] + paths[0]):
        return None
    return os.stat(points[0] + paths[0]).st_ino, paths[0]


def check_lookups(t, env):
    """Three files on two file systems, searched by two processes each, over several intervals."""
    program = os.path.join(env.workdir, f"topseek{os.getpid()}"[:15])
    shutil.copy(os.path.join(tool.BUILD, "workloads", "seek"), program)
    comm = os.path.basename(program)
    files = [(env.xfs, env.xfs.file("one", BLOCK), 300), (env.xfs, env.xfs.file("two", BLOCK), 200),
             (env.ext4, env.ext4.file("three", BLOCK), 100)]
    total = 2 * sum(count for _, _, count in files)

    for by in ("files", "processes", "devices", "cgroups"):
        name = f"lookups by {by}"
        top = Top(env, "--by", by, "-c", comm, "--interval", "100ms")
        pids = {}
        for _ in range(2):
            for _, path, count in files:
                process = subprocess.Popen([program, "-n", str(count), path], stdout=subprocess.DEVNULL)
                process.wait(timeout=tool.PATIENCE)
                pids[process.pid] = count
            time.sleep(0.25)
        top.stop()
        balanced(t, top, name)
        t.equal({r["by"] for r in top.rows}, {by}, f"{name}: the rows are")
        if not exact(t, top, name):
            continue
        if by == "files":
            expected = {(fs.dev, os.stat(path).st_ino): (2 * n, 2 * n * BLOCK) for fs, path, n in files}
            sums = top.sums("dev", "ino")
        elif by == "processes":
            expected = {pid: (n, n * BLOCK) for pid, n in pids.items()}
            sums = top.sums("pid")
            t.equal({r["comm"] for r in top.rows}, {comm}, f"{name}: their names")
        elif by == "devices":
            expected = {env.xfs.dev: (1000, 1000 * BLOCK), env.ext4.dev: (200, 200 * BLOCK)}
            sums = top.sums("dev")
        else:
            expected = {None: (total, total * BLOCK)}
            sums = {None: next(iter(top.sums("cgroup").values()), None)} if len(top.sums("cgroup")) == 1 else top.sums("cgroup")
            own = cgroup_of_self()
            if own:
                t.equal({(r["cgroup"], r["name"]) for r in top.rows}, {own}, f"{name}: its number and its name")
        t.equal({key: (s["lookups"], s["lookup_bytes"]) for key, s in sums.items()}, expected,
                f"{name}: each lookup once, with the bytes of its mapping", top.observed.stderr())
        t.ok(len({r["time"] for r in top.rows}) >= 2 and all(r["span_ns"] > 0 for r in top.rows), f"{name}: over several intervals",
             top.rows[:2])
        t.ok(all(r["p50_ns"] <= r["p99_ns"] and (r["max_ns"] is None or r["p99_ns"] <= r["max_ns"]) for r in top.rows),
             f"{name}: p50 <= p99 <= max", top.rows[:3])
        t.equal({r["faults"] for r in top.rows}, {0 if "dax" in top.summary else None}, f"{name}: no faults, or null if nothing observes them")

    # The same with one file chosen by the kernel.
    top = Top(env, "-f", files[1][1])
    for _, path, count in files:
        tool.workload("seek", "-n", count, path)
    top.stop()
    balanced(t, top, "-f")
    if exact(t, top, "-f"):
        t.equal((sum(r["lookups"] for r in top.rows), top.summary["lookups"]["filtered"] >= 400), (200, True), "-f: this file alone",
                top.summary)
    top = Top(env, "-d", env.xfs.mount, "--errors")
    tool.workload("fail", "nowait", env.xfs.hole("refuses"), 5)
    top.stop()
    balanced(t, top, "--errors")
    if exact(t, top, "--errors"):
        t.equal({(r["lookups"], r["lookup_errors"]) for r in top.rows if r["lookups"]}, {(5, 5)}, "--errors: those that failed", top.rows)


def fio(path, *args):
    done = subprocess.run(["fio", "--name=top", f"--filename={path}", "--direct=1", "--thread", "--overwrite=1", "--output-format=json",
                           *args], capture_output=True, text=True, timeout=tool.PATIENCE)
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]


def bucket(ns):
    return max(0, (int(ns) - 1).bit_length())


def check_dio(t, env):
    if "dio" not in started(env):
        t.skip("direct I/O", "no source of it can be used on this kernel")
        return
    if not shutil.which("fio"):
        t.skip("direct I/O", "fio is not installed")
        return
    for fs in (env.xfs, env.ext4):
        path = fs.file("direct", 4 * MEGABYTE)
        name = f"direct I/O on {fs.kind}"
        # One interval that holds all: its percentiles are those of the run.
        top = Top(env, "-f", path, "--interval", "1h", "--latency", "dio")
        jobs = [fio(path, "--rw=randread", "--bs=4k", "--size=4m", "--ioengine=psync"),
                fio(path, "--rw=randwrite", "--bs=16k", "--size=4m", "--ioengine=libaio", "--iodepth=16")]
        top.stop()
        balanced(t, top, name)
        sides = [jobs[0]["read"], jobs[1]["write"]]
        sums = top.sums("dev", "ino").get((fs.dev, os.stat(path).st_ino), {})
        expected = (sum(side["total_ios"] for side in sides), sum(side["io_bytes"] for side in sides))
        t.equal((sums.get("dio"), sums.get("dio_bytes")), expected, f"{name}: as many requests and bytes as fio's", top.observed.stderr())
        t.equal(sums.get("bytes"), expected[1], f"{name}: these are the bytes of the column")
        top = Top(env, "-f", path, "--interval", "1h", "--latency", "dio", "--op", "dio_read")
        side = fio(path, "--rw=randread", "--bs=4k", "--size=4m", "--ioengine=psync", "--lat_percentiles=1")["read"]
        top.stop()
        balanced(t, top, f"{name} reads")
        row = top.rows[0] if top.rows else {"dio": 0, "p50_ns": 0, "ioends": 0}
        t.equal((len(top.rows), row["dio"], row["ioends"]), (1, side["total_ios"], None), f"{name}: --op leaves reads, and no ioends",
                top.rows)
        theirs = side["lat_ns"]["percentile"]["50.000000"]
        t.ok(abs(bucket(row["p50_ns"]) - bucket(theirs)) <= 1, f"{name}: p50 within a power of two of fio's", f"{row} {theirs}")


def check_faults(t, env):
    if "dax" not in started(env) or not env.pmem:
        t.skip("DAX faults", "no source of them can be used on this kernel, or there is no pmem")
        return
    mount = os.path.join(env.workdir, "pmem")
    storage.command("mkfs.xfs", "-q", "-f", "-m", "reflink=0", "-d", "agcount=2", "-l", "size=64m", env.pmem)
    os.mkdir(mount)
    storage.command("mount", "-o", "dax=always", env.pmem, mount)
    try:
        path = os.path.join(mount, "file")
        # Ten pages of a file that is too short for a huge one.
        with open(path, "wb") as file:
            file.write(bytes(40960))
            os.fsync(file.fileno())
        top = Top(env, "-f", path, "--interval", "1h", "--latency", "faults", "--op", "dax_fault_pte")
        subprocess.run(["xfs_io", "-c", "mmap -r 0 40960", "-c", "mread 0 40960", path], stdout=subprocess.DEVNULL, check=True)
        top.stop()
        balanced(t, top, "DAX faults")
        sums = top.sums("ino").get(os.stat(path).st_ino, {})
        t.equal((sums.get("faults"), sums.get("fault_bytes")), (10, 40960), "DAX faults: one for each page", top.observed.stderr())
        t.equal({row["name"] for row in top.rows}, {path}, "DAX faults: the file by its path")
    finally:
        storage.command("umount", mount)
        os.rmdir(mount)


@functools.cache
def started(env):
    """The observers that have a source on this kernel."""
    return set(Top(env, "-p", os.getpid()).stop().summary)


def check_ioends(t, env):
    if "ioends" not in started(env):
        t.skip("ioends", "no source of them can be used on this kernel")
        return
    path = env.xfs.path("written")
    open(path, "wb").close()
    ino = os.stat(path).st_ino
    counted = None
    top = Top(env, "-f", path, "--interval", "200ms", "--sort", "bytes")

    def write():
        subprocess.run(["xfs_io", "-c", f"pwrite -q -b 64k 0 {8 * MEGABYTE}", "-c", "fsync", path], check=True, timeout=tool.PATIENCE)

    if env.patched:
        counted = traced(("iomap_ioend_finish", "iomap_lookup"), ino, write)
    else:
        write()
    top.stop()
    balanced(t, top, "ioends")
    sums = top.sums("dev", "ino").get((env.xfs.dev, ino), dict.fromkeys(NUMBERS, 0))
    t.equal((sums["ioend_bytes"], sums["bytes"], sums["ioends"] > 0), (8 * MEGABYTE, 8 * MEGABYTE, True), "ioends: each byte once", top.rows)
    if counted and exact(t, top, "ftrace"):
        t.equal((sums["ioends"], sums["lookups"]), (counted["iomap_ioend_finish"], counted["iomap_lookup"]),
                "ioends and lookups: as many as ftrace counts")
    top = Top(env, "-f", path, "--op", "writeback")
    write()
    top.stop()
    t.equal((set(top.summary), {(r["lookups"], r["dio"]) for r in top.rows}, sum(r["ioend_bytes"] for r in top.rows)),
            ({"ioends"}, {(None, None)}, 8 * MEGABYTE), "--op writeback: ioends alone", top.rows)
    balanced(t, top, "--op writeback")


def traced(names, ino, work):
    """How often each event fires for a file while work() is done, as ftrace counts."""
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
        lines = [line for line in trace if f" ino 0x{ino:x} " in line]
    return {name: sum(f": {name}: " in line for line in lines) for name in names}


def check_keys(t, env):
    """A table that is too small for all files, one after the other and all at once."""
    paths = [env.xfs.file(f"key{i}", 4096) for i in range(48)]
    top = Top(env, "-d", env.xfs.mount, "-c", "seek", "--keys", "16", "--interval", "100ms")
    for i in range(0, len(paths), 4):
        # One process for each file: four keys, of which the ones before are idle by then.
        for path in paths[i:i + 4]:
            tool.workload("seek", "-n", 50, path)
        time.sleep(0.5)
    top.stop()
    balanced(t, top, "idle keys make room", lossless=False)
    lost = top.summary["lookups"]["lost"]
    t.equal((lost["map_full"], lost["evicted"]), (0, 0), "idle keys make room: nothing is lost", top.summary)
    if exact(t, top, "idle keys make room"):
        t.equal({ino: s["lookups"] for ino, s in top.sums("ino").items()}, {os.stat(path).st_ino: 50 for path in paths},
                "idle keys make room: each lookup once")

    top = Top(env, "-d", env.xfs.mount, "-c", "seek", "--keys", "16", "--interval", "1h", "--strict")
    for path in paths:
        tool.workload("seek", "-n", 50, path)
    top.stop()
    balanced(t, top, "a full table", lossless=False)
    s = top.summary["lookups"]
    t.equal((top.observed.status, s["lost"]["map_full"] > 0), (6, True), "a full table: it is counted, and --strict tells", s)
    if exact(t, top, "a full table"):
        t.equal((s["emitted"], s["lost"]["map_full"]), (800, 1600), "a full table: sixteen files are in it, the others are not")


def check_outputs(t, env):
    path = env.xfs.file("printed")
    observed = env.observe("top", "-c", "seek", "-f", path, "--interval", "150ms", "--count", "4", output="table")
    tool.workload("seek", "-n", 100, path)
    observed.stop(None, parse=False)
    blocks = re.findall(r"^\d\d:\d\d:\d\d\.\d{6}  last \S+  lost \d+$", observed.text, re.M)
    t.equal((observed.status, len(blocks), observed.text.count("LOOKUPS")), (0, 4, 4), "table: four intervals, each with its head", observed.text)
    t.ok(re.search(rf"^ *\S+ .* {re.escape(path)}$", observed.text, re.M),
         "table: the file by its path", observed.text)
    t.ok(re.search(r"^lookups: seen \d+ = emitted 100 \+ filtered \d+ \+ lost 0;", observed.stderr(), re.M), "table: the summary is on standard error", observed.stderr())
    observed = env.observe("top", "-c", "seek", "-f", path, "--interval", "100ms", "--duration", "1s", output="csv")
    tool.workload("seek", "-n", 100, path)
    observed.stop(None, parse=False)
    rows = list(csv.DictReader(io.StringIO(observed.text)))
    t.equal((observed.status, sum(int(row["lookups"]) for row in rows), {row["pid"] for row in rows}), (0, 100, {""}),
            "CSV: each lookup once, and nothing for null", observed.text)


def run(t, env):
    if not env.sources:
        raise Skip("no source of lookups can be used on this kernel")
    check_lookups(t, env)
    check_dio(t, env)
    check_ioends(t, env)
    check_faults(t, env)
    if not env.brief:
        check_keys(t, env)
        check_outputs(t, env)
