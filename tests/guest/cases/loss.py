# SPDX-License-Identifier: GPL-2.0
"""What does not fit is counted: over a million lookups through a ring of one page and into a slow reader."""

import json
import os
import select
import subprocess
import time

import tool

THREADS, CALLS = 4, 300000


def run(t, env):
    path = env.xfs.file("loss", 4096)
    page = os.sysconf("SC_PAGESIZE")
    reader, writer = os.pipe()
    lookups = env.lookups("-f", path, "--ring-size", page, "--strict", stdout=writer)
    os.close(writer)
    seek = subprocess.Popen([os.path.join(tool.BUILD, "workloads", "seek"), "-t", str(THREADS), "-n", str(CALLS),
                             path], stdout=subprocess.PIPE, text=True)
    lines, tail, stopped = 0, b"", False
    while True:
        if not stopped and seek.poll() is not None:
            lookups.process.send_signal(2)
            stopped = True
        # The last lines may have been read before the workload has ended.
        if not select.select([reader], [], [], 0.1)[0]:
            continue
        data = os.read(reader, 65536)
        if not data:
            break
        lines += data.count(b"\n")
        tail = (tail + data)[-20000:]
        if not stopped:
            time.sleep(0.02)
    os.close(reader)
    calls = int(seek.communicate()[0])
    lookups.stop(sig=None)

    s = json.loads(tail.splitlines()[-1])
    lost = sum(s["lost"].values())
    t.equal(calls, THREADS * CALLS, "over a million lookups were made")
    t.ok(calls - s["unseen_at_most"] <= s["seen"] - s["filtered"] <= calls, "seen is what was done, but for what may be unseen", s)
    if s["unseen_at_most"]:
        t.skip("seen is exactly what was done", "this kernel preempts programs")
    else:
        t.equal(s["seen"] - s["filtered"], calls, "seen is exactly what was done", s)
    t.equal(s["seen"], s["emitted"] + s["filtered"] + lost, "seen = emitted + filtered + lost", s)
    t.equal(s["emitted"], lines - 1, "emitted is exactly what was written", s)
    t.ok(s["lost"]["ring_full"] > 0 and s["lost_total"] == lost, "the full ring is named as the reason", s)
    t.ok(s["emitted"] > 0, "and yet something was shown", s)
    t.equal(lookups.status, 6, "--strict: status 6", lookups.stderr())

    lookups = env.lookups("-f", path, "--strict")
    tool.workload("seek", "-n", 100, path)
    lookups.stop()
    t.equal((lookups.status, len(lookups.events)), (0, 100), "--strict: status 0 when nothing is lost",
            lookups.summary)
