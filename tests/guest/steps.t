#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Every event of the series, by the table in steps/table.py: described, provoked, and paired.

    steps.t [CASE...]
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "steps")]
import guest    # noqa: E402

DISKS = ("virtio:512M", "virtio:512M", "nvme:512M", "pmem:512M")


def main():
    command = guest.vm_command(guest.built_kernel("observe"), "steps", [],
                               os.path.join(HERE, "steps", "run.py"), *sys.argv[1:])
    at = command.index("--")
    # One CPU: with several, QEMU's threads can run a kernel that patches its own code into an int3.
    command[at:at] = [arg for disk in DISKS for arg in ("--disk", disk)] + ["--cpus", os.environ.get("C","1")]
    os.execv(command[0], command)


main()
