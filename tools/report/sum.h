/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events added up for the page, in memory that does not grow with their number. Times, counts and histograms are exact whatever comes;
 * files and processes as long as there are not too many of them, and what was not kept apart is told as one.
 */
#ifndef IOMAPSCOPE_SUM_H
#define IOMAPSCOPE_SUM_H

#include "format.h"
#include "roles.h"
#include "timeline.h"

#define SUM_SLOTS	240	/* of the time axis */
#define SUM_PAIRS	32	/* operations and devices, the last one is for all others */
#define SUM_ROWS	16384	/* files, or processes, that are kept apart */
#define SUM_ERRORS	64
#define SUM_SLOW	200	/* slowest events that are kept */
#define SUM_SLOW_STEPS	40	/* the same of what consists of steps */
#define SUM_STEPS	200	/* steps of one of them */
#define SUM_NULL	(~0ULL)

struct sum_hist {
	struct hist hist;
	__u64 bytes;
};

/* What ended in one slot of time. */
struct sum_cell {
	__u64 events, errors, bytes;
	__u64 bucket[HIST_BUCKETS];
};

/* SUM_NULL: null. */
struct sum_pair {
	__u64 op, dev;
	bool others;
	struct sum_hist sum;
	struct sum_cell *cell;		/* SUM_SLOTS */
};

struct sum_row {
	__u64 a, b;			/* device and inode, or process */
	char *name;			/* NULL: not known */
	struct sum_hist sum;
};

struct sum_table {
	struct sum_row *row;
	__u32 *index;			/* place in @row + 1, by the key */
	size_t count, limit;
	struct sum_hist others;		/* of rows that were given up */
	__u64 given_up;
};

struct sum_error {
	__s64 ret;
	__u64 op;
	bool null;			/* it failed, with an error that is not known */
	__u64 count;
};

struct sum_slow {
	__u64 begin_ns, latency_ns;
	char *json;			/* the rest of its members */
};

struct sum_view {
	struct roles roles;
	enum flag_era era;		/* of the flags */
	struct sum_hist all;
	struct sum_pair pair[SUM_PAIRS];
	int pairs;
	struct hist *word[ROLE_WORDS];	/* WORD_SLOTS each */
	__u64 flag[ROLE_FLAGS][32];
	struct hist part[ROLE_TIMES];
	struct sum_error error[SUM_ERRORS];
	int errors;
	__u64 more_errors;
	struct sum_table files, processes;
	struct sum_slow slow[SUM_SLOW];
	int slow_count, slow_room;
};

struct sum_device {
	__u32 dev;
	char *name;
};

struct sum {
	struct sum_view **view;		/* of each that has had an event, in the order of observers[] */
	int views;
	size_t rows;			/* limit of each table */
	/* The time axis: slot @base is the first one, of 2^@shift ns. */
	unsigned int shift;
	__u64 base;
	bool begun;
	__u64 first_ns, last_ns;	/* begin of the first, end of the last */
	bool no_memory;
	struct sum_device *device;
	int devices;
};

/* NULL without memory. @rows: SUM_ROWS, or less. */
struct sum *sum_new(size_t rows);
void sum_free(struct sum *sum);

/* The observer's view, made if it is not there. NULL without memory. */
struct sum_view *sum_view(struct sum *sum, const struct observer *observer);

/*
 * Adds one event. @format is of FORMAT_TABLE, and of this observer; @q: what a followed request consists of, or NULL.
 * 0 or -ENOMEM.
 */
int sum_add(struct sum *sum, struct format *format, const void *record, const struct timeline_request *q);

/* What a device is called beside its number; the first name that is given stays. 0 or -ENOMEM. */
int sum_name_device(struct sum *sum, __u32 dev, const char *name);
const char *sum_device(const struct sum *sum, __u32 dev);

/* How many of the time axis' slots are used. */
int sum_slots(const struct sum *sum);

#endif
