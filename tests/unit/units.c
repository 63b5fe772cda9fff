// SPDX-License-Identifier: GPL-2.0
/* Numbers, sizes and times as people write them. */
#include "tap.h"
#include "units.h"

#define MAX (~0ULL)
#define BAD (-1)

struct sample {
	const char *text;
	int ret;
	__u64 value;
};

static const struct sample numbers[] = {
	{ "0", 0, 0 },
	{ "1", 0, 1 },
	{ "007", 0, 7 },
	{ "4096", 0, 4096 },
	{ "0x0", 0, 0 },
	{ "0x1000", 0, 4096 },
	{ "0XfF", 0, 255 },
	{ "18446744073709551615", 0, MAX },
	{ "0xffffffffffffffff", 0, MAX },
	{ "18446744073709551616", BAD },
	{ "99999999999999999999999999", BAD },
	{ "0x10000000000000000", BAD },
	{ "", BAD },
	{ " ", BAD },
	{ "-1", BAD },
	{ "+1", BAD },
	{ "0x", BAD },
	{ "0x-1", BAD },
	{ "0x 1", BAD },
	{ "0xg", BAD },
	{ "0x1g", BAD },
	{ "x1", BAD },
	{ "1.0", BAD },
	{ "1.", BAD },
	{ ".5", BAD },
	{ "1k", BAD },
	{ "1e3", BAD },
	{ "1 ", BAD },
	{ " 1", BAD },
	{ "1,000", BAD },
	{ "1\n", BAD },
	{ "one", BAD },
};

static const struct sample sizes[] = {
	{ "0", 0, 0 },
	{ "512", 0, 512 },
	{ "512b", 0, 512 },
	{ "4k", 0, 4096 },
	{ "4K", 0, 4096 },
	{ "4kb", 0, 4096 },
	{ "4KiB", 0, 4096 },
	{ "1M", 0, 1ULL << 20 },
	{ "1mb", 0, 1ULL << 20 },
	{ "1MiB", 0, 1ULL << 20 },
	{ "3g", 0, 3ULL << 30 },
	{ "3GB", 0, 3ULL << 30 },
	{ "3gib", 0, 3ULL << 30 },
	{ "2t", 0, 2ULL << 40 },
	{ "2TB", 0, 2ULL << 40 },
	{ "2tib", 0, 2ULL << 40 },
	{ "1.5k", 0, 1536 },
	{ "0.5k", 0, 512 },
	{ "0.0009765625k", 0, 1 },
	{ "1.25m", 0, 1310720 },
	{ "0x1000", 0, 4096 },
	{ "16777215t", 0, 16777215ULL << 40 },
	{ "18446744073709551615", 0, MAX },
	{ "16777216t", BAD },
	{ "18014398509481984k", BAD },
	{ "18446744073709551616", BAD },
	{ "1.5", BAD },
	{ "0.0001k", BAD },
	{ "1.k", BAD },
	{ ".5k", BAD },
	{ "1.5.5k", BAD },
	{ "0x1000k", BAD },
	{ "4kk", BAD },
	{ "4ki", BAD },
	{ "4 k", BAD },
	{ "4q", BAD },
	{ "k", BAD },
	{ "-4k", BAD },
	{ "", BAD },
};

static const struct sample times[] = {
	{ "1", 0, 1000000000 },
	{ "0", 0, 0 },
	{ "10us", 0, 10000 },
	{ "10\xc2\xb5s", 0, 10000 },
	{ "1.5ms", 0, 1500000 },
	{ "1.5MS", 0, 1500000 },
	{ "7ns", 0, 7 },
	{ "2s", 0, 2000000000 },
	{ "0.1", 0, 100000000 },
	{ "0.000000001", 0, 1 },
	{ "1m", 0, 60000000000 },
	{ "1min", 0, 60000000000 },
	{ "2h", 0, 7200000000000 },
	{ "0.5h", 0, 1800000000000 },
	{ "18446744073709551615ns", 0, MAX },
	{ "18446744073.709551615s", 0, MAX },
	{ "18446744073.709551616s", BAD },
	{ "18446744073709551616ns", BAD },
	{ "5124096h", BAD },
	{ "0.5ns", BAD },
	{ "0.0000000001s", BAD },
	{ "0.00000000000000000000001h", BAD },
	{ "1.5.5s", BAD },
	{ "10u", BAD },
	{ "10 us", BAD },
	{ "10us ", BAD },
	{ "10usx", BAD },
	{ "10parsecs", BAD },
	{ "-5us", BAD },
	{ "us", BAD },
	{ ".5s", BAD },
	{ "0x10", BAD },
	{ "", BAD },
};

static void check(const char *what, int (*parse)(const char *text, __u64 *value), const struct sample *samples, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		__u64 value = 0;
		int ret = parse(samples[i].text, &value);

		if (samples[i].ret)
			is_int(ret, -1, "%s '%s' is refused", what, samples[i].text);
		else
			ok(!ret && value == samples[i].value, "%s '%s' is %llu", what, samples[i].text,
			   (unsigned long long)samples[i].value);
	}
}

int main(void)
{
	check("number", parse_number, numbers, ARRAY_SIZE(numbers));
	check("size", parse_size, sizes, ARRAY_SIZE(sizes));
	check("time", parse_time, times, ARRAY_SIZE(times));
	return done_testing();
}
