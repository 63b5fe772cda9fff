# SPDX-License-Identifier: GPL-2.0
"""In the guest: fsdax faults of known number and size, by the workload daxmap."""

import os
import re

from recorder import Phase, command, read, write

DEVICE = "/dev/pmem0"
EVENTS = tuple(f"fs_dax/{event}" for event in
               ("dax_iomap_fault", "dax_insert_mapping", "dax_pmd_insert_mapping", "dax_load_hole",
                "dax_pmd_load_hole", "dax_fault_cow", "dax_fault_fallback", "dax_fault_access")) + (
               "exceptions/page_fault_user",)
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("BUILD_DIR", os.path.join(TOP, "build"))


def record(out):
    os.mkdir("/mnt/dax")
    # Stripes, so that the file system's data is aligned to huge pages.
    command("mkfs.xfs", "-q", "-f", "-m", "reflink=0", "-l", "size=64m", "-d", "agcount=2,su=2m,sw=1", DEVICE)
    command("mount", "-o", "dax=always", DEVICE, "/mnt/dax")
    phase = Phase(out, "dax", [], EVENTS)
    phase.maps[DEVICE] = set()
    phase.notes["base"] = int(re.search(rb"([0-9a-f]+)-[0-9a-f]+ : Persistent Memory", read("/proc/iomem"))[1], 16)
    with phase:
        report = command(os.path.join(BUILD, "workloads", "daxmap"), "/mnt/dax")
        phase.map(DEVICE, *(entry.path for entry in os.scandir("/mnt/dax")))
    write(f"{out}/dax.report", report)
    command("umount", "/mnt/dax")
