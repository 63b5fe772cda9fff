#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""check finds each rule that a kernel breaks on demand, tells it exactly, and tells nothing else. check.t [CASE...]"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402
import tool    # noqa: E402
from tap import skip_all    # noqa: E402

IMAGE = os.path.join(tool.BUILD, "kernel", "broken", "arch", "x86", "boot", "bzImage")
CASES = os.path.join(tool.TOP, "tests", "guest", "check")
if not os.path.exists(IMAGE):
    skip_all("the kernel that breaks the rules is not built: make kernel-broken")
# Warnings that the kernel prints of what is broken: the cases expect each, where it is due and as often as it is.
guest.TIMEOUT = 900
guest.run_cases("check", ["--kernel", IMAGE, "--allow", os.path.join(CASES, "allow.txt")], guest.PATCHED_SOURCES,
                options=("--cases", CASES))
