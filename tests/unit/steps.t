#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The table of all kernel events (tests/guest/steps/table.py) against what is written elsewhere, and the check of pairs itself."""

import glob
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests", "guest", "steps"), os.path.join(TOP, "tests", "lib")]
import table    # noqa: E402
import trace    # noqa: E402
from tap import Tap     # noqa: E402


def documents(t):
    with tempfile.TemporaryDirectory() as work:
        text, copy = os.path.join(work, "text"), os.path.join(work, "events.md")
        with open(text, "w") as out:
            out.write(table.markdown())
        with open(os.path.join(TOP, "docs", "events.md")) as file:
            before = file.read()
        with open(copy, "w") as out:
            out.write(before)
        subprocess.run([os.path.join(TOP, "tools", "schema", "splice"), copy, "kernel-events", text], check=True)
        with open(copy) as file:
            t.ok(file.read() == before, "docs/events.md is what make docs-events writes", "run make docs-events")

    # The series adds lines to observability.rst, and events to trace headers; nothing takes any away later.
    described, defined = set(), set()
    for patch in glob.glob(os.path.join(TOP, "patches", "6.12", "observe", "[0-9]*.patch")):
        name = None
        with open(patch, errors="replace") as file:
            for line in file:
                if line.startswith("+++ "):
                    name = line.split("/")[-1].strip()
                elif line.startswith("+") and name == "observability.rst":
                    described |= set(re.findall(r"``(\w+)``", line))
                elif line.startswith("+") and name and name.endswith(".h"):
                    found = re.match(r"\+(?:TRACE_EVENT(?:_FN)?\((\w+),|DEFINE_EVENT\(\w+, (\w+),|DEFINE_\w+_EVENT\((\w+)\))", line)
                    if found:
                        defined.add(found[1] or found[2] or found[3])
    ours = {e.name for e in table.EVENTS.values() if not e.stock}
    t.equal(sorted(ours - described), [], "observability.rst describes every event that the series adds")
    t.equal(sorted(ours - defined), [], "the series defines every event that the table says it adds")
    t.equal(sorted(defined - set(table.EVENTS) - {"name"}), [], "the table has every event that the series defines")
    known = {name for name in described if re.match("(iomap|dax|aio|dm_io)_", name)}
    t.ok(known & set(table.EVENTS), "observability.rst is read")

    cases = {os.path.basename(path)[5:-3] for path in glob.glob(os.path.join(TOP, "tests", "guest", "steps", "case_*.py"))}
    named = {e.case for e in table.EVENTS.values()} | \
        {case for values in table.VALUES.values() for case in values.values() if case[0] not in "-~"}
    t.equal(sorted(named ^ cases), [], "every case of the table exists, and is used")
    mentioned = {name for pair in table.PAIRS for name in (pair.begin, pair.end)} | set(table.WITHIN) | \
        {term if isinstance(term, str) else term[0] for sides in table.COUNTS for side in sides for term in side}
    t.equal(sorted(mentioned - set(table.EVENTS)), [], "the rules are about events of the table")


def line(event, fields, flags=".....", comm="fio", pid=7):
    return f"  {comm}-{pid}   [000] {flags}  1.000000: {event}: dev 8:0 ino 0x1 pos 0x0 length 0x1000 {fields}"


def said(*lines):
    """The results that check() fails on these lines."""
    class Silent(Tap):
        failures = []

        def _line(self, good, name, directive=""):
            if not good:
                self.failures = [*self.failures, name]

        def diag(self, text):
            pass

    t = Silent()
    trace.check(t, [trace.parse(text) for text in lines])
    return t.failures


def checks(t):
    """A check that cannot fail would prove nothing."""
    begin, end = line("iomap_op_begin", "op READ flags  iter ff01"), line("iomap_op_end", "op READ flags  ret 0 iter ff01")
    lookup = line("iomap_lookup", "op READ flags  ret 0 iter ff01")
    step = line("iomap_step", "op READ flags  processed 4096 iter ff01")
    pairs, counts, contexts = "every begin has its end", "counts that must be equal", "no event fires in a context"

    def fails(what, lines, *expected):
        got = said(*lines)
        t.ok(len(got) == len(expected) and all(any(g.startswith(e) for g in got) for e in expected), what, got)

    fails("a whole operation is fine", (begin, lookup, step, end))
    fails("no end", (begin, lookup, step), pairs, counts)
    fails("no begin", (lookup, step, end), pairs, counts)
    fails("two ends", (begin, end, end), pairs, counts)
    fails("two begins", (begin, begin, end, end), pairs)
    fails("an end of another one", (begin, end.replace("ff01", "ff02")), pairs)
    fails("the wrong order", (end, begin), pairs)
    fails("something outside", (begin, end, lookup, step), pairs)
    fails("a lookup without a step", (begin, lookup, end), pairs, counts)
    fails("a failed lookup has none", (begin, lookup.replace("ret 0", "ret -5"), end))
    fails("a begin in an interrupt", (line("iomap_op_begin", "op READ flags  iter ff01", flags="d.h.."), end), contexts)
    fails("a reason without a name", (begin, line("iomap_stale", "op READ flags  reason 0x7 iter ff01"), end), "every reason")
    exits = [line("iomap_dio_rw_begin", "flags DIRECT"), line("iomap_dio_begin", "op DIO_READ dio ff01"),
             line("iomap_dio_end", "error -5 ret -5 dio ff01").replace("length 0x1000", "length 0x0")]
    fails("direct I/O that ends early", exits)
    fails("direct I/O that never ends", exits[:2], pairs, counts)
    record = trace.parse(line("dax_sync_fault", "WRITE|0x40 address 0x7f00 vmf ff03"))
    t.equal((record.f["address"], record.f["vmf"], record.f["pid"]), ("0x7f00", "ff03", "7"),
            "words without a value are passed over")


t = Tap("steps")
documents(t)
checks(t)
sys.exit(t.done())
