#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Dashboards and rules with a real Prometheus that scrapes the exporter on the kernel that this machine runs.
command -v prometheus >/dev/null && command -v promtool >/dev/null || { echo "1..0 # SKIP no prometheus: install the package"; exit 0; }
exec "$(dirname "$0")/../lib/scrape.py" --label native "$@"
