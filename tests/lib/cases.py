#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Runs the cases of tests/guest/cases on the kernel that it is running on, and prints TAP.

    cases.py [--cases DIRECTORY] [--label NAME] [--sources LIST] [--disk DEVICE]... [--pmem DEVICE] [--skip CASE]... [--brief] [--best]
             [--stuck-after SECONDS] [CASE...]

--cases: where they are, instead of tests/guest/cases.
--sources: the lookup sources that this kernel must serve, best first; one that does not work is a failure. Without it, those that
probe calls usable.
--disk: a device to put a file system on, twice; without it, loop devices are used.
--pmem: a device for fsdax; without it, what needs one is skipped.
--brief: only what depends on the kernel.
--best: only the best source of each observer.
--stuck-after: then the kernel log gets what would tell why nothing ends: requests in flight, tasks that wait.

A case is a module with a docstring that says what it guards, and run(t, env), which reports by t (tap.Tap)
and finds what it needs in env (Env). Skip raised by it skips the case, any other exception fails it.
"""

import argparse
import atexit
import contextlib
import glob
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback

import storage
import tool
from tap import Skip, Tap, skip_all

CASES = os.path.join(tool.TOP, "tests", "guest", "cases")
# A case may use what another one has.
sys.path.append(CASES)


class Env:
    """What the cases share: xfs and ext4 (mounted, fresh), pmem (a device, or None), sources, workdir, patched, brief, best."""

    def __init__(self, sources, disks, pmem=None, brief=False, best=False):
        self.sources = sources
        self.pmem = pmem
        self.brief, self.best = brief, best
        self.patched = "iomap_lookup" in sources
        base = None
        if not disks:
            base = os.path.join(tool.BUILD, "tests")
            os.makedirs(base, exist_ok=True)
        self.workdir = tempfile.mkdtemp(prefix="cases.", dir=base)
        self.filesystems = []
        atexit.register(self.clean)
        disks = iter(disks)
        self.xfs = self.mount("xfs", next(disks, None))
        self.ext4 = self.mount("ext4", next(disks, None))

    def mount(self, kind, disk):
        fs = storage.Filesystem(kind, self.workdir, kind, disk)
        self.filesystems.append(fs)
        return fs

    def lookups(self, *args, **kwargs):
        return tool.Lookups(self.workdir, *args, **kwargs)

    def observe(self, observer, *args, **kwargs):
        return tool.Observer(self.workdir, *args, observer=observer, **kwargs)

    def clean(self):
        tool.kill_all()
        for fs in self.filesystems:
            fs.unmount()
        shutil.rmtree(self.workdir, ignore_errors=True)


def run_case(t, env, directory, name):
    t.topic = name
    spec = importlib.util.spec_from_file_location(name, os.path.join(directory, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        module.run(t, env)
    except Skip as why:
        t.skip("not here", why)
    except Exception:
        t.fail("ran to its end", traceback.format_exc())
    finally:
        tool.kill_all()


def tell_stuck():
    """To be read after the machine has been given up; what counts comes last. Each line by itself: a write to the log is one record."""
    with open("/dev/kmsg", "w") as log, open("/proc/sysrq-trigger", "w") as sysrq:
        for key in "lw":        # stacks of all CPUs, and of tasks that wait
            print(key, file=sysrq, end="", flush=True)
        for path in glob.glob("/proc/[0-9]*/task/*/stat"):
            with contextlib.suppress(OSError), open(path) as file:
                name, state = file.read().rsplit(")", 1)
                if state.split()[0] == "D":
                    print(f"cases.py: waits: {name})", file=log, flush=True)
        for path in glob.glob("/sys/block/*/inflight"):
            with open(path) as file:
                reads, writes = file.read().split()
            if (reads, writes) != ("0", "0"):
                print(f"cases.py: in flight on {path.split('/')[3]}: {reads} reads, {writes} writes", file=log, flush=True)
        print("cases.py: no other device has requests in flight", file=log, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", dest="directory", default=CASES)
    parser.add_argument("--label", default="")
    parser.add_argument("--sources", default="")
    parser.add_argument("--disk", action="append", default=[])
    parser.add_argument("--pmem")
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--best", action="store_true")
    parser.add_argument("--stuck-after", type=float, metavar="SECONDS")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()

    known = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(args.directory, "*.py")))
    for name in args.cases + args.skip:
        if name not in known:
            sys.exit(f"cases.py: no case '{name}'; there are: {' '.join(known)}")
    if os.geteuid():
        skip_all("needs root")
    if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
        skip_all("the kernel has no BTF (/sys/kernel/btf/vmlinux)")
    if not args.disk and not storage.loop_devices_work():
        skip_all("no loop devices")
    if not os.access(tool.TOOL, os.X_OK):
        sys.exit(f"cases.py: {tool.TOOL} is not there: run make first")

    # So that a killed test run leaves no mounts: the exit handlers run.
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(f"cases.py: signal {signum}"))
    if args.stuck_after:
        stuck = threading.Timer(args.stuck_after, tell_stuck)
        stuck.daemon = True
        stuck.start()
    t = Tap(args.label)
    env = Env(args.sources.split(",") if args.sources else tool.usable_sources(), args.disk, args.pmem, args.brief, args.best)
    for name in args.cases or [name for name in known if name not in args.skip]:
        begin = time.monotonic()
        run_case(t, env, args.directory, name)
        t.diag(f"{name}: {time.monotonic() - begin:.1f} s")
    sys.exit(t.done())


if __name__ == "__main__":
    main()
