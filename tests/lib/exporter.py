# SPDX-License-Identifier: GPL-2.0
"""Running `iomapscope export`, and reading what it answers."""

import fcntl
import functools
import os
import re
import signal
import socket
import struct
import subprocess
import time
import urllib.request

import tool

METRICS_H = os.path.join(tool.TOP, "tools", "schema", "metrics.h")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
TYPES = {"COUNTER": "_total", "GAUGE": "", "HISTOGRAM": "", "INFO": ""}


@functools.cache
def table():
    """Of each metric that is added up in the kernel its name in the text format, type, observer, facet, extra label and doc."""
    with open(METRICS_H) as header:
        text = header.read()
    groups = {group: (observer, facet) for group, observer, facet in re.findall(r'\bGROUP\((\w+), "(\w+)", "(\w+)"\)', text)}
    return [{"name": name + TYPES[kind], "type": kind, "observer": groups[group][0], "facet": groups[group][1], "label": label, "doc": doc}
            for group, name, kind, label, doc in re.findall(r'\bMETRIC\((\w+), "(\w+)", (\w+), "\w*", "(\w*)", "([^"]*)"\)', text)]


@functools.cache
def own_table():
    """The same of those about the exporter itself: name in the text format, type, labels."""
    with open(METRICS_H) as header:
        text = header.read()
    return [{"name": name + TYPES[kind], "type": kind, "labels": labels.split(",") if labels else []}
            for name, kind, labels in re.findall(r'\bMETRIC\("(\w+)", (\w+), "\w*", "([\w,]*)",', text)]


def loopback_up():
    """A guest's loopback device is down at first."""
    get, put, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = struct.unpack("16sh", fcntl.ioctl(any_socket, get, struct.pack("16sh14x", b"lo", 0))[:18])
        if not flags & up:
            fcntl.ioctl(any_socket, put, struct.pack("16sh14x", name, flags | up))


def unescape(value):
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)


class Scrape:
    """The samples of one answer: name -> {labels as a frozenset of pairs: value}."""

    def __init__(self, text):
        self.text = text
        self.samples, self.families = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                if name in self.families:
                    raise AssertionError(f"the family {name} comes twice")
                self.families[name] = kind
            if line.startswith("#") or not line:
                continue
            found = SAMPLE.match(line)
            if not found:
                raise AssertionError(f"no sample: {line}")
            name, labels, value = found.groups()
            pairs = LABEL.findall(labels or "")
            key = frozenset((label, unescape(text)) for label, text in pairs)
            if labels and "".join(f'{label}="{text}",' for label, text in pairs).rstrip(",") != labels:
                raise AssertionError(f"no labels: {line}")
            if key in self.samples.setdefault(name, {}):
                raise AssertionError(f"twice the same series: {line}")
            self.samples[name][key] = float(value) if "." in value or "Inf" in value else int(value)

    def series(self):
        return sum(map(len, self.samples.values()))

    def of(self, name, **labels):
        """The samples that have these labels, as a list of (the other labels, value)."""
        return [({label: text for label, text in key if label not in labels}, value) for key, value in self.samples.get(name, {}).items()
                if labels.items() <= dict(key).items()]

    def sum(self, name, **labels):
        return sum(value for _, value in self.of(name, **labels))

    def by(self, name, label, **labels):
        """The samples that have these labels, by one more; several with the same are added."""
        result = {}
        for others, value in self.of(name, **labels):
            result[others.get(label)] = result.get(others.get(label), 0) + value
        return {key: value for key, value in result.items() if value}

    def buckets(self, name, **labels):
        """le -> count, not cumulated."""
        bounds, result, last = self.by(f"{name}_bucket", "le", **labels), {}, 0
        for le in sorted(bounds, key=float):
            result[le] = bounds[le] - last
            last = bounds[le]
        return {le: count for le, count in result.items() if count}


class Exporter:
    """An `iomapscope export` that is attached, and listens, when the constructor returns. A context manager."""

    live = []

    def __init__(self, workdir, *args, listen="127.0.0.1:0", command=(), env=None, **kwargs):
        self.err_path = os.path.join(workdir, f"export.{len(Exporter.live)}.err")
        self.args = [*command, tool.TOOL, "export", *(["--listen", listen] if listen else []), *map(str, args)]
        with open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(self.args, stdout=subprocess.DEVNULL, stderr=err, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(env or {})}, **kwargs)
        Exporter.live.append(self)
        self.status = None
        self.url = self._wait() if listen else None

    def _wait(self):
        deadline = time.monotonic() + tool.PATIENCE
        while True:
            found = re.search(r"^iomapscope: export: (http://\S+/)metrics$", self.stderr(), re.M)
            if found:
                return found[1]
            if self.process.poll() is not None:
                raise AssertionError(f"{' '.join(self.args)}: status {self.process.returncode}: {self.stderr()}")
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"{' '.join(self.args)} does not listen: {self.stderr()}")
            time.sleep(0.02)

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1].rstrip("/"))

    def stderr(self):
        with open(self.err_path, errors="replace") as err:
            return err.read()

    def get(self, path="metrics", **headers):
        """Body and headers of an answer."""
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=tool.PATIENCE) as answer:
            return answer.read().decode(), answer.headers

    def scrape(self):
        return Scrape(self.get()[0])

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            self.status = self.process.wait(timeout=tool.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{' '.join(self.args)} does not end: {self.stderr()}")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def kill_all():
    for exporter in Exporter.live:
        exporter.__exit__()
    Exporter.live.clear()


def device_name(dev):
    """What the exporter calls a block device that has these numbers."""
    return os.path.basename(os.readlink(f"/sys/dev/block/{dev}")).replace("!", "/")
