/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that are followed: their steps are held here from the first to the last, and then told in order. */
#ifndef IOMAPSCOPE_TIMELINE_H
#define IOMAPSCOPE_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "follow.h"

/* One request. The records are in the order in which they came, and by time after timeline_sort(). */
struct timeline_request {
	__u64 number;
	struct follow_record *step;
	size_t count, room;
	__u64 lost;			/* steps of it, in the kernel or for want of room here */
	bool over;			/* its end has come */
	/* private */
	struct timeline_request *next;
	__u32 *id;
	__u32 ids;
};

struct timeline_limits {
	size_t requests;		/* that are held */
	size_t steps;			/* of all that are held */
	size_t steps_of_one;
};

struct timeline;

struct timeline *timeline_new(const struct timeline_limits *limits);
void timeline_free(struct timeline *t);

/*
 * A record of the ring. Returns the request that it ends, which is the caller's until he gives it to timeline_drop(), otherwise
 * NULL. One whose begin has not come, or had no room, is not held, and counted when it ends.
 */
struct timeline_request *timeline_add(struct timeline *t, const struct follow_record *record);

/* The first, by number, of those that are still held, which is the caller's then; NULL if there is none. */
struct timeline_request *timeline_next(struct timeline *t);
void timeline_drop(struct timeline *t, struct timeline_request *q);

/* Requests that ended and had not been held, and the steps of them or for which there was no room. */
__u64 timeline_refused(const struct timeline *t);
__u64 timeline_steps_lost(const struct timeline *t);
size_t timeline_held(const struct timeline *t);
size_t timeline_steps(const struct timeline *t);

/* Orders the steps by time, and numbers the identities. Before any of the following. Fails if there is no memory. */
int timeline_sort(struct timeline_request *q);

/* The record that the request began with: the first one, unless the clocks of two CPUs are apart. */
const struct follow_record *timeline_first(const struct timeline_request *q);
__u64 timeline_latency(const struct timeline_request *q);
/* Whether the request has a result, and that is an error. */
bool timeline_failed(const struct timeline_request *q);
void timeline_event(const struct timeline_request *q, __u8 source, struct follow_event *event);
void timeline_step(const struct timeline_request *q, size_t i, struct step_event *event);

#endif
