# SPDX-License-Identifier: GPL-2.0
"""What a direct write to shared blocks leaves behind when it fails: blocks of another file's past, which a later write in a hole there shows."""

import os
import sys

import tool
from failing import MEGABYTE, Failing
from known import known

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import PAGE, dwrite, opened    # noqa: E402


def run(t, env):
    with Failing(env) as fs:
        # So that blocks that are free have something to tell.
        with opened(fs.path("past")) as fd:
            for n in range(300):
                os.pwrite(fd, b"S" * MEGABYTE, n * MEGABYTE)
            os.fsync(fd)
        os.unlink(fs.path("past"))
        os.sync()
        with opened(fs.path("file")) as fd, opened(fs.path("clone")) as to:
            os.pwrite(fd, b"A" * 16 * PAGE, 0)
            os.fsync(fd)
            machine.clone(to, fd)
        os.sync()
        with opened(fs.path("file"), os.O_RDWR | os.O_DIRECT) as fd, fs.failing():
            t.ok(dwrite(fd, PAGE, 0) < 0, "the direct write fails")
        with opened(fs.path("file")) as fd:
            machine.fallocate(fd, machine.PUNCH_HOLE | machine.KEEP_SIZE, 0, PAGE)
            os.pwrite(fd, b"x" * 100, 1000)
            got = os.pread(fd, PAGE, 0)
            t.equal(got[1000:1100], b"x" * 100, "what is written then is there")
            known(t, set(got[:1000] + got[1100:]), {0}, {ord("S")}, "what is around it in the hole")
