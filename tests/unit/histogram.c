// SPDX-License-Identifier: GPL-2.0
/* Buckets of the programs, and what user space adds up, subtracts and prints. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dax.h"
#include "histogram.h"
#include "lookups.h"
#include "tap.h"

#define EPOCH_NS 1700000000000000000ULL
#define MAX (~0ULL)

/* The definition, by counting. */
static __u32 slow_bucket(__u64 ns)
{
	__u32 n = 0;

	while (n < HIST_BUCKETS - 1 && (n < 64 ? 1ULL << n : MAX) < ns)
		n++;
	return n;
}

static void buckets(void)
{
	__u64 ns, wrong = 0;
	int n;

	is_u64(hist_bucket(0), 0, "0 ns");
	for (n = 0; n < 64; n++) {
		__u64 power = 1ULL << n;

		is_u64(hist_bucket(power), slow_bucket(power), "2^%d ns is in bucket %u", n, slow_bucket(power));
		is_u64(hist_bucket(power - 1), slow_bucket(power - 1), "2^%d - 1 ns is in bucket %u", n, slow_bucket(power - 1));
		is_u64(hist_bucket(power + 1), slow_bucket(power + 1), "2^%d + 1 ns is in bucket %u", n, slow_bucket(power + 1));
	}
	is_u64(hist_bucket(MAX), HIST_BUCKETS - 1, "the longest is in the last");
	for (ns = 0; ns < 1 << 20; ns++)
		wrong += hist_bucket(ns) != slow_bucket(ns);
	is_u64(wrong, 0, "every ns up to 2^20");
	for (n = 0; n < HIST_BUCKETS - 1; n++) {
		ok(hist_bucket(hist_bound(n)) == (__u32)n && hist_bucket(hist_bound(n) + 1) == (__u32)n + 1,
		   "%llu ns is bucket %d's last", (unsigned long long)hist_bound(n), n);
	}
	is_u64(hist_bound(HIST_BUCKETS - 1), MAX, "the last bucket has no bound");
	is_u64(hist_bound(HIST_BUCKETS), MAX, "nor has what is not there");
}

static void record(struct hist *hist, __u64 ns)
{
	hist->count++;
	hist->timed++;
	hist->total_ns += ns;
	if (ns > hist->max_ns)
		hist->max_ns = ns;
	hist->bucket[hist_bucket(ns)]++;
}

static bool same(const struct hist *a, const struct hist *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void arithmetic(void)
{
	struct hist a = {}, b = {}, sum = {}, both = {}, zero = {};

	record(&a, 1);
	record(&a, 1000);
	a.errors++;
	record(&b, 1000);
	record(&b, 5000);
	b.count++;			/* one without a latency */
	a.counter[0] = 3;
	b.counter[0] = 4;
	b.counter[HIST_COUNTERS - 1] = 5;
	record(&both, 1);
	record(&both, 1000);
	record(&both, 1000);
	record(&both, 5000);
	both.errors++;
	both.count++;
	both.counter[0] = 7;
	both.counter[HIST_COUNTERS - 1] = 5;
	hist_add(&sum, &a);
	ok(same(&sum, &a), "nothing and a histogram");
	hist_add(&sum, &b);
	ok(same(&sum, &both), "two histograms");
	hist_add(&sum, &zero);
	ok(same(&sum, &both), "and nothing");
}

/* As the programs hold one: count is of those without a latency. */
static void reading(void)
{
	struct hist held = {}, sum = {}, whole = {};

	held.count = 2;
	held.errors = 3;
	held.bucket[hist_bucket(100)] = 4;
	held.bucket[HIST_BUCKETS - 1] = 1;
	held.total_ns = 5000;
	held.max_ns = 4600;
	whole = held;
	whole.count = 7;
	whole.timed = 5;
	hist_read(&sum, &held);
	ok(same(&sum, &whole), "what the programs hold is counted by its buckets");
	hist_read(&sum, &held);
	is_u64(sum.count, 14, "twice: the count");
	is_u64(sum.timed, 10, "twice: those with a latency");
	is_u64(sum.total_ns, 10000, "twice: the total");
}

static void sets(void)
{
	struct hist_set now = {}, before = {}, diff = {}, nothing = {};
	struct keyed_hist *h;
	__u64 i, wrong = 0;

	for (i = 0; i < 100; i++) {
		h = hist_set_at(&now, i % 10, i / 10);
		if (!h || h->hist.count)
			wrong++;
		else
			record(&h->hist, i);
	}
	is_u64(wrong, 0, "a hundred keys begin empty");
	is_u64(now.count, 100, "and are a hundred");
	ok(hist_set_at(&now, 3, 4)->hist.total_ns == 43 && now.count == 100, "a key is found again");
	hist_set_free(&now);
	ok(!now.hist && !now.count && !now.room, "freed");

	/* @before has keys 1 and 2; then 1 gets more, 2 nothing, 3 is new. */
	record(&hist_set_at(&before, 1, 0)->hist, 100);
	record(&hist_set_at(&before, 2, 0)->hist, 200);
	hist_add(&hist_set_at(&now, 2, 0)->hist, &hist_set_at(&before, 2, 0)->hist);
	hist_add(&hist_set_at(&now, 1, 0)->hist, &hist_set_at(&before, 1, 0)->hist);
	record(&hist_set_at(&now, 1, 0)->hist, 70);
	record(&hist_set_at(&now, 3, 0)->hist, 300);
	hist_set_at(&now, 3, 0)->hist.errors++;
	ok(hist_set_diff(&diff, &now, &before), "a difference");
	is_u64(diff.count, 2, "has the keys that gained");
	h = hist_set_at(&diff, 1, 0);
	ok(h->hist.count == 1 && h->hist.timed == 1 && h->hist.total_ns == 70 && h->hist.bucket[hist_bucket(70)] == 1 &&
	   !h->hist.bucket[hist_bucket(100)] == (hist_bucket(70) != hist_bucket(100)), "what key 1 gained");
	ok(h->max_unknown, "whose maximum is from before");
	h = hist_set_at(&diff, 3, 0);
	ok(h->hist.count == 1 && h->hist.errors == 1 && h->hist.total_ns == 300 && h->hist.max_ns == 300 && !h->max_unknown,
	   "all of the new key 3");
	is_u64(diff.count, 2, "still two");
	hist_set_free(&diff);

	record(&hist_set_at(&now, 1, 0)->hist, 900);
	ok(hist_set_diff(&diff, &now, &before) && !hist_set_at(&diff, 1, 0)->max_unknown &&
	   hist_set_at(&diff, 1, 0)->hist.max_ns == 900, "a greater maximum is of this interval");
	hist_set_free(&diff);
	ok(hist_set_diff(&diff, &now, &now) && !diff.count, "from itself: nothing");
	ok(hist_set_diff(&diff, &now, &nothing) && diff.count == 3, "from nothing: all");
	hist_set_free(&diff);
	ok(hist_set_diff(&diff, &nothing, &nothing) && !diff.count, "nothing from nothing");
	hist_set_free(&diff);

	/* Intervals add up to the whole. */
	for (i = 0; i < 3; i++) {
		struct hist_set shown = {}, later = {};
		struct hist sum = {};
		int step;

		for (step = 0; step < 5; step++) {
			record(&hist_set_at(&later, i, i)->hist, 1ULL << (step * 9 + i));
			hist_set_diff(&diff, &later, &shown);
			hist_add(&sum, &hist_set_at(&diff, i, i)->hist);
			hist_set_free(&diff);
			hist_set_free(&shown);
			hist_add(&hist_set_at(&shown, i, i)->hist, &later.hist[0].hist);
		}
		ok(same(&sum, &later.hist[0].hist), "five intervals add up to the whole, key %llu", (unsigned long long)i);
		hist_set_free(&shown);
		hist_set_free(&later);
	}
	hist_set_free(&now);
	hist_set_free(&before);
}

/* What is printed of @set, as a string. */
static const char *printed_of(const struct observer *observer, enum format_kind kind, struct hist_set *set, enum hist_by by)
{
	static char text[1 << 16];
	int fd = memfd_create("out", 0);
	struct out *out = out_new(fd, 0, NULL);
	struct format format;
	ssize_t n;

	format_init(&format, observer, kind, ERA_614);
	format.wall_offset_ns = 0;
	hist_header(out, &format);
	hist_print(out, &format, set, by, EPOCH_NS, 2000000000);
	out_flush(out);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	out_free(out);
	close(fd);
	return text;
}

static const char *printed(enum format_kind kind, struct hist_set *set, enum hist_by by)
{
	return printed_of(&lookups_observer, kind, set, by);
}

#define CSV_HEADER "time,span_ns,by,key,path,count,errors,timed,total_ns,max_ns,le_ns,bucket,p50_ns,p90_ns,p99_ns,p99.9_ns\n"
#define JSON_HEAD "{\"event\":\"hist\",\"command\":\"lookups\",\"time\":\"2023-11-14T22:13:20.000000000Z\",\"span_ns\":2000000000,"
#define CSV_TIME "2023-11-14T22:13:20.000000000Z,2000000000,"

static void printing(void)
{
	struct hist_set set = {};
	struct hist *h;

	is_str(printed(FORMAT_TABLE, &set, BY_OP), "", "nothing is printed of nothing");
	is_str(printed(FORMAT_JSON, &set, BY_OP), "", "nor in JSON");
	is_str(printed(FORMAT_CSV, &set, BY_OP), CSV_HEADER, "CSV has its header");

	h = &hist_set_at(&set, OP_SEEK_DATA, 0)->hist;
	record(h, 400);
	record(h, 500);
	record(h, 1025);
	h->count++;
	h->errors++;
	h = &hist_set_at(&set, OP_HIDDEN, 0)->hist;
	h->count = 9;

	is_str(printed(FORMAT_TABLE, &set, BY_OP),
	       "op -: count 9, errors 0, total 0ns, avg -, max -\n"
	       "op seek_data: count 4, errors 1, total 1.92us, avg 641ns, max 1.02us\n"
	       "     256ns .. 512ns             2 |****************************************|\n"
	       "     512ns .. 1.02us            0 |                                        |\n"
	       "    1.02us .. 2.04us            1 |********************                    |\n"
	       "  p50 512ns, p90 1.02us, p99 1.02us, p99.9 1.02us, max 1.02us\n", "table, the largest count first");
	is_str(printed(FORMAT_JSON, &set, BY_OP),
	       JSON_HEAD "\"by\":\"op\",\"key\":\"-\",\"op\":null,\"count\":9,\"errors\":0,\"timed\":0,\"total_ns\":0,\"avg_ns\":null,"
	       "\"max_ns\":null,\"buckets\":[],\"percentiles_ns\":{\"50\":null,\"90\":null,\"99\":null,\"99.9\":null}}\n"
	       JSON_HEAD "\"by\":\"op\",\"key\":\"seek_data\",\"op\":\"seek_data\",\"count\":4,\"errors\":1,\"timed\":3,\"total_ns\":1925,"
	       "\"avg_ns\":641,\"max_ns\":1025,\"buckets\":[{\"gt_ns\":256,\"le_ns\":512,\"count\":2},{\"gt_ns\":1024,\"le_ns\":2048,"
	       "\"count\":1}],\"percentiles_ns\":{\"50\":512,\"90\":1025,\"99\":1025,\"99.9\":1025}}\n", "JSON");
	is_str(printed(FORMAT_CSV, &set, BY_OP),
	       CSV_HEADER CSV_TIME "op,-,,9,0,0,0,,,,,,,\n"
	       CSV_TIME "op,seek_data,,4,1,3,1925,1025,512,2,512,1025,1025,1025\n"
	       CSV_TIME "op,seek_data,,4,1,3,1925,1025,2048,1,512,1025,1025,1025\n", "CSV");
	set.hist[0].max_unknown = set.hist[1].max_unknown = true;
	has(printed(FORMAT_TABLE, &set, BY_OP), "avg 641ns, max -\n", "table: an interval's maximum may be unknown");
	has(printed(FORMAT_JSON, &set, BY_OP), "\"avg_ns\":641,\"max_ns\":null,", "JSON: the same");
	has(printed(FORMAT_CSV, &set, BY_OP), "4,1,3,1925,,512,2,512,", "CSV: the same");
	hist_set_free(&set);
}

static void ends(void)
{
	struct hist_set set = {};
	struct hist *h = &hist_set_at(&set, TYPE_MAPPED, 0)->hist;

	record(h, 0);
	is_str(printed(FORMAT_TABLE, &set, BY_TYPE),
	       "type mapped: count 1, errors 0, total 0ns, avg 0ns, max 0ns\n"
	       "       0ns .. 1ns               1 |****************************************|\n"
	       "  p50 0ns, p90 0ns, p99 0ns, p99.9 0ns, max 0ns\n", "table: the first bucket");
	has(printed(FORMAT_JSON, &set, BY_TYPE), "\"by\":\"type\",\"key\":\"mapped\",\"type\":\"mapped\",", "JSON: by type");
	has(printed(FORMAT_JSON, &set, BY_TYPE), "\"buckets\":[{\"gt_ns\":-1,\"le_ns\":1,\"count\":1}]", "JSON: the first bucket");
	has(printed(FORMAT_CSV, &set, BY_TYPE), ",0,1,1,0,0,0,0\n", "CSV: the first bucket");
	memset(h, 0, sizeof(*h));
	record(h, 1ULL << 41);
	has(printed(FORMAT_TABLE, &set, BY_TYPE), "\n     1099s .. inf               1 |", "table: the last bucket");
	has(printed(FORMAT_JSON, &set, BY_TYPE), "\"buckets\":[{\"gt_ns\":1099511627776,\"le_ns\":null,\"count\":1}]",
	    "JSON: the last bucket");
	has(printed(FORMAT_CSV, &set, BY_TYPE), ",inf,1,2199023255552,2199023255552,2199023255552,2199023255552\n", "CSV: the last bucket");
	hist_set_at(&set, TYPE_NONE, 0)->hist.count = 5;
	has(printed(FORMAT_TABLE, &set, BY_TYPE), "type -: count 5,", "table: failed lookups have no type");
	has(printed(FORMAT_JSON, &set, BY_TYPE), "\"key\":\"-\",\"type\":null,\"count\":5,", "JSON: failed lookups have no type");
	hist_set_free(&set);
}

/* What an observer counts beside, and the ratio of two of these. */
static void counters(void)
{
	struct hist_set set = {}, before = {}, diff = {};
	struct hist *h = &hist_set_at(&set, 259 << 20 | 3, 131)->hist;

	record(h, 1);
	has(printed_of(&dax_observer, FORMAT_CSV, &set, BY_INO), ",p99.9_ns,pte,pmd,fallbacks,mapped_bytes,huge_bytes,huge_rate\n", "CSV: names");
	has(printed_of(&dax_observer, FORMAT_CSV, &set, BY_INO), ",1,1,0,0,0,0,0,\n", "CSV: nothing counted has no ratio");
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), ", max 1ns\n", "table: nothing counted is not shown");
	has(printed_of(&dax_observer, FORMAT_JSON, &set, BY_INO),
	    "\"pte\":0,\"pmd\":0,\"fallbacks\":0,\"mapped_bytes\":0,\"huge_bytes\":0,\"huge_rate\":null,\"buckets\"", "JSON: the same");
	h->counter[COUNTER_FALLBACK] = 2;
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), ", max 1ns, pte 0, pmd 0, fallbacks 2, huge_rate -\n",
	    "table: something counted, and nothing to be a part of");
	h->counter[COUNTER_PTE] = 512;
	h->counter[COUNTER_PMD] = 3;
	h->counter[COUNTER_MAPPED] = 4 * (2 << 20);
	h->counter[COUNTER_HUGE] = 3 * (2 << 20);
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), ", pte 512, pmd 3, fallbacks 2, huge_rate 0.7500\n", "table");
	has(printed_of(&dax_observer, FORMAT_JSON, &set, BY_INO),
	    "\"pte\":512,\"pmd\":3,\"fallbacks\":2,\"mapped_bytes\":8388608,\"huge_bytes\":6291456,\"huge_rate\":0.7500,\"buckets\"", "JSON");
	has(printed_of(&dax_observer, FORMAT_CSV, &set, BY_INO), ",1,1,512,3,2,8388608,6291456,0.7500\n", "CSV");
	h->counter[COUNTER_HUGE] = 0;
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), "huge_rate 0.0000\n", "nothing of it");
	h->counter[COUNTER_HUGE] = 8 << 20;
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), "huge_rate 1.0000\n", "all of it");
	h->counter[COUNTER_HUGE] = (8 << 20) - 1;
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), "huge_rate 0.9999\n", "not quite all is not rounded up");
	h->counter[COUNTER_MAPPED] = MAX;
	h->counter[COUNTER_HUGE] = MAX / 2 + 1;
	has(printed_of(&dax_observer, FORMAT_TABLE, &set, BY_INO), "huge_rate 0.5000\n", "of the largest number");
	ok(!strstr(printed(FORMAT_JSON, &set, BY_INO), "pte") && !strstr(printed(FORMAT_TABLE, &set, BY_INO), "pte"), "others have none");

	hist_add(&hist_set_at(&before, 259 << 20 | 3, 131)->hist, h);
	record(h, 1);
	h->counter[COUNTER_PTE] += 9;
	ok(hist_set_diff(&diff, &set, &before) && diff.hist[0].hist.counter[COUNTER_PTE] == 9 && !diff.hist[0].hist.counter[COUNTER_PMD],
	   "what an interval has counted");
	hist_set_free(&set);
	hist_set_free(&before);
	hist_set_free(&diff);
}

static void keyed(const char *comm, size_t len, __u64 *a, __u64 *b)
{
	char bytes[16] = "";

	memcpy(bytes, comm, len);
	memcpy(a, bytes, 8);
	memcpy(b, bytes + 8, 8);
}

static void keys(void)
{
	struct hist_set set = {};
	char odd[16];
	__u64 a, b;

	record(&hist_set_at(&set, 259 << 20 | 3, 131)->hist, 7);
	has(printed(FORMAT_TABLE, &set, BY_DEV), "dev 259:3: count 1,", "table: by device");
	has(printed(FORMAT_JSON, &set, BY_DEV), "\"by\":\"dev\",\"key\":\"259:3\",\"dev\":\"259:3\",\"count\":1,", "JSON: by device");
	has(printed(FORMAT_CSV, &set, BY_DEV), ",dev,259:3,,1,", "CSV: by device");
	has(printed(FORMAT_TABLE, &set, BY_INO), "ino 259:3/131: count 1,", "table: by inode");
	has(printed(FORMAT_JSON, &set, BY_INO), "\"by\":\"ino\",\"key\":\"259:3/131\",\"dev\":\"259:3\",\"ino\":131,\"path\":null,\"count\":1,",
	    "JSON: by inode");
	has(printed(FORMAT_CSV, &set, BY_INO), ",ino,259:3/131,,1,", "CSV: by inode");
	hist_set_free(&set);

	record(&hist_set_at(&set, 0xffffffff, MAX)->hist, 7);
	has(printed(FORMAT_TABLE, &set, BY_INO), "ino 4095:1048575/18446744073709551615:", "table: the longest inode");
	hist_set_free(&set);

	keyed("a,\"b\n", 5, &a, &b);
	record(&hist_set_at(&set, a, b)->hist, 7);
	has(printed(FORMAT_TABLE, &set, BY_COMM), "comm a,\"b\\x0a: count 1,", "table: by command, an odd name");
	has(printed(FORMAT_JSON, &set, BY_COMM), "\"by\":\"comm\",\"key\":\"a,\\\"b\\u000a\",\"comm\":\"a,\\\"b\\u000a\",\"count\"",
	    "JSON: an odd name");
	has(printed(FORMAT_CSV, &set, BY_COMM), ",comm,\"a,\"\"b\\x0a\",,1,", "CSV: an odd name");
	hist_set_free(&set);

	memset(odd, 0x01, sizeof(odd));
	keyed(odd, sizeof(odd), &a, &b);
	record(&hist_set_at(&set, a, b)->hist, 7);
	has(printed(FORMAT_TABLE, &set, BY_COMM), "comm \\x01\\x01", "table: sixteen odd bytes without an end");
	has(printed(FORMAT_CSV, &set, BY_COMM), ",\\x01\\x01", "CSV: sixteen odd bytes");
	has(printed(FORMAT_JSON, &set, BY_COMM), "\"\\u0001\\u0001", "JSON: sixteen odd bytes");
	hist_set_free(&set);
}

static void sorting(void)
{
	struct hist_set set = {};
	const char *text;
	int i;

	for (i = 0; i < 6; i++)
		hist_set_at(&set, 8 << 20 | (5 - i), 0)->hist.count = 1 + (i == 2) * 5;
	hist_set_at(&set, 8 << 20, 1)->hist.count = 1;
	text = printed(FORMAT_CSV, &set, BY_INO);
	is_str(text, CSV_HEADER CSV_TIME "ino,8:3/0,,6,0,0,0,,,,,,,\n" CSV_TIME "ino,8:0/0,,1,0,0,0,,,,,,,\n" CSV_TIME "ino,8:0/1,,1,0,0,0,,,,,,,\n"
	       CSV_TIME "ino,8:1/0,,1,0,0,0,,,,,,,\n" CSV_TIME "ino,8:2/0,,1,0,0,0,,,,,,,\n" CSV_TIME "ino,8:4/0,,1,0,0,0,,,,,,,\n"
	       CSV_TIME "ino,8:5/0,,1,0,0,0,,,,,,,\n", "by count, then by key");
	hist_set_free(&set);
}

/* Every bucket full of the largest numbers: the longest lines that there are. */
static void longest(void)
{
	struct hist_set set = {};
	struct hist *h = &hist_set_at(&set, MAX, MAX)->hist;
	const char *text;
	int i, commas = 0;

	h->count = h->errors = h->timed = h->total_ns = h->max_ns = MAX;
	for (i = 0; i < HIST_BUCKETS; i++)
		h->bucket[i] = MAX;
	for (i = 0; i < HIST_COUNTERS; i++)
		h->counter[i] = MAX;
	text = printed_of(&dax_observer, FORMAT_JSON, &set, BY_COMM);
	ok(strlen(text) < LINE_ROOM && text[strlen(text) - 1] == '\n', "JSON: with counters they fit a line, too");
	text = printed(FORMAT_JSON, &set, BY_COMM);
	ok(strlen(text) < LINE_ROOM && text[strlen(text) - 1] == '\n', "JSON: all buckets fit a line");
	for (i = 0; text[i]; i++)
		commas += text[i] == '{';
	is_int(commas, 2 + HIST_BUCKETS, "JSON: all buckets and the percentiles are there");
	text = printed(FORMAT_TABLE, &set, BY_COMM);
	for (i = commas = 0; text[i]; i++)
		commas += text[i] == '\n';
	is_int(commas, 2 + HIST_BUCKETS, "table: all buckets and the percentiles are there");
	text = printed(FORMAT_CSV, &set, BY_COMM);
	for (i = commas = 0; text[i]; i++)
		commas += text[i] == '\n';
	is_int(commas, 1 + HIST_BUCKETS, "CSV: all buckets are there");
	hist_set_free(&set);
}

int main(void)
{
	buckets();
	arithmetic();
	reading();
	sets();
	printing();
	ends();
	counters();
	keys();
	sorting();
	longest();
	return done_testing();
}
