#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""In the guest: runs cases of this directory and prints TAP. run.py CASE... | run.py stress SECONDS

A case NAME is a module case_NAME.py with a docstring and run(t), which reports by t (tap.Tap) and returns what it has
recorded. It must have made every event fire, and reached every value, that the table says it does.
"""

import importlib
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "lib")]
import table    # noqa: E402
import trace    # noqa: E402
from tap import Tap     # noqa: E402


def events_there(t):
    ours = {(e.system, e.name) for e in table.EVENTS.values()}
    kernels = trace.kernel_events()
    t.equal(sorted(kernels - ours), [], "the table has every event of the kernel")
    t.equal(sorted(ours - kernels), [], "the kernel has every event of the table")
    # An enumeration, which several events may share, as the kernel prints it: somewhere in the table stands each value.
    kernel, mine = {}, {}
    for (name, field), values in table.VALUES.items():
        with open(f"{trace.TRACING}/events/{table.EVENTS[name].system}/{name}/format") as file:
            symbolic = file.read().partition(f"__print_symbolic(REC->{field},")[2].partition(")")[0]
        named = frozenset(part.split('"')[1] for part in symbolic.split("{")[1:])
        mine.setdefault(named, set()).update(values)
        kernel.setdefault(named, f"{name} {field}")
    t.equal([(what, sorted(named ^ mine[named])) for named, what in kernel.items() if named != mine[named]], [],
            "the table has every reason, route and verdict of the kernel, and no other")


def judge(t, case, events):
    """Did the case reach what the table promises of it?"""
    fired = {e.name for e in events}
    t.equal([e for e in sorted(fired) if table.EVENTS[e].never], [], "no event fires that the table says cannot be provoked")
    t.equal([e.name for e in table.EVENTS.values() if e.case == case and not e.never and e.name not in fired], [],
            "every event that the table promises has fired")
    for (name, field), values in table.VALUES.items():
        seen = {e.f.get(field) for e in events if e.name == name}
        promised = {value for value, by in values.items() if by == case}
        if promised:
            t.equal(sorted(promised - seen), [], f"{name}: every {field} that the table promises")
        wrong = sorted(value for value in seen & set(values) if values[value].startswith("-"))
        if wrong:
            t.fail(f"{name}: {field} is never {wrong}, says the table", "it is: correct the table")
    return fired


def main():
    t = Tap("steps")
    if sys.argv[1:2] == ["stress"]:
        import stress
        stress.run(t, int(sys.argv[2]))
        sys.exit(t.done())
    fired = set()
    for name in ("table", *sys.argv[1:]):
        t.topic = name
        began = time.monotonic()
        try:
            if name == "table":
                events_there(t)
                continue
            events = importlib.import_module("case_" + name).run(t)
            fired |= judge(t, name, events)
            t.diag(f"{name}: {len(events)} events in {time.monotonic() - began:.1f} s")
        except Exception:
            t.fail("ran to its end", traceback.format_exc())
    t.diag(f"{len(fired)} of {len(table.EVENTS)} events fired")
    sys.exit(t.done())


if __name__ == "__main__":
    main()
