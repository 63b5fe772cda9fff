// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "blocks.h"

#define INDENT 2
#define DEPTH_MAX 32	/* beyond it lines are not indented any further */

/* "took_ns" is "took" where durations have their unit with them. */
static char *put_value_name(char *p, const struct field *field, bool whole)
{
	size_t len = strlen(field->name);

	if (!whole && field->kind == KIND_DURATION && len > 3)
		len -= 3;
	return mempcpy(p, field->name, len);
}

static bool is_null(const struct step_event *event, int field)
{
	return event->nulls >> field & 1;
}

static char *put_step_field(struct format *format, char *p, const struct step_event *event, int field)
{
	return format_field(format, p, &follow_step_fields[field], event);
}

/* A line of the table: what is null is left out, the times and the layer are columns. */
static char *put_line(struct format *format, char *p, const struct follow_event *request, const struct step_event *event)
{
	const struct step_desc *desc = &follow_steps[event->step];
	int depth = event->depth < DEPTH_MAX ? event->depth : DEPTH_MAX, n;
	char *start;

	for (n = 0; n < 2; n++) {
		start = p;
		*p++ = n ? '+' : ' ';
		p = put_pad(put_step_field(format, p, event, n ? SF_delta_ns : SF_offset_ns), start, n ? 9 : 11);
		*p++ = ' ';
	}
	*p++ = ' ';
	start = p;
	p = put_pad(put_step_field(format, p, event, SF_layer), start, follow_step_fields[SF_layer].width);
	memset(p, ' ', 1 + INDENT * depth);
	p += 1 + INDENT * depth;
	p = put_step_field(format, p, event, SF_step);
	p = put_dec(put_str(p, " #"), event->id);
	if (!is_null(event, SF_op))
		p = put_step_field(format, put_str(p, " "), event, SF_op);
	if (!is_null(event, SF_dev)) {
		p = put_step_field(format, put_str(p, " "), event, SF_dev);
		if (!is_null(event, SF_ino))
			p = put_step_field(format, put_str(p, " ino "), event, SF_ino);
	}
	if (!is_null(event, SF_pos)) {
		p = put_step_field(format, put_str(p, " "), event, SF_pos);
		p = put_step_field(format, put_str(p, "+"), event, SF_len);
	}
	if (!is_null(event, SF_ret))
		p = put_step_field(format, put_str(p, " = "), event, SF_ret);
	for (n = 0; n < STEP_VALUES && desc->value[n].name; n++) {
		if (event->nulls & VALUE_BIT(n))
			continue;
		*p++ = ' ';
		p = put_value_name(p, &desc->value[n], false);
		*p++ = ' ';
		p = format_field(format, p, &desc->value[n], &event->value[n]);
	}
	/* Somebody else's work: a worker's, as a rule. */
	if (!is_null(event, SF_comm) && event->tid != request->tid) {
		p = put_str(p, " (");
		p = put_step_field(format, p, event, SF_comm);
		*p++ = ')';
	}
	*p++ = '\n';
	return p;
}

static void print_table(struct out *out, struct format *format, const struct timeline_request *q, const struct follow_event *request)
{
	struct step_event event;
	char *p;
	size_t i;

	out_end(out, format_event(format, out_begin(out), request), false);
	for (i = 0; i < q->count; i++) {
		timeline_step(q, i, &event);
		out_end(out, put_line(format, out_begin(out), request, &event), false);
	}
	p = out_begin(out);
	if (q->lost)
		p = put_str(put_dec(put_str(p, "            "), q->lost), " more steps were lost\n");
	if (!q->over)
		p = put_str(p, "            unfinished: the end was not seen\n");
	*p++ = '\n';
	out_end(out, p, q->over);
}

static char *put_step_json(struct format *format, char *p, const struct step_event *event)
{
	const struct step_desc *desc = &follow_steps[event->step];
	int n;

	*p++ = '{';
	for (n = 0; n < SF_COUNT; n++) {
		if (n)
			*p++ = ',';
		*p++ = '"';
		p = put_str(put_str(p, follow_step_fields[n].name), "\":");
		p = is_null(event, n) ? put_str(p, "null") : put_step_field(format, p, event, n);
	}
	for (n = 0; n < STEP_VALUES && desc->value[n].name; n++) {
		p = put_str(p, ",\"");
		p = put_value_name(p, &desc->value[n], true);
		p = put_str(p, "\":");
		p = event->nulls & VALUE_BIT(n) ? put_str(p, "null") : format_field(format, p, &desc->value[n], &event->value[n]);
	}
	*p++ = '}';
	return p;
}

static void print_json(struct out *out, struct format *format, const struct timeline_request *q, const struct follow_event *request)
{
	struct step_event event;
	char *p = format_event(format, out_begin(out), request);
	size_t i;

	/* The object goes on: its brace and newline are taken back. */
	out_part(out, put_str(p - 2, ",\"timeline\":["));
	for (i = 0; i < q->count; i++) {
		timeline_step(q, i, &event);
		p = out_begin(out);
		if (i)
			*p++ = ',';
		out_part(out, put_step_json(format, p, &event));
	}
	out_end(out, put_str(out_begin(out), "]}\n"), q->over);
}

static void print_csv(struct out *out, struct format *format, const struct timeline_request *q, const struct follow_event *request)
{
	const struct step_desc *desc;
	struct step_event event;
	size_t i;
	char *p;
	int n;

	for (i = 0; i < q->count; i++) {
		timeline_step(q, i, &event);
		desc = &follow_steps[event.step];
		p = format_event(format, out_begin(out), request) - 1;
		for (n = 0; n < SF_COUNT; n++) {
			*p++ = ',';
			if (!is_null(&event, n))
				p = put_step_field(format, p, &event, n);
		}
		*p++ = ',';
		for (n = 0; n < STEP_VALUES && desc->value[n].name; n++) {
			if (event.nulls & VALUE_BIT(n))
				continue;
			if (p[-1] != ',')
				*p++ = ' ';
			p = put_value_name(p, &desc->value[n], true);
			*p++ = '=';
			p = format_field(format, p, &desc->value[n], &event.value[n]);
		}
		*p++ = '\n';
		out_end(out, p, q->over && i == q->count - 1);
	}
}

void block_print(struct out *out, struct format *format, const struct timeline_request *q, __u8 source)
{
	struct follow_event request;

	timeline_event(q, source, &request);
	if (!q->over)
		format->event = "unfinished";
	switch (format->kind) {
	case FORMAT_TABLE:
		print_table(out, format, q, &request);
		break;
	case FORMAT_JSON:
		print_json(out, format, q, &request);
		break;
	case FORMAT_CSV:
		print_csv(out, format, q, &request);
		break;
	}
	format->event = NULL;
	/* So that what was written is known by whole requests. */
	out_flush(out);
}
