# SPDX-License-Identifier: GPL-2.0
"""In the guest: dm-io, by a mirror with a log on a disk that is synchronised, written to and discarded."""

import mmap
import os
import random
import time

from recorder import PATIENCE, Phase, command

DEVICES = ["/dev/vdc", "/dev/vdd", "/dev/vde"]
EVENTS = ("dm_io/dm_io_begin", "dm_io/dm_io_region", "dm_io/dm_io_bio_submit", "dm_io/dm_io_bio_end", "dm_io/dm_io_end")
SECTORS, REGION = 32768, 128
MIB = 1 << 20


def synchronised():
    """The number of regions, once all are in sync."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done, total = command("dmsetup", "status", "oracle").split()[6].split("/")
        if done == total:
            return int(total)
        if time.monotonic() > deadline:
            raise SystemExit(f"the mirror is not synchronised: {done} of {total}")
        time.sleep(0.05)


def record(out):
    rng = random.Random(5)
    buffer = memoryview(mmap.mmap(-1, 2 * MIB))
    phase = Phase(out, "mirror", DEVICES, EVENTS)
    with phase:
        command("dmsetup", "create", "oracle", "--table",
                f"0 {SECTORS} mirror disk 2 {DEVICES[2]} {REGION} 2 {DEVICES[0]} 0 {DEVICES[1]} 0")
        phase.notes["regions"] = synchronised()
        phase.notes["region_sectors"] = REGION
        fd = os.open("/dev/mapper/oracle", os.O_WRONLY | os.O_DIRECT)
        sizes = [rng.choice((512, 4096, 12288, 65536, MIB)) for _ in range(120)]
        for size in sizes:
            os.pwritev(fd, [buffer[:size]], rng.randrange((SECTORS * 512 - size) // 512) * 512)
        phase.notes["written"] = sum(sizes)
        os.fsync(fd)
        os.close(fd)
        # Without -f it looks for a file system first: reads, which are not dm-io's.
        command("blkdiscard", "-f", "-o", "1048576", "-l", "4194304", "/dev/mapper/oracle")
        command("dmsetup", "remove", "oracle")
