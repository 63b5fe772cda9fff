# SPDX-License-Identifier: GPL-2.0
"""Running iomapscope and the workloads from tests."""

import functools
import json
import os
import signal
import subprocess
import time

from tap import Trial

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD_DIR", os.path.join(TOP, "build"))
TOOL = os.path.join(BUILD, "bin", "iomapscope")
# Emulated machines are slow; a test that hangs must still end before its guest does.
PATIENCE = 120
CAP_BPF = 39


def workload(name, *args, check=True):
    """Runs a workload to its end; returns what it printed."""
    cmd = [os.path.join(BUILD, "workloads", name), *map(str, args)]
    done = subprocess.run(cmd, capture_output=True, text=True, timeout=PATIENCE)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(cmd)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run(*args, env=None, **kwargs):
    """Runs the tool to its end; returns subprocess' result with text output."""
    kwargs.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([TOOL, *map(str, args)], stderr=subprocess.PIPE, text=True, errors="replace",
                          timeout=PATIENCE, env={**os.environ, **(env or {})}, **kwargs)


@functools.cache
def sources_with(modules):
    """What probe says of each source while these modules are loaded."""
    records = map(json.loads, run("probe", "-o", "json").stdout.splitlines())
    return [record for record in records if record["event"] == "source"]


def probed_sources():
    try:
        with open("/proc/modules") as modules:
            return sources_with(frozenset(line.split()[0] for line in modules))
    except FileNotFoundError:
        return sources_with(None)


def observers():
    """The commands that observe by sources, as probe lists them."""
    return list(dict.fromkeys(record["observation"] for record in probed_sources()))


def usable_sources(observation="lookups"):
    """The sources of an observation that probe calls usable on this kernel, best first."""
    return [record["source"] for record in probed_sources() if record["usable"] and record["observation"] == observation]


def tested_sources(env, observation):
    """The sources to run a case with: on the patched kernel its own events, with --best the best one."""
    sources = usable_sources(observation)
    return sources[:1] if env.patched or env.best else sources


def capabilities(pid):
    """The effective capabilities of a process as a number, None once it has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status if ":" in line)
    except OSError:
        return None
    if fields.get("State", "").strip().startswith(("Z", "X")):
        return None
    return int(fields["CapEff"], 16)


class Observer:
    """An `iomapscope lookups`, or another observer, in the background that is attached when the constructor returns.

    The tool drops its capabilities once it has attached, which is what tells that it has.
    stdout: a file or pipe; by default a file, which stop() reads as one JSON object a line.
    """

    live = []

    def __init__(self, workdir, *args, output="json", stdout=None, observer="lookups"):
        self.name = observer
        self.args = [str(arg) for arg in args]
        self.out_path = os.path.join(workdir, f"{observer}.{len(Observer.live)}.out")
        self.err_path = self.out_path[:-3] + "err"
        self.reads_file = stdout is None
        self.status = None
        self.text = ""
        self.events = []
        self.hists = []
        self.unfinished = []
        self.summary = {}
        command = [TOOL, observer, "-o", output, *self.args]
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(command, stdout=stdout or out, stderr=err,
                                            stdin=subprocess.DEVNULL)
        Observer.live.append(self)
        self._wait_attached(command)

    def _wait_attached(self, command):
        deadline = time.monotonic() + PATIENCE
        while True:
            caps = capabilities(self.process.pid)
            # With --stacks it keeps what it needs to read of other processes.
            if caps is not None and not caps >> CAP_BPF & 1:
                return
            if caps is None:
                self.status = self.process.wait()
                # A short --duration may be over before we looked.
                if self.status == 0:
                    return
                raise AssertionError(f"{' '.join(command)}: status {self.status}: {self.stderr()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{' '.join(command)} has not attached: {self.stderr()}")
            time.sleep(0.01)

    def stderr(self):
        with open(self.err_path, errors="replace") as err:
            return err.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, sig=signal.SIGINT, parse=True):
        """Interrupts the tool (sig=None: waits for its own end) and reads what it printed."""
        if sig is not None and self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            self.status = self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} {' '.join(self.args)} does not end: {self.stderr()}")
        if self.reads_file:
            with open(self.out_path, errors="replace") as out:
                self.text = out.read()
            if parse:
                self.parse(self.text.splitlines())
        return self

    def parse(self, lines):
        """Sorts JSON lines into events, histograms and the summary, which must be one and last."""
        for line in lines:
            record = json.loads(line)
            if self.summary:
                raise AssertionError(f"a line after the summary: {line}")
            if record["event"] == self.name.removesuffix("s"):
                self.events.append(record)
            elif record["event"] == "unfinished":
                self.unfinished.append(record)
            elif record["event"] == "summary":
                self.summary = record
            else:
                self.hists.append(record)
        if not self.summary:
            raise AssertionError(f"{self.name} {' '.join(self.args)} printed no summary: {self.stderr()}")


Lookups = Observer


def by_kprobe(t, env, source, check, *args):
    """check(t, env, source, *args), and on a kprobe source again where the kernel has left a program out.

    While a program of a kprobe runs, an interrupt on its CPU runs none (bpf_prog_active in kernel/trace/bpf_trace.c). What that loses is
    counted as an unmatched begin, and rare: of eight runs one loses nothing, and whatever else fails is not tried again.
    """
    for attempt in range(8 if source.endswith("+kprobe") else 1):
        before, trial = len(Observer.live), Trial()
        check(trial, env, source, *args)
        lost = [o.summary for o in Observer.live[before:] if o.summary and o.summary["lost"]["unmatched_begin"]]
        honest = all(s["seen"] == s["emitted"] + s["filtered"] + sum(s["lost"].values()) for s in lost)
        if not trial.failed or not lost or not honest:
            break
    trial.report(t)


def kill_all():
    """Ends what a failed case has left behind."""
    for lookups in Observer.live:
        lookups.kill()
    Observer.live.clear()


def balanced(t, lookups, name, lossless=True, streamed=True):
    """seen = emitted + filtered + lost, and what the tool says is what it wrote."""
    s = lookups.summary
    lost = sum(s["lost"].values())
    good = s["seen"] == s["emitted"] + s["filtered"] + lost and s["lost_total"] == lost
    if streamed:
        good = good and s["emitted"] == len(lookups.events)
    if lossless:
        # Where the kernel preempts programs it skips them for others, and the tool can but say so.
        unmatched = s["lost"]["unmatched_begin"] + s["lost"]["unmatched_end"]
        good = good and lost - unmatched == 0 and unmatched <= s["programs_skipped"]
    t.ok(good, f"{name}: seen = emitted + filtered + lost" + (", nothing lost" if lossless else ""),
         f"{s}\nlines {len(lookups.events)}\n{lookups.stderr()}")


def programs_skipped(t, lookups, name):
    """Whether the kernel skipped programs, so that exact counts cannot be had; then says so as a skipped result."""
    skipped = lookups.summary["programs_skipped"]
    if skipped:
        t.skip(name, f"this kernel preempts programs, and skipped them {skipped} times")
    return skipped
