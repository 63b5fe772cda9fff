# SPDX-License-Identifier: GPL-2.0
# What an operation costs, in guest instructions: docs/perf.md.

.PHONY: perf perf-test perf-costs
perf: tool $(BUILD)/perf/insns.so ## measure what stock, patched and watched kernels execute, against the budgets
	@tests/perf/run --json $(BUILD)/perf/result.json --markdown $(BUILD)/perf/result.md --html $(BUILD)/perf/result.html $(PERF_FLAGS)

perf-test: tool workloads ## the tests of that measurement, with a kernel that is built to fail them
	@SEEDED=1 tests/run $(wildcard tests/perf/*.t)

perf-costs: tool $(BUILD)/perf/insns.so ## write what watching adds into the manual pages' table
	@tests/perf/record-costs

# A plugin of QEMU: which function executes how many of a round's instructions.
$(BUILD)/perf/insns.so: tests/perf/insns.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(WORKLOAD_CFLAGS) -fvisibility=hidden -shared -fPIC -o $@ $<

# Whoever builds the tests' workloads gets it too.
workloads: $(BUILD)/perf/insns.so
