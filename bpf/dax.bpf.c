// SPDX-License-Identifier: GPL-2.0
/*
 * Observer of fsdax: page faults, reads and writes. One of three sources is loaded:
 *
 *   DAX_SOURCE_EVENTS  rw_begin, rw_end; fault, sync_done; lookup, rw_copy, access, copy, fallback
 *   DAX_SOURCE_FEXIT   rw_enter, rw_exit; fault_enter, fault_exit, sync_exit; load_hole, pmd_load_hole
 *   DAX_SOURCE_STOCK   pte_begin, pmd_begin, pte_done, pmd_done, sync_mapped, sync_gone; load_hole, pmd_load_hole
 *
 * What is in flight waits in a table: a read or write under the address of its iterator, on stock kernels of its kiocb, a fault
 * under its task, where faults do not nest. So a fault inside a write disturbs neither. Filters are decided at the begin; an end
 * without an entry means nothing.
 *
 * With the events of this project a fault is seen once, at its end, which tells its duration: seen is counted there, and its entry
 * is only what was learned on its way. All other is counted at its begin; one whose end was not seen is missing from the sum.
 *
 * Each program has counters of its own: see struct observe_stats.
 */
#include <asm/ptrace.h>

#include "dax.h"
#include "observe.bpf.h"

const volatile struct dax_config dax_cfg;

enum {
	STATS_FAULT = STATS_END + 1,
	STATS_FAULT_END,
	STATS_SYNC,
	STATS_SYNC_OTHER,
};

#define HIDDEN		31	/* of the small numbers */

struct flight {
	struct submitter by;
	__u64 begin_ns;
	__u64 faulted_ns;	/* the fault is over but for its sync, 0: it is not */
	__u64 pos, len, done;
	__u64 address, recovered;
	__u64 nulls;
	__u32 result, flags, extents, copies;
	__s32 error, fallback_error;
	__u8 op, access, type, cow, fallback, mapped;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flight);
} flights SEC(".maps");

#define NOTHING_KNOWN { .type = HIDDEN, .cow = HIDDEN, .fallback = HIDDEN, .mapped = HIDDEN }

static __always_inline struct flight *flight_of(__u64 key)
{
	return bpf_map_lookup_elem(&flights, &key);
}

static __always_inline void forget(__u64 key)
{
	bpf_map_delete_elem(&flights, &key);
}

static __always_inline __u64 task(void)
{
	return bpf_get_current_pid_tgid();
}

/* Whether the filters leave it out; if not, notes who did it to which file. */
static __always_inline bool left_out(void *ctx, __u32 program, struct observe_stats *st, struct inode *inode, struct flight *f)
{

	if (task_filtered() || file_filtered(f->by.dev, f->by.ino) || op_filtered(f->op)) {
		st->filtered++;
		return true;
	}
	note_task(&f->by);
	note_place(ctx, st, program, &f->by, inode);
	return false;
}

static __always_inline void begin(void *ctx, __u32 program, __u64 key, struct inode *inode, struct flight *f)
{
	struct observe_stats *st = stats_of(program);

	if (!st)
		return;
	st->seen++;
	if (left_out(ctx, program, st, inode, f)) {
		/* An older one under this key has ended unseen, and must not get this one's end. */
		forget(key);
		return;
	}
	f->begin_ns = bpf_ktime_get_ns();
	if (metering())
		begin_metric(STATS_END, &f->by, f->op);
	if (!add_flight(st, STATS_END, &flights, &key, f, &f->by))
		st->map_full++;
}

static __always_inline void meter(__u32 program, struct observe_stats *st, const struct flight *f, __u64 now, bool failed)
{
	struct metric_value *v = end_metric(st, program, &f->by, f->op, failed, now - f->begin_ns);

	if (!v)
		return;
	if (!dax_is_fault(f->op)) {
		v->sum[DAX_BYTES] += f->done;
		return;
	}
	if (!failed && f->result & RESULT_FALLBACK)
		add_word(v, DAX_FALLBACK_WORDS + (f->fallback < FALLBACK_COUNT ? f->fallback : FALLBACK_COUNT));
	if (f->mapped < MAPPED_COUNT)
		add_word(v, DAX_MAPPED_WORDS + f->mapped);
	if (f->faulted_ns)
		v->sum[DAX_SYNC_NS] += now - f->faulted_ns;
}

static __always_inline void report(__u32 program, struct observe_stats *st, const struct flight *f, __u64 now)
{
	__u64 latency_ns = now - f->begin_ns;
	bool fault = dax_is_fault(f->op);
	bool failed = fault ? f->result & RESULT_FAILED : f->error < 0;
	struct dax_event *e;

	if (result_filtered(failed, true, latency_ns)) {
		st->filtered++;
		return;
	}
	if (metering()) {
		meter(program, st, f, now, failed);
		return;
	}
	if (cfg.hist && cfg.hist_by == BY_TOP) {
		struct top_key key = top_key_of(program, &f->by);

		/* Reads and writes are its lookups. */
		if (fault)
			add_to_top(st, &key, dax_has_mapped(f->result) ? f->len : 0, failed, true, latency_ns);
		else
			st->filtered++;
		return;
	}
	if (cfg.hist) {
		struct hist *h = hist_of(st, program, cfg.hist_by == BY_OP ? f->op : f->fallback, f->by.dev, f->by.ino, &f->by.comm);

		aggregate(st, h, failed, true, latency_ns);
		if (h && fault)
			dax_count(h, f->op, f->result, f->len);
		return;
	}
	e = reserve(st, sizeof(*e));
	if (!e)
		return;
	e->nulls = f->nulls;
	e->time = now;
	e->event = 0;
	e->op = f->op;
	fill_task(e, &f->by);
	fill_file(e, &f->by);
	e->pos = f->pos;
	e->len = f->len;
	e->access = f->access;
	e->done = f->done;
	e->ret = failed ? f->error : 0;
	e->result = f->result;
	e->fallback = f->fallback;
	e->fallback_ret = f->fallback_error;
	e->mapped = f->mapped;
	e->type = f->type;
	e->flags = f->flags;
	e->cow = f->cow;
	e->extents = f->extents;
	e->copies = f->copies;
	e->recovered = f->recovered;
	e->address = f->address;
	e->sync_ns = now - f->faulted_ns;
	e->latency_ns = latency_ns;
	e->source = cfg.source;
	if (fault)
		e->nulls |= XF_BIT(done) | XF_BIT(extents) | XF_BIT(copies) | XF_BIT(recovered);
	else
		e->nulls |= XF_BIT(result) | XF_BIT(address);
	if (failed && !fault)
		e->nulls |= XF_BIT(done);
	if (failed && !f->error)
		e->nulls |= XF_BIT(ret);
	if (f->fallback == HIDDEN)
		e->nulls |= XF_BIT(fallback);
	if (!f->fallback_error)
		e->nulls |= XF_BIT(fallback_ret);
	if (f->mapped == HIDDEN)
		e->nulls |= XF_BIT(mapped);
	if (f->type == HIDDEN)
		e->nulls |= XF_BIT(type) | XF_BIT(flags);
	if (f->cow == HIDDEN)
		e->nulls |= XF_BIT(cow);
	if (!f->faulted_ns)
		e->nulls |= XF_BIT(sync_ns);
	submit(st, e, sizeof(*e));
}

static __always_inline void rw_begins(void *ctx, __u64 key, struct inode *inode, __u32 op, __u64 pos, __u64 len, __u8 cow,
				      __u64 nulls)
{
	struct flight f = NOTHING_KNOWN;

	f.op = op;
	f.access = op == OP_DAX_WRITE ? ACCESS_WRITE : ACCESS_READ;
	f.pos = pos;
	f.len = len;
	f.cow = cow;
	f.nulls = nulls;
	note_inode(&f.by, inode);
	begin(ctx, STATS_BEGIN, key, inode, &f);
}

/* The end of a read or write, with what it transferred or its error. */
static __always_inline void rw_is_over(void *identity, __s64 ret)
{
	struct observe_stats *st = stats_of(STATS_END);
	__u64 key = (__u64)identity;
	struct flight *f = flight_of(key);

	if (!state.enabled || !st || !f)
		return;
	if (ret < 0)
		f->error = ret;
	else
		f->done = ret;
	report(STATS_END, st, f, bpf_ktime_get_ns());
	forget(key);
}

/* Where a fault is, and what it wants. */
static __always_inline void describe(struct flight *f, struct vm_fault *vmf, struct inode *inode, __u32 order)
{
	__u64 pages = 1ull << (order & 31);
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	f->op = !order ? OP_DAX_FAULT_PTE : order == dax_cfg.pmd_order ? OP_DAX_FAULT_PMD : OP_DAX_FAULT_PUD;
	f->pos = (vmf->pgoff & ~(pages - 1)) << dax_cfg.page_shift;
	f->len = pages << dax_cfg.page_shift;
	f->address = vmf->address;
	f->access = write ? ACCESS_WRITE : ACCESS_READ;
	if (vmf->cow_page || (write && !(vmf->vma->vm_flags & VM_SHARED)))
		f->cow = COW_PRIVATE;
	else if (!write)
		f->cow = COW_NONE;
	note_inode(&f->by, inode);
}

/* The sync of a fault, and with it the fault, is over. */
static __always_inline void sync_is_over(__u32 program, __u32 result, int error)
{
	struct observe_stats *st = stats_of(program);
	struct flight *f = flight_of(task());

	if (!state.enabled || !st || !f || !f->faulted_ns)
		return;
	f->result |= result;
	f->error = error;
	if (dax_has_mapped(result))
		f->mapped = MAPPED_PAGE;
	report(program, st, f, bpf_ktime_get_ns());
	forget(task());
}

/*
 * This project's kernel: a read or write.
 */

SEC("tp_btf/iomap_op_begin")
int BPF_PROG(rw_begin, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len)
{
	__u32 mine = dax_cfg.op_map[op & (OP_SLOTS - 1)];

	if (state.running && (mine == OP_DAX_READ || mine == OP_DAX_WRITE))
		rw_begins(ctx, (__u64)iter, inode, mine, pos, len, COW_NONE, 0);
	return 0;
}

SEC("tp_btf/dax_rw_copy")
int BPF_PROG(rw_copy, void *iter, void *inode, unsigned int op, long long pos, __u64 len, unsigned int route, __u64 copied)
{
	struct flight *f = flight_of((__u64)iter);

	if (f) {
		f->copies++;
		if (route == DAX_COPY_RECOVERY)
			f->recovered += copied;
	}
	return 0;
}

SEC("tp_btf/iomap_op_end")
int BPF_PROG(rw_end, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, int ret)
{
	__u32 mine = dax_cfg.op_map[op & (OP_SLOTS - 1)];
	struct flight *f;

	if (mine != OP_DAX_READ && mine != OP_DAX_WRITE)
		return 0;
	f = flight_of((__u64)iter);
	/* An error after the first bytes is not told to the caller. */
	if (f)
		rw_is_over(iter, (__u64)pos > f->pos ? pos - f->pos : ret);
	return 0;
}

/*
 * This project's kernel: a fault, which is reported at its end, and what is learned of it before.
 */

/* One for another page was left behind by a fault whose end was not seen. */
static __always_inline bool is_of(const struct flight *f, __u64 pos, __u64 len)
{
	return f->pos == pos && f->len == len;
}

static __always_inline struct flight *learned_of(__u64 pos, __u64 len)
{
	struct flight *f = flight_of(task());

	return f && is_of(f, pos, len) ? f : NULL;
}

static __always_inline void learn(struct inode *inode, const struct flight *f)
{
	__u64 key = task();

	if (!task_filtered() && !file_filtered(inode_dev(inode), inode->i_ino))
		bpf_map_update_elem(&flights, &key, f, BPF_ANY);
}

static __always_inline void learn_mapping(struct inode *inode, __u64 pos, __u64 len, const struct iomap *iomap, int ret)
{
	struct flight f = NOTHING_KNOWN;

	f.pos = pos;
	f.len = len;
	f.error = ret;
	if (!ret) {
		f.type = iomap->type;
		f.flags = iomap->flags;
	}
	learn(inode, &f);
}

SEC("tp_btf/iomap_lookup")
int BPF_PROG(lookup, void *iter, struct inode *inode, unsigned int op, unsigned int flags, long long pos, __u64 len,
	     struct iomap *iomap, void *srcmap, int ret)
{
	__u32 mine = dax_cfg.op_map[op & (OP_SLOTS - 1)];
	struct flight *f;

	if (mine == OP_DAX_FAULT_PTE || mine == OP_DAX_FAULT_PMD)
		learn_mapping(inode, pos, len, iomap, ret);
	if ((mine != OP_DAX_READ && mine != OP_DAX_WRITE) || ret)
		return 0;
	f = flight_of((__u64)iter);
	if (f) {
		f->extents++;
		if (mine == OP_DAX_WRITE && iomap->flags & MAP_OF_SHARED)
			f->cow = COW_SHARED;
	}
	return 0;
}

static __always_inline void learn_error(__u64 pos, __u64 len, int error)
{
	struct flight *f = error ? learned_of(pos, len) : NULL;

	if (f)
		f->error = error;
}

SEC("tp_btf/dax_fault_access")
int BPF_PROG(access, void *iter, void *inode, unsigned int op, void *vmf, long long pos, __u64 len, void *iomap, __u64 pfn, int ret)
{
	learn_error(pos, len, ret);
	return 0;
}

SEC("tp_btf/dax_fault_cow")
int BPF_PROG(copy, void *iter, void *inode, unsigned int op, void *vmf, long long pos, __u64 len, void *iomap, int error)
{
	learn_error(pos, len, error);
	return 0;
}

SEC("tp_btf/dax_fault_fallback")
int BPF_PROG(fallback, struct inode *inode, void *vmf, long long pos, __u64 len, unsigned int reason, int error)
{
	struct flight f = NOTHING_KNOWN, *learned = learned_of(pos, len);

	if (learned) {
		learned->fallback = reason - 1;
		learned->fallback_error = error;
		return 0;
	}
	f.pos = pos;
	f.len = len;
	f.fallback = reason - 1;
	f.fallback_error = error;
	learn(inode, &f);
	return 0;
}

/* What is in the page table after a fault that has mapped something. */
static __always_inline __u8 mapped_after(const struct flight *f, __u32 result)
{
	if (result & RESULT_DONE_COW)
		return MAPPED_COPY;
	if (f->type == HIDDEN)
		return MAPPED_NOTHING;
	return f->access == ACCESS_READ && (f->type == TYPE_HOLE || f->type == TYPE_UNWRITTEN) ? MAPPED_ZERO : MAPPED_PAGE;
}

SEC("tp_btf/dax_iomap_fault")
int BPF_PROG(fault, struct inode *inode, struct vm_fault *vmf, long long pos, __u64 len, unsigned int order, unsigned int result,
	     __u64 duration_ns)
{
	__u64 key = task(), now = bpf_ktime_get_ns();
	struct observe_stats *st = stats_of(STATS_FAULT);
	struct flight f = NOTHING_KNOWN, *learned = flight_of(key);
	bool known = false;

	if (learned) {
		if (is_of(learned, pos, len)) {
			f = *learned;
			known = true;
		}
		forget(key);
	}
	if (!state.running || !st)
		return 0;
	describe(&f, vmf, inode, order);
	st->seen++;
	if (left_out(ctx, STATS_FAULT, st, inode, &f))
		return 0;
	/* What maps has looked up, and what falls back says why: where that was not learned, the record would say that there was none. */
	if (!known && (result & RESULT_FALLBACK || (dax_has_mapped(result) && (!cfg.hist || metering())))) {
		st->map_full++;
		return 0;
	}
	f.begin_ns = now - duration_ns;
	f.result = result;
	if (f.cow == HIDDEN)
		f.cow = f.flags & MAP_OF_SHARED ? COW_SHARED : COW_NONE;
	f.faulted_ns = 0;
	if (result & RESULT_SYNC) {
		f.faulted_ns = now;
		if (bpf_map_update_elem(&flights, &key, &f, BPF_ANY))
			st->map_full++;
		return 0;
	}
	if (dax_has_mapped(result))
		f.mapped = mapped_after(&f, result);
	report(STATS_FAULT, st, &f, now);
	return 0;
}

SEC("tp_btf/dax_sync_fault_done")
int BPF_PROG(sync_done, void *inode, void *vmf, long long pos, __u64 len, int error, unsigned int result)
{
	sync_is_over(STATS_SYNC, result, error);
	return 0;
}

/*
 * Stock kernels: a fault has a begin and an end.
 */

#define UNKNOWN_TO_STOCK (XF_BIT(extents) | XF_BIT(copies) | XF_BIT(recovered))

static __always_inline void fault_begins(void *ctx, __u32 program, struct vm_fault *vmf, struct inode *inode, __u32 order)
{
	struct flight f = NOTHING_KNOWN;

	if (!state.running)
		return;
	f.nulls = UNKNOWN_TO_STOCK;
	describe(&f, vmf, inode, order);
	begin(ctx, program, task(), inode, &f);
}

static __always_inline void fault_is_over(__u32 program, __u32 result)
{
	struct observe_stats *st = stats_of(program);
	struct flight *f = flight_of(task());
	__u64 now = bpf_ktime_get_ns();

	if (!state.enabled || !st || !f)
		return;
	f->result = result;
	if (result & RESULT_SYNC) {
		f->faulted_ns = now;
		return;
	}
	if (!dax_has_mapped(result))
		f->mapped = MAPPED_NOTHING;
	else if (result & RESULT_DONE_COW)
		f->mapped = MAPPED_COPY;
	else if (f->mapped != MAPPED_ZERO)
		f->mapped = MAPPED_PAGE;
	report(program, st, f, now);
	forget(task());
}

static __always_inline void hole_loaded(void)
{
	struct flight *f = flight_of(task());

	if (f)
		f->mapped = MAPPED_ZERO;
}

SEC("tp_btf/dax_load_hole")
int BPF_PROG(load_hole)
{
	hole_loaded();
	return 0;
}

SEC("tp_btf/dax_pmd_load_hole")
int BPF_PROG(pmd_load_hole)
{
	hole_loaded();
	return 0;
}

static __always_inline __u32 order_of(__u32 order)
{
	if (!bpf_core_type_exists(enum page_entry_size))
		return order;
	return order == PE_SIZE_PTE ? 0 : order == PE_SIZE_PMD ? dax_cfg.pmd_order : 2 * dax_cfg.pmd_order;
}

SEC("fentry/dax_iomap_fault")
int BPF_PROG(fault_enter, struct vm_fault *vmf, unsigned int order)
{
	fault_begins(ctx, STATS_FAULT, vmf, vmf->vma->vm_file->f_inode, order_of(order));
	return 0;
}

SEC("fexit/dax_iomap_fault")
int BPF_PROG(fault_exit, void *vmf, unsigned int order, void *pfnp, void *errp, void *ops, unsigned int result)
{
	fault_is_over(STATS_FAULT_END, result);
	return 0;
}

SEC("fexit/dax_finish_sync_fault")
int BPF_PROG(sync_exit, void *vmf, unsigned int order, __u64 pfn, unsigned int result)
{
	sync_is_over(STATS_SYNC, result, 0);
	return 0;
}

SEC("fentry/dax_iomap_rw")
int BPF_PROG(rw_enter, struct kiocb *iocb, struct iov_iter *iter)
{
	bool write = iter->data_source;

	/* As the function itself: nothing is done for no bytes. */
	if (state.running && iter->count)
		rw_begins(ctx, (__u64)iocb, iocb->ki_filp->f_inode, write ? OP_DAX_WRITE : OP_DAX_READ, iocb->ki_pos, iter->count,
			  write ? HIDDEN : COW_NONE, UNKNOWN_TO_STOCK);
	return 0;
}

SEC("fexit/dax_iomap_rw")
int BPF_PROG(rw_exit, void *iocb, void *iter, void *ops, __s64 ret)
{
	rw_is_over(iocb, ret);
	return 0;
}

SEC("tp_btf/dax_pte_fault")
int BPF_PROG(pte_begin, struct inode *inode, struct vm_fault *vmf)
{
	fault_begins(ctx, STATS_BEGIN, vmf, inode, 0);
	return 0;
}

SEC("tp_btf/dax_pmd_fault")
int BPF_PROG(pmd_begin, struct inode *inode, struct vm_fault *vmf)
{
	fault_begins(ctx, STATS_FAULT, vmf, inode, dax_cfg.pmd_order);
	return 0;
}

SEC("tp_btf/dax_pte_fault_done")
int BPF_PROG(pte_done, void *inode, void *vmf, unsigned int result)
{
	fault_is_over(STATS_END, result);
	return 0;
}

SEC("tp_btf/dax_pmd_fault_done")
int BPF_PROG(pmd_done, void *inode, void *vmf, unsigned long max_pgoff, unsigned int result)
{
	fault_is_over(STATS_FAULT_END, result);
	return 0;
}

SEC("tp_btf/dax_insert_pfn_mkwrite")
int BPF_PROG(sync_mapped, void *inode, void *vmf, unsigned int result)
{
	sync_is_over(STATS_SYNC, result, 0);
	return 0;
}

SEC("tp_btf/dax_insert_pfn_mkwrite_no_entry")
int BPF_PROG(sync_gone, void *inode, void *vmf, unsigned int result)
{
	sync_is_over(STATS_SYNC_OTHER, result, 0);
	return 0;
}
