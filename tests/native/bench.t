#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""iomapscope bench in time: every workload gives a figure, A and B take turns, whatever fails is said, and nothing is left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import storage  # noqa: E402
import tool  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

CLOSE = 0.1             # A and B are the same: how far a ratio may be from 1 without an interval that says so
TRIES = 3               # on a machine that does other things as well


def bench(*args, **kwargs):
    return tool.run("bench", *args, **kwargs)


def rows(done):
    """The lines of JSON by their event; workloads by name."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return ({line["event"]: line for line in lines if line["event"] != "workload"},
            {line["workload"]: line for line in lines if line["event"] == "workload"})


def said(done):
    return done.stderr.splitlines()


def clean(t, directory, what):
    t.equal([name for name in os.listdir(directory) if name.startswith("iomapscope-bench.")], [], f"{what}: nothing is left")


def all_workloads(t, mount):
    listed = bench("--list")
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    t.ok(listed.returncode == 0 and len(names) > 20 and all(line.split()[1:] for line in listed.stdout.splitlines()),
         "--list: names, and what they are", listed.stdout + listed.stderr)
    here = [name for name in names if not name.startswith(("dax_", "mirror_"))]
    done = bench("--rounds", 2, "-o", "json", mount)
    lines, figures = rows(done)
    t.equal((done.returncode, done.stderr), (0, ""), "all of them: status 0")
    t.equal(list(figures), here, "all but those of fsdax and mirrors, in their order")
    for name, row in figures.items():
        t.ok(not row["error"] and row["a_ns"] > 0 and row["n"] > 0 and row["repeats"] > 0 and row["rounds"] == 2 == len(row["a"])
             and row["a_min_ns"] == min(row["a"]) and row["b"] is None and row["ratio"] is None, f"{name}: a figure", row)
    t.equal(list(lines), ["environment", "summary"], "a line before and one behind them")
    where = lines["environment"]
    t.equal((where["kernel"], where["filesystem"], where["device"][:4]), (os.uname().release, "xfs", "loop"), "where it was")
    t.equal({key: lines["summary"][key] for key in ("workloads", "failed", "left_out", "rounds", "against", "interrupted")},
            {"workloads": len(here), "failed": 0, "left_out": 0, "rounds": 2, "against": None, "interrupted": False}, "summary")
    clean(t, mount, "all of them")
    done = bench("--rounds", 1, "--workload", "dax_read,append,seek", mount)
    t.equal((done.returncode, said(done)), (0, ["iomapscope: dax_read is left out: it needs --dax DIRECTORY"]),
            "one that needs --dax is left out, and that is said")
    t.equal([line.split()[0] for line in done.stdout.splitlines()], ["workload", "seek", "append"],
            "the others are rows of a table")
    done = bench("--rounds", 1, "--workload", "mirror_write_4k", mount)
    t.equal((done.returncode, said(done)), (2, ["iomapscope: nothing is left to measure: these workloads need --mirror DIRECTORY"]),
            "and if it is all, that is an error")
    done = bench("--rounds", 1, "--workload", "mirror_write_4k", "--mirror", mount, "-o", "json", mount)
    t.equal((["device of the device mapper" in row["error"] for row in rows(done)[1].values()], done.returncode), ([True], 1),
            "on files that are on no mirror it fails")
    done = bench("--rounds", 1, "--workload", "dax_read,dax_write,dax_fault_pmd,dax_fault_pte", "--dax", mount, "-o", "json", mount)
    t.equal(([("served by fsdax" in row["error"]) for row in rows(done)[1].values()], done.returncode), ([True] * 4, 1),
            "on files that are none of fsdax they fail")


def same(t, mount):
    """B is A while another process sleeps."""
    for _ in range(TRIES):
        done = bench("--workload", "seek", "--rounds", 12, "--settle", "50ms", "--against", "sleep 1000", "-o", "json", mount)
        row = rows(done)[1]["seek"]
        good = row["ratio_low"] <= 1 <= row["ratio_high"] or abs(row["ratio"] - 1) < CLOSE
        if good:
            break
    t.ok(done.returncode == 0 and good, "against one that sleeps: the ratio may be 1", done.stdout)
    t.ok(len(row["a"]) == len(row["b"]) == 12 and row["confidence"] >= 0.95, "twelve pairs, and how sure the interval is", row)


def watched(t, mount):
    name = "against lookups: it is dearer"
    if not tool.usable_sources():
        t.skip(name, "lookups cannot be observed here")
        return
    for _ in range(TRIES):
        done = bench("--workload", "seek", "--rounds", 8, "--against", f"{tool.TOOL} lookups -o json >/dev/null", "-o", "json", mount)
        if done.returncode == 1 and "ended by itself" in done.stderr:
            t.skip(name, done.stderr.strip())
            return
        row = rows(done)[1]["seek"]
        # Of eight pairs the interval is all, so that one that was disturbed decides.
        if row["ratio_low"] > 1:
            break
    t.ok(done.returncode == 0 and row["ratio_low"] > 1, name, done.stdout + done.stderr)
    t.diag(f"ratio {row['ratio']}, {row['ratio_low']} .. {row['ratio_high']}")


def turns(t, mount, work):
    """A B B A A B: the command is started for each B, or two of them."""
    told = os.path.join(work, "told")
    for rounds, starts in ((1, 1), (2, 1), (3, 2), (4, 2), (5, 3)):
        with open(told, "w", encoding="ascii"):
            pass
        done = bench("--workload", "seek", "--rounds", rounds, "--settle", "10ms", "--against",
                     f"trap 'echo stop >>{told}; exit' INT; echo start >>{told}; while :; do sleep 0.05; done", mount)
        with open(told, encoding="ascii") as file:
            got = file.read().split()
        t.equal((done.returncode, got), (0, ["start", "stop"] * starts),
                f"{rounds} pairs: the command is started and stopped {starts} times", done.stderr)


def fails(t, fs, work):
    mount = fs.mount
    for what, command, says in (("ends at once", "exit 3", "ended by itself, with status 3"),
                                ("cannot be run", "no-such-program", "with status 127: "),
                                ("says why", "echo first >&2; echo last words >&2; exit 4", "with status 4: last words"),
                                ("is killed", "kill -9 $$", "killed by signal 9"),
                                ("ends while it is measured", "sleep 0.14", "ended by itself, with status 0")):
        done = bench("--workload", "seek", "--rounds", 100, "--settle", "100ms", "--against", command, mount)
        t.ok(done.returncode == 1 and len(said(done)) == 1 and says in done.stderr,
             f"a command that {what}: status 1, and one line", done)
        clean(t, mount, f"a command that {what}")

    # What one workload cannot do here is a line; the others go on.
    tmpfs = os.path.join(work, "tmpfs")
    os.mkdir(tmpfs)
    storage.command("mount", "-t", "tmpfs", "tmpfs", tmpfs)
    try:
        done = bench("--workload", "unshare,seek,append", "--rounds", 2, "-o", "json", tmpfs)
        lines, figures = rows(done)
        t.equal((done.returncode, said(done)), (1, ["iomapscope: 1 of the workloads failed"]),
                "no reflinks: status 1, and one line")
        t.ok("reflink: " in figures["unshare"]["error"] and figures["unshare"]["a_ns"] is None,
             "no reflinks: unshare says so", figures)
        t.ok(all(figures[name]["a_ns"] > 0 for name in ("seek", "append")), "the others have figures", figures)
        t.equal((lines["summary"]["workloads"], lines["summary"]["failed"]), (3, 1), "the summary counts it")
        clean(t, tmpfs, "no reflinks")
    finally:
        storage.command("umount", tmpfs)

    full = fs.path("full")
    with open(full, "wb") as file:
        size = 1 << 30
        while size >= 1 << 20:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
            except OSError:
                size //= 2
        # Room for directories, not for files.
        file.truncate(os.fstat(file.fileno()).st_size - (1 << 20))
    done = bench("--workload", "seek,append", "--rounds", 2, "-o", "json", mount)
    t.ok(done.returncode == 1 and "No space left" in rows(done)[1]["seek"]["error"], "a full file system: a line says so", done)
    os.unlink(full)
    clean(t, mount, "a full file system")

    storage.command("mount", "-o", "remount,ro", mount)
    done = bench("--workload", "seek", mount)
    t.ok(done.returncode == 1 and len(said(done)) == 1 and "Read-only file system" in done.stderr and not done.stdout,
         "a file system that is read-only: status 1, and one line", done)
    storage.command("mount", "-o", "remount,rw", mount)

    with open("/dev/full", "w", encoding="ascii") as sink:
        done = bench("--workload", "seek,append", "--rounds", 2, mount, stdout=sink)
    t.ok(done.returncode == 5 and len(said(done)) == 1, "an output that is full: status 5, and one line", done)
    clean(t, mount, "an output that is full")


def as_nobody(t, mount, work):
    program = os.path.join(work, "iomapscope")
    shutil.copy(tool.TOOL, program)
    os.chmod(work, 0o755)
    private, public = (os.path.join(mount, name) for name in ("private", "public"))
    for path, mode in ((private, 0o700), (public, 0o777)):
        os.mkdir(path)
        os.chmod(path, mode)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              program, "bench", "--workload", "dio_write_4k", "--rounds", "2"]
    done = subprocess.run([*nobody, private], capture_output=True, text=True, cwd="/", timeout=tool.PATIENCE)
    t.ok(done.returncode == 3 and len(said(done)) == 1 and "Permission denied" in done.stderr,
         "a directory of others: status 3, and one line", done)
    done = subprocess.run([*nobody, public], capture_output=True, text=True, cwd="/", timeout=tool.PATIENCE)
    t.equal((done.returncode, done.stderr), (0, ""), "nobody may measure where nobody may write")
    clean(t, public, "as nobody")


def fio(t, mount, work):
    jobs = os.path.join(work, "two jobs.fio")
    with open(jobs, "w", encoding="ascii") as file:
        file.write("[global]\nbs=4k\nsize=1m\ntime_based\nruntime=1\n[reads]\nrw=randread\n[both]\nrw=randrw\n")
    done = bench("--fio", jobs, mount, env={"PATH": work})
    t.ok(done.returncode == 1 and said(done) == ["iomapscope: --fio: fio cannot be run; install it, or leave the option out"],
         "without fio: status 1, and one line", done)
    if not shutil.which("fio"):
        t.skip("fio", "it is not installed")
        return
    done = bench("--fio", jobs, "--rounds", 1, "-o", "json", mount)
    figures = rows(done)[1]
    t.equal((done.returncode, list(figures)), (0, ["fio:two jobs.fio"]), "fio: one line")
    row = figures["fio:two jobs.fio"]
    t.ok(100 < row["a_ns"] < 1e9 and row["n"] is None, "fio: a figure", row)
    with open(jobs, "w", encoding="ascii") as file:
        file.write("[reads]\nrw=nonsense\n")
    done = bench("--fio", jobs, "--workload", "seek", "--rounds", 1, "-o", "json", mount)
    figures = rows(done)[1]
    t.ok(done.returncode == 1 and figures["seek"]["a_ns"] > 0 and "fio has failed" in figures["fio:two jobs.fio"]["error"],
         "fio: a file that is no job is a line, and the others go on", done)
    clean(t, mount, "fio")


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def stopped(t, mount, work):
    """By a signal, in the middle of B."""
    note = os.path.join(work, "pid")
    for number in (signal.SIGINT, signal.SIGTERM):
        if os.path.exists(note):
            os.unlink(note)
        command = [tool.TOOL, "bench", "--rounds", "1000", "--settle", "1h", "--against",
                   f"echo $$ >{note}.new; mv {note}.new {note}; exec sleep 1000", "-o", "json", mount]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + tool.PATIENCE
            while not os.path.exists(note) and time.monotonic() < deadline:
                time.sleep(0.05)
            with open(note, encoding="ascii") as file:
                pid = int(file.read())
            process.send_signal(number)
            output, errors = process.communicate(timeout=tool.PATIENCE)
        last = json.loads(output.splitlines()[-1])
        t.equal((process.returncode, errors, last["event"], last["interrupted"], last["workloads"]), (0, "", "summary", True, 0),
                f"{number.name}: status 0, and a summary that says so", output)
        t.ok(not exists(pid), f"{number.name}: the command has ended")
        clean(t, mount, number.name)


def stubborn(t, mount, work):
    """One that ignores SIGINT, and has a child that does."""
    note = os.path.join(work, "pids")
    done = bench("--workload", "seek", "--rounds", 1, "--settle", "300ms", "--against",
                 f"trap '' INT; sleep 1000 & echo $$ $! >{note}; while :; do wait; done", mount)
    with open(note, encoding="ascii") as file:
        pids = [int(pid) for pid in file.read().split()]
    t.ok(done.returncode == 0 and len(pids) == 2 and not any(exists(pid) for pid in pids),
         "a command that ignores SIGINT is killed, all of it", done)


def strayed(t, mount, work):
    """What has left the group of its command, or of fio, is ended as well."""
    note = os.path.join(work, "strayed")
    done = bench("--workload", "seek", "--rounds", 1, "--settle", "300ms", "--against", f"setsid sleep 1000 & echo $! >{note}; exec sleep 1000", mount)
    with open(note, encoding="ascii") as file:
        t.ok(done.returncode == 0 and not exists(int(file.read())), "a process that has left the command's group is ended", done)
    job = os.path.join(work, "strayed.fio")
    with open(job, "w", encoding="ascii") as file:
        file.write("[strayed]\nrw=randread\nsize=1m\ntime_based\nruntime=1000\n")
    with subprocess.Popen([tool.TOOL, "bench", "--fio", job, mount], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + tool.PATIENCE
        while not jobs_of(job)[1:] and time.monotonic() < deadline:
            time.sleep(0.1)
        seen = len(jobs_of(job))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=tool.PATIENCE)
    t.ok(seen > 1 and not jobs_of(job), "fio: its jobs end with an interrupt", f"{seen} processes, left {jobs_of(job)}")
    clean(t, mount, "strayed")


def jobs_of(job):
    """The processes of fio that have this job file."""
    found = subprocess.run(["pgrep", "-f", f"^fio .*{job}$"], stdout=subprocess.PIPE, text=True, check=False).stdout
    return found.split()


def main():
    if not os.path.exists(tool.TOOL):
        skip_all(f"{tool.TOOL} is not there: make tool")
    if os.geteuid():
        skip_all("not root")
    if not storage.known("xfs") or not storage.loop_devices_work():
        skip_all("no XFS, or no loop devices")
    t = Tap()
    with tempfile.TemporaryDirectory(prefix="bench.") as work:
        fs = storage.Filesystem("xfs", work, "xfs")
        try:
            all_workloads(t, fs.mount)
            same(t, fs.mount)
            watched(t, fs.mount)
            turns(t, fs.mount, work)
            fails(t, fs, work)
            as_nobody(t, fs.mount, work)
            fio(t, fs.mount, work)
            stopped(t, fs.mount, work)
            stubborn(t, fs.mount, work)
            strayed(t, fs.mount, work)
        finally:
            fs.unmount()
    return t.done()


sys.exit(main())
