#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# All cases on the kernel that this machine runs. Arguments name single cases.
exec "$(dirname "$0")/../lib/cases.py" --label native "$@"
