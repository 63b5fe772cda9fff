// SPDX-License-Identifier: GPL-2.0
/*
 * Reports: what is added up is the sum of what came, whatever the order and however much; what stands in a page cannot end its script; slices
 * on a track nest. report write FILE [EVENTS] writes a recording of all observers, for other tests and for looking at the page.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "aio.h"
#include "dax.h"
#include "dio.h"
#include "dmio.h"
#include "follow.h"
#include "ioends.h"
#include "lookups.h"
#include "recorder.h"
#include "report/page.h"
#include "report/tables.h"
#include "report/text.h"
#include "report/trace.h"
#include "tap.h"

#define HOSTILE "/srv/</script><img src=x onerror=alert(1)>&\"'\\\n\xff"
#define START 1000000000000ULL
#define WALL (1700000000000000000LL - (__s64)START)
#define DEV_A (259u << 20 | 3)
#define DEV_B (8u << 20 | 16)

static __u64 state = 88172645463325252ULL;

/* Numbers that look like nothing, the same each time. */
static __u64 noise(__u64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? state % below : state;
}

/* Most near @typical, few a hundred times as long. */
static __u64 duration(__u64 typical)
{
	__u64 ns = typical / 2 + noise(typical);

	if (!noise(30))
		ns += noise(8 * typical);
	return noise(400) ? ns : ns + noise(100 * typical);
}

static void task(struct task_comm *comm, __u32 *pid, __u32 *tid, unsigned int n)
{
	static const char *const names[] = { "postgres", "fio", "<b>&\"x", "kworker/u8:3" };

	memset(comm, 0, sizeof(*comm));
	memcpy(comm->s, names[n % 4], strlen(names[n % 4]));
	*pid = 100 + n % 4;
	*tid = 100 + n;
}

static __u64 at_time(__u64 i, __u64 events)
{
	return START + i * (30000000000ULL / events) + noise(1000);
}

static struct lookup_event lookup_at(__u64 end, __u64 ns, unsigned int thread, __u64 ino, __u32 dev, unsigned int op)
{
	struct lookup_event e = { .time = end, .op = op, .dev = dev, .ino = ino, .pos = noise(1000) << 12, .len = 4096, .type = noise(TYPE_COUNT - 1),
				  .map_len = 1 << 20, .flags = noise(8), .latency_ns = ns, .path = ino };

	e.nulls = LF_BIT(src_type) | LF_BIT(src_addr) | LF_BIT(src_pos) | LF_BIT(src_len) | LF_BIT(kstack) | LF_BIT(ustack) | LF_BIT(path_was);
	if (!noise(50))
		e.ret = -ENOSPC, e.nulls |= LF_BIT(type) | LF_BIT(addr) | LF_BIT(map_pos) | LF_BIT(map_len) | LF_BIT(flags);
	task(&e.comm, &e.pid, &e.tid, thread);
	return e;
}

static struct dio_event dio_at(__u64 begin, unsigned int thread, __u64 ino, __u32 dev, unsigned int wait)
{
	struct dio_event e = { .op = noise(3) ? OP_DIO_WRITE : OP_DIO_READ, .dev = dev, .ino = ino, .pos = noise(1000) << 12, .len = 16384, .done = 16384,
			       .wait = wait, .extents = 1, .bios = 1, .route = wait == WAIT_ASYNC ? ROUTE_WORKQUEUE : ROUTE_WAITER, .path = ino };

	e.nulls = DF_BIT(exit) | DF_BIT(kstack) | DF_BIT(ustack) | DF_BIT(path_was);
	e.setup_ns = duration(9000);
	e.mapping_ns = e.setup_ns / 3;
	e.device_ns = duration(dev == DEV_A ? 90000 : 900000);
	if (begin > START + 12000000000ULL && begin < START + 14000000000ULL)
		e.device_ns *= 40;
	e.queue_ns = duration(6000);
	e.completion_ns = duration(4000);
	e.latency_ns = e.setup_ns + e.device_ns + e.queue_ns + e.completion_ns;
	e.time = begin + e.latency_ns;
	if (!noise(200))
		e.ret = -EIO, e.nulls |= DF_BIT(done);
	task(&e.comm, &e.pid, &e.tid, thread);
	return e;
}

static struct ioend_event ioend_at(__u64 begin, __u64 ino, __u32 dev)
{
	struct ioend_event e = { .op = OP_WRITEBACK, .dev = dev, .ino = ino, .len = 1 << 20, .bytes = 1 << 20, .type = TYPE_MAPPED, .folios = 256,
				 .reason = noise(REASON_COUNT), .path = ino };

	e.nulls = IF_BIT(kstack) | IF_BIT(ustack) | IF_BIT(path_was);
	e.build_ns = duration(200000);
	e.device_ns = duration(3000000);
	e.completion_ns = duration(20000);
	e.latency_ns = e.build_ns + e.device_ns + e.completion_ns;
	e.time = begin + e.latency_ns;
	task(&e.comm, &e.pid, &e.tid, 3);
	return e;
}

static struct dax_event fault_at(__u64 end, unsigned int thread)
{
	struct dax_event e = { .time = end, .op = noise(2) ? OP_DAX_FAULT_PMD : OP_DAX_FAULT_PTE, .dev = 259u << 20, .ino = 9, .len = 4096, .access = noise(2),
			       .latency_ns = duration(3000), .path = 9, .fallback = noise(FALLBACK_COUNT), .mapped = MAPPED_PAGE, .result = RESULT_NOPAGE };

	e.nulls = XF_BIT(done) | XF_BIT(kstack) | XF_BIT(ustack) | XF_BIT(path_was) | XF_BIT(sync_ns) | XF_BIT(extents) | XF_BIT(copies) | XF_BIT(recovered) |
		  XF_BIT(fallback_ret);
	if (e.op == OP_DAX_FAULT_PTE || noise(3))
		e.nulls |= XF_BIT(fallback);
	else
		e.result = RESULT_FALLBACK;
	task(&e.comm, &e.pid, &e.tid, thread);
	return e;
}

static struct aio_event aio_at(__u64 begin, unsigned int thread)
{
	struct aio_event e = { .op = noise(AIO_OP_COUNT), .dev = DEV_A, .ino = 2, .len = 4096, .done = 4096, .route = noise(AIO_ROUTE_COUNT), .path = 2 };

	e.nulls = AF_BIT(cancel) | AF_BIT(kstack) | AF_BIT(ustack) | AF_BIT(path_was) | AF_BIT(segments) | AF_BIT(revents);
	e.submit_ns = duration(5000);
	e.flight_ns = duration(100000);
	e.post_ns = duration(900);
	e.latency_ns = e.submit_ns + e.flight_ns + e.post_ns;
	e.time = begin + e.latency_ns;
	if (e.route == AIO_ROUTE_EARLY)
		e.nulls |= AF_BIT(flight_ns);
	task(&e.comm, &e.pid, &e.tid, thread);
	return e;
}

static struct dmio_event dmio_at(__u64 end)
{
	struct dmio_event e = { .time = end, .op = noise(DM_OP_COUNT), .wait = noise(2), .region_count = 1, .bytes = 65536, .bios = 1, .device_ns = duration(80000) };

	e.latency_ns = e.device_ns + duration(9000);
	e.notify_ns = 500;
	e.error_bits = !noise(100);
	e.regions.known = e.regions.all = 1;
	e.regions.region[0].dev = DEV_B;
	e.regions.region[0].count = 128;
	e.nulls = MF_BIT(kstack) | MF_BIT(ustack);
	task(&e.comm, &e.pid, &e.tid, 3);
	return e;
}

/* Which of the observers has an event. */
typedef void (*taker)(void *ctx, const struct observer *observer, const void *record);

/* Threads of a database that read and write one after the other, requests that are in flight at the same time, writeback, faults. */
static void simulate(__u64 events, taker take, void *ctx)
{
	__u64 i, busy[8] = {};

	state = 88172645463325252ULL;
	for (i = 0; i < events; i++) {
		unsigned int thread = noise(8);
		__u64 ino = 2 + noise(noise(4) ? 5 : 60);
		__u32 dev = noise(4) ? DEV_A : DEV_B;
		__u64 now = at_time(i, events);

		if (i % 16 < 5) {
			struct dio_event dio;
			struct lookup_event lookup;

			if (now < busy[thread])
				now = busy[thread];
			dio = dio_at(now, thread, ino, dev, WAIT_SYNC);
			lookup = lookup_at(now + 500 + dio.mapping_ns, dio.mapping_ns, thread, ino, dev, dio.op);
			busy[thread] = dio.time + 1;
			take(ctx, &lookups_observer, &lookup);
			take(ctx, &dio_observer, &dio);
		} else if (i % 16 < 10) {
			struct dio_event dio = dio_at(now, thread, ino, dev, WAIT_ASYNC);
			struct lookup_event lookup = lookup_at(now + 500 + dio.mapping_ns, dio.mapping_ns, thread, ino, dev, dio.op);

			take(ctx, &lookups_observer, &lookup);
			take(ctx, &dio_observer, &dio);
		} else if (i % 16 < 12) {
			struct ioend_event ioend = ioend_at(now, ino, dev);

			take(ctx, &ioends_observer, &ioend);
		} else if (i % 16 < 14) {
			struct dax_event fault = fault_at(now, thread);

			take(ctx, &dax_observer, &fault);
		} else if (i % 16 < 15) {
			struct aio_event aio = aio_at(now, thread);

			take(ctx, &aio_observer, &aio);
		} else {
			struct dmio_event dmio = dmio_at(now);

			take(ctx, &dmio_observer, &dmio);
		}
	}
}

/* What each event's path is called: by its inode number. */
static struct path_found path_named(void *ctx, __u32 dev, __u64 ino, __u64 version)
{
	static char text[PATH_SHOWN];
	struct path_found found = { .path = text };

	(void)ctx;
	(void)version;
	if (ino == 3)
		snprintf(text, sizeof(text), "%s", HOSTILE);
	else if (ino == 4)
		memset(text, 'p', sizeof(text) - 1);
	else
		snprintf(text, sizeof(text), "/srv/%s/base/16384/%llu", dev == DEV_A ? "db" : "log", (unsigned long long)ino);
	return found;
}

struct writer {
	struct recorder *recorder;
	__u64 count[16];
};

static void write_record(void *ctx, const struct observer *observer, const void *record)
{
	struct writer *w = ctx;
	struct roles roles;
	__u64 dev = 0, ino = 0;
	struct path_found found;
	char *to;
	size_t i;

	for (i = 0; observers[i] != observer; i++)
		;
	roles_init(&roles, observer);
	role_value(&roles, roles.dev, record, &dev);
	role_value(&roles, roles.ino, record, &ino);
	to = recorder_begin_record(w->recorder, i, START, WALL);
	if (!to)
		return;
	memcpy(to, record, observer->record_size);
	found = path_named(NULL, dev, ino, 1);
	if (roles.path)
		*(__u64 *)(to + roles.path->offset) = recorder_path(w->recorder, &found);
	recorder_end_record(w->recorder, i, true);
	w->count[i]++;
}

/* Five requests, each with the steps that a direct write has. */
static void write_requests(struct writer *w)
{
	static const __u8 steps[] = { FOLLOW_DIO_BEGIN, FOLLOW_OP_BEGIN, FOLLOW_LOOKUP, FOLLOW_BIO_SUBMIT, FOLLOW_DEVICE_QUEUE, FOLLOW_DEVICE_ISSUE,
				      FOLLOW_OP_END, FOLLOW_DEVICE_COMPLETE, FOLLOW_BIO_END, FOLLOW_DIO_DONE, FOLLOW_DIO_END };
	struct path_found found = path_named(NULL, DEV_A, 2, 1);
	size_t rank, i, n;

	for (rank = 0; observers[rank] != &follow_observer; rank++)
		;
	for (i = 0; i < 5; i++) {
		for (n = 0; n <= ARRAY_SIZE(steps); n++) {
			struct follow_record *r = recorder_begin_record(w->recorder, rank, START, WALL);

			if (!r)
				return;
			*r = (struct follow_record){ .time = START + i * 4000000000ULL + n * (n + i) * 12000, .request = i + 1, .id = 0x1000, .dev = DEV_A, .ino = 2,
						     .len = 4096, .op = OP_DIO_WRITE, .stacks = { -1, -1 } };
			task(&r->comm, &r->pid, &r->tid, 1);
			r->path = recorder_path(w->recorder, &found);
			if (n < ARRAY_SIZE(steps)) {
				r->step = steps[n];
				r->depth = n < 6 ? n : 10 - n;
				r->flags = (n ? 0 : FOLLOW_FIRST | FOLLOW_BEGINS) | (n == ARRAY_SIZE(steps) - 1 ? FOLLOW_RESULT | FOLLOW_BYTES : 0);
				r->ret = 4096;
			} else {
				r->flags = FOLLOW_LAST;
			}
			recorder_end_record(w->recorder, rank, n == ARRAY_SIZE(steps));
		}
		w->count[rank]++;
	}
}

static int write_recording(const char *path, __u64 events)
{
	struct recorder_options options = { .path = path, .command_line = "iomapscope record </script>", .force = true };
	struct account accounts[16] = {};
	struct err err = {};
	struct writer w = { .recorder = recorder_new(&options, &err) };
	size_t i;

	if (!w.recorder) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (i = 0; i < observer_count; i++)
		recorder_add(w.recorder, observers[i], observers[i]->source[0].name, ERA_614);
	recorder_start(w.recorder, START, WALL);
	recorder_device(w.recorder, DEV_A, "259:3 nvme0n1p3 /srv/db");
	recorder_device(w.recorder, DEV_B, "8:16 sdb </script>");
	simulate(events, write_record, &w);
	write_requests(&w);
	for (i = 0; i < observer_count; i++) {
		accounts[i].command = observers[i]->command;
		accounts[i].source = observers[i]->source[0].name;
		accounts[i].seen = w.count[i] + (i ? 0 : 7);
		accounts[i].emitted = w.count[i];
		accounts[i].lost[LOSS_ring_full] = i ? 0 : 7;
		accounts[i].duration_ns = 30000000000ULL;
	}
	recorder_end(w.recorder, accounts, START + 30000000000ULL);
	if (recorder_error(w.recorder))
		fprintf(stderr, "%s\n", recorder_error(w.recorder));
	recorder_free(w.recorder);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "write"))
		return write_recording(argv[2], argc > 3 ? strtoull(argv[3], NULL, 10) : 20000);
	return done_testing();
}
