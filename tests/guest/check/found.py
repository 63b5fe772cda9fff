# SPDX-License-Identifier: GPL-2.0
"""check finds each rule that is broken, as often as it is and where, and nothing else; and nothing where nothing is broken."""

import contextlib
import subprocess

from broken import left, nowait_refused, seeds, warnings

VIOLATIONS = 8      # the exit status
NEEDED = {"time", "rule", "fault", "wrong", "must_hold", "rests_on", "timeline", "kstack", "comm", "pid", "tid", "source"}


def checking(env, *args):
    return env.observe("check", *args)


def found(observed):
    return [record for record in observed.hists if record["event"] == "violation"]


def rows(observed):
    return {record["rule"]: record for record in observed.hists if record["event"] == "rule"}


def exact(t, seed, observed, name):
    """The violations of a run are those of the seed."""
    violations = found(observed)
    expected = [(seed.rule, fault) for fault, *_ in seed.faults]
    if not t.equal(sorted((v["rule"], v["fault"]) for v in violations), sorted(expected), f"{name}: each violation once, and no other",
                   "\n".join(map(str, violations))):
        return
    mine = [v for v in violations if v["rule"] == seed.rule]
    where = [(v["fault"], v["ino"], v["pos"] if pos is not None else None, v["len"] if length is not None else None)
             for v, (_, pos, length) in zip(mine, seed.faults)]
    t.equal(where, [(fault, seed.inode, pos, length) for fault, pos, length in seed.faults], f"{name}: in this file, at this position")
    for v in violations:
        t.equal(NEEDED - set(v), set(), f"{name}: {v['fault']} has all fields", v)
        ends = [step["offset_ns"] for step in v["timeline"]]
        t.ok(ends and ends == sorted(ends) and all(step["step"] for step in v["timeline"]), f"{name}: {v['fault']} has a timeline",
             v["timeline"])
        t.ok(v["kstack"] and (not seed.function or any(seed.function in frame for frame in v["kstack"])),
             f"{name}: {v['fault']} has the kernel's functions", v["kstack"])


def check_seed(t, env, seed, names):
    everything = checking(env)
    seed.broken()
    everything.stop()
    warnings()
    t.equal((everything.status, left(seed.rule)), (VIOLATIONS, 0), f"{seed}: the status says so", everything.stderr())
    exact(t, seed, everything, str(seed))
    t.equal({rule: row["violations"] for rule, row in rows(everything).items() if row["violations"]},
            {seed.rule: len(seed.faults)}, f"{seed}: the line of the rule, and only it, says how often")

    fast = checking(env, "--rules", seed.rule, "--fail-fast")
    seed.broken()
    with contextlib.suppress(subprocess.TimeoutExpired):
        fast.process.wait(10)
    fast.stop()
    warnings()
    t.equal((fast.status, [(v["rule"], v["fault"]) for v in found(fast)]), (VIOLATIONS, [(seed.rule, seed.faults[0][0])]),
            f"{seed}: --fail-fast ends with the first", fast.stderr())

    others = [name for name in names if name != seed.rule]
    blind = checking(env, "--rules", ",".join(others))
    seed.broken()
    blind.stop()
    warnings()
    t.equal((blind.status, found(blind), sorted(rows(blind)), left(seed.rule)), (0, [], sorted(others), 0),
            f"{seed}: the other rules do not see it", blind.stderr())


def run(t, env):
    with seeds(env) as all_seeds:
        names = sorted({seed.rule for seed in all_seeds})
        silent = checking(env)
        for seed in all_seeds:
            seed.unbroken()
        nowait_refused(env.xfs.hole("hole"))
        silent.stop()
        table = rows(silent)
        t.equal((silent.status, found(silent)), (0, []), "nothing is found where nothing is broken", silent.stderr())
        t.equal(sorted(table), names, "there is a line for each rule")
        t.equal([rule for rule, row in table.items() if not row["checked"]], [], "each has been checked", table)
        t.equal(warnings(), [], "and the kernel has nothing to complain of")
        for seed in all_seeds:
            check_seed(t, env, seed, names)
