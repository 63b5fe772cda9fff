// SPDX-License-Identifier: GPL-2.0
/* Percentiles: the list, and what they are of sorted samples. */
#include <stdlib.h>

#include "percentiles.h"
#include "schema.h"
#include "tap.h"

static struct percentiles percentiles;
static struct err err;

static void good(const char *list, unsigned int count, const char *first, __u32 value)
{
	int ret = percentiles_parse(list, &percentiles, &err);

	ok(!ret && percentiles.count == count && percentiles.at[0].value == value, "%s: %u of them", list, count);
	is_str(percentiles.at[0].text, first, "%s: the first is %s", list, first);
}

static void lists(void)
{
	static const char *const bad[] = {
		"", ",", "50,", ",50", "50,,90", "0", "0.0", "0.00001", "100.0001", "101", "1000", "-1", "+1", "50%", "p50", " 50", "50 ", "1e1",
		"50.", ".5", "5.5.5", "nan", "50;90", "4294967297", "18446744073709551617", "50,50", "50,50.0", "50,050",
		"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	};
	size_t i;

	good(PERCENTILES_DEFAULT, 4, "50", 50 * PERCENT);
	good("99.9", 1, "99.9", 999000);
	good("99.9990,1", 2, "99.999", 999990);
	good("0.0001", 1, "0.0001", 1);
	good("100,0.5", 2, "100", 100 * PERCENT);
	good("050.00,7", 2, "50", 50 * PERCENT);
	good("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", 16, "1", PERCENT);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(percentiles_parse(bad[i], &percentiles, &err) == -1 && err.status == STATUS_USAGE && strstr(err.text, "--percentiles: "),
		   "refused: '%s'", bad[i]);
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* Against the definition: the smallest sample that so many percent do not exceed. */
static void samples(const char *name, const __u64 *unsorted, size_t count)
{
	__u64 *sample = malloc(count * sizeof(*sample)), last = 0;
	unsigned int p, wrong = 0;
	struct hist hist = {};
	size_t i;

	memcpy(sample, unsorted, count * sizeof(*sample));
	qsort(sample, count, sizeof(*sample), compare);
	for (i = 0; i < count; i++) {
		hist.timed++;
		hist.bucket[hist_bucket(sample[i])]++;
		hist.max_ns = sample[i];
	}
	for (p = 1; p <= 100 * PERCENT; p += 97) {
		struct percentile one = { .value = p };
		__u64 exact = sample[(count * (unsigned __int128)p + 100 * PERCENT - 1) / (100 * PERCENT) - 1], got = percentile_of(&hist, &one);

		wrong += hist_bucket(got) != hist_bucket(exact) || got > hist.max_ns || got < last;
		last = got;
	}
	is_u64(wrong, 0, "%s: each in its bucket, in order, none above the maximum", name);
	is_u64(percentile_of(&hist, &(struct percentile){ .value = 100 * PERCENT }), hist.max_ns, "%s: 100 is the maximum", name);
	free(sample);
}

static __u64 of(const struct hist *hist, __u32 percent)
{
	return percentile_of(hist, &(struct percentile){ .value = percent * PERCENT });
}

static void values(void)
{
	static const __u64 one[] = { 700 }, zeroes[] = { 0, 0, 0 }, two[] = { 1, 1ULL << 50 }, long_ones[] = { 1ULL << 41, 1ULL << 42, ~0ULL };
	struct hist hist = {};
	__u64 many[1000];
	size_t i;

	samples("one", one, 1);
	samples("zeroes", zeroes, 3);
	samples("near and far", two, 2);
	samples("beyond the last bound", long_ones, 3);
	for (i = 0; i < 1000; i++)
		many[i] = i * i * i % 100003 + 1;
	samples("a thousand", many, 1000);
	for (i = 0; i < 1000; i++)
		many[i] = 1ULL << i % 40;
	samples("powers of two", many, 1000);

	/* Four in (512, 1024]: the quarters of the bucket. */
	hist.timed = hist.bucket[10] = 4;
	hist.max_ns = 1024;
	is_u64(of(&hist, 25), 640, "a quarter");
	is_u64(of(&hist, 26), 768, "a little more is the next");
	is_u64(of(&hist, 50), 768, "a half");
	is_u64(of(&hist, 100), 1024, "all");
	hist.max_ns = 600;
	is_u64(of(&hist, 25), 534, "the maximum is the bucket's bound where it is lower");
	is_u64(of(&hist, 100), 600, "and the last");
	/* Read while it is added to: one timed, its bucket not counted yet. */
	hist.timed = 5;
	ok(of(&hist, 100) <= hist.max_ns, "one that has no bucket yet");
	hist.timed = hist.max_ns = ~0ULL;
	for (i = 0; i < HIST_BUCKETS; i++)
		hist.bucket[i] = ~0ULL;
	ok(of(&hist, 100) <= 1 && of(&hist, 1) <= 1, "the largest counts");
}

int main(void)
{
	lists();
	values();
	return done_testing();
}
