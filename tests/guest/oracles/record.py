#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Runs in the guest: does the I/O and leaves in DIR what the kernel's events and the oracles say about it.

    record.py DIR

For each phase, PHASE.trace has the events and PHASE.json what else there is; DEVICE.blktrace.0 is blktrace's.
"""

import os
import subprocess
import sys
import time

import dax
import direct
import mirror
import pagecache
from recorder import Blktrace, command


class Filesystem:
    """A fresh file system, mounted, that ends well before its device does."""

    def __init__(self, name, kind, device, block):
        self.name, self.kind, self.device, self.block = name, kind, device, block
        self.mount = f"/mnt/{name}"
        os.mkdir(self.mount)
        if kind == "xfs":
            command("mkfs.xfs", "-q", "-f", "-m", "reflink=1", "-b", f"size={block}", "-d", "size=400m", device)
        else:
            command("mkfs.ext4", "-q", "-F", "-b", str(block), "-E", "lazy_itable_init=0,lazy_journal_init=0", device,
                    "100m")
        command("mount", "-t", kind, device, self.mount)

    def path(self, name):
        return os.path.join(self.mount, name)


def main():
    out = sys.argv[1]
    began = time.monotonic()
    filesystems = [Filesystem("xfs4k", "xfs", "/dev/vda", 4096), Filesystem("ext4k", "ext4", "/dev/vdb", 4096),
                   Filesystem("xfs1k", "xfs", "/dev/nvme0n1", 1024), Filesystem("ext1k", "ext4", "/dev/nvme1n1", 1024)]
    blktrace = Blktrace([fs.device for fs in filesystems] + mirror.DEVICES, out)
    print(f"prepared after {time.monotonic() - began:.1f} s", file=sys.stderr)
    for what, *args in ((direct.record, filesystems), (pagecache.record, [fs for fs in filesystems if fs.kind == "xfs"]),
                        (mirror.record,), (dax.record,)):
        what(out, *args)
        print(f"{what.__module__} done after {time.monotonic() - began:.1f} s", file=sys.stderr)
    blktrace.stop()
    for fs in filesystems:
        subprocess.run(["umount", fs.mount], check=True)
    print(f"all done after {time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
