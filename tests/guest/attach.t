#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Observers that come and go under load, by fentry and kprobes too."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest  # noqa: E402

guest.run_cases("attach", guest.built_kernel("stock"), guest.STOCK_SOURCES, "attach")
