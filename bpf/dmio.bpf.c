// SPDX-License-Identifier: GPL-2.0
/*
 * Observer of dm-io requests. One of three sources is loaded:
 *
 *   DMIO_SOURCE_EVENTS  io_begin, io_region, io_bio, io_end, io_notify
 *   DMIO_SOURCE_FENTRY  dm_call, dm_dispatch, dm_free
 *   DMIO_SOURCE_KPROBE  the same without fentry
 *
 * A request waits in a table under the address of its struct io, from its begin, where the submitter's task is current and the
 * filters are decided, to its end, which may be in any context. On stock kernels the function that dispatches it is given that
 * struct; the one that ends it is inlined everywhere, but gives the struct back to a mempool, once, when nothing of it changes any
 * more.
 *
 * Accounting: seen is counted at the begin. One whose end was not seen is what is missing from the sum.
 */
#include <asm/ptrace.h>

#include "dmio.h"
#include "observe.bpf.h"

#define STATS_NOTIFY	(STATS_END + 1)	/* the program behind the one that sees the end */

#define REQUEST_REGIONS	64		/* that dm-io takes at most: DM_IO_MAX_REGIONS */

struct flight {
	struct submitter by;
	__u64 begin_ns, bio_ns, end_ns;
	__u64 bytes, nulls;
	struct regions regions;
	__u32 bios, flags;
	__u8 op, memory, wait;
	__u8 match;		/* a region is on a device that the filter lets through */
	__u8 shared;		/* see io_end() */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flight);
} flights SEC(".maps");

/* Room to put a request together that the stack has not. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flight);
} scratch SEC(".maps");

static __always_inline struct flight *flight_of(void *io)
{
	__u64 key = (__u64)io;

	return bpf_map_lookup_elem(&flights, &key);
}

static __always_inline __u8 op_of(__u32 opf)
{
	switch (opf & REQ_OP_MASK) {
	case 0: return DM_OP_READ;
	case 1: return DM_OP_WRITE;
	case 2: return DM_OP_FLUSH;
	case 3: return DM_OP_DISCARD;
	case 5: return DM_OP_SECURE_ERASE;
	case 9: return DM_OP_WRITE_ZEROES;
	}
	return DM_OP_OTHER;
}

#define FLAG_OF(opf, name, bit) \
	(bpf_core_enum_value_exists(enum req_flag_bits, name) && \
	 (opf) >> bpf_core_enum_value(enum req_flag_bits, name) & 1 ? 1u << (bit) : 0)

static __always_inline __u32 flags_of(__u32 opf)
{
	return FLAG_OF(opf, __REQ_SYNC, 0) | FLAG_OF(opf, __REQ_META, 1) | FLAG_OF(opf, __REQ_PRIO, 2) |
	       FLAG_OF(opf, __REQ_IDLE, 3) | FLAG_OF(opf, __REQ_FUA, 4) | FLAG_OF(opf, __REQ_PREFLUSH, 5) |
	       FLAG_OF(opf, __REQ_RAHEAD, 6) | FLAG_OF(opf, __REQ_BACKGROUND, 7);
}

static __always_inline void add_region(struct flight *f, __u32 index, __u32 dev, __u64 sector, __u64 count)
{
	f->bytes += count << 9;
	if (metering() && !f->by.dev) {
		f->by.dev = dev;
		f->by.fs = METRIC_FS_BDEV;
	}
	if (cfg.devs && !f->match && !dev_differs(dev))
		f->match = 1;
	if (index >= REGIONS_MAX)
		return;
	f->regions.known |= 1u << index;
	f->regions.region[index].dev = dev;
	f->regions.region[index].sector = sector;
	f->regions.region[index].count = count;
}

/* A copy of nothing but what this program puts in. */
static __always_inline struct flight *new_flight(void)
{
	__u32 zero = 0;
	struct flight *f = bpf_map_lookup_elem(&scratch, &zero);

	if (f)
		__builtin_memset(f, 0, sizeof(*f));
	return f;
}

/* Takes the request up, or accounts for why not. */
static __always_inline void begin(void *ctx, void *io, struct flight *f, __u32 opf, __u32 regions, bool by_device)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	__u64 key = (__u64)io;

	if (!st)
		return;
	f->op = op_of(opf);
	f->flags |= flags_of(opf);
	f->regions.all = regions;
	st->seen++;
	if (task_filtered() || op_filtered(f->op) || (by_device && cfg.devs && !f->match)) {
		st->filtered++;
		/* An older request at this address has ended unseen, and must not get this one's end. */
		bpf_map_delete_elem(&flights, &key);
		return;
	}
	f->begin_ns = bpf_ktime_get_ns();
	note_task(&f->by);
	note_place(ctx, st, STATS_BEGIN, &f->by, NULL);
	if (metering() && by_device)
		begin_metric(STATS_END, &f->by, f->op);
	if (!add_flight(st, STATS_END, &flights, &key, f, &f->by))
		st->map_full++;
}

static __always_inline void meter(struct observe_stats *st, __u32 program, const struct flight *f, __u64 latency_ns)
{
	struct metric_value *v = end_metric(st, program, &f->by, f->op, f->regions.failed, latency_ns);
	__u64 failed;

	if (!v)
		return;
	add_size(v, f->bytes);
	v->sum[DMIO_REGIONS] += f->regions.all;
	/* All bits at the same time; there is no instruction for it. */
	failed = f->regions.failed;
	failed -= failed >> 1 & 0x5555555555555555;
	failed = (failed & 0x3333333333333333) + (failed >> 2 & 0x3333333333333333);
	failed = (failed + (failed >> 4)) & 0x0f0f0f0f0f0f0f0f;
	v->sum[DMIO_FAILED_REGIONS] += failed * 0x0101010101010101 >> 56;
}

static __always_inline void report(struct observe_stats *st, __u32 program, const struct flight *f, __s64 notify_ns)
{
	__u64 latency_ns = f->end_ns - f->begin_ns;
	bool failed = f->regions.failed;
	struct dmio_event *e;

	if (result_filtered(failed, true, latency_ns)) {
		st->filtered++;
		return;
	}
	if (metering()) {
		meter(st, program, f, latency_ns);
		return;
	}
	if (cfg.hist) {
		__u32 slot = cfg.hist_by == BY_DM_OP ? f->op : cfg.hist_by == BY_DM_MEMORY ? f->memory : f->wait;

		aggregate(st, hist_of(st, program, slot, f->regions.region[0].dev, 0, &f->by.comm), failed, true, latency_ns);
		return;
	}
	e = reserve(st, sizeof(*e));
	if (!e)
		return;
	e->nulls = f->nulls;
	e->time = f->end_ns;
	e->event = 0;
	e->op = f->op;
	fill_task(e, &f->by);
	e->wait = f->wait;
	e->memory = f->memory;
	e->region_count = f->regions.all;
	e->regions = f->regions;
	e->bytes = f->bytes;
	e->bios = f->bios;
	e->error_bits = f->regions.failed;
	e->device_ns = f->end_ns - f->bio_ns;
	if (!f->bio_ns)
		e->nulls |= MF_BIT(device_ns);
	e->latency_ns = latency_ns;
	e->notify_ns = notify_ns;
	if (notify_ns < 0)
		e->nulls |= MF_BIT(notify_ns);
	e->source = cfg.source;
	e->flags = f->flags;
	submit(st, e, sizeof(*e));
}

SEC("tp_btf/dm_io_begin")
int BPF_PROG(io_begin, void *io, void *client, unsigned int regions, unsigned int opf, unsigned int memory, bool sync)
{
	struct flight *f;

	if (!state.running)
		return 0;
	f = new_flight();
	if (!f)
		return 0;
	f->memory = memory;
	f->wait = sync ? DM_WAIT_SYNC : DM_WAIT_ASYNC;
	begin(ctx, io, f, opf, regions, false);
	return 0;
}

/* Fires for each region of a request before the next begins, but only behind that: by device it is filtered at its end. */
SEC("tp_btf/dm_io_region")
int BPF_PROG(io_region, void *io, unsigned int index, struct block_device *bdev, __u64 sector, __u64 count)
{
	struct flight *f = flight_of(io);

	if (!f)
		return 0;
	add_region(f, index, bdev->bd_dev, sector, count);
	if (metering() && !f->by.begun)
		begin_metric(STATS_END, &f->by, f->op);
	return 0;
}

SEC("tp_btf/dm_io_bio_submit")
int BPF_PROG(io_bio, void *io)
{
	struct flight *f = flight_of(io);

	if (f) {
		f->bios++;
		if (!f->bio_ns)
			f->bio_ns = bpf_ktime_get_ns();
	}
	return 0;
}

/*
 * Between a request's end and its notification, which knows nothing of it but its owner's context. Both happen in one context of
 * the kernel, so that only an interrupt or the owner's function, which may end other requests, comes between.
 */
struct notice {
	__u64 task;
	__u64 context;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct notice);
	__type(value, struct flight);
} notices SEC(".maps");

/* The current task; the idle ones, which all have the same number, by their CPU. */
static __always_inline __u64 who(void)
{
	__u64 id = bpf_get_current_pid_tgid();

	return id ? id : ~(__u64)bpf_get_smp_processor_id();
}

SEC("tp_btf/dm_io_end")
int BPF_PROG(io_end, void *io, void *client, unsigned long error_bits, bool sync, void *fn, void *context)
{
	struct observe_stats *st = stats_of(STATS_END);
	struct notice key = { who(), (__u64)context };
	struct flight *f = flight_of(io), *other;
	__u64 address = (__u64)io;

	if (!state.enabled || !st || !f)
		return 0;
	f->regions.failed = error_bits;
	f->end_ns = bpf_ktime_get_ns();
	if (cfg.devs && !f->match) {
		st->filtered++;
	} else if (bpf_map_update_elem(&notices, &key, f, BPF_NOEXIST)) {
		/* Another request of this owner waits here for its notification: which will be whose cannot be told. */
		other = bpf_map_lookup_elem(&notices, &key);
		if (other)
			other->shared = 1;
		report(st, STATS_END, f, -1);
	}
	bpf_map_delete_elem(&flights, &address);
	return 0;
}

SEC("tp_btf/dm_io_notify")
int BPF_PROG(io_notify, unsigned long error_bits, bool sync, void *fn, void *context, __u64 duration_ns)
{
	struct observe_stats *st = stats_of(STATS_NOTIFY);
	struct notice key = { who(), (__u64)context };
	struct flight *f = bpf_map_lookup_elem(&notices, &key);

	if (!state.enabled || !st || !f)
		return 0;
	report(st, STATS_NOTIFY, f, f->shared ? -1 : (__s64)duration_ns);
	bpf_map_delete_elem(&notices, &key);
	return 0;
}

/* What dm_io() knows and does not pass on, of the thread that is in it. */
struct call {
	__u8 memory, wait;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");

static __always_inline void stock_call(struct dm_io_request *request)
{
	struct call call = {};
	__u32 tid = bpf_get_current_pid_tgid();

	if (!state.running)
		return;
	call.memory = BPF_CORE_READ(request, mem.type);
	call.wait = BPF_CORE_READ(request, notify.fn) ? DM_WAIT_ASYNC : DM_WAIT_SYNC;
	/* Arguments that dm_io() refuses, with a warning, leave this to the next call of the thread. */
	bpf_map_update_elem(&calls, &tid, &call, BPF_ANY);
}

static __always_inline void stock_dispatch(void *ctx, __u32 opf, __u32 regions, struct dm_io_region *where, void *io)
{
	__u32 tid = bpf_get_current_pid_tgid(), i;
	struct flight *f;
	struct call *call;

	if (!state.running)
		return;
	f = new_flight();
	if (!f)
		return;
	call = bpf_map_lookup_elem(&calls, &tid);
	if (call) {
		f->memory = call->memory;
		f->wait = call->wait;
		/* 6.1 adds it behind this. */
		if (f->wait == DM_WAIT_SYNC)
			f->flags = 1u << 0;
		bpf_map_delete_elem(&calls, &tid);
	} else {
		f->nulls |= MF_BIT(memory) | MF_BIT(wait);
	}
	f->nulls |= MF_BIT(bios);
	for (i = 0; i < REQUEST_REGIONS && i < regions; i++) {
		struct dm_io_region *region = (void *)where + i * bpf_core_type_size(struct dm_io_region);

		add_region(f, i, BPF_CORE_READ(region, bdev, bd_dev), BPF_CORE_READ(region, sector), BPF_CORE_READ(region, count));
	}
	begin(ctx, io, f, opf, regions, true);
}

static __always_inline void stock_free(struct io *io)
{
	struct observe_stats *st;
	struct flight *f = flight_of(io);
	__u64 key = (__u64)io;

	if (!f || !state.enabled)
		return;
	st = stats_of(STATS_END);
	if (!st)
		return;
	f->regions.failed = BPF_CORE_READ(io, error_bits);
	if (bpf_core_field_exists(struct io___unsup, unsup_bits))
		f->regions.failed |= BPF_CORE_READ((struct io___unsup *)io, unsup_bits);
	f->end_ns = bpf_ktime_get_ns();
	report(st, STATS_END, f, -1);
	bpf_map_delete_elem(&flights, &key);
}

SEC("fentry/dm_io")
int BPF_PROG(dm_call, struct dm_io_request *request)
{
	stock_call(request);
	return 0;
}

SEC("fentry/dispatch_io")
int BPF_PROG(dm_dispatch, unsigned int opf, unsigned int regions, struct dm_io_region *where, void *dpages, void *io)
{
	stock_dispatch(ctx, opf, regions, where, io);
	return 0;
}

SEC("fentry/mempool_free")
int BPF_PROG(dm_free, void *element)
{
	stock_free(element);
	return 0;
}

SEC("kprobe/dm_io")
int BPF_KPROBE(kprobe_dm_call, struct dm_io_request *request)
{
	stock_call(request);
	return 0;
}

SEC("kprobe/dispatch_io")
int BPF_KPROBE(kprobe_dm_dispatch, unsigned int opf, unsigned int regions, struct dm_io_region *where, void *dpages, void *io)
{
	stock_dispatch(ctx, opf, regions, where, io);
	return 0;
}

SEC("kprobe/mempool_free")
int BPF_KPROBE(kprobe_dm_free, void *element)
{
	stock_free(element);
	return 0;
}
