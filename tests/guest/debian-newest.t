#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""All cases on the newest kernel that Debian has."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest  # noqa: E402

guest.run_cases("debian-newest", guest.debian_kernel("newest"), guest.STOCK_SOURCES, skip=guest.SAME_EVERYWHERE, options=("--brief", "--best"))
