#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The rules: Prometheus takes them, each alert fires and stays silent in a near miss, and has a runbook whose commands the tool knows."""

import glob
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import yaml  # noqa: E402

import dashboards  # noqa: E402
import prometheus  # noqa: E402
import tool  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SECTIONS = ["Meaning", "Impact", "How to look further", "How to mend", "Why this threshold"]
SEVERITIES = {"critical", "warning", "info"}
# What stands for something of the reader's machine, and something that every machine has.
EXAMPLES = {"/dev/DEVICE": "/", "FILE": "/etc/passwd", "N": "100"}
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []


def alerts():
    """name -> rule."""
    result = {}
    for path in sorted(glob.glob(os.path.join(dashboards.RULES, "*.yaml"))):
        with open(path) as file:
            for group in yaml.safe_load(file)["groups"]:
                result.update({rule["alert"]: rule for rule in group["rules"] if "alert" in rule})
    return result


def metrics_of(series):
    return re.split(r"[{ ]", series, 1)[0]


def check_tests(t, known):
    """promtool's own tests; and that they are there: for each alert one that fires, and one that is silent with the same metrics in it."""
    fires, silent = {}, {}
    for path in sorted(glob.glob(os.path.join(HERE, "alerts-*.yaml"))):
        done = prometheus.promtool("test", "rules", path)
        t.ok(done.returncode == 0, f"promtool test rules {os.path.basename(path)}", done.stdout + done.stderr)
        with open(path) as file:
            for group in yaml.safe_load(file)["tests"]:
                given = {metrics_of(one["series"]) for one in group["input_series"]}
                for test in group["alert_rule_test"]:
                    cases = fires if test["exp_alerts"] else silent
                    cases.setdefault(test["alertname"], []).append(given)
    t.equal(sorted(set(fires) | set(silent) - set(known)), sorted(known), "every alert has a test that it fires, and no other has")
    lacking = [name for name in known if not any(missing <= hit for missing in silent.get(name, ()) for hit in fires.get(name, ()))
               and not any(hit <= missing for missing in silent.get(name, ()) for hit in fires.get(name, ()))]
    t.equal(lacking, [], "every alert has a near miss, of the same metrics")


def check_texts(t, known):
    for name, rule in known.items():
        annotations = rule["annotations"]
        good = (set(annotations) == {"summary", "description", "runbook_url"} and rule["labels"]["severity"] in SEVERITIES
                and annotations["description"].endswith(".") and annotations["runbook_url"] == f"docs/runbooks/{name}.md")
        t.ok(good, f"{name}: severity, summary, description and runbook", rule)


def commands(text):
    """The lines of examples, and the commands inside sentences, that call the tool."""
    for line in text.splitlines():
        if line.startswith("    iomapscope "):
            yield line.strip()
    yield from re.findall(r"`(iomapscope [^`]*)`", text)


def options(text):
    """Options named without a command, beside a text that is about the exporter or anything else of the tool."""
    return set(re.findall(r"`(--[a-z-]+)", text))


def check_command(t, line, where):
    """Arguments are looked at before privileges are: a user who may nothing gets 3 for what is right, and 2 for what is not."""
    words = [EXAMPLES.get(word, word) for word in shlex.split(line)]
    words = [re.sub(r"=N$", "=100", word) for word in words][1:]
    done = subprocess.run([*NOBODY, tool.TOOL, *words], capture_output=True, text=True, timeout=tool.PATIENCE, stdin=subprocess.DEVNULL)
    t.ok(done.returncode in (0, 3, 4), f"{where}: {line}", f"status {done.returncode}: {done.stderr}")


def check_runbooks(t, known):
    paths = sorted(glob.glob(os.path.join(dashboards.TOP, "docs", "runbooks", "*.md")))
    t.equal([os.path.basename(path)[:-3] for path in paths], sorted(known), "every alert has a runbook, and every runbook an alert")
    lines, allowed = {}, set()
    for path in paths:
        name = os.path.basename(path)[:-3]
        with open(path) as file:
            text = file.read()
        t.equal(re.findall(r"^#+ (.*)", text, re.M), [name, *SECTIONS], f"{name}: its sections")
        empty = [section for section, body in zip(SECTIONS, re.split(r"^## .*\n", text, flags=re.M)[1:]) if len(body.split()) < 6]
        t.equal(empty, [], f"{name}: each of them says something")
        found = list(commands(text))
        t.ok(found, f"{name}: names a command to look further")
        for line in found:
            lines.setdefault(line, name)
        for link in re.findall(r"\]\(([^)]*)\)", text):
            t.ok(os.path.exists(os.path.join(os.path.dirname(path), link)), f"{name}: {link} is there")
        # Other alerts that are named exist.
        strangers = [word for word in re.findall(r"\b(?:Iomap|Aio|DmIo)[a-z][A-Za-z]*\b", text) if word not in known]
        t.equal(strangers, [], f"{name}: names alerts that exist")
        if options(text):
            allowed |= {(name, option) for option in options(text)}
    if not os.access(tool.TOOL, os.X_OK):
        t.skip("commands of runbooks", f"{tool.TOOL} is not there: run make first")
        return
    if NOBODY and subprocess.run([*NOBODY, tool.TOOL, "version"], capture_output=True).returncode:
        t.skip("commands of runbooks", "another user cannot run the tool where it is")
        return
    for line, name in lines.items():
        check_command(t, line, name)
    helps = tool.run("help", "export").stdout
    for name, option in sorted(allowed):
        t.ok(re.search(rf"^ .*{option}\b", helps, re.M), f"{name}: {option} is an option of the exporter", helps)
    # Proof that this looks at arguments at all.
    for line in ("iomapscope dio --errrors", "iomapscope dio --hist --by walt -d /", "iomapscope exporter", "iomapscope dio -d /no/where"):
        done = subprocess.run([*NOBODY, tool.TOOL, *shlex.split(line)[1:]], capture_output=True, text=True)
        t.equal(done.returncode, 2, f"a wrong one is found: {line}")


def check_mentions(t, known):
    """Alerts that the dashboards' texts name exist."""
    strangers = [(panel["title"], word) for dashboard in dashboards.load().values() for panel in dashboards.panels(dashboard)
                 for word in re.findall(r"\b(?:Iomap|Aio|DmIo)[a-z]*[A-Z]\w*", panel["description"]) if word not in known]
    t.equal(strangers, [], "panels name alerts that exist")


def main():
    if not prometheus.PROMTOOL:
        skip_all("no promtool: install the package prometheus")
    t = Tap()
    for path in sorted(glob.glob(os.path.join(dashboards.RULES, "*.yaml"))):
        done = prometheus.promtool("check", "rules", path)
        said = done.stdout + done.stderr
        t.ok(done.returncode == 0 and "SUCCESS" in said and "duplicate" not in said, f"promtool check rules {os.path.basename(path)}", said)
    done = prometheus.promtool("check", "config", os.path.join(dashboards.ROOM, "provisioning", "prometheus", "prometheus.yml"))
    t.ok(done.returncode == 0, "promtool check config: the example", done.stdout + done.stderr)
    known = alerts()
    t.ok(len(known) > 20, "alerts are read", known)
    check_texts(t, known)
    check_tests(t, known)
    check_runbooks(t, known)
    check_mentions(t, known)
    sys.exit(t.done())


main()
