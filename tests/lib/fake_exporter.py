#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""An exporter without a kernel: every metric of tools/schema/metrics.h with plausible figures that grow with the time.

    fake_exporter.py [PORT]

/metrics is a patched machine, /stock one without what needs this project's events. By this the queries of the dashboards are tried in
seconds; what the figures mean is tested with the real exporter.
"""

import http.server
import sys
import threading
import time
import zlib

import dashboards

DEVICES = (("vda", "xfs"), ("vdb", "ext4"), ("pmem0", "xfs"))
# Some words of each facet.
FACETS = {
    "LOOKUPS": ("read", "readahead", "write", "dio_read", "dio_write", "dax_fault_pte", "dax_fault_pmd", "dax_read", "dax_write",
                "seek_data"),
    "STEPS": ("read", "readahead", "write", "dio_read", "dio_write"),
    "IOENDS": ("mapped", "unwritten"),
    "DIO": ("dio_read", "dio_write"),
    "DAX": ("dax_fault_pte", "dax_fault_pmd", "dax_read", "dax_write"),
    "AIO": ("pread", "pwrite", "fdsync", "poll"),
    "DMIO": ("read", "write"),
}
# The words of each further label; a list of tools/schema/ops.h, or what the exporter itself knows.
LABELS = {
    ("LOOKUPS", "type"): "IOMAP_TYPES",
    ("STEPS", "reason"): "STALE_REASONS",
    ("IOENDS", "reason"): "IOEND_REASONS",
    ("IOENDS", "phase"): ("build", "device", "completion"),
    ("DIO", "phase"): ("mapping", "setup", "device", "queue", "completion"),
    ("DIO", "route"): "DIO_ROUTES",
    ("DIO", "wait"): "DIO_WAITS",
    ("DIO", "cause"): "DIO_EXITS",
    ("DAX", "reason"): "DAX_FALLBACKS",
    ("DAX", "mapped"): "DAX_MAPPED",
    ("AIO", "route"): "AIO_ROUTES",
}
OBSERVERS = ("lookups", "steps", "ioends", "dio", "dax", "aio", "dmio")
OWN_LABELS = {
    "observer": OBSERVERS,
    "source": ("tried",),
    "reason": ("ring_full", "map_full"),
    "map": ("keys", "in_flight"),
    "version": ("0.1",),
}
SECONDS = tuple(2.0**n / 1e9 for n in range(8, 35))
BYTES = tuple(4.0**n for n in range(6, 21))


def combinations(choices):
    """Every combination of {label: words} as one string of labels."""
    result = [()]
    for label, values in choices.items():
        result = [(*before, f'{label}="{value}"') for before in result for value in values]
    return [",".join(labels) for labels in result]


class Machine:
    def __init__(self, patched):
        self.patched = patched
        self.begin = time.time()
        self.series = []        # (family line, [(name, labels, how)])
        for metric in dashboards.metrics().values():
            if "needs this project's events" in metric.doc and not patched:
                continue
            self.series.append((metric, combinations(self.choices(metric))))

    def choices(self, metric):
        if metric.group is None:
            return {label: self.own_words(label) for label in metric.labels}
        result = {"device": None}
        result[metric.facet] = FACETS[metric.group]
        for label in metric.labels[3:]:
            known = LABELS[metric.group, label]
            result[label] = dashboards.words(known) if isinstance(known, str) else known
        devices = [f'{device}",fstype="{fstype}' for device, fstype in DEVICES]
        result["device"] = devices
        return result

    def own_words(self, label):
        if label == "kernel":
            return ("6.12.0-patched" if self.patched else "6.12.0",)
        return OWN_LABELS[label]

    def speed(self, name, labels):
        """Events a second of one series, always the same."""
        return 1 + zlib.crc32(f"{name}{labels}".encode()) % 100

    def text(self):
        now = time.time()
        age = now - self.begin + 10
        lines = []
        for metric, all_labels in self.series:
            family = metric.name + ("_total" if metric.kind == "COUNTER" else "")
            kind = {"COUNTER": "counter", "HISTOGRAM": "histogram"}.get(metric.kind, "gauge")
            lines += [f"# HELP {family} {metric.doc}", f"# TYPE {family} {kind}"]
            for labels in all_labels:
                self.add(lines, metric, family, labels, age)
        return "\n".join(lines) + "\n"

    def add(self, lines, metric, family, labels, age):
        shown = "{" + labels + "}" if labels else ""
        count = int(self.speed(family, labels) * age)
        if metric.kind == "HISTOGRAM":
            bounds = SECONDS if metric.unit == "seconds" else BYTES
            # A quarter in each of four neighbouring buckets, somewhere in the middle.
            first = 4 + zlib.crc32(labels.encode()) % (len(bounds) - 9)
            for n, bound in enumerate(bounds):
                lines.append(f'{family}_bucket{{{labels},le="{bound:.17g}"}} {count * min(max(n - first + 1, 0), 4) // 4}')
            lines.append(f'{family}_bucket{{{labels},le="+Inf"}} {count}')
            lines.append(f"{family}_sum{shown} {count * bounds[first + 1]:.9g}")
            lines.append(f"{family}_count{shown} {count}")
        elif metric.kind == "COUNTER":
            lines.append(f"{family}{shown} {count / 1e3 if metric.unit == 'seconds' else count}")
        else:
            lines.append(f"{family}{shown} {self.gauge(metric, labels)}")

    def gauge(self, metric, labels):
        if metric.name in ("process_start_time_seconds", "iomapscope_start_time_seconds"):
            return self.begin
        if metric.name == "iomapscope_source_attached":
            return int("none" not in labels)
        if metric.kind == "INFO":
            return 1
        if metric.name.startswith("iomapscope_map_max") or metric.name == "process_max_fds":
            return 1024
        if metric.name == "iomapscope_scrape_duration_seconds":
            return 0.004
        return 1 + zlib.crc32(labels.encode()) % 50


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        machine = self.server.machines.get(self.path.split("?")[0])
        if not machine:
            self.send_error(404)
            return
        body = machine.text().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class FakeExporter:
    """Listens on a port of the loopback device until stop(). Attributes: port, machines."""

    def __init__(self, port=0):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.machines = self.machines = {"/metrics": Machine(True), "/stock": Machine(False)}
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


if __name__ == "__main__":
    fake = FakeExporter(int(sys.argv[1]) if len(sys.argv) > 1 else 9842)
    print(f"http://127.0.0.1:{fake.port}/metrics and /stock")
    try:
        fake.thread.join()
    except KeyboardInterrupt:
        pass
