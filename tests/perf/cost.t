#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The patched kernel costs no more than tests/perf/budgets allows, and the gate that says so turns red when it should."""

import contextlib
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
from tap import Tap, skip_all  # noqa: E402

RUN = os.path.join(HERE, "run")
loader = importlib.machinery.SourceFileLoader("perf_run", RUN)
spec = importlib.util.spec_from_loader("perf_run", loader)
run = importlib.util.module_from_spec(spec)
loader.exec_module(run)

# All of the iomap events of a stock kernel. A read that finds its folio does not enter iomap, so nothing can be seen of it.
TRACED = "traced=stock:echo 1 >/sys/kernel/tracing/events/iomap/enable"
NOT_IN_IOMAP = {"cached_read"}
# How far two boots of a kernel may be apart; docs/perf.md tells about unshare.
SAME = 0.001
SAME_BUT = {"unshare": 0.01}


def call(*args):
    return subprocess.run([RUN, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, text=True, errors="replace")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def gate(t, tmp):
    """One result a workload. Returns stock's figures by workload."""
    path = os.path.join(tmp, "cost.json")
    result = call("--json", path)
    t.diag(result.stdout)
    if not t.ok(result.returncode in (run.PASSED, run.RED) and os.path.exists(path), "the kernels are compared",
                f"status {result.returncode}"):
        return {}
    found = load(path)
    t.equal(found["schema"], 1, "the JSON's schema")
    for row in found["rows"]:
        ratio = "no ratio" if row["ratio"] is None else f"ratio {row['ratio']:.4f}"
        t.ok(row["verdict"] == run.OK, f"{row['contender']}: {row['workload']}: {ratio}, budget {row['budget']}",
             f"{row['verdict']} {row['why']}")
    t.equal(result.returncode, run.RED if any(row["verdict"] != run.OK for row in found["rows"]) else run.PASSED,
            "the exit status says the same")
    return {row["workload"]: row["baseline_instructions"] for row in found["rows"]}


def regression(t, tmp, stock):
    """A kernel that does more is seen in every workload; the same kernel in another boot costs the same."""
    path = os.path.join(tmp, "regression.json")
    result = call("--no-confirm", "--contender", TRACED, "--json", path)
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


def observed(t, tmp):
    """A histogram of lookups adds no more to one than its budget, on the patched kernel and on the stock one."""
    tool = os.path.join(HERE, "..", "..", "build", "bin", "iomapscope")
    path = os.path.join(tmp, "observed.json")
    watch = f"{os.path.realpath(tool)} lookups --hist >/dev/null 2>&1 & sleep 6"
    # Each is held against its own kernel with nobody watching.
    for name, kernel in (("hist", "observe"), ("stock-hist", "stock")):
        result = call("--workload", "seek", "--baseline", kernel, "--contender", f"{name}={kernel}:{watch}", "--json", path)
        rows = load(path)["rows"] if os.path.exists(path) else []
        row = next((row for row in rows if row["contender"] == name), {})
        t.ok(row.get("verdict") == run.OK and row["instructions"] > row["baseline_instructions"] + 100,
             f"{name}: within its budget, and it does watch", result.stdout)
        if os.path.exists(path):
            os.unlink(path)


def broken(t, tmp):
    """What gives no figures is never a success."""
    text = os.path.join(tmp, "text")
    with open(text, "w", encoding="utf-8") as file:
        file.write("no kernel\n")
    for what, args, says in (
            ("a kernel that is not there", ("--kernel", "observe=" + tmp + "/no"), "is not there"),
            ("a kernel that does not boot", ("--kernel", "observe=" + text), "not a bzImage"),
            ("a contender whose command fails", ("--contender", "bad=stock:exit 7", "--workload", "seek"), "command failed"),
            ("an unknown workload", ("--workload", "nonsense"), "no workload 'nonsense'"),
            ("an unknown contender", ("--contender", "nonsense"), "no contender 'nonsense'"),
            ("budgets that say nothing", ("--budgets", os.devnull), "no line of the budgets"),
            ("budgets that cannot be read", ("--budgets", text), "needs a contender"),
            ("an unknown option", ("--nonsense",), "--nonsense")):
        result = call(*args)
        t.equal(result.returncode, run.BROKEN, f"{what}: status 2", result.stdout)
        t.ok(says in result.stdout, f"{what}: it says so", result.stdout)


def result(instructions, settled=True):
    return {"instructions": instructions, "settled": settled}


def verdicts(t):
    """The rows that need a kernel gone wrong."""
    def verdict(baseline, figure, budget="1.005"):
        return run.judge("w", "c", run.Figure(baseline), run.Figure(figure), budget, ("b", "c"))["verdict"]

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
            ("an error in one boot of two", run.FAILED, (good, [result(1000), {"error": ""}])),
            ("nothing printed", run.FAILED, (good, [None])),
            ("a baseline with an error", run.FAILED, ([{"error": "no"}], good)),
            ("no boot", run.FAILED, (good, []))):
        t.equal(verdict(*args), expected, f"verdict: {what}")
    t.equal(run.budget_of([("a", "*", "1.1", ""), ("*", "w", "1.2", "")], "a", "w"), "1.1", "the first budget that fits counts")


def confirmation(t):
    """When a row is measured again. The boots are made up: a figure each, or None for an error."""
    def boot(figures):
        def measure(contender, _image, workloads, _timeout):
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
            got = run.main(["--workload", "seek"])
        t.equal((got, counts["observe"]), (status, boots), f"confirmation: {what}: status {status} and boots {boots}",
                said.getvalue())
    run.measure = real


def main():
    for kernel in ("stock", "observe"):
        image = os.path.join(run.BUILD, "kernel", kernel, "arch/x86/boot/bzImage")
        if not os.path.exists(image):
            skip_all(f"{image} is not there: make kernel kernel-stock")
    t = Tap()
    with tempfile.TemporaryDirectory(prefix="cost.") as tmp:
        verdicts(t)
        confirmation(t)
        stock = gate(t, tmp)
        regression(t, tmp, stock)
        observed(t, tmp)
        broken(t, tmp)
    return t.done()


sys.exit(main())
