#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The same as steps.t for fsdax, on two CPUs: one has to wait for the other."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402

guest.run_steps("steps-fsdax", 2, ("pmem:512M",), "fsdax")
