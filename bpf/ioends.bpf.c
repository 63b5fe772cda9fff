// SPDX-License-Identifier: GPL-2.0
/*
 * Observer of ioends, the units of writeback. One of three sources is loaded:
 *
 *   IOEND_SOURCE_EVENTS  ioend_new, ioend_add, ioend_submit, ioend_bio_end, ioend_merge, ioend_finish
 *   IOEND_SOURCE_FENTRY  one of submit_*, and finish
 *   IOEND_SOURCE_KPROBE  the same without fentry
 *
 * What is known of an ioend waits under its address in a table, from its begin (on stock kernels: its submission), where the
 * filters of task and file are decided, to its finish, which may be in any context. An ioend without an entry was
 * left out by them, or had begun before the tool: its finish means nothing here.
 *
 * Accounting: seen is counted at the begin. One whose finish was not seen is what is missing from the sum.
 */
#include <asm/ptrace.h>

#include "ioends.h"
#include "observe.bpf.h"
#include "ioend.bpf.h"

/* On stock kernels an ioend ends in one of several functions, of which one may be called in an interrupt of another. */
enum {
	STATS_END_BUFFERED = STATS_END + 1,
	STATS_END_BUFFERED_WRITE,
};

struct flight {
	struct submitter by;
	__u64 begin_ns, submit_ns, bio_end_ns;
	__u64 pos, len, sector, bytes;
	__u64 folio;		/* the last one */
	__u64 nulls;
	__u32 flags;
	__u32 folios, ranges, merged;
	__u8 type, reason;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flight);
} flights SEC(".maps");

/* Takes the ioend up with what its begin tells, or accounts for why not. */
static __always_inline void begin(void *ctx, __u64 ioend, struct inode *inode, struct flight *f)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);

	if (!st)
		return;
	st->seen++;
	if (task_filtered() || file_filtered(f->by.dev, f->by.ino)) {
		st->filtered++;
		/* An older ioend at this address has ended unseen, and must not get this one's finish. */
		bpf_map_delete_elem(&flights, &ioend);
		return;
	}
	f->begin_ns = bpf_ktime_get_ns();
	note_task(&f->by);
	note_place(ctx, st, STATS_BEGIN, &f->by, inode);
	if (metering())
		begin_metric(STATS_END, &f->by, f->type);
	if (!add_flight(st, STATS_END, &flights, &ioend, f, &f->by))
		st->map_full++;
}

static __always_inline struct flight *flight_of(__u64 ioend)
{
	return bpf_map_lookup_elem(&flights, &ioend);
}

static __always_inline void add_phase(struct metric_value *v, enum ioend_phase phase, __u64 ns)
{
	v->sum[IOEND_PHASE_NS + phase] += ns;
	v->sum[IOEND_PHASE_COUNT + phase]++;
}

static __always_inline void meter(__u32 program, struct observe_stats *st, const struct flight *f, int error, __u64 now)
{
	struct metric_value *v = end_metric(st, program, &f->by, f->type, error < 0, now - f->begin_ns);

	if (!v)
		return;
	add_size(v, f->len);
	add_word(v, f->reason < REASON_COUNT ? f->reason : REASON_COUNT);
	v->sum[IOEND_MERGED] += f->merged;
	v->sum[IOEND_FOLIOS] += f->folios;
	if (!f->submit_ns)
		return;
	add_phase(v, IOEND_BUILD, f->submit_ns - f->begin_ns);
	if (!f->bio_end_ns)
		return;
	add_phase(v, IOEND_DEVICE, f->bio_end_ns - f->submit_ns);
	add_phase(v, IOEND_COMPLETION, now - f->bio_end_ns);
}

static __always_inline void report(__u32 program, struct observe_stats *st, const struct flight *f, int error)
{
	__u64 now = bpf_ktime_get_ns(), latency_ns = now - f->begin_ns;
	struct ioend_event *e;

	if (result_filtered(error < 0, true, latency_ns)) {
		st->filtered++;
		return;
	}
	if (metering()) {
		meter(program, st, f, error, now);
		return;
	}
	if (cfg.hist && cfg.hist_by == BY_TOP) {
		struct top_key key = top_key_of(program, &f->by);

		add_to_top(st, &key, error < 0 ? 0 : f->len, error < 0, true, latency_ns);
		return;
	}
	if (cfg.hist) {
		__u32 slot = cfg.hist_by == BY_TYPE ? f->type : f->reason;

		aggregate(st, hist_of(st, program, slot, f->by.dev, f->by.ino, &f->by.comm), error < 0, true, latency_ns);
		return;
	}
	e = reserve(st, sizeof(*e));
	if (!e)
		return;
	e->nulls = f->nulls;
	e->time = now;
	e->event = 0;
	e->op = OP_WRITEBACK;
	fill_task(e, &f->by);
	fill_file(e, &f->by);
	e->pos = f->pos;
	e->len = f->len;
	e->type = f->type;
	e->sector = f->sector;
	e->bytes = f->bytes;
	e->folios = f->folios;
	e->ranges = f->ranges;
	e->reason = f->reason;
	e->merged = f->merged;
	e->ret = error;
	e->build_ns = f->submit_ns - f->begin_ns;
	if (!f->submit_ns)
		e->nulls |= IF_BIT(build_ns);
	e->device_ns = f->bio_end_ns - f->submit_ns;
	e->completion_ns = now - f->bio_end_ns;
	if (!f->bio_end_ns || !f->submit_ns)
		e->nulls |= IF_BIT(device_ns) | IF_BIT(completion_ns);
	e->latency_ns = latency_ns;
	e->source = cfg.source;
	e->flags = f->flags;
	submit(st, e, sizeof(*e));
}

static __always_inline void end(__u32 program, __u64 ioend, int error)
{
	struct observe_stats *st = stats_of(program);
	struct flight *f = flight_of(ioend);

	if (!st || !f)
		return;
	report(program, st, f, error);
	bpf_map_delete_elem(&flights, &ioend);
}

SEC("tp_btf/iomap_ioend_new")
int BPF_PROG(ioend_new, void *ioend, struct inode *inode, long long pos, __u64 len, __u64 sector, unsigned short type,
	     unsigned short flags, void *wpc, unsigned int reason)
{
	struct flight f = {
		.pos = pos,
		.sector = sector,
		.type = type,
		.flags = flags,
		.reason = reason,
	};

	if (!state.running)
		return 0;
	note_inode(&f.by, inode);
	begin(ctx, (__u64)ioend, inode, &f);
	return 0;
}

SEC("tp_btf/iomap_add_to_ioend")
int BPF_PROG(ioend_add, struct inode *inode, __u64 pos, unsigned int dirty_len, void *iomap, void *ioend, void *folio)
{
	struct flight *f = flight_of((__u64)ioend);

	if (!f)
		return 0;
	f->ranges++;
	if (f->folio != (__u64)folio) {
		f->folio = (__u64)folio;
		f->folios++;
	}
	return 0;
}

SEC("tp_btf/iomap_ioend_submit")
int BPF_PROG(ioend_submit, void *ioend, struct inode *inode, long long pos, __u64 len, __u64 sector, unsigned short type,
	     unsigned short flags, void *bio, unsigned int bio_len)
{
	struct flight *f = flight_of((__u64)ioend);

	if (!f)
		return 0;
	f->submit_ns = bpf_ktime_get_ns();
	f->pos = pos;
	f->len = len;
	f->bytes = bio_len;
	return 0;
}

SEC("tp_btf/iomap_ioend_bio_end")
int BPF_PROG(ioend_bio_end, void *ioend)
{
	struct flight *f = flight_of((__u64)ioend);

	if (f)
		f->bio_end_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/iomap_ioend_merge")
int BPF_PROG(ioend_merge, void *ioend)
{
	struct flight *f = flight_of((__u64)ioend);

	if (f)
		f->merged++;
	return 0;
}

SEC("tp_btf/iomap_ioend_finish")
int BPF_PROG(ioend_finish, void *ioend, struct inode *inode, long long pos, __u64 len, __u64 sector, unsigned short type,
	     unsigned short flags, int error)
{
	if (state.enabled)
		end(STATS_END, (__u64)ioend, error);
	return 0;
}

#define UNKNOWN_TO_STOCK (IF_BIT(folios) | IF_BIT(ranges) | IF_BIT(reason) | IF_BIT(merged) | IF_BIT(build_ns))

/* Stock kernels: @ioend is about to be submitted. The verifier need not know the pointer. */
static __always_inline void stock_submit(void *ctx, struct iomap_ioend *ioend)
{
	struct flight f = { .reason = REASON_HIDDEN, .nulls = UNKNOWN_TO_STOCK };
	struct ioend_state now;
	struct inode *inode;

	if (!state.running || !ioend)
		return;
	read_ioend(&now, ioend);
	inode = now.inode;
	note_far_inode(&f.by, inode);
	f.pos = now.pos;
	f.len = now.len;
	f.sector = now.sector;
	f.bytes = now.bytes;
	f.type = now.type;
	f.flags = now.flags;
	if (now.flags_are_own)
		f.nulls |= IF_BIT(flags);
	if (now.chain)
		f.nulls |= IF_BIT(bytes);
	begin(ctx, (__u64)ioend, inode, &f);
}

static __always_inline void stock_finish(struct iomap_ioend *ioend, int error)
{
	if (!state.enabled)
		return;
	ioend = ioend_ending(ioend, &error);
	if (ioend)
		end(STATS_END, (__u64)ioend, error);
}

SEC("fentry/iomap_submit_ioend")
int BPF_PROG(submit_wpc, void *wpc)
{
	stock_submit(ctx, BPF_CORE_READ((struct iomap_writepage_ctx___ioend *)wpc, ioend));
	return 0;
}

SEC("fentry/iomap_submit_ioend")
int BPF_PROG(submit_ioend, void *wpc, void *ioend)
{
	stock_submit(ctx, ioend);
	return 0;
}

SEC("fentry/iomap_ioend_writeback_submit")
int BPF_PROG(submit_wb_ctx, void *wpc)
{
	stock_submit(ctx, BPF_CORE_READ((struct iomap_writepage_ctx___wb_ctx *)wpc, wb_ctx));
	return 0;
}

SEC("fentry/iomap_finish_ioend")
int BPF_PROG(finish, void *ioend, int error)
{
	stock_finish(ioend, error);
	return 0;
}

/* From 6.14 on the end of a bio need not come through iomap_finish_ioend(); where both are called, the first one counts. */
SEC("fentry/iomap_finish_ioend_buffered")
int BPF_PROG(finish_buffered, void *ioend)
{
	if (state.enabled)
		end(STATS_END_BUFFERED, (__u64)ioend, BPF_CORE_READ((struct iomap_ioend___split *)ioend, io_error));
	return 0;
}

SEC("fentry/iomap_finish_ioend_buffered_write")
int BPF_PROG(finish_buffered_write, void *ioend)
{
	if (state.enabled)
		end(STATS_END_BUFFERED_WRITE, (__u64)ioend, BPF_CORE_READ((struct iomap_ioend___split *)ioend, io_error));
	return 0;
}

SEC("kprobe/iomap_submit_ioend")
int BPF_KPROBE(kprobe_submit_wpc, void *wpc)
{
	stock_submit(ctx, BPF_CORE_READ((struct iomap_writepage_ctx___ioend *)wpc, ioend));
	return 0;
}

SEC("kprobe/iomap_submit_ioend")
int BPF_KPROBE(kprobe_submit_ioend, void *wpc, void *ioend)
{
	stock_submit(ctx, ioend);
	return 0;
}

SEC("kprobe/iomap_ioend_writeback_submit")
int BPF_KPROBE(kprobe_submit_wb_ctx, void *wpc)
{
	stock_submit(ctx, BPF_CORE_READ((struct iomap_writepage_ctx___wb_ctx *)wpc, wb_ctx));
	return 0;
}

SEC("kprobe/iomap_finish_ioend")
int BPF_KPROBE(kprobe_finish, void *ioend, int error)
{
	stock_finish(ioend, error);
	return 0;
}

SEC("kprobe/iomap_finish_ioend_buffered")
int BPF_KPROBE(kprobe_finish_buffered, void *ioend)
{
	if (state.enabled)
		end(STATS_END_BUFFERED, (__u64)ioend, BPF_CORE_READ((struct iomap_ioend___split *)ioend, io_error));
	return 0;
}

SEC("kprobe/iomap_finish_ioend_buffered_write")
int BPF_KPROBE(kprobe_finish_buffered_write, void *ioend)
{
	if (state.enabled)
		end(STATS_END_BUFFERED_WRITE, (__u64)ioend, BPF_CORE_READ((struct iomap_ioend___split *)ioend, io_error));
	return 0;
}
