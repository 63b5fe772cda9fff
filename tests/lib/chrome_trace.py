# SPDX-License-Identifier: GPL-2.0
"""Checks of traces in Chrome's format: their structure by a schema, and that slices on each track nest."""

import decimal

# Of https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: what is used of it, and nothing else.
NUMBER = {"type": "integer", "minimum": 0}
ON_TRACK = {"name": {"type": "string", "minLength": 1}, "pid": NUMBER, "tid": NUMBER}
TIMED = {**ON_TRACK, "cat": {"type": "string", "minLength": 1}, "ts": {"type": "number", "minimum": 0}, "args": {"type": "object"}}


def event(phase, properties, required, **more):
    return {"type": "object", "properties": {"ph": {"const": phase}, **properties}, "required": ["ph", *required],
            "additionalProperties": False, **more}


SCHEMA = {
    "type": "object",
    "required": ["traceEvents", "displayTimeUnit", "otherData"],
    "additionalProperties": False,
    "properties": {
        "displayTimeUnit": {"const": "ns"},
        "otherData": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        "traceEvents": {"type": "array", "items": {"oneOf": [
            event("X", {**TIMED, "dur": {"type": "number", "exclusiveMinimum": 0}}, ["name", "cat", "pid", "tid", "ts", "dur"]),
            event("i", {**TIMED, "s": {"const": "t"}}, ["name", "cat", "pid", "tid", "ts", "s"]),
            event("M", {**ON_TRACK, "name": {"enum": ["process_name", "thread_name"]},
                        "args": {"type": "object", "required": ["name"], "additionalProperties": False,
                                 "properties": {"name": {"type": "string"}}}}, ["name", "pid", "tid", "args"]),
            event("M", {**ON_TRACK, "name": {"enum": ["process_sort_index", "thread_sort_index"]},
                        "args": {"type": "object", "required": ["sort_index"], "additionalProperties": False,
                                 "properties": {"sort_index": NUMBER}}}, ["name", "pid", "tid", "args"]),
        ]}},
    },
}


def nanoseconds(number):
    """Of microseconds with three digits behind the point, exactly."""
    value = decimal.Decimal(number) * 1000
    assert value == int(value), f"{number} has less than a nanosecond"
    return int(value)


def overlaps(events):
    """
    What does not nest, as text: of each track the slices in the order of their begin, those of one begin in the order of the file, as
    viewers take them.
    """
    wrong, tracks = [], {}
    for number, e in enumerate(events):
        if e["ph"] == "X":
            begin = nanoseconds(e["ts"])
            tracks.setdefault((e["pid"], e["tid"]), []).append((begin, number, begin + nanoseconds(e["dur"]), e["name"]))
    for track, slices in tracks.items():
        opened = []
        for begin, _, end, name in sorted(slices):
            while opened and opened[-1][0] <= begin:
                opened.pop()
            if opened and end > opened[-1][0]:
                wrong.append(f"track {track}: {name} {begin}..{end} goes beyond {opened[-1][1]}, which ends at {opened[-1][0]}")
            opened.append((end, name))
    return wrong


def nested(events, inner, outer):
    """How many slices of a category lie in one of another one on their track, and how many there are."""
    found, tracks = 0, {}
    slices = [e for e in events if e["ph"] == "X"]
    for e in slices:
        if e["cat"] == outer:
            tracks.setdefault((e["pid"], e["tid"]), []).append((nanoseconds(e["ts"]), nanoseconds(e["ts"]) + nanoseconds(e["dur"])))
    mine = [e for e in slices if e["cat"] == inner]
    for e in mine:
        begin = nanoseconds(e["ts"])
        end = begin + nanoseconds(e["dur"])
        found += any(b <= begin and end <= f for b, f in tracks.get((e["pid"], e["tid"]), ()))
    return found, len(mine)


def unnamed(events):
    """Tracks with events and without the names of process and thread."""
    named = {"process_name": set(), "thread_name": set()}
    used = set()
    for e in events:
        if e["ph"] == "M":
            named.get(e["name"], set()).add((e["pid"], e["tid"]))
        else:
            used.add((e["pid"], e["tid"]))
    processes = {pid for pid, _ in named["process_name"]}
    return sorted(track for track in used if track not in named["thread_name"] or track[0] not in processes)
