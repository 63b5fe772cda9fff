# SPDX-License-Identifier: GPL-2.0
"""Delays, caps, staleness, short copies, fallbacks and deferred completions have the effect that they should have, and the data stays right."""

import os
import random
import sys
import time

import tool
from policies import check_clean, done, inject, named, rules

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import PAGE, Aio, buffer, errno_of, opened    # noqa: E402

SIZE = 256 << 10
DELAY_MS = 40


def data(seed, size=SIZE):
    return random.Random(seed).randbytes(size)


def cold(path):
    """What the device has of the file."""
    with opened(path) as fd:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return os.pread(fd, 1 << 22, 0)


def write(path, content, step=SIZE):
    with opened(path) as fd:
        for pos in range(0, len(content), step):
            piece = content[pos:pos + step]
            if os.pwrite(fd, piece, pos) != len(piece):
                raise AssertionError("a short write")


def dwrite(path, content, pos=0):
    memory = buffer(len(content))
    memory.seek(0)
    memory.write(content)
    with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
        return errno_of(os.pwritev, fd, [memory], pos)


def dread(path, size, pos=0):
    memory = buffer(size)
    with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
        got = errno_of(os.preadv, fd, [memory], pos)
    return memory[:] if got == size else got


def delays(t, env, fs):
    """In the histogram of lookups, or of dio, whose requests begin before their lookups."""
    path = fs.file("delayed", SIZE)
    acts = {"dio_read": lambda: dread(path, PAGE), "dio_write": lambda: dwrite(path, data(1, PAGE))}
    for observer, op, step in (("lookups", "dio_write", "lookup"), ("dio", "dio_read", "dio_begin"), ("dio", "dio_write", "dio_bio"),
                               ("dio", "dio_read", "mapped"), ("dio", "dio_write", "step")):
        name = f"{fs.kind} delay {op} {step}"
        watch = env.observe(observer, "--hist", "-f", path, "--op", op)
        observed = inject(env, "-f", path, "--op", op, "--step", step, "--delay", f"{DELAY_MS}ms", "--times", 3)
        begin = time.monotonic()
        for _ in range(5):
            acts[op]()
        took = time.monotonic() - begin
        observed.stop(sig=None)
        watch.stop()
        hist = watch.hists[0]
        long = sum(b["count"] for b in hist["buckets"] if b["gt_ns"] >= DELAY_MS * 500000)
        # An emulated machine is sometimes as slow by itself.
        t.ok(3 <= long <= hist["count"] == 5, f"{name}: three of five are in the long buckets of {observer} --hist", hist)
        t.ok(took > 3 * DELAY_MS / 1000, f"{name}: and the caller has waited", took)
        t.equal(done(observed), [(step, "delay", "")] * 3, f"{name}: each is told")
        t.equal({e["delay_ns"] for e in observed.events}, {DELAY_MS * 1000000}, f"{name}: and how long")


def caps(t, env, fs):
    """Lookups ask for less, and their operation goes on with the rest."""
    path = fs.hole("capped", SIZE)
    write(path, data(2))
    for op, act, cap, limit in (("write", lambda: write(path, data(3)), 10000, 2 * PAGE), ("dio_read", lambda: dread(path, SIZE), 16384, 16384),
                                ("dio_write", lambda: dwrite(path, data(4)), 1, PAGE)):
        if fs.kind == "ext4" and op == "write":
            continue
        name = f"{fs.kind} cap {op} {cap}"
        watch = env.lookups("-f", path, "--op", op)
        observed = inject(env, "-f", path, "--op", op, "--cap", cap)
        got = act()
        observed.stop()
        watch.stop()
        expected = data(4) if op == "dio_write" else data(3) if op == "write" or fs.kind == "xfs" else data(2)
        t.equal(cold(path) == expected and (got == expected or op != "dio_read"), True, f"{name}: the data is right")
        # XFS answers a buffered write with all of an extent that is there, whatever was asked for.
        t.ok(watch.events and max(e["len"] for e in watch.events) <= limit and min(e["len"] for e in watch.events) > 0,
             f"{name}: no lookup asks for more than {limit}", {e["len"] for e in watch.events})
        # A cap of all that is left asks for nothing.
        less = sum(SIZE - e["pos"] > cap for e in watch.events)
        t.ok(len(watch.events) >= (SIZE // limit if op != "write" else 1) and len(observed.events) == less > 0, f"{name}: so there are many",
             f"{len(watch.events)} {len(observed.events)}")
        t.equal({(e["step"], e["applied"], e["cap"]) for e in observed.events}, {("lookup", "cap", cap)}, f"{name}: each is told")


def stale(t, env):
    """Each second mapping is refused, looked up again, and the data is right."""
    path = env.xfs.hole("stale", 0)
    watch = env.lookups("-f", path, "--op", "write")
    observed = inject(env, "--stale", "--op", "write", "--every", 2, "-f", path)
    write(path, data(5), 8192)
    observed.stop()
    watch.stop()
    writes = SIZE // 8192
    matched, applied, ignored = rules(observed)[0]
    t.ok(cold(path) == data(5), "xfs stale: the data is right")
    t.ok(applied >= writes // 2 and ignored == 0 and matched == 2 * applied + matched % 2, "xfs stale: every second one", rules(observed))
    t.ok(len(watch.events) >= writes + applied, "xfs stale: there is one more lookup for each", f"{len(watch.events)} {rules(observed)}")
    t.equal(set(done(observed)), {("revalidate", "stale", "")}, "xfs stale: each is told")


def copies(t, env):
    """As if the source ended sooner: iomap tries again with less, and all arrives."""
    path = env.xfs.hole("copied", 0)
    observed = inject(env, "--step", "copy", "--cap", 700, "--op", "write", "-f", path)
    write(path, data(6))
    observed.stop()
    t.ok(cold(path) == data(6), "xfs copy: the data is right")
    t.ok(len(observed.events) >= SIZE // PAGE, "xfs copy: it was cut many times", len(observed.events))
    t.equal({(e["step"], e["applied"], e["cap"]) for e in observed.events}, {("copy", "cap", 700)}, "xfs copy: each is told")


def fallbacks(t, env, fs):
    """Direct writes go through the page cache."""
    path = fs.file("fallen", SIZE)
    watch = env.observe("dio", "-f", path)
    observed = inject(env, "--fallback", "--op", "dio_write", "-f", path)
    got = dwrite(path, data(7))
    observed.stop()
    watch.stop()
    t.equal((got, cold(path) == data(7)), (SIZE, True), f"{fs.kind} fallback: all is written, and right")
    t.equal([(e["op"], e["ret"]) for e in watch.events], [("dio_write", named("ENOTBLK"))], f"{fs.kind} fallback: dio shows it", watch.events)
    t.equal(done(observed), [("dio_begin", "fallback", "")], f"{fs.kind} fallback: it is told")


def routes(t, env, fs):
    """A read completes inline, unless it is deferred; a write is for a worker anyway."""
    path = fs.file("deferred", SIZE)
    dwrite(path, data(8))
    for opcode, op in ((machine.PREAD, "dio_read"), (machine.PWRITE, "dio_write")):
        name = f"{fs.kind} defer {op}"
        watch = env.observe("dio", "-f", path)
        for deferred in (False, True):
            observed = inject(env, "--defer", "--op", op, "-f", path) if deferred else None
            with opened(path, os.O_RDWR | os.O_DIRECT) as fd:
                aio, memory = Aio(), buffer(PAGE)
                aio.submit(*[aio.iocb(opcode, fd, n, memory, PAGE, n * PAGE) for n in range(4)])
                results = []
                while len(results) < 4:
                    results += aio.events(1)
                aio.destroy()
            t.equal(sorted(results), [(n, PAGE) for n in range(4)], f"{name}: all complete{' later' if deferred else ''}")
        observed.stop()
        watch.stop()
        routes = [e["route"] for e in watch.events if e["op"] == op]
        t.equal(len(routes), 8, f"{name}: dio sees them all", routes)
        if op == "dio_read":
            t.ok("workqueue" in routes[4:] and "workqueue" not in routes[:4], f"{name}: by a worker, and only then", routes)
        t.equal(set(done(observed)), {("dio_end", "defer", "")}, f"{name}: each is told", observed.events)
        t.equal({(e["comm"], e["pid"], e["tid"], e["cgroup"]) for e in observed.events}, {(None,) * 4}, f"{name}: of no task")


def writeback(t, env):
    """An error of writeback is told at fsync, once, and the file can be written again."""
    for step, error in (("writeback_map", "ENOSPC"), ("ioend_submit", "EIO"), ("ioend_end", "EIO")):
        name = f"xfs {step}"
        path = env.xfs.file(f"back_{step}", SIZE)
        watch = env.observe("ioends", "-f", path)
        observed = inject(env, "--errno", error, "--op", "writeback", "--step", step, "--times", 1, "-f", path)
        with opened(path) as fd:
            os.pwrite(fd, data(9, PAGE), 0)
            first = errno_of(os.fsync, fd) or 0
            second = errno_of(os.fsync, fd) or 0
            os.pwrite(fd, data(10, PAGE), 0)
            third = errno_of(os.fsync, fd) or 0
        observed.stop(sig=None)
        watch.stop()
        t.equal((first, second, third), (named(error), 0, 0), f"{name}: fsync fails once")
        t.equal([(e["op"], e["step"], e["error"], e["applied"]) for e in observed.events], [("writeback", step, named(error), "error")],
                f"{name}: one line")
        t.equal(cold(path)[:PAGE] == data(10, PAGE), True, f"{name}: what is written afterwards arrives")
        expected = [0] if step == "writeback_map" else [named(error), 0]
        t.equal([e["ret"] for e in watch.events], expected, f"{name}: ioends", watch.events)

    # A worker finishes what the interrupt would have.
    path = env.xfs.file("back_deferred", SIZE)
    observed = inject(env, "--defer", "--op", "writeback", "-f", path)
    write(path, data(11))
    right = cold(path) == data(11)
    observed.stop()
    t.ok(right and observed.events, "xfs ioend_end: deferred, the data is right", observed.events)
    t.equal(set(done(observed)), {("ioend_end", "defer", "")}, "xfs ioend_end: and told")


def run(t, env):
    for fs in (env.xfs, env.ext4):
        delays(t, env, fs)
        caps(t, env, fs)
        fallbacks(t, env, fs)
        routes(t, env, fs)
    stale(t, env)
    copies(t, env)
    writeback(t, env)
    check_clean(t, env.xfs)
    check_clean(t, env.ext4)
