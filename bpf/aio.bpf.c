// SPDX-License-Identifier: GPL-2.0
/*
 * Observer of the requests of Linux AIO. One of four sources is loaded:
 *
 *   AIO_SOURCE_EVENTS  iocb_begin, iocb_issued, iocb_complete, iocb_cancel, iocb_end
 *   AIO_SOURCE_SUBMIT  submit_begin, submit_read, submit_write, submit_fsync, submit_poll, submit_end, and the next from read_end on
 *   AIO_SOURCE_FEXIT   read_begin, write_begin, fsync_begin, poll_begin, read_end, write_end, fsync_end, complete_rw, poll_cancel,
 *                      complete
 *   AIO_SOURCE_KPROBE  the same without fentry and fexit
 *
 * A request waits in a table under its address, which is that of its kiocb, from its begin, where the submitter's task is
 * current and the filters are decided, to its end, which may be in any context. A request without an entry was left out by them, or
 * had begun before the tool: its end means nothing here. Before io_submit_one() has an address for it, it is its thread's turn.
 *
 * Accounting: seen is counted at the begin, by several programs; whatever is counted there is counted atomically. Programs that
 * report have counters of their own each. One whose end was not seen is what is missing from the sum.
 */
#include <asm/ptrace.h>

#include "aio.h"
#include "observe.bpf.h"

/* Beside those that report the end of what was accepted: where a request is refused. */
enum {
	STATS_REFUSED = STATS_END + 1,
	STATS_REFUSED_READ,
	STATS_REFUSED_WRITE,
	STATS_REFUSED_FSYNC,
};

#define COUNT(counter) __sync_fetch_and_add(&(counter), 1)

struct flight {
	struct submitter by;
	__u64 begin_ns, issued_ns, complete_ns;
	__u64 ctx, iocb, data, pos, len;
	__u64 nulls;
	__u32 fd;
	__u32 flags, rw_flags;
	__u8 op, route, cancel;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flight);
} flights SEC(".maps");

static __always_inline struct flight *flight_of(const void *identity)
{
	__u64 key = (__u64)identity;

	return bpf_map_lookup_elem(&flights, &key);
}

static __always_inline void forget(const void *identity)
{
	__u64 key = (__u64)identity;

	bpf_map_delete_elem(&flights, &key);
}

/* IOCB_CMD_* */
static __always_inline __u8 op_of(__u32 opcode)
{
	switch (opcode) {
	case 0: return AIO_OP_PREAD;
	case 1: return AIO_OP_PWRITE;
	case 2: return AIO_OP_FSYNC;
	case 3: return AIO_OP_FDSYNC;
	case 5: return AIO_OP_POLL;
	case 7: return AIO_OP_PREADV;
	case 8: return AIO_OP_PWRITEV;
	}
	return AIO_OP_UNKNOWN;
}

static __always_inline bool reads_or_writes(const struct flight *f)
{
	return f->op == AIO_OP_PREAD || f->op == AIO_OP_PWRITE || f->op == AIO_OP_PREADV || f->op == AIO_OP_PWRITEV;
}

/* What the fields of an iocb mean is up to its opcode. */
static __always_inline void describe(struct flight *f, __u32 opcode, __u64 pos, __u64 len)
{
	f->op = op_of(opcode);
	f->pos = pos;
	f->len = len;
	f->nulls &= ~(AF_BIT(pos) | AF_BIT(len) | AF_BIT(segments));
	if (!reads_or_writes(f))
		f->nulls |= AF_BIT(pos) | AF_BIT(len) | AF_BIT(segments);
	else if (f->op == AIO_OP_PREADV || f->op == AIO_OP_PWRITEV)
		f->nulls |= AF_BIT(len);
	else
		f->nulls |= AF_BIT(segments);
}

/* Counts the request, and says whether its task is one to look at. */
static __always_inline bool begin(struct flight *f)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);

	if (!st)
		return false;
	COUNT(st->seen);
	if (task_filtered()) {
		COUNT(st->filtered);
		return false;
	}
	f->begin_ns = bpf_ktime_get_ns();
	note_task(&f->by);
	return true;
}

static __always_inline bool request_filtered(const struct flight *f)
{
	return file_filtered(f->by.dev, f->by.ino) || op_filtered(f->op);
}

/* Puts the request into the table, unless what is known of it now leaves it out. */
static __always_inline bool take_up(void *ctx, const void *identity, struct inode *inode, struct flight *f)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	__u64 key = (__u64)identity;

	if (!st)
		return false;
	if (request_filtered(f)) {
		COUNT(st->filtered);
		return false;
	}
	note_place(ctx, st, STATS_BEGIN, &f->by, inode);
	if (metering())
		begin_metric(STATS_END, &f->by, f->op);
	if (!add_flight(st, STATS_END, &flights, &key, f, &f->by)) {
		COUNT(st->map_full);
		return false;
	}
	return true;
}

static __always_inline void meter(struct observe_stats *st, __u32 program, const struct flight *f, __s64 res, __u64 latency_ns)
{
	struct metric_value *v = end_metric(st, program, &f->by, f->op, res < 0, latency_ns);

	if (!v)
		return;
	add_word(v, f->route < AIO_ROUTE_COUNT ? f->route : AIO_ROUTE_COUNT);
	if (f->cancel != CANCEL_NONE)
		v->sum[AIO_CANCELLED]++;
}

static __always_inline void report(struct observe_stats *st, __u32 program, const struct flight *f, __s64 res)
{
	__u64 now = bpf_ktime_get_ns(), latency_ns = now - f->begin_ns;
	struct aio_event *e;

	if (result_filtered(res < 0, true, latency_ns)) {
		st->filtered++;
		return;
	}
	if (metering()) {
		meter(st, program, f, res, latency_ns);
		return;
	}
	if (cfg.hist) {
		__u32 slot = cfg.hist_by == BY_AIO_OP ? f->op : f->route;

		aggregate(st, hist_of(st, program, slot, f->by.dev, f->by.ino, &f->by.comm), res < 0, true, latency_ns);
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
	e->fd = f->fd;
	e->ctx = f->ctx;
	e->iocb = f->iocb;
	e->data = f->data;
	e->pos = f->pos;
	e->len = f->len;
	e->segments = f->len;
	e->done = res;
	if (res < 0 || !reads_or_writes(f))
		e->nulls |= AF_BIT(done);
	e->revents = res;
	if (res < 0 || f->op != AIO_OP_POLL)
		e->nulls |= AF_BIT(revents);
	e->ret = res < 0 ? res : 0;
	e->route = f->route;
	if (f->route == AIO_ROUTE_HIDDEN)
		e->nulls |= AF_BIT(route);
	e->cancel = f->cancel;
	if (f->cancel == CANCEL_NONE)
		e->nulls |= AF_BIT(cancel);
	e->posted = f->route != AIO_ROUTE_REFUSED;
	e->submit_ns = f->issued_ns - f->begin_ns;
	if (!f->issued_ns)
		e->nulls |= AF_BIT(submit_ns);
	e->flight_ns = f->complete_ns - f->issued_ns;
	if (!f->issued_ns || f->complete_ns < f->issued_ns)
		e->nulls |= AF_BIT(flight_ns);
	e->post_ns = now - f->complete_ns;
	if (!f->complete_ns)
		e->nulls |= AF_BIT(post_ns);
	e->latency_ns = latency_ns;
	e->source = cfg.source;
	e->flags = f->flags;
	e->rw_flags = f->rw_flags;
	submit(st, e, sizeof(*e));
}

SEC("tp_btf/aio_iocb_begin")
int BPF_PROG(iocb_begin, void *iocb, struct file *file, unsigned long ctx_id, __u64 user_iocb, __u64 user_data, unsigned int opcode,
	     int fd, long long pos, __u64 len, __u64 buf, unsigned int flags, int rw_flags)
{
	struct flight f = {
		.ctx = ctx_id,
		.iocb = user_iocb,
		.data = user_data,
		.fd = fd,
		.flags = flags,
		.rw_flags = rw_flags,
		.route = AIO_ROUTE_HIDDEN,
		.cancel = CANCEL_NONE,
	};
	struct inode *inode = NULL;

	if (!state.running)
		return 0;
	describe(&f, opcode, pos, len);
	if (file) {
		inode = file->f_inode;
		note_inode(&f.by, inode);
	} else {
		f.nulls |= AF_BIT(dev) | AF_BIT(ino);
	}
	/* An older request at this address that has ended unseen must not get this one's end. */
	if (!begin(&f) || !take_up(ctx, iocb, inode, &f))
		forget(iocb);
	return 0;
}

SEC("tp_btf/aio_iocb_issued")
int BPF_PROG(iocb_issued, void *iocb, void *inode, __u64 user_iocb, __u64 user_data, unsigned int route)
{
	struct flight *f = flight_of(iocb);

	if (!f)
		return 0;
	f->issued_ns = bpf_ktime_get_ns();
	/* enum aio_route of this project's kernel: 0 is inline. */
	f->route = !route ? AIO_ROUTE_INLINE : f->complete_ns ? AIO_ROUTE_EARLY : AIO_ROUTE_QUEUED;
	return 0;
}

SEC("tp_btf/aio_iocb_complete")
int BPF_PROG(iocb_complete, void *iocb)
{
	struct flight *f = flight_of(iocb);

	if (f)
		f->complete_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/aio_iocb_cancel")
int BPF_PROG(iocb_cancel, void *iocb, void *inode, __u64 user_iocb, __u64 user_data, unsigned int reason, int ret)
{
	struct flight *f = flight_of(iocb);

	/* enum aio_cancel_reason of this project's kernel: 0 is the user. The first one who asks cancels. */
	if (f && !ret && f->cancel == CANCEL_NONE)
		f->cancel = reason ? CANCEL_CONTEXT : CANCEL_USER;
	return 0;
}

SEC("tp_btf/aio_iocb_end")
int BPF_PROG(iocb_end, void *iocb, void *inode, unsigned long ctx_id, __u64 user_iocb, __u64 user_data, unsigned int outcome,
	     __s64 res)
{
	struct observe_stats *st = stats_of(STATS_END);
	struct flight *f = flight_of(iocb);

	if (!state.enabled || !st || !f)
		return 0;
	/* enum aio_outcome of this project's kernel: 0 is posted. */
	if (outcome)
		f->route = AIO_ROUTE_REFUSED;
	report(st, STATS_END, f, res);
	forget(iocb);
	return 0;
}

/* The thread's own: what io_submit() is at. */
struct turn {
	struct flight flight;
	__u64 identity;		/* 0: not known yet, the flight is here */
	__u64 begin_ns;		/* of the flight, wherever it is */
	__u8 read;		/* the iocb was */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct turn);
} turns SEC(".maps");

static __always_inline struct turn *turn_of_task(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&turns, &tid);
}

static __always_inline void end_turn(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&turns, &tid);
}

#define UNKNOWN_OF_IOCB (AF_BIT(fd) | AF_BIT(flags) | AF_BIT(rw_flags) | AF_BIT(pos) | AF_BIT(len) | AF_BIT(segments))

static __always_inline void fill_iocb(struct flight *f, const struct iocb *iocb)
{
	describe(f, iocb->aio_lio_opcode, iocb->aio_offset, iocb->aio_nbytes);
	f->nulls &= ~(AF_BIT(data) | AF_BIT(fd) | AF_BIT(flags) | AF_BIT(rw_flags));
	f->data = iocb->aio_data;
	f->fd = iocb->aio_fildes;
	f->flags = iocb->aio_flags;
	f->rw_flags = iocb->aio_rw_flags;
}

/* The request's own: which file, and in stock kernels all that is known of a poll. */
static __always_inline struct inode *fill_request(struct flight *f, void *identity)
{
	struct file *file = BPF_CORE_READ((struct kiocb *)identity, ki_filp);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct aio_kiocb *request = identity;

	f->nulls &= ~(AF_BIT(dev) | AF_BIT(ino) | AF_BIT(iocb));
	note_far_inode(&f->by, inode);
	f->ctx = BPF_CORE_READ(request, ki_ctx, user_id);
	f->iocb = BPF_CORE_READ(request, ki_res.obj);
	return inode;
}

/* @iocb: the kernel's copy, NULL for a poll, where there is none to be had. */
static __always_inline struct inode *fill(struct flight *f, void *identity, const struct iocb *iocb)
{
	struct iocb copy;

	if (iocb && !bpf_probe_read_kernel(&copy, sizeof(copy), iocb))
		fill_iocb(f, &copy);
	return fill_request(f, identity);
}

/* The page of the iocb may be out of memory until the kernel itself has read it. */
static __always_inline void read_turn(struct turn *turn)
{
	struct iocb iocb;

	if (turn->read || bpf_probe_read_user(&iocb, sizeof(iocb), (void *)turn->flight.iocb))
		return;
	fill_iocb(&turn->flight, &iocb);
	turn->read = 1;
}

SEC("fentry/io_submit_one")
int BPF_PROG(submit_begin, struct kioctx *context, void *user_iocb)
{
	struct turn turn = {
		.flight.iocb = (__u64)user_iocb,
		.flight.op = AIO_OP_UNKNOWN,
		.flight.route = AIO_ROUTE_HIDDEN,
		.flight.cancel = CANCEL_NONE,
		.flight.by.stacks = { -1, -1 },
		.flight.nulls = AF_BIT(dev) | AF_BIT(ino) | AF_BIT(data) | UNKNOWN_OF_IOCB,
	};
	struct observe_stats *st = stats_of(STATS_BEGIN);
	__u32 tid = bpf_get_current_pid_tgid();

	if (!state.running || !st)
		return 0;
	turn.flight.ctx = BPF_CORE_READ(context, user_id);
	if (!begin(&turn.flight)) {
		end_turn();
		return 0;
	}
	turn.begin_ns = turn.flight.begin_ns;
	read_turn(&turn);
	if (bpf_map_update_elem(&turns, &tid, &turn, BPF_ANY))
		COUNT(st->map_full);
	return 0;
}

/* A request that was at this address has ended unseen. */
static __always_inline void forget_old(const void *identity)
{
	struct observe_stats *st = stats_of(STATS_BEGIN);
	struct flight *f = metering() && st ? flight_of(identity) : NULL;

	if (f) {
		COUNT(st->unmatched_begin);
		drop_metric(STATS_END, &f->by);
	}
	forget(identity);
}

/* The request of the thread's turn has an address now. */
static __always_inline void found(void *ctx, void *identity, const struct iocb *iocb)
{
	struct turn *turn = turn_of_task();
	struct inode *inode;

	if (!state.enabled)
		return;
	if (!turn) {
		forget_old(identity);
		return;
	}
	/* A poll may ask for several queues. */
	if (turn->identity)
		return;
	if (!iocb)
		read_turn(turn);
	inode = fill(&turn->flight, identity, iocb);
	if (take_up(ctx, identity, inode, &turn->flight)) {
		turn->identity = (__u64)identity;
	} else {
		forget(identity);
		end_turn();
	}
}

SEC("fentry/aio_read")
int BPF_PROG(submit_read, void *req, const struct iocb *iocb)
{
	found(ctx, req, iocb);
	return 0;
}

SEC("fentry/aio_write")
int BPF_PROG(submit_write, void *req, const struct iocb *iocb)
{
	found(ctx, req, iocb);
	return 0;
}

SEC("fentry/aio_fsync")
int BPF_PROG(submit_fsync, void *req, const struct iocb *iocb)
{
	found(ctx, req, iocb);
	return 0;
}

SEC("fentry/aio_poll_queue_proc")
int BPF_PROG(submit_poll, void *file, void *head, struct aio_poll_table *table)
{
	found(ctx, BPF_CORE_READ(table, iocb), NULL);
	return 0;
}

SEC("fexit/io_submit_one")
int BPF_PROG(submit_end, void *context, void *user_iocb, bool compat, int ret)
{
	struct observe_stats *st = stats_of(STATS_REFUSED);
	struct turn *turn = turn_of_task();
	struct flight *f;

	if (!turn || !st)
		return 0;
	f = turn->identity ? flight_of((void *)turn->identity) : &turn->flight;
	/* The address may belong to another request by now, if this one is over. */
	if (!ret || !f || f->begin_ns != turn->begin_ns) {
		end_turn();
		return 0;
	}
	if (!turn->identity) {
		read_turn(turn);
		if (request_filtered(f)) {
			st->filtered++;
			end_turn();
			return 0;
		}
	}
	f->route = AIO_ROUTE_REFUSED;
	report(st, STATS_REFUSED, f, ret);
	if (turn->identity)
		forget((void *)turn->identity);
	end_turn();
	return 0;
}

/* Stock kernels without an io_submit_one() to look at: the request begins where its file is about to be asked. */
static __always_inline void stock_begin(void *ctx, void *identity, const struct iocb *iocb)
{
	struct flight f = { .op = AIO_OP_POLL, .route = AIO_ROUTE_HIDDEN, .cancel = CANCEL_NONE };
	struct inode *inode;

	if (!state.running)
		return;
	if (!iocb) {
		/* A poll may ask for several queues. */
		struct flight *same = flight_of(identity);

		if (same && same->op == AIO_OP_POLL && same->by.tid == (__u32)bpf_get_current_pid_tgid() && !same->complete_ns &&
		    same->iocb == BPF_CORE_READ((struct aio_kiocb *)identity, ki_res.obj))
			return;
		f.nulls = UNKNOWN_OF_IOCB;
		f.data = BPF_CORE_READ((struct aio_kiocb *)identity, ki_res.data);
	}
	if (!begin(&f)) {
		forget(identity);
		return;
	}
	inode = fill(&f, identity, iocb);
	if (!take_up(ctx, identity, inode, &f))
		forget(identity);
}

/* io_submit() still holds the request, so that it is the one which this thread has begun. */
static __always_inline void stock_end(__u32 program, void *identity, int ret)
{
	struct observe_stats *st = stats_of(program);
	struct flight *f = flight_of(identity);

	if (!state.enabled || !st || !f)
		return;
	if (!ret) {
		f->issued_ns = bpf_ktime_get_ns();
		return;
	}
	f->route = AIO_ROUTE_REFUSED;
	report(st, program, f, ret);
	forget(identity);
}

static __always_inline void stock_complete(void *identity)
{
	struct observe_stats *st = stats_of(STATS_END);
	struct aio_kiocb *request = identity;
	struct flight *f = flight_of(identity);
	struct turn *turn = NULL;
	bool elsewhere;

	if (!state.enabled || !st)
		return;
	if (!f) {
		/* Only a poll of a file that is always ready is over before it was found. */
		turn = turn_of_task();
		if (!turn || turn->identity || turn->flight.iocb != BPF_CORE_READ(request, ki_res.obj))
			return;
		f = &turn->flight;
		read_turn(turn);
		fill_request(f, identity);
		f->op = AIO_OP_POLL;
		if (request_filtered(f)) {
			st->filtered++;
			end_turn();
			return;
		}
	}
	/* Whoever drops the last reference is here: io_submit(), or who completed the request. An fsync always goes to a worker. */
	elsewhere = (__u32)bpf_get_current_pid_tgid() != f->by.tid;
	if (f->op == AIO_OP_FSYNC || f->op == AIO_OP_FDSYNC)
		f->route = elsewhere ? AIO_ROUTE_QUEUED : AIO_ROUTE_EARLY;
	else if (f->op == AIO_OP_POLL ? elsewhere : f->issued_ns && f->complete_ns >= f->issued_ns)
		f->route = AIO_ROUTE_QUEUED;
	report(st, STATS_END, f, BPF_CORE_READ(request, ki_res.res));
	if (turn)
		end_turn();
	else
		forget(identity);
}

static __always_inline void stock_complete_rw(void *identity)
{
	struct flight *f = flight_of(identity);

	if (f)
		f->complete_ns = bpf_ktime_get_ns();
}

static __always_inline void stock_cancel(void *identity)
{
	struct flight *f = flight_of(identity);

	if (f)
		f->cancel = CANCEL_UNKNOWN;
}

SEC("fentry/aio_read")
int BPF_PROG(read_begin, void *req, const struct iocb *iocb)
{
	stock_begin(ctx, req, iocb);
	return 0;
}

SEC("fentry/aio_write")
int BPF_PROG(write_begin, void *req, const struct iocb *iocb)
{
	stock_begin(ctx, req, iocb);
	return 0;
}

SEC("fentry/aio_fsync")
int BPF_PROG(fsync_begin, void *req, const struct iocb *iocb)
{
	stock_begin(ctx, req, iocb);
	return 0;
}

SEC("fentry/aio_poll_queue_proc")
int BPF_PROG(poll_begin, void *file, void *head, struct aio_poll_table *table)
{
	stock_begin(ctx, BPF_CORE_READ(table, iocb), NULL);
	return 0;
}

SEC("fexit/aio_read")
int BPF_PROG(read_end, void *req, void *iocb, bool vectored, bool compat, int ret)
{
	stock_end(STATS_REFUSED_READ, req, ret);
	return 0;
}

SEC("fexit/aio_write")
int BPF_PROG(write_end, void *req, void *iocb, bool vectored, bool compat, int ret)
{
	stock_end(STATS_REFUSED_WRITE, req, ret);
	return 0;
}

SEC("fexit/aio_fsync")
int BPF_PROG(fsync_end, void *req, void *iocb, bool datasync, int ret)
{
	stock_end(STATS_REFUSED_FSYNC, req, ret);
	return 0;
}

SEC("fentry/aio_complete_rw")
int BPF_PROG(complete_rw, void *iocb)
{
	stock_complete_rw(iocb);
	return 0;
}

SEC("fentry/aio_poll_cancel")
int BPF_PROG(poll_cancel, void *iocb)
{
	stock_cancel(iocb);
	return 0;
}

SEC("fentry/aio_complete")
int BPF_PROG(complete, void *iocb)
{
	stock_complete(iocb);
	return 0;
}

/* A return probe has no arguments: what its thread is at is kept here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

static __always_inline void kprobe_begin(void *ctx, void *identity, const struct iocb *iocb)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u64 key = (__u64)identity;

	stock_begin(ctx, identity, iocb);
	/* What was noted here before has missed its return. */
	if (!iocb || !flight_of(identity) || bpf_map_update_elem(&calls, &tid, &key, BPF_ANY))
		bpf_map_delete_elem(&calls, &tid);
}

static __always_inline void kprobe_end(__u32 program, int ret)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u64 *identity = bpf_map_lookup_elem(&calls, &tid);

	if (!identity)
		return;
	stock_end(program, (void *)*identity, ret);
	bpf_map_delete_elem(&calls, &tid);
}

SEC("kprobe/aio_read")
int BPF_KPROBE(kprobe_read, void *req, const struct iocb *iocb)
{
	kprobe_begin(ctx, req, iocb);
	return 0;
}

SEC("kprobe/aio_write")
int BPF_KPROBE(kprobe_write, void *req, const struct iocb *iocb)
{
	kprobe_begin(ctx, req, iocb);
	return 0;
}

SEC("kprobe/aio_fsync")
int BPF_KPROBE(kprobe_fsync, void *req, const struct iocb *iocb)
{
	kprobe_begin(ctx, req, iocb);
	return 0;
}

SEC("kprobe/aio_poll_queue_proc")
int BPF_KPROBE(kprobe_poll, void *file, void *head, struct aio_poll_table *table)
{
	kprobe_begin(ctx, BPF_CORE_READ(table, iocb), NULL);
	return 0;
}

SEC("kretprobe/aio_read")
int BPF_KRETPROBE(kretprobe_read, int ret)
{
	kprobe_end(STATS_REFUSED_READ, ret);
	return 0;
}

SEC("kretprobe/aio_write")
int BPF_KRETPROBE(kretprobe_write, int ret)
{
	kprobe_end(STATS_REFUSED_WRITE, ret);
	return 0;
}

SEC("kretprobe/aio_fsync")
int BPF_KRETPROBE(kretprobe_fsync, int ret)
{
	kprobe_end(STATS_REFUSED_FSYNC, ret);
	return 0;
}

SEC("kprobe/aio_complete_rw")
int BPF_KPROBE(kprobe_complete_rw, void *iocb)
{
	stock_complete_rw(iocb);
	return 0;
}

SEC("kprobe/aio_poll_cancel")
int BPF_KPROBE(kprobe_poll_cancel, void *iocb)
{
	stock_cancel(iocb);
	return 0;
}

SEC("kprobe/aio_complete")
int BPF_KPROBE(kprobe_complete, void *iocb)
{
	stock_complete(iocb);
	return 0;
}
