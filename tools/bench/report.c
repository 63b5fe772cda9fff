// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdio.h>

#include "bench/report.h"
#include "bench/stats.h"

#define TEXT_MAX	4096	/* of what others have given: JSON may take six times as much */
#define NAME_WIDTH	18
#define NUMBER_WIDTH	12

static char *put_key(char *p, const char *key)
{
	*p++ = ',';
	*p++ = '"';
	p = put_str(p, key);
	return put_str(p, "\":");
}

char *report_text(char *p, const char *key, const char *text)
{
	p = put_key(p, key);
	return text ? put_json(p, text, TEXT_MAX) : put_str(p, "null");
}

/* Whole numbers as such, others to a thousandth. */
static char *put_number(char *p, double value)
{
	if (isnan(value) || value < 0)
		return put_str(p, "null");
	return p + sprintf(p, value == floor(value) ? "%.0f" : "%.3f", value);
}

char *report_number(char *p, const char *key, double value)
{
	return put_number(put_key(p, key), value);
}

/* Close to 1, where a thousandth says little. */
static char *put_ratio(char *p, const char *key, double value)
{
	p = put_key(p, key);
	return isnan(value) ? put_str(p, "null") : p + sprintf(p, "%.6f", value);
}

char *report_flag(char *p, const char *key, int value)
{
	return put_str(put_key(p, key), value < 0 ? "null" : value ? "true" : "false");
}

static char *put_rounds(char *p, const char *key, const double *value, unsigned int count)
{
	unsigned int i;

	p = put_key(p, key);
	if (!value)
		return put_str(p, "null");
	*p++ = '[';
	for (i = 0; i < count; i++) {
		if (i)
			*p++ = ',';
		p = put_number(p, value[i]);
	}
	*p++ = ']';
	return p;
}

static const struct estimate nothing = { NAN, NAN, NAN, NAN, NAN };

char *report_figure(char *p, const struct figure *figure)
{
	bool good = !figure->error, paired = good && figure->b, sized = good && figure->size.n;
	struct estimate a = nothing, b = nothing, ratio = nothing;

	if (good)
		a = stats_estimate(figure->a, figure->rounds);
	if (paired) {
		b = stats_estimate(figure->b, figure->rounds);
		ratio = stats_ratio(figure->a, figure->b, figure->rounds);
	}
	p = put_str(p, "{\"event\":\"workload\",\"command\":\"bench\"");
	p = report_text(p, "workload", figure->workload);
	p = report_number(p, "n", sized ? figure->size.n : NAN);
	p = report_number(p, "repeats", sized ? figure->size.repeats : NAN);
	p = report_number(p, "rounds", good ? figure->rounds : NAN);
	p = report_number(p, "a_ns", a.median);
	p = report_number(p, "a_low_ns", a.low);
	p = report_number(p, "a_high_ns", a.high);
	p = report_number(p, "a_min_ns", a.least);
	p = report_number(p, "b_ns", b.median);
	p = report_number(p, "b_low_ns", b.low);
	p = report_number(p, "b_high_ns", b.high);
	p = report_number(p, "b_min_ns", b.least);
	p = put_ratio(p, "ratio", ratio.median);
	p = put_ratio(p, "ratio_low", ratio.low);
	p = put_ratio(p, "ratio_high", ratio.high);
	p = put_ratio(p, "confidence", a.confidence);
	p = put_rounds(p, "a", good ? figure->a : NULL, figure->rounds);
	p = put_rounds(p, "b", paired ? figure->b : NULL, figure->rounds);
	p = report_text(p, "error", figure->error);
	return put_str(p, "}\n");
}

char *report_summary(char *p, const struct bench_summary *summary)
{
	p = put_str(p, "{\"event\":\"summary\",\"command\":\"bench\"");
	p = report_number(p, "workloads", summary->workloads);
	p = report_number(p, "failed", summary->failed);
	p = report_number(p, "left_out", summary->left_out);
	p = report_number(p, "rounds", summary->rounds);
	p = report_text(p, "against", summary->against);
	p = report_number(p, "settle_ns", summary->settle_ns);
	p = report_flag(p, "interrupted", summary->interrupted);
	p = report_number(p, "seconds", summary->seconds);
	return put_str(p, "}\n");
}

static char *put_cell(char *p, const char *text, int width)
{
	char *start = p;

	return put_pad(put_str(p, text), start, width);
}

static char *put_decimal(char *p, double value, int decimals, int width)
{
	char text[400];

	snprintf(text, sizeof(text), "%.*f", decimals, value);
	return put_cell(p, isnan(value) ? "-" : text, width);
}

static char *put_interval(char *p, const struct estimate *e, int decimals)
{
	char text[800];

	snprintf(text, sizeof(text), "%.*f .. %.*f", decimals, e->low, decimals, e->high);
	return put_cell(p, isnan(e->low) ? "-" : text, 2 * NUMBER_WIDTH);
}

char *report_table_head(char *p, bool against)
{
	p = put_cell(p, "workload", -NAME_WIDTH);
	p = put_cell(p, against ? "A ns/op" : "ns/op", NUMBER_WIDTH);
	if (against) {
		p = put_cell(p, "B ns/op", NUMBER_WIDTH);
		p = put_cell(p, "B/A", NUMBER_WIDTH);
	}
	p = put_cell(p, "95 % interval", 2 * NUMBER_WIDTH);
	if (!against)
		p = put_cell(p, "cheapest", NUMBER_WIDTH);
	p = put_cell(p, against ? "pairs" : "rounds", NUMBER_WIDTH);
	*p++ = '\n';
	return p;
}

char *report_table_row(char *p, const struct figure *figure, bool against)
{
	struct estimate a, ratio;
	char *start = p;

	p = put_pad(put_text(p, figure->workload, TEXT_MAX), start, -NAME_WIDTH);
	if (figure->error) {
		p = put_str(p, "  failed: ");
		p = put_text(p, figure->error, TEXT_MAX);
		*p++ = '\n';
		return p;
	}
	a = stats_estimate(figure->a, figure->rounds);
	p = put_decimal(p, a.median, 1, NUMBER_WIDTH);
	if (against) {
		ratio = stats_ratio(figure->a, figure->b, figure->rounds);
		p = put_decimal(p, stats_estimate(figure->b, figure->rounds).median, 1, NUMBER_WIDTH);
		p = put_decimal(p, ratio.median, 4, NUMBER_WIDTH);
		p = put_interval(p, &ratio, 4);
	} else {
		p = put_interval(p, &a, 1);
		p = put_decimal(p, a.least, 1, NUMBER_WIDTH);
	}
	p = put_decimal(p, figure->rounds, 0, NUMBER_WIDTH);
	*p++ = '\n';
	return p;
}

char *report_instructions(char *p, const char *workload, unsigned int n, const struct instructions *result, const char *error)
{
	unsigned int i;

	p = put_str(p, "{\"workload\": ");
	p = put_json(p, workload, TEXT_MAX);
	if (error) {
		p = put_str(p, ", \"error\": ");
		p = put_json(p, error, TEXT_MAX);
		return put_str(p, "}\n");
	}
	p += sprintf(p, ", \"n\": %u, \"instructions\": %.3f, \"settled\": %s, \"ticks\": %u, \"rounds\": [", n,
		     (double)result->best / n, instructions_settled(result) ? "true" : "false", result->ticks);
	for (i = 0; i < result->rounds; i++) {
		if (i)
			p = put_str(p, ", ");
		p = put_dec(p, result->taken[i]);
	}
	return put_str(p, "]}\n");
}
