# SPDX-License-Identifier: GPL-2.0
"""The mappings shown for a file of a thousand extents are those that FIEMAP reports, as xfs_io prints them."""

import os
import re

import storage
import tool

SECTOR = 512
UNWRITTEN, SHARED = 0x800, 0x2000
LINE = re.compile(r"\s*\d+: \[(\d+)\.\.(\d+)\]:\s+(hole|(\d+)\.\.(\d+))\s+(\d+)(?:\s+0x([0-9a-f]+))?")


def xfs_io_extents(path):
    """[(pos, len, addr or None, type, shared)] of a file, holes included, from xfs_io's text."""
    extents = []
    for line in storage.command("xfs_io", "-r", "-c", "fiemap -v", path).splitlines()[2:]:
        match = LINE.match(line)
        if not match:
            raise AssertionError(f"xfs_io prints {line!r}")
        first, last, hole = int(match[1]), int(match[2]), match[3] == "hole"
        pos, length = first * SECTOR, (last + 1 - first) * SECTOR
        flags = int(match[7] or "0", 16)
        if hole:
            extents.append((pos, length, None, "hole", False))
        else:
            kind = "unwritten" if flags & UNWRITTEN else "mapped"
            extents.append((pos, length, int(match[4]) * SECTOR, kind, bool(flags & SHARED)))
    return extents


def shown_extents(events, size):
    """The same of the lookups.

    xfs_io asks for a few dozen extents a call, and each call begins where the one before ended, so that a
    mapping may be looked up twice: the same one twice counts once. The last hole is looked up far beyond the
    end of the file, where no file has anything: it is cut at the size.
    """
    shown = {}
    for e in events:
        if e["ret"] != 0 or e["map_pos"] >= size:
            continue
        mapping = (e["map_pos"], min(e["map_len"], size - e["map_pos"]) if e["type"] == "hole" else e["map_len"],
                   e["addr"], e["type"], "SHARED" in e["flags"].split("|"))
        if shown.setdefault(mapping[0], mapping) != mapping:
            raise AssertionError(f"two different lookups at one place: {shown[mapping[0]]} {mapping}")
    return [shown[pos] for pos in sorted(shown)]


def compare(t, name, shown, expected):
    difference = next((f"first difference at number {i}: shown {a} xfs_io {b}"
                       for i, (a, b) in enumerate(zip(shown, expected)) if a != b),
                      f"{len(shown)} shown, {len(expected)} of xfs_io")
    t.ok(shown == expected, f"{name}: {len(expected)} mappings are xfs_io's, one by one", difference)


def run(t, env):
    for fs in (env.xfs, env.ext4):
        path = fs.path("extents")
        reflink = tool.workload("extents", "build", path).strip() == "reflink yes"
        size = os.stat(path).st_size + 65536
        os.truncate(path, size)         # so that it ends with a hole
        os.sync()
        t.equal(reflink, fs.kind == "xfs", f"{fs.kind}: reflink")
        for source in env.sources if fs is env.xfs else env.sources[:1]:
            name = f"{fs.kind} {source}"
            lookups = env.lookups("--op", "fiemap", "-f", path, "--source", source)
            expected = xfs_io_extents(path)
            lookups.stop()
            tool.balanced(t, lookups, name)
            compare(t, name, shown_extents(lookups.events, size), expected)
        kinds = {kind for _, _, _, kind, _ in expected}
        t.equal(kinds, {"hole", "mapped", "unwritten"}, f"{fs.kind}: there are all kinds of mappings")
        t.ok(len([e for e in expected if e[3] != "hole"]) >= 1000, f"{fs.kind}: there are a thousand extents",
             len(expected))
        t.ok(any(e[4] for e in expected) == reflink, f"{fs.kind}: some are shared if any can be")

        # One FIEMAP call looks up each mapping once, in order.
        lookups = env.lookups("--op", "fiemap", "-f", path)
        lines = tool.workload("extents", "show", path).splitlines()
        lookups.stop()
        own = [tuple(int(number, 0) for number in line.split()) for line in lines]
        second_call = [e for e in lookups.events if e["type"] != "hole"][len(own):]
        t.equal([(e["map_pos"], e["map_len"], e["addr"]) for e in second_call],
                [(pos, length, addr) for pos, length, addr, _ in own],
                f"{fs.kind}: a single call shows each extent once, in order")
