#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The control hooks, by inject and by policies of the tests' own: every callback, with the effect seen from outside. control.t [CASE...]

INTEGRITY_* and DEADLOCK_SECONDS: see tests/guest/control/failures.py and deadlock.py.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402
import tool    # noqa: E402

VARIABLES = ("INTEGRITY_SECONDS", "INTEGRITY_PERCENT", "INTEGRITY_SEED", "DEADLOCK_SECONDS", "TIMEOUT_FACTOR")
timeout = guest.TIMEOUT + 2 * sum(int(os.environ.get(name) or 0) for name in VARIABLES if name.endswith("_SECONDS"))
guest.run_cases("control", guest.built_kernel("control"), guest.PATCHED_SOURCES,
                options=("--cases", os.path.join(tool.TOP, "tests", "guest", "control")),
                timeout=timeout, variables=VARIABLES)
