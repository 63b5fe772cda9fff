# SPDX-License-Identifier: GPL-2.0
"""Every filter lets through what it names and nothing else, and what it holds back is counted as filtered."""

import os
import time

import tool
from mixture import EVERYTHING, ON_EXT4, ON_XFS, ON_XFS_FILE, OTHERS, REFUSED, HOLES, ALL_XFS, Mixture


def run(t, env):
    work = Mixture(env)
    ino = os.stat(work.xfs_file).st_ino

    def expect(name, args, count, check=None):
        pid = work.prepare()
        args = [str(arg).replace("{pid}", str(pid)) for arg in args]
        lookups = env.lookups(*args)
        work.do()
        lookups.stop()
        events = lookups.events
        # Without a filter by file, device or process the rest of the machine may be seen too.
        t.equal(len(events), count, f"{name}: {count} of {EVERYTHING} lookups",
                f"{lookups.summary}\n{lookups.stderr()}" +
                "\n".join(f"{e['comm']} {e['op']} {e['dev']} {e['ino']}" for e in events[:5]))
        if check:
            t.ok(all(check(e) for e in events), f"{name}: the right ones",
                 next((e for e in events if not check(e)), ""))
        tool.balanced(t, lookups, name)
        t.ok(lookups.summary["filtered"] >= EVERYTHING - count, f"{name}: the others count as filtered",
             lookups.summary)
        return lookups

    expect("-p", ["-p", "{pid}"], ON_XFS, lambda e: e["comm"] == "seek" and e["dev"] == env.xfs.dev)
    expect("-c", ["-c", "otherseek"], OTHERS, lambda e: e["comm"] == "otherseek")
    expect("-d mount point", ["-d", env.ext4.mount], ON_EXT4, lambda e: e["dev"] == env.ext4.dev)
    expect("-d device", ["-d", env.xfs.device], ALL_XFS, lambda e: e["dev"] == env.xfs.dev)
    expect("-d MAJ:MIN", ["-d", env.xfs.dev], ALL_XFS, lambda e: e["dev"] == env.xfs.dev)
    expect("-i with -d", ["-i", ino, "-d", env.xfs.mount], ON_XFS_FILE, lambda e: e["ino"] == ino)
    expect("-f", ["-f", work.ext4_file], ON_EXT4,
           lambda e: e["dev"] == env.ext4.dev and e["ino"] == os.stat(work.ext4_file).st_ino)
    expect("--op", ["--op", "seek_hole", "-d", env.xfs.mount], HOLES, lambda e: e["op"] == "seek_hole")
    expect("--op list", ["--op", "seek_hole,dio_write", "-d", env.xfs.mount], HOLES + REFUSED,
           lambda e: e["op"] in ("seek_hole", "dio_write"))
    expect("--op group", ["--op", "seek", "-d", env.xfs.mount], ON_XFS_FILE + HOLES,
           lambda e: e["op"] in ("seek_hole", "seek_data"))
    expect("--min-latency 10s", ["--min-latency", "10s", "-d", env.xfs.mount], 0)
    expect("--min-latency 1ns", ["--min-latency", "1ns", "-f", work.xfs_file], ON_XFS_FILE)
    expect("--errors", ["--errors", "-d", env.xfs.mount], REFUSED, lambda e: e["ret"] != 0)

    # A latency that only some reach: taken from a first run, then asked of a second one.
    first = expect("-f before", ["-f", work.xfs_file], ON_XFS_FILE)
    middle = sorted(e["latency_ns"] for e in first.events)[ON_XFS_FILE // 2] if first.events else 1
    pid = work.prepare()
    lookups = env.lookups("--min-latency", f"{middle}ns", "-f", work.xfs_file)
    work.do()
    lookups.stop()
    t.ok(all(e["latency_ns"] >= middle for e in lookups.events), "--min-latency: none is faster",
         f"{middle} {[e['latency_ns'] for e in lookups.events]}")
    tool.balanced(t, lookups, "--min-latency")

    # The two bounds end the tool by themselves.
    lookups = env.lookups("--count", 10, "-f", work.xfs_file)
    tool.workload("seek", "-n", 100, work.xfs_file)
    lookups.stop(sig=None)
    t.equal((lookups.status, len(lookups.events)), (0, 10), "--count 10: ten of a hundred, then status 0")
    tool.balanced(t, lookups, "--count")
    begin = time.monotonic()
    lookups = env.lookups("--duration", "500ms", "-f", work.xfs_file)
    tool.workload("seek", "-n", 3, work.xfs_file)
    lookups.stop(sig=None)
    t.equal(lookups.status, 0, "--duration: ends with status 0")
    t.ok(time.monotonic() - begin >= 0.5, "--duration: not before its time")
    t.equal(lookups.summary["seen"] - lookups.summary["filtered"], len(lookups.events), "--duration: shows all")
