/* SPDX-License-Identifier: GPL-2.0 */
/* An ioend of a stock kernel, whose layout has changed. The verifier need not know the pointers. */
#ifndef IOMAPSCOPE_IOEND_BPF_H
#define IOMAPSCOPE_IOEND_BPF_H

#include "kernel.h"
#include "ops.h"

struct ioend_state {
	struct inode *inode;
	__u64 pos, len, sector, bytes;
	__u32 flags;
	__u8 type;
	bool flags_are_own;	/* those of the ioend, not of its mapping */
	bool chain;		/* of bios; @bytes is not known */
};

/* When it is about to be submitted. */
static __always_inline void read_ioend(struct ioend_state *now, struct iomap_ioend *ioend)
{
	__builtin_memset(now, 0, sizeof(*now));
	now->inode = BPF_CORE_READ(ioend, io_inode);
	now->pos = BPF_CORE_READ(ioend, io_offset);
	now->len = BPF_CORE_READ(ioend, io_size);
	now->sector = BPF_CORE_READ(ioend, io_sector);
	now->flags = BPF_CORE_READ(ioend, io_flags);
	if (bpf_core_field_exists(struct iomap_ioend___type, io_type)) {
		now->type = BPF_CORE_READ((struct iomap_ioend___type *)ioend, io_type);
	} else {
		now->type = now->flags & IOEND_UNWRITTEN ? TYPE_UNWRITTEN : TYPE_MAPPED;
		now->flags_are_own = true;
	}
	if (bpf_core_field_exists(struct iomap_ioend___chain, io_inline_bio))
		now->chain = true;
	else
		now->bytes = BPF_CORE_READ(ioend, io_bio.bi_iter.bi_size);
}

/* Which one ends when iomap_finish_ioend() is called for @ioend, and with which error; NULL if it is not the last part of one. */
static __always_inline struct iomap_ioend *ioend_ending(struct iomap_ioend *ioend, int *error)
{
	struct iomap_ioend___split *split = (void *)ioend, *parent;
	int earlier;

	if (!bpf_core_field_exists(struct iomap_ioend___split, io_parent))
		return ioend;
	/* The parts of one that was split count down; the last one ends it, with the first error. */
	parent = BPF_CORE_READ(split, io_parent);
	if (parent)
		split = parent;
	if (BPF_CORE_READ(split, io_remaining.counter) > 1)
		return NULL;
	earlier = BPF_CORE_READ(split, io_error);
	if (earlier)
		*error = earlier;
	return (void *)split;
}

#endif
