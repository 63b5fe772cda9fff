#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The same dashboards and rules with VictoriaMetrics, and vmalert for the rules.
command -v victoria-metrics >/dev/null && command -v vmalert >/dev/null && command -v promtool >/dev/null ||
	{ echo "1..0 # SKIP no victoria-metrics, or no promtool: install the packages"; exit 0; }
exec "$(dirname "$0")/../lib/scrape.py" --label native --engine victoria-metrics "$@"
