#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Reports of a recording that is made here, under fio on XFS, and of one that has everything a name can do to a page; what is wrong with
recordings and outputs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import chrome_trace  # noqa: E402
import reports  # noqa: E402
import storage  # noqa: E402
import tool  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

GENERATOR = os.path.join(tool.BUILD, "unit", "report")


def report(*args, **kwargs):
    return tool.run("report", *args, **kwargs)


def one_line(text, part):
    return text.count("\n") == 1 and text.startswith("iomapscope: ") and part in text


def all_of(t, recording, directory, expected):
    """Page, trace and rows. Returns the page's data, and the trace's events."""
    paths = {output: os.path.join(directory, "report." + output) for output in ("html", "perfetto", "ndjson")}
    for output, path in paths.items():
        done = report("-o", output, "--to", path, recording)
        if not t.equal((done.returncode, done.stdout, done.stderr), (0, "", ""), f"-o {output}"):
            return None, None
        printed = report("-o", output, recording)
        with open(path) as file:
            t.ok(printed.stdout == file.read(), f"-o {output}: the same on standard output")
    data = reports.check_page(t, recording, paths["html"], expected)
    events = reports.check_trace(t, paths["perfetto"], sum(o["hist"]["count"] for o in data["observers"]))
    rows = reports.check_rows(t, paths["ndjson"], [o["event"] for o in data["observers"]])
    t.equal({o["event"]: rows[o["event"]] for o in data["observers"]}, {o["event"]: o["hist"]["count"] for o in data["observers"]}, "rows: as many as the page counts")
    # Beside what is in front, they are the objects that the observer prints.
    for command, observer in ((o["command"], o) for o in data["observers"]):
        live = [json.loads(line) for line in tool.run(command, "-r", recording, "-o", "json").stdout.splitlines()]
        mine = []
        with open(paths["ndjson"]) as file:
            for line in file:
                row = json.loads(line)
                if row["event"] == observer["event"]:
                    mine.append({key: value for key, value in row.items() if key not in ("node", "kernel", "recording")})
        t.equal(mine == [row for row in live if row["event"] == observer["event"]], True, f"rows: those of {command} are what {command} -r -o json prints")
    return data, events


def native(t, directory):
    t.topic = "native"
    missing = [program for program in ("fio", "mkfs.xfs") if not shutil.which(program)]
    usable = [observer for observer in ("lookups", "dio") if tool.usable_sources(observer)]
    if missing or len(usable) < 2 or os.geteuid() or not storage.loop_devices_work():
        return t.skip("a recording of this machine", f"not here: {missing or 'root, loop devices and sources are needed'}")
    fs = storage.Filesystem("xfs", directory, "xfs")
    recording = os.path.join(directory, "native.rec")
    odd = fs.path('a"b\'<i>&amp<script>')
    try:
        recorder = subprocess.Popen([tool.TOOL, "record", "-e", "lookups,dio", "-d", fs.mount, recording], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + tool.PATIENCE
        while (tool.capabilities(recorder.pid) or 0) >> tool.CAP_BPF & 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        jobs = ["--name=async", "--ioengine=libaio", "--iodepth=8", f"--filename={fs.path('db')}",
                "--name=sync", "--ioengine=psync", f"--filename={odd.replace(':', chr(92) + ':')}"]
        common = ["--rw=randrw", "--bs=16k", "--size=16m", "--direct=1", "--thread", "--runtime=2", "--time_based", "--rate_iops=400"]
        done = subprocess.run(["fio", "--output=/dev/null", *jobs[:1], *common, *jobs[1:4], *jobs[4:5], *common, *jobs[5:]], capture_output=True, text=True)
        t.equal(done.returncode, 0, "fio", done.stderr)
        tool.workload("fail", "nowait", fs.hole("hole"), 7)
        recorder.send_signal(signal.SIGINT)
        said = recorder.communicate(timeout=tool.PATIENCE)[1]
        t.equal(recorder.returncode, 0, "recorded", said)
    finally:
        tool.kill_all()
        fs.unmount()
    data, events = all_of(t, recording, directory, ("lookups", "dio"))
    if not data:
        return None
    seen = {o["command"]: o for o in data["observers"]}
    names = {row["name"] for row in seen["dio"]["files"]["rows"]}
    t.ok({fs.path("db"), odd} <= names, "files have their paths", sorted(map(str, names)))
    t.ok(("EAGAIN", 7) in [(e["name"], e["count"]) for e in seen["lookups"]["errors"]] or ("EAGAIN", 7) in [(e["name"], e["count"]) for e in seen["dio"]["errors"]],
         "errors are told by errno", (seen["lookups"]["errors"], seen["dio"]["errors"]))
    direct = [e for e in events if e["ph"] != "X" or e["cat"] != "lookups" or e["args"]["op"].startswith("dio_")]
    found, number = chrome_trace.nested(direct, "lookups", "dio")
    t.ok(number and found >= number * 0.98, "lookups of direct I/O lie in their request's slice", f"{found} of {number}")
    reports.check_browser(t, os.path.join(directory, "report.html"), data, (fs.path("db"), "a\"b'&lt;i&gt;&amp;amp&lt;script&gt;", "EAGAIN"))

    # The filters are those of the observers.
    for filters in (("-f", odd), ("-c", "fio"), ("--min-latency", "1ms"), ("--errors",), ("-d", data["observers"][0]["pairs"][0]["dev"])):
        page = os.path.join(directory, "filtered.html")
        done = report("-e", "dio", "--to", page, *filters, recording)
        with open(page) as file:
            counts = [o["hist"]["count"] for o in reports.page_data(file.read())["observers"]]
        t.equal((done.returncode, sum(counts)), (0, reports.counts_of_hist(recording, "dio", *filters)[0]), f"{' '.join(filters[:1])}: the same as dio's")
    return recording


def generated(t, directory):
    """All observers, and names that would end a script."""
    t.topic = "generated"
    if not os.path.exists(GENERATOR):
        return t.skip("a recording of all observers", "build/unit/report is not there: make unit")
    recording = os.path.join(directory, "generated.rec")
    subprocess.run([GENERATOR, "write", recording, "5000"], check=True)
    data, events = all_of(t, recording, directory, reports.OBSERVERS)
    if not data:
        return recording
    hostile = "</script><img src=x onerror=alert(1)>"
    t.ok(any(hostile in (row["name"] or "") for o in data["observers"] for row in o.get("files", {"rows": []})["rows"]), "the hostile name is among the files")
    reports.check_browser(t, os.path.join(directory, "report.html"), data,
                          ("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;", "lookups lost 7 of", "nvme0n1p3", "iomap_dio", "ring_full"))
    if reports.browser():
        for width, dark in ((400, False), (1280, True)):
            shot = os.path.join(directory, "shot.png")
            opened = reports.Opened(os.path.join(directory, "report.html"), width, dark, shot)
            t.ok(opened.status == 0 and os.path.getsize(shot) > 20000 and not opened.console, f"{width} pixels{', dark' if dark else ''}: it is drawn", opened.console)
            os.unlink(shot)
    found, number = chrome_trace.nested(events, "lookups", "dio")
    t.equal(found, number, "each lookup lies in its request's slice")
    few = os.path.join(directory, "few.json")
    done = report("-o", "perfetto", "-n", "100", "--to", few, recording)
    t.ok(done.returncode == 0 and one_line(done.stderr, "are not in the trace, which has the first 100"), "-n: says what it leaves out", done.stderr)
    events = reports.check_trace(t, few, 100)
    t.equal(len([e for e in events if e["ph"] == "X" and e["cat"] not in ("phase", "step")]), 100, "-n: so many events")
    return recording


def orphans(t, directory):
    """Requests that were followed, and whose begin is in no file that is given: lost, as follow -r counts them."""
    t.topic = "orphans"
    if not os.path.exists(GENERATOR):
        return t.skip("requests without a begin", "build/unit/report is not there: make unit")
    recording = os.path.join(directory, "orphans.rec")
    subprocess.run([GENERATOR, "write", recording, "200", "3"], check=True)
    for filters in ((), ("-c", "fio"), ("-c", "nobody"), ("--min-latency", "1ms")):
        name = " ".join(filters) or "all"
        live = [json.loads(line) for line in tool.run("follow", "-r", recording, *filters, "-o", "json").stdout.splitlines()]
        summary = next(row for row in live if row["event"] == "summary")
        page = os.path.join(directory, "orphans.html")
        done = report("--to", page, *filters, recording)
        with open(page) as file:
            stream = next(s for s in reports.page_data(file.read())["recording"]["streams"] if s["command"] == "follow")
        account = stream["account"]
        t.equal((done.returncode, account["lost"], {r["word"]: r["count"] for r in account["reasons"]}, account["steps_lost"]),
                (0, 3, summary["lost"], summary["steps_lost"]), f"{name}: the page's account has what follow -r says is lost", done.stderr)
        t.equal((account["complete"], account["seen"], account["emitted"]), (False, 8, 5), f"{name}: which is not complete")
        t.equal((stream["records"], stream["filtered"]), (summary["emitted"], summary["filtered"]), f"{name}: and as many requests, and left out")
        rows = [json.loads(line) for line in report("-o", "ndjson", *filters, recording).stdout.splitlines()]
        row = next(row for row in rows if row["event"] == "summary" and row["command"] == "follow")
        t.equal((row["seen"], row["emitted"], row["lost_total"], row["lost"], row.get("steps_lost")), (8, 5, 3, summary["lost"], summary["steps_lost"]),
                f"{name}: so does the row")
    done = report("-o", "perfetto", "--to", os.path.join(directory, "orphans.json"), recording)
    t.ok(done.returncode == 0 and one_line(done.stderr, "3 requests of follow and 30 steps are not in the trace"), "perfetto: is told", done.stderr)
    return None


def wrong(t, recording, directory):
    """Recordings that are none or not whole, and outputs that cannot be written."""
    t.topic = "wrong"

    def refused(status, part, *args, **kwargs):
        done = report(*args, **kwargs)
        t.ok(done.returncode == status and one_line(done.stderr, part), f"{part}: status {status}", f"status {done.returncode}: {done.stderr}")
    refused(2, "report needs a recording")
    refused(2, "give no file with -o clickhouse", "-o", "clickhouse", recording)
    refused(2, "--count is for -o perfetto", "-n", "5", recording)
    refused(2, "-o perfetto", "-n", "5", "-o", "html", recording)
    page = os.path.join(directory, "never.html")
    done = report("--to", page, os.path.join(directory, "nothing"))
    t.ok(done.returncode and one_line(done.stderr, "nothing"), "no such recording", done.stderr)
    t.ok(not os.path.exists(page), "no such recording: no page is begun")
    none = os.path.join(directory, "none.rec")
    with open(none, "w") as file:
        file.write("this is no recording\n" * 50)
    refused(7, "none.rec", none)
    for output in ("html", "perfetto", "ndjson"):
        refused(5, "cannot write /dev/full", "-o", output, "--to", "/dev/full", recording)
    refused(5, "cannot write /dev/full", "-o", "clickhouse", "--to", "/dev/full")
    refused(5, "cannot create", "--to", os.path.join(directory, "no", "where.html"), recording)
    refused(2, "is part 0 of the recording, and the file before it part 0", recording, recording)
    with open(recording, "rb") as file:
        whole = file.read()
    cut = os.path.join(directory, "cut.rec")
    with open(cut, "wb") as file:
        file.write(whole[:len(whole) * 2 // 3])
    for output in ("html", "perfetto", "ndjson"):
        done = report("-o", output, "--to", os.path.join(directory, "cut." + output), cut)
        t.ok(done.returncode == 7 and one_line(done.stderr, "cut.rec"), f"-o {output}: a recording that was cut: status 7", f"{done.returncode} {done.stderr}")
    with open(os.path.join(directory, "cut.html")) as file:
        data = reports.page_data(file.read())
    t.ok(data["recording"]["damage"] and data["observers"] and data["recording"]["streams"][0]["account"] is None, "the page says so, and has what came before",
         data["recording"])
    reports.check_browser(t, os.path.join(directory, "cut.html"), data, ("The recording is damaged or was cut", "it has no end"))
    t.ok(reports.check_trace(t, os.path.join(directory, "cut.perfetto"), 10), "the trace of it is whole")
    done = report("-", stdin=open(recording, "rb"))
    t.equal((done.returncode, len(reports.page_data(done.stdout)["observers"]) > 0), (0, True), "standard input")
    refused(2, "which standard input does not allow", "-o", "perfetto", "-")


def main():
    if not os.access(tool.TOOL, os.X_OK):
        skip_all("build/bin/iomapscope is not there: make tool")
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        skip_all("python3-jsonschema is not installed")
    t = Tap()
    base = os.path.join(tool.BUILD, "tests")
    os.makedirs(base, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="report.", dir=base) as directory:
        of_this_machine = native(t, directory)
        everything = generated(t, directory)
        orphans(t, directory)
        if everything or of_this_machine:
            wrong(t, everything or of_this_machine, directory)
    return t.done()


sys.exit(main())
