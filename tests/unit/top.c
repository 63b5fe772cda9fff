// SPDX-License-Identifier: GPL-2.0
/* What top makes of the kernel's sums: differences, rows by each dimension, their order, the filter, the way into a row. */
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "histogram.h"
#include "mounts.h"
#include "names.h"
#include "output.h"
#include "tap.h"
#include "top.h"

#define SECOND		1000000000ULL
#define DEV(minor)	(8 << 20 | (minor))

/* The kernel's side: a few keys with their sums. */
struct source {
	struct top_key key;
	struct top_sum sum;
};

static struct top_key key_of(__u32 dev, __u64 ino, __u32 pid, const char *comm, __u64 cgroup)
{
	struct top_key key = { .dev = dev, .ino = ino, .pid = pid, .cgroup = cgroup, .stats = STATS_END };

	memcpy(key.comm.s, comm, strlen(comm));
	return key;
}

static void event(struct source *s, __u64 bytes, bool failed, __u64 ns)
{
	s->sum.hist.count++;
	s->sum.hist.errors += failed;
	s->sum.hist.timed++;
	s->sum.hist.total_ns += ns;
	s->sum.hist.bucket[hist_bucket(ns)]++;
	if (ns > s->sum.hist.max_ns)
		s->sum.hist.max_ns = ns;
	if (ns > s->sum.max_ns)
		s->sum.max_ns = ns;
	s->sum.bytes += bytes;
}

static void events(struct source *s, int count, __u64 bytes, __u64 ns)
{
	while (count--)
		event(s, bytes, false, ns);
}

static int feed(struct top *top, enum top_of of, struct source *s)
{
	int ret = top_feed(top, of, &s->key, &s->sum);

	s->sum.max_ns = 0;		/* the next round's */
	return ret;
}

static char *namer(void *ctx, char *p, enum top_by by, const struct top_row *row)
{
	(void)ctx;
	switch (by) {
	case TOP_FILES:
		p = put_dev(p, row->id.a);
		*p++ = '/';
		return put_dec(p, row->id.b);
	case TOP_DEVICES:
		return put_dev(p, row->id.a);
	case TOP_PROCESSES:
		return put_dec(put_str(put_text(p, row->comm.s, 16), "-"), row->id.a);
	default:
		return put_dec(put_str(p, "cgroup "), row->id.a);
	}
}

/* The rows as "name lookups ioends dio bytes; ...". */
static const char *shown(const struct top *top, const struct top_view *view)
{
	static char text[4096];
	struct top_rows rows;
	char *p = text;
	size_t i;

	if (top_rows(top, view, namer, NULL, &rows))
		return "no memory";
	for (i = 0; i < rows.count; i++) {
		const struct top_part *part = rows.row[i].part;

		if (i)
			p = put_str(p, "; ");
		p = namer(NULL, p, view->by, &rows.row[i]);
		p += sprintf(p, " %llu %llu %llu %llu", (unsigned long long)part[TOP_LOOKUPS].count,
			     (unsigned long long)part[TOP_IOENDS].count, (unsigned long long)part[TOP_DIO].count,
			     (unsigned long long)rows.row[i].bytes);
	}
	*p = 0;
	top_rows_free(&rows);
	return text;
}

/* Two disks, three files, three processes in two cgroups. */
static struct source lookups[4], ioends, dio[2];

static struct top *busy(void)
{
	struct top *top = top_new(100);

	memset(lookups, 0, sizeof(lookups));
	memset(dio, 0, sizeof(dio));
	memset(&ioends, 0, sizeof(ioends));
	lookups[0].key = key_of(DEV(1), 10, 100, "fio", 7);
	lookups[1].key = key_of(DEV(1), 11, 100, "fio", 7);
	lookups[2].key = key_of(DEV(1), 10, 200, "cp", 7);
	lookups[3].key = key_of(DEV(2), 10, 300, "db", 8);
	ioends.key = key_of(DEV(1), 11, 40, "kworker", 1);
	dio[0].key = key_of(DEV(1), 10, 100, "fio", 7);
	dio[1].key = key_of(DEV(2), 10, 300, "db", 8);
	events(&lookups[0], 10, 4096, 400);
	events(&lookups[1], 3, 4096, 300);
	events(&lookups[2], 4, 4096, 500);
	events(&lookups[3], 5, 4096, 600);
	events(&ioends, 2, 1 << 20, 9000);
	events(&dio[0], 10, 4096, 20000);
	events(&dio[1], 5, 65536, 30000);
	top_begin(top, SECOND);
	feed(top, TOP_LOOKUPS, &lookups[0]);
	feed(top, TOP_LOOKUPS, &lookups[1]);
	feed(top, TOP_LOOKUPS, &lookups[2]);
	feed(top, TOP_LOOKUPS, &lookups[3]);
	feed(top, TOP_IOENDS, &ioends);
	feed(top, TOP_DIO, &dio[0]);
	feed(top, TOP_DIO, &dio[1]);
	return top;
}

static void dimensions(void)
{
	struct top_view view = {};
	struct top *top = busy();

	is_str(shown(top, &view), "8:1/10 14 0 10 40960; 8:2/10 5 0 5 327680; 8:1/11 3 2 0 2097152", "by file");
	view.by = TOP_PROCESSES;
	is_str(shown(top, &view), "fio-100 13 0 10 40960; db-300 5 0 5 327680; cp-200 4 0 0 0; kworker-40 0 2 0 2097152", "by process");
	view.by = TOP_DEVICES;
	is_str(shown(top, &view), "8:1 17 2 10 2138112; 8:2 5 0 5 327680", "by device");
	view.by = TOP_CGROUPS;
	is_str(shown(top, &view), "cgroup 7 17 0 10 40960; cgroup 8 5 0 5 327680; cgroup 1 0 2 0 2097152", "by cgroup");
	is_u64(top_counted(top, TOP_LOOKUPS), 22, "all lookups");
	is_u64(top_counted(top, TOP_IOENDS), 2, "all ioends");
	is_u64(top_counted(top, TOP_DIO), 15, "all direct I/O");
	is_u64(top_counted(top, TOP_FAULTS), 0, "no faults");
	is_u64(top_keys(top, TOP_LOOKUPS), 4, "keys of lookups");

	top_begin(top, 2 * SECOND);
	is_str(shown(top, &view), "", "a new interval has nothing yet");
	top_free(top);
	top_free(NULL);
}

static void totals(void)
{
	struct top_view view = {};
	struct top *top = busy();
	struct top_rows rows;

	top_rows(top, &view, namer, NULL, &rows);
	is_u64(rows.total.part[TOP_LOOKUPS].count, 22, "the total of lookups");
	is_u64(rows.total.bytes, 40960 + 327680 + 2097152, "the total of bytes");
	is_u64(rows.total.latency.timed, 22, "the total's latency is of lookups");
	top_rows_free(&rows);
	strcpy(view.filter, "8:2");
	top_rows(top, &view, namer, NULL, &rows);
	is_u64(rows.total.part[TOP_LOOKUPS].count, 5, "the total is of what is shown");
	is_u64(rows.hidden, 2, "what is not is counted");
	top_rows_free(&rows);
	top_free(top);
}

/* A process has threads of several names; the one that did most gives it its own. */
static void threads(void)
{
	struct top_view view = { .by = TOP_PROCESSES };
	struct source one = { .key = key_of(DEV(1), 1, 9, "idle", 1) }, two = { .key = key_of(DEV(1), 1, 9, "worker", 1) };
	struct top *top = top_new(10);

	top_begin(top, SECOND);
	events(&one, 2, 0, 10);
	events(&two, 3, 0, 10);
	feed(top, TOP_LOOKUPS, &one);
	feed(top, TOP_LOOKUPS, &two);
	is_str(shown(top, &view), "worker-9 5 0 0 0", "one row a process, named after its busiest thread");
	/* Both of the observer's programs may count under one key. */
	one.key = two.key;
	one.key.stats = STATS_BEGIN;
	feed(top, TOP_LOOKUPS, &one);
	is_str(shown(top, &view), "worker-9 7 0 0 0", "of both programs");
	top_free(top);
}

static void differences(void)
{
	struct top_view view = {};
	struct source s = { .key = key_of(DEV(1), 1, 9, "x", 1) };
	struct top *top = top_new(10);
	struct top_rows rows;
	int i;

	for (i = 1; i <= 5; i++) {
		top_begin(top, i * SECOND);
		events(&s, i, 100, 1000);
		event(&s, 7, true, 5000 * i);
		feed(top, TOP_DIO, &s);
		top_rows(top, &view, namer, NULL, &rows);
		ok(rows.count == 1 && rows.row[0].part[TOP_DIO].count == (__u64)i + 1 && rows.row[0].part[TOP_DIO].errors == 1 &&
		   rows.row[0].bytes == 100ULL * i + 7 && rows.row[0].latency.count == 0, "interval %d: what it added, and no more", i);
		top_rows_free(&rows);
	}
	is_u64(top_counted(top, TOP_DIO), 20, "all of it together");
	view.latency = TOP_DIO;
	top_rows(top, &view, namer, NULL, &rows);
	ok(rows.row[0].latency.timed == 6 && rows.row[0].latency.max_ns == 25000 && rows.row[0].latency.total_ns == 5 * 1000 + 25000,
	   "the latency of the last interval alone");
	top_rows_free(&rows);

	top_begin(top, 6 * SECOND);
	feed(top, TOP_DIO, &s);
	is_str(shown(top, &view), "", "what has gained nothing has no row");

	/* The key was taken out by somebody else, and came back: its sums begin at nothing. */
	top_begin(top, 7 * SECOND);
	memset(&s.sum, 0, sizeof(s.sum));
	events(&s, 2, 10, 50);
	feed(top, TOP_DIO, &s);
	is_str(shown(top, &view), "8:1/1 0 0 2 20", "sums that are less than before are new ones");
	is_u64(top_counted(top, TOP_DIO), 22, "and are counted");

	/* The same key twice in one interval. */
	events(&s, 3, 10, 50);
	feed(top, TOP_DIO, &s);
	is_str(shown(top, &view), "8:1/1 0 0 5 50", "read twice in an interval: all of it once");
	top_free(top);
}

static void sorting(void)
{
	struct top_view view = {};
	struct top *top = busy();
	struct source same[6];
	int i;

	view.sort = SORT_DIO;
	is_str(shown(top, &view), "8:1/10 14 0 10 40960; 8:2/10 5 0 5 327680; 8:1/11 3 2 0 2097152", "by direct I/O");
	view.sort = SORT_IOENDS;
	is_str(shown(top, &view), "8:1/11 3 2 0 2097152; 8:1/10 14 0 10 40960; 8:2/10 5 0 5 327680", "by ioends; equal ones by number");
	view.sort = SORT_BYTES;
	is_str(shown(top, &view), "8:1/11 3 2 0 2097152; 8:2/10 5 0 5 327680; 8:1/10 14 0 10 40960", "by bytes");
	view.reverse = true;
	is_str(shown(top, &view), "8:1/10 14 0 10 40960; 8:2/10 5 0 5 327680; 8:1/11 3 2 0 2097152", "by bytes, reversed");
	view.reverse = false;
	view.sort = SORT_MAX;
	is_str(shown(top, &view), "8:2/10 5 0 5 327680; 8:1/10 14 0 10 40960; 8:1/11 3 2 0 2097152", "by the longest lookup");
	view.latency = TOP_DIO;
	view.sort = SORT_P99;
	is_str(shown(top, &view), "8:2/10 5 0 5 327680; 8:1/10 14 0 10 40960; 8:1/11 3 2 0 2097152", "by p99: what has none is last");
	view.reverse = true;
	is_str(shown(top, &view), "8:1/10 14 0 10 40960; 8:2/10 5 0 5 327680; 8:1/11 3 2 0 2097152", "also reversed");
	view = (struct top_view){ .sort = SORT_NAME };
	is_str(shown(top, &view), "8:1/10 14 0 10 40960; 8:1/11 3 2 0 2097152; 8:2/10 5 0 5 327680", "by name");
	top_free(top);

	/* Equal rows keep their order, in whatever order the kernel hands them out. */
	memset(same, 0, sizeof(same));
	top = top_new(10);
	top_begin(top, SECOND);
	view = (struct top_view){};
	for (i = 0; i < 6; i++) {
		same[i].key = key_of(DEV(1), i, 1, "x", 1);
		events(&same[i], 1 + (i == 3), 0, 100);
	}
	for (i = 0; i < 6; i++)
		feed(top, TOP_LOOKUPS, &same[i * 5 % 6]);
	is_str(shown(top, &view), "8:1/3 2 0 0 0; 8:1/0 1 0 0 0; 8:1/1 1 0 0 0; 8:1/2 1 0 0 0; 8:1/4 1 0 0 0; 8:1/5 1 0 0 0", "stable");
	top_begin(top, 2 * SECOND);
	for (i = 5; i >= 0; i--) {
		events(&same[i], 1 + (i == 3), 0, 100);
		feed(top, TOP_LOOKUPS, &same[i]);
	}
	is_str(shown(top, &view), "8:1/3 2 0 0 0; 8:1/0 1 0 0 0; 8:1/1 1 0 0 0; 8:1/2 1 0 0 0; 8:1/4 1 0 0 0; 8:1/5 1 0 0 0",
	       "stable from interval to interval");
	top_free(top);

	is_str(top_sort_name(SORT_LOOKUPS), "LOOKUPS", "the first column's name");
	is_str(top_sort_name(SORT_NAME), "NAME", "the last one's");
	is_str(top_sort_name(SORT_COUNT), "", "there are no more");
	for (i = 0; i < SORT_COUNT; i++) {
		const char *choice = options[OPT_SORT].choices, *name = top_sort_name(i);
		int skip = i;

		while (skip--)
			choice = strchr(choice, '|') + 1;
		ok(!strncasecmp(choice, name, strlen(name)) && strchr("|", choice[strlen(name)]), "--sort's choice %d is %s", i, name);
	}
}

static void filtering(void)
{
	struct top_view view = { .by = TOP_PROCESSES };
	struct top *top = busy();

	strcpy(view.filter, "F");
	is_str(shown(top, &view), "fio-100 13 0 10 40960", "a part of the name, in any case");
	strcpy(view.filter, "00");
	is_str(shown(top, &view), "fio-100 13 0 10 40960; db-300 5 0 5 327680; cp-200 4 0 0 0", "a part at the end");
	strcpy(view.filter, "nothing of that name");
	is_str(shown(top, &view), "", "none");
	strcpy(view.filter, "fio-1000");
	is_str(shown(top, &view), "", "longer than the name");
	top_free(top);
}

static void drilling(void)
{
	struct top_view view = { .by = TOP_DEVICES };
	struct top *top = busy();
	struct top_rows rows;
	int i;

	strcpy(view.filter, "8:");
	top_rows(top, &view, namer, NULL, &rows);
	ok(top_drill(&view, &rows.row[0]) && view.by == TOP_FILES && view.depth == 1, "from a device to its files");
	is_str(view.filter, "", "without the filter");
	top_rows_free(&rows);
	is_str(shown(top, &view), "8:1/10 14 0 10 40960; 8:1/11 3 2 0 2097152", "which are those of this device");
	top_rows(top, &view, namer, NULL, &rows);
	ok(top_drill(&view, &rows.row[0]) && view.by == TOP_PROCESSES && view.depth == 2, "from a file to its processes");
	top_rows_free(&rows);
	is_str(shown(top, &view), "fio-100 10 0 10 40960; cp-200 4 0 0 0", "which are those that used this file, and as far as they did");
	top_rows(top, &view, namer, NULL, &rows);
	ok(top_drill(&view, &rows.row[1]) && view.by == TOP_CGROUPS && view.depth == 3, "from a process to its cgroup");
	top_rows_free(&rows);
	is_str(shown(top, &view), "cgroup 7 4 0 0 0", "of what it did to this file");
	top_rows(top, &view, namer, NULL, &rows);
	ok(!top_drill(&view, &rows.row[0]) && view.depth == 3, "from there nowhere");
	top_rows_free(&rows);
	/* By hand, to what is fixed already. */
	view.by = TOP_DEVICES;
	is_str(shown(top, &view), "8:1 4 0 0 0", "its device");
	top_rows(top, &view, namer, NULL, &rows);
	ok(!top_drill(&view, &rows.row[0]), "from which there is nothing to go to");
	top_rows_free(&rows);
	for (i = 2; i >= 0; i--)
		ok(top_back(&view) && view.depth == i, "back, to depth %d", i);
	ok(view.by == TOP_DEVICES && !top_back(&view), "and no further");

	view = (struct top_view){ .by = TOP_CGROUPS };
	for (i = 0; i < 10; i++) {
		top_rows(top, &view, namer, NULL, &rows);
		if (!rows.count || !top_drill(&view, &rows.row[0])) {
			top_rows_free(&rows);
			break;
		}
		top_rows_free(&rows);
	}
	ok(view.depth == 2 || view.depth == 3, "from a cgroup it goes on to the end, which is at %d", view.depth);
	top_free(top);
}

static void eviction(void)
{
	struct top_view view = {};
	struct source s[10] = {};
	struct top_key idle[16];
	struct top *top = top_new(12);
	size_t i;

	top_begin(top, SECOND);
	for (i = 0; i < 9; i++) {
		s[i].key = key_of(DEV(1), i, 1, "x", 1);
		events(&s[i], 1, 10, 100);
		feed(top, TOP_LOOKUPS, &s[i]);
	}
	is_u64(top_idle(top, TOP_LOOKUPS, idle, 16), 0, "what has just been active is not idle");
	top_begin(top, 60 * SECOND);
	is_u64(top_idle(top, TOP_LOOKUPS, idle, 16), 0, "nor is it within a minute");
	top_begin(top, 61 * SECOND);
	events(&s[4], 1, 10, 100);
	for (i = 0; i < 9; i++)
		feed(top, TOP_LOOKUPS, &s[i]);
	is_u64(top_idle(top, TOP_LOOKUPS, idle, 16), 8, "then it is, but for one that was active again");
	is_u64(top_idle(top, TOP_LOOKUPS, idle, 3), 3, "no more than there is room for");
	is_u64(top_idle(top, TOP_DIO, idle, 16), 0, "of this kind of event only");

	/* One that did something between the look at it and the taking out. */
	events(&s[2], 5, 10, 100);
	feed(top, TOP_LOOKUPS, &s[2]);
	top_forget(top, TOP_LOOKUPS, &s[2].key);
	top_forget(top, TOP_LOOKUPS, &s[2].key);
	is_u64(top_keys(top, TOP_LOOKUPS), 8, "forgotten once");
	is_str(shown(top, &view), "8:1/2 5 0 0 0; 8:1/4 1 0 0 0", "what it did last is in this interval");
	is_u64(top_counted(top, TOP_LOOKUPS), 15, "and counted");
	top_begin(top, 62 * SECOND);
	is_str(shown(top, &view), "", "and not in the next");
	is_u64(top_keys(top, TOP_LOOKUPS), 8, "the others are still there");
	memset(&s[2].sum, 0, sizeof(s[2].sum));
	events(&s[2], 7, 10, 100);
	feed(top, TOP_LOOKUPS, &s[2]);
	is_str(shown(top, &view), "8:1/2 7 0 0 0", "one that comes back begins at nothing");
	is_u64(top_counted(top, TOP_LOOKUPS), 22, "no count is lost by that");
	is_u64(top_keys(top, TOP_LOOKUPS), 9, "it is a key again");

	/* Within the same interval, too, and with more than it had. */
	top_forget(top, TOP_LOOKUPS, &s[2].key);
	memset(&s[2].sum, 0, sizeof(s[2].sum));
	events(&s[2], 9, 10, 100);
	feed(top, TOP_LOOKUPS, &s[2]);
	is_str(shown(top, &view), "8:1/2 16 0 0 0", "back in the same interval");
	is_u64(top_keys(top, TOP_LOOKUPS), 9, "and a key");

	/* Nearly full: 10 of 12. */
	s[9].key = key_of(DEV(1), 9, 1, "x", 1);
	events(&s[9], 1, 10, 100);
	feed(top, TOP_LOOKUPS, &s[9]);
	is_u64(top_idle(top, TOP_LOOKUPS, idle, 16), 8, "nearly full: all that did nothing in this interval");
	top_forget(top, TOP_DIO, &s[9].key);
	is_u64(top_keys(top, TOP_DIO), 0, "what is not there is not forgotten");
	top_free(top);
}

static void latencies(void)
{
	struct source s = {};
	struct hist *h = &s.sum.hist;
	__u64 ns = 0;
	int i;

	ok(!top_percentile(h, 50, &ns) && !top_max(h, &ns), "of nothing there is no percentile");
	h->count = 5;
	ok(!top_percentile(h, 50, &ns), "nor of what was not timed");
	h->count = 0;
	for (i = 1; i <= 100; i++)
		event(&s, 0, false, i <= 50 ? 100 : i <= 98 ? 1000 : 100000);
	ok(top_percentile(h, 50, &ns) && ns == 128, "the median is the end of its power of two");
	ok(top_percentile(h, 51, &ns) && ns == 1024, "the next one is in the next");
	ok(top_percentile(h, 98, &ns) && ns == 1024, "p98");
	ok(top_percentile(h, 99, &ns) && ns == 100000, "p99: no more than the maximum");
	ok(top_percentile(h, 100, &ns) && ns == 100000 && top_max(h, &ns) && ns == 100000, "the maximum");
	h->max_ns = 1000;
	ok(!top_max(h, &ns), "a maximum below what was counted is another interval's");
	ok(top_percentile(h, 99, &ns) && ns == 131072, "then p99 is known less well");
	h->max_ns = 200000;
	ok(!top_max(h, &ns), "so is one above");
	memset(&s, 0, sizeof(s));
	event(&s, 0, false, 1);
	ok(top_max(h, &ns) && ns == 1 && top_percentile(h, 50, &ns) && ns == 1, "one event of a nanosecond");
	memset(&s, 0, sizeof(s));
	event(&s, 0, false, 1ULL << 50);
	ok(top_percentile(h, 99, &ns) && ns == 1ULL << 50, "the last bucket has no end but the maximum");
	h->max_ns = 0;
	ok(!top_percentile(h, 99, &ns), "and nothing without one");
	memset(&s, 0, sizeof(s));
	h->timed = ~0ULL;
	h->bucket[3] = ~0ULL;
	ok(top_percentile(h, 99, &ns) && ns == 8, "as many as there can be");
}

/* A row as a line. */
static const char *line(enum format_kind kind, const struct top_view *view, const struct top_row *row, unsigned int observed,
			const char *name)
{
	static char text[LINE_ROOM];
	struct top_record record;
	struct format format;

	format_init(&format, &top_table, kind, 0);
	format.wall_offset_ns = 0;
	format.span_ns = 2 * SECOND;
	top_record(&record, view, row, observed, name);
	record.time = 1700000000ULL * SECOND;
	record.span_ns = format.span_ns;
	*format_event(&format, text, &record) = 0;
	return text;
}

static void lines(void)
{
	struct top_view view = {};
	struct top *top = busy();
	struct top_rows rows;
	char name[TOP_NAME];

	top_rows(top, &view, namer, NULL, &rows);
	is_str(line(FORMAT_TABLE, &view, &rows.row[0], 7, "/srv/a"),
	       "      7      0     5      - 20.0k  500ns  500ns  500ns /srv/a\n", "table");
	is_str(line(FORMAT_JSON, &view, &rows.row[0], 7, "/srv/\"a\""),
	       "{\"time\":\"2023-11-14T22:13:20.000000000Z\",\"event\":\"top\",\"span_ns\":2000000000,\"by\":\"files\",\"dev\":\"8:1\",\"ino\":10,"
	       "\"pid\":null,\"comm\":null,\"cgroup\":null,\"lookups\":14,\"lookup_errors\":0,\"lookup_bytes\":57344,\"ioends\":0,"
	       "\"ioend_errors\":0,\"ioend_bytes\":0,\"dio\":10,\"dio_errors\":0,\"dio_bytes\":40960,\"faults\":null,\"fault_errors\":null,"
	       "\"fault_bytes\":null,\"bytes\":40960,\"latency_of\":\"lookups\",\"p50_ns\":500,\"p99_ns\":500,\"max_ns\":500,"
	       "\"name\":\"/srv/\\\"a\\\"\"}\n", "JSON");
	is_str(line(FORMAT_CSV, &view, &rows.row[0], 1, "a,b"),
	       "2023-11-14T22:13:20.000000000Z,top,2000000000,files,8:1,10,,,,14,0,57344,,,,,,,,,,40960,lookups,500,500,500,\"a,b\"\n", "CSV");
	memset(name, 1, sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	ok(strlen(line(FORMAT_JSON, &view, &rows.row[0], 7, name)) < LINE_ROOM, "the longest name fits a line");
	top_rows_free(&rows);
	view.by = TOP_PROCESSES;
	view.latency = TOP_IOENDS;
	top_rows(top, &view, namer, NULL, &rows);
	has(line(FORMAT_JSON, &view, &rows.row[0], 7, ""), "\"dev\":null,\"ino\":null,\"pid\":100,\"comm\":\"fio\",\"cgroup\":null,", "a process");
	has(line(FORMAT_JSON, &view, &rows.row[0], 7, ""), "\"latency_of\":\"ioends\",\"p50_ns\":null,\"p99_ns\":null,\"max_ns\":null",
	    "no ioends, no latency of them");
	top_rows_free(&rows);
	view.by = TOP_DEVICES;
	top_rows(top, &view, namer, NULL, &rows);
	has(line(FORMAT_JSON, &view, &rows.row[1], 7, ""), "\"dev\":\"8:2\",\"ino\":null,\"pid\":null,\"comm\":null,\"cgroup\":null,", "a device");
	top_rows_free(&rows);
	view.by = TOP_CGROUPS;
	top_rows(top, &view, namer, NULL, &rows);
	has(line(FORMAT_JSON, &view, &rows.row[0], 7, ""), "\"dev\":null,\"ino\":null,\"pid\":null,\"comm\":null,\"cgroup\":7,", "a cgroup");
	top_rows_free(&rows);
	top_free(top);
}

static void rates(void)
{
	static const struct {
		__u64 count, span_ns;
		unsigned int unit;
		const char *text;
	} cases[] = {
		{ 0, SECOND, 1000, "0" }, { 1, SECOND, 1000, "1" }, { 1, 4 * SECOND, 1000, "0.25" }, { 25, 2 * SECOND, 1000, "12.5" },
		{ 999, SECOND, 1000, "999" }, { 1000, SECOND, 1000, "1.00k" }, { 12345, SECOND, 1000, "12.3k" },
		{ 999999, SECOND, 1000, "999k" }, { 1000000, SECOND, 1000, "1.00m" }, { 1023, SECOND, 1024, "1023" },
		{ 1024, SECOND, 1024, "1.00k" }, { 1536 << 10, SECOND, 1024, "1.50m" }, { 1, 3600 * SECOND, 1000, "0.01" },
		{ 5, 0, 1000, "-" }, { ~0ULL, SECOND, 1000, "18.4e" }, { ~0ULL, SECOND, 1024, "15.9e" }, { ~0ULL, 1, 1000, "18446744073e" },
	};
	char text[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		*put_rate(text, cases[i].count, cases[i].span_ns, cases[i].unit) = 0;
		is_str(text, cases[i].text, "%llu in %llu ns", (unsigned long long)cases[i].count, (unsigned long long)cases[i].span_ns);
	}
}

/* Many keys: nothing is lost, and nothing found twice. */
static void many(void)
{
	struct top_view view = {};
	struct top *top = top_new(100000);
	struct top_rows rows;
	__u64 sum = 0;
	size_t i;

	top_begin(top, SECOND);
	for (i = 0; i < 20000; i++) {
		struct source s = { .key = key_of(DEV(i % 7), i % 5000, i % 11, "x", i % 3) };

		events(&s, 1 + i % 4, 1, 100);
		feed(top, i % 2 ? TOP_LOOKUPS : TOP_DIO, &s);
	}
	ok(!top_rows(top, &view, namer, NULL, &rows), "many keys");
	for (i = 0; i < rows.count; i++)
		sum += rows.row[i].part[TOP_LOOKUPS].count + rows.row[i].part[TOP_DIO].count;
	is_u64(sum, 50000, "all of their events are in the rows");
	is_u64(top_counted(top, TOP_LOOKUPS) + top_counted(top, TOP_DIO), 50000, "and are counted");
	for (i = 1; i < rows.count; i++) {
		if (rows.row[i - 1].part[TOP_LOOKUPS].count < rows.row[i].part[TOP_LOOKUPS].count)
			break;
	}
	is_u64(i, rows.count, "in their order");
	top_rows_free(&rows);
	top_free(top);
}

static const char *find_path(void *ctx, __u32 dev, __u64 ino)
{
	(void)dev;
	return ino == 5 ? "/srv/db" : ino == 6 ? *(const char **)ctx : NULL;
}

static void naming(void)
{
	char too_long[TOP_NAME + 100];
	const char *long_path = too_long;
	struct names *names = names_new("/nowhere");
	struct top_row row = { .id = { 4095u << 20 | 1048575, ~0ULL }, .comm = { "0123456789abcdef" } };
	char text[TOP_NAME], directory[] = "/tmp/names.XXXXXX", path[64], link[64], part[256];
	struct stat st, below;
	struct mounts mounts;
	size_t i;

	*names_put(names, text, TOP_FILES, &row) = 0;
	is_str(text, "4095:1048575/18446744073709551615", "a file of a device that is not mounted");
	*names_put(names, text, TOP_DEVICES, &row) = 0;
	is_str(text, "4095:1048575", "a device that is not there");
	row.id.a = 12;
	*names_put(names, text, TOP_PROCESSES, &row) = 0;
	is_str(text, "0123456789abcdef[12]", "a process, whose name has no end");
	*names_put(names, text, TOP_CGROUPS, &row) = 0;
	is_str(text, "12", "a cgroup where there are none");
	names_free(names);

	if (!mkdtemp(directory)) {
		ok(false, "a directory");
		return;
	}
	snprintf(path, sizeof(path), "%s/below", directory);
	snprintf(link, sizeof(link), "%s/link", directory);
	ok(!mkdir(path, 0700) && !symlink("..", link) && !stat(directory, &st) && !stat(path, &below), "a tree like that of cgroups");
	memset(too_long, 'x', sizeof(too_long));
	memcpy(too_long, "/begin", 6);
	strcpy(too_long + sizeof(too_long) - 4, "end");
	names = names_new(directory);
	*cgroup_name(names, text, below.st_ino) = 0;
	is_str(text, "/below", "a cgroup by its number");
	*cgroup_name(names, text, st.st_ino) = 0;
	is_str(text, "/", "the root of all");
	*cgroup_name(names, text, 1) = 0;
	is_str(text, "1", "one that is not there");
	names_free(names);
	rmdir(path);
	unlink(link);
	rmdir(directory);

	/* Whatever is mounted here. */
	names = names_new(NULL);
	if (!mounts_read(&mounts) && mounts.count) {
		char *end = file_name(names, text, mounts.mount[0].dev, 5);
		bool found = false;

		*end = 0;
		for (i = 0; i < mounts.count; i++) {
			snprintf(part, sizeof(part), "/5 on %.200s", mounts.mount[i].point);
			found = found || (mounts.mount[i].dev == mounts.mount[0].dev && strstr(text, part));
		}
		ok(found, "a file of a mounted file system: %s", text);
		mounts_free(&mounts);
	}
	names_ask(names, find_path, &long_path);
	*file_name(names, text, 8 << 20, 5) = 0;
	is_str(text, "/srv/db", "a file whose path is known");
	*file_name(names, text, 8 << 20, 6) = 0;
	ok(strlen(text) == TOP_NAME - 1 && !strncmp(text, "...", 3) && !strcmp(text + TOP_NAME - 4, "end"), "a path that is too long has lost its begin");
	*file_name(names, text, 8 << 20, 7) = 0;
	ok(!strncmp(text, "8:0/7", 5), "one whose path is not known: %s", text);
	names_free(names);
	names_free(NULL);
}

int main(void)
{
	dimensions();
	totals();
	threads();
	differences();
	sorting();
	filtering();
	drilling();
	eviction();
	latencies();
	lines();
	rates();
	many();
	naming();
	return done_testing();
}
