# SPDX-License-Identifier: GPL-2.0
"""In the guest: direct I/O of many kinds on every file system, our own and fio's."""

import json
import mmap
import os
import random

from recorder import Phase, command, write

EVENTS = tuple(f"iomap/iomap_{event}" for event in
               ("dio_begin", "dio_bio_submit", "dio_bio_end", "dio_zero", "dio_end",
                # XFS writes a part of a shared block by way of the page cache.
                "read_submit", "fill_folio", "ioend_submit")) + tuple(
               f"aio/aio_iocb_{event}" for event in ("begin", "issued", "complete", "end"))
MIB = 1 << 20
SIZES = [512, 1024, 1536, 4096, 12288, 65536, 65536 + 512, MIB, 2 * MIB + 512, 3 * MIB]
FIO_SIZE, FIO_IOS = 6 * MIB, 80
ENGINES = ("psync", "libaio", "io_uring")
FIO = """[global]
direct=1
thread=1
size={size}
number_ios={ios}
bssplit=512/20:4k/35:20k/15:64k/20:1m/10
iodepth=8
"""


def written(path, size):
    """A file of which every block is on the device."""
    with open(path, "wb", buffering=0) as file:
        file.write(b"w" * size)
        os.fsync(file.fileno())


class Worker:
    """Our own workload on one file system."""

    def __init__(self, fs):
        self.fs = fs
        self.random = random.Random(len(fs.name) * 1000 + fs.block)
        self.buffer = memoryview(mmap.mmap(-1, 4 * MIB))
        self.files = []

    def path(self, name):
        path = self.fs.path(name)
        self.files.append(path)
        return path

    def prepare(self):
        written(self.path("overwritten"), 12 * MIB)
        fd = os.open(self.path("unwritten"), os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(fd, 0, 8 * MIB)
        os.fsync(fd)
        os.close(fd)
        self.path("appended")
        if self.fs.kind == "xfs":
            command("cp", "--reflink=always", self.fs.path("overwritten"), self.path("shared"))

    def request(self, fd, call, size, file_size, align=512):
        pos = self.random.randrange(0, (file_size - size) // align + 1) * align
        done = call(fd, [self.buffer[:size]], pos)
        assert done == size, (done, size)

    def run(self):
        pick = self.random.choice
        direct = os.O_RDWR | os.O_DIRECT
        fd = os.open(self.fs.path("overwritten"), direct)
        for _ in range(120):
            self.request(fd, pick((os.preadv, os.pwritev)), pick(SIZES), 12 * MIB)
        for pos in range(0, 12 * MIB, 256 << 10):
            os.preadv(fd, [self.buffer[:256 << 10]], pos)
        # More pieces than a bio can hold, none of which continues another in memory.
        pieces = [self.buffer[n * 4096:n * 4096 + 512] for n in range(600)]
        for call in (os.preadv, os.pwritev) * 4:
            assert call(fd, pieces, self.random.randrange(2000) * 512) == 600 * 512
        os.close(fd)
        fd = os.open(self.fs.path("overwritten"), direct | os.O_DSYNC)
        for _ in range(30):
            self.request(fd, os.pwritev, pick(SIZES[:6]), 12 * MIB)
        os.close(fd)
        # Parts of unwritten blocks are zeroed by bios of their own; what follows is written by then, or is not.
        fd = os.open(self.fs.path("unwritten"), direct)
        for _ in range(60):
            self.request(fd, pick((os.preadv, os.pwritev, os.pwritev)), pick(SIZES[:8]), 8 * MIB)
        os.close(fd)
        fd = os.open(self.fs.path("appended"), direct | os.O_CREAT)
        pos = 0
        for _ in range(20):
            size = pick(SIZES[:7])
            assert os.pwritev(fd, [self.buffer[:size]], pos) == size
            pos += size
        os.close(fd)
        if self.fs.kind == "xfs":
            fd = os.open(self.fs.path("shared"), direct)
            for _ in range(40):
                self.request(fd, os.pwritev, pick((4096, 8192, 65536)), 12 * MIB, 4096)
                self.request(fd, os.preadv, pick(SIZES[:6]), 12 * MIB)
            os.close(fd)


def fio_jobs(filesystems):
    """fio's job file, and each job's file."""
    lines, files = [FIO.format(size=FIO_SIZE, ios=FIO_IOS)], {}
    for fs in filesystems:
        for engine in ENGINES:
            name = f"{fs.name}-{engine}"
            files[name] = (fs, fs.path(name))
            rw = "rw" if fs.block == 1024 and engine == "psync" else "randrw"
            lines.append(f"[{name}]\nstonewall\nioengine={engine}\nrw={rw}\nfilename={files[name][1]}\n")
            if engine == "io_uring" and fs.device.startswith("/dev/nvme"):
                lines.append("hipri\n")
    return "".join(lines), files


def record(out, filesystems):
    workers = [Worker(fs) for fs in filesystems]
    jobs, files = fio_jobs(filesystems)
    write("/tmp/oracles.fio", jobs)
    for worker in workers:
        worker.prepare()
    for _, path in files.values():
        written(path, FIO_SIZE)
    command("sync")
    phase = Phase(out, "direct", [fs.device for fs in filesystems], EVENTS)

    def remember():
        for worker in workers:
            phase.map(worker.fs.device, *(path for path in worker.files if os.path.exists(path)))
        for fs, path in files.values():
            phase.map(fs.device, path)

    remember()
    with phase:
        for worker in workers:
            worker.run()
        report = command("fio", "--output-format=json", "/tmp/oracles.fio", cwd="/tmp")
        command("sync")
        remember()
        phase.notes["fio"] = [
            {"job": job["jobname"], "engine": job["jobname"].split("-")[1],
             "dev": "{}:{}".format(*(f(os.stat(files[job["jobname"]][1]).st_dev) for f in (os.major, os.minor))),
             "ino": os.stat(files[job["jobname"]][1]).st_ino,
             "reads": job["read"]["total_ios"], "writes": job["write"]["total_ios"],
             "read_bytes": job["read"]["io_bytes"], "write_bytes": job["write"]["io_bytes"]}
            for job in json.loads(report[report.index("{"):])["jobs"]]
