# SPDX-License-Identifier: GPL-2.0
"""The rules of `check` on ioends, writeback, direct I/O, aio and dm-io are silent on what the kernel does, and each is checked."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import storage
import tool
from tap import Skip

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
import machine    # noqa: E402
import trace    # noqa: E402
from machine import PAGE, dread, dwrite, errno_of    # noqa: E402

MEGABYTE = 1 << 20
WRITEBACK = ("ioend-merge", "folio-writeback-once")
DIO = ("dio-result", "dio-complete-once", "dio-after-bios")
AIO = ("kiocb-complete",)
DMIO = ("dmio-notify", "dmio-error-bits")
RULES = WRITEBACK + DIO + AIO + DMIO
IN_FLIGHT = re.compile(r"in flight at the end: (\d+)\n")
NULLB = "/sys/kernel/config/nullb/checked"


# What each check is of, as the kernel itself counts it.
COUNTED = {
    "ioend-merge": ("iomap/iomap_add_to_ioend", "iomap/iomap_ioend_merge"),
    "folio-writeback-once": ("iomap/iomap_folio_writeback_end",),
    "dio-complete-once": ("iomap/iomap_dio_end",),
    "dmio-notify": ("dm_io/dm_io_notify",),
    "dmio-error-bits": ("dm_io/dm_io_end",),
}
HITS = re.compile(r"^\s*Hits: (\d+)", re.M)


class Counters:
    """How often the events of COUNTED fire while it is entered."""

    def __init__(self):
        self.events = [event for events in COUNTED.values() for event in events]

    def __enter__(self):
        for event in self.events:
            trace.write(f"events/{event}/trigger", "hist:keys=common_cpu")
        return self

    def __exit__(self, *_):
        self.hits = {}
        for event in self.events:
            with open(f"{trace.TRACING}/events/{event}/hist") as file:
                self.hits[event] = int(HITS.search(file.read())[1])
            trace.write(f"events/{event}/trigger", "!hist:keys=common_cpu")

    def of(self, rule):
        return sum(self.hits[event] for event in COUNTED[rule])


def found(observed):
    """The violations, and the row of each rule."""
    return ([record for record in observed.hists if record["event"] == "violation"],
            {record["rule"]: record for record in observed.hists if record["event"] == "rule"})


@contextlib.contextmanager
def silent(t, env, name, *rules):
    """While it is entered nothing breaks a rule, each of @rules is checked, and as often as it should be."""
    os.sync()
    observed = env.observe("check", "-v", "--rules", ",".join(RULES))
    with Counters() as counters:
        yield counters
        os.sync()
    observed.stop()
    violations, rows = found(observed)
    t.equal((observed.status, violations), (0, []), f"{name}: no violation", observed.stderr())
    t.equal(set(rows), set(RULES), f"{name}: a line for each rule")
    t.equal([rule for rule in rules if not rows[rule]["checked"]], [], f"{name}: each rule is checked", rows)
    # The kernel does not run a program that an interrupt comes to while it is running: an end may be missed so.
    left, skipped = int(IN_FLIGHT.search(observed.stderr())[1]), observed.summary["programs_skipped"]
    t.ok(left <= skipped, f"{name}: nothing is left in flight", observed.stderr())
    if skipped or any(row["no_room"] for row in rows.values()):
        t.ok(all(rows[rule]["checked"] <= counters.of(rule) for rule in COUNTED), f"{name}: no more than there was is checked",
             f"{rows}\n{counters.hits}")
    else:
        # A read of nothing ends, and is no request.
        wrong = [rule for rule in COUNTED if not counters.of(rule) - ("dio" in rule) <= rows[rule]["checked"] <= counters.of(rule)]
        t.equal(wrong, [], f"{name}: all that the kernel counts is checked", f"{rows}\n{counters.hits}")
    t.diag(f"{name}: " + ", ".join(f"{rule} {row['checked']}" for rule, row in rows.items() if row["checked"]) +
           f"; left out {sum(row['unchecked'] for row in rows.values())}")


def loop_device(env, size):
    """The device, and what to call to be rid of it."""
    image = os.path.join(env.workdir, "check.img")
    with open(image, "wb") as file:
        file.truncate(size)
    device = storage.command("losetup", "--find", "--show", image).strip()

    def remove():
        storage.command("losetup", "-d", device)
        os.unlink(image)
    return device, remove


def fio(path, *args):
    storage.command("fio", "--name=check", f"--filename={path}", "--size=2m", "--bs=4k", "--fallocate=none", "--overwrite=1",
                    "--thread", "--output=/dev/null", *args)


def churn(fs, seconds):
    """Writers, syncs and truncations that know nothing of each other, and a memory that is too small for them."""
    stop = time.monotonic() + seconds
    errors = []

    def guarded(work, *args):
        try:
            while time.monotonic() < stop:
                work(*args)
        except OSError as error:
            errors.append(error)

    def write(fd):
        for pos in range(0, 2 * MEGABYTE, 96 << 10):
            os.pwrite(fd, b"w" * 70000, pos)

    def cut(fd):
        os.ftruncate(fd, 300001)
        time.sleep(0.01)

    def sync(fd):
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    files = [fs.open(f"churn{i}") for i in range(2)]
    threads = [threading.Thread(target=guarded, args=(work, fd)) for fd in files for work in (write, cut, sync)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fd in files:
        os.close(fd)
    if errors:
        raise errors[0]


class Disk:
    """A loop device, and on top of it one whose table can be replaced."""

    def __init__(self, env, size=400 * MEGABYTE):
        self.loop, self.remove_loop = loop_device(env, size)
        self.slow = machine.Mapped(f"check-{os.getpid()}", self.loop)

    def remove(self):
        self.slow.remove()
        self.remove_loop()


def check_writeback(t, env, disk):
    """Each reason for an ioend, merges, folios behind the end, pressure; with a block for each page, and with several."""
    import case_writeback
    for size in (4096, 1024):
        # Unmounted before the rules are over: nothing is left to be written back.
        with silent(t, env, f"writeback, blocks of {size}", *WRITEBACK) as counters:
            with machine.Mounted("xfs", disk.slow.path, "-b", f"size={size}") as fs:
                case_writeback.ioends(fs)
                case_writeback.merged(fs, disk.slow)
                case_writeback.skipped(t, fs, disk.slow)
                if size == 4096:
                    case_writeback.full(fs)
                churn(fs, 2)
        t.ok(counters.hits["iomap/iomap_ioend_merge"], f"writeback, blocks of {size}: ioends are merged", counters.hits)
    with silent(t, env, "the flusher", *WRITEBACK):
        path = env.xfs.path("flushed")
        with open(path, "wb") as file:
            file.write(b"f" * (8 * MEGABYTE + 1000))
        os.sync()
        os.unlink(path)


class NullBlk:
    """A disk whose requests can be polled for, or end in a hard interrupt, as wanted."""

    def __init__(self, **attributes):
        os.mkdir(NULLB)
        for name, value in {"size": 400, "memory_backed": 1, "poll_queues": 1, **attributes, "power": 1}.items():
            with open(f"{NULLB}/{name}", "w") as file:
                file.write(str(value))
        self.path = f"/dev/{os.path.basename(NULLB)}"

    def remove(self):
        with open(f"{NULLB}/power", "w") as file:
            file.write("0")
        os.rmdir(NULLB)


def check_dio(t, env, disk):
    """Routes, short and refused requests, polled ones, some that complete in a hard interrupt, and what falls back."""
    import case_directio
    null = NullBlk(irqmode=2, completion_nsec=50000)
    try:
        with silent(t, env, "direct I/O", *DIO, *AIO, *WRITEBACK):
            with machine.Mounted("xfs", null.path) as fs:
                case_directio.sizes(t, fs)
                case_directio.asynchronous(t, fs)
                for rw in ("randread", "randwrite"):
                    direct = (f"--rw={rw}", "--direct=1", "--iodepth=16")
                    fio(fs.path("polled"), "--ioengine=io_uring", *direct, "--hipri", "--number_ios=256")
                    fio(fs.path("aio"), "--ioengine=libaio", *direct, "--number_ios=512")
                fio(fs.path("cached"), "--ioengine=psync", "--rw=randwrite", "--bs=3k", "--fsync=16", "--number_ios=256")
    finally:
        null.remove()
    with silent(t, env, "direct I/O, another disk", *DIO, *AIO):
        with machine.Mounted("xfs", disk.slow.path) as fs:
            direct = ("--rw=randrw", "--direct=1", "--iodepth=16")
            fio(fs.path("synced"), "--ioengine=psync", *direct, "--sync=dsync", "--number_ios=64")
            fio(fs.path("rings"), "--ioengine=io_uring", *direct, "--fsync=32", "--number_ios=256")
            fio(fs.path("aio"), "--ioengine=libaio", *direct, "--sync=dsync", "--number_ios=128")
            fd = machine.direct(fs.path("refused"))
            refused = [dwrite(fd, PAGE, 65536, os.RWF_NOWAIT), dread(fd, PAGE, 1 << 30), errno_of(os.preadv, fd, [], 0)]
            t.equal(refused, [-11, 0, 0], "direct I/O: one is refused, one is at the end, one is of nothing")
            os.close(fd)
    with silent(t, env, "a full file system", *DIO[:2]):
        with machine.Mounted("xfs", disk.slow.path) as fs:
            fd = fs.open("full")
            status = os.fstatvfs(fd)
            machine.fallocate(fd, machine.KEEP_SIZE, 0, (status.f_bavail - 64) * status.f_bsize)
            direct = machine.direct(fs.path("direct"))
            t.equal(dwrite(direct, MEGABYTE, 0), -28, "a direct write to a full file system fails")
            os.close(fd)
            os.close(direct)
    with silent(t, env, "ext4, btrfs and EROFS", *DIO):
        case_directio.others(t, disk.slow.path)


def check_errors(t, env, disk):
    """A device that fails, and a file system that has shut down."""
    import case_errors
    with silent(t, env, "errors", *WRITEBACK, *DIO, *AIO):
        case_errors.device_fails(t, disk.slow)
        case_errors.shut_down(t, disk.slow)
        case_errors.truncated(t, disk.slow)


def check_aio(t, env):
    """Also what is refused, cancelled, left behind by a process, or no read or write."""
    path = env.xfs.file("aio", 64 << 10)
    with silent(t, env, "aio", *AIO):
        for kind in ("mixed", "refused"):
            tool.workload("aio", kind, path)
        tool.workload("aio", "cancelled")
        tool.workload("aio", "mixed", env.ext4.file("aio", 64 << 10))
    with storage.Delayed(env, 200, MEGABYTE, filesystem=None) as slow:
        if not slow:
            t.skip("a process that leaves", "this kernel has no dm-delay")
            return
        slow.slow()
        with silent(t, env, "a process that leaves", *AIO):
            tool.workload("aio", "exit", slow.device, 8)


def check_dmio(t, env):
    """A mirror's copies and writes, discards, a snapshot's waited-for metadata, and a leg that fails."""
    import case_dmio
    case_dmio.DISK, remove = loop_device(env, 96 * MEGABYTE)
    try:
        with silent(t, env, "dm-io", *DMIO):
            case_dmio.mirror()
            case_dmio.snapshot()
        with silent(t, env, "dm-io that fails", *DMIO):
            case_dmio.failing()
        # Attached while a mirror is copied.
        slow = f"delay {{device}} {case_dmio.SIZE} 0 {{device}} {case_dmio.SIZE} 150"
        legs = [case_dmio.Part("leg0", 0), case_dmio.Part("leg1", 1, slow)]
        both = case_dmio.Part("mirror", 0, f"mirror core 1 {case_dmio.REGION} 2 {legs[0].path} 0 {legs[1].path} 0")
        observed = env.observe("check", "-v", "--rules", ",".join(RULES))
        copied = case_dmio.in_sync(both)
        trace.wait_for(lambda: case_dmio.in_sync(both), "the second leg has been copied")
        for device in (both, *legs):
            device.remove()
        observed.stop()
        violations, rows = found(observed)
        t.equal((copied, observed.status, violations), (False, 0, []), "dm-io, attached in the middle: no violation", observed.stderr())
        t.ok(all(rows[rule]["checked"] for rule in DMIO), "dm-io, attached in the middle: the rules are checked", rows)
    finally:
        remove()


def check_in_the_middle(t, env, disk):
    """Attached and detached while everything is in flight: what began before is not judged."""
    with machine.Mounted("xfs", disk.slow.path) as fs:
        paths = [fs.file(name, 2 * MEGABYTE) for name in ("aio", "rings", "cached")]
        disk.slow.load("delay {device} 0 20")
        jobs = [subprocess.Popen(["fio", "--name=load", f"--filename={path}", "--size=2m", "--bs=4k", "--time_based",
                                  "--runtime=600", "--overwrite=1", "--thread", "--output=/dev/null", *args])
                for path, args in zip(paths, (("--ioengine=libaio", "--direct=1", "--rw=randrw", "--iodepth=8"),
                                              ("--ioengine=io_uring", "--direct=1", "--rw=randrw", "--iodepth=8"),
                                              ("--ioengine=psync", "--rw=randwrite", "--fsync=8", "--thinktime=10ms")))]
        try:
            time.sleep(2)
            for round in range(2):
                observed = env.observe("check", "-v", "--rules", ",".join(RULES))
                time.sleep(1)
                observed.stop()
                violations, rows = found(observed)
                name = f"attached in the middle, {round}"
                t.equal((observed.status, violations), (0, []), f"{name}: no violation", observed.stderr())
                t.equal([rule for rule in WRITEBACK + DIO + AIO if not rows[rule]["checked"]], [], f"{name}: the rules are checked",
                        rows)
        finally:
            for job in jobs:
                job.kill()
                job.wait()
            disk.slow.load("linear {device} 0")


def check_stock(t, env):
    """What the events of 6.6 and later tell; of the other rules it is said why they cannot be checked."""
    told = DIO[:2] if {"iomap_dio_rw+fexit", "iomap_dio_rw"} & set(tool.usable_sources("dio")) else ()
    if not told:
        done = tool.run("check", "--rules", ",".join(RULES), "--duration", "1s")
        t.ok(done.returncode == 4 and "cannot be checked for any of these rules" in done.stderr, "without the events it says so",
             f"{done.returncode} {done.stdout}{done.stderr}")
        return
    path = env.xfs.file("stock", 2 * MEGABYTE)
    observed = env.observe("check", "-v", "--rules", ",".join(RULES))
    for engine in ("psync", "libaio", "io_uring"):
        fio(path, f"--ioengine={engine}", "--rw=randrw", "--direct=1", "--iodepth=16", "--number_ios=256")
    fd = machine.direct(path)
    got = [dwrite(fd, PAGE, 4 * MEGABYTE, os.RWF_NOWAIT), dread(fd, PAGE, 1 << 30), dread(fd, 2 * PAGE, 2 * MEGABYTE - PAGE)]
    t.equal(got, [-11, 0, PAGE], "one is refused, one is at the end, one over it")
    os.close(fd)
    observed.stop()
    violations, rows = found(observed)
    t.equal((observed.status, violations), (0, []), "no violation", observed.stderr())
    t.equal({rule for rule in RULES if rows[rule]["checked"]}, set(told), "what the events tell is checked", rows)
    t.ok(all(rows[rule]["checked"] >= 3 * 256 for rule in told), "each request is", rows)
    t.ok(all(rows[rule]["why_not"] for rule in set(RULES) - set(told)), "it says why the others are not", rows)
    strict = tool.run("check", "--rules", ",".join(RULES), "--strict", "--duration", "100ms")
    t.ok(strict.returncode == 4 and f"{len(RULES) - len(told)} of these rules could not be checked" in strict.stderr, "--strict is not content with that",
         f"{strict.returncode} {strict.stderr}")
    # Each has its own address, and there is room for few of them.
    observed = env.observe("check", "-v", "--rules", ",".join(told), "--in-flight", 4, "--strict", "-f", path)
    fio(path, "--ioengine=libaio", "--rw=randread", "--direct=1", "--iodepth=32", "--iodepth_batch_submit=32", "--number_ios=1024")
    observed.stop()
    violations, rows = found(observed)
    t.equal((observed.status, violations), (6, []), "no room: no violation, and --strict says so", observed.stderr())
    row = rows["dio-complete-once"]
    t.ok(row["no_room"] and row["checked"] + row["no_room"] == 512, "no room: what stays unchecked is counted", rows)


def run(t, env):
    if not shutil.which("fio"):
        raise Skip("fio is not installed")
    if not env.patched:
        check_stock(t, env)
        return
    if not shutil.which("dmsetup") or not storage.loop_devices_work():
        raise Skip("no dmsetup, or no loop devices")
    disk = Disk(env)
    try:
        check_writeback(t, env, disk)
        check_dio(t, env, disk)
        check_errors(t, env, disk)
        check_in_the_middle(t, env, disk)
    finally:
        disk.remove()
    check_aio(t, env)
    check_dmio(t, env)
