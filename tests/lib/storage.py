# SPDX-License-Identifier: GPL-2.0
"""File systems to test on: on the disks of a guest, or on loop devices."""

import os
import subprocess

MKFS = {
    # Without further switches mkfs.xfs wants 300 MB.
    "xfs": ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
    "ext4": ["mkfs.ext4", "-q", "-F"],
}


def command(*args):
    done = subprocess.run(args, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(f"{' '.join(args)}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Filesystem:
    """A fresh file system, mounted. Attributes: kind, mount, device (its block device), dev ("MAJ:MIN")."""

    def __init__(self, kind, directory, name, disk=None, mkfs_args=(), size=512 << 20):
        self.kind = kind
        self.mount = os.path.join(directory, name)
        self.image = None
        target = disk
        if not disk:
            target = self.image = self.mount + ".img"
            with open(target, "wb") as image:
                image.truncate(size)
        command(*MKFS[kind], *mkfs_args, target)
        os.mkdir(self.mount)
        # With an image, mount sets up the loop device and umount releases it again.
        command("mount", "-t", kind, *([] if disk else ["-o", "loop"]), target, self.mount)
        dev = os.stat(self.mount).st_dev
        self.dev = f"{os.major(dev)}:{os.minor(dev)}"
        self.device = os.path.join("/dev", os.path.basename(os.readlink(f"/sys/dev/block/{self.dev}")))

    def path(self, name):
        return os.path.join(self.mount, name)

    def file(self, name, size=65536):
        """A file with data on the disk; returns its path."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(b"d" * size)
            file.flush()
            os.fsync(file.fileno())
        return path

    def hole(self, name, size=1 << 20):
        """A file that is one hole."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def unmount(self):
        if not os.path.ismount(self.mount):
            return
        if subprocess.run(["umount", self.mount], stderr=subprocess.DEVNULL).returncode:
            # A process that a failed case left behind holds it: let it go when that ends.
            subprocess.run(["umount", "-l", self.mount])
        os.rmdir(self.mount)
        if self.image:
            os.unlink(self.image)


def loop_devices_work():
    """Whether a loop device can be had: not so in most containers."""
    done = subprocess.run(["losetup", "--find"], capture_output=True)
    return done.returncode == 0
