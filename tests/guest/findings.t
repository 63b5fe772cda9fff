#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The defects of the stock kernel that docs/findings.md describes: what the tests of data bear, and why. findings.t [CASE...]"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402
import tool    # noqa: E402

guest.run_cases("findings", guest.built_kernel("stock"), guest.STOCK_SOURCES,
                options=("--cases", os.path.join(tool.TOP, "tests", "guest", "findings")))
