# SPDX-License-Identifier: GPL-2.0
"""A Prometheus, or a VictoriaMetrics, for the time of a test, and what its HTTP API answers."""

import fcntl
import json
import math
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import dashboards
import tool

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PROMTOOL = shutil.which("promtool")
# Nothing but the loopback device, whatever the environment says of proxies.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def loopback_up():
    """The loopback device of a guest is down at first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        if not flags & IFF_UP:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, timeout=tool.PATIENCE, **headers):
    with OPENER.open(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        return answer.read().decode()


def promtool(*args, **kwargs):
    return subprocess.run([PROMTOOL, *args], capture_output=True, text=True, timeout=tool.PATIENCE, **kwargs)


class Engine:
    """What both have in common. @targets: {instance: (port, path)}."""

    def __init__(self, workdir, targets, interval, rules=()):
        self.dir = os.path.join(workdir, self.name)
        os.makedirs(self.dir)
        self.targets, self.interval, self.rules = targets, interval, list(rules)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = []
        self.config = os.path.join(self.dir, "config.yml")
        with open(self.config, "w") as file:
            json.dump(self.configuration(), file)   # JSON is YAML
        self.begin = time.time()
        self.start()
        self.wait(self.ready, "ready")

    def configuration(self):
        return {
            "global": {"scrape_interval": f"{self.interval}s", "scrape_timeout": f"{self.interval}s"},
            "scrape_configs": [{
                "job_name": "iomapscope",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": instance, "__metrics_path__": path}}
                                   for instance, (port, path) in self.targets.items()],
            }],
        }

    def run(self, name, *command):
        with open(os.path.join(self.dir, f"{name}.log"), "wb") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.dir))

    def log(self):
        texts = []
        for name in sorted(os.listdir(self.dir)):
            if name.endswith(".log"):
                with open(os.path.join(self.dir, name), errors="replace") as file:
                    texts += file.read().splitlines()[-15:]
        return "\n".join(texts)

    def wait(self, condition, what, patience=tool.PATIENCE):
        deadline = time.monotonic() + patience
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                log = self.log()
                self.stop()
                raise AssertionError(f"{self.name}: not so: {what}\n{log}")
            time.sleep(0.2)

    def ready(self):
        try:
            fetch(self.url + "/-/healthy", 5)
            return True
        except OSError:
            return False

    def api(self, path, **params):
        """The data of an answer; an error that the engine tells is raised with its words."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(params, doseq=True)}"
        try:
            answer = json.loads(fetch(url))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {params}: {error.code} {error.read().decode(errors='replace')}")
        if answer["status"] != "success":
            raise AssertionError(f"{path} {params}: {answer}")
        return answer["data"]

    def query(self, expr, at=None):
        """What an expression is at one moment: [(labels, value)]."""
        data = self.api("query", query=expr, **({"time": at} if at else {}))
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def values(self, expr, begin, end, step):
        """The values of all series over a time that are numbers: [(labels, [value])]."""
        data = self.api("query_range", query=expr, start=begin, end=end, step=step)
        numbers = [(series["metric"], [float(value) for _, value in series["values"] if value != "NaN"]) for series in data["result"]]
        return [(labels, values) for labels, values in numbers if values]

    def label_values(self, selector, label):
        found = self.api("series", **{"match[]": selector, "start": self.begin - 1, "end": time.time() + 1})
        return sorted({series[label] for series in found if label in series})

    def samples(self):
        """How many samples of `up` there are of the target that has the fewest."""
        counts = self.query(f"count_over_time(up[{int(time.time() - self.begin) + 60}s])")
        return min((int(value) for _, value in counts), default=0) if len(counts) == len(self.targets) else 0

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Prometheus(Engine):
    name = "prometheus"

    def configuration(self):
        result = super().configuration()
        result["global"]["evaluation_interval"] = f"{self.interval}s"
        result["rule_files"] = self.rules
        return result

    def start(self):
        self.run("prometheus", self.name, f"--config.file={self.config}", f"--storage.tsdb.path={self.dir}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn")

    def ready(self):
        try:
            fetch(self.url + "/-/ready", 5)
            return True
        except OSError:
            return False


class VictoriaMetrics(Engine):
    """With vmalert beside it, which carries out the rules."""
    name = "victoria-metrics"

    def start(self):
        self.run("victoria", self.name, f"-promscrape.config={self.config}", f"-storageDataPath={self.dir}/data",
                 f"-httpListenAddr=127.0.0.1:{self.port}", "-search.latencyOffset=0s", "-loggerLevel=WARN",
                 "-memory.allowedBytes=256MB", "-retentionPeriod=1")
        if self.rules:
            self.wait(self.ready, "ready for vmalert")
            self.run("vmalert", "vmalert", f"-datasource.url={self.url}", f"-remoteWrite.url={self.url}", f"-remoteRead.url={self.url}",
                     *(f"-rule={rule}" for rule in self.rules), f"-evaluationInterval={self.interval}s",
                     f"-notifier.url={self.url}", f"-httpListenAddr=127.0.0.1:{free_port()}", "-remoteWrite.flushInterval=1s",
                     "-loggerLevel=WARN")

    def ready(self):
        try:
            fetch(self.url + "/health", 5)
            return True
        except OSError:
            return False


# Rightly without data: most who have one cluster have no such label.
NO_CLUSTER = {f"{dashboard['title'].removeprefix('iomapscope: ')} / variable cluster": "there is no label of that name"
              for dashboard in dashboards.load().values()}


def unanswered(engine, there=None, without=(), rate_interval=None):
    """Asks every query of every dashboard, and returns (how many, {where: why}) of those without data.

    @there: names of the samples that the exporter has, for a kernel that cannot tell all: what asks for another one is not asked, nor what is
    recorded of another one. @without: {where: reason}, rightly without; one of them that has data is a failure, too: the list is to be kept
    short.
    """
    end = time.time()
    step = max(engine.interval, 1)
    asked, empty = 0, {where: "listed as without data, and is no query" for where in without}
    for dashboard in dashboards.load().values():
        chosen = dashboards.chosen(dashboard)
        for query in dashboards.queries(dashboard):
            if query.kind == "annotation" or there is not None and not dashboards.can_be_told(query, there):
                continue
            asked += 1
            if query.kind == "variable":
                selector, label = dashboards.label_values(query.expr)
                data = engine.label_values(dashboards.substitute(selector, chosen), label)
            else:
                expr = dashboards.substitute(query.expr, chosen, rate_interval or f"{max(60, 4 * step)}s")
                if query.instant:
                    data = [one for one in engine.query(expr) if not math.isnan(one[1])]
                else:
                    data = engine.values(expr, engine.begin, end, step)
            where = query.where.removeprefix("iomapscope: ")
            if where in without:
                del empty[where]
                if data:
                    empty[where] = f"has data, and is listed as without: {data[:1]}"
            elif not data:
                empty[where] = query.expr
    return asked, empty
