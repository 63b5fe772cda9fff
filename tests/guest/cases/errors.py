# SPDX-License-Identifier: GPL-2.0
"""Lookups that fail are shown with their errno by the sources that can tell, and counted by the one that cannot."""

import errno
import os
import subprocess

import tool

REFUSALS = 5
ROOM = 8 << 20


def nearly_full(fs):
    """Fills a file system but for some megabytes; returns the file that does."""
    path = fs.path("ballast")
    with open(path, "wb") as file:
        pos = 0
        for chunk in (64 << 20, 4 << 20, 64 << 10):
            while True:
                try:
                    os.posix_fallocate(file.fileno(), pos, chunk)
                except OSError as err:
                    if err.errno != errno.ENOSPC:
                        raise
                    break
                pos += chunk
        file.truncate(max(pos - ROOM, 0))
    return path


def failures(lookups):
    return [e for e in lookups.events if e["ret"] != 0]


def check_failed(t, name, events, source, op, err):
    """Each of these failed lookups says what it can, and invents nothing."""
    if source == "iomap_iter+dstmap":
        t.ok(all(e["ret"] is None and e["latency_ns"] is None for e in events),
             f"{name}: neither errno nor latency is claimed", events[:1])
    else:
        t.equal({e["ret"] for e in events}, {-err}, f"{name}: the errno")
        t.ok(all(e["latency_ns"] > 0 for e in events), f"{name}: the latency", events[:1])
    t.equal({e["op"] for e in events}, {op}, f"{name}: the operation")
    t.ok(all(e[field] is None for e in events for field in ("type", "addr", "map_pos", "map_len", "flags")),
         f"{name}: no mapping is made up", events[:1])
    t.ok(all("WRITE" in e["ask_flags"].split("|") for e in events), f"{name}: what was asked", events[:1])


def check_refusals(t, env, source):
    path = env.xfs.hole("nowait")
    lookups = env.lookups("-f", path, "--source", source)
    printed = tool.workload("fail", "nowait", path, REFUSALS)
    lookups.stop()
    name = f"{source} EAGAIN"
    t.equal(printed, f"nowait calls {REFUSALS} failed {REFUSALS} EAGAIN\n", f"{name}: the calls fail")
    failed = failures(lookups)
    t.equal((len(failed), len(lookups.events)), (REFUSALS, REFUSALS + 1), f"{name}: so do as many lookups",
            f"{lookups.summary}\n{lookups.events}")
    check_failed(t, name, failed, source, "dio_write", errno.EAGAIN)
    t.ok(all("NOWAIT" in e["ask_flags"].split("|") and (e["pos"], e["len"]) == (65536, 4096) for e in failed),
         f"{name}: NOWAIT and the range asked", failed[:1])
    tool.balanced(t, lookups, name)


def check_full(t, env, fs, kind, op, source, sees):
    name = f"{fs.kind} {source} {kind} ENOSPC"
    path = fs.path("full")
    open(path, "wb").close()
    lookups = env.lookups("-f", path, "--source", source)
    printed = tool.workload("fail", kind, path)
    lookups.stop()
    os.unlink(path)
    t.ok(printed.endswith(" failed 1 ENOSPC\n"), f"{name}: the file system gets full", printed)
    failed = failures(lookups)
    t.equal(bool(failed), sees, f"{name}: " + ("a lookup fails" if sees else "no lookup is involved"), failed[:1])
    if failed and sees:
        check_failed(t, name, failed, source, op, errno.ENOSPC)
    tool.balanced(t, lookups, name)


def run(t, env):
    for source in env.sources:
        check_refusals(t, env, source)

    ballast = nearly_full(env.xfs)
    for source in env.sources:
        check_full(t, env, env.xfs, "buffered", "write", source, True)
        check_full(t, env, env.xfs, "direct", "dio_write", source, True)
    check_full(t, env, env.xfs, "fallocate", None, env.sources[0], False)
    os.unlink(ballast)

    ballast = nearly_full(env.ext4)
    check_full(t, env, env.ext4, "direct", "dio_write", env.sources[0], True)
    os.unlink(ballast)
    subprocess.run(["sync"])

    # What cannot be told from a success by this source must not be left out when failures are asked for.
    path = env.xfs.hole("nowait")
    lookups = env.lookups("--errors", "-f", path, "--source", "iomap_iter+dstmap")
    tool.workload("fail", "nowait", path, REFUSALS)
    lookups.stop()
    t.equal(len(lookups.events), REFUSALS, "--errors: iomap_iter+dstmap shows failures too", lookups.summary)
