#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The suite catches what it is for: a needless function call for each lookup in the patched kernel, and a needless hash update for each
event in a BPF program. The rows concerned turn red, no other does, and the suspects are the culprits.

The kernel takes minutes to build, and is only built if SEEDED=1 says so (make perf-test), or has been for the patched kernel that is there."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from tap import Tap, skip_all  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.realpath(os.path.join(TOP, os.environ.get("BUILD") or "build"))
RUN = os.path.join(HERE, "run")
PASSED, RED = 0, 1

# In each, what stands before the first match of the pattern.
CALL = (r"\tret = ops->iomap_begin\(", "\tiomap_needless(iter);\n")
FUNCTION = (r"^static __always_inline int\niomap_iter_lookup\(", """static noinline void iomap_needless(struct iomap_iter *iter)
{
	asm volatile("" : : "r" (iter) : "memory");
}

""")
UPDATE = (r"\tadd_plain\(cpu, ctx\[2\]", "\t{\n\t\tstruct hist_key needless = {};\n\n\t\tbpf_map_update_elem(&hists, &needless, &no_hist, BPF_ANY);\n\t}\n")


def seed(path, *changes):
    """Puts the changes into a copy's file: a new file, as this one may be linked to the original."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for pattern, what in changes:
        found = re.search(pattern, text, re.MULTILINE)
        assert found, f"{path}: nothing matches {pattern}"
        text = text[:found.start()] + what + text[found.start():]
    os.unlink(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def shell(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, **options)
    assert not done.returncode, f"{command}: status {done.returncode}\n{done.stdout[-3000:]}"


def seeded_kernel():
    """The image of the patched kernel with the needless call, made once for each patched kernel; None if it is not to be made."""
    tree, image = os.path.join(BUILD, "kernel", "observe"), os.path.join(BUILD, "perf", "seeded-bzImage")
    original = os.path.join(tree, "arch/x86/boot/bzImage")
    if os.path.exists(image) and os.path.getmtime(image) > os.path.getmtime(original):
        return image
    if not os.environ.get("SEEDED"):
        return None
    with tempfile.TemporaryDirectory(prefix="seeded.", dir=BUILD) as tmp:
        copy = os.path.join(tmp, "observe")
        shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        seed(os.path.join(copy, "fs/iomap/iter.c"), CALL, FUNCTION)
        cc = "ccache gcc" if shutil.which("ccache") else "gcc"
        shell(["make", "-C", copy, f"CC={cc}", "LOCALVERSION=-observe", f"-j{os.cpu_count()}", "bzImage"],
              env={**os.environ, "CCACHE_BASEDIR": copy, "CCACHE_NOHASHDIR": "1"})
        shutil.copy(os.path.join(copy, "arch/x86/boot/bzImage"), image)
    return image


def seeded_tool(tmp):
    """The tool with the needless update."""
    for name in ("Makefile", "mk", "bpf", "tools", "scripts", "packages.txt", "docs", "LICENSE"):
        source = os.path.join(TOP, name)
        if os.path.isdir(source):
            shutil.copytree(source, os.path.join(tmp, name))
        elif os.path.exists(source):
            shutil.copy(source, tmp)
    os.mkdir(os.path.join(tmp, "build"))
    os.symlink(os.path.join(BUILD, "linux-tools"), os.path.join(tmp, "build", "linux-tools"))
    seed(os.path.join(tmp, "bpf/lookups.bpf.c"), UPDATE)
    shell(["make", "-C", tmp, "build/bin/iomapscope"], env={name: value for name, value in os.environ.items() if name != "BUILD"})
    return os.path.join(tmp, "build/bin/iomapscope")


def compare(path, *args):
    done = subprocess.run([RUN, "--json", path, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    if not os.path.exists(path):
        return done, {}
    with open(path, encoding="utf-8") as file:
        return done, json.load(file)


def red(rows):
    return {row["workload"] for row in rows if row["verdict"] != "ok"}


def blamed(rows, text):
    return rows and all(any(text in suspect["function"] for suspect in row["suspects"]) for row in rows if row["verdict"] != "ok")


def kernel(t, tmp, image):
    # A read from the cache looks nothing up.
    workloads = ("--no-confirm", "--workload", "seek,cached_read")
    done, found = compare(os.path.join(tmp, "kernel"), "--kernel", f"seeded={image}", "--against", "observe", *workloads)
    rows = found.get("rows", [])
    t.equal((done.returncode, red(rows)), (RED, {"seek"}), "a needless call for each lookup: the row that looks up is red", done.stdout)
    t.ok(blamed(rows, "iomap_needless"), "it is among the suspects", done.stdout)

    done, _ = compare(os.path.join(tmp, "baseline"), "--contender", "observe", "--functions", *workloads)
    t.equal(done.returncode, PASSED, "the patched kernel's own run is a baseline", done.stdout)
    done, found = compare(os.path.join(tmp, "later"), "--contender", "observe", "--kernel", f"observe={image}", "--budgets", os.path.join(tmp, "wide"),
                          "--baseline", os.path.join(tmp, "baseline"), *workloads)
    rows = [row for row in found.get("regressions", []) if row["contender"] == "observe"]
    t.equal((done.returncode, red(rows), red(found.get("rows", []))), (RED, {"seek"}, set()), "against that run it is a regression", done.stdout)
    t.ok(blamed(rows, "iomap_needless"), "with the same suspect", done.stdout)
    t.ok("REGRESSED" in done.stdout and "iomap_needless" in done.stdout, "and it is said", done.stdout)


def tool(t, tmp):
    program = seeded_tool(os.path.join(tmp, "tree"))
    done, found = compare(os.path.join(tmp, "tool"), "--against", "observe", "--no-confirm", "--workload", "seek",
                          "--contender", f"lookups-hist=observe:said=$(mktemp); {program} lookups --hist -v >/dev/null 2>$said & "
                          "until grep -q attached $said; do sleep 0.1; done; sleep 1")
    rows = found.get("rows", [])
    t.equal((done.returncode, red(rows)), (RED, {"seek"}), "a needless hash update for each event: over budget", done.stdout)
    t.ok(blamed(rows, "htab"), "the hash is among the suspects", done.stdout)


def main():
    for name in ("stock", "observe"):
        image = os.path.join(BUILD, "kernel", name, "arch/x86/boot/bzImage")
        if not os.path.exists(image):
            skip_all(f"{image} is not there: make kernel kernel-stock")
    t = Tap()
    # Below the build, as the guest sees nothing of /tmp.
    with tempfile.TemporaryDirectory(prefix="seeded.", dir=BUILD) as tmp:
        with open(os.path.join(tmp, "wide"), "w", encoding="utf-8") as file:
            file.write("* * 1.5 so that only the baseline is looked at\n")
        os.mkdir(os.path.join(tmp, "tree"))
        image = seeded_kernel()
        if image:
            kernel(t, tmp, image)
        else:
            t.skip("a needless call for each lookup", "the kernel with it is built by SEEDED=1 alone (make perf-test)")
        tool(t, tmp)
    return t.done()


sys.exit(main())
