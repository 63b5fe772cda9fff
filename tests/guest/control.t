#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The control hooks, by inject and by policies of the tests' own: every callback, with the effect seen from outside. control.t [CASE...]"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402
import tool    # noqa: E402
from tap import skip_all    # noqa: E402

IMAGE = os.path.join(tool.BUILD, "kernel", "control", "arch", "x86", "boot", "bzImage")
if not os.path.exists(IMAGE):
    skip_all("the kernel with the control hooks is not built: make kernel-control")
guest.run_cases("control", ["--kernel", IMAGE], guest.PATCHED_SOURCES,
                options=("--cases", os.path.join(tool.TOP, "tests", "guest", "control")))
