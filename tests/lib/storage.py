# SPDX-License-Identifier: GPL-2.0
"""File systems to test on: on the disks of a guest, or on loop devices."""

import os
import shutil
import subprocess

MKFS = {
    # Without further switches mkfs.xfs wants 300 MB.
    "xfs": ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}

# With checksums newer kernels do no direct writes at all.
OPTIONS = {"btrfs": "nodatasum"}


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
        mount_options = [OPTIONS[kind]] if kind in OPTIONS else []
        if not disk:
            mount_options.append("loop")
        command("mount", "-t", kind, *(["-o", ",".join(mount_options)] if mount_options else []), target, self.mount)
        # The super block's, which on btrfs is not that of stat(2).
        self.dev = command("findmnt", "-n", "-o", "MAJ:MIN", "--mountpoint", self.mount).strip()
        # Btrfs has numbers that are no device's.
        block = f"/sys/dev/block/{self.dev}"
        self.device = os.path.join("/dev", os.path.basename(os.readlink(block))) if os.path.exists(block) else None

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


def known(kind):
    """Whether the kernel has this file system, and the machine its mkfs."""
    if not shutil.which(MKFS[kind][0]):
        return False
    subprocess.run(["modprobe", "-q", kind], stderr=subprocess.DEVNULL)
    with open("/proc/filesystems") as names:
        return kind in names.read().split()


def loop(stack, image, size):
    """A loop device of a new sparse file, until the stack (contextlib.ExitStack) is unwound."""
    with open(image, "wb") as file:
        file.truncate(size)
    device = command("losetup", "--find", "--show", image).strip()
    stack.callback(command, "losetup", "-d", device)
    return device


class Delayed:
    """A device that takes its time for each request from slow() on, with a file system if one is asked for. A context manager, which
    gives None where the kernel has no dm-delay."""

    def __init__(self, env, milliseconds, size=400 << 20, filesystem="xfs"):
        self.env, self.milliseconds, self.size, self.filesystem = env, milliseconds, size, filesystem
        self.name = f"delayed-{os.getpid()}"
        self.device = f"/dev/mapper/{self.name}"
        self.mount = os.path.join(env.workdir, self.name)
        self.undo, self.is_slow = [], False

    def __enter__(self):
        subprocess.run(["modprobe", "-aq", "loop", "dm-mod", "dm-delay"], stderr=subprocess.DEVNULL)
        if not shutil.which("dmsetup") or not loop_devices_work():
            return None
        image = self.env.ext4.path(self.name)
        with open(image, "wb") as file:
            file.truncate(self.size)
        self.undo.append(["rm", image])
        self.loop = command("losetup", "--find", "--show", image).strip()
        self.undo.append(["losetup", "-d", self.loop])
        if subprocess.run(["dmsetup", "create", self.name, "--table", self._table(0)], capture_output=True).returncode:
            self.__exit__()
            return None
        self.undo.append(["dmsetup", "remove", "--retry", self.name])
        if self.filesystem:
            command(f"mkfs.{self.filesystem}", "-q", "-f", self.device)
            os.makedirs(self.mount, exist_ok=True)
            command("mount", self.device, self.mount)
            self.undo.append(["umount", self.mount])
        return self

    def _table(self, milliseconds):
        return f"0 {self.size // 512} delay {self.loop} 0 {milliseconds}"

    def _set(self, milliseconds):
        command("dmsetup", "load", self.name, "--table", self._table(milliseconds))
        command("dmsetup", "suspend", "--nolockfs", self.name)
        command("dmsetup", "resume", self.name)

    def slow(self):
        self._set(self.milliseconds)
        self.is_slow = True

    def path(self, name):
        return os.path.join(self.mount, name)

    def __exit__(self, *exc):
        if self.is_slow:
            self._set(0)
        for undo in reversed(self.undo):
            subprocess.run(undo, timeout=300)
        self.undo, self.is_slow = [], False


def loop_devices_work():
    """Whether a loop device can be had: not so in most containers."""
    done = subprocess.run(["losetup", "--find"], capture_output=True)
    return done.returncode == 0
