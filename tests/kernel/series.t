#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Each group of patches is what its git tree says, byte for byte, and checkpatch has nothing to say about it."""

import filecmp
import glob
import hashlib
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/lib"))
from tap import Tap, skip_all  # noqa: E402

# broken is the tests' own, one patch, without a cover letter and exported on the base of observe.
GROUPS = ("observe", "control", "broken")
TREE = os.path.join(TOP, "build/kernel/observe")
# The objects' names and the line numbers depend on the base; what is added and removed does not.
BASE_DEPENDENT = re.compile(rb"^(index [0-9a-f]+\.\.|@@ |.* \|\s+\d+ |Subject: |Date: )")


def run(*command, **kw):
    # Debian's own Python, whatever else is in the PATH: checkpatch needs its modules.
    env = dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def changes(path):
    with open(path, "rb") as patch:
        return [line for line in patch.read().splitlines() if not BASE_DEPENDENT.match(line)]


def check(tap, group):
    own = group == "broken"
    series = os.path.join(TOP, "tests/kernel" if own else os.path.join("patches/6.12", group))
    patches = [os.path.join(series, "broken.patch")] if own else sorted(glob.glob(os.path.join(series, "0*.patch")))
    base = run("git", "-C", TREE, "log", "-1", "--format=%s", "base").stdout.split()[-1]
    with open(os.path.join(TOP, "patches/6.12/observe/base") if own else os.path.join(series, "base")) as file:
        exported_on = file.read().strip()

    with tempfile.TemporaryDirectory(dir=os.path.join(TOP, "build")) as out:
        export = run(os.path.join(TOP, "scripts/kernel-patches"), "-g", group, out)
        tap.equal(export.returncode, 0, f"{group} exports", export.stdout)
        names = [os.path.basename(path) for path in patches]
        tap.equal(sorted(name for name in os.listdir(out) if name != "base"), names, f"the export of {group} has the same files")
        for name in names:
            here, there = os.path.join(series, name), os.path.join(out, name)
            if not os.path.exists(there):
                continue
            if base == exported_on:
                same = filecmp.cmp(here, there, shallow=False)
                tap.ok(same, f"{group}/{name} is exported as it stands", run("diff", "-u", here, there).stdout)
            else:
                tap.ok(changes(here) == changes(there), f"{group}/{name} says the same on {base} as on {exported_on}",
                       run("diff", "-u", here, there).stdout)

    # As builds.t does for what has been compiled: what checkpatch has found nothing in need not be read again.
    seen_path, seen = os.path.join(TOP, "build/kernel/checked"), set()
    if os.path.exists(seen_path):
        with open(seen_path) as file:
            seen = set(file.read().split())
    with open(os.path.join(TREE, "scripts/checkpatch.pl"), "rb") as file:
        checker = file.read()
    for patch in patches if own else patches[1:]:
        with open(patch, "rb") as file:
            digest = hashlib.sha256(checker + file.read()).hexdigest()
        if digest in seen:
            tap.ok(True, f"checkpatch --strict: {group}/{os.path.basename(patch)} (as before)")
            continue
        # The author is no person and signs nothing. MAINTAINERS has the new file's directory already, as a pattern,
        # which checkpatch does not look up.
        checked = run("scripts/checkpatch.pl", "--strict", "--quiet", "--no-signoff", "--ignore", "FILE_PATH_CHANGES", patch,
                    cwd=TREE)
        if tap.ok(checked.returncode == 0 and not checked.stdout.strip(), f"checkpatch --strict: {group}/{os.path.basename(patch)}",
                  checked.stdout):
            with open(seen_path, "a") as file:
                file.write(digest + "\n")


def main():
    if not os.path.isdir(os.path.join(TREE, ".git")):
        skip_all("there is no kernel tree: make kernel-tree")
    tap = Tap()
    # What is on top is only a work tree and a few commits.
    made = [run(os.path.join(TOP, "scripts/kernel-tree"), group) for group in GROUPS[1:]]
    if run(os.path.join(TOP, "scripts/kernel-tree"), "unsaved").returncode == 0:
        skip_all("a kernel tree has work that patches/ has not")
    tap.equal([one.returncode for one in made], [0, 0], "the groups apply", "".join(one.stdout for one in made))
    for group in GROUPS:
        check(tap, group)
    return tap.done()


sys.exit(main())
