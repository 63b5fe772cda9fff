# SPDX-License-Identifier: GPL-2.0
# The test guest: a shell in it, and the kernels of Debian that it boots as well.

KERNEL_IMAGE ?= $(KERNEL_OBSERVE)
DEBIAN_KERNELS := 6.1 6.12 newest
VM_FLAGS ?= --cpus 2

.PHONY: vm debian-kernels
# The patched kernel is built only when it is the one that boots.
vm: $(if $(filter $(KERNEL_OBSERVE),$(KERNEL_IMAGE)),kernel) ## a shell in the guest on KERNEL_IMAGE, the patched kernel unless given
	@tests/guest/vm --kernel $(KERNEL_IMAGE) $(VM_FLAGS) --interactive

debian-kernels: ## fetch the kernel images of Debian that the tests boot (6.1, 6.12, newest), at most once a day
	@set -e; for kernel in $(DEBIAN_KERNELS); do scripts/fetch-debian-kernel $$kernel; done
