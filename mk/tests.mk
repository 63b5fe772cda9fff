# SPDX-License-Identifier: GPL-2.0
# The workloads that the tests run, and the tests themselves.

WORKLOADS := seek extents fail integrity nested daxmap
WORKLOAD_BINS := $(WORKLOADS:%=$(BUILD)/workloads/%)
WORKLOAD_CFLAGS ?= -O2 -g -Wall -Wextra -std=gnu11

.PHONY: workloads tests

workloads: $(WORKLOAD_BINS)	## build the test workloads

# Static: they run in guests of any kind.
$(WORKLOAD_BINS): $(BUILD)/workloads/%: tests/workloads/%.c tests/workloads/common.c tests/workloads/common.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(WORKLOAD_CFLAGS) -static -pthread -o $@ $< tests/workloads/common.c

tests:	## run all tests; they build nothing
	@tests/run $(TESTS)
