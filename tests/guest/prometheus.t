#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Dashboards and rules with a real Prometheus that scrapes the exporter on the patched kernel: every panel of every dashboard has data."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest  # noqa: E402
import tool  # noqa: E402
from tap import skip_all  # noqa: E402

if not shutil.which("prometheus") or not shutil.which("promtool"):
    skip_all("no prometheus: install the package")
command = guest.vm_command(guest.built_kernel("observe"), "prometheus", ["512M", "512M", "256M"],
                           os.path.join(tool.TOP, "tests", "lib", "scrape.py"), "--label", "patched", "--patched", "--interval", "2",
                           "--disk", "/dev/vda", "--disk", "/dev/vdb", "--disk", "/dev/vdc", "--pmem", "/dev/pmem0", *sys.argv[1:], cpus=1)
at = command.index("--")
command[at:at] = ["--disk", "pmem:512M"]
os.execv(command[0], command)
