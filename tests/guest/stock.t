#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Lookups on the patched kernel's stock twin: all else that is stock is on Debian's kernels."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest  # noqa: E402

guest.run_cases("stock", guest.built_kernel("stock"), guest.STOCK_SOURCES, "counts", "errors", "fiemap", "hist", "nested", "verifier")
