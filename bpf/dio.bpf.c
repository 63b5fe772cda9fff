// SPDX-License-Identifier: GPL-2.0
/*
 * Observer of direct I/O requests. One of four sources is loaded:
 *
 *   DIO_SOURCE_EVENTS   dio_begin, dio_lookup, dio_extent, dio_bio, dio_exit, dio_done, dio_complete, dio_end
 *   DIO_SOURCE_FEXIT    rw_begin, rw_complete, rw_return
 *   DIO_SOURCE_STOCK    rw_begin, rw_complete
 *   DIO_SOURCE_KPROBE   kprobe_rw_enter, complete_enter, complete_return, kretprobe_rw_return (before 6.6, which brought the stock events)
 *
 * A request waits in a table, under the address of its iomap_dio or, on stock kernels, of its kiocb, from its begin,
 * where the submitter's task is current and the filters of task and file are decided, to its end, which may be in any context. A
 * request without an entry was left out by them, or had begun before the tool: its end means nothing here.
 *
 * Accounting: seen is counted at the begin. One whose end was not seen is what is missing from the sum.
 */
#include <asm/ptrace.h>

#include "dio.h"
#include "observe.bpf.h"

const volatile struct dio_config dio_cfg;

#define STATS_RETURN (STATS_END + 1)	/* the program at the return, which one at a completion may interrupt */

struct flight {
	struct submitter by;
	__u64 begin_ns, bio_ns, done_ns, complete_ns, mapping_ns;
	__u64 pos, len, before;
	__u64 nulls;
	__u32 iocb_flags, dio_flags;
	__u32 extents, bios;
	__u8 op, wait, exit, route;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flight);
} flights SEC(".maps");

/* The request that a task is submitting: its lookups are made by that task, and carry no other identity. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} submitting SEC(".maps");

/* Takes the request up with what its begin tells, or accounts for why not. */
static __always_inline void begin(void *ctx, __u64 key, struct inode *inode, struct flight *f)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);

	if (!st)
		return;
	st->seen++;
	if (task_filtered() || file_filtered(f->by.dev, f->by.ino) || op_filtered(f->op)) {
		st->filtered++;
		/* An older request at this address has ended unseen, and must not get this one's end. */
		bpf_map_delete_elem(&flights, &key);
		return;
	}
	f->begin_ns = bpf_ktime_get_ns();
	note_task(&f->by);
	note_place(ctx, st, STATS_BEGIN, &f->by, inode);
	if (metering())
		begin_metric(STATS_END, &f->by, f->op);
	if (!add_flight(st, STATS_END, &flights, &key, f, &f->by))
		st->map_full++;
}

/* From now on the lookups of this task are the request's. */
static __always_inline void begin_lookups(__u64 key)
{
	struct flight *f;
	__u64 *mine;

	if (cfg.hist && !metering())
		return;
	mine = bpf_task_storage_get(&submitting, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	f = bpf_map_lookup_elem(&flights, &key);
	if (mine)
		*mine = key;
	else if (f)
		f->nulls |= DF_BIT(mapping_ns);
}

static __always_inline struct flight *flight_of(void *identity)
{
	__u64 key = (__u64)identity;

	return bpf_map_lookup_elem(&flights, &key);
}

static __always_inline void add_phase(struct metric_value *v, enum dio_phase phase, bool had, __u64 ns)
{
	if (had) {
		v->sum[DIO_PHASE_NS + phase] += ns;
		v->sum[DIO_PHASE_COUNT + phase]++;
	}
}

/* What it tells metrics. A fallback to buffered I/O is no failure. */
static __always_inline void meter(__u32 program, struct observe_stats *st, const struct flight *f, __s64 ret, __u64 now)
{
	struct metric_value *v = end_metric(st, program, &f->by, f->op, ret < 0 && ret != -ENOTBLK, now - f->begin_ns);

	if (!v)
		return;
	add_size(v, f->len);
	if (ret > 0)
		v->sum[DIO_BYTES] += ret - f->before;
	else if (ret == -EAGAIN)
		v->sum[DIO_WOULD_BLOCK]++;
	v->sum[DIO_BIOS] += f->bios;
	v->sum[DIO_EXTENTS] += f->extents;
	add_word(v, DIO_WAIT_WORDS + f->wait);
	if (f->exit != EXIT_HIDDEN)
		add_word(v, DIO_EXIT_WORDS + f->exit);
	if (f->route < ROUTE_COUNT)
		add_word(v, DIO_ROUTE_WORDS + f->route);
	else if (!cfg.source)
		add_word(v, DIO_ROUTE_WORDS + ROUTE_UNKNOWN);
	add_phase(v, DIO_MAPPING, f->mapping_ns, f->mapping_ns);
	add_phase(v, DIO_SETUP, f->bio_ns, f->bio_ns - f->begin_ns);
	add_phase(v, DIO_DEVICE, f->bio_ns && f->done_ns, f->done_ns - f->bio_ns);
	add_phase(v, DIO_QUEUE, f->done_ns && f->complete_ns, f->complete_ns - f->done_ns);
	add_phase(v, DIO_COMPLETION, f->complete_ns, now - f->complete_ns);
}

static __always_inline void report(__u32 program, struct observe_stats *st, const struct flight *f, __s64 ret)
{
	__u64 now = bpf_ktime_get_ns(), latency_ns = now - f->begin_ns;
	struct dio_event *e;

	if (result_filtered(ret < 0, true, latency_ns)) {
		st->filtered++;
		return;
	}
	if (metering()) {
		meter(program, st, f, ret, now);
		return;
	}
	if (cfg.hist && cfg.hist_by == BY_TOP) {
		struct top_key key = top_key_of(program, &f->by);

		add_to_top(st, &key, ret > 0 ? ret - f->before : 0, ret < 0, true, latency_ns);
		return;
	}
	if (cfg.hist) {
		__u32 slot = cfg.hist_by == BY_OP ? f->op : cfg.hist_by == BY_WAIT ? f->wait : f->route;

		aggregate(st, hist_of(st, program, slot, f->by.dev, f->by.ino, &f->by.comm), ret < 0, true, latency_ns);
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
	e->ret = ret < 0 ? ret : 0;
	e->done = 0;
	if (ret < 0)
		e->nulls |= DF_BIT(done);
	else if (ret)
		e->done = ret - f->before;	/* a result of nothing has not even what was done before */
	e->wait = f->wait;
	e->extents = f->extents;
	e->bios = f->bios;
	e->exit = f->exit;
	if (f->exit == EXIT_HIDDEN)
		e->nulls |= DF_BIT(exit);
	e->route = f->route;
	if (f->route == ROUTE_HIDDEN)
		e->nulls |= DF_BIT(route);
	e->mapping_ns = f->mapping_ns;
	e->setup_ns = f->bio_ns - f->begin_ns;
	e->device_ns = f->done_ns - f->bio_ns;
	if (!f->bio_ns)
		e->nulls |= DF_BIT(setup_ns) | DF_BIT(device_ns);
	if (!f->done_ns)
		e->nulls |= DF_BIT(device_ns);
	e->queue_ns = f->complete_ns - f->done_ns;
	if (!f->done_ns || !f->complete_ns)
		e->nulls |= DF_BIT(queue_ns);
	e->completion_ns = now - f->complete_ns;
	if (!f->complete_ns)
		e->nulls |= DF_BIT(completion_ns);
	e->latency_ns = latency_ns;
	e->source = cfg.source;
	e->iocb_flags = f->iocb_flags;
	e->dio_flags = f->dio_flags;
	submit(st, e, sizeof(*e));
}

static __always_inline void end(__u32 program, void *identity, __s64 ret)
{
	struct observe_stats *st = stats_of(program);
	struct flight *f = flight_of(identity);
	__u64 key = (__u64)identity;

	if (!state.enabled || !st || !f)
		return;
	report(program, st, f, ret);
	bpf_map_delete_elem(&flights, &key);
}

SEC("tp_btf/iomap_dio_begin")
int BPF_PROG(dio_begin, void *dio, struct kiocb *iocb, struct inode *inode, long long pos, __u64 len, unsigned int op,
	     unsigned int dio_flags, __u64 done_before, bool wait)
{
	struct flight f = {
		.pos = pos,
		.len = len,
		.before = done_before,
		.dio_flags = dio_flags,
		.exit = EXIT_HIDDEN,
		.route = ROUTE_HIDDEN,
	};

	if (!state.running)
		return 0;
	f.iocb_flags = iocb->ki_flags;
	f.wait = !iocb->ki_complete ? WAIT_SYNC : wait ? WAIT_WAITED : WAIT_ASYNC;
	f.op = dio_cfg.op_map[op & (OP_SLOTS - 1)];
	note_inode(&f.by, inode);
	begin(ctx, (__u64)dio, inode, &f);
	begin_lookups((__u64)dio);
	return 0;
}

SEC("tp_btf/iomap_lookup")
int BPF_PROG(dio_lookup, void *iter, void *inode, unsigned int op, unsigned int flags, long long pos, __u64 len, void *iomap,
	     void *srcmap, int ret, __u64 duration_ns)
{
	struct flight *f;
	__u64 *mine;

	op = dio_cfg.op_map[op & (OP_SLOTS - 1)];
	if (op != OP_DIO_READ && op != OP_DIO_WRITE)
		return 0;
	mine = bpf_task_storage_get(&submitting, bpf_get_current_task_btf(), NULL, 0);
	f = mine ? bpf_map_lookup_elem(&flights, mine) : NULL;
	/* The address may have become another task's request. */
	if (f && f->by.tid == (__u32)bpf_get_current_pid_tgid())
		f->mapping_ns += duration_ns;
	return 0;
}

SEC("tp_btf/iomap_dio_extent")
int BPF_PROG(dio_extent, void *dio)
{
	struct flight *f = flight_of(dio);

	if (f)
		f->extents++;
	return 0;
}

SEC("tp_btf/iomap_dio_bio_submit")
int BPF_PROG(dio_bio, void *dio)
{
	struct flight *f = flight_of(dio);

	if (f) {
		f->bios++;
		if (!f->bio_ns)
			f->bio_ns = bpf_ktime_get_ns();
	}
	return 0;
}

SEC("tp_btf/iomap_dio_exit")
int BPF_PROG(dio_exit, void *dio, void *iocb, struct inode *inode, long long pos, __u64 len, unsigned int reason)
{
	struct flight *f = flight_of(dio);

	/* The first one decided it; a read may be cut at the end of the file as well. */
	if (f && f->exit == EXIT_HIDDEN)
		f->exit = reason;
	return 0;
}

SEC("tp_btf/iomap_dio_done")
int BPF_PROG(dio_done, void *dio, void *iocb, struct inode *inode, long long pos, __u64 len, unsigned int route)
{
	struct flight *f;

	if (cfg.hist && cfg.hist_by != BY_ROUTE && cfg.hist_by != BY_METRICS)
		return 0;
	f = flight_of(dio);
	if (f) {
		f->route = route;
		f->done_ns = bpf_ktime_get_ns();
	}
	return 0;
}

SEC("tp_btf/iomap_dio_complete_begin")
int BPF_PROG(dio_complete, void *dio)
{
	struct flight *f = flight_of(dio);

	if (f)
		f->complete_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/iomap_dio_end")
int BPF_PROG(dio_end, void *dio, void *iocb, struct inode *inode, long long pos, __u64 len, int error, __s64 ret)
{
	end(STATS_END, dio, ret);
	return 0;
}

#define UNKNOWN_TO_STOCK (DF_BIT(extents) | DF_BIT(bios) | DF_BIT(exit) | DF_BIT(route) | DF_BIT(mapping_ns) | DF_BIT(setup_ns) | DF_BIT(device_ns) | \
			  DF_BIT(queue_ns) | DF_BIT(completion_ns))

/* What begins, as the caller has read it: which file, kiocb flags, position and length, and whether the kiocb has a completion. */
static __always_inline void stock_begin(void *ctx, const void *iocb, struct inode *inode, struct flight *f, unsigned int dio_flags,
					bool write, bool completes)
{
	f->dio_flags = dio_flags;
	f->op = write ? OP_DIO_WRITE : OP_DIO_READ;
	f->wait = !completes ? WAIT_SYNC : dio_flags & DIO_FORCE_WAIT ? WAIT_WAITED : WAIT_ASYNC;
	f->exit = EXIT_HIDDEN;
	f->route = ROUTE_HIDDEN;
	f->nulls = UNKNOWN_TO_STOCK;
	begin(ctx, (__u64)iocb, inode, f);
}

SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(rw_begin, struct kiocb *iocb, struct iov_iter *iter, unsigned int dio_flags, __u64 done_before)
{
	struct flight f = { .before = done_before };
	struct inode *inode = iocb->ki_filp->f_inode;

	/* As iomap itself: nothing is done for no bytes. */
	if (!state.running || !iter->count)
		return 0;
	f.pos = iocb->ki_pos;
	f.len = iter->count;
	f.iocb_flags = iocb->ki_flags;
	note_inode(&f.by, inode);
	stock_begin(ctx, iocb, inode, &f, dio_flags, iter->data_source, iocb->ki_complete);
	return 0;
}

/* The request that a task is in __iomap_dio_rw() with: a return probe is told no arguments. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} calls SEC(".maps");

/* Trampolines of x86 take so many arguments only from 6.6 on, where the events are. The seventh is on the stack. */
SEC("kprobe/__iomap_dio_rw")
int BPF_KPROBE(kprobe_rw_enter, struct kiocb *iocb, struct iov_iter *iter, void *ops, void *dops, unsigned int dio_flags)
{
	__u64 task = bpf_get_current_pid_tgid(), key = (__u64)iocb;
	struct flight f = {};
	struct inode *inode;

	bpf_map_delete_elem(&calls, &task);
	f.len = BPF_CORE_READ(iter, count);
	if (!state.running || !f.len || bpf_probe_read_kernel(&f.before, sizeof(f.before), (void *)PT_REGS_SP(ctx) + 8))
		return 0;
	inode = BPF_CORE_READ(iocb, ki_filp, f_inode);
	f.pos = BPF_CORE_READ(iocb, ki_pos);
	f.iocb_flags = BPF_CORE_READ(iocb, ki_flags);
	note_far_inode(&f.by, inode);
	stock_begin(ctx, iocb, inode, &f, dio_flags, BPF_CORE_READ(iter, data_source), BPF_CORE_READ(iocb, ki_complete));
	/* Without room its return is not seen, which is counted if it is its end. */
	if (bpf_map_lookup_elem(&flights, &key))
		bpf_map_update_elem(&calls, &task, &key, BPF_ANY);
	return 0;
}

/*
 * The completion frees the request before it returns, so that its kiocb is noted as it begins. Not under the request's address, which may be
 * another one's by then: both programs have the same context, which is a place on the stack of this very call.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} completing SEC(".maps");

SEC("fentry/iomap_dio_complete")
int BPF_PROG(complete_enter, struct iomap_dio *dio)
{
	__u64 key = (__u64)ctx, iocb = (__u64)dio->iocb;

	/* Without room its end is not seen, which is counted. What was noted here before has missed its return. */
	if (!state.enabled || !bpf_map_lookup_elem(&flights, &iocb) || bpf_map_update_elem(&completing, &key, &iocb, BPF_ANY))
		bpf_map_delete_elem(&completing, &key);
	return 0;
}

SEC("fexit/iomap_dio_complete")
int BPF_PROG(complete_return, void *dio, __s64 ret)
{
	__u64 key = (__u64)ctx, *iocb = bpf_map_lookup_elem(&completing, &key);

	if (iocb) {
		end(STATS_END, (void *)*iocb, ret);
		bpf_map_delete_elem(&completing, &key);
	}
	return 0;
}

SEC("tp_btf/iomap_dio_complete")
int BPF_PROG(rw_complete, void *iocb, int error, __s64 ret)
{
	end(STATS_END, iocb, ret);
	return 0;
}

/* A request that ended before its first lookup has no other end. A queued one has, and so has one that is to be completed. */
static __always_inline void returned(void *iocb, __s64 ret)
{
	if (ret == 0 || (ret < 0 && ret >= -4095 && ret != -EIOCBQUEUED))
		end(STATS_RETURN, iocb, ret);
}

SEC("fexit/__iomap_dio_rw")
int BPF_PROG(rw_return, void *iocb, void *iter, void *ops, void *dops, unsigned int dio_flags, void *private, __u64 done_before,
	     void *dio)
{
	returned(iocb, (__s64)dio);
	return 0;
}

SEC("kretprobe/__iomap_dio_rw")
int BPF_KRETPROBE(kretprobe_rw_return, __s64 dio)
{
	__u64 task = bpf_get_current_pid_tgid(), *iocb = bpf_map_lookup_elem(&calls, &task);

	if (!iocb)
		return 0;
	returned((void *)*iocb, dio);
	bpf_map_delete_elem(&calls, &task);
	return 0;
}
