// SPDX-License-Identifier: GPL-2.0
/* Timelines from records that come as they like: out of order, without begin or end, too many, and with addresses used again. */
#include <stdlib.h>
#include <unistd.h>

#include "blocks.h"
#include "observers.h"
#include "tap.h"
#include "timeline.h"

static const struct timeline_limits wide = { .requests = 64, .steps = 4096, .steps_of_one = 1024 };

static struct follow_record record(__u64 request, __u64 time, enum follow_step step, __u64 id, __u32 flags)
{
	struct follow_record r = {
		.time = time, .request = request, .step = step, .id = id, .flags = flags, .op = OP_HIDDEN, .comm = { "fio" }, .pid = 7, .tid = 8,
	};

	return r;
}

static struct timeline_request *add(struct timeline *t, struct follow_record r)
{
	return timeline_add(t, &r);
}

/* The first record of a direct write of 4k at 64k. */
static struct follow_record first(__u64 request, __u64 time, __u64 id)
{
	struct follow_record r = record(request, time, FOLLOW_DIO_BEGIN, id, FOLLOW_FIRST | FOLLOW_BEGINS);

	r.op = OP_DIO_WRITE;
	r.dev = 8 << 20 | 1;
	r.ino = 131;
	r.pos = 65536;
	r.len = 4096;
	return r;
}

static struct follow_record result(__u64 request, __u64 time, __u64 id, __s64 ret)
{
	struct follow_record r = record(request, time, FOLLOW_DIO_END, id, FOLLOW_RESULT | FOLLOW_BYTES);

	r.ret = ret;
	return r;
}

static struct follow_record last(__u64 request, __u64 lost)
{
	struct follow_record r = record(request, 0, 0, 0, FOLLOW_LAST);

	r.value[0] = lost;
	return r;
}

static struct follow_record begins(__u64 request, __u64 time, enum follow_step step, __u64 id, __u64 under)
{
	struct follow_record r = record(request, time, step, id, FOLLOW_BEGINS);

	r.under = under;
	return r;
}

static void in_order(void)
{
	struct timeline *t = timeline_new(&wide);
	struct timeline_request *q;
	struct follow_event event;
	struct step_event step;
	__u64 sum = 0;
	size_t i;

	ok(!add(t, first(1, 1000, 0xd10)), "a begin ends nothing");
	add(t, begins(1, 1100, FOLLOW_OP_BEGIN, 0x17e, 0xd10));
	add(t, record(1, 1250, FOLLOW_LOOKUP, 0x17e, 0));
	add(t, begins(1, 1300, FOLLOW_BIO_SUBMIT, 0xb10, 0xd10));
	add(t, record(1, 1400, FOLLOW_OP_END, 0x17e, FOLLOW_RESULT));
	add(t, record(1, 9000, FOLLOW_BIO_END, 0xb10, FOLLOW_RESULT));
	add(t, result(1, 9500, 0xd10, 4096));
	is_u64(timeline_held(t), 1, "it is held until its end");
	q = add(t, last(1, 0));
	ok(q && q->over && !timeline_sort(q), "its last record returns it");
	if (!q)
		return;
	is_u64(timeline_held(t), 0, "and it is held no more");
	timeline_event(q, FOLLOW_SOURCE_EVENTS, &event);
	is_u64(event.request, 1, "number");
	is_u64(event.time, 1000, "time of the begin");
	is_u64(event.op, OP_DIO_WRITE, "operation");
	is_u64(event.pos, 65536, "position");
	is_u64(event.latency_ns, 8500, "latency");
	is_u64(event.done, 4096, "bytes done");
	is_int(event.ret, 0, "result");
	is_u64(event.steps, 7, "steps");
	is_u64(event.nulls, 0, "all is known");
	ok(!timeline_failed(q), "it has not failed");
	for (i = 0; i < q->count; i++) {
		timeline_step(q, i, &step);
		sum += step.delta_ns;
		is_u64(step.offset_ns, sum, "step %zu: the deltas add up to the offset", i);
	}
	is_u64(sum, event.latency_ns, "and to the latency");
	timeline_step(q, 0, &step);
	ok(step.id == 1 && (step.nulls & SF_BIT(under)), "the first is number 1 and in nothing");
	timeline_step(q, 1, &step);
	ok(step.id == 2 && step.under == 1 && !(step.nulls & SF_BIT(under)), "the operation is number 2, in number 1");
	timeline_step(q, 3, &step);
	ok(step.id == 3 && step.under == 1, "the bio is number 3");
	timeline_step(q, 5, &step);
	ok(step.id == 3 && (step.nulls & SF_BIT(under)) && (step.nulls & SF_BIT(comm)), "its end is its own, and nobody's work");
	timeline_drop(t, q);
	is_u64(timeline_steps(t), 0, "no step is held");
	timeline_free(t);
}

/* Records of two CPUs pass each other. */
static void out_of_order(void)
{
	static const __u64 times[] = { 1000, 5000, 2000, 4000, 3000, 3000, 6000 };
	struct timeline *t = timeline_new(&wide);
	struct timeline_request *q;
	struct step_event step;
	__u64 before = 0;
	bool rising = true;
	size_t i;

	add(t, first(1, times[0], 0xd10));
	for (i = 1; i < ARRAY_SIZE(times) - 1; i++) {
		struct follow_record r = record(1, times[i], FOLLOW_LOOKUP, 0x17e, 0);

		r.value[2] = i;
		add(t, r);
	}
	add(t, result(1, 6000, 0xd10, -5));
	q = add(t, last(1, 0));
	timeline_sort(q);
	for (i = 0; i < q->count; i++) {
		timeline_step(q, i, &step);
		rising &= step.offset_ns >= before && step.delta_ns == step.offset_ns - before;
		before = step.offset_ns;
	}
	ok(rising, "steps are in the order of time");
	is_u64(before, 5000, "up to the last");
	timeline_step(q, 2, &step);
	is_u64(step.value[2], 4, "two of one time stay in the order in which they came");
	timeline_step(q, 3, &step);
	is_u64(step.value[2], 5, "the second of them");
	ok(timeline_failed(q), "the result is an error");
	timeline_drop(t, q);

	/* A step of another CPU with a clock before that of the begin. */
	add(t, first(2, 1000, 0xd10));
	add(t, record(2, 900, FOLLOW_LOOKUP, 0x17e, 0));
	add(t, result(2, 1500, 0xd10, 0));
	q = add(t, last(2, 0));
	timeline_sort(q);
	is_u64(timeline_latency(q), 600, "a step before the begin is within the whole");
	timeline_free(t);
	free(q->step);
	free(q->id);
	free(q);
}

static void lost_begin(void)
{
	struct timeline *t = timeline_new(&wide);

	add(t, begins(5, 1100, FOLLOW_OP_BEGIN, 0x17e, 0xd10));
	add(t, result(5, 1200, 0xd10, 0));
	is_u64(timeline_held(t), 0, "lost begin: not held");
	is_u64(timeline_refused(t), 0, "lost begin: not counted before its end");
	ok(!add(t, last(5, 3)), "lost begin: not returned");
	is_u64(timeline_refused(t), 1, "lost begin: counted at its end");
	is_u64(timeline_steps_lost(t), 2, "lost begin: so are its steps");
	timeline_free(t);
}

static void lost_end(void)
{
	struct timeline *t = timeline_new(&wide);
	struct timeline_request *q;
	struct follow_event event;

	add(t, first(9, 1000, 0xd10));
	add(t, first(3, 1000, 0xd20));
	add(t, record(3, 1100, FOLLOW_LOOKUP, 0x17e, 0));
	add(t, result(3, 1200, 0xd20, 4096));
	q = timeline_next(t);
	ok(q && q->number == 3 && !q->over, "lost end: the first by number is left");
	timeline_sort(q);
	timeline_event(q, 0, &event);
	ok((event.nulls & FF_BIT(ret)) && (event.nulls & FF_BIT(done)) && (event.nulls & FF_BIT(latency_ns)),
	   "lost end: neither result nor latency, though the one that began it has ended");
	timeline_drop(t, q);
	q = timeline_next(t);
	ok(q && q->number == 9, "lost end: then the next");
	timeline_drop(t, q);
	ok(!timeline_next(t), "lost end: and no more");
	is_u64(timeline_steps(t), 0, "lost end: no step is held");
	/* The end comes after all. */
	ok(!add(t, last(3, 0)), "an end of what is gone returns nothing");
	is_u64(timeline_refused(t), 1, "and is counted");
	timeline_free(t);
}

static void limits(void)
{
	static const struct timeline_limits narrow = { .requests = 2, .steps = 20, .steps_of_one = 8 };
	struct timeline *t = timeline_new(&narrow);
	struct timeline_request *q;
	struct follow_event event;
	int i;

	add(t, first(1, 1000, 0xd10));
	for (i = 0; i < 20; i++)
		add(t, record(1, 1001 + i, FOLLOW_LOOKUP, 0x17e, 0));
	is_u64(timeline_steps(t), 8, "no more than so many steps of one request");
	add(t, first(2, 1000, 0xd20));
	add(t, first(3, 1000, 0xd30));
	is_u64(timeline_held(t), 2, "no more than so many requests");
	q = add(t, last(1, 4));
	is_u64(q->count, 8, "what is kept of one that is too long");
	is_u64(q->lost, 13 + 4, "what is lost of it, here and in the kernel");
	timeline_sort(q);
	timeline_event(q, 0, &event);
	is_u64(event.steps_lost, 17, "is said with it");
	is_u64(timeline_steps_lost(t), 13 + 4 + 1, "and counted");
	timeline_drop(t, q);
	add(t, last(3, 0));
	is_u64(timeline_refused(t), 1, "a request without room is counted at its end");
	for (i = 0; i < 20; i++)
		add(t, record(2, 1001 + i, FOLLOW_LOOKUP, 0x17e, 0));
	add(t, first(4, 2000, 0xd40));
	for (i = 0; i < 20; i++)
		add(t, record(4, 2001 + i, FOLLOW_LOOKUP, 0x17e, 0));
	is_u64(timeline_steps(t), 16, "each has room for its own");
	q = add(t, last(2, 0));
	timeline_drop(t, q);
	is_u64(timeline_steps(t), 8, "and gives it back");
	/* What was lost can be the end of what the request began with. */
	q = add(t, last(4, 0));
	timeline_sort(q);
	timeline_event(q, 0, &event);
	ok((event.nulls & FF_BIT(ret)) && !(event.nulls & FF_BIT(latency_ns)) && !timeline_failed(q), "a lost result is null");
	timeline_drop(t, q);
	timeline_free(t);
}

/* One bio after the other at one address. */
static void reused(void)
{
	struct timeline *t = timeline_new(&wide);
	struct timeline_request *q, *other;
	struct step_event step;

	add(t, first(1, 1000, 0xd10));
	add(t, begins(1, 1100, FOLLOW_BIO_SUBMIT, 0xb10, 0xd10));
	add(t, record(1, 1200, FOLLOW_BIO_END, 0xb10, FOLLOW_RESULT));
	add(t, begins(1, 1300, FOLLOW_BIO_SUBMIT, 0xb10, 0xd10));
	add(t, record(1, 1400, FOLLOW_BIO_END, 0xb10, FOLLOW_RESULT));
	/* Another request at the address of this one, while its bio is on the way. */
	add(t, result(1, 1500, 0xd10, 4096));
	add(t, first(2, 1600, 0xd10));
	add(t, result(2, 1700, 0xd10, -28));
	other = add(t, last(2, 0));
	q = add(t, last(1, 0));
	timeline_sort(q);
	timeline_sort(other);
	timeline_step(q, 1, &step);
	is_u64(step.id, 2, "the first bio");
	timeline_step(q, 3, &step);
	is_u64(step.id, 3, "another bio at its address is another");
	timeline_step(q, 4, &step);
	is_u64(step.id, 3, "and has its own end");
	ok(!timeline_failed(q) && timeline_failed(other), "two requests at one address have each its own result");
	timeline_drop(t, q);
	timeline_drop(t, other);
	timeline_free(t);
}

/* What is printed, as a string. */
static const char *printed(enum format_kind kind, const struct timeline_request *q)
{
	static char text[1 << 20];
	struct format format;
	struct out *out;
	int fds[2];
	ssize_t n;

	if (pipe(fds))
		return "";
	format_init(&format, &follow_observer, kind, ERA_614);
	format.wall_offset_ns = 0;
	out = out_new(fds[1], 1 << 16, NULL);
	block_print(out, &format, q, FOLLOW_SOURCE_EVENTS);
	out_flush(out);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = 0;
	close(fds[0]);
	is_u64(out_written(out), q->over, "it counts as %d", q->over);
	out_free(out);
	return text;
}

static void print(void)
{
	struct timeline *t = timeline_new(&wide);
	struct follow_record r;
	struct timeline_request *q;
	const char *text;

	add(t, first(1, 1000, 0xd10));
	r = begins(1, 1100, FOLLOW_OP_BEGIN, 0x17e, 0xd10);
	r.depth = 1;
	r.op = OP_DIO_WRITE;
	add(t, r);
	r = record(1, 1250, FOLLOW_LOOKUP, 0x17e, 0);
	r.depth = 2;
	r.pos = 65536;
	r.len = 4096;
	r.value[0] = TYPE_MAPPED;
	r.value[2] = 0;
	r.value[3] = 1 << 20;
	r.value_nulls = 0x10;
	r.value[5] = 130;
	add(t, r);
	r = begins(1, 1300, FOLLOW_DEVICE_QUEUE, 0xb10, 0xd10);
	r.depth = 2;
	r.dev = 8 << 20;
	r.tid = 99;
	r.comm = (struct task_comm){ "kworker/0:1" };
	r.value[0] = 4096;
	r.value[1] = 4096;
	r.value[2] = 1 | 1 << 11 | 1 << 17;
	add(t, r);
	add(t, result(1, 3500, 0xd10, 4096));
	q = add(t, last(1, 2));
	timeline_sort(q);
	text = printed(FORMAT_TABLE, q);
	has(text, " dio_write     fio ", "table: the request's line");
	has(text, "\n        0ns      +0ns  dio     begin #1 dio_write 8:1 ino 131 64k+4k", "table: the first step");
	has(text, "\n      250ns    +150ns  map         lookup #2 64k+4k = ok type mapped map_flags - map_pos 0 map_len 1m took 130ns\n",
	    "table: a step that is nested, without what is null");
	has(text, " queue #3 8:0 sector 4096 bytes 4k opf WRITE|SYNC|FUA (kworker/0:1)\n", "table: somebody else's step");
	has(text, " dio     end #1 = 4k\n", "table: the end");
	has(text, "2 more steps were lost\n", "table: what was lost");
	text = printed(FORMAT_JSON, q);
	has(text, "\"event\":\"follow\",\"request\":1,\"op\":\"dio_write\"", "JSON: the request");
	has(text, ",\"timeline\":[{\"offset_ns\":0,\"delta_ns\":0,\"layer\":\"dio\",\"step\":\"begin\",", "JSON: its first step");
	has(text, "\"map_len\":1048576,\"addr\":null,\"took_ns\":130}", "JSON: numbers, and null");
	has(text, "\"ret\":4096}]}\n", "JSON: the end");
	ok(strchr(text, '\n')[1] == 0, "JSON: one line");
	text = printed(FORMAT_CSV, q);
	has(text, ",map,lookup,2,2,,fio,8,,,,65536,4096,0,type=mapped map_flags= map_pos=0 map_len=1048576 took_ns=130\n", "CSV: a step");
	q->over = false;
	text = printed(FORMAT_TABLE, q);
	has(text, "unfinished: the end was not seen\n", "table: unfinished");
	text = printed(FORMAT_JSON, q);
	has(text, "\"event\":\"unfinished\"", "JSON: unfinished");
	has(text, "\"ret\":null", "JSON: without a result");
	timeline_drop(t, q);
	timeline_free(t);
}

static __u64 seed = 88172645463325252ULL;

static __u64 below(__u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* Whatever comes, what is told is in order, adds up, and is printed. */
static void fuzz(void)
{
	static const struct timeline_limits narrow = { .requests = 16, .steps = 200, .steps_of_one = 40 };
	struct timeline *t = timeline_new(&narrow);
	bool rising = true, adds_up = true, bounded = true, printable = true;
	__u64 lasts = 0, returned = 0;
	int i;

	for (i = 0; i < 30000; i++) {
		struct timeline_request *q;
		struct follow_record r;
		unsigned char *byte = (unsigned char *)&r;
		struct follow_event event;
		struct step_event step;
		__u64 sum = 0;
		size_t n;

		for (n = 0; n < sizeof(r); n++)
			byte[n] = below(256);
		r.request = below(24);
		if (below(8))
			r.step = below(FOLLOW_STEP_COUNT);
		r.id = below(6);
		r.under = below(6);
		if (below(4))
			r.flags &= ~FOLLOW_LAST;
		lasts += !!(r.flags & FOLLOW_LAST);
		q = timeline_add(t, &r);
		bounded &= timeline_held(t) <= 16 && timeline_steps(t) <= 200;
		if (!q && !below(1000))
			q = timeline_next(t);
		else if (q)
			returned++;
		if (!q)
			continue;
		if (timeline_sort(q))
			continue;
		timeline_event(q, 0, &event);
		for (n = 0; n < q->count; n++) {
			timeline_step(q, n, &step);
			rising &= !n || q->step[n].time >= q->step[n - 1].time;
			sum += step.delta_ns;
		}
		adds_up &= !q->count || sum == timeline_latency(q);
		if (!below(50)) {
			enum format_kind kind = below(3);
			int fds[2];
			char text[65536];
			struct format format;
			struct out *out;
			ssize_t got;

			if (pipe(fds))
				continue;
			format_init(&format, &follow_observer, kind, below(ERA_COUNT));
			out = out_new(fds[1], 0, NULL);
			if (q->count) {
				block_print(out, &format, q, below(256));
				got = read(fds[0], text, sizeof(text));
				printable &= got > 0 && text[got - 1] == '\n';
			}
			out_free(out);
			close(fds[0]);
			close(fds[1]);
		}
		timeline_drop(t, q);
	}
	ok(rising, "random records: times rise");
	ok(adds_up, "random records: the deltas add up");
	ok(bounded, "random records: no more is held than may be");
	ok(printable, "random records: they are printed by whole lines");
	is_u64(timeline_refused(t) + returned, lasts, "random records: each end is a request's, or counted");
	timeline_free(t);
}

int main(void)
{
	in_order();
	out_of_order();
	lost_begin();
	lost_end();
	limits();
	reused();
	print();
	fuzz();
	return done_testing();
}
