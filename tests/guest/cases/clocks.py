# SPDX-License-Identifier: GPL-2.0
"""Times are those of the clock that was asked for, to the nanosecond, in every format."""

import datetime
import re
import time

import tool

CALLS = 5


def seconds(text):
    """What a time in JSON says, as seconds of its clock."""
    if text.endswith("Z"):
        whole, fraction = text[:-1].split(".")
        at = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
        return at.timestamp() + float("0." + fraction)
    return float(text)


def run(t, env):
    path = env.xfs.file("clocks")
    for name, args, clock, form in (("wall is the default", (), time.CLOCK_REALTIME, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"),
                                    ("--clock wall", ("--clock", "wall"), time.CLOCK_REALTIME, r"\d{4}-\d\d-\d\dT.*Z"),
                                    ("--clock mono", ("--clock", "mono"), time.CLOCK_MONOTONIC, r"\d+\.\d{9}")):
        for mode in ((), ("--hist",)):
            lookups = env.lookups("-f", path, *args, *mode)
            begin = time.clock_gettime(clock)
            tool.workload("seek", "-n", CALLS, path)
            lookups.stop()
            end = time.clock_gettime(clock)
            records = lookups.hists if mode else lookups.events
            t.ok(records and all(re.fullmatch(form, r["time"]) for r in records), f"{name} {' '.join(mode)}: the form", records[:1])
            # The clocks' offset is taken once a second.
            t.ok(records and all(begin - 0.01 <= seconds(r["time"]) <= end + 0.01 for r in records),
                 f"{name} {' '.join(mode)}: the time", f"{begin} {end} {[r['time'] for r in records]}")
            times = [seconds(r["time"]) for r in records]
            t.equal(times, sorted(times), f"{name} {' '.join(mode)}: in order")
    for output, form in (("table", r"\d+\.\d{6} +seek_data "), ("csv", r"\d+\.\d{9},lookup,seek_data,")):
        lookups = env.lookups("-f", path, "--clock", "mono", output=output)
        tool.workload("seek", "-n", CALLS, path)
        lookups.stop(parse=False)
        t.equal(len(re.findall("^" + form, lookups.text, re.M)), CALLS, f"--clock mono -o {output}: the form", lookups.text)
