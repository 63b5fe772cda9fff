# SPDX-License-Identifier: GPL-2.0
"""What inject makes of a lookup that may not wait, another error than EAGAIN, is what check finds once the same lookup may wait and succeeds."""

import errno
import mmap
import os

import tool
from policies import inject


def read(path, flags):
    """A direct read; the errno that it fails with, or 0."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        os.preadv(fd, [mmap.mmap(-1, 4096)], 4096, flags)
        return 0
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)


def run(t, env):
    for fs in (env.xfs, env.ext4):
        path = fs.file("again")
        t.equal(read(path, 0), 0, f"{fs.kind}: a read in between, so that all is in memory")
        for injected, violations in ((errno.EIO, 1), (errno.EAGAIN, 0), (errno.ENOSPC, 0)):
            name = f"{fs.kind} {errno.errorcode[injected]}"
            observed = env.observe("check", "-f", path, "--rules", "nowait-again,nowait-sleep")
            policy = inject(env, "--op", "dio_read", "--errno", errno.errorcode[injected], "-f", path, "--times", "1")
            t.equal((read(path, os.RWF_NOWAIT), read(path, 0)), (injected, 0), f"{name}: the first one fails, the other does not")
            policy.stop()
            observed.stop()
            found = [record for record in observed.hists if record["event"] == "violation"]
            rules = {record["rule"]: record for record in observed.hists if record["event"] == "rule"}
            t.equal((observed.status, [(v["rule"], v["fault"], v["got"], v["expected"], v["ino"], v["pos"]) for v in found]),
                    (8, [("nowait-again", "other-error", -injected, -errno.EAGAIN, os.stat(path).st_ino, 4096)]) if violations else (0, []),
                    f"{name}: found, or rightly not", observed.text)
            t.equal(rules["nowait-again"]["checked"], 1, f"{name}: checked once", rules)
