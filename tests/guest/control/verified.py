# SPDX-License-Identifier: GPL-2.0
"""The programs of inject load with every kind of rule, and their verification costs what tests/guest/verified.txt has recorded for control."""

import os
import re

import tool
import verifier

FILTERS = ("", "-p 1", "-c nobody", "--cgroup /", "--op write,dio --after 3 --every 2 --times 1 --probability 1%")


def run(t, env):
    policy = os.path.join(env.workdir, "rules")
    with open(policy, "w") as file:
        for line in ("--errno EIO", "--delay 1ms", "--cap 4k"):
            file.writelines(f"{line} -d {env.xfs.mount} {filters}\n" for filters in FILTERS)
    most = {}
    for args in (("--errno", "EIO", "-d", env.xfs.mount), ("--policy", policy), ("--policy", policy, "--hist"),
                 ("--policy", policy, "--stacks", "--seed", "3")):
        done = tool.run("inject", "-v", "--duration", "1ms", *args)
        counts = re.findall(r": program (\S+): (\d+) instructions verified", done.stderr)
        t.ok(done.returncode == 0 and len(counts) == 14, f"inject {' '.join(args)}: all programs load: thirteen steps and the event", done.stderr)
        for program, count in counts:
            most[program] = max(most.get(program, 0), int(count))
    verifier.compare(t, "inject", most, verifier.recorded(t.label))
