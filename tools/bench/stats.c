// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stats.h"

#define CONFIDENCE 0.95

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * The largest rank from either end whose values hold the median with CONFIDENCE; 0: none does. The k-th value is above the median
 * if fewer than k of @count are below it.
 */
static unsigned int rank_of(unsigned int count, double *confidence)
{
	double term = 1, below = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		term /= 2;
	for (i = 0; i < count / 2; i++) {
		if (1 - 2 * (below + term) < CONFIDENCE)
			break;
		below += term;
		term *= (double)(count - i) / (i + 1);
	}
	*confidence = i ? 1 - 2 * below : NAN;
	return i;
}

struct estimate stats_estimate(const double *value, unsigned int count)
{
	double sorted[STATS_MAX];
	struct estimate e;
	unsigned int rank;

	memcpy(sorted, value, count * sizeof(*value));
	qsort(sorted, count, sizeof(*sorted), compare);
	rank = rank_of(count, &e.confidence);
	e.median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
	e.low = rank ? sorted[rank - 1] : NAN;
	e.high = rank ? sorted[count - rank] : NAN;
	e.least = sorted[0];
	return e;
}

struct estimate stats_ratio(const double *a, const double *b, unsigned int count)
{
	double ratio[STATS_MAX];
	unsigned int i;

	for (i = 0; i < count; i++)
		ratio[i] = b[i] / a[i];
	return stats_estimate(ratio, count);
}
