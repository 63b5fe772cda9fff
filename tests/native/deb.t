#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""make deb: what is in the packages, that the tool in them runs, and what lintian says."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import tool  # noqa: E402
from tap import Tap, skip_all  # noqa: E402

# Nobody is at home at this address, and it is not to be another.
NO_MAIL = "bogus-mail-host"


def command(*words):
    return subprocess.run(words, capture_output=True, text=True)


def contents(package):
    """Mode and owner of each file in it, by name."""
    lines = (line.split(None, 5) for line in command("dpkg-deb", "--contents", package).stdout.splitlines())
    return {name.removeprefix("."): (mode, owner) for mode, owner, _, _, _, name in lines if not name.endswith("/")}


def main():
    for needed in ("dpkg-buildpackage", "dh"):
        if not shutil.which(needed):
            skip_all(f"{needed} is not installed")
    t = Tap()
    with tempfile.TemporaryDirectory(prefix="deb.", dir=tool.BUILD) as build:
        made = subprocess.run([os.path.join(tool.TOP, "scripts/make-deb")], env={**os.environ, "BUILD": build}, capture_output=True, text=True)
        t.ok(made.returncode == 0, "make-deb", made.stdout + made.stderr)
        packages = {os.path.basename(path).split("_")[0]: path for path in glob.glob(f"{build}/deb/*.deb")}
        t.equal(sorted(packages), ["iomapscope", "iomapscope-dbgsym", "iomapscope-exporter"], "the packages")
        if made.returncode:
            return t.done()
        files = contents(packages["iomapscope"])
        pages = sorted(os.path.basename(path) for path in glob.glob(f"{tool.BUILD}/man/*.8"))
        t.equal(sorted(os.path.basename(name)[:-3] for name in files if "/man/" in name), pages, "every manual page")
        t.ok("/usr/share/bash-completion/completions/iomapscope" in files, "the completion", files)
        exporter = contents(packages["iomapscope-exporter"])
        t.ok("/lib/systemd/system/iomapscope-exporter.service" in exporter, "the service", exporter)
        for kept, where in (("dashboards/*.json", "dashboards"), ("dashboards/rules/*.yaml", "dashboards/rules"), ("docs/runbooks/*.md", "runbooks")):
            names = [os.path.basename(path) for path in glob.glob(os.path.join(tool.TOP, kept))]
            lost = [name for name in names if f"/usr/share/iomapscope-exporter/{where}/{name}" not in exporter]
            t.ok(names and not lost, f"{where} of the exporter's package", lost or names)
        t.equal({owner for _, owner in [*files.values(), *exporter.values()]}, {"root/root"}, "all belongs to root")
        t.equal([name for name, (mode, _) in files.items() if mode == "-rwxr-xr-x"], ["/usr/sbin/iomapscope"], "one program")

        root = os.path.join(build, "root")
        command("dpkg-deb", "--extract", packages["iomapscope"], root)
        installed = os.path.join(root, "usr/sbin/iomapscope")
        t.equal(command(installed, "version").stdout, command(tool.TOOL, "version").stdout, "the tool in it runs, and is this version")
        t.ok("statically linked" in command("file", "-b", installed).stdout, "and is static", command("file", "-b", installed).stdout)
        with open(installed, "rb") as binary:
            t.ok(os.fsencode(tool.TOP) not in binary.read(), "nothing in it tells where it was built")
        if shutil.which("lintian"):
            said = command("lintian", "--tag-display-limit", "0", *glob.glob(f"{build}/deb/*.changes")).stdout.splitlines()
            t.equal([line for line in said if re.match("[EW]:", line) and NO_MAIL not in line], [], "lintian has neither errors nor warnings")
        else:
            t.skip("lintian has neither errors nor warnings", "lintian is not installed")
    return t.done()


sys.exit(main())
