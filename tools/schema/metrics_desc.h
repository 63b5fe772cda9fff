/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of metrics.h as data, and where in the values that the programs add up each metric is. */
#ifndef IOMAPSCOPE_METRICS_DESC_H
#define IOMAPSCOPE_METRICS_DESC_H

#include "metrics.h"
#include "observers.h"

enum metric_group {
#define GROUP_ENUM(id, observer, facet) GROUP_##id,
	METRIC_GROUPS(GROUP_ENUM)
#undef GROUP_ENUM
	GROUP_COUNT,
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

struct metric_desc {
	const char *name;		/* without the _total of counters */
	enum metric_type type;
	const char *unit;
	const char *labels;		/* one more than its group's, or ""; of the exporter's own metrics all, joined by commas */
	const char *doc;
	enum metric_group group;	/* GROUP_COUNT: about the exporter itself */
};

/* What a metric shows of struct metric_value. */
enum metric_part {
	PART_LATENCY,
	PART_SIZE,
	PART_COUNT,		/* of what has ended */
	PART_ERRORS,
	PART_IN_FLIGHT,
	PART_SUM,		/* sum[first] */
	PART_SUM_NS,		/* the same, of nanoseconds */
	PART_SUMS,		/* sum[first + word] */
	PART_SUMS_NS,
	PART_WORDS,		/* word[first + word] */
};

struct metric_shown {
	const char *name;
	enum metric_part part;
	unsigned int first;
	const char *const *word;	/* of the label; NULL: see kind */
	enum field_kind kind;
	unsigned int words;		/* the last may be one more than there are names for: "" */
	unsigned int sources;		/* bits: the sources of the observer that can tell it */
};

struct metric_group_desc {
	const struct observer *observer;
	const char *facet;		/* label */
	enum field_kind kind;		/* of its words */
	unsigned int first, count;	/* of those that there can be */
	unsigned int programs;		/* that count: their STATS_* are below */
};

extern const struct metric_desc metrics[];
extern const size_t metric_count;
extern const struct metric_desc own_metrics[];
extern const size_t own_metric_count;
extern const struct metric_group_desc metric_groups[GROUP_COUNT];

/* NULL if the metric is not added up in the kernel. */
const struct metric_shown *metric_shown(const struct metric_desc *metric);

/* "" where it is not known. */
const char *metric_word(const struct metric_shown *shown, unsigned int word);
const char *facet_word(const struct metric_group_desc *group, unsigned int facet);

/* How many series one key can have at the most. */
unsigned int metric_series(enum metric_group group);

#endif
