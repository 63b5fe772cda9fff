#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Reports of a recording of all observers, made on the patched kernel under a mixed load of fio on XFS, ext4, fsdax and the device mapper.

    report.t [--again]		--again: reports what the last run has recorded

The guest records; the page, the trace and the rows are made and looked at outside, where there may be a browser.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import chrome_trace  # noqa: E402
import guest  # noqa: E402
import reports  # noqa: E402
import tool  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

DISKS = ["virtio:512M", "virtio:512M", "virtio:32M", "virtio:32M", "pmem:400M"]
TIMEOUT = 400
JOBS = """
[global]
time_based
runtime=16
[db]
filename=/mnt/xfs/db
size=64m
rw=randrw
rwmixread=60
bs=16k
direct=1
ioengine=libaio
iodepth=8
rate_iops=60,40
[wal]
filename=/mnt/xfs/wal
size=16m
rw=write
bs=8k
direct=1
fdatasync=4
ioengine=psync
rate_iops=40
[log]
filename=/mnt/xfs/log
size=32m
rw=write
bs=32k
fsync=24
ioengine=psync
rate=2m
[scan]
filename=/mnt/ext4/table
size=32m
rw=read
bs=128k
direct=1
ioengine=psync
startdelay=5
runtime=5
[cache]
filename=/mnt/dax/cache
size=96m
rw=randrw
bs=4k
ioengine=mmap
rate_iops=150
startdelay=2
"""


def inside(out):
    """In the guest: the load, recorded."""
    for kind, device, where, *args in (("xfs", "/dev/vda", "xfs", "-m", "reflink=1"), ("ext4", "/dev/vdb", "ext4"),
                                       ("xfs", "/dev/pmem0", "dax", "-m", "reflink=0", "-l", "size=64m", "-d", "agcount=2,su=2m,sw=1")):
        os.makedirs(f"/mnt/{where}", exist_ok=True)
        subprocess.run([f"mkfs.{kind}", "-q", *args, device], check=True)
        subprocess.run(["mount", *(["-o", "dax=always"] if where == "dax" else []), device, f"/mnt/{where}"], check=True)
    jobs = "/run/jobs.fio"
    with open(jobs, "w") as file:
        file.write(JOBS)
    for path, size in (("/mnt/xfs/db", 64), ("/mnt/xfs/wal", 16), ("/mnt/dax/cache", 96)):
        subprocess.run(["fallocate", "-l", f"{size}m", path], check=True)
    # Read from the device, where there are data.
    with open("/mnt/ext4/table", "wb") as file:
        file.write(b"t" * (32 << 20))
        os.fsync(file.fileno())
    with open("/mnt/xfs/<b>&amp;<script>", "wb") as file:
        file.write(b"d" * 65536)
    with open(os.path.join(out, "record.err"), "w") as err:
        recorder = subprocess.Popen(["iomapscope", "record", "-e", ",".join(reports.OBSERVERS), "mixed.rec"], executable=tool.TOOL, cwd=out, stderr=err)
    deadline = time.monotonic() + 100
    while (tool.capabilities(recorder.pid) or 0) >> tool.CAP_BPF & 1:
        if time.monotonic() > deadline or recorder.poll() is not None:
            sys.exit("the recorder has not attached")
        time.sleep(0.1)
    fio = subprocess.Popen(["fio", "--output=/run/fio.out", jobs])
    # The initial copy of a mirror goes by dm-io.
    time.sleep(9)
    subprocess.run(["dmsetup", "create", "mirror", "--table", "0 32768 mirror core 1 128 2 /dev/vdc 0 /dev/vdd 0"], check=True)
    subprocess.run([os.path.join(tool.BUILD, "workloads", "seek"), "-n", "50", "/mnt/xfs/<b>&amp;<script>"], check=True, stdout=subprocess.DEVNULL)
    with open("/mnt/xfs/hole", "wb") as file:
        file.truncate(1 << 20)
    subprocess.run([os.path.join(tool.BUILD, "workloads", "fail"), "nowait", "/mnt/xfs/hole", "25"], check=True, stdout=subprocess.DEVNULL)
    status = fio.wait()
    subprocess.run(["sync"])
    time.sleep(1)
    recorder.send_signal(signal.SIGINT)
    return recorder.wait() or status


def record(out):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    disks = [arg for disk in DISKS for arg in ("--disk", disk)]
    command = [guest.VM, *guest.built_kernel("observe"), "--hold", "--cpus", "1", "--memory", "1G", "--timeout", str(TIMEOUT), "--log", out + ".log", *disks,
               "--share", out, "--env", f"BUILD_DIR={tool.BUILD}", "--", os.path.abspath(__file__), "--inside", out]
    return subprocess.run(command, capture_output=True, text=True)


def made(t, recording, output, path, *args):
    done = tool.run("report", "-o", output, "--to", path, *args, recording)
    return t.equal((done.returncode, done.stdout, done.stderr), (0, "", ""), f"report -o {output}")


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2])
    for program in ("fio", "mkfs.xfs", "dmsetup"):
        if not shutil.which(program):
            skip_all(f"{program} is not installed")
    out = os.path.join(tool.BUILD, "tests", "report")
    t = Tap("report")
    recording = os.path.join(out, "mixed.rec")
    if "--again" not in sys.argv:
        done = record(out)
        if not t.equal(done.returncode, 0, "the guest records", done.stdout[-2000:] + done.stderr[-2000:] + "".join(open(f).read() for f in glob.glob(out + "/*.err"))):
            return t.done()
    paths = {output: os.path.join(out, "report." + output) for output in ("html", "perfetto", "ndjson")}
    if not all([made(t, recording, output, path) for output, path in paths.items()]):
        return t.done()

    data = reports.check_page(t, recording, paths["html"], reports.OBSERVERS)
    t.equal(data["recording"]["damage"], None, "the recording is whole")
    seen = {o["command"]: o for o in data["observers"]}
    phases = {command: {o["fields"][p["field"]]["name"] for p in o["parts"] if p["hist"]["timed"]} for command, o in seen.items()}
    t.equal((phases["dio"], phases["ioends"] >= {"build_ns"}), ({"mapping_ns", "setup_ns", "device_ns", "queue_ns", "completion_ns"}, True), "phases are known")
    words = {(command, o["fields"][w["field"]]["name"]): {row["word"] for row in w["rows"]} for command, o in seen.items() for w in o["words"]}
    t.ok(words["dio", "wait"] == {"sync", "async"} or words["dio", "wait"] == {"sync", "async", "waited"}, "dio: who waits", words["dio", "wait"])
    t.ok("again" in words["dio", "exit"] and len(words["dio", "route"]) > 2, "dio: exits and routes", (words["dio", "exit"], words["dio", "route"]))
    t.ok({"dax_fault_pte", "dax_fault_pmd"} & words["dax", "op"], "dax: sizes of faults", words["dax", "op"])
    t.equal([(e["name"], e["count"]) for e in seen["dio"]["errors"]], [("EAGAIN", 25)], "dio: the refused ones are told by errno")
    names = {row["name"] for o in seen.values() for row in o.get("files", {"rows": []})["rows"]}
    t.ok({"/mnt/xfs/db", "/mnt/xfs/wal", "/mnt/xfs/log", "/mnt/ext4/table", "/mnt/dax/cache", "/mnt/xfs/<b>&amp;<script>"} <= names, "files have their paths",
         sorted(map(str, names)))
    reports.check_browser(t, paths["html"], data, ("/mnt/xfs/db", "/mnt/dax/cache", "/mnt/xfs/&lt;b&gt;&amp;amp;&lt;script&gt;", "completion", "workqueue", "EAGAIN"))

    events = reports.check_trace(t, paths["perfetto"], sum(o["hist"]["count"] for o in seen.values()))
    found, all_ = chrome_trace.nested(events, "lookups", "dio")
    # Those of direct I/O are made within a request.
    within = next(w for w in seen["lookups"]["words"] if seen["lookups"]["fields"][w["field"]]["name"] == "op")["rows"]
    direct = sum(row["hist"]["count"] for row in within if row["word"] in ("dio_read", "dio_write"))
    t.ok(found >= direct * 0.98, "lookups of direct I/O lie in their request's slice", f"{found} of {direct}, {all_} in all")
    t.equal({e["cat"] for e in events if e["ph"] == "X"}, {*reports.OBSERVERS, "phase"}, "trace: all observers are there")
    rows = reports.check_rows(t, paths["ndjson"], ("lookup", "ioend", "dio", "dax", "aio", "dmio", "follow", "summary"))
    t.equal({command: rows[o["event"]] for command, o in seen.items() if command != "follow"},
            {command: o["hist"]["count"] for command, o in seen.items() if command != "follow"}, "rows: as many as the page counts")
    return t.done()


sys.exit(main())
