# SPDX-License-Identifier: GPL-2.0
"""A task that waits on behalf of a policy can be killed, and does not use the CPU."""

import os
import resource
import signal
import subprocess
import time

from policies import inject


def run(t, env):
    path = env.xfs.file("sleeper", 64 << 10)
    observed = inject(env, "--delay", "10s", "--op", "dio_read", "-f", path, "--times", 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    reader = subprocess.Popen(["dd", f"if={path}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct"], stderr=subprocess.DEVNULL)
    asleep = 0
    deadline = time.monotonic() + 9
    while asleep < 3 and reader.poll() is None and time.monotonic() < deadline:
        time.sleep(0.3)
        with open(f"/proc/{reader.pid}/stat") as stat:
            asleep = asleep + 1 if stat.read().rsplit(")", 1)[1].split()[0] in "SD" else 0
    begin = time.monotonic()
    os.kill(reader.pid, signal.SIGKILL)
    reader.wait()
    took = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    observed.stop(sig=None)
    used = after.ru_stime + after.ru_utime - before.ru_stime - before.ru_utime
    t.equal(asleep, 3, "it waits")
    t.equal(len(observed.events), 1, "on behalf of the policy", observed.events)
    t.ok(took < 4, "a signal that kills ends that", took)
    t.ok(used < 1, "it slept", used)
