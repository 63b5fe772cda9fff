#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Every event of the series, by the table in steps/table.py, fires and pairs: all but fsdax. steps.t [CASE...]

On one CPU: an order of events that only one CPU can have is the same every time.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402

guest.run_steps("steps", 1, ("virtio:512M", "virtio:512M", "nvme:512M"),
                *(sys.argv[1:] or ("buffered", "writeback", "directio", "reports", "aio", "dmio", "errors")))
