# SPDX-License-Identifier: GPL-2.0
"""With every verdict that fails nothing, many times, random operations end with the same bytes as without."""

import os

import tool
from policies import check_clean, inject, rules

# Direct I/O of whole blocks: XFS makes buffered I/O of the rest, once blocks are shared.
ARGUMENTS = ("-s", 3, "-n", 1200, "-a", 4096)
POLICY = """
--op write,zero,unshare,truncate --cap 3000 --probability 20%
--op dio --cap 4k --probability 30%
--stale --probability 20%
--step copy --cap 100 --op write --probability 20%
--fallback --op dio_write --probability 20%
--defer --probability 50%
--delay 200us --op write,zero,dio --step mapped --probability 10%
--delay 100us --op write,dio --step step --probability 10%
"""
# ext4's buffered I/O and writeback do not enter iomap, and who waits for direct I/O completes it: the numbers of the rules that are of use there.
OF_EXT4 = (2, 5, 7, 8)


def run(t, env):
    for fs in (env.xfs, env.ext4):
        path = fs.path("random")
        alone = tool.workload("integrity", *ARGUMENTS, path)
        os.unlink(path)
        policy = os.path.join(env.workdir, "policy")
        with open(policy, "w") as file:
            file.write("\n".join(f"{line} -d {fs.mount}" for line in POLICY.strip().splitlines()))
        observed = inject(env, "--policy", policy, "--seed", 3)
        meanwhile = tool.workload("integrity", *ARGUMENTS, path)
        observed.stop()
        t.equal(meanwhile, alone, f"{fs.kind}: the same operations, the same bytes")
        applied = {number for number, rule in enumerate(rules(observed), 1) if rule[1] > 5}
        t.equal(applied, set(OF_EXT4) if fs.kind == "ext4" else set(range(1, 9)), f"{fs.kind}: each rule was applied many times", rules(observed))
        tool.balanced(t, observed, fs.kind)
        check_clean(t, fs)
