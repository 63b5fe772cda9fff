/* SPDX-License-Identifier: GPL-2.0 */
/* Printing of the latency histograms. */
#ifndef IOMAPSCOPE_HISTOGRAM_H
#define IOMAPSCOPE_HISTOGRAM_H

#include "format.h"
#include "observe.h"
#include "output.h"

/* One histogram of a set, with what it is of: op or type in @a; dev, and ino, in @a and @b; comm in both. */
struct keyed_hist {
	__u64 a, b;
	struct hist hist;
	bool max_unknown;	/* a difference: the maximum is of an earlier interval */
};

struct hist_set {
	struct keyed_hist *hist;
	size_t count, room;
};

/* The histogram of this key, made if it is not there. NULL without memory. */
struct keyed_hist *hist_set_at(struct hist_set *set, __u64 a, __u64 b);
/* The same of one that is known not to be there. */
struct keyed_hist *hist_set_add(struct hist_set *set, __u64 a, __u64 b);
void hist_set_free(struct hist_set *set);

void hist_add(struct hist *to, const struct hist *from);

/* The same, of one that the programs hold. */
void hist_read(struct hist *to, const struct hist *from);

/* What @now has more than @before (which has no key that @now lacks), without the keys that gained nothing. False without memory. */
bool hist_set_diff(struct hist_set *diff, const struct hist_set *now, const struct hist_set *before);

/* Inclusive upper bound of a bucket in ns; ~0 for the last. */
__u64 hist_bound(unsigned int bucket);

void hist_header(struct out *out, const struct format *format);

/*
 * The set, largest count first. @end_ns (CLOCK_MONOTONIC) and @span_ns: the time that it covers.
 * JSON: one object a key. CSV: one row a bucket. Table: one block a key.
 */
void hist_print(struct out *out, struct format *format, struct hist_set *set, enum hist_by by, __u64 end_ns, __u64 span_ns);

#endif
