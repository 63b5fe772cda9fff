# SPDX-License-Identifier: GPL-2.0
"""N calls of lseek() are N lookups: each of them shown once, by every source, with the right contents."""

import os
import re

import tool

N = 500
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
FIELDS = ("time event op comm pid tid cgroup dev ino pos len type addr map_pos map_len flags ret latency_ns"
          " source").split()


def column(events, field):
    return sorted({event[field] for event in events}, key=str)


def check_seek_data(t, env, fs, path, source):
    name = f"{fs.kind} {source}"
    lookups = env.lookups("-f", path, "--source", source)
    printed = tool.workload("seek", "-n", N, path)
    lookups.stop()
    events = lookups.events
    t.equal((int(printed), len(events)), (N, N), f"{name}: N calls are N lookups", lookups.stderr())
    t.equal(lookups.status, 0, f"{name}: ends with status 0 on SIGINT")
    balanced = lookups.summary["emitted"] == N and lookups.summary["lost_total"] == 0
    t.ok(balanced, f"{name}: the summary says so", lookups.summary)
    tool.balanced(t, lookups, name)
    t.equal(lookups.summary["sources"], [source], f"{name}: the summary names the source")
    if not events:
        return
    t.equal({field: column(events, field) for field in
             ("event", "op", "comm", "dev", "ino", "pos", "len", "type", "map_pos", "ret", "source")},
            {"event": ["lookup"], "op": ["seek_data"], "comm": ["seek"], "dev": [fs.dev],
             "ino": [os.stat(path).st_ino], "pos": [0], "len": [65536], "type": ["mapped"], "map_pos": [0],
             "ret": [0], "source": [source]},
            f"{name}: each lookup says what was asked and found")
    t.equal(list(events[0])[:len(FIELDS)], FIELDS, f"{name}: the fields stand in their order")
    t.ok(all(isinstance(e["latency_ns"], int) and 0 < e["latency_ns"] < 10**10 for e in events),
         f"{name}: each lookup has a latency", column(events, "latency_ns")[-5:])
    times = [e["time"] for e in events]
    t.ok(all(RFC3339.match(time) for time in times) and times == sorted(times),
         f"{name}: times are RFC 3339 and in order", times[:3])
    t.ok(len(column(events, "pid")) == 1 and column(events, "pid") == column(events, "tid"),
         f"{name}: one process, one thread", column(events, "tid"))
    t.ok(all(e["addr"] > 0 and e["map_len"] >= 65536 for e in events), f"{name}: a disk address and a length",
         events[0])


def check_threads(t, env):
    path = env.xfs.file("threads")
    lookups = env.lookups("-f", path)
    tool.workload("seek", "-n", 100, "-t", 4, path)
    lookups.stop()
    per_thread = {}
    for event in lookups.events:
        per_thread[event["tid"]] = per_thread.get(event["tid"], 0) + 1
    if not tool.programs_skipped(t, lookups, "four threads are told apart by tid"):
        t.equal(sorted(per_thread.values()), [100] * 4, "four threads are told apart by tid")
    t.equal(len(column(lookups.events, "pid")), 1, "and have one pid")


def check_hole(t, env, source):
    path = env.xfs.hole("hole")
    lookups = env.lookups("-f", path, "--source", source)
    tool.workload("seek", "-H", "-n", 7, path)
    lookups.stop()
    t.equal([(e["op"], e["type"], e["addr"], e["ret"]) for e in lookups.events],
            [("seek_hole", "hole", None, 0)] * 7, f"{source}: a hole has no address")


def check_formats(t, env):
    """The other two output formats say the same as the JSON."""
    path = env.xfs.file("formats")
    ino = str(os.stat(path).st_ino)
    for output in ("csv", "table"):
        lookups = env.lookups("-f", path, output=output)
        tool.workload("seek", "-n", 20, path)
        lookups.stop(parse=False)
        lines = lookups.text.splitlines()
        if output == "csv":
            t.equal(lines[0].split(",")[:len(FIELDS)], FIELDS, "csv: the first line names the fields")
        body = [line for line in lines[1:] if "seek_data" in line and ino in line]
        t.equal((len(lines), len(body)), (21, 20), f"{output}: a heading and a line a lookup", lookups.text[:1000])
        summary = lookups.stderr().splitlines()
        t.ok(len(summary) == 1 and summary[0].startswith("lookups: seen ") and "emitted 20" in summary[0],
             f"{output}: one summary line on stderr", summary)


def run(t, env):
    for fs in (env.xfs, env.ext4):
        path = fs.file("counts")
        for source in env.sources:
            check_seek_data(t, env, fs, path, source)
    for source in env.sources:
        check_hole(t, env, source)
    check_threads(t, env)
    check_formats(t, env)
