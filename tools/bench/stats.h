/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The median of a sample and the interval that it lies in. The interval is between two values of the sample, of equal rank from
 * below and from above, the closest two that hold the median of any distribution with 95 % at least: the number of values below it
 * is binomial, whatever the values are (Thompson 1936; the interval of the sign test). No fewer than six values have one.
 */
#ifndef IOMAPSCOPE_BENCH_STATS_H
#define IOMAPSCOPE_BENCH_STATS_H

#define STATS_MAX 1000		/* values of a sample, at most */

struct estimate {
	double median;		/* of an even number the mean of the two in the middle */
	double low, high;	/* NAN if there are too few values */
	double confidence;	/* that the median is between them; NAN likewise */
	double least;		/* the smallest value */
};

/* @count: 1 to STATS_MAX. */
struct estimate stats_estimate(const double *value, unsigned int count);
/* Of b[i] / a[i], the pairs. No value of @a is 0. */
struct estimate stats_ratio(const double *a, const double *b, unsigned int count);

#endif
