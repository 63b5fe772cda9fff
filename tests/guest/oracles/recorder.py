# SPDX-License-Identifier: GPL-2.0
"""In the guest: what records the kernel's events and blktrace over the same time.

One blktrace runs all the time, on all devices. A phase has an ftrace instance of its own, and is bounded in blktrace by
direct reads of each device, behind the end of the file system: the begin of phase N reads 2N+1 sectors, its end 2N+2.
"""

import json
import mmap
import os
import shutil
import signal
import subprocess
import time

TRACING = "/sys/kernel/tracing"
# Where in a device the markers are, counted from its end: no file system that these tests make gets there.
MARK_FROM_END = 1 << 20
PATIENCE = 60


def command(*args, **kwargs):
    done = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE, **kwargs)
    if done.returncode:
        raise SystemExit(f"{' '.join(args)}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def device_size(device):
    return int(read(f"/sys/class/block/{os.path.basename(device)}/size")) * 512


def queue(device, name):
    return int(read(f"/sys/class/block/{os.path.basename(device)}/queue/{name}"))


def device_number(device):
    number = os.stat(device).st_rdev
    return f"{os.major(number)}:{os.minor(number)}"


class Blktrace:
    """blktrace of the queue events of all devices, begun when the constructor returns."""

    def __init__(self, devices, out):
        self.devices, self.out = devices, out
        self.dir = "/tmp/blktrace"
        os.mkdir(self.dir)
        args = [arg for device in devices for arg in ("-d", device)]
        # Its files are mapped, which a share cannot do.
        self.process = subprocess.Popen(["blktrace", *args, "-a", "queue", "-b", "4", "-n", "512", "-D", self.dir],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + PATIENCE
        for device in devices:
            while not self.begun(device):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.process.kill()
                    raise SystemExit(f"blktrace has not begun: {self.process.communicate()[0]}")
                self.poke(device)

    def begun(self, device):
        """Nothing else tells than that something is recorded, of which it gets to know by the buffer (-b, in KiB)."""
        try:
            return os.path.getsize(f"{self.dir}/{os.path.basename(device)}.blktrace.0") > 0
        except OSError:
            return False

    @staticmethod
    def poke(device):
        """As many requests as fill a buffer, none of which looks like a marker."""
        buffer = memoryview(mmap.mmap(-1, 4096))[:512]
        fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
        for _ in range(64):
            os.preadv(fd, [buffer], device_size(device) - MARK_FROM_END // 2)
        os.close(fd)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        text = self.process.communicate(timeout=PATIENCE)[0]
        write(f"{self.out}/blktrace.txt", text)
        for name in os.listdir(self.dir):
            shutil.copy(f"{self.dir}/{name}", self.out)


class Phase:
    """Records while it is entered; notes is what the host is told beside the events."""

    count = 0

    def __init__(self, out, name, devices, events):
        self.out, self.name, self.devices, self.events = out, name, devices, events
        self.number = Phase.count
        Phase.count += 1
        self.dir = f"{TRACING}/instances/{name}"
        self.maps = {device: set() for device in devices}
        self.notes = {"name": name, "number": self.number, "began": time.monotonic(),
                      "devices": {os.path.basename(device): {"number": device_number(device),
                                                             "mark": (device_size(device) - MARK_FROM_END) // 512,
                                                             "max_sectors": 2 * queue(device, "max_sectors_kb")}
                                  for device in devices}}

    def mark(self, sectors):
        buffer = mmap.mmap(-1, 1 << 16)
        for device in self.devices:
            fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
            got = os.preadv(fd, [memoryview(buffer)[:sectors * 512]], device_size(device) - MARK_FROM_END)
            assert got == sectors * 512, got
            os.close(fd)

    def map(self, device, *paths):
        """Remembers where the files are now, as xfs_io's FIEMAP says."""
        for path in paths:
            for line in command("xfs_io", "-r", "-c", "fiemap", path).splitlines():
                # "	0: [0..127]: 192..319", or "hole" for the latter.
                _, _, rest = line.partition(": [")
                logical, _, physical = rest.partition("]: ")
                if ".." in physical:
                    self.maps[device].add((os.stat(path).st_ino, *map(int, logical.split("..")),
                                           *map(int, physical.split()[0].split(".."))))

    def __enter__(self):
        missing = [event for event in self.events if not os.path.isdir(f"{TRACING}/events/{event}")]
        if missing:
            raise SystemExit(f"this kernel has no {', '.join(missing)}")
        os.mkdir(self.dir)
        write(f"{self.dir}/options/hash-ptr", "0")
        write(f"{self.dir}/buffer_size_kb", "32768")
        for event in self.events:
            write(f"{self.dir}/events/{event}/enable", "1")
        self.mark(2 * self.number + 1)
        return self

    def __exit__(self, kind, value, traceback):
        self.mark(2 * self.number + 2)
        write(f"{self.dir}/events/enable", "0")
        trace = read(f"{self.dir}/trace")
        with open(f"{self.out}/{self.name}.trace", "wb") as file:
            file.write(trace)
        self.notes["stats"] = read(f"{self.dir}/per_cpu/cpu0/stats").decode()
        os.rmdir(self.dir)
        self.notes["maps"] = {os.path.basename(device): sorted(found) for device, found in self.maps.items()}
        self.notes["took"] = time.monotonic() - self.notes.pop("began")
        write(f"{self.out}/{self.name}.json", json.dumps(self.notes))
