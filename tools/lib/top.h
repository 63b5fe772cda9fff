/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What top knows, and what of it is shown, apart from the kernel and from any screen: the sums of each key and what the last interval added to
 * them, the rows made of that by file, process, device or cgroup, their order, the filter, and the way into a row.
 */
#ifndef IOMAPSCOPE_TOP_H
#define IOMAPSCOPE_TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "run.h"
#include "top_fields.h"

#define TOP_FILTER	64
#define TOP_NAME	1024		/* room for a row's name */
#define TOP_DEPTH	TOP_BY_COUNT

/* In the order of the table's columns, and of --sort's choices. */
enum top_sort {
	SORT_LOOKUPS,
	SORT_IOENDS,
	SORT_DIO,
	SORT_FAULTS,
	SORT_BYTES,
	SORT_P50,
	SORT_P99,
	SORT_MAX,
	SORT_NAME,
	SORT_COUNT,
};

/* What a row is of. @a: device, process or cgroup; @b: the inode number of a file. */
struct top_id {
	__u64 a, b;
};

struct top_part {
	__u64 count, errors, bytes;
};

struct top_row {
	struct top_id id;
	struct top_part part[TOP_OF_COUNT];
	__u64 bytes;			/* see the field of this name */
	struct hist latency;		/* of what the view asks for; max_ns is the interval's */
	struct task_comm comm;		/* the process' thread that did most */
	__u64 comm_count;
};

struct top_step {
	enum top_by by;
	struct top_id id;
};

/* What one looks at. All of it may be changed at any time, also by hand. */
struct top_view {
	enum top_by by;
	enum top_sort sort;
	bool reverse;
	enum top_of latency;
	char filter[TOP_FILTER];		/* part of the name, in any case */
	struct top_step path[TOP_DEPTH];	/* only what was in all of these rows */
	int depth;
};

struct top_rows {
	struct top_row *row;
	size_t count, room;
	size_t hidden;			/* rows that the filter leaves out */
	struct top_row total;		/* of those shown */
};

/* The record that the fields are of. */
struct top_record {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	TOP_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

/* Puts a row's name, of less than TOP_NAME bytes, at @p and returns its end. */
typedef char *(*top_namer)(void *ctx, char *p, enum top_by by, const struct top_row *row);

struct top;

/* @room: of each table in the kernel. NULL without memory. */
struct top *top_new(size_t room);
void top_free(struct top *top);

/* The heading of its column. */
const char *top_sort_name(enum top_sort sort);

/* A new interval begins: what the last one added is forgotten. */
void top_begin(struct top *top, __u64 now_ns);
/* What is under a key now. The same key may come several times in an interval. 0 or -ENOMEM. */
int top_feed(struct top *top, enum top_of of, const struct top_key *key, const struct top_sum *sum);
__u64 top_counted(const struct top *top, enum top_of of);	/* all that was ever added */
size_t top_keys(const struct top *top, enum top_of of);		/* in the kernel's table now */

/*
 * Up to @max keys of @of that have done nothing for long, or, where the table is nearly full, in the last interval. Once one is taken out of the
 * kernel's table, and fed for the last time, top_forget() says so: should it come back, it begins at nothing.
 */
size_t top_idle(const struct top *top, enum top_of of, struct top_key *key, size_t max);
void top_forget(struct top *top, enum top_of of, const struct top_key *key);

/* The rows of the last interval, in the view's order. 0 or -ENOMEM. Free them with top_rows_free(). */
int top_rows(const struct top *top, const struct top_view *view, top_namer namer, void *ctx, struct top_rows *rows);
void top_rows_free(struct top_rows *rows);

/* Into a row: on to what is of interest within it. False if all is fixed already. And back out of it. */
bool top_drill(struct top_view *view, const struct top_row *row);
bool top_back(struct top_view *view);

/* Latencies of the powers of two: false if they do not tell. @percent: 1 to 100. */
bool top_max(const struct hist *hist, __u64 *ns);
bool top_percentile(const struct hist *hist, unsigned int percent, __u64 *ns);

/* @observed: bit enum top_of. @name stays the caller's. */
void top_record(struct top_record *record, const struct top_view *view, const struct top_row *row, unsigned int observed,
		const char *name);

#endif
