#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The patched kernel, and a histogram of lookups, cost no more than tests/perf/budgets allows, and the gate that says so turns red
when it should. make perf is the whole; here is what has to be looked at with every change."""

import contextlib
import html.parser
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import jsonschema  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

RUN = os.path.join(HERE, "run")
loader = importlib.machinery.SourceFileLoader("perf_run", RUN)
spec = importlib.util.spec_from_loader("perf_run", loader)
run = importlib.util.module_from_spec(spec)
loader.exec_module(run)
report, suspects = run.report, run.suspects

# Of all contenders those that are gated with every change.
GATED = ("observe", "lookups-hist", "stock-lookups-hist")

# All of the iomap events of a stock kernel. A read that finds its folio does not enter iomap, so nothing can be seen of it.
TRACED = "traced=stock:echo 1 >/sys/kernel/tracing/events/iomap/enable"
NOT_IN_IOMAP = {"cached_read"}
# How far two boots of a kernel may be apart; docs/perf.md tells about those that differ.
SAME = 0.001
SAME_BUT = {"unshare": 0.01, "truncate": 0.01, "ram_read": 0.005}      # in one boot; a run makes three of these
CLAIM = 0.02        # how far what watching adds may be from what the manual pages say


def call(*args):
    return subprocess.run([RUN, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, text=True, errors="replace")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Page(html.parser.HTMLParser):
    """What an HTML page is made of; it fails on tags that are not closed in their order."""

    EMPTY = {"meta", "line", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.sources, self.good = [], [], [], True
        self.feed(text)
        self.close()
        self.good = self.good and not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY or tag in self.open:
            self.good = self.good and bool(self.open) and self.open.pop() == tag


def forms(t, found, text, page):
    """The JSON is what its schema says, and what people get has each row."""
    with open(os.path.join(HERE, "result.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    try:
        jsonschema.validate(found, schema)
        why = None
    except jsonschema.ValidationError as error:
        why = error.message
    t.ok(not why, "JSON: as its schema says", why)
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| workload", "| contender"))]
    t.equal(len(rows), len(found["rows"]), "Markdown: a line for each row", text)
    parsed = Page(page)
    t.ok(parsed.good and parsed.seen.count("rect") == len(found["rows"]) and parsed.seen.count("tr") > len(found["rows"]),
         "HTML: each row in the table and in the chart", page[:2000])
    t.equal(parsed.sources, [], "HTML: nothing is loaded from elsewhere")


def gate(t, tmp):
    """One result a workload. Returns stock's figures by workload."""
    paths = {form: os.path.join(tmp, f"cost.{form}") for form in ("json", "markdown", "html")}
    result = call(*(word for name in GATED for word in ("--contender", name)), "--contender", "stock",
                  *(word for form, path in paths.items() for word in (f"--{form}", path)))
    t.diag(result.stdout)
    if not t.ok(result.returncode in (run.PASSED, run.RED) and all(map(os.path.exists, paths.values())), "the kernels are compared",
                f"status {result.returncode}"):
        return {}
    found = load(paths["json"])
    with open(paths["markdown"], encoding="utf-8") as text, open(paths["html"], encoding="utf-8") as page:
        forms(t, found, text.read(), page.read())
    for row in found["rows"]:
        ratio = "no ratio" if row["ratio"] is None else f"ratio {row['ratio']:.4f}"
        t.ok(row["verdict"] == run.OK, f"{row['contender']}: {row['workload']}: {ratio}, budget {row['budget']}",
             f"{row['verdict']} {row['why']}")
    t.equal({row["contender"] for row in found["rows"]}, set(GATED), "there is a row of each contender")
    t.equal(result.returncode, run.RED if any(row["verdict"] != run.OK for row in found["rows"]) else run.PASSED,
            "the exit status says the same")
    claims(t, found)
    return {figure["workload"]: figure["instructions"] for figure in found["figures"] if figure["contender"] == "stock"}


def claims(t, found):
    """What the manual pages say that watching adds is what was measured now."""
    for row in found["rows"]:
        claimed = run.all_contenders()[row["contender"]].claimed.get(row["workload"])
        if claimed and row["instructions"]:
            added = row["instructions"] - row["baseline_instructions"]
            t.ok(abs(added - claimed) <= max(CLAIM * claimed, 2), f"{row['contender']}: adds what tools/schema/costs.h says, {claimed}",
                 f"it adds {added:.1f}: make perf-costs writes it anew")


def regression(t, tmp, stock):
    """A kernel that does more is seen in every workload; the same kernel in another boot costs the same."""
    path = os.path.join(tmp, "regression.json")
    result = call("--no-confirm", "--no-suspects", "--contender", TRACED, "--json", path)
    t.equal(result.returncode, run.RED, "stock with its iomap events enabled: over budget", result.stdout)
    if not os.path.exists(path):
        return
    rows = load(path)["rows"]
    t.equal({row["workload"] for row in rows if row["verdict"] != run.OVER}, NOT_IN_IOMAP,
            "every workload that enters iomap shows it", result.stdout)
    again = {row["workload"]: row["baseline_instructions"] for row in rows}
    t.ok(stock.keys() == again.keys() and all(
        again[name] and stock[name] and abs(again[name] / stock[name] - 1) < SAME_BUT.get(name, SAME) for name in stock),
         "the same kernel in another boot costs the same", f"{stock}\n{again}")


def broken(t, tmp):
    """What gives no figures is never a success."""
    text = os.path.join(tmp, "text")
    with open(text, "w", encoding="utf-8") as file:
        file.write("no kernel\n")
    other, older = os.path.join(tmp, "other"), os.path.join(tmp, "older")
    for path, content in ((other, {"schema": run.SCHEMA}), (older, {"schema": 1})):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)
    for what, args, says in (
            ("a kernel that is not there", ("--kernel", "observe=" + tmp + "/no"), "is not there"),
            ("a kernel that does not boot", ("--kernel", "observe=" + text), "not a bzImage"),
            ("a contender whose command fails", ("--contender", "bad=stock:exit 7", "--workload", "seek"), "command failed"),
            ("an unknown workload", ("--workload", "nonsense"), "no workload 'nonsense'"),
            ("an unknown contender", ("--contender", "nonsense"), "no contender 'nonsense'"),
            ("nothing to compare with", ("--contender", "stock"), "nothing to compare"),
            ("a contender without the workload", ("--contender", "lookups-hist", "--workload", "dio_read_4k"), "has no figure for dio_read_4k"),
            ("a place that cannot be written", ("--json", tmp + "/no/result.json"), "cannot be written"),
            ("a contender to hold others against that there is not", ("--against", "nonsense"), "no contender 'nonsense'"),
            ("budgets that say nothing", ("--budgets", os.devnull), "no line of the budgets"),
            ("budgets that cannot be read", ("--budgets", text), "needs a contender"),
            ("a baseline that is not there", ("--baseline", tmp + "/no"), "cannot be read"),
            ("a baseline that is something else", ("--baseline", text), "is not what --json writes"),
            ("a baseline without figures", ("--baseline", other), "is not what --json writes"),
            ("a baseline of another form", ("--baseline", older), "its schema is 1"),
            ("a margin that is none", ("--margin", "much"), "is not a percentage"),
            ("an unknown option", ("--nonsense",), "--nonsense")):
        result = call(*args)
        t.equal(result.returncode, run.BROKEN, f"{what}: status 2", result.stdout)
        t.ok(says in result.stdout, f"{what}: it says so", result.stdout)


def result(instructions, settled=True):
    return {"instructions": instructions, "settled": settled}


def verdicts(t):
    """The rows that need a kernel gone wrong."""
    def verdict(baseline, figure, budget="1.005", least=0):
        return run.judge("w", "c", run.Figure(baseline), run.Figure(figure), budget, ("b", "c"), least)["verdict"]

    good = [result(1000)]
    for what, expected, args in (
            ("at the budget", run.OK, (good, [result(1005)])),
            ("over it", run.OVER, (good, [result(1005.1)])),
            ("cheaper", run.OK, (good, [result(500)])),
            ("within instructions", run.OK, (good, [result(1270)], "+270")),
            ("over instructions", run.OVER, (good, [result(1271)], "+270")),
            ("unsettled", run.UNSETTLED, (good, [result(1000, False)])),
            ("unsettled baseline", run.UNSETTLED, ([result(1000, False)], good)),
            ("one unsettled boot of two", run.OK, (good, [result(900, False), result(1000)])),
            ("boots that differ", run.UNREPEATED, (good, [result(1000), result(1002)])),
            ("boots of which the cheapest agree", run.OK, (good, [result(1010), result(1000), result(1001)])),
            ("one cheap boot", run.OVER, (good, [result(1006), result(1006), result(1000)])),
            ("an error", run.FAILED, (good, [{"error": "no"}])),
            ("watching that adds nothing", run.FAILED, (good, [result(1010)], "1.1", 20)),
            ("an error in one boot of two", run.FAILED, (good, [result(1000), {"error": ""}])),
            ("nothing printed", run.FAILED, (good, [None])),
            ("a baseline with an error", run.FAILED, ([{"error": "no"}], good)),
            ("no boot", run.FAILED, (good, []))):
        t.equal(verdict(*args), expected, f"verdict: {what}")
    t.equal(run.budget_of([("a", "*", "1.1", ""), ("*", "w", "1.2", "")], "a", "w"), "1.1", "the first budget that fits counts")


def confirmation(t):
    """When a row is measured again. The boots are made up: a figure each, or None for an error."""
    def boot(figures):
        def measure(contender, _image, workloads, _timeout, _arguments=(), _environment=None):
            counts[contender.name] += 1
            figure = figures[contender.name].pop(0)
            return "release", {name: result(figure) if figure else {"error": "no"} for name in workloads}
        return measure

    real = run.measure
    for what, status, boots, stock, observe in (
            ("within its budget", 0, 1, [1000], [1003]),
            ("over it", 1, 2, [1000] * 2, [1006] * 2),
            ("over it in one boot", 0, 3, [1000] * 3, [1006, 1003, 1003]),
            ("cheaper than the baseline, whose boot was bad", 0, 3, [1006, 1000, 1000], [1003] * 3),
            ("an error", 1, 1, [1000], [None]),
            ("never the same", 1, 4, [1000] * 4, [1010, 1020, 1030, 1040])):
        counts = dict.fromkeys(("stock", "observe"), 0)
        run.measure = boot({"stock": stock, "observe": observe})
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            got = run.main(["--workload", "seek", "--contender", "stock", "--contender", "observe", "--no-suspects"])
        t.equal((got, counts["observe"]), (status, boots), f"confirmation: {what}: status {status} and boots {boots}",
                said.getvalue())
    # Rounds that differ are a reason of their own.
    made = []

    def shaky(contender, _image, workloads, *_):
        made.append(contender.name)
        return "release", {name: {**result(1000), "rounds": [1000, 1001, 1002]} for name in workloads}

    run.measure = shaky
    with contextlib.redirect_stdout(io.StringIO()):
        got = run.main(["--workload", "seek", "--contender", "stock", "--contender", "observe", "--no-suspects"])
    t.equal((got, made.count("stock"), made.count("observe")), (0, 3, 3), "confirmation: rounds that differ: three boots")
    run.measure = real


def baseline(t, tmp):
    """A figure above an earlier run's and its margin is a regression, whatever the budgets say. The boots are made up."""
    real = run.measure
    path = os.path.join(tmp, "baseline.json")

    def made_up(figure):
        run.measure = lambda contender, _image, workloads, *_: ("release", {name: result(figure) for name in workloads})

    def compare(*args):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            return run.main(["--workload", "seek", "--contender", "stock", "--contender", "observe", "--no-suspects", *args]), said.getvalue()

    made_up(1000)
    t.equal(compare("--json", path)[0], run.PASSED, "baseline: the earlier run")
    for what, figure, args, status in (("the same", 1000, (), run.PASSED), ("less", 900, (), run.PASSED), ("within the margin", 1001.9, (), run.PASSED),
                                       ("beyond it", 1002.1, (), run.RED), ("within a wider one", 1009, ("--margin", "1"), run.PASSED)):
        made_up(figure)
        got, said = compare("--baseline", path, *args)
        t.equal(got, status, f"baseline: {what}: status {status}", said)
        t.equal("REGRESSED" in said and "2 of 2 regressed" in said, status == run.RED, f"baseline: {what}: it says so", said)
    made_up(1000)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            status = run.main(["--workload", "fiemap", "--contender", "stock", "--contender", "observe", "--baseline", path])
        except run.Broken as why:
            status = str(why)
    t.ok("has no figure of these" in str(status), "baseline: of other workloads: no verdict", status)
    t.equal(compare("--contender", "lookups-hist=observe", "--against", "observe")[0], run.PASSED, "a contender against one that is itself held against another")

    def fails(*_):
        raise suspects.Unavailable("a reason")

    profile, suspects.profile = suspects.profile, fails
    made_up(1100)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = run.main(["--workload", "seek", "--contender", "stock", "--contender", "observe", "--baseline", path])
    suspects.profile = profile
    t.equal((status, "a reason" in said.getvalue(), "REGRESSED" in said.getvalue()), (run.RED, True, True),
            "baseline: without functions the verdict stands, and it says why there are none", said.getvalue())
    run.measure = real


def functions(t):
    """Names by address, sums by function, and the largest differences."""
    symbols = suspects.Symbols(["ffffffff81000100 T __pfx_one", "ffffffff81000100 T one", "ffffffff81000200 t two", "ffffffff81000280 d data",
                                "ffffffffc0001000 t bpf_prog_0123456789abcdef_iter_begin\t[bpf]", "ffffffffc0002000 t bpf_trampoline_6442\t[bpf]"])
    for address, name in ((0x401000, suspects.USER), (0xffffffff81000000, suspects.UNKNOWN), (0xffffffff81000100, "one"),
                          (0xffffffff810001ff, "one"), (0xffffffff81000290, "two"), (0xffffffffc0001080, "bpf: iter_begin"),
                          (0xffffffffc0002010, "bpf_trampoline")):
        t.equal(symbols.name(address), name, f"functions: {address:x} is {name}")
    counts = suspects.by_function(["ffffffff81000100 300", "ffffffff81000110 100", "ffffffff81000200 50"], symbols, 100)
    t.equal(counts, {"one": 4.0, "two": 0.5}, "functions: instructions per operation")
    found = suspects.compare({"one": 4, "same": 7, "gone": 9}, {"one": 24, "same": 7.2, "new": 3}, limit=2)
    t.equal([tuple(one) for one in found], [("one", 4, 24), ("gone", 9, 0)], "functions: those that differ most, the largest first")


def main():
    for kernel in ("stock", "observe"):
        image = os.path.join(run.BUILD, "kernel", kernel, "arch/x86/boot/bzImage")
        if not os.path.exists(image):
            skip_all(f"{image} is not there: make kernel kernel-stock")
    t = Tap()
    with tempfile.TemporaryDirectory(prefix="cost.") as tmp:
        verdicts(t)
        functions(t)
        confirmation(t)
        baseline(t, tmp)
        stock = gate(t, tmp)
        regression(t, tmp, stock)
        broken(t, tmp)
    return t.done()


sys.exit(main())
