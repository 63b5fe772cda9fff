// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "observers.h"
#include "timeline.h"

#define BUCKETS 1024

struct timeline {
	struct timeline_limits limits;
	struct timeline_request *bucket[BUCKETS];
	size_t held, steps;
	__u64 refused, steps_lost;
};

struct timeline *timeline_new(const struct timeline_limits *limits)
{
	struct timeline *t = calloc(1, sizeof(*t));

	if (t)
		t->limits = *limits;
	return t;
}

static void free_request(struct timeline_request *q)
{
	free(q->step);
	free(q->id);
	free(q);
}

void timeline_free(struct timeline *t)
{
	struct timeline_request *q;
	size_t i;

	if (!t)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((q = t->bucket[i])) {
			t->bucket[i] = q->next;
			free_request(q);
		}
	}
	free(t);
}

/* Where the pointer to the request is, or would be. */
static struct timeline_request **find(struct timeline *t, __u64 number)
{
	struct timeline_request **at = &t->bucket[number % BUCKETS];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static struct timeline_request *take(struct timeline *t, struct timeline_request **at)
{
	struct timeline_request *q = *at;

	*at = q->next;
	q->next = NULL;
	t->held--;
	return q;
}

static bool keep(struct timeline *t, struct timeline_request *q, const struct follow_record *record)
{
	if (q->count == q->room) {
		size_t room = q->room ? 2 * q->room : 16;
		struct follow_record *step = reallocarray(q->step, room, sizeof(*step));

		if (!step)
			return false;
		q->step = step;
		q->room = room;
	}
	q->step[q->count++] = *record;
	t->steps++;
	return true;
}

struct timeline_request *timeline_add(struct timeline *t, const struct follow_record *record)
{
	struct timeline_request **at = find(t, record->request), *q = *at;

	if (record->flags & FOLLOW_LAST) {
		if (!q) {
			t->refused++;
			return NULL;
		}
		q->lost += record->value[0];
		t->steps_lost += record->value[0];
		q->over = true;
		return take(t, at);
	}
	if (record->step >= FOLLOW_STEP_COUNT) {
		t->steps_lost++;
		return NULL;
	}
	if (!q && (record->flags & FOLLOW_FIRST) && t->held < t->limits.requests && t->steps < t->limits.steps) {
		q = calloc(1, sizeof(*q));
		if (q) {
			q->number = record->request;
			*at = q;
			t->held++;
		}
	}
	if (!q) {
		t->steps_lost++;
		return NULL;
	}
	if (q->count >= t->limits.steps_of_one || t->steps >= t->limits.steps || !keep(t, q, record)) {
		t->steps_lost++;
		q->lost++;
	}
	return NULL;
}

struct timeline_request *timeline_next(struct timeline *t)
{
	struct timeline_request **first = NULL, **at;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (at = &t->bucket[i]; *at; at = &(*at)->next) {
			if (!first || (*at)->number < (*first)->number)
				first = at;
		}
	}
	return first ? take(t, first) : NULL;
}

void timeline_drop(struct timeline *t, struct timeline_request *q)
{
	t->steps -= q->count;
	free_request(q);
}

__u64 timeline_refused(const struct timeline *t)
{
	return t->refused;
}

__u64 timeline_steps_lost(const struct timeline *t)
{
	return t->steps_lost;
}

size_t timeline_held(const struct timeline *t)
{
	return t->held;
}

size_t timeline_steps(const struct timeline *t)
{
	return t->steps;
}

/* Nearly sorted as they come: each is moved to the front as far as need be, and those of one time stay as they are. */
static void sort(struct follow_record *step, size_t count)
{
	struct follow_record moved;
	size_t i, j;

	for (i = 1; i < count; i++) {
		if (step[i].time >= step[i - 1].time)
			continue;
		moved = step[i];
		for (j = i; j && step[j - 1].time > moved.time; j--)
			step[j] = step[j - 1];
		step[j] = moved;
	}
}

/* The number of what was at this address before step @i, 0 if nothing was seen there. */
static __u32 number_at(const struct timeline_request *q, size_t i, __u64 address)
{
	while (i--) {
		if (q->step[i].id == address)
			return q->id[i];
	}
	return 0;
}

int timeline_sort(struct timeline_request *q)
{
	size_t i;
	__u32 id;

	sort(q->step, q->count);
	free(q->id);
	q->id = calloc(q->count ? q->count : 1, sizeof(*q->id));
	if (!q->id)
		return -ENOMEM;
	q->ids = 0;
	for (i = 0; i < q->count; i++) {
		const struct follow_record *r = &q->step[i];

		id = r->flags & FOLLOW_BEGINS ? 0 : number_at(q, i, r->id);
		q->id[i] = id ? id : ++q->ids;
	}
	return 0;
}

const struct follow_record *timeline_first(const struct timeline_request *q)
{
	size_t i;

	for (i = 0; i < q->count; i++) {
		if (q->step[i].flags & FOLLOW_FIRST)
			return &q->step[i];
	}
	return &q->step[0];
}

/* The end of what the request began with, NULL if it is not there. */
static const struct follow_record *result_of(const struct timeline_request *q)
{
	const struct follow_record *first = timeline_first(q);
	__u32 id = q->id[first - q->step];
	size_t i;

	for (i = q->count; i--; ) {
		if ((q->step[i].flags & FOLLOW_RESULT) && q->id[i] == id)
			return &q->step[i];
	}
	return NULL;
}

__u64 timeline_latency(const struct timeline_request *q)
{
	return q->count ? q->step[q->count - 1].time - q->step[0].time : 0;
}

bool timeline_failed(const struct timeline_request *q)
{
	const struct follow_record *result = q->count ? result_of(q) : NULL;

	return result && result->ret < 0;
}

void timeline_event(const struct timeline_request *q, __u8 source, struct follow_event *event)
{
	const struct follow_record *first, *result;

	memset(event, 0, sizeof(*event));
	event->request = q->number;
	event->steps = q->count;
	event->steps_lost = q->lost < ~0u ? q->lost : ~0u;
	event->source = source;
	if (!q->count) {
		event->nulls = ~0ULL;
		return;
	}
	first = timeline_first(q);
	result = result_of(q);
	event->time = first->time;
	event->op = first->op;
	if (first->op == OP_HIDDEN)
		event->nulls |= FF_BIT(op);
	event->comm = first->comm;
	event->pid = first->pid;
	event->tid = first->tid;
	event->cgroup = first->cgroup;
	event->dev = first->dev;
	event->ino = first->ino;
	event->path = first->path;
	event->kstack = first->stacks.kernel;
	event->ustack = first->stacks.user;
	event->pos = first->pos;
	event->len = first->len;
	event->nulls |= FF_BIT(done) | FF_BIT(ret);
	if (q->over && result) {
		event->ret = result->ret < 0 ? result->ret : 0;
		event->nulls &= ~FF_BIT(ret);
		if (result->ret >= 0 && (result->flags & FOLLOW_BYTES)) {
			event->done = result->ret;
			event->nulls &= ~FF_BIT(done);
		}
	}
	event->latency_ns = timeline_latency(q);
	if (!q->over)
		event->nulls |= FF_BIT(latency_ns);
}

void timeline_step(const struct timeline_request *q, size_t i, struct step_event *event)
{
	const struct follow_record *r = &q->step[i];
	const struct step_desc *desc = &follow_steps[r->step];
	int n;

	memset(event, 0, sizeof(*event));
	event->offset_ns = r->time - q->step[0].time;
	event->delta_ns = i ? r->time - r[-1].time : 0;
	event->layer = desc->layer;
	event->step = r->step;
	event->depth = r->depth;
	event->id = q->id[i];
	if (!(r->flags & FOLLOW_BEGINS) || !r->under)
		event->nulls |= SF_BIT(under);
	else
		event->under = number_at(q, i, r->under);
	if (event->under == 0)
		event->nulls |= SF_BIT(under);
	event->comm = r->comm;
	event->tid = r->tid;
	if (!(desc->shows & SHOWS_TASK))
		event->nulls |= SF_BIT(comm) | SF_BIT(tid);
	event->op = r->op;
	if (!(desc->shows & SHOWS_FILE) || r->op == OP_HIDDEN)
		event->nulls |= SF_BIT(op);
	event->dev = r->dev;
	if (!(desc->shows & (SHOWS_FILE | SHOWS_DEV)))
		event->nulls |= SF_BIT(dev);
	event->ino = r->ino;
	if (!(desc->shows & SHOWS_FILE))
		event->nulls |= SF_BIT(ino);
	event->pos = r->pos;
	event->len = r->len;
	if (!(desc->shows & SHOWS_RANGE))
		event->nulls |= SF_BIT(pos) | SF_BIT(len);
	event->ret = r->ret;
	if (!(desc->shows & SHOWS_RET) || (r->flags & FOLLOW_NO_RET))
		event->nulls |= SF_BIT(ret);
	memcpy(event->value, r->value, sizeof(event->value));
	for (n = 0; n < STEP_VALUES; n++) {
		if (!desc->value[n].name || (r->value_nulls >> n & 1))
			event->nulls |= VALUE_BIT(n);
	}
}
