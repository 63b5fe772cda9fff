# SPDX-License-Identifier: GPL-2.0
"""Operations inside operations, on tasks that change CPUs: every source keeps them apart.

Writes into "nested-to-*" take their data from cold mappings of "nested-from-*": the lookups of a write and of
the page fault inside it belong to different iterators of one task.
"""

import glob
import os

import tool

THREADS, WRITES = 8, 12
READS = {"read", "readahead"}


def run(t, env):
    for source in env.sources:
        lookups = env.lookups("-d", env.xfs.mount, "--source", source)
        printed = tool.workload("nested", "-t", THREADS, "-n", WRITES, env.xfs.mount)
        lookups.stop()
        events = lookups.events
        t.equal(printed, f"writes {THREADS * WRITES}\n", f"{source}: the work is done")
        tool.balanced(t, lookups, source)
        if tool.programs_skipped(t, lookups, f"{source}: every begin has its end"):
            continue
        unmatched = {reason: n for reason, n in lookups.summary["lost"].items() if reason.startswith("unmatched")}
        t.equal(unmatched, {"unmatched_begin": 0, "unmatched_end": 0}, f"{source}: every begin has its end")
        t.ok(all(e["ret"] == 0 and e["latency_ns"] >= 0 for e in events), f"{source}: every lookup is whole",
             next((e for e in events if e["ret"] != 0 or e["latency_ns"] is None), ""))

        by_ino = {}
        for e in events:
            ops = by_ino.setdefault(e["ino"], {})
            ops[e["op"]] = ops.get(e["op"], 0) + 1
        froms = [by_ino.get(os.stat(path).st_ino, {}) for path in glob.glob(env.xfs.path("nested-from-*"))]
        tos = [by_ino.get(os.stat(path).st_ino, {}) for path in glob.glob(env.xfs.path("nested-to-*"))]
        t.equal((len(froms), len(tos)), (THREADS, THREADS), f"{source}: the files are there")
        t.ok(all(set(ops) <= READS | {"write"} and sum(ops.get(op, 0) for op in READS) >= WRITES / 2
                 for ops in froms), f"{source}: the faults inside the writes are reads of the other file", froms)
        t.ok(all(set(ops) == {"write"} and ops["write"] >= WRITES for ops in tos),
             f"{source}: and the writes themselves are writes", tos)
        # A fault's lookup that were taken for the write's would have the wrong range.
        t.ok(all(e["map_pos"] <= e["pos"] < e["map_pos"] + e["map_len"] for e in events),
             f"{source}: each mapping covers the place asked for",
             next((e for e in events if not e["map_pos"] <= e["pos"] < e["map_pos"] + e["map_len"]), ""))
        for path in glob.glob(env.xfs.path("nested-*")):
            os.unlink(path)
