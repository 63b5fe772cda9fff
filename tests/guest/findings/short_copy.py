# SPDX-License-Identifier: GPL-2.0
"""What a write leaves in a hole beside its data, when the memory that it comes from ends early."""

import os
import sys

import tool
from known import known

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import PAGE, libc, opened    # noqa: E402

READABLE = 100
BLOCKS = 64


def run(t, env):
    # Of these bytes only the first can be read.
    memory = libc.mmap(None, 2 * PAGE, machine.PROT_READ | machine.PROT_WRITE, machine.MAP_PRIVATE | machine.MAP_ANONYMOUS, -1, 0)
    libc.mprotect(memory + PAGE, PAGE, machine.PROT_NONE)
    around = set()
    # Memory that is not zeroes any more, and free.
    bytearray(b"m" * (64 << 20))
    with opened(env.xfs.path("used")) as fd:
        os.pwrite(fd, b"m" * (64 << 20), 0)
    os.unlink(env.xfs.path("used"))
    with opened(env.xfs.path("short")) as fd:
        os.ftruncate(fd, BLOCKS * PAGE)
        for n in range(BLOCKS):
            wrote = libc.pwrite(fd, memory + PAGE - READABLE, 1000, n * PAGE)
            if wrote != READABLE:
                raise AssertionError(f"{wrote} bytes were written")
        for n in range(BLOCKS):
            around |= set(os.pread(fd, PAGE - READABLE, n * PAGE + READABLE))
    libc.munmap(memory, 2 * PAGE)
    known(t, around <= {0}, True, False, "that only zeroes are behind what was written")
