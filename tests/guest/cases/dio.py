# SPDX-License-Identifier: GPL-2.0
"""Each direct I/O request is shown once, with its range, its result and who submitted it; an asynchronous one at its completion."""

import errno
import json
import os
import shutil
import subprocess
import time

import storage
import tool
from tap import Skip

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
REFUSALS = 5
DEPTH, THREADS, REQUESTS = 64, 4, 1024
PHASES = ("extents", "bios", "route", "mapping_ns", "setup_ns", "device_ns", "queue_ns", "completion_ns")


def observe(env, source, *args):
    return env.observe("dio", "-v", "--source", source, *args)


def xfs_io(path, *commands):
    args = [arg for command in commands for arg in ("-c", command)]
    subprocess.run(["xfs_io", "-d", *args, path], check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)


def empty(t, observed, name):
    t.ok("in flight at the end: 0\n" in observed.stderr(), f"{name}: nothing is left in flight", observed.stderr())


def check_sync(t, env, fs, source, patched):
    name = f"{fs.kind} {source}"
    path = fs.file("dio", MEGABYTE)
    observed = observe(env, source, "-f", path)
    xfs_io(path, "pwrite -q -b 64k 0 1m", "pread -q -b 128k 0 1m")
    observed.stop()
    events = observed.events
    for op, size in (("dio_write", 64 * KILOBYTE), ("dio_read", 128 * KILOBYTE)):
        t.equal(sorted((e["pos"], e["len"], e["done"]) for e in events if e["op"] == op),
                [(at, size, size) for at in range(0, MEGABYTE, size)], f"{name} {op}: each request once, with its bytes",
                observed.stderr())
    t.equal({(e["event"], e["comm"], e["dev"], e["ino"], e["ret"], e["wait"], e["exit"], e["source"]) for e in events},
            {("dio", "xfs_io", fs.dev, os.stat(path).st_ino, 0, "sync", None, source)}, f"{name}: who, where, with which result")
    t.ok(all((e[field] is not None) == patched for e in events for field in PHASES),
         f"{name}: extents, bios and phases are " + ("known" if patched else "null"), events[:1])
    if patched:
        t.ok(all(e["extents"] >= 1 and e["bios"] >= 1 and e["route"] in ("waiter", "submitter") for e in events),
             f"{name}: extents, bios, route", events[:1])
        t.ok(all(e["setup_ns"] + e["device_ns"] + e["queue_ns"] + e["completion_ns"] == e["latency_ns"] for e in events),
             f"{name}: the phases add up to the latency", events[:1])
        t.ok(all(0 < e["mapping_ns"] < e["setup_ns"] + e["device_ns"] for e in events), f"{name}: lookups are part of it",
             events[:1])
    tool.balanced(t, observed, name)
    empty(t, observed, name)


def check_end_of_file(t, env, source, patched):
    """A read that the end of the file cuts short, and one that begins there."""
    path = env.xfs.file("eof", 72 * KILOBYTE)
    observed = observe(env, source, "-f", path)
    xfs_io(path, "pread -q -b 128k 0 128k", "pread -q -b 4k 72k 4k")
    observed.stop()
    name = f"{source} end of file"
    got = [(e["pos"], e["len"], e["done"], e["ret"], e["exit"]) for e in observed.events]
    t.ok((0, 128 * KILOBYTE, 72 * KILOBYTE, 0, "short" if patched else None) in got, f"{name}: a short read", got)
    if source == "iomap_dio_rw":
        t.ok(all(e["done"] for e in observed.events) and observed.summary["lost"]["unmatched_begin"] >= 1,
             f"{name}: what ends before its first lookup is counted as lost", observed.summary)
    else:
        t.ok(any(pos == 72 * KILOBYTE and (done, ret, exit) == (0, 0, "eof" if patched else None)
                 for pos, length, done, ret, exit in got), f"{name}: a read there has no bytes", got)
        empty(t, observed, name)
    tool.balanced(t, observed, name, lossless=source != "iomap_dio_rw")


def check_refusals(t, env, source, patched):
    path = env.xfs.hole("refused")
    observed = observe(env, source, "-f", path, "--errors")
    printed = tool.workload("fail", "nowait", path, REFUSALS)
    observed.stop()
    name = f"{source} EAGAIN"
    t.equal(printed, f"nowait calls {REFUSALS} failed {REFUSALS} EAGAIN\n", f"{name}: the calls fail")
    t.equal([(e["op"], e["pos"], e["len"], e["done"], e["ret"]) for e in observed.events],
            [("dio_write", 65536, 4096, None, -errno.EAGAIN)] * REFUSALS, f"{name}: so do as many requests", observed.summary)
    t.ok(all("NOWAIT" in e["iocb_flags"].split("|") for e in observed.events), f"{name}: NOWAIT", observed.events[:1])
    if patched:
        t.equal({e["exit"] for e in observed.events}, {"again"}, f"{name}: the reason")
    tool.balanced(t, observed, name)


def fio(path, engine, rw, *args):
    """What fio itself says of a job that it has done."""
    done = subprocess.run(["fio", "--name=async", f"--filename={path}", f"--rw={rw}", "--bs=4k", f"--ioengine={engine}", "--direct=1",
                           "--thread", "--overwrite=1", "--group_reporting", "--output-format=json", *args],
                          capture_output=True, text=True, timeout=tool.PATIENCE)
    if done.returncode:
        raise AssertionError(f"fio {engine} {rw}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read" if rw.endswith("read") else "write"]


def check_async(t, env, fs, source, patched, engine):
    """Depth 64 from several threads: a request is shown when it is complete, and being queued is no error."""
    path = fs.file("async", 4 * MEGABYTE)
    for rw, op in (("randread", "dio_read"), ("randwrite", "dio_write")):
        observed = observe(env, source, "-f", path)
        job = fio(path, engine, rw, "--size=1m", "--offset_increment=1m", f"--numjobs={THREADS}", f"--iodepth={DEPTH}")
        observed.stop()
        name = f"{fs.kind} {source} {engine} {rw}"
        if tool.programs_skipped(t, observed, f"{name}: exact counts"):
            tool.balanced(t, observed, name, lossless=False)
            continue
        events = [e for e in observed.events if e["op"] == op]
        again = [e for e in events if e["ret"] == -errno.EAGAIN]
        if engine == "io_uring":
            # It first asks for what needs no waiting, and tells nobody of the refusal.
            t.ok(all("NOWAIT" in e["iocb_flags"].split("|") for e in again), f"{name}: only NOWAIT is refused", again[:1])
            events = [e for e in events if e not in again]
        if fs.kind == "btrfs":
            # It does not fault the buffer in while it holds locks: what needs that fails, and is asked for again.
            events = [e for e in events if e["ret"] != -errno.EFAULT]
        # In newer kernels such a request has no bytes instead, and is read through the page cache.
        left = [e for e in events if fs.kind == "btrfs" and rw == "randread" and e["done"] == 0]
        t.equal((len(events), sum(e["done"] or 0 for e in events) + 4096 * len(left)), (job["total_ios"], job["io_bytes"]),
                f"{name}: as many requests and bytes as fio's", f"{observed.summary}\n{observed.stderr()}")
        t.equal((job["total_ios"], {(e["len"], e["ret"]) for e in events}), (REQUESTS, {(4096, 0)}),
                f"{name}: each of its size, and none is an error")
        t.equal(len({e["tid"] for e in events if e["comm"] == "fio"}) >= THREADS or engine == "io_uring", True,
                f"{name}: the threads that submitted", {(e["comm"], e["tid"]) for e in events})
        t.ok(all(e["wait"] in ("async", "waited") for e in events) and any(e["wait"] == "async" for e in events),
             f"{name}: asynchronous", {e["wait"] for e in events})
        if patched:
            t.ok(all(e["route"] in ("inline", "workqueue", "caller", "submitter", "waiter") for e in events), f"{name}: a route",
                 {e["route"] for e in events})
        # A refusal before the first lookup is what this source does not see.
        tool.balanced(t, observed, name, lossless=(source, engine) != ("iomap_dio_rw", "io_uring"))
        empty(t, observed, name)


def bucket(ns):
    return max(int(ns) - 1, 0).bit_length()


def check_percentiles(t, env, source):
    """Where the time is the device's, fio's percentiles and those of the events are in the same or neighbouring power of two."""
    path = env.xfs.file("percentiles", 4 * MEGABYTE)
    observed = observe(env, source, "-f", path)
    job = fio(path, "psync", "randread", "--size=4m", "--bs=64k", "--loops=8", "--percentile_list=50:90:99")
    observed.stop()
    took = sorted(e["latency_ns"] for e in observed.events)
    name = f"{source} percentiles"
    t.equal(len(took), job["total_ios"], f"{name}: as many as fio's", observed.summary)
    for percent, theirs in job["clat_ns"]["percentile"].items():
        # On one CPU fio's slowest have waited for it to be put back there, after the request was over.
        if float(percent) > 95 and os.cpu_count() == 1:
            continue
        ours = took[min(int(len(took) * float(percent) / 100), len(took) - 1)]
        t.ok(abs(bucket(ours) - bucket(theirs)) <= 1, f"{name}: p{float(percent):.0f} is within a power of two of fio's",
             f"{ours} ns, fio {theirs} ns")


def check_exit(t, env, source):
    """Requests whose process is killed before they complete end when the device is done with them."""
    name = f"{source} killed"
    with storage.Delayed(env, 300) as fs:
        if not fs:
            t.skip(name, "this kernel has no dm-delay")
            return
        path = fs.path("file")
        with open(path, "wb") as file:
            file.write(b"x" * MEGABYTE)
            os.fsync(file.fileno())
        fs.slow()
        observed = observe(env, source, "-f", path)
        job = subprocess.Popen(["fio", "--name=killed", f"--filename={path}", "--rw=randread", "--bs=4k", "--size=1m", "--ioengine=libaio",
                                f"--iodepth={DEPTH}", "--direct=1", "--time_based", "--runtime=60", "--thread"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The first line is there once the first requests have come back, and the next are out.
        for _ in range(600):
            if os.path.getsize(observed.out_path):
                break
            time.sleep(0.1)
        job.kill()
        job.wait()
        observed.stop()
        t.ok(len(observed.events) > DEPTH and {(e["ret"], e["done"]) for e in observed.events} == {(0, 4096)},
             f"{name}: each has its result", {(e["ret"], e["done"]) for e in observed.events})
        t.ok(all(e["latency_ns"] >= 250 * 10**6 for e in observed.events), f"{name}: timed to the completion",
             min((e["latency_ns"] for e in observed.events), default=None))
        tool.balanced(t, observed, name)
        empty(t, observed, name)


def check_enospc(t, env, source):
    """A write for which there is no room fails, or does less, and says so."""
    name = f"{source} ENOSPC"
    path, ballast = env.xfs.path("full"), env.xfs.path("ballast")
    open(path, "wb").close()
    with open(ballast, "wb") as file:
        pos = 0
        for chunk in (64 << 20, 4 << 20, 64 << 10, 4 << 10):
            try:
                while True:
                    os.posix_fallocate(file.fileno(), pos, chunk)
                    pos += chunk
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    try:
        observed = observe(env, source, "-f", path)
        failed = subprocess.run(["xfs_io", "-d", "-c", "pwrite -q -b 8m 0 8m", path], capture_output=True, text=True, timeout=tool.PATIENCE)
        observed.stop()
        t.ok("No space left" in failed.stderr, f"{name}: the write fails", failed.stderr)
        last = observed.events[-1] if observed.events else {}
        t.equal((last.get("op"), last.get("ret"), last.get("done")), ("dio_write", -errno.ENOSPC, None), f"{name}: so does the request",
                observed.events)
        tool.balanced(t, observed, name)
        empty(t, observed, name)
    finally:
        os.unlink(ballast)


def check_filters(t, env, source):
    path = env.xfs.file("filters", MEGABYTE)
    for args, count in ((("--op", "dio_read"), 4), (("--op", "dio_write"), 2), (("-c", "nobody"), 0), (("--errors",), 0)):
        observed = observe(env, source, "-f", path, *args)
        xfs_io(path, "pwrite -q -b 64k 0 128k", "pread -q -b 64k 0 256k")
        observed.stop()
        name = f"{source} {' '.join(args)}"
        t.equal((len(observed.events), observed.summary["filtered"] >= 6 - count), (count, True), f"{name}: what is left",
                observed.summary)
        tool.balanced(t, observed, name)
        empty(t, observed, name)
    for by, keys in (("op", {"dio_read": 4, "dio_write": 2}), ("wait", {"sync": 6}), ("comm", {"xfs_io": 6})):
        observed = observe(env, source, "-f", path, "--hist", "--by", by)
        xfs_io(path, "pwrite -q -b 64k 0 128k", "pread -q -b 64k 0 256k")
        observed.stop()
        t.equal({h["key"]: h["count"] for h in observed.hists}, keys, f"{source} --hist --by {by}: each request once")
        tool.balanced(t, observed, f"{source} --hist --by {by}", streamed=False)


def run(t, env):
    sources = tool.tested_sources(env, "dio")
    if not sources:
        raise Skip("no source of direct I/O can be used on this kernel")
    filesystems = [env.xfs, env.ext4]
    if storage.known("btrfs"):
        filesystems.append(env.mount("btrfs", None))
    for source in sources:
        patched = source == "iomap_dio"
        for fs in filesystems:
            check_sync(t, env, fs, source, patched)
            if shutil.which("fio") and (fs is env.xfs or not env.brief):
                check_async(t, env, fs, source, patched, "libaio")
        if shutil.which("fio"):
            check_async(t, env, env.xfs, source, patched, "io_uring")
        check_end_of_file(t, env, source, patched)
        check_refusals(t, env, source, patched)
        if env.brief:
            continue
        if shutil.which("fio"):
            check_percentiles(t, env, source)
            check_exit(t, env, source)
        check_enospc(t, env, source)
        check_filters(t, env, source)
