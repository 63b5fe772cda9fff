# SPDX-License-Identifier: GPL-2.0
# Those of the tests' workloads that need what tool.mk builds.

# Policies that the guest's tests attach, and what attaches them.
POLICIES := $(patsubst tests/guest/control/%.bpf.c,$(BUILD)/workloads/%.bpf.o,$(wildcard tests/guest/control/*.bpf.c))

workloads: $(BUILD)/workloads/policy $(POLICIES)

$(BUILD)/workloads/policy: tests/workloads/policy.c $(LIBBPF)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(WORKLOAD_CFLAGS) -I$(LIBBPF_INC) -static -o $@ $< $(LIBBPF) -lelf -lzstd -lz

$(POLICIES): $(BUILD)/workloads/%.bpf.o: tests/guest/control/%.bpf.c tests/guest/control/nothing.h bpf/iomap_control.h $(BPFTOOL)
	@mkdir -p $(@D)
	@echo "  CLANG   $@"
	@$(CLANG) -target bpf -g -O2 -Wall -Wextra -Wno-unused-parameter -D__TARGET_ARCH_$(HOST_ARCH) -Ibpf -I$(LIBBPF_INC) \
		-idirafter /usr/include/$(shell $(CC) -dumpmachine) -c $< -o $@
