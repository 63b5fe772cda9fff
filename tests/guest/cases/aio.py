# SPDX-License-Identifier: GPL-2.0
"""Each request of Linux AIO is shown once, with what the process got for it; refused, cancelled and abandoned ones, too."""

import errno
import json
import os
import shutil
import subprocess

import storage
import tool
from tap import Skip

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
PAGE = 4096
DEPTH, THREADS, REQUESTS = 64, 4, 256
EVENTS, SUBMIT = "aio_iocb", "io_submit_one+fexit"
POLLS = (12, 13, 14)
# Refused before the file is asked, so that aio_read() and its like are never called.
EARLY_REFUSALS = (21, 22, 26, 27, 29)
IN_FLIGHT = 8


def observe(env, source, *args):
    return env.observe("aio", "-v", "--source", source, *args)


def watch(env, source, args, work):
    """The observer while work() is done, and what that returns. The kernel leaves a kprobe out that is hit in an interrupt while it is
    busy with another one, and its request's end is lost: then once more."""
    for _ in range(5):
        observed = observe(env, source, *args)
        result = work()
        observed.stop()
        if not source.endswith("kprobe") or not observed.summary["lost"]["unmatched_begin"]:
            break
    return observed, result


def empty(t, observed, name):
    t.ok("in flight at the end: 0\n" in observed.stderr(), f"{name}: nothing is left in flight", observed.stderr())


def results(text):
    """What the workload printed: data -> its result, the errno negative; and those that were refused."""
    result, refused = {}, set()
    for words in map(str.split, text.splitlines()):
        result[int(words[0])] = -int(words[2]) if words[1] == "refused" else int(words[1])
        if words[1] == "refused":
            refused.add(int(words[0]))
    return result, refused


def shown(events):
    """The same of the events. A request that has neither bytes nor bits of a poll has its errno or nothing."""
    return {e["data"]: next((e[field] for field in ("done", "revents") if e[field] is not None), e["ret"]) for e in events}


def check_mixed(t, env, fs, source):
    name = f"{fs.kind} {source}"
    path = fs.file("mixed", 64 * KILOBYTE)
    observed, printed = watch(env, source, ("-c", "aio"), lambda: tool.workload("aio", "mixed", path))
    expected, _ = results(printed)
    events = {e["data"]: e for e in observed.events}
    if source not in (EVENTS, SUBMIT):
        del expected[12]        # nobody can wait for a regular file
    t.equal(len(observed.events), len(events), f"{name}: each request once")
    t.equal(shown(observed.events), expected, f"{name}: each with the result that the process got", observed.stderr())
    t.equal({e["op"] for e in events.values()}, {"pread", "pwrite", "preadv", "pwritev", "fsync", "fdsync", "poll"},
            f"{name}: the opcodes")
    t.equal({(e["event"], e["comm"], e["posted"], e["source"], e["cancel"]) for e in events.values()},
            {("aio", "aio", 1, source, None)}, f"{name}: who, and an event for each")
    ino = os.stat(path).st_ino
    t.equal({(e["dev"], e["ino"]) for data, e in events.items() if data not in (13, 14)}, {(fs.dev, ino)}, f"{name}: the file")
    t.ok(all(events[data]["ino"] not in (None, ino) for data in (13, 14) if data in events), f"{name}: the pipes have their own")
    t.equal([(data, events[data]["pos"], events[data]["len"], events[data]["segments"]) for data in (1, 2, 5, 6, 7, 14)],
            [(1, 8192, PAGE, None), (2, 0, 2 * PAGE, None), (5, 16384, None, 2), (6, 16384, None, 2), (7, None, None, None),
             (14, None, None, None)], f"{name}: range, or segments, or neither")
    t.equal((events[9]["ret"], events[9]["done"], events[10]["ret"]), (-errno.EINVAL, None, -errno.EFAULT), f"{name}: errors")
    t.equal((events[11]["flags"], events[2]["rw_flags"], events[1]["flags"]), ("RESFD", "DSYNC", ""), f"{name}: flags")
    t.ok(all(e["ctx"] > 0 and e["iocb"] > 0 and 0 < e["latency_ns"] < 10**11 for e in events.values()),
         f"{name}: context, iocb and latency", observed.events[:1])
    t.ok({events[7]["route"], events[8]["route"]} <= {"queued", "early"}, f"{name}: an fsync is queued", events[7])
    if source == EVENTS:
        t.equal({events[data]["route"] for data in (3, 4, 6, 12, 13)}, {"inline"}, f"{name}: what is carried out at once")
        t.equal(events[14]["route"], "queued", f"{name}: what is not")
        t.ok(all(e["submit_ns"] + e["flight_ns"] + e["post_ns"] == e["latency_ns"] for e in events.values()
                 if e["flight_ns"] is not None), f"{name}: the phases add up to the latency", observed.events)
        t.ok(all(e["submit_ns"] is not None and e["post_ns"] is not None for e in events.values()), f"{name}: phases are known")
    else:
        t.ok(all(e["route"] in (None, "queued") for e in events.values() if not e["op"].endswith("sync")), f"{name}: no route is made up")
        t.ok(all(e["flight_ns"] is None and e["post_ns"] is None for e in events.values() if e["op"] in ("fsync", "poll")),
             f"{name}: no phase is made up")
    tool.balanced(t, observed, name)
    empty(t, observed, name)


def check_refused(t, env, source):
    path = env.xfs.file("refused", 64 * KILOBYTE)
    observed, printed = watch(env, source, ("-c", "aio"), lambda: tool.workload("aio", "refused", path))
    expected, refused = results(printed)
    if source not in (EVENTS, SUBMIT):
        expected = {data: result for data, result in expected.items() if data not in EARLY_REFUSALS}
        refused -= set(EARLY_REFUSALS)
    name = f"{source} refused"
    t.equal(shown(observed.events), expected, f"{name}: each with the errno that the process got", observed.stderr())
    t.equal({e["data"] for e in observed.events if e["route"] == "refused"}, refused, f"{name}: that is their route")
    t.ok(all((e["posted"], e["done"], e["submit_ns"], e["post_ns"]) == (0, None, None, None)
             for e in observed.events if e["data"] in refused), f"{name}: no event was posted", observed.events)
    if 21 in refused:
        bad = {e["data"]: e for e in observed.events}
        t.equal((bad[21]["fd"], bad[21]["dev"], bad[21]["ino"]), (999, None, None), f"{name}: a descriptor without a file")
        t.equal(bad[22]["op"], "unknown", f"{name}: an opcode that there is not")
    tool.balanced(t, observed, name)
    empty(t, observed, name)
    observed, _ = watch(env, source, ("-c", "aio", "--errors"), lambda: tool.workload("aio", "refused", path))
    t.equal({e["data"] for e in observed.events}, refused, f"{name} --errors: those alone")
    tool.balanced(t, observed, f"{name} --errors")


def check_cancelled(t, env, source):
    observed, printed = watch(env, source, ("-c", "aio"), lambda: tool.workload("aio", "cancelled"))
    expected, _ = results(printed)
    name = f"{source} cancelled"
    t.equal(shown(observed.events), expected, f"{name}: they have their end", observed.stderr())
    t.equal({e["data"]: e["cancel"] for e in observed.events},
            {31: "user", 32: "context"} if source == EVENTS else {31: "unknown", 32: "unknown"}, f"{name}: who cancelled")
    t.equal({(e["op"], e["ret"], e["posted"]) for e in observed.events}, {("poll", 0, 1)}, f"{name}: and are no error")
    tool.balanced(t, observed, name)
    empty(t, observed, name)


def check_exit(t, env, source):
    """The process is gone before its requests are complete, and none is lost."""
    name = f"{source} exit"
    with storage.Delayed(env, 300, MEGABYTE, filesystem=None) as slow:
        if not slow:
            t.skip(name, "this kernel has no dm-delay")
            return
        slow.slow()
        # A process is gone when its contexts are.
        observed, printed = watch(env, source, ("-c", "aio"), lambda: tool.workload("aio", "exit", slow.device, IN_FLIGHT))
        expected, _ = results(printed)
    t.equal(shown(observed.events), expected, f"{name}: each request has its end", f"{observed.summary}\n{observed.stderr()}")
    reads = [e for e in observed.events if e["op"] == "pread"]
    t.equal((len(reads), {e["route"] for e in reads}), (IN_FLIGHT, {"queued"}), f"{name}: the reads were queued")
    t.ok(all(e["latency_ns"] > 250_000_000 for e in reads), f"{name}: and took as long as the device", reads[:1])
    t.ok(len({e["pid"] for e in observed.events}) == 1, f"{name}: they belong to the process")
    t.equal([e["cancel"] for e in observed.events if e["op"] == "poll"], ["context" if source == EVENTS else "unknown"],
            f"{name}: the poll was cancelled")
    tool.balanced(t, observed, name)
    empty(t, observed, name)


def fio(path, rw):
    """Random I/O of several threads; the job's figures."""
    done = subprocess.run(["fio", "--name=aio", f"--filename={path}", f"--rw={rw}", "--bs=4k", f"--size={REQUESTS * 4}k", "--ioengine=libaio",
                           f"--iodepth={DEPTH}", "--direct=1", "--thread", f"--numjobs={THREADS}", "--group_reporting", "--overwrite=1",
                           "--output-format=json"], capture_output=True, text=True, timeout=tool.PATIENCE)
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read" if rw == "randread" else "write"]


def check_fio(t, env, fs, source):
    path = fs.file("fio", MEGABYTE)
    for rw, op in (("randread", "pread"), ("randwrite", "pwrite")):
        observed = observe(env, source, "-f", path)
        job = fio(path, rw)
        observed.stop()
        name = f"{fs.kind} {source} fio {rw}"
        events = observed.events
        if tool.programs_skipped(t, observed, f"{name}: exact counts"):
            tool.balanced(t, observed, name, lossless=False)
            continue
        lost = observed.summary["lost"]["unmatched_begin"] if source.endswith("kprobe") else 0
        t.equal((len(events) + lost, sum(e["done"] or 0 for e in events) + 4096 * lost), (job["total_ios"], job["io_bytes"]),
                f"{name}: as many requests and bytes as fio's", f"{observed.summary}\n{observed.stderr()}")
        t.equal((job["total_ios"], {(e["op"], e["len"], e["ret"]) for e in events}), (THREADS * REQUESTS, {(op, 4096, 0)}),
                f"{name}: each of its size, and none is an error")
        t.equal((len({e["tid"] for e in events}), {e["comm"] for e in events}), (THREADS, {"fio"}), f"{name}: by each thread")
        t.ok(any(e["route"] == "queued" for e in events), f"{name}: queued ones", {e["route"] for e in events})
        t.equal(sum(e["posted"] for e in events) + lost, job["total_ios"], f"{name}: as many events as fio has got")
        tool.balanced(t, observed, name, lossless=not lost)
        if not lost:
            empty(t, observed, name)
    observed = observe(env, source, "-f", path, "--in-flight", "4")
    fio(path, "randread")
    observed.stop()
    name = f"{fs.kind} {source} --in-flight 4"
    if os.cpu_count() > 1:
        t.ok(observed.summary["lost"]["map_full"] > 0, f"{name}: what finds no room is lost", observed.summary)
    tool.balanced(t, observed, name, lossless=False)
    if not source.endswith("kprobe"):
        empty(t, observed, name)


def check_hist(t, env, source, best):
    path = env.xfs.file("hist", 64 * KILOBYTE)
    expected = (("op", {"pread": 5, "pwrite": 2, "preadv": 1, "pwritev": 1, "fsync": 1, "fdsync": 1}), ("route", None), ("comm", {"aio": 11}),
                ("dev", {env.xfs.dev: 11}))
    for by, keys in expected if best else expected[:2]:
        args = ("-f", path, "--op", "pread,pwrite,preadv,pwritev,fsync,fdsync", "--hist", "--by", by)
        observed, _ = watch(env, source, args, lambda: tool.workload("aio", "mixed", path))
        name = f"{source} --hist --by {by}"
        counts = {h["key"]: h["count"] for h in observed.hists}
        t.ok(counts == keys if keys else sum(counts.values()) == 11 and set(counts) <= {"inline", "early", "queued", "-"},
             f"{name}: each request once", f"{observed.hists}\n{observed.summary}")
        t.ok(all(h["count"] == sum(b["count"] for b in h["buckets"]) for h in observed.hists) and
             sum(h["errors"] for h in observed.hists) == 2, f"{name}: buckets and errors", observed.hists)
        tool.balanced(t, observed, name, streamed=False)
        empty(t, observed, name)


def check_filters(t, env, source, best):
    path, other = env.xfs.file("filters", 64 * KILOBYTE), env.xfs.file("other", 64 * KILOBYTE)
    expected = ((("-f", path, "--op", "fsync,fdsync"), 2), (("-f", other), 0), (("-f", path, "--errors"), 2), (("-c", "nobody"), 0),
                (("-d", env.ext4.mount), 0), (("-f", path, "--op", "pread"), 5))
    for args, count in expected if best else expected[:3]:
        observed, _ = watch(env, source, args, lambda: tool.workload("aio", "mixed", path))
        name = f"{source} {' '.join(args).replace(env.workdir, '')}"
        t.equal((len(observed.events), observed.summary["filtered"] >= 13 - count), (count, True), f"{name}: what is left",
                observed.summary)
        tool.balanced(t, observed, name)
        empty(t, observed, name)


def run(t, env):
    sources = tool.tested_sources(env, "aio")
    if not sources:
        raise Skip("no source of aio can be used on this kernel")
    for source in sources:
        # What sources have in common is tested with one of them.
        best = source == sources[0]
        for fs in (env.xfs, env.ext4) if best and not env.brief else (env.xfs,):
            check_mixed(t, env, fs, source)
        check_refused(t, env, source)
        check_cancelled(t, env, source)
        check_exit(t, env, source)
        if not env.brief:
            check_filters(t, env, source, best)
            check_hist(t, env, source, best)
        if shutil.which("fio"):
            check_fio(t, env, env.xfs, source)
