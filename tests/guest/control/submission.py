# SPDX-License-Identifier: GPL-2.0
"""An ioend that fails when it is submitted takes its own range with it, and nothing else, as one that the device has failed."""

import errno
import os

from machine import PAGE, errno_of
from policies import check_clean, done, inject

OLD, NEW = b"o", b"n"


def run(t, env):
    path = env.xfs.path("two")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, OLD * 16 * PAGE, 0)
    os.fsync(fd)
    # Two ranges, and so two ioends of one pass: the first is submitted when a folio of the second is taken up.
    os.pwrite(fd, NEW * 2 * PAGE, 0)
    os.pwrite(fd, NEW * 8 * PAGE, 8 * PAGE)
    observed = inject(env, "--errno", "EIO", "--step", "ioend_submit", "-f", path, "--times", 1)
    got = errno_of(os.fsync, fd), errno_of(os.fsync, fd)
    observed.stop(sig=None)
    t.equal(got, (-errno.EIO, None), "fsync tells of it once")
    t.equal([(e["pos"], e["len"]) for e in observed.events], [(0, 2 * PAGE)], "it was the first range", observed.events)
    t.equal(done(observed), [("ioend_submit", "error", "")], "and it is told")
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    t.equal(os.pread(fd, 16 * PAGE, 0), OLD * 8 * PAGE + NEW * 8 * PAGE, "the device has the second range")
    os.close(fd)
    check_clean(t, env.xfs)
