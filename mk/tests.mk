# SPDX-License-Identifier: GPL-2.0
# The workloads that the tests run, and the tests themselves.

WORKLOADS := seek extents fail integrity nested daxmap aio
WORKLOAD_BINS := $(WORKLOADS:%=$(BUILD)/workloads/%)
WORKLOAD_CFLAGS ?= -O2 -g -Wall -Wextra -std=gnu11

.PHONY: workloads tests test-debug test-integrity-long

workloads: $(WORKLOAD_BINS)	## build the test workloads

# Static: they run in guests of any kind.
$(WORKLOAD_BINS): $(BUILD)/workloads/%: tests/workloads/%.c tests/workloads/common.c tests/workloads/common.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(WORKLOAD_CFLAGS) -static -pthread -o $@ $< tests/workloads/common.c

tests:	## run all tests; they build nothing
	@tests/run $(TESTS)

test-integrity-long: tool workloads kernel-control ## random operations that fail, on all file systems, for ten minutes
	@INTEGRITY_SECONDS=600 tests/guest/control.t failures

# Slow: everything is emulated and checked. One at a time, for the memory.
test-debug: tool workloads kernel-debug ## the tests of the patched kernel and of its control hooks, on one with KASAN and lockdep, all events on
	@PATCHED=debug TIMEOUT_FACTOR=10 JOBS=1 tests/run tests/guest/patched.t tests/guest/smp.t $(wildcard tests/guest/steps*.t) \
		tests/guest/oracles.t tests/guest/integrity.t tests/guest/control.t
