// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "output.h"
#include "violation.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *holds, *rests;
} rules[RULE_COUNT] = {
#define RULE_TEXT(id, name, holds_, rests_) { holds_, rests_ },
	RULES(RULE_TEXT)
};

static const struct {
	const char *doc, *numbers;
} faults[FAULT_COUNT] = {
#define FAULT_TEXT(id, rule, name, doc_, numbers_) { doc_, numbers_ },
	FAULTS(FAULT_TEXT)
};

static const struct {
	const char *name, *a, *b;
} steps[CHECK_EVENT_COUNT] = {
#define STEP_TEXT(id, name_, a_, b_, doc) { name_, a_, b_ },
	CHECK_TIMELINE(STEP_TEXT)
};

const char *rule_holds(unsigned int rule)
{
	return rule < RULE_COUNT ? rules[rule].holds : "";
}

const char *rule_rests(unsigned int rule)
{
	return rule < RULE_COUNT ? rules[rule].rests : "";
}

/* The first and the one behind the last of the steps that the record still has. */
static __u32 first_step(const struct check_event *event)
{
	return event->steps > CHECK_STEPS ? event->steps - CHECK_STEPS : 0;
}

static const struct check_step *step_at(const struct check_event *event, __u32 n)
{
	return &event->step[n % CHECK_STEPS];
}

/* One without a name means nothing. */
static char *put_number(char *p, const char *name, __s64 value)
{
	if (!*name)
		return p;
	return put_sdec(put_str(put_str(put_str(p, " "), name), " "), value);
}

/* Each number of the violation that means something. */
static char *put_numbers(char *p, const struct check_event *event)
{
	static const enum check_field fields[] = { CF_got, CF_expected, CF_detail };
	const __s64 values[] = { event->got, event->expected, event->detail };
	static const char *const names[] = { "got", "expected", "detail" };
	bool first = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (event->nulls >> fields[i] & 1)
			continue;
		if (!first)
			*p++ = ',';
		first = false;
		p = put_number(p, names[i], values[i]);
	}
	return p;
}

static char *put_step_line(char *p, const struct check_step *step)
{
	bool known = step->event < CHECK_EVENT_COUNT;
	char *start = p;

	p = put_pad(put_duration(put_str(p, "    +"), step->ns), start, -15);
	*p++ = ' ';
	start = p;
	p = known ? put_str(p, steps[step->event].name) : put_dec(p, step->event);
	p = put_pad(p, start, -12);
	p = put_dec(put_str(p, " "), step->pos);
	p = put_dec(put_str(p, "+"), step->len);
	if (known) {
		p = put_number(p, steps[step->event].a, step->a);
		p = put_number(p, steps[step->event].b, step->b);
	}
	*p++ = '\n';
	return p;
}

static char *put_text_below(char *p, const struct check_event *event)
{
	__u32 n;

	if (event->fault < FAULT_COUNT) {
		p = put_str(put_str(p, "    "), faults[event->fault].doc);
		p = put_numbers(put_str(p, ":"), event);
		p = put_str(put_str(put_str(p, " ("), faults[event->fault].numbers), ")\n");
	}
	p = put_str(put_str(put_str(p, "    must hold: "), rule_holds(event->rule)), "\n");
	p = put_str(put_str(put_str(p, "    rests on: "), rule_rests(event->rule)), "\n");
	if (first_step(event))
		p = put_str(put_dec(put_str(p, "    "), first_step(event)), " steps before these\n");
	for (n = first_step(event); n < event->steps; n++)
		p = put_step_line(p, step_at(event, n));
	*p++ = '\n';
	return p;
}

static char *put_number_json(char *p, const char *name, __s64 value)
{
	if (!*name)
		return p;
	return put_sdec(put_str(put_str(put_str(p, ",\""), name), "\":"), value);
}

static char *put_step_json(char *p, const struct check_step *step)
{
	bool known = step->event < CHECK_EVENT_COUNT;

	p = put_dec(put_str(p, "{\"offset_ns\":"), step->ns);
	p = put_str(p, ",\"step\":\"");
	p = known ? put_str(p, steps[step->event].name) : put_dec(p, step->event);
	p = put_sdec(put_str(p, "\",\"pos\":"), step->pos);
	p = put_sdec(put_str(p, ",\"len\":"), step->len);
	if (known) {
		p = put_number_json(p, steps[step->event].a, step->a);
		p = put_number_json(p, steps[step->event].b, step->b);
	}
	*p++ = '}';
	return p;
}

static char *put_text_json(char *p, const char *name, const char *text)
{
	p = put_str(put_str(put_str(p, ",\""), name), "\":");
	return put_json(p, text, strlen(text));
}

/* The object goes on: its brace and newline are taken back. */
static char *put_json_rest(char *p, const struct check_event *event)
{
	__u32 n, first = first_step(event);

	p -= 2;
	p = put_text_json(p, "wrong", event->fault < FAULT_COUNT ? faults[event->fault].doc : "");
	p = put_text_json(p, "must_hold", rule_holds(event->rule));
	p = put_text_json(p, "rests_on", rule_rests(event->rule));
	p = put_dec(put_str(p, ",\"steps_before\":"), first);
	p = put_str(p, ",\"timeline\":[");
	for (n = first; n < event->steps; n++) {
		if (n != first)
			*p++ = ',';
		p = put_step_json(p, step_at(event, n));
	}
	return put_str(p, "]}\n");
}

void violation_print(struct out *out, struct format *format, const struct check_event *event)
{
	char *p = format_event(format, out_begin(out), event);

	if (format->kind == FORMAT_TABLE)
		p = put_text_below(p, event);
	else if (format->kind == FORMAT_JSON)
		p = put_json_rest(p, event);
	out_end(out, p, true);
	out_flush(out);
}

static char *put_member(char *p, const char *name, __u64 value)
{
	return put_dec(put_str(put_str(put_str(p, ",\""), name), "\":"), value);
}

static char *put_rule_json(char *p, const struct rule_sum *sum)
{
	p = put_str(put_str(put_str(p, "{\"event\":\"rule\",\"command\":\"check\",\"rule\":\""), word_of(KIND_RULE, sum->rule)), "\"");
	if (sum->why_not) {
		p = put_str(p, ",\"checked\":null,\"violations\":null,\"unchecked\":null,\"no_room\":null,\"skipped\":null");
		return put_str(put_text_json(p, "why_not", sum->why_not), "}\n");
	}
	p = put_member(p, "checked", sum->checked);
	p = put_member(p, "violations", sum->violations);
	p = put_member(p, "unchecked", sum->no_room + sum->skipped);
	p = put_member(p, "no_room", sum->no_room);
	p = put_member(p, "skipped", sum->skipped);
	return put_str(p, ",\"why_not\":null}\n");
}

static char *put_rule_line(char *p, const struct rule_sum *sum)
{
	char *start = p;

	p = put_pad(put_str(p, word_of(KIND_RULE, sum->rule)), start, -21);
	if (sum->why_not)
		return put_str(put_str(put_str(p, "cannot be checked: "), sum->why_not), "\n");
	p = put_dec(put_str(p, "checked "), sum->checked);
	p = put_dec(put_str(p, ", violations "), sum->violations);
	p = put_dec(put_str(p, ", unchecked "), sum->no_room + sum->skipped);
	if (sum->no_room)
		p = put_dec(put_str(p, " (no room "), sum->no_room);
	if (sum->skipped)
		p = put_dec(put_str(p, sum->no_room ? ", skipped programs " : " (skipped programs "), sum->skipped);
	return put_str(p, sum->no_room || sum->skipped ? ")\n" : "\n");
}

void rule_print(struct out *out, const struct format *format, const struct rule_sum *sum)
{
	char line[512];

	switch (format->kind) {
	case FORMAT_TABLE:
		out_end(out, put_rule_line(out_begin(out), sum), false);
		break;
	case FORMAT_JSON:
		out_end(out, put_rule_json(out_begin(out), sum), false);
		break;
	case FORMAT_CSV:
		*put_rule_line(line, sum) = 0;
		fputs(line, stderr);
		break;
	}
}
