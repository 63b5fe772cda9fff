# SPDX-License-Identifier: GPL-2.0
# The dashboards. Their JSON is committed, as people import it without having jsonnet.

DASHBOARDS := $(patsubst dashboards/src/%.jsonnet,dashboards/%.json,$(wildcard dashboards/src/*.jsonnet))

.PHONY: dashboards

dashboards: $(DASHBOARDS)	## make dashboards/*.json of dashboards/src

$(DASHBOARDS): dashboards/%.json: dashboards/src/%.jsonnet dashboards/src/iomapscope.libsonnet
	@echo "  JSONNET $@"
	@jsonnet -J dashboards/src -o $@ $<
