/* SPDX-License-Identifier: GPL-2.0 */
/* Percentiles of a log2 histogram. */
#ifndef IOMAPSCOPE_PERCENTILES_H
#define IOMAPSCOPE_PERCENTILES_H

#include <linux/types.h>

#include "err.h"
#include "hist.h"

#define PERCENTILES_MAX	16
#define PERCENT		10000		/* in the unit of struct percentile: four digits behind the point */

struct percentile {
	__u32 value;
	char text[10];			/* without zeroes that say nothing: 99.9 */
};

struct percentiles {
	unsigned int count;
	struct percentile at[PERCENTILES_MAX];
};

#define PERCENTILES_DEFAULT "50,90,99,99.9"

/* "50,99.9": numbers above 0 and up to 100, each once. Returns 0; or -1 with @err of STATUS_USAGE. */
int percentiles_parse(const char *list, struct percentiles *percentiles, struct err *err);

/*
 * The value that so many percent of what is timed do not exceed, in ns: between the bounds of its bucket, as far between them as it
 * stands in the bucket's order, and never above the maximum. @hist has something timed.
 */
__u64 percentile_of(const struct hist *hist, const struct percentile *percentile);

#endif
