# SPDX-License-Identifier: GPL-2.0
"""The events of the patched kernel: each fires, says what was done, and begins and ends belong together.

The counts are ftrace's own, from an instance of its own. What they must obey follows from iomap_iter():
an operation that begins ends once; a lookup that works is followed by one step, and by one release where the
file system has ->iomap_end; one that fails by neither.
"""

import errno
import fcntl
import mmap
import os
import re
import subprocess

import storage
import tool
from tap import Skip

TRACING = "/sys/kernel/tracing"
EVENTS = ("op_begin", "op_end", "lookup", "step", "stale", "release")
LINE = re.compile(r".*?: iomap_(\w+): (dev .*)")
PAIR = re.compile(r"(\w+) (\S*)(?: |$)")
# The operations whose iomap_ops have ->iomap_end, in Linux 6.12.
RELEASED = {"xfs": {"WRITE", "ZERO", "TRUNCATE", "UNSHARE"}, "ext4": {"DIO_READ", "DIO_WRITE", "BMAP"}}
EXPECTED = {
    "xfs": {"READAHEAD", "WRITE", "MKWRITE", "ZERO", "TRUNCATE", "UNSHARE", "DIO_READ", "DIO_WRITE", "SEEK_DATA",
            "SEEK_HOLE", "FIEMAP", "BMAP", "SWAP_ACTIVATE"},
    "ext4": {"DIO_READ", "DIO_WRITE", "SEEK_DATA", "SEEK_HOLE", "FIEMAP", "BMAP", "SWAP_ACTIVATE"},
}
FIBMAP = 1


class Trace:
    """An ftrace instance with the iterator's events on, while it is entered; events holds what it recorded."""

    def __init__(self, name):
        self.dir = f"{TRACING}/instances/{name}"
        self.events = []

    def write(self, file, text):
        with open(f"{self.dir}/{file}", "w") as out:
            out.write(text)

    def __enter__(self):
        os.mkdir(self.dir)
        self.write("buffer_size_kb", "16384")
        for event in EVENTS:
            self.write(f"events/iomap/iomap_{event}/enable", "1")
        return self

    def __exit__(self, kind, value, traceback):
        self.write("events/enable", "0")
        with open(f"{self.dir}/trace", errors="replace") as trace:
            for line in trace:
                match = LINE.match(line)
                if match and match[1] in EVENTS:
                    self.events.append({"event": match[1], **dict(PAIR.findall(match[2]))})
        lost = 0
        for cpu in os.listdir(f"{self.dir}/per_cpu"):
            with open(f"{self.dir}/per_cpu/{cpu}/stats") as stats:
                lost += sum(int(n) for n in re.findall(r"(?:overrun|dropped events): (\d+)", stats.read()))
        os.rmdir(self.dir)
        if lost and not kind:
            raise AssertionError(f"ftrace itself lost {lost} events")

    def of(self, fs):
        return [e for e in self.events if e["dev"] == fs.dev]


def swap(path):
    """swapon() looks the whole file up; the guest has no use for the space."""
    os.chmod(path, 0o600)
    storage.command("mkswap", path)
    storage.command("swapon", path)
    storage.command("swapoff", path)


def do_everything(fs):
    """Every operation that is not fsdax, most of them once."""
    path = fs.path("events")
    with open(path, "w+b", buffering=0) as file:
        fd = file.fileno()
        file.write(b"e" * 65536)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(fd, 65536, 0)
        os.lseek(fd, 0, os.SEEK_DATA)
        os.lseek(fd, 0, os.SEEK_HOLE)
        with mmap.mmap(fd, 8192) as memory:
            memory[0] = 1
        os.fsync(fd)
        fcntl.ioctl(fd, FIBMAP, bytes(4))
        direct = os.open(path, os.O_RDWR | os.O_DIRECT)
        buffer = mmap.mmap(-1, 4096)
        os.preadv(direct, [buffer], 4096)
        os.pwritev(direct, [buffer], 4096)
        os.close(direct)
        tool.workload("extents", "show", path)
        # Sub-block zeroing: of the rest of the last block, and of the ends of a zeroed range.
        os.ftruncate(fd, 60001)
        os.ftruncate(fd, 70000)
        storage.command("fallocate", "-z", "-o", "1000", "-l", "5000", path)
        if fs.kind == "xfs":
            shared = fs.path("events-shared")
            storage.command("cp", "--reflink=always", path, shared)
            storage.command("xfs_io", "-c", "funshare 0 8192", shared)
            tool.workload("fail", "nowait", fs.hole("events-refused"), 5)
    swap(fs.file("events-swap", 1 << 20))


def flush_route(fs):
    """Dirty pages over an unwritten extent in a range to be zeroed: written back, and looked up again."""
    path = fs.path("events-stale")
    with open(path, "wb", buffering=0) as file:
        storage.command("fallocate", "-n", "-l", "65536", path)
        file.write(b"s" * 100)
        os.ftruncate(file.fileno(), 8192)


def count(events, event, **fields):
    return sum(e["event"] == event and all(e[key] == value for key, value in fields.items()) for e in events)


def check_rules(t, fs, events):
    name = fs.kind
    ops = {e["op"] for e in events}
    t.ok(EXPECTED[fs.kind] <= ops, f"{name}: every operation is seen and named", sorted(EXPECTED[fs.kind] - ops))
    t.ok("UNKNOWN" not in ops and not [op for op in ops if not re.fullmatch("[A-Z_]+", op)],
         f"{name}: none is without a name", ops)
    for op in sorted(ops):
        of_op = [e for e in events if e["op"] == op]
        begins, ends = count(of_op, "op_begin"), count(of_op, "op_end")
        good = count(of_op, "lookup", ret="0")
        steps, releases = count(of_op, "step"), count(of_op, "release")
        expected = (begins, good, good if op in RELEASED[fs.kind] else 0)
        t.ok(begins and (ends, steps, releases) == expected,
             f"{name} {op}: ends = begins, steps and releases = lookups that worked",
             f"begins {begins} ends {ends} lookups {good} steps {steps} releases {releases}")

    # In order as well, iterator by iterator.
    live, wrong = {}, []
    for e in events:
        key, event = e["iter"], e["event"]
        if event == "op_begin":
            wrong += [e] if key in live else []
            live[key] = e["op"]
        else:
            wrong += [e] if live.get(key) != e["op"] else []
            if event == "op_end":
                live.pop(key, None)
    t.ok(not wrong and not live, f"{name}: nothing happens to an iterator outside its begin and end",
         f"{wrong[:3]} {live}")


def run(t, env):
    if not env.patched:
        raise Skip("these events are the patched kernel's")
    missing = [event for event in EVENTS if not os.path.isdir(f"{TRACING}/events/iomap/iomap_{event}")]
    t.equal(missing, [], "the patched kernel has all events")

    for fs in (env.xfs, env.ext4):
        lookups = env.lookups("-d", fs.mount)
        with Trace("everything") as trace:
            do_everything(fs)
        lookups.stop()
        events = trace.of(fs)
        check_rules(t, fs, events)
        if fs is env.xfs:
            refused = [e for e in events if e["event"] == "op_end" and e["ret"] == str(-errno.EAGAIN)]
            t.equal(len(refused), 5, "xfs: a failed lookup ends its operation with the errno")
        # The tool was attached before the trace and after it.
        traced = [e for e in events if e["event"] == "lookup"]
        t.ok(0 < len(traced) <= len(lookups.events), f"{fs.kind}: ftrace saw no more than the tool",
             f"{len(traced)} {len(lookups.events)}")
        t.equal([(e["op"], int(e["ino"], 16), int(e["pos"], 16), int(e["length"], 16), int(e["ret"]))
                 for e in traced],
                [(e["op"].upper(), e["ino"], e["pos"], e["len"], e["ret"]) for e in lookups.events],
                f"{fs.kind}: ftrace and the tool saw the same lookups in the same order")

    with Trace("stale") as trace:
        flush_route(env.xfs)
    events = trace.of(env.xfs)
    t.ok(count(events, "stale", reason="FLUSHED") == 1, "xfs: a flush in a zeroed range makes a mapping stale",
         events)
    check = [e["event"] for e in events if e["op"] == "ZERO"]
    t.equal(check[:6], ["op_begin", "lookup", "stale", "step", "release", "lookup"],
            "xfs: a stale mapping is stepped, released and looked up again")
    with open(env.xfs.path("events-stale"), "rb") as file:
        t.equal(file.read(), b"s" * 100 + bytes(8092), "xfs: and the file is right")

    # Neither event is on any more: the kernel must go back to its unobserved path without a trace of it.
    tool.workload("seek", "-n", 10, env.xfs.path("events"))
    done = subprocess.run(["dmesg"], capture_output=True, text=True)
    t.ok("WARNING" not in done.stdout, "the kernel has nothing to complain about", done.stdout[-500:])
