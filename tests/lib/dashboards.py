# SPDX-License-Identifier: GPL-2.0
"""The dashboards, rules and metrics as the tests see them: the tables of tools/schema, the JSON of dashboards/, queries with their
variables filled in."""

import collections
import functools
import glob
import json
import os
import re
import subprocess

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOM = os.path.join(TOP, "dashboards")
RULES = os.path.join(ROOM, "rules")
# What Prometheus itself says of each target, and of alerts.
PROMETHEUS_METRICS = {"up": set(), "scrape_duration_seconds": set(), "scrape_samples_scraped": set(),
                      "ALERTS": {"alertname", "alertstate", "severity", "device", "fstype"}}
# Labels that no exporter sets.
TARGET_LABELS = {"job", "instance", "cluster"}

Metric = collections.namedtuple("Metric", "name kind unit labels doc group facet")


def expand(header, macros, call):
    """What the preprocessor makes of a table of tools/schema, as JSON values."""
    source = f'{macros}\n#include "{header}"\nENTRIES\n{call}\n'
    rooms = [word for room in ("tools/schema", "bpf") for word in ("-I", os.path.join(TOP, room))]
    done = subprocess.run([os.environ.get("CC", "cc"), "-E", "-P", *rooms, "-"], input=source, capture_output=True, text=True, check=True)
    return json.loads("[" + done.stdout.split("ENTRIES", 1)[1].strip().rstrip(",") + "]")


def words(table, header="ops.h"):
    """The names of a list of words, as IOMAP_OPS."""
    return expand(header, "#define SHOW(id, name, ...) name,", f"{table}(SHOW)")


def metrics():
    """Every metric of the exporter: name -> Metric, with all its labels."""
    groups = {name: (observer, facet) for name, observer, facet in
              expand("metrics.h", "#define SHOW(id, observer, facet) [#id, observer, facet],", "METRIC_GROUPS(SHOW)")}
    result = {}
    for group, name, kind, unit, label, doc in expand("metrics.h", "#define SHOW(g, n, t, u, l, d) [#g, n, #t, u, l, d],", "METRICS(SHOW)"):
        facet = groups[group][1]
        labels = [word for word in ("device", "fstype", facet, label) if word]
        result[name] = Metric(name, kind, unit, labels, doc, group, facet)
    for name, kind, unit, labels, doc in expand("metrics.h", "#define SHOW(n, t, u, l, d) [n, #t, u, l, d],", "OWN_METRICS(SHOW)"):
        result[name] = Metric(name, kind, unit, [word for word in labels.split(",") if word], doc, None, None)
    return result


def samples(known=None):
    """Every name of a sample: name -> (Metric, its labels, cgroup and le with them)."""
    result = {}
    for metric in (known or metrics()).values():
        labels = set(metric.labels) | ({"cgroup"} if metric.group else set())
        if metric.kind == "COUNTER":
            result[metric.name + "_total"] = metric, labels
        elif metric.kind == "HISTOGRAM":
            result[metric.name + "_bucket"] = metric, labels | {"le"}
            result[metric.name + "_sum"] = result[metric.name + "_count"] = metric, labels
        else:
            result[metric.name] = metric, labels
    return result


def load():
    """The committed dashboards, name -> JSON."""
    result = {}
    for path in sorted(glob.glob(os.path.join(ROOM, "*.json"))):
        with open(path) as file:
            result[os.path.basename(path)[:-5]] = json.load(file)
    return result


def panels(dashboard):
    """All panels but the rows."""
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from (inner for inner in panel.get("panels", ()))


# A query of a dashboard: where it stands, the expression, whether it is for one moment, and its kind: panel, variable, annotation.
Query = collections.namedtuple("Query", "where expr instant kind panel")


def queries(dashboard):
    title = dashboard["title"]
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            yield Query(f"{title} / {panel['title']} / {target['refId']}", target["expr"], target["instant"], "panel", panel)
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(f"{title} / variable {variable['name']}", variable["query"]["query"], False, "variable", None)
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(f"{title} / annotation {annotation['name']}", annotation["expr"], False, "annotation", None)


def chosen(dashboard, **values):
    """What each variable stands for in a query: All, unless @values says otherwise."""
    result = {variable["name"]: variable.get("allValue", "") for variable in dashboard["templating"]["list"]}
    return {**result, **values}


def substitute(expr, values, rate_interval="1m"):
    """A query as Grafana sends it. What is left over is a variable that there is not."""
    values = {"__rate_interval": rate_interval, "__interval": "15s", "__range": "1h", **values}
    expr = re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))", lambda found: values.get(found.group(1) or found.group(2), found.group(0)), expr)
    if "$" in expr:
        raise ValueError(f"an unknown variable in {expr}")
    return expr


def label_values(query):
    """(selector, label) of a variable's query."""
    found = re.fullmatch(r"label_values\((.*), *(\w+)\)", query, re.S)
    if not found:
        raise ValueError(f"not label_values(selector, label): {query}")
    return found.groups()


# PromQL, as far as to say which metrics and labels an expression names. Whether it is PromQL at all is promtool's to say.
KEYWORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset", "atan2", "inf", "nan",
            "start", "end"}
TOKEN = re.compile(r"""\s+|\#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
                   r"""|[0-9][0-9a-zA-Z.]*(?:[eE][-+]?[0-9]+)?|\$?[a-zA-Z_:][\w:]*|=~|!~|!=|==|>=|<=|.""", re.S)


def tokens(expr):
    return [token for token in TOKEN.findall(expr) if not token.isspace() and not token.startswith("#")]


Selector = collections.namedtuple("Selector", "name matchers range functions")


def parse(expr):
    """(selectors, labels): each selector with its matchers {label: (operator, value)}, its range or None, and the functions around it from
    the outermost in; all labels named by aggregations and vector matching."""
    found, labels, around = [], set(), []
    words_of = tokens(expr)
    at = 0

    def matchers():
        nonlocal at
        result = {}
        at += 1
        while words_of[at] != "}":
            label, operator, value = words_of[at:at + 3]
            result[label] = operator, value[1:-1]
            at += 3
            if words_of[at] == ",":
                at += 1
        at += 1
        return result

    def selector(name):
        nonlocal at
        given = matchers() if at < len(words_of) and words_of[at] == "{" else {}
        duration = None
        if at < len(words_of) and words_of[at] == "[":
            duration = words_of[at + 1]
            at = words_of.index("]", at) + 1
        found.append(Selector(name, given, duration, [function for function in around if function]))

    while at < len(words_of):
        word = words_of[at]
        following = words_of[at + 1] if at + 1 < len(words_of) else ""
        if word == "{":
            selector(None)
        elif word in KEYWORDS and following == "(" and word not in ("and", "or", "unless", "bool", "start", "end"):
            at += 2
            while words_of[at] != ")":
                if words_of[at] != ",":
                    labels.add(words_of[at])
                at += 1
            at += 1
        elif re.fullmatch(r"[a-zA-Z_:][\w:]*", word) and word.lower() not in KEYWORDS:
            at += 1
            # An aggregation may have its labels before its parentheses.
            if following == "(" or following in ("by", "without"):
                if following != "(":
                    end = words_of.index(")", at)
                    labels.update(label for label in words_of[at + 2:end] if label != ",")
                    at = end + 1
                around.append(word)
                at += 1
            else:
                selector(word)
        else:
            if word == "(":
                around.append(None)
            elif word == ")":
                around.pop()
            at += 1
    return found, labels


@functools.cache
def recorded():
    """Every recording rule: name -> expression."""
    result = {}
    for path in sorted(glob.glob(os.path.join(RULES, "*.yaml"))):
        with open(path) as file:
            result.update({rule["record"]: rule["expr"] for group in yaml.safe_load(file)["groups"] for rule in group["rules"]
                           if "record" in rule})
    return result


def can_be_told(query, there):
    """Whether an exporter that has the samples @there can answer a query. Of what a regular expression of a name finds, one is enough."""
    def told(expr):
        for selector in parse(expr)[0]:
            if selector.name is None:
                pattern = re.compile(selector.matchers["__name__"][1])
                if not any(told(recorded()[name]) for name in recorded() if pattern.fullmatch(name)):
                    return False
            elif selector.name in recorded():
                if not told(recorded()[selector.name]):
                    return False
            elif selector.name not in there and selector.name not in PROMETHEUS_METRICS:
                return False
        return True

    return told(label_values(query.expr)[0] if query.kind == "variable" else query.expr)
