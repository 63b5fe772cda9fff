#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""On the patched kernel with two CPUs: what one begins and another one ends, and what both count."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest  # noqa: E402

guest.run_cases("smp", guest.built_kernel("observe"), guest.PATCHED_SOURCES, "aio", "counts", "dio", "follow", "ioends", "loss", cpus=2)
