# SPDX-License-Identifier: GPL-2.0
"""Each rule is really broken when that is asked for, and only then: by what its caller sees, what the kernel warns of, and what events
there are. Nothing of the tool is needed."""

import os
import sys

import tool
from broken import left, seeds, warnings

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import trace    # noqa: E402


def counted(seed, act):
    """What the act returns, and how many of the events of the seed there are, None if it has none."""
    if not seed.event:
        return act(), None
    with trace.Watch(seed.event) as watch:
        return act(), watch.count()


def run(t, env):
    with seeds(env) as all_seeds:
        t.equal({seed.rule for seed in all_seeds}, set(os.listdir("/sys/kernel/debug/iomap_broken")), "a seed for each rule")
        for seed in all_seeds:
            warnings()
            good, before = counted(seed, seed.unbroken)
            t.equal((good, warnings()), (seed.good, []), f"{seed}: not broken")
            seen, after = counted(seed, seed.broken)
            t.equal((seen, left(seed.rule)), (seed.seen, 0), f"{seed}: broken, as the caller sees")
            found = warnings()
            t.equal(len(found), seed.warns, f"{seed}: the kernel warns as often as it should", found)
            t.ok(seen != good or seed.warns or seed.event or seed.quiet, f"{seed}: it can be seen")
            if seed.event:
                t.equal(after - before, seed.more, f"{seed}: more {seed.event}")
