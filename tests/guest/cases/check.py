# SPDX-License-Identifier: GPL-2.0
"""check is silent where nothing is wrong, says for each rule how often it was checked or why it cannot be, and finds what is wrong."""

import json
import mmap
import os
import subprocess
import time

import storage
import tool

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
# What the source of a stock kernel tells of.
STOCK_RULES = {"lookup-covers", "stale-returned", "overwrite-only"}
EXTENTS = 64


def rules_of(observed):
    return {record["rule"]: record for record in observed.hists if record["event"] == "rule"}


def violations_of(observed):
    return [record for record in observed.hists if record["event"] == "violation"]


def observe(env, *args, **kwargs):
    return env.observe("check", "-v", *args, **kwargs)


def finish(t, observed, name, status=0):
    """Stops it; what it says must be in itself right."""
    observed.stop()
    found, rules = violations_of(observed), rules_of(observed)
    t.equal(observed.status, status, f"{name}: exit status", observed.stderr() + observed.text[:4000])
    s = observed.summary
    t.ok(s["seen"] == s["emitted"] + s["filtered"] + sum(s["lost"].values()) and s["emitted"] == len(found),
         f"{name}: seen = emitted + filtered + lost", s)
    t.ok("in flight at the end: 0\n" in observed.stderr(), f"{name}: nothing is left in flight", observed.stderr())
    return rules


def silent(t, rules, name, reached):
    """No violations; the rules that the workload reaches were checked, and nothing was left unchecked."""
    t.equal([rule for rule, record in rules.items() if record["violations"]], [], f"{name}: no violations", rules)
    t.equal([rule for rule in sorted(reached) if not rules.get(rule, {}).get("checked")], [], f"{name}: what it reaches was checked", rules)
    t.equal([rule for rule, record in rules.items() if record["unchecked"]], [], f"{name}: nothing was left unchecked", rules)


def xfs_io(path, *commands, direct=False):
    args = [arg for command in commands for arg in ("-c", command)]
    subprocess.run(["xfs_io", *(["-d"] if direct else []), *args, path], check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)


def work(fs):
    """Something of everything that the file system does through iomap."""
    path = fs.file("checked", MEGABYTE)
    xfs_io(path, "pwrite -q 0 300k", "pread -q 0 1m", "fpunch 64k 64k", "fsync", "fzero 512k 100k", "truncate 700001", "fsync")
    xfs_io(path, "pwrite -q -b 64k 0 512k", "pread -q -b 128k 0 600k", "pwrite -q 4m 8k", direct=True)
    # Within a block that is there: only an overwrite.
    xfs_io(path, "pwrite -q 256k 512", "pwrite -q 257k 1k", direct=True)
    # That may not wait: one that can go on, and those that cannot.
    read_nowait(path, 8 * KILOBYTE)
    if fs.kind == "xfs":
        tool.workload("fail", "nowait", fs.hole("again"), 3)
        xfs_io(fs.file("copy", 0), f"reflink {path}", "pwrite -q 0 100k", "funshare 128k 64k", "fsync")
    subprocess.run(["xfs_io", "-c", "seek -a -r 0", "-c", "fiemap", path], check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)


def check_silent(t, env, fs):
    observed = observe(env, "-d", fs.mount)
    work(fs)
    name = f"{fs.kind}"
    rules = finish(t, observed, name)
    reached = {"lookup-covers", "stale-returned"}
    if fs.kind == "xfs":
        reached |= {"overwrite-only"}
    if env.patched:
        reached |= {"lookup-release", "step-length", "nowait-sleep"}
        if fs.kind == "xfs":
            reached |= {"nowait-again"}
    silent(t, rules, name, reached)
    if not env.patched:
        t.equal({rule for rule, record in rules.items() if record["checked"] is not None}, STOCK_RULES, f"{name}: what a stock kernel tells")
        t.ok(all("this project's kernel" in record["why_not"] for rule, record in rules.items() if rule not in STOCK_RULES),
             f"{name}: why not the others", rules)


def read_nowait(path, at):
    """A direct read that may not wait."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        return os.preadv(fd, [mmap.mmap(-1, 4096)], at, os.RWF_NOWAIT)
    except BlockingIOError:
        return None
    finally:
        os.close(fd)


def scattered(fs):
    """A file of many extents, of which the kernel has none in memory: the file system is mounted anew."""
    path = fs.path("scattered")
    with open(path, "wb") as file:
        for extent in range(EXTENTS):
            os.pwrite(file.fileno(), b"s" * 4096, 2 * 4096 * extent)
            os.fsync(file.fileno())
    storage.command("umount", fs.mount)
    storage.command("mount", "-t", fs.kind, fs.device, fs.mount)
    return path


def check_found(t, env):
    """ext4 reads the blocks of its extent tree in a lookup that may not wait."""
    path = scattered(env.ext4)
    observed = observe(env, "-f", path)
    read_nowait(path, 2 * 4096 * (EXTENTS - 1))
    rules = finish(t, observed, "found", status=8)
    found = violations_of(observed)
    t.equal([(v["rule"], v["fault"], v["op"], v["ino"], v["path"], v["expected"], v["got"] > 0) for v in found],
            [("nowait-sleep", "slept", "dio_read", os.stat(path).st_ino, path, 0, True)], "found: the lookup that slept", observed.text)
    t.equal({rule: record["violations"] for rule, record in rules.items() if record["violations"]}, {"nowait-sleep": 1}, "found: counted for its rule")
    for v in found:
        t.ok([step["step"] for step in v["timeline"]] == ["begin", "lookup", "mapped"], "found: its timeline", v["timeline"])
        t.ok(any("iomap_iter" in function for function in v["kstack"]), "found: its stack", v["kstack"])
        t.ok(v["rests_on"].startswith("design.rst") and "sleep" in v["must_hold"], "found: what it rests on", v)


def run(t, env):
    for fs in (env.xfs, env.ext4):
        check_silent(t, env, fs)
    if env.patched:
        check_found(t, env)
