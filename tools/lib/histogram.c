// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"

static const char *const by_names[] = { "op", "type", "reason", "wait", "route", "fallback", "op", "route", "op", "memory", "wait", "step", "dev", "ino",
					  "comm" };

/* The name of a small number, in the histograms that are of one. */
static const char *key_name(const struct keyed_hist *h, enum hist_by by)
{
	static const enum field_kind kinds[] = { KIND_OP, KIND_TYPE, KIND_REASON, KIND_WAIT, KIND_ROUTE, KIND_FALLBACK, KIND_AIO_OP, KIND_AIO_ROUTE, KIND_DM_OP,
						 KIND_DM_MEMORY, KIND_DM_WAIT, KIND_INJECT_STEP };

	return by == BY_OP ? op_name(h->a) : by < BY_DEV ? word_of(kinds[by], h->a) : NULL;
}

struct keyed_hist *hist_set_at(struct hist_set *set, __u64 a, __u64 b)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (set->hist[i].a == a && set->hist[i].b == b)
			return &set->hist[i];
	}
	return hist_set_add(set, a, b);
}

struct keyed_hist *hist_set_add(struct hist_set *set, __u64 a, __u64 b)
{
	if (set->count == set->room) {
		size_t room = set->room ? 2 * set->room : 32;
		struct keyed_hist *more = realloc(set->hist, room * sizeof(*more));

		if (!more)
			return NULL;
		set->hist = more;
		set->room = room;
	}
	memset(&set->hist[set->count], 0, sizeof(*set->hist));
	set->hist[set->count].a = a;
	set->hist[set->count].b = b;
	return &set->hist[set->count++];
}

void hist_set_free(struct hist_set *set)
{
	free(set->hist);
	memset(set, 0, sizeof(*set));
}

void hist_add(struct hist *to, const struct hist *from)
{
	int i;

	to->count += from->count;
	to->errors += from->errors;
	to->timed += from->timed;
	to->total_ns += from->total_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (i = 0; i < HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	for (i = 0; i < HIST_COUNTERS; i++)
		to->counter[i] += from->counter[i];
}

void hist_read(struct hist *to, const struct hist *from)
{
	struct hist whole = *from;
	int i;

	whole.timed = 0;
	for (i = 0; i < HIST_BUCKETS; i++)
		whole.timed += whole.bucket[i];
	whole.count += whole.timed;
	hist_add(to, &whole);
}

bool hist_set_diff(struct hist_set *diff, const struct hist_set *now, const struct hist_set *before)
{
	size_t i, j;
	int k;

	for (i = 0; i < now->count; i++) {
		const struct keyed_hist *new = &now->hist[i], *old = NULL;
		struct keyed_hist *d;

		for (j = 0; j < before->count && !old; j++) {
			if (before->hist[j].a == new->a && before->hist[j].b == new->b)
				old = &before->hist[j];
		}
		if (old && old->hist.count == new->hist.count)
			continue;
		d = hist_set_at(diff, new->a, new->b);
		if (!d)
			return false;
		d->hist = new->hist;
		if (!old)
			continue;
		d->hist.count -= old->hist.count;
		d->hist.errors -= old->hist.errors;
		d->hist.timed -= old->hist.timed;
		d->hist.total_ns -= old->hist.total_ns;
		d->max_unknown = new->hist.max_ns == old->hist.max_ns;
		for (k = 0; k < HIST_BUCKETS; k++)
			d->hist.bucket[k] -= old->hist.bucket[k];
		for (k = 0; k < HIST_COUNTERS; k++)
			d->hist.counter[k] -= old->hist.counter[k];
	}
	return true;
}

__u64 hist_bound(unsigned int bucket)
{
	return bucket < HIST_BUCKETS - 1 ? 1ULL << bucket : ~0ULL;
}

static char *put_key(char *p, const struct keyed_hist *h, enum hist_by by, enum format_kind kind)
{
	const char *name;
	char comm[16];

	switch (by) {
	default:
		break;
	case BY_DEV:
		return put_dev(p, h->a);
	case BY_INO:
		p = put_dev(p, h->a);
		*p++ = '/';
		return put_dec(p, h->b);
	case BY_COMM:
		memcpy(comm, &h->a, 8);
		memcpy(comm + 8, &h->b, 8);
		return kind == FORMAT_CSV ? put_csv(p, comm, sizeof(comm)) : put_text(p, comm, sizeof(comm));
	}
	name = key_name(h, by);
	return put_str(p, name ? name : "-");
}

/* The key under its field's name, as an event has it. */
static char *put_key_json(char *p, const struct keyed_hist *h, enum hist_by by)
{
	const char *name;
	char comm[16];

	p = put_str(p, "\"key\":");
	if (by == BY_COMM) {
		memcpy(comm, &h->a, 8);
		memcpy(comm + 8, &h->b, 8);
		p = put_json(p, comm, sizeof(comm));
		p = put_str(p, ",\"comm\":");
		return put_json(p, comm, sizeof(comm));
	}
	*p++ = '"';
	p = put_key(p, h, by, FORMAT_JSON);
	p = put_str(p, "\",\"");
	if (by == BY_DEV || by == BY_INO) {
		p = put_str(p, "dev\":\"");
		p = put_dev(p, h->a);
		*p++ = '"';
		if (by == BY_INO)
			p = put_dec(put_str(p, ",\"ino\":"), h->b);
		return p;
	}
	name = key_name(h, by);
	p = put_str(p, by_names[by]);
	p = put_str(p, name ? "\":\"" : "\":null");
	if (name) {
		p = put_str(p, name);
		*p++ = '"';
	}
	return p;
}

/* The path of a histogram's file, NULL if it is none's or not known. */
static const char *path_of(const struct format *format, const struct keyed_hist *h, enum hist_by by)
{
	return by == BY_INO && format->paths ? paths_find(format->paths, h->a, h->b, 0).path : NULL;
}

/* A part of a whole as a decimal fraction, cut behind the fourth digit. */
static char *put_ratio(char *p, __u64 part, __u64 whole)
{
	__u64 scaled = (unsigned __int128)part * 10000 / whole;
	char digits[8];

	p = put_dec(p, scaled / 10000);
	*p++ = '.';
	*put_dec(digits, 10000 + scaled % 10000) = 0;
	return put_str(p, digits + 1);
}

static char *put_counters_json(char *p, const struct observer *observer, const struct hist *h)
{
	__u64 whole;
	int i;

	for (i = 0; i < observer->counter_count; i++) {
		p = put_str(p, ",\"");
		p = put_str(p, observer->counter[i].name);
		p = put_dec(put_str(p, "\":"), h->counter[i]);
	}
	if (!i)
		return p;
	whole = h->counter[observer->ratio.whole];
	p = put_str(put_str(p, ",\""), observer->ratio.name);
	p = put_str(p, "\":");
	return whole ? put_ratio(p, h->counter[observer->ratio.part], whole) : put_str(p, "null");
}

static char *put_counters_csv(char *p, const struct observer *observer, const struct hist *h)
{
	__u64 whole;
	int i;

	for (i = 0; i < observer->counter_count; i++) {
		*p++ = ',';
		p = put_dec(p, h->counter[i]);
	}
	if (!i)
		return p;
	*p++ = ',';
	whole = h->counter[observer->ratio.whole];
	return whole ? put_ratio(p, h->counter[observer->ratio.part], whole) : p;
}

/* Those of the ratio are in bytes, and left to it. Nothing if nothing was counted. */
static char *put_counters_table(char *p, const struct observer *observer, const struct hist *h)
{
	__u64 whole, sum = 0;
	int i;

	for (i = 0; i < observer->counter_count; i++)
		sum += h->counter[i];
	if (!sum)
		return p;
	for (i = 0; i < observer->counter_count; i++) {
		if (i == observer->ratio.part || i == observer->ratio.whole)
			continue;
		p = put_str(put_str(p, ", "), observer->counter[i].name);
		*p++ = ' ';
		p = put_dec(p, h->counter[i]);
	}
	p = put_str(put_str(p, ", "), observer->ratio.name);
	*p++ = ' ';
	whole = h->counter[observer->ratio.whole];
	return whole ? put_ratio(p, h->counter[observer->ratio.part], whole) : put_str(p, "-");
}

static void print_json(struct out *out, struct format *format, const struct keyed_hist *h, enum hist_by by, __u64 end_ns,
		       __u64 span_ns)
{
	const char *path = path_of(format, h, by);
	char *p = out_begin(out);
	bool first = true;
	unsigned int k;
	int i;

	p = put_str(p, "{\"event\":\"hist\",\"command\":\"");
	p = put_str(p, format->observer->command);
	p = put_str(p, "\",\"time\":");
	p = format_time(format, p, end_ns);
	p = put_dec(put_str(p, ",\"span_ns\":"), span_ns);
	p = put_str(p, ",\"by\":\"");
	p = put_str(p, by_names[by]);
	p = put_str(p, "\",");
	p = put_key_json(p, h, by);
	if (by == BY_INO) {
		p = put_str(p, ",\"path\":");
		p = path ? put_json(p, path, PATH_SHOWN) : put_str(p, "null");
	}
	p = put_dec(put_str(p, ",\"count\":"), h->hist.count);
	p = put_dec(put_str(p, ",\"errors\":"), h->hist.errors);
	p = put_dec(put_str(p, ",\"timed\":"), h->hist.timed);
	p = put_dec(put_str(p, ",\"total_ns\":"), h->hist.total_ns);
	p = put_str(p, ",\"avg_ns\":");
	p = h->hist.timed ? put_dec(p, h->hist.total_ns / h->hist.timed) : put_str(p, "null");
	p = put_str(p, ",\"max_ns\":");
	p = h->hist.timed && !h->max_unknown ? put_dec(p, h->hist.max_ns) : put_str(p, "null");
	p = put_counters_json(p, format->observer, &h->hist);
	p = put_str(p, ",\"buckets\":[");
	for (i = 0; i < HIST_BUCKETS; i++) {
		if (!h->hist.bucket[i])
			continue;
		if (!first)
			*p++ = ',';
		first = false;
		p = put_str(p, "{\"gt_ns\":");
		p = i ? put_dec(p, hist_bound(i - 1)) : put_sdec(p, -1);
		p = put_str(p, ",\"le_ns\":");
		p = i < HIST_BUCKETS - 1 ? put_dec(p, hist_bound(i)) : put_str(p, "null");
		p = put_dec(put_str(p, ",\"count\":"), h->hist.bucket[i]);
		*p++ = '}';
	}
	p = put_str(p, "],\"percentiles_ns\":{");
	for (k = 0; k < format->percentiles.count; k++) {
		p = put_str(p, k ? ",\"" : "\"");
		p = put_str(p, format->percentiles.at[k].text);
		p = put_str(p, "\":");
		p = h->hist.timed ? put_dec(p, percentile_of(&h->hist, &format->percentiles.at[k])) : put_str(p, "null");
	}
	p = put_str(p, "}}\n");
	out_end(out, p, false);
}

static void print_csv(struct out *out, struct format *format, const struct keyed_hist *h, enum hist_by by, __u64 end_ns,
		      __u64 span_ns)
{
	const char *path = path_of(format, h, by);
	bool some = false;
	unsigned int k;
	int i;

	/* A key with lookups but no latency has one row, with empty buckets. */
	for (i = 0; i <= HIST_BUCKETS; i++) {
		char *p;

		if (i < HIST_BUCKETS ? !h->hist.bucket[i] : some)
			continue;
		some = true;
		p = out_begin(out);
		p = format_time(format, p, end_ns);
		*p++ = ',';
		p = put_dec(p, span_ns);
		*p++ = ',';
		p = put_str(p, by_names[by]);
		*p++ = ',';
		p = put_key(p, h, by, FORMAT_CSV);
		*p++ = ',';
		if (path)
			p = put_csv(p, path, PATH_SHOWN);
		*p++ = ',';
		p = put_dec(p, h->hist.count);
		*p++ = ',';
		p = put_dec(p, h->hist.errors);
		*p++ = ',';
		p = put_dec(p, h->hist.timed);
		*p++ = ',';
		p = put_dec(p, h->hist.total_ns);
		*p++ = ',';
		if (h->hist.timed && !h->max_unknown)
			p = put_dec(p, h->hist.max_ns);
		*p++ = ',';
		if (i < HIST_BUCKETS - 1)
			p = put_dec(p, hist_bound(i));
		else if (i == HIST_BUCKETS - 1)
			p = put_str(p, "inf");
		*p++ = ',';
		if (i < HIST_BUCKETS)
			p = put_dec(p, h->hist.bucket[i]);
		for (k = 0; k < format->percentiles.count; k++) {
			*p++ = ',';
			if (h->hist.timed)
				p = put_dec(p, percentile_of(&h->hist, &format->percentiles.at[k]));
		}
		p = put_counters_csv(p, format->observer, &h->hist);
		*p++ = '\n';
		out_end(out, p, false);
	}
}

#define BAR 40

static void print_percentiles(struct out *out, const struct format *format, const struct keyed_hist *h)
{
	char *p = put_str(out_begin(out), "  ");
	unsigned int i;

	for (i = 0; i < format->percentiles.count; i++) {
		p = put_str(p, "p");
		p = put_str(p, format->percentiles.at[i].text);
		*p++ = ' ';
		p = put_duration(p, percentile_of(&h->hist, &format->percentiles.at[i]));
		p = put_str(p, ", ");
	}
	p = put_str(p, "max ");
	p = h->max_unknown ? put_str(p, "-") : put_duration(p, h->hist.max_ns);
	*p++ = '\n';
	out_end(out, p, false);
}

static void print_table(struct out *out, const struct format *format, const struct keyed_hist *h, enum hist_by by)
{
	int first = HIST_BUCKETS, last = -1, i;
	const char *path = path_of(format, h, by);
	char text[80 + 4 * PATH_SHOWN], counters[256], *end, avg[24] = "-", max[24] = "-", total[24];
	__u64 most = 0;

	end = put_key(text, h, by, FORMAT_TABLE);
	if (path)
		end = put_text(put_str(end, " "), path, PATH_SHOWN);
	*end = 0;
	*put_duration(total, h->hist.total_ns) = 0;
	if (h->hist.timed) {
		*put_duration(avg, h->hist.total_ns / h->hist.timed) = 0;
		if (!h->max_unknown)
			*put_duration(max, h->hist.max_ns) = 0;
	}
	*put_counters_table(counters, format->observer, &h->hist) = 0;
	out_printf(out, "%s %s: count %llu, errors %llu, total %s, avg %s, max %s%s\n", by_names[by], text,
		   (unsigned long long)h->hist.count, (unsigned long long)h->hist.errors, total, avg, max, counters);
	for (i = 0; i < HIST_BUCKETS; i++) {
		if (!h->hist.bucket[i])
			continue;
		if (i < first)
			first = i;
		last = i;
		if (h->hist.bucket[i] > most)
			most = h->hist.bucket[i];
	}
	for (i = first; i <= last; i++) {
		static const char stars[] = "****************************************";
		char low[24] = "0ns", high[24] = "inf";
		int bar = (h->hist.bucket[i] * BAR + most - 1) / most;

		if (i)
			*put_duration(low, hist_bound(i - 1)) = 0;
		if (i < HIST_BUCKETS - 1)
			*put_duration(high, hist_bound(i)) = 0;
		out_printf(out, "  %8s .. %-8s %10llu |%-*.*s|\n", low, high, (unsigned long long)h->hist.bucket[i], BAR, bar,
			   stars);
	}
	if (h->hist.timed)
		print_percentiles(out, format, h);
}

static int by_count(const void *a, const void *b)
{
	const struct keyed_hist *x = a, *y = b;

	if (x->hist.count != y->hist.count)
		return x->hist.count < y->hist.count ? 1 : -1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

void hist_header(struct out *out, const struct format *format)
{
	const struct observer *observer = format->observer;
	unsigned int i;
	int k;
	char *p;

	if (format->kind != FORMAT_CSV)
		return;
	p = put_str(out_begin(out), "time,span_ns,by,key,path,count,errors,timed,total_ns,max_ns,le_ns,bucket");
	for (i = 0; i < format->percentiles.count; i++) {
		p = put_str(p, ",p");
		p = put_str(p, format->percentiles.at[i].text);
		p = put_str(p, "_ns");
	}
	for (k = 0; k < observer->counter_count; k++) {
		*p++ = ',';
		p = put_str(p, observer->counter[k].name);
	}
	if (k) {
		*p++ = ',';
		p = put_str(p, observer->ratio.name);
	}
	*p++ = '\n';
	out_end(out, p, false);
}

void hist_print(struct out *out, struct format *format, struct hist_set *set, enum hist_by by, __u64 end_ns, __u64 span_ns)
{
	size_t i;

	if (set->count)
		qsort(set->hist, set->count, sizeof(*set->hist), by_count);
	for (i = 0; i < set->count; i++) {
		switch (format->kind) {
		case FORMAT_TABLE:
			print_table(out, format, &set->hist[i], by);
			break;
		case FORMAT_JSON:
			print_json(out, format, &set->hist[i], by, end_ns, span_ns);
			break;
		case FORMAT_CSV:
			print_csv(out, format, &set->hist[i], by, end_ns, span_ns);
			break;
		}
	}
}
