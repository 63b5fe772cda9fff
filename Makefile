# SPDX-License-Identifier: GPL-2.0
# The one front door. `make help` lists the targets.

BUILD := build
export KERNEL_SRC

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

.PHONY: all
all: tool ## the tool alone: build/bin/iomapscope, its man pages and its completion

include mk/kernel.mk $(filter-out mk/kernel.mk,$(wildcard mk/*.mk))

# Set-up. Each of the two front doors does all of it; what is there is not done again.

.PHONY: packages setup
packages: ## install what packages.txt lists (apt, through sudo when not root)
	@scripts/packages

.PHONY: demo
demo: ## set everything up, and watch lookups of a patched kernel under a real workload
	@scripts/packages tool kernel guest
	@$(MAKE) --no-print-directory tool kernel
	@tests/guest/demo

.PHONY: test
test: ## the same set-up, then all tests
	@scripts/packages
	@$(MAKE) --no-print-directory tool unit workloads
	@$(MAKE) --no-print-directory kernel
	@$(MAKE) --no-print-directory kernel-stock kernel-control kernel-broken debian-kernels
	@$(MAKE) --no-print-directory tests

.PHONY: clean distclean help
clean: ## remove what was built from this tree's own sources; the kernels and what was downloaded stay
	rm -rf $(BUILD)/bin $(BUILD)/bpf $(BUILD)/obj $(BUILD)/man $(BUILD)/completion $(BUILD)/unit $(BUILD)/workloads $(BUILD)/fuzz $(BUILD)/guest

distclean: ## remove all of build/, the kernel trees included
	@! scripts/kernel-tree unsaved || { echo "distclean: save it (make kernel-patches), or remove build/ yourself" >&2; exit 1; }
	rm -rf $(BUILD)

help: ## this list
	@echo "Targets:"
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 18
	@echo "Variables:"
	@echo "  KERNEL_SRC=PATH  a 6.12.y tree or tarball, instead of Debian's linux-source-6.12"
	@echo "  PREFIX=, DESTDIR= where install puts things (/usr/local)"
	@echo "  KERNEL_IMAGE=FILE the kernel that vm boots"
