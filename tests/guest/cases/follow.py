# SPDX-License-Identifier: GPL-2.0
"""Each request is one timeline, from its begin through every layer to its end, with no step of another, on every source."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time

import storage
import tool
from fiemap import xfs_io_extents
from tap import Skip

SECTOR = 512
KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
DEPTH, THREADS, REQUESTS = 64, 4, 256
# What a source can show; the others show less.
PATCHED, FEXIT, STOCK = "iomap_op", "iomap_iter+fexit", "iomap_iter"


def observe(env, source, *args, **kwargs):
    return env.observe("follow", "-v", "--source", source, *args, **kwargs)


def xfs_io(path, *commands, flags=("-d",)):
    args = [arg for command in commands for arg in ("-c", command)]
    subprocess.run(["xfs_io", *flags, *args, path], check=True, stdout=subprocess.DEVNULL, timeout=tool.PATIENCE)


def fio(path, *args):
    """fio's own account of one job on a file."""
    done = subprocess.run(["fio", "--name=follow", f"--filename={path}", "--direct=1", "--thread", "--overwrite=1",
                           "--output-format=json", *args], capture_output=True, text=True, timeout=tool.PATIENCE)
    if done.returncode:
        raise AssertionError(f"fio {args}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout[done.stdout.index("{"):])["jobs"]


def empty(t, observed, name):
    t.ok("in flight at the end: 0\n" in observed.stderr(), f"{name}: nothing is left in flight", observed.stderr())


def steps(request, *names):
    """The steps of these names ("layer step"), or of all layers if none is given."""
    return [s for s in request["timeline"] if not names or f"{s['layer']} {s['step']}" in names]


def story(request):
    return [f"{s['layer']} {s['step']}" for s in request["timeline"]]


def in_order(request, *names):
    """Whether these steps come one after the other, whatever is between them."""
    told = iter(story(request))
    return all(name in told for name in names)


def sound(request):
    """What holds for every timeline; returns what does not, or nothing."""
    line = request["timeline"]
    begun = set()
    for before, step in zip([None] + line, line):
        delta = step["offset_ns"] - before["offset_ns"] if before else 0
        if step["delta_ns"] != delta or delta < 0:
            return f"delta {step}"
        if step["under"] is not None and step["under"] not in begun:
            return f"under {step}"
        begun.add(step["id"])
    if line[0]["offset_ns"] or line[0]["depth"] or line[0]["under"] is not None:
        return f"first {line[0]}"
    if sum(s["delta_ns"] for s in line) != request["latency_ns"] or line[-1]["offset_ns"] != request["latency_ns"]:
        return "sum of the deltas"
    if len(line) != request["steps"] or request["steps_lost"]:
        return "number of steps"
    return None


def check_sound(t, observed, name):
    wrong = [(sound(e), e) for e in observed.events if sound(e)]
    t.ok(not wrong, f"{name}: times do not run backwards and add up, and what is nested is in something", wrong[:1])


def check_all(t, observed, name):
    check_sound(t, observed, name)
    tool.balanced(t, observed, name)
    empty(t, observed, name)


def place(extents, pos):
    """The byte of the device that this byte of the file is on."""
    for start, length, addr, _, _ in extents:
        if start <= pos < start + length and addr is not None:
            return addr + pos - start
    return None


def data_bios(request, write):
    """(dev, sector, bytes) of the bios that data goes by, as the block layer has them."""
    kind = "WRITE" if write else "READ"
    return [(s["dev"], s["sector"], s["bytes"]) for s in steps(request, "device queue")
            if s["opf"].split("|")[0] == kind and "META" not in s["opf"].split("|") and s["bytes"]]


def check_sync_write(t, env, fs, source):
    """O_SYNC over dirty page cache: the writeback before, the write, and what makes it durable are one request."""
    name = f"{fs.kind} {source} O_SYNC"
    path = fs.file("sync", MEGABYTE)
    extents = xfs_io_extents(path)
    with open(path, "r+b") as dirty:
        dirty.seek(64 * KILOBYTE)
        dirty.write(b"e" * 64 * KILOBYTE)
    observed = observe(env, source, "-f", path, "-c", "xfs_io")
    xfs_io(path, "pwrite -q -b 64k 64k 64k", flags=("-d", "-s"))
    observed.stop()
    requests = [e for e in observed.events if e["op"] == "dio_write"]
    t.equal([(e["event"], e["comm"], e["dev"], e["ino"], e["pos"], e["len"], e["ret"], e["source"]) for e in requests],
            [("follow", "xfs_io", fs.dev, os.stat(path).st_ino, 65536, 65536, 0, source)], f"{name}: one request", observed.stderr())
    check_all(t, observed, name)
    if len(requests) != 1:
        return
    request = requests[0]
    t.ok(in_order(request, "op begin", "map lookup", "device queue", "map step", "op end"), f"{name}: operation, mapping, device",
         story(request))
    lookups = [s for s in steps(request, "map lookup") if s["pos"] == 65536 and s["type"] == "mapped"]
    t.ok(lookups and all(s["addr"] + s["pos"] - s["map_pos"] == place(extents, s["pos"]) for s in lookups),
         f"{name}: the mapping is FIEMAP's", lookups)
    sector = place(extents, 65536) // SECTOR
    # What was dirty goes there first, where writeback is by iomap; then what is written.
    passes = fs.kind == "xfs"
    data = [(at, size) for _, at, size in data_bios(request, True) if sector <= at < sector + 128]
    t.equal(data[-1:], [(sector, 65536)], f"{name}: the bio goes where the mapping says", request)
    if "device issue" in story(request):
        t.ok(in_order(request, "device queue", "device issue", "device complete"), f"{name}: queue, issue, complete", story(request))
    if source != PATCHED:
        return
    t.ok(in_order(request, "dio begin", "dio invalidate", "op begin", "map lookup", "bio submit", "bio end", "dio done", "dio complete",
                  "dio end"), f"{name}: through direct I/O in order", story(request))
    t.equal(story(request)[-1], "dio end", f"{name}: its end is the last step")
    if passes:
        # The device may be faster than the pass comes to its end.
        t.ok(all(in_order(request, "dio begin", "pass begin", "ioend new", "ioend submit", "device queue", end, "dio invalidate", "op begin")
                 for end in ("pass end", "ioend finish")), f"{name}: the writeback of what was dirty is part of it", story(request))
        t.equal({s["depth"] for s in steps(request, "pass begin")}, {1}, f"{name}: and is indented")
    if "FUA" not in [flag for s in steps(request, "bio submit") for flag in s["opf"].split("|")]:
        t.ok(in_order(request, "dio complete", "dio synced", "dio end"), f"{name}: it waits until it is durable", story(request))


def check_unwritten(t, env, source):
    """O_SYNC into preallocated blocks: their conversion has to reach the log."""
    name = f"xfs {source} O_SYNC unwritten"
    path = env.xfs.path("unwritten")
    xfs_io(path, "falloc 0 1m", flags=("-f",))
    observed = observe(env, source, "-f", path)
    xfs_io(path, "pwrite -q -b 64k 0 64k", flags=("-d", "-s"))
    observed.stop()
    requests = [e for e in observed.events if e["op"] == "dio_write"]
    t.equal([(e["pos"], e["len"], e["ret"]) for e in requests], [(0, 65536, 0)], f"{name}: one request", observed.stderr())
    check_all(t, observed, name)
    if len(requests) == 1 and source == PATCHED:
        request = requests[0]
        t.equal([s["unwritten"] for s in steps(request, "dio end_io")], [1], f"{name}: the file system is told", request)
        t.ok(in_order(request, "dio complete", "dio end_io", "dio synced", "dio end"), f"{name}: then it is made durable", story(request))
        synced = steps(request, "dio synced")[0]
        log = [s for s in steps(request, "device queue") if "META" in s["opf"].split("|")]
        t.ok(all(synced["offset_ns"] - synced["took_ns"] <= s["offset_ns"] <= synced["offset_ns"] for s in log),
             f"{name}: the log is written while it waits ({len(log)} bios by itself)", log)


def check_libaio(t, env, fs, source):
    """One request of libaio, from io_submit() to its event."""
    name = f"{fs.kind} {source} libaio"
    path = fs.file("libaio", MEGABYTE)
    extents = xfs_io_extents(path)
    observed = observe(env, source, "-f", path)
    fio(path, "--rw=randread", "--bs=4k", "--size=1m", "--number_ios=1", "--ioengine=libaio")
    observed.stop()
    requests = [e for e in observed.events if e["op"] == "dio_read"]
    check_all(t, observed, name)
    t.equal([(e["len"], e["ret"]) for e in requests], [(4096, 0)], f"{name}: one request", observed.stderr())
    if len(requests) != 1:
        return
    request = requests[0]
    t.equal(data_bios(request, False), [(fs.dev, place(extents, request["pos"]) // SECTOR, 4096)],
            f"{name}: one bio, to the place that FIEMAP says", request)
    if source == PATCHED:
        t.equal(request["done"], 4096, f"{name}: its bytes")
        t.ok(in_order(request, "kiocb begin", "dio begin", "op begin", "map lookup", "bio submit", "device queue", "device issue",
                      "device complete", "bio end", "dio done", "dio complete", "dio end", "kiocb complete", "kiocb posted"),
             f"{name}: every layer, in order", story(request))
        t.equal([s["depth"] for s in steps(request, "kiocb begin", "dio begin", "op begin", "map lookup", "bio submit", "device queue")],
                [0, 1, 2, 3, 2, 3], f"{name}: what is nested is indented", story(request))
        begins = {s["id"]: s["under"] for s in steps(request, "kiocb begin", "dio begin", "op begin", "bio submit")}
        t.equal(begins, {1: None, 2: 1, 3: 2, 4: 2}, f"{name}: and says in what")


def check_depth(t, env, fs, source, engine):
    """Many at a time, from several threads: each of fio's requests is one timeline, and its bios are its own."""
    name = f"{fs.kind} {source} {engine} depth {DEPTH}"
    path = fs.file("deep", 4 * MEGABYTE)
    extents = xfs_io_extents(path)
    observed = observe(env, source, "-f", path, "--op", "dio", "--ring-size", "16m")
    try:
        jobs = fio(path, "--rw=randrw", "--bs=4k", "--size=4m", f"--number_ios={REQUESTS}", f"--ioengine={engine}",
                   f"--iodepth={DEPTH}", f"--numjobs={THREADS}", "--norandommap")
    except AssertionError as error:
        observed.stop()
        if engine != "io_uring":
            raise
        t.skip(name, f"fio cannot: {str(error)[-100:]}")
        return
    observed.stop()
    if tool.programs_skipped(t, observed, f"{name}: exact counts"):
        tool.balanced(t, observed, name, lossless=False)
        return
    # io_uring first asks for what can be had without waiting, and asks again.
    requests = [e for e in observed.events if e["ret"] == 0]
    again = [e for e in observed.events if e["ret"] != 0]
    t.ok(not again or engine == "io_uring" and all(e["ret"] == -errno.EAGAIN and not steps(e, "bio submit") for e in again),
         f"{name}: none fails", again[:1])
    done = sum(job[rw]["total_ios"] for job in jobs for rw in ("read", "write"))
    t.equal((done, len(requests)), (REQUESTS * THREADS, REQUESTS * THREADS), f"{name}: as many as fio's", observed.stderr())
    t.equal([sum(e["op"] == op for e in requests) for op in ("dio_read", "dio_write")],
            [sum(job[rw]["total_ios"] for job in jobs) for rw in ("read", "write")], f"{name}: reads and writes")
    check_all(t, observed, name)
    t.ok(all(e["len"] == 4096 and (e["done"] == 4096 or "dio begin" not in story(e)) for e in requests), f"{name}: each with its bytes", requests[:1])
    strange = [e for e in requests if data_bios(e, e["op"] == "dio_write") != [(fs.dev, place(extents, e["pos"]) // SECTOR, 4096)]]
    t.ok(not strange, f"{name}: one bio each, where its own range is", strange[:1])
    strange = [e for e in requests if any(s["pos"] not in (None, e["pos"]) for s in e["timeline"])]
    t.ok(not strange, f"{name}: no step is about another range", strange[:1])
    layers = ("kiocb", "dio") if engine == "libaio" else ("dio",)
    if source == PATCHED:
        t.ok(all(len(steps(e, f"{layer} begin")) == 1 for e in requests for layer in layers) and
             all(len(steps(e, "dio end", "kiocb posted")) == len(layers) for e in requests),
             f"{name}: {' and '.join(layers)} begin and end once", observed.events[:1])


def check_writeback(t, env, source):
    """Buffered data and fsync(): the write is a request, and so is the pass that writes it back, with all its ioends."""
    name = f"{source} writeback"
    path = env.xfs.path("writeback")
    open(path, "wb").close()
    size = 2 * MEGABYTE + 1000
    observed = observe(env, source, "-f", path)
    xfs_io(path, f"pwrite -q -b 64k 0 {size}", "fsync", flags=("-f",))
    observed.stop()
    writes = [e for e in observed.events if e["op"] == "write"]
    t.equal(sum(s["ret"] for e in writes for s in steps(e, "map step")), size, f"{name}: the steps of the writes are all bytes",
            observed.stderr())
    check_all(t, observed, name)
    if source == PATCHED:
        t.equal(sum(s["copied"] for e in writes for s in steps(e, "folio copy")), size, f"{name}: and so are the copies")
    if source not in (PATCHED, FEXIT):
        return
    passes = [e for e in observed.events if e["op"] == "writeback"]
    submits = [s for e in passes for s in steps(e, "ioend submit")]
    known = all(s["bytes"] is not None for s in submits)
    if submits and known:
        t.equal(sum(s["len"] for s in submits), size, f"{name}: the ioends are all bytes", passes[:1])
    t.ok(submits and all(in_order(e, "pass begin", "ioend submit", "device queue", "pass end") for e in passes if "ioend submit" in story(e)),
         f"{name}: pass, ioend, device", [story(e) for e in passes])
    finished = [s["id"] for e in passes for s in steps(e, "ioend finish")]
    t.equal(len(finished), len(submits), f"{name}: each ioend is finished", [story(e) for e in passes])
    if known:
        extents = xfs_io_extents(path)
        t.equal([s["sector"] * SECTOR for s in submits], [place(extents, s["pos"]) for s in submits],
                f"{name}: the ioends are where FIEMAP says")
        written = sum(size for e in passes for _, _, size in data_bios(e, True))
        t.equal(written, -(-size // 4096) * 4096, f"{name}: the bios carry whole blocks", passes[:1])
    if source == PATCHED:
        t.ok(all(in_order(e, "pass begin", "map lookup", "ioend new", "ioend submit", "pass end") for e in passes
                 if "ioend submit" in story(e)), f"{name}: how each was built", [story(e) for e in passes])
    os.unlink(path)


def check_merges(t, env, source):
    """Ioends that end together are completed as one, and each is in its own pass's timeline."""
    path = env.xfs.path("merged")
    open(path, "wb").close()
    size = 32 * MEGABYTE
    observed = observe(env, source, "-d", env.xfs.mount, "--op", "writeback", "--ring-size", "16m")
    xfs_io(path, f"pwrite -q -b 4k 0 {size}", "fsync", flags=("-f",))
    os.sync()
    observed.stop()
    name = f"{source} merges"
    ino = os.stat(path).st_ino
    passes = [e for e in observed.events if e["ino"] == ino]
    t.equal(sum(s["len"] for e in passes for s in steps(e, "ioend submit")), size, f"{name}: all bytes once", observed.stderr())
    t.ok(sum(len(steps(e, "ioend submit")) for e in passes) > 1, f"{name}: several ioends")
    check_all(t, observed, name)
    merges = [s for e in passes for s in steps(e, "ioend merge")]
    t.ok(all(s["pos"] + s["len"] == s["next_pos"] for s in merges), f"{name}: {len(merges)} times the next one goes on where this one ends",
         merges[:1])
    os.unlink(path)


def check_fault(t, env, source):
    """The source of a write is faulted in: the read of that is part of the write."""
    name = f"{source} fault"
    observed = observe(env, source, "-d", env.xfs.mount, "-c", "nested", "--ring-size", "16m")
    tool.workload("nested", "-t", 1, "-n", 4, env.xfs.mount)
    observed.stop()
    check_all(t, observed, name)
    inode = os.stat(env.xfs.path("nested-from-0")).st_ino
    target = os.stat(env.xfs.path("nested-to-0")).st_ino
    writes = [e for e in observed.events if e["op"] == "write" and e["ino"] == target]
    inside = [s for e in writes for s in steps(e, "op begin") if s["ino"] == inode]
    t.ok(inside and all(s["op"] in ("read", "readahead") for s in inside), f"{name}: the read is inside the write", [story(e) for e in writes])
    t.ok(inside and all(s["depth"] >= 1 and s["under"] is not None for s in inside), f"{name}: and indented", inside)
    if source in (PATCHED, FEXIT):
        bios = [s for e in writes for s in steps(e, "device queue") if s["opf"].startswith("READ")]
        t.ok(bios, f"{name}: with its bio", [story(e) for e in writes])
        t.ok(not [e for e in observed.events if e["op"] in ("read", "readahead") and e["ino"] == inode and
                  not steps(e, "device queue") and not e["steps"]], f"{name}: none is left without its steps")


def check_bounds(t, env, source):
    path = env.xfs.file("bounds", MEGABYTE)
    observed = observe(env, source, "-f", path, "-n", "3")
    xfs_io(path, "pread -q -b 4k 0 256k")
    observed.stop(None)
    t.equal([(e["request"], e["pos"]) for e in observed.events], [(n + 1, n * 4096) for n in range(3)], f"{source} -n: the first three",
            observed.stderr())
    tool.balanced(t, observed, f"{source} -n")
    for args, count in ((("--op", "dio_write"), 2), (("--errors", "--min-latency", "1ns"), 0), (("--min-latency", "100s"), 0)):
        observed = observe(env, source, "-f", path, *args)
        xfs_io(path, "pwrite -q -b 64k 0 128k", "pread -q -b 64k 0 256k")
        observed.stop()
        name = f"{source} {' '.join(args)}"
        t.equal((len(observed.events), observed.summary["filtered"] >= 6 - count), (count, True), f"{name}: what is left", observed.summary)
        tool.balanced(t, observed, name)
        empty(t, observed, name)


def check_losses(t, env, source):
    """A ring of one page and tables of few entries lose much, and count it."""
    path = env.xfs.file("losses", 4 * MEGABYTE)
    for args in (("--ring-size", os.sysconf("SC_PAGESIZE")), ("--in-flight", "8")):
        observed = observe(env, source, "-f", path, *args)
        fio(path, "--rw=randwrite", "--bs=4k", "--size=4m", "--ioengine=libaio", "--iodepth=64")
        observed.stop()
        name = f"{source} {' '.join(map(str, args))}"
        s = observed.summary
        # One CPU alone gets no more into flight than it brings to an end.
        if os.cpu_count() > 1:
            t.ok(s["lost_total"] + s["steps_lost"] > 0 and s["seen"] >= REQUESTS, f"{name}: some are lost", s)
        tool.balanced(t, observed, name, lossless=False)
        t.ok(all(e["steps_lost"] or not sound(e) for e in observed.events), f"{name}: those that are whole are sound")
        empty(t, observed, name)


READER = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
print("open", flush=True)
sys.stdin.readline()
os.preadv(fd, [mmap.mmap(-1, 4096)], 0)
"""


def direct_reader(path):
    """A process that has the file open, and reads from it once it is told to by a line."""
    reader = subprocess.Popen([sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    reader.stdout.readline()
    return reader


def wait_until_blocked(pid):
    """Until the process waits for I/O, or patience is over."""
    deadline = time.monotonic() + tool.PATIENCE
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] == "D":
                return
        time.sleep(0.05)


def check_unfinished(t, env, source):
    """A request whose device does not answer is printed as it is, and counts as lost."""
    name, device, image = f"{source} unfinished", "iomapscope-hang", os.path.join(env.workdir, "hang.img")
    subprocess.run(["modprobe", "-aq", "loop", "dm-mod"], stderr=subprocess.DEVNULL)
    if not storage.loop_devices_work():
        t.skip(name, "no loop devices")
        return
    with open(image, "wb") as file:
        file.truncate(512 << 20)
    loop = storage.command("losetup", "--find", "--show", image).strip()
    try:
        if subprocess.run(["dmsetup", "create", device, "--table", f"0 {(512 << 20) // SECTOR} linear {loop} 0"],
                          capture_output=True).returncode:
            t.skip(name, "this kernel has no device mapper")
            return
        try:
            fs = storage.Filesystem("xfs", env.workdir, "hang", f"/dev/mapper/{device}")
            try:
                path = fs.file("file")
                os.sync()
                observed = observe(env, source, "-f", path)
                reader = direct_reader(path)
                storage.command("dmsetup", "suspend", "--nolockfs", device)
                reader.stdin.write("\n")
                reader.stdin.flush()
                wait_until_blocked(reader.pid)
                observed.stop()
                storage.command("dmsetup", "resume", device)
                reader.communicate(timeout=tool.PATIENCE)
                t.equal([(e["op"], e["pos"], e["ret"], e["latency_ns"]) for e in observed.unfinished], [("dio_read", 0, None, None)],
                        f"{name}: it is printed", observed.stderr())
                t.ok(not observed.events and observed.summary["lost"]["unmatched_begin"] == 1, f"{name}: and counted", observed.summary)
                tool.balanced(t, observed, name, lossless=False)
            finally:
                fs.unmount()
        finally:
            storage.command("dmsetup", "remove", device)
    finally:
        storage.command("losetup", "-d", loop)
        os.unlink(image)


def check_table(t, env, source):
    """In the table a request is a block of its own, and CSV has a line for each step."""
    path = env.xfs.file("table", MEGABYTE)
    observed = observe(env, source, "-f", path, "-c", "xfs_io", output="table")
    xfs_io(path, "pread -q -b 64k 0 128k")
    observed.stop(parse=False)
    blocks = [block.splitlines() for block in observed.text.split("\n\n") if block.strip()]
    heads = [line.split() for line in blocks[0][:1]] + [block[1 if i == 0 else 0].split() for i, block in enumerate(blocks)]
    t.equal((heads[0][:3], [head[1:4] for head in heads[1:]]), (["TIME", "REQUEST", "OP"], [["1", "dio_read", "xfs_io"],
                                                                                            ["2", "dio_read", "xfs_io"]]),
            f"{source} table: a block for each request", observed.text)
    t.ok("seen 2 = emitted 2 + filtered 0 + lost 0" in observed.stderr(), f"{source} table: the account", observed.stderr())
    observed = observe(env, source, "-f", path, "-c", "xfs_io", output="csv")
    xfs_io(path, "pread -q -b 64k 0 128k")
    observed.stop(parse=False)
    rows = [line.split(",") for line in observed.text.splitlines()]
    at = {column: i for i, column in enumerate(rows[0])}
    t.ok(len(rows) > 4 and {len(row) for row in rows} == {len(rows[0])}, f"{source} CSV: as many fields in each line", observed.text)
    t.equal(sorted({row[at["request"]] for row in rows[1:]}), ["1", "2"], f"{source} CSV: two requests")
    t.ok(all(sum(row[at["request"]] == n for row in rows[1:]) == int(next(row for row in rows[1:] if row[at["request"]] == n)[at["steps"]])
             for n in ("1", "2")), f"{source} CSV: a line for each step", observed.text)


def check_dax(t, env, source):
    """A fault on fsdax: the request is the fault, with its lookup; what it maps is where FIEMAP says."""
    name = f"{source} dax"
    if not env.pmem:
        t.skip(name, "no persistent memory")
        return
    mount = os.path.join(env.workdir, "pmem")
    storage.command("mkfs.xfs", "-q", "-f", "-m", "reflink=0", "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", env.pmem)
    os.mkdir(mount)
    storage.command("mount", "-o", "dax=always", env.pmem, mount)
    try:
        path = os.path.join(mount, "file")
        xfs_io(path, "pwrite -q 0 64k", "fsync", flags=("-f",))
        observed = observe(env, source, "-f", path, "--op", "dax_fault_pte,dax_fault_pmd")
        xfs_io(path, "mmap -rw 0 64k", "mwrite -S 0x61 4096 4096", "munmap", flags=())
        observed.stop()
        faults = [e for e in observed.events if e["op"] == "dax_fault_pte"]
        t.ok(faults and all(e["pos"] == 4096 and e["len"] == 4096 and e["ret"] == 0 for e in faults), f"{name}: the fault", observed.stderr())
        t.ok(all(in_order(e, "fault begin", "op begin", "map lookup", "op end", "fault end") for e in faults), f"{name}: with its lookup",
             [story(e) for e in faults])
        extents = xfs_io_extents(path)
        found = [s["addr"] + 4096 - s["map_pos"] for e in faults for s in steps(e, "map lookup")]
        t.ok(found and set(found) == {place(extents, 4096)}, f"{name}: where FIEMAP says", found)
        if source == PATCHED:
            t.ok(all(in_order(e, "map lookup", "fault access", "fault insert", "fault end") for e in faults), f"{name}: access, insert",
                 [story(e) for e in faults])
        check_all(t, observed, name)
    finally:
        storage.command("umount", mount)
        os.rmdir(mount)


def run(t, env):
    sources = tool.tested_sources(env, "follow")
    if not sources:
        raise Skip("nothing can be followed on this kernel")
    for source in sources:
        check_sync_write(t, env, env.xfs, source)
        check_fault(t, env, source)
        if shutil.which("fio"):
            check_depth(t, env, env.xfs, source, "libaio")
        # The others have kernels on which they are the best.
        if source != sources[0]:
            continue
        check_unwritten(t, env, source)
        check_writeback(t, env, source)
        if env.brief:
            continue
        check_sync_write(t, env, env.ext4, source)
        if shutil.which("fio"):
            check_libaio(t, env, env.xfs, source)
            check_depth(t, env, env.xfs, source, "io_uring")
            check_losses(t, env, source)
        if source == PATCHED:
            check_merges(t, env, source)
        check_bounds(t, env, source)
        check_unfinished(t, env, source)
        check_table(t, env, source)
        check_dax(t, env, source)
