#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""A real Prometheus scrapes a real exporter on the kernel that this is running on, while fio and others work; prints TAP.

    scrape.py [--label NAME] [--patched] [--disk DEVICE]... [--pmem DEVICE] [--engine prometheus|victoria-metrics] [--interval SECONDS]

--patched: every panel has data. Without it, those that need this project's events, or an observer that this kernel has no source for, are
left out, and said.
--disk: for XFS, for ext4, and one to be slow; without them loop devices are used.

What the exporter counts is compared with what the observers count that run beside it.
"""

import argparse
import atexit
import collections
import glob
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error

import cases
import dashboards
import prometheus
import storage
import tool
from tap import Tap, skip_all

sys.path.insert(1, os.path.join(tool.TOP, "tests", "guest", "steps"))
SETTLED = 2             # scrapes after the work, for rules that are made of rules
EXPORTER_METRICS = {"lookups": ("iomap_lookups_total", "iomap_lookup_errors_total", "op"),
                    "ioends": ("iomap_ioend_duration_seconds_count", "iomap_ioend_errors_total", "type"),
                    "dio": ("iomap_dio_duration_seconds_count", "iomap_dio_errors_total", "op"),
                    "dax": ("iomap_dax_duration_seconds_count", "iomap_dax_errors_total", "op"),
                    "aio": ("aio_duration_seconds_count", "aio_errors_total", "op"),
                    "dmio": ("dm_io_duration_seconds_count", "dm_io_errors_total", "op")}
# Rightly without data, with the reason; short names as in prometheus.unanswered().
WITHOUT = {
    **prometheus.NO_CLUSTER,
}
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: .*)?$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples_of(text):
    """An exposition: [(name, labels, value)]."""
    result = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            result.append((name, dict(LABEL.findall(labels or "")), float(value)))
    return result


class Exporter:
    """`iomapscope export` on a port of the loopback device; answers when the constructor returns."""

    def __init__(self, workdir, *args, port=None):
        self.port = port or prometheus.free_port()
        self.url = f"http://127.0.0.1:{self.port}/metrics"
        self.log_path = os.path.join(workdir, f"export.{time.monotonic_ns()}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([tool.TOOL, "export", "--listen", f"127.0.0.1:{self.port}", *args],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        atexit.register(self.kill)
        deadline = time.monotonic() + tool.PATIENCE
        while True:
            try:
                self.fetch()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"iomapscope export: status {self.process.poll()}: {self.log()}")
                time.sleep(0.1)

    def fetch(self, **headers):
        try:
            return prometheus.fetch(self.url, **headers)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"the exporter: {error.code} {error.read().decode(errors='replace')}{self.log()}")

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=tool.PATIENCE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def fio(path, *args):
    done = subprocess.run(["fio", "--name=scrape", f"--filename={path}", "--size=2m", "--bs=16k", "--minimal", *args],
                          capture_output=True, text=True, timeout=tool.PATIENCE)
    if done.returncode:
        raise AssertionError(f"fio {path} {args}: {done.stdout}{done.stderr}")


def work_on_files(env, fs):
    """Direct, asynchronous and buffered I/O, sparse and preallocated files, those that are shared."""
    fio(fs.path("aio"), "--ioengine=libaio", "--iodepth=8", "--direct=1", "--rw=randrw", "--fdatasync=16")
    fio(fs.path("sync"), "--ioengine=psync", "--direct=1", "--rw=write")
    fio(fs.path("sync"), "--ioengine=psync", "--direct=1", "--rw=read")
    fio(fs.path("buffered"), "--ioengine=psync", "--rw=randwrite", "--end_fsync=1")
    with open("/proc/sys/vm/drop_caches", "w") as drop:
        drop.write("1")
    fio(fs.path("buffered"), "--ioengine=psync", "--rw=read")
    hole = fs.hole(f"hole-{time.monotonic_ns()}")
    tool.workload("seek", "-n", 20, fs.path("sync"))
    tool.workload("seek", "-H", hole)
    if fs.kind == "xfs":
        tool.workload("fail", "nowait", hole, 5)
        subprocess.run(["cp", "--reflink=always", fs.path("sync"), fs.path("clone")], check=True)
        fio(fs.path("clone"), "--ioengine=psync", "--rw=randwrite", "--end_fsync=1", "--io_size=256k")
        os.unlink(fs.path("clone"))


class Bench:
    """The file systems and devices that are worked on; work() may be done again and again."""

    REST = f"linear {{device}} {128 << 11}"

    def __init__(self, env, patched, disks):
        self.env, self.patched = env, patched
        self.dax = self.mirror = self.slow = self.old = None
        self.undo = []
        if env.pmem:
            import machine
            self.dax = machine.Mounted("xfs", env.pmem, "-d", "su=2m,sw=1,agcount=2", "-l", "size=64m", options="dax=always",
                                       where="scrape")
            self.dax.__enter__()
            self.undo.append(lambda: self.dax.__exit__(None))
        if "dmio" in self.observers():
            import dmio
            self.dmio = dmio
            disk = dmio.Disk(env)
            self.undo.append(disk.remove)
            self.legs = [disk.part("leg0", 0), disk.part("leg1", 1)]
            self.mirror = dmio.Mapped("mirror", f"mirror core 2 {dmio.REGION} nosync 2 {self.legs[0].path} 0 {self.legs[1].path} 0")
        if patched and len(disks) > 2:
            import machine
            self.slow = machine.Mapped("scrape-slow", disks[2], length=128 << 11)
            self.undo.append(self.slow.remove)
            self.rest = rest = machine.Mapped("scrape-rest", disks[2], self.REST, length=64 << 11)
            self.undo.append(rest.remove)
            # Without extents a direct write into a hole falls back to buffered I/O.
            self.old = machine.Mounted("ext4", rest.path, "-O", "^extents,^64bit", where="old")
            self.old.__enter__()
            self.undo.append(lambda: self.old.__exit__(None))

    @staticmethod
    def observers():
        return [observer for observer in ("lookups", "ioends", "dio", "dax", "aio", "dmio") if tool.usable_sources(observer)]

    def watched(self):
        """Where each observer's figures are compared: observer -> (what -d takes, the exporter's label)."""
        result = {observer: (self.env.xfs.mount, os.path.basename(self.env.xfs.device)) for observer in self.observers()
                  if observer not in ("dax", "dmio")}
        if self.dax and "dax" in self.observers():
            result["dax"] = self.dax.mount, os.path.basename(self.env.pmem)
        if self.mirror:
            result["dmio"] = self.legs[0].path, os.path.basename(os.readlink(f"/sys/dev/block/{self.legs[0].dev}"))
        return result

    def work(self):
        work_on_files(self.env, self.env.xfs)
        work_on_files(self.env, self.env.ext4)
        if self.dax:
            import case_fsdax
            for name in os.listdir(self.dax.mount):
                os.unlink(self.dax.path(name))
            tool.workload("daxmap", self.dax.mount)
            case_fsdax.synchronous(self.dax)
            fio(self.dax.path("plain"), "--ioengine=psync", "--rw=readwrite")
        if self.mirror:
            self.dmio.write(self.mirror)
        if self.old:
            hole = self.old.hole("hole")
            subprocess.run(["dd", "if=/dev/zero", f"of={hole}", "bs=4k", "count=4", "seek=8", "conv=notrunc", "oflag=direct",
                            "status=none"], check=True, timeout=tool.PATIENCE)
            self.read_old(check=True)

    def read_old(self, check=False):
        """One direct read; returns whether it worked."""
        done = subprocess.run(["dd", f"if={self.old.path('hole')}", "of=/dev/null", "bs=4k", "count=1", "skip=8", "iflag=direct",
                               "status=none"], capture_output=True, check=check, timeout=tool.PATIENCE)
        return done.returncode == 0

    def break_device(self):
        """Five direct reads that the device fails; returns its name, and how many have failed."""
        self.rest.load("error")
        failed = sum(not self.read_old() for _ in range(5))
        self.rest.load(self.REST)
        return os.path.basename(os.readlink(f"/sys/dev/block/{self.old.dev}")), failed

    def once(self, t):
        """What takes its time, and would be too much again and again."""
        if self.slow:
            import case_buffered
            fs = self.env.xfs
            fs.open = lambda name, flags=os.O_RDWR | os.O_CREAT: os.open(fs.path(name), flags, 0o600)
            case_buffered.stale(t, fs, self.slow)

    def sync(self):
        for fs in (self.env.xfs, self.env.ext4, self.dax, self.old):
            if fs:
                storage.command("sync", "-f", fs.mount)

    def remove(self):
        for undo in reversed(self.undo):
            undo()
        self.undo = []


def counted(text, observer, device):
    """What the exporter says: {facet: (count, errors)} of one device."""
    count, errors, facet = EXPORTER_METRICS[observer]
    result = collections.defaultdict(lambda: [0, 0])
    for name, labels, value in samples_of(text):
        if name in (count, errors) and labels["device"] == device:
            result[labels[facet]][name == errors] += int(value)
    return result


def compare(t, observed, before, after, watched):
    for observer, one in observed.items():
        device = watched[observer][1]
        first, last = counted(before, observer, device), counted(after, observer, device)
        got = {facet: (count - first[facet][0], errors - first[facet][1]) for facet, (count, errors) in last.items()}
        got = {facet: pair for facet, pair in got.items() if any(pair)}
        expected = {hist["key"]: (hist["count"], hist["errors"]) for hist in one.hists if hist["count"]}
        t.ok(expected, f"{observer}: the observer has counted something on {device}", one.stderr())
        t.equal(got, expected, f"{observer}: the exporter counts what the observer counts, by {EXPORTER_METRICS[observer][2]}", one.summary)


def in_flight(text, devices):
    """On these devices: others on this machine may work on theirs."""
    return sum(value for name, labels, value in samples_of(text) if name.endswith("_in_flight") and labels.get("device") in devices)


def check_exposition(t, exporter):
    text = exporter.fetch()
    done = prometheus.promtool("check", "metrics", input=text)
    t.equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics: the exposition is clean")
    known = dashboards.samples()
    strangers = {(name, label) for name, labels, _ in samples_of(text) for label in labels
                 if name not in known or label not in known[name][1] | {"le"}}
    t.equal(strangers, set(), "each metric and label is in tools/schema/metrics.h")
    return {name for name, _, _ in samples_of(text)}


def check_together(t, exporter):
    """Who asks while another one is answered gets a whole answer as well."""
    ends, failed = [], []

    def ask():
        for _ in range(50):
            try:
                ends.append(exporter.fetch(Accept="application/openmetrics-text; version=1.0.0").endswith("# EOF\n"))
            except AssertionError as error:
                failed.append(str(error)[:200])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal((failed[:1], len(ends), all(ends)), ([], 200, True), "four at the same time get fifty whole answers each")


def check_restart(t, engine, exporter, env):
    """A restart is seen: the counters' resets, and the annotation of the dashboards."""
    port = exporter.port
    begin = time.time()
    t.equal(exporter.stop(), 0, "the exporter ends on SIGTERM")
    again = Exporter(env.workdir, port=port)
    tool.workload("seek", "-n", 3, env.xfs.path("sync"))
    engine.wait(lambda: engine.query("changes(iomapscope_start_time_seconds[5m]) > 0"), "the restart is seen")
    # The seeks may have come after the scrape that saw the start.
    device = os.path.basename(env.xfs.device)
    seen = engine.wait(lambda: engine.query(f'resets(iomap_lookups_total{{device="{device}"}}[5m]) > 0'), "the reset is seen")
    t.equal({labels["op"] for labels, _ in seen}, {"seek_data"}, "the counter that goes on is known to be reset", seen)
    overview = dashboards.load()["overview"]
    annotation = next(a["expr"] for a in overview["annotations"]["list"] if "iomapscope_start" in a["expr"])
    annotation = dashboards.substitute(annotation, dashboards.chosen(overview), "1m")
    shown = engine.wait(lambda: engine.values(annotation, begin, time.time(), engine.interval), "the annotation of the restart")
    # A rate takes a reset for what it is: never negative, never the whole counter again.
    rates = engine.query("rate(iomap_lookups_total[5m])")
    t.ok(rates and all(rate >= 0 for _, rate in rates), "no rate is negative after it", rates)
    t.equal([labels.get("instance") for labels, _ in shown], ["machine"], "a restart is annotated, with its machine")
    return again


def check_alerts(t, engine, bench):
    """Work that is well alarms nobody, though requests that were not to wait have failed; a device that fails does."""
    t.equal([labels for labels, _ in engine.query('ALERTS{severity="critical"}')], [], "no critical alert is pending or fires")
    device, failed = bench.break_device()
    t.equal(failed, 5, "five direct reads fail")
    seen = engine.wait(lambda: engine.query('ALERTS{severity="critical"}'), "a device that fails is an alert")
    t.equal({(labels["alertname"], labels["device"], labels["op"]) for labels, _ in seen}, {("IomapDirectIOErrors", device, "dio_read")},
            "which is that of direct I/O on this device", seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--label", default="")
    parser.add_argument("--patched", action="store_true")
    parser.add_argument("--disk", action="append", default=[])
    parser.add_argument("--pmem")
    parser.add_argument("--engine", choices=("prometheus", "victoria-metrics"), default="prometheus")
    parser.add_argument("--interval", type=int, default=1)
    args = parser.parse_args()
    if os.geteuid():
        skip_all("needs root")
    if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
        skip_all("the kernel has no BTF (/sys/kernel/btf/vmlinux)")
    if not args.disk and not storage.loop_devices_work():
        skip_all("no loop devices")
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(f"scrape.py: signal {signum}"))
    prometheus.loopback_up()
    begin = time.monotonic()

    def took(what):
        t.diag(f"{what}: {time.monotonic() - begin:.1f} s")

    t = Tap(args.label)
    env = cases.Env(tool.usable_sources(), args.disk[:2], args.pmem)
    bench = Bench(env, args.patched, args.disk)
    atexit.register(bench.remove)
    os.sync()
    took("file systems")
    kind = {"prometheus": prometheus.Prometheus, "victoria-metrics": prometheus.VictoriaMetrics}[args.engine]
    exporter = Exporter(env.workdir)
    took("exporter")
    t.diag(exporter.log())
    watched = bench.watched()
    observed = {observer: env.observe(observer, "--hist", "-d", where) for observer, (where, _) in watched.items()}
    took("observers")
    before = exporter.fetch()
    # Where rates begin: a series has to be there before it can grow.
    bench.work()
    took("work")
    rules = sorted(glob.glob(os.path.join(dashboards.RULES, "*.yaml")))
    engine = kind(env.workdir, {"machine": (exporter.port, "/metrics")}, args.interval, rules)
    atexit.register(engine.stop)
    took(args.engine)
    engine.wait(lambda: engine.samples() >= 2, "scraped twice")
    bench.once(t)
    bench.work()
    took("work, scraped")
    # Nothing is to be written back later, between the observers' end and a scrape.
    bench.sync()
    deadline = time.monotonic() + tool.PATIENCE
    ours = {device for _, device in watched.values()}
    while in_flight(exporter.fetch(), ours) and time.monotonic() < deadline:
        time.sleep(0.2)
    for one in observed.values():
        one.stop()
    after = exporter.fetch()
    t.equal(in_flight(after, ours), 0, "nothing is in flight after the work")
    compare(t, observed, before, after, watched)
    there = check_exposition(t, exporter)
    if not args.patched:
        check_together(t, exporter)

    done = engine.samples()
    patience = 40 if args.engine == "victoria-metrics" else 5
    engine.wait(lambda: engine.samples() >= done + SETTLED and engine.query("instance_device:iomap_state:max5m"), "recorded")
    asked, empty = prometheus.unanswered(engine, there, WITHOUT)
    for _ in range(patience):
        if not empty:
            break
        time.sleep(args.interval)
        asked, empty = prometheus.unanswered(engine, there, WITHOUT)
    t.equal(empty, {}, f"{asked} queries of the dashboards: each has data")
    if args.patched:
        t.equal(sorted(set(dashboards.samples()) - there), [], "every metric of tools/schema/metrics.h is exported")
    for observer, (_, device) in watched.items():
        count, _, facet = EXPORTER_METRICS[observer]
        stored = {labels[facet]: int(value) for labels, value in engine.query(f'sum by ({facet}) ({count}{{device="{device}"}})')}
        expected = {word: pair[0] for word, pair in counted(after, observer, device).items()}
        t.equal(stored, expected, f"{observer}: {args.engine} has the same counts")
    took("queries")
    if args.engine == "prometheus":
        failed = [rule for group in engine.api("rules")["groups"] for rule in group["rules"] if rule["health"] not in ("ok", "unknown")]
        t.equal(failed, [], "rules are carried out without an error")
        if args.patched:
            check_alerts(t, engine, bench)
        else:
            exporter = check_restart(t, engine, exporter, env)
        took("alerts and restarts")
    recorded = engine.query('count({__name__=~"instance.*:.*"})')[0][1]
    devices = {labels["device"] for _, labels, _ in samples_of(after) if "device" in labels}
    t.diag(f"devices: {len(devices)}, recorded series: {recorded:.0f}")
    t.diag(f"samples a scrape: {engine.query('scrape_samples_scraped')}")
    t.diag(f"scrapes: {engine.samples()}, longest {engine.query('max_over_time(scrape_duration_seconds[10m])')}")
    engine.stop()
    t.equal(exporter.stop(), 0, "the exporter ends well")
    took("all")
    sys.exit(t.done())


if __name__ == "__main__":
    main()
