# SPDX-License-Identifier: GPL-2.0
"""fsdax: faults that fail, wait and fall back to small pages; reads and writes; the data stays right."""

import os
import signal
import subprocess
import sys
import time

import tool
from policies import done, inject, named, rules
from tap import Skip

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import HUGE, PAGE, Mapping, errno_of    # noqa: E402


def filled(fs, name, size=4 * HUGE):
    path = fs.path(name)
    with open(path, "wb") as file:
        file.write(b"\5" * size)
        os.fsync(file.fileno())
    return path


def touch(path, write=False, size=HUGE, align=HUGE):
    """A fault on the first page of a mapping of the second huge page; the signal that it ends with."""
    fd = os.open(path, os.O_RDWR)
    mapping = Mapping(fd, size, pos=HUGE, align=align)
    killed = mapping.refused(mapping.write if write else mapping.read)
    mapping.unmap()
    os.close(fd)
    return killed


def faults(events):
    return [(e["op"], e["mapped"]) for e in events if e["op"].startswith("dax_fault")]


def check(t, env, fs):
    path = filled(fs, "faults")
    watch = env.observe("dax", "-f", path)
    touch(path)
    watch.stop()
    t.equal(faults(watch.events), [("dax_fault_pmd", "page")], "a huge page, without a policy", watch.events)

    watch = env.observe("dax", "-f", path)
    observed = inject(env, "--fallback", "-f", path, "--op", "dax_fault_pmd")
    killed = touch(path)
    observed.stop()
    watch.stop()
    t.equal((killed, faults(watch.events)), (0, [("dax_fault_pmd", None), ("dax_fault_pte", "page")]), "fallback: a small page", watch.events)
    t.equal(done(observed), [("dax_fault", "fallback", "")], "fallback: it is told")

    for step in ("dax_fault", "lookup", "mapped"):
        # Of both sizes, as a huge page fault that fails may be tried again as a small one.
        observed = inject(env, "--errno", "EIO", "-f", path, "--op", "dax_fault_pmd,dax_fault_pte", "--step", step)
        killed = touch(path, write=True)
        observed.stop()
        t.equal((killed, touch(path, write=True)), (signal.SIGBUS, 0), f"errno at {step}: SIGBUS, and not afterwards", observed.events)
        t.ok(observed.events and all((e["step"], e["error"], e["applied"]) == (step, named("EIO"), "error") for e in observed.events),
             f"errno at {step}: it is told", observed.events)

    watch = env.observe("dax", "--hist", "--by", "op", "-f", path)
    observed = inject(env, "--delay", "50ms", "--step", "dax_fault", "-f", path, "--times", 1)
    begin = time.monotonic()
    touch(path)
    took = time.monotonic() - begin
    observed.stop(sig=None)
    watch.stop()
    hist = watch.hists[0]
    t.ok(hist["op"] == "dax_fault_pmd" and hist["count"] == 1 and hist["max_ns"] >= 50000000 and took > 0.05,
         "delay: in the latency of dax --hist", f"{hist} {took}")
    t.equal(done(observed), [("dax_fault", "delay", "")], "delay: it is told")

    # A small page cannot become smaller, and a lookup for a page has to be whole.
    observed = inject(env, "--fallback", "-f", path, "--step", "dax_fault")
    killed = touch(path, size=PAGE, align=PAGE)
    observed.stop()
    t.equal((killed, done(observed)), (0, [("dax_fault", "", "fallback")]), "fallback of a small page: ignored")
    observed = inject(env, "--cap", "4k", "-f", path, "--op", "dax")
    killed = touch(path)
    observed.stop()
    t.equal((killed, done(observed)), (0, [("lookup", "", "cap")]), "a cap on a huge page fault: ignored", observed.events)
    t.equal(rules(observed), [(1, 0, 1)], "and counted so")


def transfers(t, env, fs):
    """Reads and writes by dax_iomap_rw()."""
    path = filled(fs, "rw")
    fd = os.open(path, os.O_RDWR)
    for op, step, error, act, good in (("dax_write", "lookup", "ENOSPC", lambda: os.pwrite(fd, b"x" * PAGE, 0), PAGE),
                                       ("dax_write", "step", "EIO", lambda: os.pwrite(fd, b"x" * PAGE, 0), PAGE),
                                       ("dax_read", "mapped", "EIO", lambda: len(os.pread(fd, PAGE, 0)), PAGE)):
        observed = inject(env, "--errno", error, "-f", path, "--op", op, "--step", step, "--times", 1)
        got = errno_of(act), errno_of(act)
        observed.stop(sig=None)
        t.equal(got, (named(error), good), f"{op} {step}: fails once")
        t.equal(done(observed), [(step, "error", "")], f"{op} {step}: it is told")
    watch = env.lookups("-f", path, "--op", "dax_write")
    observed = inject(env, "--cap", "64k", "-f", path, "--op", "dax_write")
    content = os.urandom(1 << 20)
    os.pwrite(fd, content, 0)
    observed.stop()
    watch.stop()
    t.ok(os.pread(fd, 1 << 20, 0) == content, "cap: the data is right")
    t.equal((len(watch.events), max(e["len"] for e in watch.events)), (16, 64 << 10), "cap: sixteen lookups instead of one")
    os.close(fd)


def run(t, env):
    if not env.pmem:
        raise Skip("no device for fsdax")
    with machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always", where="dax") as fs:
        check(t, env, fs)
        transfers(t, env, fs)
    checked = subprocess.run(["xfs_repair", "-n", env.pmem], capture_output=True, text=True)
    t.equal(checked.returncode, 0, "xfs_repair finds nothing", checked.stdout + checked.stderr)
