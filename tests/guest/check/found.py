# SPDX-License-Identifier: GPL-2.0
"""check finds each rule that is broken, as often as it is and where, and nothing else; and nothing where nothing is broken."""

import contextlib
import os
import re
import subprocess

import tool
from broken import left, nowait_refused, seeds, warnings

VIOLATIONS = 8      # the exit status
# Ways to break a rule that no seed takes: what would do it takes down the kernel, or more of it than is worth it; the rule has another seed.
UNSEEDED = {
    "lookup-covers": {"ends-before"}, "overwrite-only": {"not-written", "shared-extent"},
    "ioend-merge": {"disk-gap", "other-file", "other-shared", "other-status"},
    "dio-result": {"no-errno", "not-transferred", "positive-error", "queued-result", "queued-waited"},
    "dio-complete-once": {"done-again"}, "dio-after-bios": {"bio-after"}, "dax-pmd-aligned": {"file-unaligned"},
    "kiocb-complete": {"never-called", "refused-called"}, "dmio-notify": {"request-ended-again"}, "dmio-error-bits": {"region-beyond"},
}
NEEDED = {"time", "rule", "fault", "wrong", "must_hold", "rests_on", "timeline", "kstack", "comm", "pid", "tid", "source"}


def faults():
    """All (rule, fault) that there are, as docs/checks.md has them from the schema."""
    with open(os.path.join(tool.TOP, "docs", "checks.md")) as text:
        return set(re.findall(r"^\| `([a-z-]+)` \| `([a-z-]+)` \| [^`]", text.read(), re.M))


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
        works = [step for step in v["timeline"] if step["step"] == "step"]
        t.ok(all(set(step) >= {"processed", "map_flags"} and (step["processed"] <= step["len"] or v["fault"] == "processed-too-much") for step in works),
             f"{name}: {v['fault']}: a step did no more than was left", works)
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
        seeded = {(seed.rule, fault) for seed in all_seeds for fault, *_ in seed.faults}
        t.equal(sorted(faults()), sorted(seeded | {(rule, fault) for rule, some in UNSEEDED.items() for fault in some}),
                "each fault has a seed, but for those that are known not to")
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
