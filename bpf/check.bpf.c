// SPDX-License-Identifier: GPL-2.0
/*
 * Verifies what iomap and the file systems promise each other. One of two sources is loaded:
 *
 *   CHECK_SOURCE_EVENTS  iter, lookup, release, stale, op_end, dax_access, and most of check_io.bpf.h
 *   CHECK_SOURCE_STOCK   map: what a stock kernel's event tells of a successful lookup, without any state; rw_begin, rw_complete
 *                        and dio_queued of check_io.bpf.h
 *
 * An operation of the iterator is known by the iterator's address from its first call of iomap_iter() on. That event comes with
 * each call, behind ->iomap_end and before ->iomap_begin, and has all of the iterator; so neither iomap_op_begin nor iomap_step is
 * needed.
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

#define LOOKUP_FAULT(rule_, id, ...) \
	check_violation(ctx, s, inode, .rule = RULE_##rule_, .fault = FAULT_##id, .op = for_->op, .pos = for_->pos, .len = for_->len, __VA_ARGS__)

static __always_inline void check_covers(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_,
					 struct iomap *iomap)
{
	__u64 begin = iomap->offset, length = iomap->length;

	check_counted(RULE_LOOKUP_COVERS);
	if (!length)
		LOOKUP_FAULT(LOOKUP_COVERS, EMPTY, .got = 0, .detail = begin, .nulls = CF_BIT(expected));
	else if (begin > for_->pos)
		LOOKUP_FAULT(LOOKUP_COVERS, BEGINS_LATER, .got = begin, .expected = for_->pos, .detail = length);
	else if (begin + length <= for_->pos)
		LOOKUP_FAULT(LOOKUP_COVERS, ENDS_BEFORE, .got = begin + length, .expected = for_->pos + 1, .detail = begin);
}

static __always_inline void check_stale(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_,
					struct iomap *iomap)
{
	__u32 flags = iomap->flags;

	check_counted(RULE_STALE_RETURNED);
	if (flags & stale_flag())
		LOOKUP_FAULT(STALE_RETURNED, MARKED_STALE, .got = flags, .expected = flags & ~stale_flag(), .nulls = CF_BIT(detail));
}

/* An unwritten extent can be overwritten by direct I/O, but by fsdax only what is written. */
static __always_inline void check_overwrite(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_,
					    struct iomap *iomap)
{
	__u64 end = iomap->offset + iomap->length;
	__u32 flags = iomap->flags, type = iomap->type;

	check_counted(RULE_OVERWRITE_ONLY);
	if (type != TYPE_MAPPED && (type != TYPE_UNWRITTEN || for_->flags & ASK_DAX))
		LOOKUP_FAULT(OVERWRITE_ONLY, NOT_WRITTEN, .got = type, .expected = TYPE_MAPPED, .detail = flags);
	else if (flags & MAP_OF_NEW)
		LOOKUP_FAULT(OVERWRITE_ONLY, ALLOCATED, .got = flags, .expected = flags & ~MAP_OF_NEW, .detail = type);
	else if (flags & MAP_OF_SHARED)
		LOOKUP_FAULT(OVERWRITE_ONLY, SHARED_EXTENT, .got = flags, .expected = flags & ~MAP_OF_SHARED, .detail = type);
	else if (end < for_->pos + for_->len)
		LOOKUP_FAULT(OVERWRITE_ONLY, RANGE_NOT_COVERED, .got = end, .expected = for_->pos + for_->len, .nulls = CF_BIT(detail));
}

/* The rules of a successful lookup that need nothing but its mapping. */
static __always_inline void check_mapping(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_,
					  struct iomap *iomap)
{
	if (asked(RULE_LOOKUP_COVERS))
		check_covers(ctx, s, inode, for_, iomap);
	if (asked(RULE_STALE_RETURNED))
		check_stale(ctx, s, inode, for_, iomap);
	if (asked(RULE_OVERWRITE_ONLY) && for_->flags & ASK_OVERWRITE_ONLY)
		check_overwrite(ctx, s, inode, for_, iomap);
}

/*
 * Lookups that may not wait, and have failed with another error than EAGAIN, until the same lookup is made that may. There are hardly
 * ever any; one whose place is taken by another one is forgotten, and so is one that has waited for too long: by then all may have
 * changed.
 */
#define AGAIN_SLOTS	64		/* a power of two */
#define AGAIN_NS	1000000000ULL

static struct again {
	__u64 key;		/* of the inode, 0: free */
	__u64 pos, ns;
	__u32 flags, op;
	__s32 ret;
	__u32 unused;
} again[AGAIN_SLOTS];

static __s32 agains;		/* how many may be there: never too few */

static __always_inline struct again *again_at(__u64 key, __u64 pos)
{
	return &again[(key ^ pos) * 0x9e3779b97f4a7c15ULL >> 32 & (AGAIN_SLOTS - 1)];
}

/* What has nothing to do with waiting: errors that may be gone by themselves a moment later, and ENOTBLK, which says how else it can be done. */
static __always_inline bool passes_by_itself(int ret)
{
	return ret == -ENOSPC || ret == -EDQUOT || ret == -EINTR || ret == -ERESTARTSYS || ret == -ENOTBLK;
}

static __noinline int note_again(__u64 key, const struct asked_for *for_, int ret)
{
	struct again *a;

	if (!for_)
		return 0;
	a = again_at(key, for_->pos);
	/* The one that was there, if any, is counted, and is not any more what check_again() takes. */
	if (!__sync_lock_test_and_set(&a->key, 0))
		__sync_fetch_and_add(&agains, 1);
	a->pos = for_->pos;
	a->ns = bpf_ktime_get_ns();
	a->flags = for_->flags & ~ASK_NOWAIT_BIT;
	a->op = for_->op;
	a->ret = ret;
	a->key = key;
	return 0;
}

/* A lookup that may wait has succeeded. Was it the same that had failed when it could not? */
static __noinline int check_again(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_, __u64 key)
{
	struct again *a = again_at(key, for_->pos);
	__u64 ns;

	if (a->key != key || a->pos != for_->pos || a->flags != for_->flags || a->op != for_->op ||
	    __sync_val_compare_and_swap(&a->key, key, 0) != key)
		return 0;
	__sync_fetch_and_add(&agains, -1);
	ns = bpf_ktime_get_ns() - a->ns;
	if (ns < AGAIN_NS)
		LOOKUP_FAULT(NOWAIT_AGAIN, OTHER_ERROR, .got = a->ret, .expected = -EAGAIN, .detail = ns);
	return 0;
}

static __always_inline void check_nowait(void *ctx, struct check_state *s, struct inode *inode, const struct asked_for *for_, int ret,
					 __u64 duration_ns)
{
	if (asked(RULE_NOWAIT_SLEEP) && s && s->iter.sleeps) {
		__u64 slept = bpf_get_current_task_btf()->nvcsw - s->iter.nvcsw;

		check_counted(RULE_NOWAIT_SLEEP);
		if (slept)
			LOOKUP_FAULT(NOWAIT_SLEEP, SLEPT, .got = slept, .expected = 0, .detail = duration_ns);
	}
	if (asked(RULE_NOWAIT_AGAIN) && ret < 0) {
		check_counted(RULE_NOWAIT_AGAIN);
		if (ret != -EAGAIN && !passes_by_itself(ret))
			note_again(CHECK_KEY(inode), for_, ret);
	}
}

static __always_inline __u32 op_at(unsigned int op)
{
	return iteration_cfg.op_map[op & (OP_SLOTS - 1)];
}

SEC("tp_btf/iomap_lookup")
int BPF_PROG(lookup, struct iomap_iter *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len,
	     struct iomap *iomap, struct iomap *srcmap, int ret, __u64 duration_ns)
{
	struct asked_for for_ = { .pos = pos, .len = len, .flags = flags, .op = op_at(op) };
	struct check_state *s = check_find(CHECK_KEY(iter), CHECK_ITER);

	if (!state.enabled || (!s && check_left_out(inode)))
		return 0;
	if (s) {
		s->iter.looked = 1;
		check_step(s, STEP_LOOKUP, pos, len, ret, duration_ns);
		if (!ret) {
			check_step_now(s, STEP_MAPPED, iomap->offset, iomap->length, iomap->type, iomap->flags);
			s->iter.mapped = 1;
		}
	}
	if (flags & ASK_NOWAIT_BIT)
		check_nowait(ctx, s, inode, &for_, ret, duration_ns);
	else if (asked(RULE_NOWAIT_AGAIN) && !ret && agains > 0)
		check_again(ctx, s, inode, &for_, CHECK_KEY(inode));
	if (!ret)
		check_mapping(ctx, s, inode, &for_, iomap);
	return 0;
}

/*
 * Whether the file system has ->iomap_end. Its operations are read once: one word for each, their address with a bit that says so.
 */
#define OPS_SLOTS	64		/* a power of two */
#define OPS_KNOWN	1ULL
#define OPS_RELEASES	2ULL

static __u64 ops_known[OPS_SLOTS];

static __always_inline bool releases(__u64 *ctx)
{
	__u64 *slot, known, ops;

	/* Not all verifiers know a pointer to const void for a number. */
	if (bpf_probe_read_kernel(&ops, sizeof(ops), ctx + 1))
		return false;
	slot = &ops_known[ops * 0x9e3779b97f4a7c15ULL >> 32 & (OPS_SLOTS - 1)];
	known = *slot;
	if ((known & ~(OPS_KNOWN | OPS_RELEASES)) != ops) {
		known = ops | OPS_KNOWN | (BPF_CORE_READ((struct iomap_ops *)ops, iomap_end) ? OPS_RELEASES : 0);
		*slot = known;
	}
	return known & OPS_RELEASES;
}

#define ITER_FAULT(rule_, id, ...) \
	check_violation(ctx, s, inode, .rule = RULE_##rule_, .fault = FAULT_##id, .op = s->iter.op, .pos = pos, .len = len, __VA_ARGS__)

/* How much of the mapping and of the range is left, as iomap_length() has it. */
static __always_inline __u64 left_of(struct iomap_iter *iter)
{
	__u64 end = iter->iomap.offset + iter->iomap.length, left;

	if (iter->srcmap.type != TYPE_HOLE && (__u64)iter->srcmap.offset + iter->srcmap.length < end)
		end = iter->srcmap.offset + iter->srcmap.length;
	left = end - iter->pos;
	return left < iter->len ? left : iter->len;
}

/* The caller has worked on the mapping. Asked when it is given back, or else when the iterator is called. */
static __always_inline void check_worked(void *ctx, struct check_state *s, struct inode *inode, struct iomap_iter *iter)
{
	__s64 processed = ((struct iomap_iter___processed *)iter)->processed;
	__u64 pos = iter->pos, len = iter->len, left = left_of(iter);

	s->iter.worked = 1;
	check_step(s, STEP_WORKED, pos, left, processed, iter->iomap.flags);
	if (asked(RULE_STEP_LENGTH)) {
		check_counted(RULE_STEP_LENGTH);
		if (processed > 0 && (__u64)processed > left)
			ITER_FAULT(STEP_LENGTH, PROCESSED_TOO_MUCH, .got = processed, .expected = left, .nulls = CF_BIT(detail));
	}
	if (asked(RULE_STALE_RETURNED) && s->iter.stale) {
		__u64 allowed = s->iter.stale_pos - pos;

		check_counted(RULE_STALE_RETURNED);
		if (processed > 0 && (__u64)processed > allowed)
			ITER_FAULT(STALE_RETURNED, WORKED_ON_STALE, .got = processed, .expected = allowed, .nulls = CF_BIT(detail));
	}
}

/* The time has come by which the mapping must have been given back. @ctx: of iomap_iter, which has the file system's operations. */
static __always_inline void check_released(void *ctx, struct check_state *s, struct inode *inode, __u64 pos, __u64 len)
{
	if (!asked(RULE_LOOKUP_RELEASE))
		return;
	check_counted(RULE_LOOKUP_RELEASE);
	if (!s->iter.released && releases(ctx))
		ITER_FAULT(LOOKUP_RELEASE, NOT_RELEASED, .got = 0, .expected = 1, .nulls = CF_BIT(detail), .missing = true);
}

SEC("tp_btf/iomap_iter")
int BPF_PROG(iter, struct iomap_iter *iter)
{
	struct inode *inode = iter->inode;
	__u64 key = CHECK_KEY(iter);
	struct check_state *s;

	if (!iter->iomap.length) {
		if (!state.running)
			return 0;
		if (check_left_out(inode)) {
			check_forget(key, CHECK_ITER);
			return 0;
		}
		s = check_begin(key, CHECK_ITER);
		if (!s)
			return 0;
		s->iter.op = op_at(((struct iomap_iter___op *)iter)->op);
		check_step_now(s, STEP_BEGIN, iter->pos, iter->len, ((struct iomap_iter___op *)iter)->op, iter->flags);
	} else {
		s = check_find(key, CHECK_ITER);
		if (!s)
			return 0;
		if (!s->iter.worked)
			check_worked(ctx, s, inode, iter);
		if (s->iter.mapped)
			check_released(ctx, s, inode, iter->pos, iter->len);
		s->iter.mapped = s->iter.released = s->iter.worked = s->iter.stale = s->iter.looked = 0;
	}
	/* The lookup comes next, and nothing in between sleeps. */
	if (asked(RULE_NOWAIT_SLEEP) && iter->flags & ASK_NOWAIT_BIT) {
		s->iter.nvcsw = bpf_get_current_task_btf()->nvcsw;
		s->iter.sleeps = 1;
	}
	return 0;
}

SEC("tp_btf/iomap_release")
int BPF_PROG(release, struct iomap_iter *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len,
	     struct iomap *iomap, __s64 written, int ret)
{
	struct check_state *s = check_find(CHECK_KEY(iter), CHECK_ITER);
	__u32 released;

	if (!s)
		return 0;
	if (!s->iter.worked)
		check_worked(ctx, s, inode, iter);
	check_step(s, STEP_RELEASE, pos, len, written, ret);
	if (asked(RULE_STEP_LENGTH)) {
		check_counted(RULE_STEP_LENGTH);
		if (written > 0 && (__u64)written > len)
			ITER_FAULT(STEP_LENGTH, WRITTEN_TOO_MUCH, .got = written, .expected = len, .nulls = CF_BIT(detail));
	}
	released = ++s->iter.released;
	/* While the programs are attached the lookup may have come before its program. */
	if (asked(RULE_LOOKUP_RELEASE) && s->iter.looked && released > s->iter.mapped)
		ITER_FAULT(LOOKUP_RELEASE, RELEASED_AGAIN, .got = released, .expected = s->iter.mapped, .nulls = CF_BIT(detail), .missing = true);
	return 0;
}

SEC("tp_btf/iomap_stale")
int BPF_PROG(stale, struct iomap_iter *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len,
	     struct iomap *iomap, unsigned int reason)
{
	struct check_state *s = check_find(CHECK_KEY(iter), CHECK_ITER);

	if (!s)
		return 0;
	check_step(s, STEP_STALE, pos, len, reason, iomap->flags);
	s->iter.stale_pos = pos;
	s->iter.stale = 1;
	return 0;
}

SEC("tp_btf/iomap_op_end")
int BPF_PROG(op_end, struct iomap_iter *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, int ret)
{
	__u64 key = CHECK_KEY(iter);
	struct check_state *s = check_find(key, CHECK_ITER);

	if (!s)
		return 0;
	/*
	 * Where ->iomap_end has failed iomap_iter does not come again. Neither does it for one of the two files of a comparison, which
	 * is left in the middle (iomap_iter_abandon()).
	 */
	if (asked(RULE_LOOKUP_RELEASE) && s->iter.mapped && s->iter.released)
		check_counted(RULE_LOOKUP_RELEASE);
	check_forget(key, CHECK_ITER);
	return 0;
}

#define PMD_FAULT(id, ...) \
	check_violation(ctx, s, inode, .rule = RULE_DAX_PMD_ALIGNED, .fault = FAULT_##id, .op = OP_DAX_FAULT_PMD, .pos = pos, .len = len, \
			__VA_ARGS__)

/* What a huge page fault is about to install. */
SEC("tp_btf/dax_fault_access")
int BPF_PROG(dax_access, struct iomap_iter *iter, struct inode *inode, unsigned int op, void *vmf, long long pos, __u64 len,
	     struct iomap *iomap, __u64 pfn, int ret)
{
	struct check_state *s = check_find(CHECK_KEY(iter), CHECK_ITER);
	__u64 begin = iomap->offset, end = begin + iomap->length, frames = check_cfg.huge_page >> check_cfg.page_shift;

	if (!state.enabled || (!s && check_left_out(inode)))
		return 0;
	if (s)
		check_step(s, STEP_DAX_ACCESS, pos, len, pfn, ret);
	if (ret || op_at(op) != OP_DAX_FAULT_PMD || !asked(RULE_DAX_PMD_ALIGNED))
		return 0;
	check_counted(RULE_DAX_PMD_ALIGNED);
	if (len != check_cfg.huge_page || pos & (len - 1))
		PMD_FAULT(FILE_UNALIGNED, .got = len, .expected = check_cfg.huge_page, .detail = pos);
	else if (pfn & (frames - 1))
		PMD_FAULT(MEMORY_UNALIGNED, .got = pfn & (frames - 1), .expected = 0, .detail = pfn);
	else if (begin > (__u64)pos || end < pos + len)
		PMD_FAULT(PAGE_NOT_COVERED, .got = end, .expected = pos + len, .detail = begin);
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
