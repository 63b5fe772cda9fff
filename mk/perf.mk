# SPDX-License-Identifier: GPL-2.0
# What an operation costs, in guest instructions: docs/perf.md.

PERF_BENCH := $(BUILD)/perf/bench

.PHONY: perf
perf: tool workloads ## compare the instructions of each workload on the patched kernel with its stock twin
	@tests/perf/run $(PERF_FLAGS)

# Static: it runs in guests of any kind.
$(PERF_BENCH): tests/perf/bench.c tests/workloads/common.c tests/workloads/common.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(WORKLOAD_CFLAGS) -Itests/workloads -static -o $@ $(filter %.c,$^)

# A plugin of QEMU: which function executes how many of a round's instructions.
PERF_PLUGIN := $(BUILD)/perf/insns.so
$(PERF_PLUGIN): tests/perf/insns.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(WORKLOAD_CFLAGS) -fvisibility=hidden -shared -fPIC -o $@ $<

# Whoever builds the tests' workloads gets it too.
workloads: $(PERF_BENCH) $(PERF_PLUGIN)
