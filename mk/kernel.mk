# SPDX-License-Identifier: GPL-2.0
# The kernel: its git tree, its builds, and the series.

KERNEL_OBSERVE := $(BUILD)/kernel/observe/arch/x86/boot/bzImage
KERNEL_STOCK := $(BUILD)/kernel/stock/arch/x86/boot/bzImage

.PHONY: kernel kernel-control kernel-broken kernel-stock kernel-debug kernel-tree kernel-patches
kernel: ## build the patched kernel of the guest
	@scripts/kernel-build observe

kernel-control: ## build it with the hooks that make iomap fail on demand (patches/6.12/control)
	@scripts/kernel-build control

kernel-broken: ## build it with what breaks each rule of iomapscope check on demand (tests/kernel/broken.patch)
	@scripts/kernel-build broken

kernel-stock: ## build its stock twin
	@scripts/kernel-build stock

kernel-debug: ## build the patched kernel with KASAN, lockdep and their like
	@scripts/kernel-build debug

kernel-tree: ## make build/kernel/observe and control: the base, tagged, and the series applied by git am
	@scripts/kernel-tree
	@scripts/kernel-tree control

kernel-patches: ## write the series from that tree back to patches/
	@scripts/kernel-patches
