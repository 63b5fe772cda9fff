#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Under load, with devices that fail meanwhile, every kind of event that begins ends as often: counted, not recorded.

STRESS_SECONDS says for how long (30); a longer run is the better one.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402

seconds = int(os.environ.get("STRESS_SECONDS", "30"))
guest.run_steps("steps-stress", 2, ("virtio:512M", "virtio:512M", "nvme:512M", "pmem:512M"), "stress", str(seconds),
                timeout=seconds * 3 + 400)
