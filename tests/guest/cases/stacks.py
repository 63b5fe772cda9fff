# SPDX-License-Identifier: GPL-2.0
"""--stacks: the kernel's and the process' functions that led to the submission, each named right or not at all."""

import csv
import io
import os
import re
import subprocess

import tool

CALLS = 5
FRAME = r"0x[0-9a-f]+|[^ ]+\+0x[0-9a-f]+( \[[^ ]+\])?"


def functions(frames):
    return [re.split(r"\+0x", frame)[0] for frame in frames or []]


def seek_by_library(path):
    """lseek() of this process, by the C library, so that it is there when its functions are named."""
    fd = os.open(path, os.O_RDONLY)
    for _ in range(CALLS):
        os.lseek(fd, 0, os.SEEK_DATA)
    return fd


def check_lookups(t, env, source, path):
    for which, kernel, user in (("both", True, True), ("kernel", True, False), ("user", False, True)):
        name = f"{source} {which}"
        lookups = env.lookups("-f", path, "--op", "seek", "--source", source, "--stacks" if which == "both" else f"--stacks={which}")
        fd = seek_by_library(path)
        lookups.stop()
        os.close(fd)
        events = lookups.events
        t.equal(len(events), CALLS, f"{name}: all of them", lookups.stderr())
        if kernel:
            # Below fexit, a kernel that unwinds by frame pointers leaves the caller out.
            callers = {"iomap_seek_data", "iomap_iter"} if source == "iomap_iter+fexit" else {"iomap_seek_data"}
            t.ok(all({"xfs_file_llseek"} <= set(functions(e["kstack"])) and callers & set(functions(e["kstack"])) for e in events),
                 f"{name}: who looked up",
                 events[:1])
            t.ok(not any(re.match("bpf_prog_|__bpf_trace_|bpf_trampoline_", f) for e in events for f in functions(e["kstack"])),
                 f"{name}: without the observer's own frames", events[:1])
        else:
            t.ok(all(e["kstack"] is None for e in events), f"{name}: no kernel stack")
        if user:
            t.ok(all("lseek" in functions(e["ustack"])[0] and "[libc" in e["ustack"][0] for e in events), f"{name}: which function called",
                 events[:1])
        else:
            t.ok(all(e["ustack"] is None for e in events), f"{name}: no user stack")
        t.ok(all(re.fullmatch(FRAME, f) for e in events for f in (e["kstack"] or []) + (e["ustack"] or [])), f"{name}: the form", events[:1])
        t.equal(lookups.summary["stacks_lost"], 0, f"{name}: no stack is lost")
        tool.balanced(t, lookups, name)


def check_formats(t, env, path):
    lookups = env.lookups("-f", path, "--op", "seek", "--stacks", output="table")
    fd = seek_by_library(path)
    lookups.stop(parse=False)
    lines = lookups.text.splitlines()[1:]
    t.equal(len([line for line in lines if not line.startswith(" ")]), CALLS, "table: a line each", lookups.text)
    t.ok(sum("    kernel  iomap_seek_data+0x" in line for line in lines) == CALLS and sum("lseek" in line and line.startswith("    user  ")
         for line in lines) == CALLS, "table: the stacks below it", lookups.text)
    lookups = env.lookups("-f", path, "--op", "seek", "--stacks", output="csv")
    os.lseek(fd, 0, os.SEEK_DATA)
    lookups.stop(parse=False)
    os.close(fd)
    rows = list(csv.DictReader(io.StringIO(lookups.text)))
    t.ok(len(rows) == 1 and "iomap_seek_data" in functions(rows[0]["kstack"].split(";")), "csv: joined", lookups.text)
    done = tool.run("lookups", "--hist", "--stacks")
    t.ok(done.returncode == 2 and "--stacks is for lines" in done.stderr, "not with --hist", done)


def check_submission(t, env, path):
    """Of a request that somebody else completes, the stack is the submitter's."""
    for source in tool.tested_sources(env, "dio"):
        observed = env.observe("dio", "-f", path, "--source", source, "--stacks")
        subprocess.run(["fio", "--name=stacks", f"--filename={path}", "--rw=randread", "--bs=4k", "--size=64k", "--ioengine=libaio",
                        "--iodepth=8", "--direct=1", "--thread"], check=True, capture_output=True, timeout=tool.PATIENCE)
        observed.stop()
        t.ok(len(observed.events) == 16 and all("__x64_sys_io_submit" in functions(e["kstack"]) for e in observed.events),
             f"dio {source}: io_submit() in each kernel stack", f"{observed.events[:1]} {observed.stderr()}")
        t.equal(observed.summary["stacks_lost"], 0, f"dio {source}: no stack is lost")
    for source in tool.tested_sources(env, "ioends"):
        observed = env.observe("ioends", "-f", path, "--source", source, "--stacks")
        subprocess.run(["xfs_io", "-c", "pwrite -q 0 64k", "-c", "fsync", path], check=True, stdout=subprocess.DEVNULL)
        observed.stop()
        t.ok(observed.events and all({"xfs_vm_writepages", "xfs_file_fsync"} <= set(functions(e["kstack"])) for e in observed.events),
             f"ioends {source}: the way of fsync()", f"{observed.events[:1]} {observed.stderr()}")
        # A kworker has no process, and so no stack of one; that is no loss.
        observed = env.observe("ioends", "-f", path, "--source", source, "--stacks")
        with open(path, "r+b") as file:
            file.write(b"k" * 65536)
            file.flush()
            subprocess.run(["sync", "-f", path], check=True)
        observed.stop()
        workers = [e for e in observed.events if e["comm"].startswith("kworker")]
        t.ok(all(e["ustack"] is None and e["kstack"] for e in workers), f"ioends {source}: kworkers have no user stack", workers[:1])
        t.equal(observed.summary["stacks_lost"], 0, f"ioends {source}: no stack is lost")


def check_follow(t, env, path):
    """A request that is followed has the stack of its begin: once, and not with each of its steps."""
    for source in tool.tested_sources(env, "follow"):
        observed = env.observe("follow", "-f", path, "--op", "dio", "--source", source, "--stacks=kernel")
        subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=4k", f"count={CALLS}", "iflag=direct"], check=True, stderr=subprocess.DEVNULL)
        observed.stop()
        t.ok(len(observed.events) == CALLS and all({"vfs_read", "xfs_file_read_iter"} <= set(functions(e["kstack"])) and e["ustack"] is None
                                                   for e in observed.events), f"follow {source}: who began each request", observed.events[:1])
        t.ok(all("kstack" not in step for e in observed.events for step in e["timeline"]), f"follow {source}: its steps have none")
        t.equal(observed.summary["stacks_lost"], 0, f"follow {source}: no stack is lost")


def run(t, env):
    path = env.xfs.file("stacks")
    for source in env.sources[:1] if env.brief else env.sources:
        check_lookups(t, env, source, path)
    if not env.brief:
        check_formats(t, env, path)
    check_submission(t, env, path)
    check_follow(t, env, path)
