#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""All cases on the patched kernel."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest  # noqa: E402

guest.run_cases("patched", guest.built_kernel("observe"), guest.PATCHED_SOURCES, skip=("attach",))
