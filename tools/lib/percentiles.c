// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "percentiles.h"
#include "schema.h"

/* One number at @text, up to a comma or the end, where *@end then points. False if it is none. */
static bool parse_one(const char *text, const char **end, struct percentile *percentile)
{
	__u32 whole = 0, unit = PERCENT, fraction = 0;
	const char *digits = text;
	int len;

	for (; isdigit((unsigned char)*text) && whole <= 100; text++)
		whole = whole * 10 + (*text - '0');
	if (text == digits)
		return false;
	if (*text == '.') {
		for (digits = ++text; isdigit((unsigned char)*text) && unit > 1; text++) {
			unit /= 10;
			fraction += (*text - '0') * unit;
		}
		if (text == digits)
			return false;
	}
	*end = text;
	percentile->value = whole * PERCENT + fraction;
	if ((*text && *text != ',') || !percentile->value || percentile->value > 100 * PERCENT)
		return false;
	len = snprintf(percentile->text, sizeof(percentile->text), "%u.%04u", percentile->value / PERCENT, percentile->value % PERCENT);
	while (percentile->text[len - 1] == '0')
		percentile->text[--len] = 0;
	if (percentile->text[len - 1] == '.')
		percentile->text[--len] = 0;
	return true;
}

int percentiles_parse(const char *list, struct percentiles *percentiles, struct err *err)
{
	const char *at = list, *end;
	unsigned int i;

	percentiles->count = 0;
	for (;; at = end + 1) {
		struct percentile one;

		if (!parse_one(at, &end, &one))
			return err_set(err, STATUS_USAGE, "--percentiles: '%.*s' is not a number above 0 and up to 100, with at most four digits "
				       "behind the point", (int)strcspn(at, ","), at);
		for (i = 0; i < percentiles->count; i++) {
			if (percentiles->at[i].value == one.value)
				return err_set(err, STATUS_USAGE, "--percentiles: %s is there twice", one.text);
		}
		if (percentiles->count == PERCENTILES_MAX)
			return err_set(err, STATUS_USAGE, "--percentiles: more than %d", PERCENTILES_MAX);
		percentiles->at[percentiles->count++] = one;
		if (!*end)
			return 0;
	}
}

__u64 percentile_of(const struct hist *hist, const struct percentile *percentile)
{
	/* How many do not exceed it, rounded up: at least one. */
	__u64 rank = ((unsigned __int128)hist->timed * percentile->value + 100 * PERCENT - 1) / (100 * PERCENT), before = 0, low, high;
	int i;

	for (i = 0; i < HIST_BUCKETS - 1 && hist->bucket[i] < rank - before; i++)
		before += hist->bucket[i];
	low = i ? 1ULL << (i - 1) : 0;
	high = i < HIST_BUCKETS - 1 ? 1ULL << i : hist->max_ns;
	if (high > hist->max_ns)
		high = hist->max_ns;
	if (high <= low || !hist->bucket[i])
		return high;
	/* The last of the bucket is its upper bound, so that none of it exceeds that. */
	return low + ((unsigned __int128)(high - low) * (rank - before) + hist->bucket[i] - 1) / hist->bucket[i];
}
