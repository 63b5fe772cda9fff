/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a policy for iomap needs of include/linux/iomap_control.h of this project's kernel: for those who write their own, in place of
 * a vmlinux.h.
 * Relocated against the running kernel's BTF. See docs/writing-a-policy.md.
 */
#ifndef IOMAPSCOPE_IOMAP_CONTROL_H
#define IOMAPSCOPE_IOMAP_CONTROL_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode;
struct iomap;

struct iomap_control_ctx {
	struct inode *inode;
	const struct iomap *iomap;
	long long pos;
	__u64 len;
	__u32 step;
	__u32 op;
	__u32 flags;
	__u32 allowed;
	__s32 result;
	__u32 asynchronous;
};

struct iomap_control_verdict {
	__u64 cap;
	__u32 delay_us;
	__s32 error;
	__u8 stale;
	__u8 fallback;
	__u8 defer;
	__u8 unused[5];
};

#define IOMAP_CONTROL_FUNCTION(name) void (*name)(struct iomap_control_ctx *ctx, struct iomap_control_verdict *verdict)

struct iomap_control_ops {
	IOMAP_CONTROL_FUNCTION(lookup);
	IOMAP_CONTROL_FUNCTION(mapped);
	IOMAP_CONTROL_FUNCTION(step);
	IOMAP_CONTROL_FUNCTION(revalidate);
	IOMAP_CONTROL_FUNCTION(copy);
	IOMAP_CONTROL_FUNCTION(release);
	IOMAP_CONTROL_FUNCTION(writeback_map);
	IOMAP_CONTROL_FUNCTION(ioend_submit);
	IOMAP_CONTROL_FUNCTION(ioend_end);
	IOMAP_CONTROL_FUNCTION(dio_begin);
	IOMAP_CONTROL_FUNCTION(dio_bio);
	IOMAP_CONTROL_FUNCTION(dio_end);
	IOMAP_CONTROL_FUNCTION(dax_fault);
	char name[16];
};

#pragma clang attribute pop

#endif
