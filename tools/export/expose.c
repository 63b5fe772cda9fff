// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <strings.h>

#include "export/expose.h"

#define BOUND_ROOM	32	/* of a bound with what follows it */
#define NUMBER_ROOM	64	/* of a number with its newline */

/* What stands behind le=": the bound, the quote, the brace and a blank. Copied as a whole, as that takes one instruction or two. */
struct bound {
	char text[BOUND_ROOM];
	unsigned int len;
};

static struct bound latency_bound[METRIC_LATENCIES], size_bound[METRIC_SIZES];

static void set_bound(struct bound *bound, char *end)
{
	end = stpcpy(end, "\"} ");
	bound->len = end - bound->text;
}

static void make_bounds(void)
{
	int i;

	if (latency_bound[0].len)
		return;
	for (i = 0; i < METRIC_SIZES - 1; i++)
		set_bound(&size_bound[i], number_put(size_bound[i].text, 1ULL << (METRIC_SIZE_FIRST + 2 * i)));
	set_bound(&size_bound[i], stpcpy(size_bound[i].text, "+Inf"));
	for (i = METRIC_LATENCIES - 1; i >= 0; i--)
		set_bound(&latency_bound[i], i == METRIC_LATENCIES - 1 ? stpcpy(latency_bound[i].text, "+Inf") :
			  seconds_put(latency_bound[i].text, 1ULL << (METRIC_LATENCY_FIRST + i)));
}

/* "a/b;q=0.5;version=1.0.0, c/d": the weight of the first range that is this type, in thousandths; 0 if there is none. */
static int weight_of(const char *accept, const char *type, const char *version)
{
	const char *range, *end, *p, *q;
	size_t len = strlen(type);
	int best = 0;

	for (range = accept; *range; range = *end ? end + 1 : end) {
		int weight = 1000;

		end = strchrnul(range, ',');
		range += strspn(range, " \t");
		if (strncasecmp(range, type, len) || !strchr(" \t;,", range[len]))
			continue;
		p = range + len;
		if (version) {
			q = memmem(p, end - p, "version=", 8);
			if (q && strncmp(q + 8, version, strlen(version)))
				continue;
		}
		q = memmem(p, end - p, "q=", 2);
		if (q)
			weight = strtod(q + 2, NULL) * 1000;
		if (weight > best)
			best = weight;
	}
	return best;
}

enum exposition expose_choose(const char *accept)
{
	int open = accept ? weight_of(accept, "application/openmetrics-text", "1.") : 0;

	return open && open >= weight_of(accept, "text/plain", NULL) ? EXPOSE_OPENMETRICS : EXPOSE_TEXT;
}

static const char *suffix_of(const struct metric_desc *metric)
{
	return metric->type == METRIC_COUNTER ? "_total" : "";
}

/* A family's name is that of its samples, but in OpenMetrics. */
static void put_family(struct text *text, enum exposition exposition, const struct metric_desc *metric)
{
	size_t len = strlen(metric->name);

	if (exposition == EXPOSE_OPENMETRICS && metric->type == METRIC_INFO)
		len -= strlen("_info");
	text_add(text, metric->name, len);
	if (exposition != EXPOSE_OPENMETRICS)
		text_put(text, suffix_of(metric));
}

void expose_family(struct text *text, enum exposition exposition, const struct metric_desc *metric)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = " counter\n", [METRIC_GAUGE] = " gauge\n", [METRIC_HISTOGRAM] = " histogram\n", [METRIC_INFO] = " info\n",
	};
	const char *doc;

	text_put(text, "# HELP ");
	put_family(text, exposition, metric);
	text_put(text, " ");
	for (doc = metric->doc; *doc; doc++) {
		if (*doc == '\\' || (*doc == '"' && exposition == EXPOSE_OPENMETRICS))
			text_put(text, "\\");
		text_add(text, doc, 1);
	}
	text_put(text, "\n# TYPE ");
	put_family(text, exposition, metric);
	text_put(text, metric->type == METRIC_INFO && exposition != EXPOSE_OPENMETRICS ? " gauge\n" : types[metric->type]);
	if (exposition != EXPOSE_OPENMETRICS || !*metric->unit)
		return;
	text_put(text, "# UNIT ");
	put_family(text, exposition, metric);
	text_put(text, " ");
	text_put(text, metric->unit);
	text_put(text, "\n");
}

/* NAME{LABELS} and a blank, NAME with its suffix. */
static void put_name(struct text *text, const struct metric_desc *metric, const char *labels)
{
	text_put(text, metric->name);
	text_put(text, suffix_of(metric));
	if (*labels) {
		text_put(text, "{");
		text_put(text, labels);
		text_put(text, "}");
	}
	text_put(text, " ");
}

void expose_sample(struct text *text, const struct metric_desc *metric, const char *labels, __u64 value)
{
	put_name(text, metric, labels);
	text_dec(text, value);
	text_put(text, "\n");
}

void expose_sample_ns(struct text *text, const struct metric_desc *metric, const char *labels, __u64 ns)
{
	put_name(text, metric, labels);
	text_seconds(text, ns);
	text_put(text, "\n");
}

/* The lines of one histogram. Most of what a scrape writes: no function is called for a part of a line. */
static void put_histogram(struct text *text, struct text *prefix, const struct metric_desc *metric, const struct series *series, bool size)
{
	const struct bound *bound = size ? size_bound : latency_bound;
	const __u64 *count = size ? series->sum.size : series->sum.latency;
	int buckets = size ? METRIC_SIZES : METRIC_LATENCIES, i;
	size_t len, name = strlen(metric->name);
	__u64 total = 0;
	char *p;

	prefix->used = 0;
	text_add(prefix, metric->name, name);
	text_put(prefix, "_bucket{");
	text_add(prefix, series->labels, series->len);
	text_put(prefix, ",le=\"");
	len = prefix->used;
	p = prefix->failed ? NULL : text_room(text, (buckets + 2) * (len + BOUND_ROOM + NUMBER_ROOM));
	if (!p) {
		text->failed = true;
		return;
	}
	for (i = 0; i < buckets; i++) {
		total += count[i];
		p = mempcpy(p, prefix->data, len);
		memcpy(p, bound[i].text, BOUND_ROOM);
		p = number_put(p + bound[i].len, total);
		*p++ = '\n';
	}
	p = mempcpy(p, metric->name, name);
	p = stpcpy(p, "_sum{");
	p = mempcpy(p, series->labels, series->len);
	p = stpcpy(p, "} ");
	p = size ? wide_put(p, series->sum.bytes_high, series->sum.bytes) : seconds_put(p, series->sum.ns);
	*p++ = '\n';
	p = mempcpy(p, metric->name, name);
	p = stpcpy(p, "_count{");
	p = mempcpy(p, series->labels, series->len);
	p = stpcpy(p, "} ");
	p = number_put(p, total);
	*p++ = '\n';
	text_used(text, p);
}

/* One line. @word: of one more label, NULL: there is none. */
static void put_line(struct text *text, const struct metric_desc *metric, const struct series *series, const char *word, __u64 value,
		     bool seconds)
{
	text_put(text, metric->name);
	text_put(text, suffix_of(metric));
	text_put(text, "{");
	text_add(text, series->labels, series->len);
	if (word) {
		text_put(text, ",");
		text_label(text, metric->labels, word);
	}
	text_put(text, "} ");
	if (seconds)
		text_seconds(text, value);
	else
		text_dec(text, value);
	text_put(text, "\n");
}

static void put_series(struct text *text, struct text *prefix, const struct metric_desc *metric, const struct metric_shown *shown,
		       const struct series *series)
{
	const struct metric_value *sum = &series->sum;
	unsigned int i;

	switch (shown->part) {
	case PART_LATENCY:
	case PART_SIZE:
		put_histogram(text, prefix, metric, series, shown->part == PART_SIZE);
		break;
	case PART_COUNT:
		put_line(text, metric, series, NULL, metric_ended(sum), false);
		break;
	case PART_ERRORS:
		put_line(text, metric, series, NULL, sum->errors, false);
		break;
	case PART_IN_FLIGHT:
		put_line(text, metric, series, NULL, metric_in_flight(sum), false);
		break;
	case PART_SUM:
	case PART_SUM_NS:
		put_line(text, metric, series, NULL, sum->sum[shown->first], shown->part == PART_SUM_NS);
		break;
	case PART_SUMS:
	case PART_SUMS_NS:
		for (i = 0; i < shown->words; i++)
			put_line(text, metric, series, metric_word(shown, i), sum->sum[shown->first + i], shown->part == PART_SUMS_NS);
		break;
	case PART_WORDS:
		/* A word that was never met has no line: there are many. */
		for (i = 0; i < shown->words; i++) {
			if (sum->word[shown->first + i])
				put_line(text, metric, series, metric_word(shown, i), sum->word[shown->first + i], false);
		}
		break;
	}
}

void expose_model(struct text *text, enum exposition exposition, const struct model *model, enum metric_group group, int source)
{
	struct text prefix = {};
	size_t i, s;

	make_bounds();
	for (i = 0; i < metric_count; i++) {
		const struct metric_shown *shown = metric_shown(&metrics[i]);

		if (metrics[i].group != group || !shown || !(shown->sources >> source & 1))
			continue;
		expose_family(text, exposition, &metrics[i]);
		for (s = 0; s < model_series(model); s++)
			put_series(text, &prefix, &metrics[i], shown, model_at(model, s));
	}
	text_free(&prefix);
}

void expose_end(struct text *text, enum exposition exposition)
{
	if (exposition == EXPOSE_OPENMETRICS)
		text_put(text, "# EOF\n");
}
