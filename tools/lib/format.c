// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmio.h"
#include "format.h"
#include "ops.h"

#define SLOW_NS 10000000	/* what is shown in yellow, see --color */
#define NS_PER_S 1000000000LL

const char *op_name(unsigned int op)
{
	return op < OP_COUNT ? ops[op].name : NULL;
}

const char *type_name(unsigned int type)
{
	return word_of(KIND_TYPE, type);
}

static const struct field *field_named(const struct observer *observer, const char *name)
{
	int i;

	for (i = 0; i < observer->field_count; i++) {
		if (!strcmp(observer->field[i].name, name))
			return &observer->field[i];
	}
	return NULL;
}

void format_init(struct format *format, const struct observer *observer, enum format_kind kind, enum flag_era era)
{
	memset(format, 0, sizeof(*format));
	format->observer = observer;
	format->kind = kind;
	format->era = era;
	format->second = LLONG_MIN;
	format->path = field_named(observer, "path");
	format->dev = field_named(observer, "dev");
	format->ino = field_named(observer, "ino");
	format->pid = field_named(observer, "pid");
	percentiles_parse(PERCENTILES_DEFAULT, &format->percentiles, NULL);
	format_sync_clock(format);
}

bool format_wants_color(enum format_color color, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != COLOR_AUTO)
		return color == COLOR_ALWAYS;
	return !(no_color && *no_color) && term && strcmp(term, "dumb") && isatty(fd);
}

void format_sync_clock(struct format *format)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	if (format->paths)
		paths_refresh(format->paths);
	format->wall_offset_ns = (wall.tv_sec - mono.tv_sec) * NS_PER_S + wall.tv_nsec - mono.tv_nsec;
}

static char *put_padded(char *p, __u32 value, int digits)
{
	int i;

	for (i = digits - 1; i >= 0; i--) {
		p[i] = '0' + value % 10;
		value /= 10;
	}
	return p + digits;
}

/* Seconds of CLOCK_MONOTONIC. Table: with microseconds. JSON and CSV: with nanoseconds. */
static char *put_mono(const struct format *format, char *p, __u64 ns)
{
	p = put_dec(p, ns / NS_PER_S);
	*p++ = '.';
	return format->kind == FORMAT_TABLE ? put_padded(p, ns % NS_PER_S / 1000, 6) : put_padded(p, ns % NS_PER_S, 9);
}

/* Table: local time with microseconds. JSON and CSV: RFC 3339, UTC, nanoseconds. */
static char *put_time(struct format *format, char *p, __u64 mono_ns)
{
	__s64 ns = (__s64)(mono_ns + (__u64)format->wall_offset_ns);
	time_t second = ns / NS_PER_S;
	bool table = format->kind == FORMAT_TABLE;

	if (format->clock == CLOCK_MONO)
		return put_mono(format, p, mono_ns);
	ns %= NS_PER_S;
	if (ns < 0) {		/* a wall clock set to before 1970 */
		ns += NS_PER_S;
		second--;
	}
	if (second != format->second) {
		struct tm tm;

		if (table)
			localtime_r(&second, &tm);
		else
			gmtime_r(&second, &tm);
		strftime(format->second_text, sizeof(format->second_text), table ? "%H:%M:%S." : "%Y-%m-%dT%H:%M:%S.", &tm);
		format->second = second;
	}
	p = put_str(p, format->second_text);
	if (table)
		return put_padded(p, ns / 1000, 6);
	p = put_padded(p, ns, 9);
	*p++ = 'Z';
	return p;
}

char *format_time(struct format *format, char *p, __u64 mono_ns)
{
	if (format->kind != FORMAT_JSON)
		return put_time(format, p, mono_ns);
	*p++ = '"';
	p = put_time(format, p, mono_ns);
	*p++ = '"';
	return p;
}

char *put_flags(char *p, const struct flag_desc *flags, size_t count, enum flag_era era, __u32 value)
{
	char *start = p;
	size_t i;

	for (i = 0; i < count && value; i++) {
		__u32 bit = flags[i].bit[era] < 0 ? 0 : 1u << flags[i].bit[era];

		if (!(value & bit))
			continue;
		value &= ~bit;
		if (p != start)
			*p++ = '|';
		p = put_str(p, flags[i].name);
	}
	if (value) {
		if (p != start)
			*p++ = '|';
		p = put_hex(p, value);
	}
	return p;
}

static char *put_flag_list(char *p, enum field_kind kind, enum flag_era era, __u32 value)
{
	size_t i;

	for (i = 0; i < flag_list_count; i++) {
		if (flag_lists[i].kind == kind)
			p = put_flags(p, flag_lists[i].flag, flag_lists[i].count, era, value);
	}
	return p;
}

static __u64 field_value(const struct field *field, const void *event)
{
	const char *at = (const char *)event + field->offset;

	switch (field->size) {
	case 1: return *(const __u8 *)at;
	case 4: return *(const __u32 *)at;
	case 8: return *(const __u64 *)at;
	}
	return 0;
}

/* A word as JSON wants it; the other two as it is. None of our words needs escaping. */
static char *put_word(char *p, const char *word, bool json)
{
	if (json)
		*p++ = '"';
	p = put_str(p, word);
	if (json)
		*p++ = '"';
	return p;
}

static char *put_name(char *p, const char *name, __u64 value, bool json)
{
	if (name)
		return put_word(p, name, json);
	/* A number that this version has no name for is shown as it is, and stays a string in JSON. */
	if (json)
		*p++ = '"';
	p = put_dec(p, value);
	if (json)
		*p++ = '"';
	return p;
}

/* Frames hold nothing that has to be escaped. */
static char *put_frames(char *p, const struct frames *frames, bool json)
{
	unsigned int i;

	if (json)
		*p++ = '[';
	for (i = 0; i < frames->count; i++) {
		if (i)
			*p++ = json ? ',' : ';';
		p = put_word(p, frames->name[i], json);
	}
	if (json)
		*p++ = ']';
	return p;
}

/* DEV@SECTOR+COUNT, with a ! if it failed; JSON has names for all that. */
static char *put_region(char *p, const struct regions *regions, unsigned int i, bool json)
{
	const struct region *region = &regions->region[i];
	bool failed = regions->failed >> i & 1;

	if (json) {
		p = put_dec(put_str(p, "{\"region\":"), i);
		p = put_dev(put_str(p, ",\"dev\":\""), region->dev);
		p = put_dec(put_str(p, "\",\"sector\":"), region->sector);
		p = put_dec(put_str(p, ",\"count\":"), region->count);
		p = put_str(p, ",\"failed\":");
		return put_str(p, failed ? "true}" : "false}");
	}
	p = put_dev(p, region->dev);
	*p++ = '@';
	p = put_dec(p, region->sector);
	*p++ = '+';
	p = put_dec(p, region->count);
	if (failed)
		*p++ = '!';
	return p;
}

/* Those of the first REGIONS_MAX that are known. The table has room for one of them, and says how many more there are. */
static char *put_regions(char *p, const struct regions *regions, enum format_kind kind)
{
	bool json = kind == FORMAT_JSON, first = true;
	unsigned int i;

	if (kind != FORMAT_TABLE)
		*p++ = json ? '[' : '"';
	for (i = 0; i < REGIONS_MAX; i++) {
		if (!(regions->known >> i & 1))
			continue;
		if (!first)
			*p++ = json ? ',' : ' ';
		first = false;
		p = put_region(p, regions, i, json);
		if (kind == FORMAT_TABLE)
			break;
	}
	if (kind != FORMAT_TABLE)
		*p++ = json ? ']' : '"';
	else if (first)
		*p++ = '-';
	else if (regions->all > 1)
		p = put_dec(put_str(p, ",+"), regions->all - 1);
	return p;
}

/* Operation and flags of a bio, in one number. */
static char *put_opf(char *p, enum flag_era era, __u32 value)
{
	static const char *const names[] = { "READ", "WRITE", "FLUSH", "DISCARD" };
	__u32 op = value & 0xff;

	p = op < sizeof(names) / sizeof(names[0]) ? put_str(p, names[op]) : put_dec(p, op);
	if (value > 0xff)
		*p++ = '|';
	return put_flag_list(p, KIND_OPF, era, value & ~0xffu);
}

char *format_field(struct format *format, char *p, const struct field *field, const void *event)
{
	bool json = format->kind == FORMAT_JSON, table = format->kind == FORMAT_TABLE;
	const char *name, *at = (const char *)event + field->offset;
	__u64 value = field_value(field, event);

	switch (field->kind) {
	case KIND_EVENT:
		return put_word(p, format->event ? format->event : format->observer->event, json);
	case KIND_SOURCE:
		return put_name(p, source_name(format->observer, value), value, json);
	case KIND_TIME:
		return format_time(format, p, value);
	case KIND_DEC:
		return put_dec(p, value);
	case KIND_SIGNED:
		return put_sdec(p, value);
	case KIND_SIZE:
		/* A file position has a sign in the kernel. */
		return table ? put_size(p, value) : put_sdec(p, value);
	case KIND_HEX:
		return table ? put_hex(p, value) : put_dec(p, value);
	case KIND_OP:
		return put_name(p, op_name(value), value, json);
	case KIND_TYPE:
	case KIND_REASON:
	case KIND_WAIT:
	case KIND_EXIT:
	case KIND_ROUTE:
	case KIND_FALLBACK:
	case KIND_ACCESS:
	case KIND_MAPPED:
	case KIND_COW:
	case KIND_TOP_BY:
	case KIND_TOP_OF:
	case KIND_AIO_OP:
	case KIND_AIO_ROUTE:
	case KIND_CANCEL:
	case KIND_DM_OP:
	case KIND_DM_MEMORY:
	case KIND_DM_WAIT:
	case KIND_INJECT_STEP:
	case KIND_RULE:
	case KIND_FAULT:
	case KIND_LAYER:
		return put_name(p, word_of(field->kind, value), value, json);
	case KIND_MAP_FLAGS:
	case KIND_ASK_FLAGS:
	case KIND_IOCB_FLAGS:
	case KIND_DIO_FLAGS:
	case KIND_RESULTS:
	case KIND_AIO_FLAGS:
	case KIND_RW_FLAGS:
	case KIND_DM_FLAGS:
	case KIND_VERDICTS:
	case KIND_OPF:
		if (table && !value && field->kind != KIND_OPF)
			return put_str(p, "-");
		if (json)
			*p++ = '"';
		p = field->kind == KIND_OPF ? put_opf(p, format->era, value) : put_flag_list(p, field->kind, format->era, value);
		if (json)
			*p++ = '"';
		return p;
	case KIND_STEP:
		return put_name(p, value < (__u64)format->observer->step_count ? format->observer->step[value].name : NULL, value, json);
	case KIND_RESULT:
		if (!table)
			return put_sdec(p, value);
		if ((__s64)value > 0)
			return put_size(p, value);
		name = value && (__s64)value >= -4095 ? strerrorname_np((int)-value) : NULL;
		return !value ? put_str(p, "ok") : name ? put_str(p, name) : put_sdec(p, value);
	case KIND_RET:
		if (!table)
			return put_sdec(p, (__s32)value);
		if (!value)
			return put_str(p, "ok");
		name = strerrorname_np((int)-(__u32)value);
		return name ? put_str(p, name) : put_sdec(p, (__s32)value);
	case KIND_DURATION:
		return table ? put_duration(p, value) : put_dec(p, value);
	case KIND_COMM:
		return json ? put_json(p, at, field->size) :
		       table ? put_text(p, at, field->size) :
			       put_csv(p, at, field->size);
	case KIND_PATH:
	case KIND_PATH_WAS:
		at = field->kind == KIND_PATH ? format->found.path : format->found.was;
		return json ? put_json(p, at, PATH_SHOWN) : table ? put_text(p, at, PATH_SHOWN) : put_csv(p, at, PATH_SHOWN);
	case KIND_KSTACK:
	case KIND_USTACK:
		return put_frames(p, format->frames, json);
	case KIND_DEV:
		if (json)
			*p++ = '"';
		p = put_dev(p, value);
		if (json)
			*p++ = '"';
		return p;
	case KIND_RATE:
	case KIND_BYTE_RATE:
		return table ? put_rate(p, value, format->span_ns, field->kind == KIND_RATE ? 1000 : 1024) : put_dec(p, value);
	case KIND_NAME:
		name = *(const char *const *)at;
		if (!name)
			name = "";
		return json ? put_json(p, name, strlen(name)) :
		       table ? put_text(p, name, strlen(name)) :
			       put_csv(p, name, strlen(name));
	case KIND_REGIONS:
		return put_regions(p, (const struct regions *)at, format->kind);
	}
	return p;
}

char *format_header(const struct format *format, char *p)
{
	char *line = p;
	int i;

	if (format->kind == FORMAT_JSON)
		return p;
	for (i = 0; i < format->observer->field_count; i++) {
		const struct field *field = &format->observer->field[i];
		char *start;

		if (format->kind == FORMAT_TABLE && !field->heading)
			continue;
		if (p != line)
			*p++ = format->kind == FORMAT_TABLE ? ' ' : ',';
		start = p;
		if (format->kind == FORMAT_TABLE)
			p = put_pad(put_str(p, field->heading), start, field->width);
		else
			p = put_str(p, field->name);
	}
	if (format->kind == FORMAT_CSV && format->observer->step_count) {
		for (i = 0; i < format->observer->step_field_count; i++)
			p = put_str(put_str(p, ",step_"), format->observer->step_field[i].name);
		p = put_str(p, ",step_values");
	}
	while (p > line && p[-1] == ' ')
		p--;
	*p++ = '\n';
	return p;
}

static bool is_null_in(const struct format *format, const struct field *field, const void *event)
{
	return !field || *(const __u64 *)event >> (field - format->observer->field) & 1;
}

/* The record's path, by its version; the fields that it is shown in are null where it is not known. */
static void find_path(struct format *format, const void *event)
{
	__u64 version = is_null_in(format, format->path, event) ? 0 : field_value(format->path, event);

	memset(&format->found, 0, sizeof(format->found));
	if (version && format->paths && !is_null_in(format, format->dev, event) && !is_null_in(format, format->ino, event))
		format->found = paths_find(format->paths, field_value(format->dev, event), field_value(format->ino, event), version);
}

static const struct frames *find_frames(const struct format *format, const struct field *field, const void *event)
{
	__s32 id = field_value(field, event);

	if (!format->stacks || is_null_in(format, field, event))
		return NULL;
	return field->kind == KIND_KSTACK ? stacks_kernel(format->stacks, id) :
	       format->pid ? stacks_user(format->stacks, id, field_value(format->pid, event)) : NULL;
}

static bool is_null(struct format *format, const void *event, int i)
{
	const struct field *field = &format->observer->field[i];
	enum field_kind kind = field->kind;

	if (kind == KIND_KSTACK || kind == KIND_USTACK) {
		format->frames = find_frames(format, field, event);
		return !format->frames;
	}
	return is_null_in(format, field, event) || (kind == KIND_PATH && !format->found.path) || (kind == KIND_PATH_WAS && !format->found.was);
}

/* The sequence that begins the colour of a field, NULL if it has none. */
static const char *color_of(const struct format *format, const struct field *field, const void *event)
{
	if (!format->color)
		return NULL;
	if (field->kind == KIND_RET && field_value(field, event))
		return "\033[31m";
	if (field->kind == KIND_DURATION && !strcmp(field->name, "latency_ns") && field_value(field, event) >= SLOW_NS)
		return "\033[33m";
	return NULL;
}

/* Below the table's line, indented: the kernel's functions, then those of the process. */
static char *put_stack_lines(struct format *format, char *p, const void *event)
{
	unsigned int n;
	int i;

	for (i = 0; i < format->observer->field_count; i++) {
		const struct field *field = &format->observer->field[i];

		if ((field->kind != KIND_KSTACK && field->kind != KIND_USTACK) || is_null(format, event, i))
			continue;
		for (n = 0; n < format->frames->count; n++) {
			p = put_str(p, field->kind == KIND_KSTACK ? "    kernel  " : "    user    ");
			p = put_str(p, format->frames->name[n]);
			*p++ = '\n';
		}
	}
	return p;
}

char *format_event(struct format *format, char *p, const void *event)
{
	char *line = p;
	int i;

	find_path(format, event);

	if (format->kind == FORMAT_JSON) {
		*p++ = '{';
		if (format->members)
			p = put_str(p, format->members);
	}
	for (i = 0; i < format->observer->field_count; i++) {
		const struct field *field = &format->observer->field[i];
		bool null = is_null(format, event, i);
		const char *color;
		char *start;

		switch (format->kind) {
		case FORMAT_TABLE:
			if (!field->heading)
				continue;
			if (p != line)
				*p++ = ' ';
			color = null ? NULL : color_of(format, field, event);
			if (color)
				p = put_str(p, color);
			start = p;
			if (null)
				*p++ = '-';
			else
				p = format_field(format, p, field, event);
			p = put_pad(p, start, field->width);
			if (color)
				p = put_str(p, "\033[0m");
			break;
		case FORMAT_JSON:
			if (i)
				*p++ = ',';
			*p++ = '"';
			p = put_str(p, field->name);
			*p++ = '"';
			*p++ = ':';
			p = null ? put_str(p, "null") : format_field(format, p, field, event);
			break;
		case FORMAT_CSV:
			if (i)
				*p++ = ',';
			if (!null)
				p = format_field(format, p, field, event);
			break;
		}
	}
	if (format->kind == FORMAT_JSON)
		*p++ = '}';
	while (p > line && p[-1] == ' ')
		p--;
	*p++ = '\n';
	return format->kind == FORMAT_TABLE && format->stacks ? put_stack_lines(format, p, event) : p;
}
