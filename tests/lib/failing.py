# SPDX-License-Identifier: GPL-2.0
"""XFS on a device that can be made to fail: its log is on another one, which does not, so that it is only data that is lost."""

import contextlib
import os
import shutil

import storage
from tap import Skip

MEGABYTE = 1 << 20
DATA, LOG = 400 * MEGABYTE, 70 * MEGABYTE
# Of each write, so that something can be done while it is in flight.
DELAY_MS = 200


class Failing:
    """Where it is mounted, and failing(): a context in which whatever reaches the device fails. check() when it is unmounted."""

    def __init__(self, env):
        self.env, self.mount = env, os.path.join(env.workdir, "failing")

    def _device(self, stack, name, table):
        storage.command("dmsetup", "create", name, "--table", f"0 {DATA // 512} {table}")
        stack.callback(storage.command, "dmsetup", "remove", "--retry", name)

    def __enter__(self):
        if not shutil.which("dmsetup") or not storage.loop_devices_work():
            raise Skip("no dmsetup, or no loop devices")
        with contextlib.ExitStack() as stack:
            self.good = f"linear {storage.loop(stack, os.path.join(self.env.workdir, 'failing.data'), DATA)} 0"
            self.log = storage.loop(stack, os.path.join(self.env.workdir, "failing.log"), LOG)
            self._device(stack, "failing", self.good)
            self._device(stack, "failing-later", f"delay /dev/mapper/failing 0 0 /dev/mapper/failing 0 {DELAY_MS}")
            storage.command("mkfs.xfs", "-q", "-f", "-l", f"logdev={self.log},size=64m", "/dev/mapper/failing-later")
            os.makedirs(self.mount, exist_ok=True)
            storage.command("mount", "-o", f"logdev={self.log}", "/dev/mapper/failing-later", self.mount)
            stack.callback(self.check)
            stack.callback(storage.command, "umount", self.mount)
            self.undo = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def check(self):
        storage.command("xfs_repair", "-n", "-l", self.log, "/dev/mapper/failing-later")

    def path(self, name):
        return os.path.join(self.mount, name)

    def _load(self, table):
        storage.command("dmsetup", "load", "failing", "--table", f"0 {DATA // 512} {table}")
        storage.command("dmsetup", "suspend", "--nolockfs", "--noflush", "failing")
        storage.command("dmsetup", "resume", "failing")

    @contextlib.contextmanager
    def failing(self):
        self._load("error")
        try:
            yield
        finally:
            self._load(self.good)
