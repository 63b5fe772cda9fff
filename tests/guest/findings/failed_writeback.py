# SPDX-License-Identifier: GPL-2.0
"""What becomes of a clone when writeback fails of a page that was written to again meanwhile."""

import os
import sys
import time

import tool
from failing import DELAY_MS, Failing
from known import known

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
from machine import PAGE, errno_of, opened    # noqa: E402

SYNC_FILE_RANGE_WRITE = 2


def run(t, env):
    with Failing(env) as fs:
        with opened(fs.path("file")) as fd, opened(fs.path("clone")) as to:
            os.pwrite(fd, b"A" * 16 * PAGE, 0)
            os.fsync(fd)
            machine.clone(to, fd)
        os.sync()
        with opened(fs.path("file")) as fd:
            os.pwrite(fd, b"1" * PAGE, 0)
            with fs.failing():
                machine.libc.sync_file_range(fd, 0, PAGE, SYNC_FILE_RANGE_WRITE)
                os.pwrite(fd, b"2" * PAGE, 0)
                time.sleep(5 * DELAY_MS / 1000)
            t.ok(errno_of(os.fsync, fd) < 0, "writeback fails, which is told")
            t.equal(errno_of(os.fsync, fd), None, "and then does not")
        with opened(fs.path("clone")) as fd:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            known(t, os.pread(fd, 1, 0), b"A", b"2", "what the clone has")
