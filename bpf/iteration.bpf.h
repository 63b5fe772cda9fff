/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs on the stock events of the iterator need to understand it: who calls, and whether its loop goes on. */
#ifndef IOMAPSCOPE_ITERATION_BPF_H
#define IOMAPSCOPE_ITERATION_BPF_H

#include "iteration.h"
#include "kernel.h"

const volatile struct iteration_config iteration_cfg;

#define RANGE_NONE 255	/* beside enum op and enum caller_kind */

/* The operation from what was asked for; OP_HIDDEN where several ask the same. */
static __always_inline __u32 op_of_flags(__u32 flags, __u64 len)
{
	if (flags & ASK_DIRECT)
		return flags & ASK_WRITE ? OP_DIO_WRITE : OP_DIO_READ;
	if (flags & ASK_DAX) {
		if (flags & ASK_FAULT)
			return len > 4096 ? OP_DAX_FAULT_PMD : OP_DAX_FAULT_PTE;
		if (flags & ASK_UNSHARE)
			return OP_DAX_UNSHARE;
		if (flags & ASK_ZERO)
			return OP_DAX_ZERO;
		return flags & ASK_WRITE ? OP_DAX_WRITE : OP_HIDDEN;	/* dedupe asks like a read */
	}
	if (flags & ASK_FAULT)
		return OP_MKWRITE;
	if (flags & ASK_UNSHARE)
		return OP_UNSHARE;
	if (flags & ASK_ZERO)
		return OP_ZERO;
	if ((flags & ASK_WRITE) && iteration_cfg.write_is_write)
		return OP_WRITE;
	return OP_HIDDEN;	/* read, readahead; or with REPORT: seek, FIEMAP, swap, bmap */
}

/* What calls iomap_iter() at this address, RANGE_NONE if that is not known. A function of its own, which is verified once. */
__noinline __u64 caller_at(__u64 address)
{
	__u32 low = 0, high = iteration_cfg.ranges, mid, i;

	for (i = 0; i < 7 && low < high; i++) {		/* RANGE_MAX is 2^6 */
		mid = ((low + high) / 2) & (RANGE_MAX - 1);
		if (address < iteration_cfg.range[mid].start)
			high = mid;
		else if (address >= iteration_cfg.range[mid].end)
			low = mid + 1;
		else
			return iteration_cfg.range[mid].op;
	}
	return RANGE_NONE;
}

/* The operation of what caller_at() has found; OP_HIDDEN if neither that nor the flags tell. */
static __always_inline __u32 op_of(__u64 caller, __u32 flags, __u64 len)
{
	if (caller < OP_SLOTS)
		return caller;
	if (caller == CALLER_DAX_RW)
		return flags & ASK_WRITE ? OP_DAX_WRITE : OP_DAX_READ;
	return op_of_flags(flags, len);
}

/*
 * The caller of the function that a fexit program is attached to. While it is attached the function itself, and so the iomap_iter
 * event, takes the trampoline for its caller.
 *
 * On x86 the context lies in the trampoline's frame (arch/x86/net/bpf_jit_comp.c, "Generated trampoline stack layout"; seen in 6.1, 6.12
 * and 7.3): arguments, result, frame pointer, return address. That is the caller's where the function jumps to the trampoline (7.x),
 * and before that one into the function's entry, with the caller's behind it. Elsewhere, and if the layout should change, what is
 * found is no caller of iomap, and the operation is not known.
 */
static __always_inline __u64 caller_of_function(void *ctx, int arguments)
{
#ifdef __TARGET_ARCH_x86
	__u64 entry = bpf_get_func_ip(ctx), ret[2];

	if (!bpf_probe_read_kernel(ret, sizeof(ret), (__u64 *)ctx + arguments + 2))
		return ret[0] - entry <= 16 ? ret[1] : ret[0];
#endif
	return 0;
}

/*
 * What iomap_iter() decides after this event, by the same rule: will it look a mapping up, and for which range?
 * Checked against 6.12 (the rule of 5.15 to 6.14), 6.18 and the 7.x tree, where iomap_iter_continue() holds it.
 */
static __always_inline bool lookup_follows(struct iomap_iter *iter, __u64 *pos, __u64 *len)
{
	*pos = iter->pos;
	*len = iter->len;
	if (!iter->iomap.length)
		return true;	/* the operation's first call */

	if (bpf_core_field_exists(struct iomap_iter___status, status)) {
		struct iomap_iter___status *now = (void *)iter;

		if (now->status || !*len)
			return false;
		return *pos != (__u64)now->iter_start_pos || (iter->iomap.flags & MAP_STALE_615);
	}
	if (bpf_core_field_exists(struct iomap_iter___processed, processed)) {
		__s64 processed = ((struct iomap_iter___processed *)iter)->processed;

		if (processed < 0 || (!processed && !(iter->iomap.flags & MAP_STALE_OLD)))
			return false;
		*pos += processed;
		*len -= processed;
		return *len != 0;
	}
	return false;
}

/*
 * A number of the way that the task came into the kernel: where from, and with which arguments. If it differs, so does the system
 * call; if it is the same, the call may have been made again.
 */
static __always_inline __u64 entry_mark(void)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return PT_REGS_IP(regs) + 3 * PT_REGS_SP(regs) + 5 * PT_REGS_PARM2(regs) + 7 * PT_REGS_PARM3(regs);
}

#endif
