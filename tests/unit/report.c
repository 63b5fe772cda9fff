// SPDX-License-Identifier: GPL-2.0
/*
 * Reports: what is added up is the sum of what came,
	 whatever the order and however much; what stands in a page cannot end its script; slices
 * on a track nest. report write FILE [EVENTS [ORPHANS]] writes a recording of all observers, for other tests and for looking at the page; of
 * ORPHANS requests more that are followed the begin is missing.
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
	struct lookup_event e = { .time = end, .op = op, .dev = dev, .ino = ino, .pos = noise(1000) << 12, .len = 4096,
				 .type = noise(TYPE_COUNT - 1),
				  .map_len = 1 << 20, .flags = noise(8), .latency_ns = ns, .path = ino };

	e.nulls = LF_BIT(src_type) | LF_BIT(src_addr) | LF_BIT(src_pos) | LF_BIT(src_len) | LF_BIT(kstack) | LF_BIT(ustack) | LF_BIT(path_was);
	if (!noise(50))
		e.ret = -ENOSPC, e.nulls |= LF_BIT(type) | LF_BIT(addr) | LF_BIT(map_pos) | LF_BIT(map_len) | LF_BIT(flags);
	task(&e.comm, &e.pid, &e.tid, thread);
	return e;
}

static struct dio_event dio_at(__u64 begin, unsigned int thread, __u64 ino, __u32 dev, unsigned int wait)
{
	struct dio_event e = { .op = noise(3) ? OP_DIO_WRITE : OP_DIO_READ, .dev = dev, .ino = ino, .pos = noise(1000) << 12,
			      .len = 16384, .done = 16384,
			       .wait = wait, .extents = 1, .bios = 1, .route = wait == WAIT_ASYNC ? ROUTE_WORKQUEUE : ROUTE_WAITER,
				       .path = ino };

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
	struct ioend_event e = { .op = OP_WRITEBACK, .dev = dev, .ino = ino, .len = 1 << 20, .bytes = 1 << 20, .type = TYPE_MAPPED,
				.folios = 256,
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
	struct dax_event e = { .time = end, .op = noise(2) ? OP_DAX_FAULT_PMD : OP_DAX_FAULT_PTE, .dev = 259u << 20, .ino = 9,
			      .len = 4096, .access = noise(2),
			       .latency_ns = duration(3000), .path = 9, .fallback = noise(FALLBACK_COUNT), .mapped = MAPPED_PAGE,
				       .result = RESULT_NOPAGE };

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
	struct aio_event e = { .op = noise(AIO_OP_COUNT), .dev = DEV_A, .ino = 2, .len = 4096, .done = 4096,
			      .route = noise(AIO_ROUTE_COUNT), .path = 2 };

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
	struct dmio_event e = { .time = end, .op = noise(DM_OP_COUNT), .wait = noise(2), .region_count = 1, .bytes = 65536,
			       .bios = 1, .device_ns = duration(80000) };

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
			lookup.pos = dio.pos;
			busy[thread] = dio.time + 1;
			take(ctx, &lookups_observer, &lookup);
			take(ctx, &dio_observer, &dio);
		} else if (i % 16 < 10) {
			struct dio_event dio = dio_at(now, thread, ino, dev, WAIT_ASYNC);
			struct lookup_event lookup = lookup_at(now + 500 + dio.mapping_ns, dio.mapping_ns, thread, ino, dev,
							       dio.op);

			lookup.pos = dio.pos;
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

/* Five requests, each with the steps that a direct write has; and behind them @orphans, the begin of which is not there. */
static void write_requests(struct writer *w, size_t orphans)
{
	static const __u8 steps[] = { FOLLOW_DIO_BEGIN, FOLLOW_OP_BEGIN, FOLLOW_LOOKUP, FOLLOW_BIO_SUBMIT, FOLLOW_DEVICE_QUEUE,
				     FOLLOW_DEVICE_ISSUE,
				      FOLLOW_OP_END, FOLLOW_DEVICE_COMPLETE, FOLLOW_BIO_END, FOLLOW_DIO_DONE, FOLLOW_DIO_END };
	struct path_found found = path_named(NULL, DEV_A, 2, 1);
	size_t rank, i, n;

	for (rank = 0; observers[rank] != &follow_observer; rank++)
		;
	for (i = 0; i < 5 + orphans; i++) {
		for (n = i < 5 ? 0 : 1; n <= ARRAY_SIZE(steps); n++) {
			struct follow_record *r = recorder_begin_record(w->recorder, rank, START, WALL);

			if (!r)
				return;
			*r = (struct follow_record){ .time = START + i * 4000000000ULL + n * (n + i) * 12000, .request = i + 1,
						    .id = 0x1000, .dev = DEV_A, .ino = 2,
						     .len = 4096, .op = OP_DIO_WRITE, .stacks = { -1, -1 } };
			task(&r->comm, &r->pid, &r->tid, 1);
			r->path = recorder_path(w->recorder, &found);
			if (n < ARRAY_SIZE(steps)) {
				r->step = steps[n];
				r->depth = n < 6 ? n : 10 - n;
				r->flags = (n ? 0 : FOLLOW_FIRST | FOLLOW_BEGINS) | (n == ARRAY_SIZE(steps) - 1 ?
										     FOLLOW_RESULT | FOLLOW_BYTES : 0);
				r->ret = 4096;
			} else {
				r->flags = FOLLOW_LAST;
			}
			recorder_end_record(w->recorder, rank, n == ARRAY_SIZE(steps));
		}
		w->count[rank]++;
	}
}

static int write_recording(const char *path, __u64 events, size_t orphans)
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
	write_requests(&w, orphans);
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


static struct paths *paths;

static struct format table_format(const struct observer *observer)
{
	struct format format;

	format_init(&format, observer, FORMAT_TABLE, ERA_614);
	format.wall_offset_ns = WALL;
	format.paths = paths;
	return format;
}

static void test_phases(void)
{
	struct dio_event dio = { .latency_ns = 100, .time = 1000, .setup_ns = 10, .device_ns = 60, .queue_ns = 0,
				.completion_ns = 50 };
	struct aio_event aio = { .latency_ns = 100, .submit_ns = 40, .post_ns = 5, .nulls = AF_BIT(flight_ns) };
	struct span span[ROLE_TIMES];
	struct roles roles;
	__u64 begin, end;
	int n;

	roles_init(&roles, &dio_observer);
	n = role_phases(&roles, &dio, span);
	is_int(n, 3, "phases: one of no length is left out");
	is_str(span[2].field->name, "completion_ns", "phases: in their order");
	is_u64(span[1].offset_ns, 10, "phases: each begins where the one before ends");
	is_u64(span[2].offset_ns + span[2].ns, 100, "phases: none goes beyond the end");
	role_times(&roles, &dio, &begin, &end);
	is_u64(begin, 900, "an event's begin is so long before its end");
	dio.nulls = DF_BIT(device_ns);
	is_int(role_phases(&roles, &dio, span), 1, "phases: behind one that is not known there is none");
	dio.nulls = DF_BIT(latency_ns);
	is_int(role_phases(&roles, &dio, span), 0, "phases: none without a latency");
	roles_init(&roles, &aio_observer);
	is_int(role_phases(&roles, &aio, span), 1, "phases: aio that was complete early has one");
}

static void test_failed(void)
{
	struct lookup_event lookup = { .ret = -ENOSPC };
	struct dax_event dax = { .nulls = XF_BIT(ret), .result = RESULT_FALLBACK };
	struct dmio_event dmio = { .error_bits = 2 };
	struct follow_event follow = { .nulls = FF_BIT(ret) };
	struct roles roles;

	roles_init(&roles, &lookups_observer);
	ok(role_failed(&roles, &lookup), "failed: an errno");
	lookup.ret = 0;
	ok(!role_failed(&roles, &lookup), "failed: not if it is 0");
	lookup.nulls = LF_BIT(ret);
	ok(role_failed(&roles, &lookup), "failed: a lookup whose result the source cannot tell");
	roles_init(&roles, &dax_observer);
	ok(!role_failed(&roles, &dax), "failed: a fallback has not");
	dax.result = 2;
	ok(role_failed(&roles, &dax), "failed: SIGBUS");
	roles_init(&roles, &dmio_observer);
	ok(role_failed(&roles, &dmio), "failed: a region");
	roles_init(&roles, &follow_observer);
	ok(!role_failed(&roles, &follow), "failed: nobody knows of a request whose end was not seen");
}

static char *safe(const char *text)
{
	char *got = NULL;
	size_t size;
	FILE *file = open_memstream(&got, &size);

	write_safe(file, text);
	fclose(file);
	return got;
}

static void test_text(void)
{
	char longest[300], expected[400], *got;
	int shift, i;

	got = safe(HOSTILE);
	is_str(got, "\"/srv/\\u003c/script\\u003e\\u003cimg src=x onerror=alert(1)\\u003e\\u0026\\\"'\\\\\\u000a\\u00ff\"",
	       "a hostile name is a string like any other");
	free(got);
	got = safe(NULL);
	is_str(got, "null", "no text is null");
	free(got);
	for (shift = 0; shift < 4; shift++) {
		memset(longest, 'a', shift);
		longest[shift] = 0;
		for (i = 0; i < 60; i++)
			strcat(longest, i % 2 ? "\xe2\x82\xac" : "\xf0\x9f\x98\x80");
		snprintf(expected, sizeof(expected), "\"%s\"", longest);
		got = safe(longest);
		is_str(got, expected, "characters of several bytes stay whole, from place %d on", shift);
		free(got);
	}
}

/* What came, counted by itself. */
struct tally {
	struct sum *sum;
	struct trace *trace;
	struct out *out;
	__u64 events[16], errors[16], timed[16], total[16];
	__u64 *latency;			/* of dio */
	__u64 latencies;
	bool failed;
};

static size_t rank(const struct observer *observer)
{
	size_t i;

	for (i = 0; observers[i] != observer; i++)
		;
	return i;
}

static void add_record(void *ctx, const struct observer *observer, const void *record)
{
	struct tally *tally = ctx;
	struct format format = table_format(observer);
	size_t i = rank(observer);
	struct roles roles;
	__u64 latency;

	roles_init(&roles, observer);
	tally->events[i]++;
	tally->errors[i] += role_failed(&roles, record);
	if (role_value(&roles, roles.latency, record, &latency)) {
		tally->timed[i]++;
		tally->total[i] += latency;
		if (observer == &dio_observer)
			tally->latency[tally->latencies++] = latency;
	}
	tally->failed |= sum_add(tally->sum, &format, record, NULL);
}

static __u64 rows_of(const struct sum_table *table)
{
	__u64 events = table->others.hist.count;
	size_t i;

	for (i = 0; i < table->count; i++)
		events += table->row[i].sum.hist.count;
	return events;
}

/* Whatever it is split by, each event is there once. */
static void check_sum(const struct tally *tally, const char *name)
{
	const struct sum *sum = tally->sum;
	int v, i, n, slot;

	ok(!tally->failed, "%s: all is added", name);
	ok(sum_slots(sum) > 0 && sum_slots(sum) <= SUM_SLOTS, "%s: the axis of time has %d slots", name, sum_slots(sum));
	for (v = 0; v < sum->views; v++) {
		const struct sum_view *view = sum->view[v];
		const char *command = view->roles.observer->command;
		size_t of = rank(view->roles.observer);
		__u64 pairs = 0, cells = 0, slots = 0;

		is_u64(view->all.hist.count, tally->events[of], "%s: %s: events", name, command);
		is_u64(view->all.hist.errors, tally->errors[of], "%s: %s: errors", name, command);
		is_u64(view->all.hist.timed, tally->timed[of], "%s: %s: those with a latency", name, command);
		is_u64(view->all.hist.total_ns, tally->total[of], "%s: %s: their sum", name, command);
		for (i = 0; i < view->pairs; i++) {
			pairs += view->pair[i].sum.hist.count;
			for (slot = 0; slot < sum_slots(sum); slot++) {
				slots += view->pair[i].cell[slot].events;
				for (n = 0; n < HIST_BUCKETS; n++)
					cells += view->pair[i].cell[slot].bucket[n];
			}
		}
		is_u64(pairs, tally->events[of], "%s: %s: all are of an operation and device", name, command);
		is_u64(slots, tally->events[of], "%s: %s: all are on the axis of time", name, command);
		is_u64(cells, tally->timed[of], "%s: %s: those with a latency are in its cells", name, command);
		for (i = 0; i < view->roles.words; i++) {
			__u64 events = 0;

			for (n = 0; n < WORD_SLOTS; n++)
				events += view->word[i][n].count;
			is_u64(events, tally->events[of], "%s: %s: by %s", name, command, view->roles.word[i]->name);
		}
		if (view->roles.ino && !view->roles.ino->nullable)
			is_u64(rows_of(&view->files), tally->events[of], "%s: %s: all are of a file", name, command);
		is_u64(rows_of(&view->processes), tally->events[of], "%s: %s: all are of a process", name, command);
	}
}

static int by_size_down(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static int by_latency_down(const void *a, const void *b)
{
	const struct sum_slow *x = a, *y = b;

	return x->latency_ns < y->latency_ns ? 1 : x->latency_ns > y->latency_ns ? -1 : 0;
}

static void test_sum(void)
{
	struct tally tally = { .sum = sum_new(SUM_ROWS), .latency = calloc(30000, sizeof(__u64)) };
	struct sum_slow slow[SUM_SLOW];
	struct sum_view *view;
	bool same = true;
	int i;

	simulate(30000, add_record, &tally);
	check_sum(&tally, "30000 events");
	view = sum_view(tally.sum, &dio_observer);
	is_int(view->slow_count, SUM_SLOW, "so many of the slowest are kept");
	qsort(tally.latency, tally.latencies, sizeof(__u64), by_size_down);
	memcpy(slow, view->slow, sizeof(slow));
	qsort(slow, SUM_SLOW, sizeof(slow[0]), by_latency_down);
	for (i = 0; i < SUM_SLOW; i++)
		same = same && slow[i].latency_ns == tally.latency[i];
	ok(same, "and they are the slowest of all");
	ok(view->files.count > 5 && !view->files.given_up, "files are kept apart");
	sum_free(tally.sum);
	free(tally.latency);
}

/* Files, devices, time: more than there is room for. */
static void test_bounds(void)
{
	struct tally tally = { .sum = sum_new(64), .latency = calloc(4000, sizeof(__u64)) };
	struct sum_view *view;
	bool sorted = true;
	int i;

	for (i = 0; i < 4000; i++) {
		/* From the middle of the time to both of its ends. */
		struct dio_event dio = dio_at(START + 7200000000000ULL + (i % 2 ? i : -i) * 1000000000ULL, 1, i % 1000,
					      8u << 20 | i % 100, WAIT_SYNC);

		if (dio.ino < 10)
			dio.latency_ns += 1000000000000ULL;
		add_record(&tally, &dio_observer, &dio);
	}
	check_sum(&tally, "too many of everything");
	view = sum_view(tally.sum, &dio_observer);
	is_int(view->pairs, SUM_PAIRS, "bounds: so many operations and devices");
	ok(view->pair[SUM_PAIRS - 1].others, "bounds: the last one is for all others");
	ok(view->files.count <= 64 && view->files.given_up, "bounds: so many files, and others");
	for (i = 0; i < 10; i++) {
		size_t n;

		for (n = 0; n < view->files.count && view->files.row[n].b != (__u64)i; n++)
			;
		sorted = sorted && n < view->files.count;
	}
	ok(sorted, "bounds: the files that take most of the time are never given up");
	sum_free(tally.sum);
	free(tally.latency);
}

static void test_axis(void)
{
	struct tally tally = { .sum = sum_new(8), .latency = calloc(8, sizeof(__u64)) };
	struct dio_event dio = dio_at(START, 1, 1, 1, WAIT_SYNC);

	dio.latency_ns = 1000;
	dio.time = 3600000000000ULL;
	add_record(&tally, &dio_observer, &dio);
	is_int(sum_slots(tally.sum), 1, "axis: one event, one slot");
	dio.time += 1ULL << 20;
	add_record(&tally, &dio_observer, &dio);
	is_int(sum_slots(tally.sum), 2, "axis: a millisecond later, the next one");
	dio.time = 3600000000000ULL - (100ULL << 20);
	add_record(&tally, &dio_observer, &dio);
	is_int(sum_slots(tally.sum), 102, "axis: one that comes late makes room before them");
	dio.time = 2000;
	add_record(&tally, &dio_observer, &dio);
	ok(sum_slots(tally.sum) > SUM_SLOTS / 2 - 2 && sum_slots(tally.sum) <= SUM_SLOTS, "axis: an hour has %d slots",
	   sum_slots(tally.sum));
	dio.time = ~0ULL - 5;
	add_record(&tally, &dio_observer, &dio);
	check_sum(&tally, "axis: the end of time");
	sum_free(tally.sum);
	free(tally.latency);
}

static int count_of(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_page(void)
{
	struct tally tally = { .sum = sum_new(SUM_ROWS), .latency = calloc(3000, sizeof(__u64)) };
	struct page_stream stream = { .observer = &dio_observer, .command = "dio", .source = "iomap_dio" };
	struct page_facts facts = { .file = HOSTILE, .kernel = HOSTILE, .machine = HOSTILE, .node = HOSTILE,
				   .command_line = HOSTILE, .tool = HOSTILE, .filters = HOSTILE,
				    .damage = HOSTILE, .next_part = HOSTILE, .stream = &stream, .streams = 1, .start_ns = START,
					    .end_ns = START + 5, .files = 1 };
	char *text = NULL, *data = NULL;
	size_t size;
	FILE *file;

	simulate(3000, add_record, &tally);
	sum_name_device(tally.sum, DEV_A, HOSTILE);
	file = open_memstream(&data, &size);
	page_data(file, tally.sum, &facts);
	fclose(file);
	is_int(count_of(data, "<") + count_of(data, ">") + count_of(data, "&"), 0,
	       "page: its data have nothing that HTML gives a meaning");
	ok(count_of(data, "onerror=alert(1)") > 10, "page: and hostile names are in them");
	is_int(count_of(data, "\n"), 0, "page: no line ends in them");
	file = open_memstream(&text, &size);
	page_print(file, tally.sum, &facts);
	fclose(file);
	is_int(count_of(text, "</script"), 2, "page: two scripts end, that of the data and the page's own");
	is_int(count_of(text, "<img"), 0, "page: there is no image");
	is_int(count_of(text, "@DATA@") + count_of(text, "@POLICY@") + count_of(text, "@STYLE@") + count_of(text, "@SCRIPT@"), 0,
	       "page: each mark is replaced");
	has(text, data, "page: it has the data whole");
	is_str(text + strlen(text) - 8, "</html>\n", "page: and ends as it should");
	free(text);
	free(data);
	sum_free(tally.sum);
	tally.sum = sum_new(8);
	file = open_memstream(&text, &size);
	memset(&facts, 0, sizeof(facts));
	page_data(file, tally.sum, &facts);
	fclose(file);
	has(text, "\"observers\":[]", "page: of nothing");
	free(text);
	sum_free(tally.sum);
	free(tally.latency);
}

struct drawn {
	__u32 process, thread;
	__u64 begin, end;
	size_t number;
};

static int by_track(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	return x->process != y->process ? x->process < y->process ? -1 : 1 : x->thread != y->thread ? x->thread < y->thread ? -1 : 1 :
	       x->begin != y->begin ? x->begin < y->begin ? -1 : 1 : x->number < y->number ? -1 : 1;
}

/* Slices that go beyond the one around them, in a trace's text. @slices: how many there are. */
static int overlaps(char *text, size_t *slices)
{
	static struct drawn drawn[200000], open[64];
	char *line = text, *next;
	size_t i, count = 0;
	int wrong = 0, depth = 0;

	for (; line; line = next) {
		__u64 us, dur;
		unsigned int ns, dur_ns;
		struct drawn *d = &drawn[count];
		char *at;

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		at = strstr(line, ",\"pid\":");
		if (!strstr(line, "\"ph\":\"X\"") || !at)
			continue;
		if (sscanf(at, ",\"pid\":%u,\"tid\":%u,\"ts\":%llu.%3u,\"dur\":%llu.%3u", &d->process, &d->thread, &us, &ns, &dur,
			   &dur_ns) != 6) {
			wrong++;
			continue;
		}
		d->begin = us * 1000 + ns;
		d->end = d->begin + dur * 1000 + dur_ns;
		d->number = count++;
	}
	qsort(drawn, count, sizeof(drawn[0]), by_track);
	for (i = 0; i < count; i++) {
		if (i && (drawn[i].process != drawn[i - 1].process || drawn[i].thread != drawn[i - 1].thread))
			depth = 0;
		while (depth && open[depth - 1].end <= drawn[i].begin)
			depth--;
		wrong += depth && drawn[i].end > open[depth - 1].end;
		if (depth < 64)
			open[depth++] = drawn[i];
	}
	*slices = count;
	return wrong;
}

static void note_record(void *ctx, const struct observer *observer, const void *record)
{
	struct tally *tally = ctx;

	tally->events[0]++;
	tally->failed |= trace_note(tally->trace, observer, record);
}

static void put_record(void *ctx, const struct observer *observer, const void *record)
{
	struct tally *tally = ctx;
	struct format format;

	format_init(&format, observer, FORMAT_JSON, ERA_614);
	format.wall_offset_ns = WALL;
	trace_put(tally->trace, tally->out, &format, record, NULL);
}

/* All that do not nest by themselves: threads that do two things at a time, lookups across the phases of their request, the same begin. */
static void entangle(__u64 events, taker take, void *ctx)
{
	__u64 i;

	state = 42;
	for (i = 0; i < events; i++) {
		__u64 begin = START + noise(4000) * 10;
		struct dio_event dio = dio_at(begin, noise(2), 2, DEV_A, noise(3));
		struct lookup_event lookup = lookup_at(begin + noise(4000), noise(3000), noise(2), 2, DEV_A, OP_DIO_READ);

		dio.setup_ns = noise(500);
		dio.mapping_ns = noise(1000);
		dio.device_ns = noise(500);
		dio.queue_ns = noise(50);
		dio.completion_ns = noise(50);
		dio.latency_ns = noise(4) ? dio.setup_ns + dio.device_ns + dio.queue_ns + dio.completion_ns : noise(900);
		dio.time = begin + dio.latency_ns;
		if (!noise(5))
			lookup.latency_ns = 0;
		if (!noise(7))
			lookup.time = dio.time, lookup.latency_ns = dio.latency_ns;
		take(ctx, &dio_observer, &dio);
		take(ctx, &lookups_observer, &lookup);
	}
}

static void check_trace(const char *name, void (*events)(__u64 events, taker take, void *ctx), __u64 count, __u64 limit)
{
	struct tally tally = { .trace = trace_new(limit) };
	char path[] = "/tmp/trace.XXXXXX", *text;
	int fd = mkstemp(path);
	size_t slices = 0, instants;
	off_t size;

	unlink(path);
	tally.out = out_new(fd, 1 << 20, NULL);
	events(count, note_record, &tally);
	ok(!tally.failed && !trace_place(tally.trace), "%s: all are placed", name);
	trace_begin(tally.trace, tally.out, NULL, WALL);
	events(count, put_record, &tally);
	trace_end(tally.trace, tally.out);
	out_flush(tally.out);
	size = lseek(fd, 0, SEEK_END);
	text = calloc(1, size + 1);
	ok(pread(fd, text, size, 0) == size, "%s: it is written", name);
	instants = count_of(text, "\"ph\":\"i\"");
	slices = count_of(text, "\"event\":\"");
	is_u64(slices, tally.events[0] - trace_left_out(tally.trace), "%s: each event is there once", name);
	is_u64(trace_left_out(tally.trace), tally.events[0] > limit ? tally.events[0] - limit : 0,
	       "%s: those beyond the limit are counted", name);
	is_int(overlaps(text, &slices), 0, "%s: slices nest", name);
	ok(slices + instants >= (tally.events[0] < limit ? tally.events[0] : limit), "%s: %zu slices and %zu instants", name,
	   slices, instants);
	free(text);
	close(fd);
	out_free(tally.out);
	trace_free(tally.trace);
}

static void nothing(__u64 events, taker take, void *ctx)
{
	(void)events;
	(void)take;
	(void)ctx;
}

static void test_tables(void)
{
	char *text = NULL, name[64];
	size_t size, i;
	FILE *file = open_memstream(&text, &size);
	int n, missing = 0;

	tables_print(file);
	fclose(file);
	for (i = 0; i < observer_count; i++) {
		const char *table;

		snprintf(name, sizeof(name), "CREATE TABLE IF NOT EXISTS iomap_%s\n", observers[i]->event);
		table = strstr(text, name);
		for (n = 0; table && n < observers[i]->field_count; n++) {
			const char *end = strstr(table, ";\n"), *at;

			snprintf(name, sizeof(name), "    `%s` ", observers[i]->field[n].name);
			at = strstr(table, name);
			missing += !at || at > end;
		}
		ok(table && !missing, "tables: %s has a column for each field", observers[i]->command);
	}
	has(text, "iomap_summary", "tables: there is one for the summaries");
	is_int(count_of(text, "'s `"), 0, "tables: a comment is in quotes to its end");
	free(text);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "write"))
		return write_recording(argv[2], argc > 3 ? strtoull(argv[3], NULL, 10) : 20000, argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
	paths = paths_told(path_named, NULL);
	test_phases();
	test_failed();
	test_text();
	test_sum();
	test_bounds();
	test_axis();
	test_page();
	check_trace("a database", simulate, 8000, TRACE_EVENTS);
	check_trace("entangled", entangle, 3000, TRACE_EVENTS);
	check_trace("too many", simulate, 2000, 100);
	check_trace("nothing", nothing, 0, 100);
	test_tables();
	paths_free(paths);
	return done_testing();
}
