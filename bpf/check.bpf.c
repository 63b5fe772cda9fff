// SPDX-License-Identifier: GPL-2.0
/*
 * Verifies what iomap and the file systems promise each other. One of two sources is loaded:
 *
 *   CHECK_SOURCE_EVENTS  iter, lookup, release, stale, op_end, dax_access, and those of check_io.bpf.h
 *   CHECK_SOURCE_STOCK   map: what a stock kernel's event tells of a successful lookup, without any state
 *
 * An operation of the iterator is known by the iterator's address from its first call of iomap_iter() on. That event comes with each
 * call, behind ->iomap_end and before ->iomap_begin, and has all of the iterator; so neither iomap_op_begin nor iomap_step is needed.
 */
#include <asm/ptrace.h>

#include "check.bpf.h"
#include "iteration.bpf.h"

/* Where a mapping is marked stale in this kernel. */
static __always_inline __u32 stale_flag(void)
{
	return bpf_core_field_exists(struct iomap_iter___status, status) ? MAP_STALE_615 : MAP_STALE_OLD;
}

/* What a lookup has asked for, and got. */
struct asked_for {
	__u64 pos, len;
	__u32 flags, op;
};

static __always_inline void check_covers(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_, struct iomap *iomap)
{
	__u64 begin = iomap->offset, length = iomap->length;

	check_counted(RULE_LOOKUP_COVERS);
	if (!length)
		check_violation(ctx, s, inode, .rule = RULE_LOOKUP_COVERS, .fault = FAULT_EMPTY, .op = for_->op, .pos = for_->pos,
				.len = for_->len, .got = 0, .detail = begin, .nulls = CF_BIT(expected));
	else if (begin > for_->pos)
		check_violation(ctx, s, inode, .rule = RULE_LOOKUP_COVERS, .fault = FAULT_BEGINS_LATER, .op = for_->op, .pos = for_->pos,
				.len = for_->len, .got = begin, .expected = for_->pos, .detail = length);
	else if (begin + length <= for_->pos)
		check_violation(ctx, s, inode, .rule = RULE_LOOKUP_COVERS, .fault = FAULT_ENDS_BEFORE, .op = for_->op, .pos = for_->pos,
				.len = for_->len, .got = begin + length, .expected = for_->pos + 1, .detail = begin);
}

/* The rules of a successful lookup that need nothing but its mapping. */
static __always_inline void check_mapping(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_, struct iomap *iomap)
{
	if (asked(RULE_LOOKUP_COVERS))
		check_covers(ctx, s, inode, for_, iomap);
}

SEC("tp_btf/iomap_lookup")
int BPF_PROG(lookup, struct iomap_iter *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len,
	     struct iomap *iomap, struct iomap *srcmap, int ret, __u64 duration_ns)
{
	struct asked_for for_ = { .pos = pos, .len = len, .flags = flags, .op = iteration_cfg.op_map[op & (OP_SLOTS - 1)] };
	struct check_state *s = check_find(CHECK_KEY(iter), CHECK_ITER);

	if (!state.enabled || (!s && check_left_out(inode)))
		return 0;
	if (s) {
		check_step(s, STEP_LOOKUP, pos, len, ret, duration_ns);
		if (!ret)
			check_step(s, STEP_MAPPED, iomap->offset, iomap->length, iomap->type, iomap->flags);
	}
	if (!ret)
		check_mapping(ctx, s, inode, &for_, iomap);
	return 0;
}

/* In place of all that on a stock kernel: the mapping lies in its iterator. */
SEC("tp_btf/iomap_iter_dstmap")
int BPF_PROG(map, struct inode *inode, struct iomap *iomap)
{
	struct iomap_iter *iter = (void *)iomap - bpf_core_field_offset(struct iomap_iter, iomap);
	struct asked_for for_ = {};

	if (!state.enabled || check_left_out(inode))
		return 0;
	for_.pos = BPF_CORE_READ(iter, pos);
	for_.len = BPF_CORE_READ(iter, len);
	for_.flags = BPF_CORE_READ(iter, flags);
	for_.op = op_of_flags(for_.flags, for_.len);
	check_mapping(ctx, NULL, inode, &for_, iomap);
	return 0;
}

#include "check_io.bpf.h"
