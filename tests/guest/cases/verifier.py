# SPDX-License-Identifier: GPL-2.0
"""Every program loads on this kernel, with and without filters, and its verification costs what tests/guest/verified.txt has recorded.

A line there is a kernel, an observer, a program and the most instructions that the verifier went through for it. One fourth more
fails, as does a program that is not recorded: tests/guest/record-verified measures all of them anew.
"""

import os
import re
import signal
import subprocess
import time

import tool
from tap import Skip

RECORD = os.path.join(tool.TOP, "tests", "guest", "verified.txt")
SLACK = 1.25
FILTERS = (("--pid", "1"), ("--comm", "nobody"), ("--ino", "1"), ("--min-latency", "1s"), ("--errors",))


def recorded(kernel):
    with open(RECORD) as lines:
        fields = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {(observer, program): int(count) for label, observer, program, count in fields if label == kernel}


def verified(observer, source, *args):
    """Program -> instructions, of one load."""
    done = tool.run(observer, "-v", "--source", source, "--duration", "1ms", *args)
    counts = dict(re.findall(r": program (\S+): (\d+) instructions verified", done.stderr))
    return done, {program: int(count) for program, count in counts.items()}


def forms(observer, env):
    """Argument lists that differ in what the programs have to do, of those that the command takes."""
    options = tool.run("help", observer).stdout
    filters = [word for option in FILTERS if f" {option[0]}" in options for word in option]
    if observer != "dmio":          # whose devices are those below the file systems
        filters += ["-d", env.xfs.mount]
    yield ()
    yield filters
    if " --hist" in options:
        yield ["--hist"]
        yield ["--hist", *(["--by", "ino"] if observer != "dmio" else ["--by", "comm"]), *filters]


def exported(env, observer, *args):
    """Program -> instructions, as the exporter loads them for one observer that has no command of its own."""
    process = subprocess.Popen([tool.TOOL, "export", "-v", "--observers", observer, "--textfile", env.workdir, *args], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    # It is the first thing that it writes once all are attached.
    deadline = time.monotonic() + tool.PATIENCE
    metrics = os.path.join(env.workdir, "iomapscope.prom")
    while process.poll() is None and not os.path.exists(metrics) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=tool.PATIENCE)[1]
    if os.path.exists(metrics):
        os.unlink(metrics)
    return process.returncode, said, {program: int(count) for program, count in re.findall(r": program (\S+): (\d+) instructions verified", said)}


def compare(t, observer, most, budget):
    """The most that each program took, with what is recorded."""
    for program, count in sorted(most.items()):
        t.diag(f"verified {t.label} {observer} {program} {count}")
        if not budget:
            continue        # a kernel that is not in the record, such as the machine's own
        limit = budget.get((observer, program))
        t.ok(limit is not None and count <= limit * SLACK, f"{observer}: {program} is verified at the recorded cost",
             f"{count} instructions, recorded {limit}; tests/guest/record-verified records anew")


def run(t, env):
    # Some functions are only there with it.
    subprocess.run(["modprobe", "-q", "dm-mod"], stderr=subprocess.DEVNULL)
    budget = recorded(t.label)
    known = True
    for observer in tool.observers():
        most = {}
        for source in tool.tested_sources(env, observer):
            for args in forms(observer, env):
                done, counts = verified(observer, source, *args)
                t.ok(done.returncode == 0, f"{observer} {source} {' '.join(args)}: all programs load", done.stderr)
                known = known and bool(counts)
                for program, count in counts.items():
                    most[program] = max(most.get(program, 0), count)
        compare(t, observer, most, budget)
    # Only on a kernel that has its events.
    most = {}
    for args in ((), ("--by-cgroup",)) if env.patched else ():
        status, said, counts = exported(env, "steps", *args)
        t.ok(status == 0 and counts, f"export of steps {' '.join(args)}: all programs load", said)
        for program, count in counts.items():
            most[program] = max(most.get(program, 0), count)
    compare(t, "steps", most, budget)
    if not known:
        raise Skip("this kernel does not tell what the verifier did")
