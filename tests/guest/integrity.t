#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Observed or not, the patched kernel keeps data as the stock one does.

The same random operations (tests/workloads/integrity.c) run on XFS and ext4, on the stock kernel and on the
patched one while all events of iomap are recorded and lookups are watched. Each run compares the file with a
model all the time; here the digests of the two kernels are compared as well.
"""

import os
import subprocess
import sys

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")
sys.path.insert(0, LIB)
import guest    # noqa: E402
import storage  # noqa: E402
import tool     # noqa: E402
from tap import Tap     # noqa: E402

SEEDS = (1, 2)
OPS = 2000
FILESYSTEMS = (("xfs", "xfs-4k", []), ("xfs", "xfs-1k", ["-b", "size=1024"]), ("ext4", "ext4", []))
DISKS = ("/dev/vda", "/dev/vdb", "/dev/vdc")
TRACING = "/sys/kernel/tracing"


def inside(observed):
    """In the guest: a line "digest FS SEED VALUE" for each run, "notices FS" where a wrong byte must be,
    "lookups N balanced" and the names of the events recorded."""
    if observed:
        with open(f"{TRACING}/events/iomap/enable", "w") as enable:
            enable.write("1")
        lookups = tool.Lookups("/tmp", "-c", "integrity", "--ring-size", "64m")
    for (kind, name, args), disk in zip(FILESYSTEMS, DISKS):
        fs = storage.Filesystem(kind, "/tmp", name, disk, args)
        for seed in SEEDS:
            lines = tool.workload("integrity", "-s", seed, "-n", OPS, fs.path("file")).splitlines()
            print(name, seed, " ".join(lines).replace(" digest ", " = "), flush=True)
        if not observed:
            # A run that cannot fail would prove nothing.
            printed = tool.workload("integrity", "-n", 400, "-c", 200, fs.path("file"), check=False)
            print("notices" if printed.startswith("MISMATCH: ") else printed, name, flush=True)
    if observed:
        lookups.stop(parse=False)
        lookups.parse(lookups.text.splitlines()[-1:])
        s = lookups.summary
        lost = sum(s["lost"].values())
        balanced = s["seen"] == s["emitted"] + s["filtered"] + lost
        print("lookups", s["emitted"], "balanced" if balanced else s, flush=True)
        with open(f"{TRACING}/trace") as trace:
            recorded = {line.split(": ")[1] for line in trace if ": iomap_" in line}
        print("events", *sorted(recorded))


def outside():
    t = Tap("integrity")
    printed = {}
    for name, image, flag in (("stock", "stock", "--plain"), ("patched", "observe", "--observed")):
        command = guest.vm_command(guest.built_kernel(image), f"integrity-{name}", ["512M"] * len(DISKS),
                                   os.path.abspath(__file__), "--inside", flag)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        t.equal(done.returncode, 0, f"{name}: all runs end well", done.stdout)
        printed[name] = done.stdout.splitlines()
    for _, name, _ in FILESYSTEMS:
        for seed in SEEDS:
            runs = {kernel: [line for line in lines if line.startswith(f"{name} {seed} ")]
                    for kernel, lines in printed.items()}
            t.ok(len(runs["stock"]) == 1 and " = 0x" in runs["stock"][0] and runs["stock"] == runs["patched"],
                 f"{name} seed {seed}: same operations, same digest", runs)
        t.ok(f"notices {name}" in printed["stock"], f"{name}: a wrong byte is noticed", printed["stock"])
    lookups = [line.split() for line in printed["patched"] if line.startswith("lookups ")]
    t.ok(len(lookups) == 1 and int(lookups[0][1]) > 1000 and lookups[0][2:] == ["balanced"],
         "patched: lookups were watched meanwhile", lookups)
    events = next((line.split()[1:] for line in printed["patched"] if line.startswith("events ")), [])
    t.ok("iomap_lookup" in events and "iomap_step" in events, "patched: and events recorded", events)
    sys.exit(t.done())


if sys.argv[1:2] == ["--inside"]:
    inside(sys.argv[2] == "--observed")
else:
    outside()
