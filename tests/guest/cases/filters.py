# SPDX-License-Identifier: GPL-2.0
"""Every filter lets through what it names and nothing else, and what it holds back is counted as filtered."""

import os
import shutil
import subprocess
import time

import tool

ON_XFS, ON_EXT4, OTHERS, REFUSED = 40, 30, 20, 5


class Work:
    """A known mixture: `seek` on a file of each file system, the same by another name, refused writes."""

    def __init__(self, env):
        self.xfs_file = env.xfs.path("filters")
        self.ext4_file = env.ext4.path("filters")
        self.refuse_file = env.xfs.path("refuse")
        for path in (self.xfs_file, self.ext4_file):
            with open(path, "wb") as file:
                file.write(b"f" * 4096)
                file.flush()
                os.fsync(file.fileno())
        self.seek = os.path.join(tool.BUILD, "workloads", "seek")
        self.other = os.path.join(env.workdir, "otherseek")
        shutil.copy(self.seek, self.other)

    def prepare(self):
        """Starts the process whose lookups are those on XFS, which waits before it does them."""
        self.waiting = subprocess.Popen(["/bin/sh", "-c", 'read -r _; exec "$@"', "sh", self.seek, "-n",
                                         str(ON_XFS), self.xfs_file],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        return self.waiting.pid

    def do(self):
        self.waiting.communicate(b"go\n", timeout=tool.PATIENCE)
        subprocess.run([self.seek, "-n", str(ON_EXT4), self.ext4_file], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([self.other, "-n", str(OTHERS), self.xfs_file], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([self.seek, "-H", "-n", "1", "-o", "0", self.refuse_file], check=True,
                       stdout=subprocess.DEVNULL)
        tool.workload("fail", "nowait", self.refuse_file, REFUSED)


def run(t, env):
    work = Work(env)
    with open(work.refuse_file, "wb") as file:
        file.truncate(1 << 20)
    ino = os.stat(work.xfs_file).st_ino
    on_xfs = ON_XFS + OTHERS
    all_xfs = on_xfs + 2 + REFUSED      # one SEEK_HOLE of ours, one at the end of `fail`
    everything = all_xfs + ON_EXT4

    def expect(name, args, count, check=None):
        pid = work.prepare()
        args = [str(arg).replace("{pid}", str(pid)) for arg in args]
        lookups = env.lookups(*args)
        work.do()
        lookups.stop()
        events = lookups.events
        # Without a filter by file, device or process the rest of the machine may be seen too.
        t.equal(len(events), count, f"{name}: {count} of {everything} lookups",
                f"{lookups.summary}\n{lookups.stderr()}" +
                "\n".join(f"{e['comm']} {e['op']} {e['dev']} {e['ino']}" for e in events[:5]))
        if check:
            t.ok(all(check(e) for e in events), f"{name}: the right ones",
                 next((e for e in events if not check(e)), ""))
        tool.balanced(t, lookups, name)
        t.ok(lookups.summary["filtered"] >= everything - count, f"{name}: the others count as filtered",
             lookups.summary)
        return lookups

    expect("-p", ["-p", "{pid}"], ON_XFS, lambda e: e["comm"] == "seek" and e["dev"] == env.xfs.dev)
    expect("-c", ["-c", "otherseek"], OTHERS, lambda e: e["comm"] == "otherseek")
    expect("-d mount point", ["-d", env.ext4.mount], ON_EXT4, lambda e: e["dev"] == env.ext4.dev)
    expect("-d device", ["-d", env.xfs.device], all_xfs, lambda e: e["dev"] == env.xfs.dev)
    expect("-d MAJ:MIN", ["-d", env.xfs.dev], all_xfs, lambda e: e["dev"] == env.xfs.dev)
    expect("-i with -d", ["-i", ino, "-d", env.xfs.mount], on_xfs, lambda e: e["ino"] == ino)
    expect("-f", ["-f", work.ext4_file], ON_EXT4,
           lambda e: e["dev"] == env.ext4.dev and e["ino"] == os.stat(work.ext4_file).st_ino)
    expect("--op", ["--op", "seek_hole", "-d", env.xfs.mount], 2, lambda e: e["op"] == "seek_hole")
    expect("--op list", ["--op", "seek_hole,dio_write", "-d", env.xfs.mount], 2 + REFUSED,
           lambda e: e["op"] in ("seek_hole", "dio_write"))
    expect("--op group", ["--op", "seek", "-d", env.xfs.mount], on_xfs + 2,
           lambda e: e["op"] in ("seek_hole", "seek_data"))
    expect("--min-latency 10s", ["--min-latency", "10s", "-d", env.xfs.mount], 0)
    expect("--min-latency 1ns", ["--min-latency", "1ns", "-f", work.xfs_file], on_xfs)
    expect("--errors", ["--errors", "-d", env.xfs.mount], REFUSED, lambda e: e["ret"] < 0)

    # A latency that only some reach: taken from a first run, then asked of a second one.
    first = expect("-f before", ["-f", work.xfs_file], on_xfs)
    middle = sorted(e["latency_ns"] for e in first.events)[on_xfs // 2] if first.events else 1
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
