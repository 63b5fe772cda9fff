#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""check has nothing to say of XFS, ext4, btrfs, gfs2, erofs and ext2, also with DAX, while all of them are under stress.

STRESS_SECONDS says for how long on each (20); a longer run is the better one. STRESS_ON names those that are wanted, separated by commas.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import guest    # noqa: E402
import tool    # noqa: E402

seconds = int(os.environ.get("STRESS_SECONDS", "20"))
guest.TIMEOUT = 600 + 20 * seconds
passed = [arg for name in ("STRESS_SECONDS", "STRESS_ON") for arg in ("--env", name)]
guest.run_cases("check-silent", guest.built_kernel("observe") + passed, guest.PATCHED_SOURCES, cpus=2,
                options=("--cases", os.path.join(tool.TOP, "tests", "guest", "check_silent")))
