#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Every query of every dashboard has data in a Prometheus that scrapes figures made up for every metric: names, labels, joins and recording
rules fit together. What is true of real figures is tested in tests/guest/prometheus.t and tests/native/prometheus.t."""

import atexit
import glob
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dashboards  # noqa: E402
import fake_exporter  # noqa: E402
import prometheus  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

SCRAPES = 6


def main():
    if not shutil.which("prometheus") or not prometheus.PROMTOOL:
        skip_all("no prometheus: install the package")
    t = Tap()
    workdir = tempfile.mkdtemp(prefix="queries.")
    atexit.register(shutil.rmtree, workdir, ignore_errors=True)
    fake = fake_exporter.FakeExporter()

    exposition = prometheus.fetch(f"http://127.0.0.1:{fake.port}/metrics")
    done = prometheus.promtool("check", "metrics", input=exposition)
    t.equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics: the made-up figures are an exposition")
    named = {line.split("{")[0].split()[0] for line in exposition.splitlines() if not line.startswith("#")}
    t.equal(named, set(dashboards.samples()), "they are all metrics of tools/schema/metrics.h")

    engine = prometheus.Prometheus(workdir, {"patched": (fake.port, "/metrics"), "stock": (fake.port, "/stock")}, 1,
                                   sorted(glob.glob(os.path.join(dashboards.RULES, "*.yaml"))))
    atexit.register(engine.stop)
    # Rules are made of rules: a few evaluations after enough scrapes.
    engine.wait(lambda: engine.samples() >= SCRAPES and engine.query("instance_device:iomap_state:max5m"), "scraped and recorded")
    asked, empty = prometheus.unanswered(engine, None, prometheus.NO_CLUSTER)
    t.equal(empty, {}, f"{asked} queries of dashboards: each has data")
    failed = [rule for group in engine.api("rules")["groups"] for rule in group["rules"] if rule["health"] not in ("ok", "unknown")]
    t.equal(failed, [], "rules are carried out without an error")

    # One instance and device chosen: no other's figures come through.
    strangers = []
    for dashboard in dashboards.load().values():
        chosen = dashboards.chosen(dashboard, instance="stock", device="vdb")
        for query in dashboards.queries(dashboard):
            if query.kind != "panel":
                continue
            for labels, _ in engine.query(dashboards.substitute(query.expr, chosen, "5s")):
                if labels.get("instance", "stock") != "stock" or "dm_io" not in query.expr and labels.get("device", "vdb") != "vdb":
                    strangers.append((query.where, labels))
    t.equal(strangers, [], "the variables instance and device choose")
    sys.exit(t.done())


main()
