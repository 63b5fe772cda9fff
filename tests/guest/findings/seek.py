# SPDX-License-Identifier: GPL-2.0
"""SEEK_DATA where blocks are smaller than pages: an unwritten extent, a hole, and data in one page."""

import contextlib
import os
import sys

import tool
from known import known

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import opened    # noqa: E402

BLOCK = 1024


def run(t, env):
    with contextlib.ExitStack() as stack:
        fs = machine.on_loop(env, stack, "seek", "-b", f"size={BLOCK}")
        fd = stack.enter_context(opened(fs.path("file")))
        machine.fallocate(fd, 0, 0, BLOCK)
        os.pwrite(fd, b"d" * BLOCK, 2 * BLOCK)
        t.equal(os.lseek(fd, BLOCK, os.SEEK_HOLE), BLOCK, "the second block is a hole")
        t.equal(os.lseek(fd, BLOCK, os.SEEK_DATA), 2 * BLOCK, "and the third is the next one with data")
        known(t, os.lseek(fd, 0, os.SEEK_DATA), 2 * BLOCK, BLOCK, "where SEEK_DATA says that data begins")
