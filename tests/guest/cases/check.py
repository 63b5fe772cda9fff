# SPDX-License-Identifier: GPL-2.0
"""check is silent where nothing is wrong, says for each rule how often it was checked or why it cannot be, and finds what is wrong."""

import contextlib
import mmap
import os
import subprocess
import sys
import time

import storage
import tool
from tap import Skip

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
# What the source of a stock kernel tells of in any case; those of direct I/O need an event of 6.6.
STOCK_RULES = {"lookup-covers", "stale-returned", "overwrite-only"}
STOCK_DIO_RULES = {"dio-result", "dio-complete-once"}
ITERATOR_RULES = STOCK_RULES | {"lookup-release", "step-length", "nowait-sleep", "nowait-again", "dax-pmd-aligned"}
EXTENTS = 64
WRITERS, ROOM = 8, 4
ROUNDS = 6
# Writes and reads that take a hundred mappings each, one after the other: of an unwritten block, of a hole, and so on.
BUSY = """
import mmap, os, sys
fd, direct = os.open(sys.argv[1], os.O_RDWR | os.O_TRUNC), os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
for block in range(64):
    os.posix_fallocate(fd, block * 8192, 4096)
buffer = mmap.mmap(-1, 524288)
while True:
    os.preadv(direct, [buffer], 0)
    os.pwrite(fd, buffer, 0)
    os.lseek(fd, 0, os.SEEK_HOLE)
"""
# Writes what it maps of one file to another; it has to be read for that, while the write is under way.
WRITER = """
import mmap, os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
target = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
os.write(target, mmap.mmap(source, 4096, prot=mmap.PROT_READ))
"""


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
    # On a stock kernel that is not known.
    if "source iomap_lookup" in observed.stderr():
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
        told = {rule for rule, record in rules.items() if record["checked"] is not None}
        t.ok(told in (STOCK_RULES, STOCK_RULES | STOCK_DIO_RULES), f"{name}: what a stock kernel tells", told)
        t.ok(all("this project's kernel" in record["why_not"] or "has no event" in record["why_not"] for rule, record in rules.items()
                 if rule not in told), f"{name}: why not the others", rules)


def read_nowait(path, at):
    """A direct read that may not wait."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        return os.preadv(fd, [mmap.mmap(-1, 4096)], at, os.RWF_NOWAIT)
    except BlockingIOError:
        return None
    finally:
        os.close(fd)


def scattered(fs, count=1):
    """Files of many extents, of which the kernel has none in memory: the file system is mounted anew."""
    paths = [fs.path(f"scattered{n}") for n in range(count)]
    for path in paths:
        with open(path, "wb") as file:
            for extent in range(EXTENTS):
                os.pwrite(file.fileno(), b"s" * 4096, 2 * 4096 * extent)
                os.fsync(file.fileno())
    storage.command("umount", fs.mount)
    storage.command("mount", "-t", fs.kind, fs.device, fs.mount)
    return paths


def check_found(t, env):
    """ext4 reads the blocks of its extent tree in a lookup that may not wait."""
    path, = scattered(env.ext4)
    observed = observe(env, "-f", path)
    read_nowait(path, 2 * 4096 * (EXTENTS - 1))
    rules = finish(t, observed, "found", status=8)
    found = violations_of(observed)
    t.equal([(v["rule"], v["fault"], v["op"], v["ino"], v["path"], v["expected"], v["got"] > 0) for v in found],
            [("nowait-sleep", "slept", "dio_read", os.stat(path).st_ino, path, 0, True)], "found: the lookup that slept", observed.text)
    t.equal({rule: record["violations"] for rule, record in rules.items() if record["violations"]}, {"nowait-sleep": 1},
            "found: counted for its rule")
    for v in found:
        t.ok([step["step"] for step in v["timeline"]] == ["begin", "lookup", "mapped"], "found: its timeline", v["timeline"])
        t.ok(any("iomap_iter" in function for function in v["kstack"]), "found: its stack", v["kstack"])
        t.ok(v["rests_on"].startswith("design.rst") and "sleep" in v["must_hold"], "found: what it rests on", v)


def check_fail_fast(t, env):
    """It ends by itself with the first of two."""
    paths = scattered(env.ext4, 2)
    observed = observe(env, "-d", env.ext4.mount, "--fail-fast", "--rules", "nowait-sleep,overwrite-only")
    for path in paths:
        read_nowait(path, 2 * 4096 * (EXTENTS - 1))
    observed.stop(sig=None)
    t.equal((observed.status, len(violations_of(observed)), sorted(rules_of(observed))), (8, 1, ["nowait-sleep", "overwrite-only"]),
            "fail-fast: one violation, of the rules asked for", observed.text)
    t.ok(" violations of 1 rules" in observed.stderr(), "fail-fast: the last word", observed.stderr())
    table = ("the task has slept in ->iomap_begin: got ", "rests on: design.rst", "lookup ", "kernel  ", "nowait-sleep         checked 1, violations 1")
    for output, words in (("table", table), ("csv", (",nowait-sleep,slept,dio_read,",))):
        path, = scattered(env.ext4, 1)
        observed = observe(env, "-f", path, "--rules", "nowait-sleep", output=output)
        read_nowait(path, 2 * 4096 * (EXTENTS - 1))
        observed.stop(parse=False)
        t.equal((observed.status, [word for word in words if word not in observed.text]), (8, []), f"found: {output}",
                observed.text + observed.stderr())
    # What the filters leave out, and so is what the tool was not asked for.
    path, = scattered(env.ext4, 1)
    observed = observe(env, "-f", env.ext4.file("another"))
    read_nowait(path, 2 * 4096 * (EXTENTS - 1))
    rules = finish(t, observed, "another file")
    t.equal({rule: record["checked"] for rule, record in rules.items() if record["checked"]}, {}, "another file: nothing is checked")


def writers(source, targets):
    """Processes that write to the targets, and are all inside a write that waits for the source."""
    started = [subprocess.Popen([sys.executable, "-c", WRITER, source, target]) for target in targets]
    deadline = time.monotonic() + tool.PATIENCE
    while time.monotonic() < deadline:
        states = []
        for process in started:
            with open(f"/proc/{process.pid}/stat") as stat:
                states.append(stat.read().rsplit(") ", 1)[1][0])
        if all(os.path.exists(target) for target in targets) and set(states) == {"D"}:
            return started
        time.sleep(0.01)
    raise AssertionError(f"the writers do not wait: {states}")


def ended(started):
    return [process.wait(timeout=tool.PATIENCE) for process in started]


def cold(device, name):
    path = device.path(name)
    with open(path, "wb") as file:
        file.write(b"c" * 65536)
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return path


@contextlib.contextmanager
def held(device):
    """While it is entered, what is asked of the device waits."""
    storage.command("dmsetup", "suspend", "--nolockfs", device.name)
    try:
        yield
    finally:
        storage.command("dmsetup", "resume", device.name)


def check_held(t, env):
    """What had begun before is not checked, and neither is what finds no room, which is counted."""
    with storage.Delayed(env, 0) as device:
        if not device:
            raise Skip("no dm-delay")
        sources = [cold(device, "early"), cold(device, "many")]
        target = env.xfs.path("early")
        with held(device):
            started = writers(sources[0], [target])
            observed = observe(env, "-f", target)
            t.ok(started[0].poll() is None, "begun before: it is still at it")
        t.equal(ended(started), [0], "begun before: it ends")
        rules = finish(t, observed, "begun before")
        t.equal([rules[rule]["checked"] for rule in ("lookup-release", "step-length")], [0, 0], "begun before: it is not checked", rules)
        observed = observe(env, "-d", env.xfs.mount, "--in-flight", ROOM, "--strict", "--rules", ",".join(sorted(ITERATOR_RULES)))
        with held(device):
            started = writers(sources[1], [env.xfs.path(f"many{n}") for n in range(WRITERS)])
        t.equal(ended(started), [0] * WRITERS, "no room: the writers end")
        rules = finish(t, observed, "no room", status=6)
        t.equal([rule for rule, record in rules.items() if record["violations"]], [], "no room: no violations", rules)
        t.equal({rules[rule]["unchecked"] for rule in ("lookup-release", "step-length", "nowait-sleep")}, {WRITERS - ROOM},
                "no room: what could not be followed is counted", rules)
        t.equal(rules["lookup-covers"]["unchecked"], 0, "no room: what needs none is checked", rules)
        t.ok(f"{WRITERS - ROOM} could not be followed" in observed.stderr(), "no room: --strict says so", observed.stderr())


def check_dax(t, env):
    if not env.pmem:
        raise Skip("no pmem to put a file system on")
    with machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always", where="dax") as fs:
        observed = observe(env, "-d", fs.mount)
        tool.workload("daxmap", fs.mount)
        rules = finish(t, observed, "dax")
        reached = {"dax-pmd-aligned", "lookup-release", "step-length"} if env.patched else set()
        silent(t, rules, "dax", STOCK_RULES - {"overwrite-only"} | reached)


def check_detach(t, env, fs):
    """It begins and ends while operations do: what it does not see of these is no violation."""
    path = fs.file("busy", MEGABYTE)
    busy = subprocess.Popen([sys.executable, "-c", BUSY, path])
    statuses = []
    try:
        for _ in range(ROUNDS):
            observed = observe(env, "-d", fs.mount)
            time.sleep(0.2)
            observed.stop()
            statuses.append((observed.status, sum(record["checked"] or 0 for record in rules_of(observed).values()) > 0))
    finally:
        busy.kill()
        busy.wait()
    t.equal(statuses, [(0, True)] * ROUNDS, f"{fs.kind}: attached and detached under load", observed.text + observed.stderr())


def run(t, env):
    for fs in (env.xfs, env.ext4):
        check_silent(t, env, fs)
        check_detach(t, env, fs)
    if env.patched:
        check_found(t, env)
        check_fail_fast(t, env)
        check_held(t, env)
    check_dax(t, env)
