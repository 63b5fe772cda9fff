/* SPDX-License-Identifier: GPL-2.0 */
/* Figures as text: the lines of JSON that schema/bench_fields.h describes, and a table. */
#ifndef IOMAPSCOPE_BENCH_REPORT_H
#define IOMAPSCOPE_BENCH_REPORT_H

#include <stdbool.h>
#include <linux/types.h>

#include "bench/measure.h"
#include "output.h"

/* What was measured of one workload. */
struct figure {
	const char *workload;
	const char *error;		/* NULL: there is none, and @rounds values of @a and, with --against, of @b */
	struct time_size size;		/* n 0: it is fio's */
	unsigned int rounds;
	const double *a, *b;		/* ns an operation; @b NULL: without --against */
};

struct bench_summary {
	unsigned int workloads, failed, left_out, rounds;
	const char *against;		/* or NULL */
	__u64 settle_ns;
	bool interrupted;
	double seconds;
};

/* Each puts something at @p, for which LINE_ROOM suffices, and returns the end of it. */
char *report_figure(char *p, const struct figure *figure);
char *report_summary(char *p, const struct bench_summary *summary);
char *report_table_head(char *p, bool against);
char *report_table_row(char *p, const struct figure *figure, bool against);
/* A line of --unit instructions. */
char *report_instructions(char *p, const char *workload, unsigned int n, const struct instructions *result, const char *error);

/* A comma, the key and a value; null for NULL, NAN and what is below 0. */
char *report_text(char *p, const char *key, const char *text);
char *report_number(char *p, const char *key, double value);
char *report_flag(char *p, const char *key, int value);

#endif
