# SPDX-License-Identifier: GPL-2.0
"""A known mixture of lookups, of which the tests of filters and histograms know how many are of which kind."""

import os
import shutil
import subprocess

import tool

ON_XFS, ON_EXT4, OTHERS, REFUSED = 40, 30, 20, 5
HOLES = 2                               # one SEEK_HOLE of ours, one at the end of `fail`
ON_XFS_FILE = ON_XFS + OTHERS
ALL_XFS = ON_XFS_FILE + HOLES + REFUSED
EVERYTHING = ALL_XFS + ON_EXT4


class Mixture:
    """`seek` on a file of each file system, the same by another name, and refused direct writes into a hole."""

    def __init__(self, env):
        self.xfs_file = env.xfs.file("mixture", 4096)
        self.ext4_file = env.ext4.file("mixture", 4096)
        self.hole = env.xfs.hole("mixture-hole")
        self.seek = os.path.join(tool.BUILD, "workloads", "seek")
        self.other = os.path.join(env.workdir, "otherseek")
        if not os.path.exists(self.other):
            shutil.copy(self.seek, self.other)

    def prepare(self):
        """Starts the process whose lookups are ON_XFS, which waits before it does them; returns its pid."""
        self.waiting = subprocess.Popen(["/bin/sh", "-c", 'read -r _; exec "$@"', "sh", self.seek, "-n",
                                         str(ON_XFS), self.xfs_file],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        return self.waiting.pid

    def do(self):
        self.waiting.communicate(b"go\n", timeout=tool.PATIENCE)
        for command in ([self.seek, "-n", str(ON_EXT4), self.ext4_file],
                        [self.other, "-n", str(OTHERS), self.xfs_file],
                        [self.seek, "-H", self.hole]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)
        tool.workload("fail", "nowait", self.hole, REFUSED)
