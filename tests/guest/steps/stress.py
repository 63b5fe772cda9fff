# SPDX-License-Identifier: GPL-2.0
"""Load of all kinds while devices fail now and then, and all events counted by hist triggers, which have no buffer to overrun.

When everything is unmounted, each begin of table.COUNTS has as many ends.
"""

import re
import subprocess
import time

import machine
import table
import trace

HITS = re.compile(r"^\s*Hits: (\d+)", re.M)
DROPPED = re.compile(r"^\s*Dropped: (\d+)", re.M)
ENTRY = re.compile(r"^\{ \w+:\s*(-?\d+).*\} hitcount:\s*(\d+)", re.M)


class Counters:
    """One histogram for each event, by the field on which a count depends, else by CPU."""

    def __init__(self):
        self.keys = {}
        for side in table.COUNTS:
            for term in (*side[0], *side[1]):
                if not isinstance(term, str):
                    self.keys[term[0]] = term[1]
        self.totals, self.by_value, self.dropped = {}, {}, {}

    def files(self, name):
        return f"events/{table.EVENTS[name].system}/{name}"

    def start(self):
        for name in table.EVENTS:
            trace.write(f"{self.files(name)}/trigger", f"hist:keys={self.keys.get(name, 'common_cpu')}:size=2048")

    def stop(self):
        for name in table.EVENTS:
            trace.write(f"{self.files(name)}/trigger", f"!hist:keys={self.keys.get(name, 'common_cpu')}:size=2048")

    def hits(self, name):
        with open(f"{trace.TRACING}/{self.files(name)}/hist") as file:
            return int(HITS.search(file.read())[1])

    def read(self):
        for name in table.EVENTS:
            with open(f"{trace.TRACING}/{self.files(name)}/hist") as file:
                text = file.read()
            self.totals[name] = int(HITS.search(text)[1])
            self.dropped[name] = int(DROPPED.search(text)[1])
            self.by_value[name] = {value: int(count) for value, count in ENTRY.findall(text)}

    def symbol(self, name, field, value):
        """The number of a value's name, or the number that it is."""
        if isinstance(value, int):
            return str(value)
        with open(f"{trace.TRACING}/{self.files(name)}/format") as file:
            found = re.search(r'\{ *([^{},]*), *"%s" *\}' % value,
                              file.read().partition(f"__print_symbolic(REC->{field},")[2])
        return str(int(found[1], 0))

    def sum(self, terms):
        total = 0
        for term in terms:
            if isinstance(term, str):
                total += self.totals[term]
            else:
                name, field, value = term
                total += self.by_value[name].get(self.symbol(name, field, value), 0)
        return total


def fio(directory, seconds, name, *args):
    return ["fio", f"--directory={directory}", f"--name={name}", "--size=8m", "--time_based", f"--runtime={seconds}",
            "--continue_on_error=all", "--fallocate=none", "--ignore_error=EIO:ENOSPC,EIO:ENOSPC,EIO:ENOSPC",
            f"--output=/tmp/{name}.out", *args]


def loads(xfs, small, ext4, dax, snap, seconds):
    yield fio(xfs, seconds, "libaio", "--ioengine=libaio", "--direct=1", "--rw=randrw", "--iodepth=8", "--bs=4k")
    yield fio(xfs, seconds, "uring", "--ioengine=io_uring", "--direct=1", "--rw=randrw", "--iodepth=8", "--bs=16k")
    yield fio(xfs, seconds, "mapped", "--ioengine=mmap", "--rw=randrw", "--bs=4k", "--fsync=64")
    yield fio(small, seconds, "cached", "--ioengine=psync", "--rw=randrw", "--bs=3k", "--fsync=32", "--numjobs=2")
    yield fio(small, seconds, "synced", "--ioengine=psync", "--rw=randwrite", "--bs=1k", "--sync=dsync")
    yield fio(ext4, seconds, "mixed", "--ioengine=libaio", "--direct=1", "--rw=rw", "--bs=8k", "--iodepth=4")
    yield fio(dax, seconds, "daxmap", "--ioengine=mmap", "--rw=randrw", "--bs=4k", "--fsync=64")
    yield fio(dax, seconds, "daxio", "--ioengine=psync", "--rw=randrw", "--bs=8k")
    yield ["fio", f"--filename={snap}", "--name=snap", "--size=8m", "--time_based", f"--runtime={seconds}", "--ioengine=libaio",
           "--direct=1", "--rw=randwrite", "--bs=4k", "--iodepth=4", "--output=/tmp/snap.out", "--continue_on_error=all"]
    yield ["stress-ng", "--temp-path", small, "--timeout", str(seconds), "--quiet", "--hdd", "1", "--hdd-bytes", "4m",
           "--seek", "1", "--seek-size", "4m", "--fallocate", "1", "--fallocate-bytes", "4m", "--aiol", "1", "--aiol-requests", "8",
           "--fiemap", "1", "--fiemap-bytes", "4m", "--readahead", "1", "--readahead-bytes", "4m"]


def fail_now_and_then(faulty, seconds, counters):
    """The data of file systems fails for half a second, several times; their logs are elsewhere, or they would shut down."""
    end = time.monotonic() + seconds
    times = 0
    time.sleep(seconds / 3)
    # A process that maps a file does not survive the first of them.
    trace.wait_for(lambda: counters.hits("iomap_mkwrite_end"), "a write fault", 600)
    while times == 0 or time.monotonic() < end - 2:
        for disk in faulty:
            disk.load("error")
        time.sleep(0.5)
        for disk in faulty:
            disk.load("linear {device} 0")
        times += 1
        time.sleep(3)
    return times


class Parts:
    """Pieces of one disk, one after the other, in MiB."""

    def __init__(self, device):
        self.device, self.next, self.all = device, 0, []

    def take(self, name, size):
        part = machine.Mapped(name, self.device, f"linear {{device}} {self.next}", length=size << 11)
        self.next += size << 11
        self.all.append(part)
        return part.path


def run(t, seconds):
    t.topic = "stress"
    faulty = [machine.Mapped("faulty0", "/dev/nvme0n1"), machine.Mapped("faulty1", "/dev/vda")]
    parts = Parts("/dev/vdb")
    parts.take("origin", 32)
    parts.take("exceptions", 32)
    logs = [parts.take(f"log{i}", 64) for i in range(2)]
    counters = Counters()
    xfs = machine.Mounted("xfs", faulty[0].path, "-l", f"logdev={logs[0]},size=64m", options=f"logdev={logs[0]}", where="big")
    small = machine.Mounted("xfs", faulty[1].path, "-b", "size=1024", "-l", f"logdev={logs[1]},size=64m",
                            options=f"logdev={logs[1]}", where="small")
    ext4 = machine.Mounted("ext4", parts.take("rest", 128))
    dax = machine.Mounted("xfs", "/dev/pmem0", "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always", where="dax")
    counters.start()
    snap = machine.Mapped("snapshot", "/dev/vdb", "snapshot /dev/mapper/origin /dev/mapper/exceptions P 16", length=1 << 16)
    with xfs, small, ext4, dax:
        running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for command in loads(xfs.mount, small.mount, ext4.mount, dax.mount, snap.path, seconds)]
        times = fail_now_and_then(faulty, seconds, counters)
        for process in running:
            try:
                process.wait(timeout=seconds + 60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        subprocess.run(["sync"], timeout=60)
    snap.remove()
    machine.drop_caches()
    time.sleep(1)
    counters.read()
    counters.stop()
    for disk in (*faulty, *parts.all):
        disk.remove()
    total = sum(counters.totals.values())
    t.diag(f"{total} events in {seconds} s, with {times} faults; " +
           ", ".join(f"{name} {count}" for name, count in sorted(counters.totals.items(), key=lambda item: -item[1])[:6]))
    t.equal([name for name, count in counters.dropped.items() if count], [], "no event was left out of the count")
    for left, right in table.COUNTS:
        a, b = counters.sum(left), counters.sum(right)
        t.equal(a, b, f"{trace.describe(left)} = {trace.describe(right)} ({a})")
    never = [name for pair in table.PAIRS for name in (pair.begin, pair.end)
             if not counters.totals[name] and name not in ("dax_sync_fault", "dax_sync_fault_done")]
    t.equal(never, [], "each of them has been used")
