#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The dashboards against the rules of Grafana's dashboard-linter, and against what exists: metrics, labels, links, and their own source.

The linter itself is a Go program that needs modules of the network. Its rules, docs/index.md and docs/rules/ of
https://github.com/grafana/dashboard-linter, are stated again here: template-datasource-rule, template-job-rule, template-instance-rule,
template-label-promql-rule, template-on-time-change-reload-rule, template-uneditable-rule, panel-datasource-rule,
panel-title-description-rule, panel-units-rule, panel-no-targets-rule, target-promql-rule, target-rate-interval-rule, target-job-rule,
target-instance-rule, target-counter-agg-rule and target-histogram-rule (heat maps draw buckets as they are, which the linter's last rule does
not know of). Those for Loki mean nothing here.
"""

import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import yaml  # noqa: E402

import dashboards  # noqa: E402
import prometheus  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

# Of Grafana's list (packages/grafana-data/src/valueFormats/categories.ts) those that mean something here.
UNITS = {"none", "short", "percentunit", "s", "ops", "bytes", "Bps", "dateTimeAsIso"}
PANELS = {"timeseries", "stat", "table", "heatmap", "bargauge", "state-timeline"}
COUNTER_FUNCTIONS = {"rate", "irate", "increase"}
WIDTH, MIN_WIDTH, MIN_HEIGHT = 24, 4, 4
UNIT_OF = {"seconds": "s", "bytes": "bytes"}


class Lint:
    def __init__(self, loaded=None):
        self.metrics = dashboards.metrics()
        self.samples = dashboards.samples(self.metrics)
        self.records = self.recorded()
        self.dashboards = loaded or dashboards.load()
        self.uids = {d["uid"] for d in self.dashboards.values()}
        self.faults = collections.defaultdict(list)

    def recorded(self):
        """Names of recording rules, with the labels that their level names."""
        result = {}
        for path in glob.glob(os.path.join(dashboards.RULES, "*.yaml")):
            with open(path) as file:
                for group in yaml.safe_load(file)["groups"]:
                    for rule in group["rules"]:
                        if "record" in rule:
                            level = rule["record"].split(":")[0].split("_")
                            result[rule["record"]] = set(level) | ({"fstype"} if "device" in level else set())
        return result

    def fault(self, rule, where, why=""):
        self.faults[rule].append(f"{where}: {why}" if why else where)

    def labels_of(self, name):
        """The labels that a metric has beside those of its target; None if there is no such metric."""
        if name in self.samples:
            return self.samples[name][1]
        return self.records.get(name, dashboards.PROMETHEUS_METRICS.get(name))

    # Queries

    def selectors(self, rule, where, found, named):
        """Metrics and labels that exist. Recorded metrics of several kinds may be chosen by a regular expression of their name."""
        known = set(dashboards.TARGET_LABELS)
        for selector in found:
            if selector.name is None:
                pattern = re.compile(selector.matchers["__name__"][1])
                labels = [have for name, have in self.records.items() if pattern.fullmatch(name)]
                if not labels:
                    self.fault(rule, where, f"nothing matches {pattern.pattern}")
                labels = set().union(*labels)
            else:
                labels = self.labels_of(selector.name)
                if labels is None:
                    self.fault(rule, where, f"no metric {selector.name}")
                    continue
            known |= labels
            wrong = set(selector.matchers) - labels - dashboards.TARGET_LABELS - {"__name__"}
            if wrong:
                self.fault(rule, where, f"{selector.name} has no label {' '.join(sorted(wrong))}")
        wrong = named - known - {"cgroup", "sign"}
        if wrong:
            self.fault(rule, where, f"nothing here has a label {' '.join(sorted(wrong))}")

    def query(self, dashboard, query):
        where, expr = query.where, query.expr
        names = {variable["name"] for variable in dashboard["templating"]["list"]}
        try:
            dashboards.substitute(expr, {name: "x" for name in names})
        except ValueError as why:
            self.fault("variables exist", where, why)
        found, named = dashboards.parse(dashboards.label_values(expr)[0] if query.kind == "variable" else expr)
        self.selectors("metrics and labels exist", where, found, named)
        if query.kind == "variable":
            _, label = dashboards.label_values(expr)
            if found and label not in dashboards.TARGET_LABELS and label not in self.labels_of(found[0].name):
                self.fault("metrics and labels exist", where, f"{found[0].name} has no label {label}")
            return
        for selector in found:
            for label in ("cluster", "job", "instance"):
                rule = f"target-{label}-rule"
                if selector.matchers.get(label) != ("=~", f"${label}"):
                    self.fault(rule, where, f"{selector.name} is not asked with {label}=~\"${label}\"")
            around = selector.functions[-1] if selector.functions else None
            if selector.range and around in ("rate", "irate") and selector.range != "$__rate_interval":
                self.fault("target-rate-interval-rule", where, f"{selector.name}[{selector.range}]")
            metric = self.samples.get(selector.name or "", (None,))[0]
            if metric and metric.kind in ("COUNTER", "HISTOGRAM") and not (selector.range and around in COUNTER_FUNCTIONS):
                self.fault("target-counter-agg-rule", where, f"{selector.name} without rate or increase")
            if (selector.name or "").endswith("_bucket") and query.panel["type"] != "heatmap" and \
                    "histogram_quantile" not in selector.functions:
                self.fault("target-histogram-rule", where, selector.name)
            # job=~".+" finds what other exporters have as well.
            if selector.name in dashboards.PROMETHEUS_METRICS | dict.fromkeys(n for n in self.samples if n.startswith("process_")) \
                    and selector.name != "ALERTS" and "iomapscope_build_info" not in expr:
                self.fault("only our exporters", where, f"{selector.name} is not joined with iomapscope_build_info")

    # Dashboards

    def templates(self, dashboard):
        title = dashboard["title"]
        variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
        source = [v for v in variables.values() if v["type"] == "datasource"]
        if [(v["name"], v["label"], v["query"]) for v in source] != [("datasource", "Data source", "prometheus")]:
            self.fault("template-datasource-rule", title, source)
        wanted = ["datasource", "cluster", "job", "instance"]
        if dashboard["uid"] != "iomapscope-observer":
            wanted += ["fstype", "device"]
            if len(variables) == len(wanted):
                self.fault("variables of the operation", title)
        if list(variables)[:len(wanted)] != wanted:
            self.fault("variables of the operation", title, list(variables))
        for name in ("job", "instance"):
            v = variables[name]
            good = (v["type"], v["multi"], v["includeAll"], v["allValue"], v["label"].lower()) == ("query", True, True, ".+", name)
            if not good or v["datasource"]["uid"] != "${datasource}" or not v["query"]["query"].startswith("label_values("):
                self.fault(f"template-{name}-rule", title, v)
        used = "\n".join(query.expr for query in dashboards.queries(dashboard))
        for name, v in variables.items():
            if v["type"] != "query":
                continue
            if v["refresh"] != 2:
                self.fault("template-on-time-change-reload-rule", title, name)
            # A label that a machine has not matches an empty string.
            if name not in ("job", "instance") and v["allValue"] != ".*":
                self.fault("All is anything", title, name)
            if not v["description"] or not v["label"]:
                self.fault("variables are described", title, name)
            if f'=~"${name}"' not in used:
                self.fault("variables are used", title, name)

    def panel(self, dashboard, panel):
        where = f"{dashboard['title']} / {panel.get('title')}"
        if panel["type"] not in PANELS:
            self.fault("types of panels", where, panel["type"])
        if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"} or any(
                t["datasource"] != panel["datasource"] for t in panel["targets"]):
            self.fault("panel-datasource-rule", where)
        # A sentence that says more than the title.
        if not panel["title"].strip() or len(panel["description"]) < 20 or not panel["description"].endswith("."):
            self.fault("panel-title-description-rule", where, panel["description"])
        if not panel["targets"]:
            self.fault("panel-no-targets-rule", where)
        if len({t["refId"] for t in panel["targets"]}) != len(panel["targets"]):
            self.fault("refIds are unique", where)
        if panel["type"] == "heatmap":
            units = [panel["options"]["yAxis"]["unit"]]
        else:
            units = [panel["fieldConfig"]["defaults"].get("unit"),
                     *(p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit")]
        if not set(units) <= UNITS:
            self.fault("panel-units-rule", where, units)
        found = [selector for t in panel["targets"] for selector in dashboards.parse(t["expr"])[0]]
        if panel["type"] == "heatmap":
            expected = {UNIT_OF[self.samples[s.name][0].unit] for s in found}
            if set(units) != expected or any((t["format"], t["legendFormat"]) != ("heatmap", "{{le}}") for t in panel["targets"]):
                self.fault("heat maps", where)
        # What needs a patched kernel has to say so.
        needy = any("needs this project's events" in self.samples[s.name][0].doc for s in found if s.name in self.samples)
        if needy != ("Needs this project's events" in panel["description"]):
            self.fault("patched kernels are named", where)
        if panel["type"] != "table" and any(not t["legendFormat"] for t in panel["targets"]):
            self.fault("targets have legends", where)
        for target in panel["targets"]:
            labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            if grouped and not labels <= {label.strip() for part in grouped for label in part.split(",")}:
                self.fault("legends have labels that are there", where, target["legendFormat"])

    def layout(self, dashboard):
        title = dashboard["title"]
        taken, bottom, ids = {}, 0, collections.Counter()
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            ids[panel["id"]] += 1
            name = f"{title} / {panel['title']}"
            row = panel["type"] == "row"
            too_small = at["w"] != WIDTH if row else at["w"] < MIN_WIDTH or at["h"] < MIN_HEIGHT
            if at["x"] < 0 or at["x"] + at["w"] > WIDTH or too_small:
                self.fault("panels fit", name, at)
            for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
                if cell in taken:
                    self.fault("no panel overlaps another", name, taken[cell])
                taken[cell] = name
            bottom = max(bottom, at["y"] + at["h"])
        for y in range(bottom):
            if not any((x, y) in taken for x in range(WIDTH)):
                self.fault("no empty lines", title, y)
        if max(ids.values()) > 1:
            self.fault("ids are unique", title)
        if dashboard["panels"][0]["type"] != "row":
            self.fault("panels stand in rows", title)
        titles = collections.Counter(panel["title"] for panel in dashboards.panels(dashboard))
        if max(titles.values()) > 1:
            self.fault("titles are unique", title, titles.most_common(1))

    def links(self, dashboard):
        title = dashboard["title"]
        targets = []
        for link in dashboard["links"]:
            targets.append(link["url"].removeprefix("/d/"))
            if not (link["keepTime"] and link["includeVars"]):
                self.fault("links keep time and variables", title, link["title"])
        if sorted(targets) != sorted(self.uids - {dashboard["uid"]}):
            self.fault("links lead to all others", title, targets)
        for panel in dashboards.panels(dashboard):
            for override in panel["fieldConfig"].get("overrides", ()):
                for link in (one for p in override["properties"] if p["id"] == "links" for one in p["value"]):
                    uid = re.match(r"/d/([\w-]+)\?", link["url"])
                    if not uid or uid.group(1) not in self.uids or "__url_time_range" not in link["url"]:
                        self.fault("links of panels lead to dashboards", f"{title} / {panel['title']}", link["url"])
                        continue
                    there = {v["name"] for d in self.dashboards.values() if d["uid"] == uid.group(1) for v in d["templating"]["list"]}
                    given = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", link["url"]))
                    for name in (a or b for a, b in given):
                        if name not in there:
                            self.fault("links of panels lead to dashboards", f"{title} / {panel['title']}", f"no variable {name} there")

    def dashboard(self, name, dashboard):
        title = dashboard["title"]
        if dashboard["uid"] != f"iomapscope-{name}" or len(dashboard["uid"]) > 40:
            self.fault("uids are fixed", title, dashboard["uid"])
        if dashboard.get("editable") is not False:
            self.fault("template-uneditable-rule", title)
        if "id" in dashboard or "iomapscope" not in dashboard["tags"] or not dashboard["description"]:
            self.fault("what a dashboard says of itself", title)
        if not any("iomapscope_start_time_seconds" in a["expr"] for a in dashboard["annotations"]["list"]):
            self.fault("restarts are annotated", title)
        self.templates(dashboard)
        for panel in dashboards.panels(dashboard):
            self.panel(dashboard, panel)
        self.layout(dashboard)
        self.links(dashboard)
        for query in dashboards.queries(dashboard):
            self.query(dashboard, query)

    # PromQL is what Prometheus' own parser says it is.
    def promql(self):
        rules, where = [], {}
        for dashboard in self.dashboards.values():
            chosen = dashboards.chosen(dashboard)
            for query in dashboards.queries(dashboard):
                expr = dashboards.label_values(query.expr)[0] if query.kind == "variable" else query.expr
                name = f"query{len(rules)}:of:dashboard"
                rules.append({"record": name, "expr": dashboards.substitute(expr, chosen)})
                where[name] = query.where
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({"groups": [{"name": "queries", "rules": rules}]}, file)
            file.flush()
            done = prometheus.promtool("check", "rules", file.name)
        said = done.stdout + done.stderr
        if f"SUCCESS: {len(rules)} rules found" not in said:
            for name in re.findall(r'"(query\d+:of:dashboard)"', said):
                self.fault("target-promql-rule", where[name])
            self.fault("target-promql-rule", said)
        return len(rules)

    def rules(self):
        """The rules' own expressions name what there is, and nothing is recorded that nobody asks for."""
        wanted = set()
        for path in sorted(glob.glob(os.path.join(dashboards.RULES, "*.yaml"))):
            with open(path) as file:
                for rule in (rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]):
                    found, named = dashboards.parse(rule["expr"])
                    self.selectors("rules: metrics and labels exist", rule.get("record") or rule["alert"], found, named)
                    wanted |= self.asked(found)
                    if "record" in rule and not re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule["record"]):
                        self.fault("rules: level:metric:operations", rule["record"])
        for dashboard in self.dashboards.values():
            for query in dashboards.queries(dashboard):
                if query.kind != "variable":
                    wanted |= self.asked(dashboards.parse(query.expr)[0])
        for name in set(self.records) - wanted:
            self.fault("rules: nothing is recorded for nobody", name)
        # The other way round: what is exported is shown.
        for metric in self.metrics.values():
            if not any(name in wanted for name, (owner, _) in self.samples.items() if owner is metric):
                self.fault("every metric is shown, or recorded", metric.name)

    def asked(self, found):
        result = set()
        for selector in found:
            if selector.name:
                result.add(selector.name)
            else:
                result |= {name for name in self.records if re.fullmatch(selector.matchers["__name__"][1], name)}
        return result


RULES = """template-datasource-rule template-job-rule template-instance-rule template-on-time-change-reload-rule template-uneditable-rule
panel-datasource-rule panel-title-description-rule panel-units-rule panel-no-targets-rule target-promql-rule target-rate-interval-rule
target-job-rule target-instance-rule target-cluster-rule target-counter-agg-rule target-histogram-rule""".split() + [
    "metrics and labels exist", "variables exist", "only our exporters", "variables of the operation", "All is anything",
    "variables are described", "variables are used", "types of panels", "refIds are unique", "heat maps", "patched kernels are named",
    "targets have legends", "legends have labels that are there", "panels fit", "no panel overlaps another", "no empty lines",
    "ids are unique", "panels stand in rows", "titles are unique", "links keep time and variables", "links lead to all others",
    "links of panels lead to dashboards", "uids are fixed", "what a dashboard says of itself", "restarts are annotated",
    "rules: metrics and labels exist", "rules: level:metric:operations", "rules: nothing is recorded for nobody",
    "every metric is shown, or recorded"]


def first(dashboard, kind="timeseries"):
    return next(panel for panel in dashboards.panels(dashboard) if panel["type"] == kind)


def expr_of(dashboard, old, new, kind="timeseries"):
    target = first(dashboard, kind)["targets"][0]
    assert old in target["expr"], target
    target["expr"] = target["expr"].replace(old, new)


# What each rule is there to find: (rule, what is done to the dashboard of direct I/O).
MISTAKES = (
    ("template-datasource-rule", lambda d: d["templating"]["list"][0].update(name="source")),
    ("template-job-rule", lambda d: d["templating"]["list"][2].update(multi=False)),
    ("template-instance-rule", lambda d: d["templating"]["list"][3].update(allValue=".*")),
    ("template-on-time-change-reload-rule", lambda d: d["templating"]["list"][3].update(refresh=1)),
    ("template-uneditable-rule", lambda d: d.update(editable=True)),
    ("panel-datasource-rule", lambda d: first(d)["targets"][0].update(datasource={"type": "prometheus", "uid": "mine"})),
    ("panel-title-description-rule", lambda d: first(d).update(description="Requests")),
    ("panel-units-rule", lambda d: first(d)["fieldConfig"]["defaults"].update(unit="seconds")),
    ("panel-no-targets-rule", lambda d: first(d).update(targets=[])),
    ("target-promql-rule", lambda d: expr_of(d, "sum by", "summe by")),
    ("target-rate-interval-rule", lambda d: expr_of(d, "[$__rate_interval]", "[5m]")),
    ("target-job-rule", lambda d: expr_of(d, 'job=~"$job"', 'job="iomapscope"')),
    ("target-instance-rule", lambda d: expr_of(d, ', instance=~"$instance"', "")),
    ("target-cluster-rule", lambda d: expr_of(d, 'cluster=~"$cluster", ', "")),
    ("target-counter-agg-rule", lambda d: expr_of(d, "rate(", "delta(")),
    ("target-histogram-rule", lambda d: first(d, "heatmap").update(type="timeseries")),
    ("metrics and labels exist", lambda d: expr_of(d, "iomap_dio_duration_seconds_count", "iomap_dio_requests_total")),
    ("metrics and labels exist", lambda d: expr_of(d, "sum by (instance, device, op)", "sum by (instance, inode)")),
    ("metrics and labels exist", lambda d: expr_of(d, 'op=~"$dio_op"', 'type=~"$dio_op"')),
    ("variables exist", lambda d: expr_of(d, "$dio_op", "$op")),
    ("only our exporters", lambda d: expr_of(d, "iomap_dio_duration_seconds_count", "process_cpu_seconds_total")),
    ("All is anything", lambda d: d["templating"]["list"][1].update(allValue=".+")),
    ("variables are used", lambda d: d["templating"]["list"][-1].update(name="dio_ops")),
    ("types of panels", lambda d: first(d).update(type="graph")),
    ("heat maps", lambda d: first(d, "heatmap")["targets"][0].update(format="time_series")),
    ("patched kernels are named", lambda d: expr_of(d, "iomap_dio_duration_seconds_count", "iomap_dio_bios_total")),
    ("targets have legends", lambda d: first(d)["targets"][0].update(legendFormat="")),
    ("legends have labels that are there", lambda d: first(d)["targets"][0].update(legendFormat="{{type}}")),
    ("panels fit", lambda d: first(d)["gridPos"].update(x=20)),
    ("no panel overlaps another", lambda d: first(d)["gridPos"].update(h=9)),
    ("no empty lines", lambda d: d["panels"][-1]["gridPos"].update(y=200)),
    ("ids are unique", lambda d: first(d).update(id=1)),
    ("titles are unique", lambda d: first(d).update(title="Bytes")),
    ("links keep time and variables", lambda d: d["links"][0].update(keepTime=False)),
    ("links lead to all others", lambda d: d["links"][0].update(url="/d/elsewhere")),
    ("uids are fixed", lambda d: d.update(uid="abcdef")),
    ("restarts are annotated", lambda d: d["annotations"].update(list=[])),
)


def check_itself(t):
    for rule, mistake in MISTAKES:
        loaded = dashboards.load()
        mistake(loaded["dio"])
        lint = Lint(loaded)
        lint.dashboard("dio", loaded["dio"])
        if rule == "target-promql-rule":
            lint.promql()
        t.ok(lint.faults[rule], f"a mistake is found: {rule}", dict(lint.faults))


def main():
    if not prometheus.PROMTOOL:
        skip_all("no promtool: install the package prometheus")
    t = Tap()
    lint = Lint()
    t.equal(sorted(lint.dashboards), ["dax", "dio", "ioends", "lookups", "neighbours", "observer", "overview"], "the dashboards are there")
    t.equal(len(lint.uids), len(lint.dashboards), "uids are unique")
    for name, dashboard in lint.dashboards.items():
        lint.dashboard(name, dashboard)
    count = lint.promql()
    t.ok(count > 200, "queries are found", count)
    lint.rules()
    for rule in RULES:
        t.equal(lint.faults.pop(rule, []), [], rule)
    t.equal(dict(lint.faults), {}, "no other fault")
    check_itself(t)

    # The committed JSON is that of the source.
    if not shutil.which("jsonnet"):
        t.skip("JSON is what jsonnet makes", "no jsonnet: install the package")
    else:
        source = os.path.join(dashboards.ROOM, "src")
        names = sorted(os.path.basename(path)[:-8] for path in glob.glob(f"{source}/*.jsonnet"))
        t.equal(names, sorted(lint.dashboards), "each has a source")
        for name in sorted(lint.dashboards):
            done = subprocess.run(["jsonnet", "-J", source, f"{source}/{name}.jsonnet"], capture_output=True, text=True)
            with open(os.path.join(dashboards.ROOM, f"{name}.json")) as file:
                t.ok(done.stdout == file.read(), f"{name}.json is what jsonnet makes of its source: make dashboards", done.stderr)
    for path, keys in (("datasources/prometheus.yaml", "datasources"), ("dashboards/iomapscope.yaml", "providers")):
        with open(os.path.join(dashboards.ROOM, "provisioning", path)) as file:
            config = yaml.safe_load(file)
        good = config["apiVersion"] == 1 and all(one["name"] and one["type"] for one in config[keys])
        t.ok(good, f"provisioning: {path}", config)
    sys.exit(t.done())


main()
