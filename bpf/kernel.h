/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every kernel type that the programs depend on: only the fields that are read, relocated against the running kernel's BTF.
 * A field that some kernels lack stands in a ___flavour of its own, and is read only after bpf_core_field_exists().
 */
#ifndef IOMAPSCOPE_KERNEL_H
#define IOMAPSCOPE_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct;
struct iomap_ops;

/* include/linux/fs.h; all four since long before 6.1. */
struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned short i_mode;
	__u32 i_rdev;
	struct super_block *i_sb;
	unsigned long i_ino;
};

/* include/linux/iomap.h */
struct iomap {
	__u64 addr;
	long long offset;
	__u64 length;
	__u16 type;
	__u16 flags;
};

/* 6.2, d7b64041164c ("iomap: write iomap validity checks"); also in late 6.1.y. */
struct iomap___cookie {
	__u64 validity_cookie;
};

struct iomap_iter {
	struct inode *inode;
	long long pos;
	__u64 len;
	unsigned int flags;
	struct iomap iomap;
	struct iomap srcmap;
};

/* Up to 6.14. The iomap_iter event fires after ->iomap_end and before pos and len advance by @processed. */
struct iomap_iter___processed {
	__s64 processed;
};

/*
 * From 6.15, bc264fea0f6f ("iomap: support incremental iomap_iter advances") and the rest of its series. The event fires on
 * entry, before ->iomap_end, and pos and len have advanced already.
 */
struct iomap_iter___status {
	long long iter_start_pos;
	int status;
};

#pragma clang attribute pop

#define S_IFMT	0170000
#define S_IFBLK	0060000

#endif
