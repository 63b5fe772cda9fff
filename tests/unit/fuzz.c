// SPDX-License-Identifier: GPL-2.0
/*
 * Random input of a fixed seed, under the sanitizers: argument vectors, numbers, event records, histograms, mount tables and symbol
 * tables. What comes out keeps the promises that a consumer relies on. Arguments: SEED and ROUNDS (in thousands).
 */
#include <ctype.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "account.h"
#include "args.h"
#include "format.h"
#include "histogram.h"
#include "kallsyms.h"
#include "mounts.h"
#include "lookups.h"
#include "tap.h"
#include "units.h"

#define WRONG_MAX 3		/* failures that are told in detail */

static __u64 state = 1;
static unsigned long rounds = 20000;

static __u64 any(void)
{
	/* xorshift64* */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static unsigned int below(unsigned int bound)
{
	return (any() >> 32) % bound;
}

/* Small, large and in between: any number of bits. */
static __u64 number(void)
{
	__u64 value = any() >> below(64);

	switch (below(8)) {
	case 0: return 0;
	case 1: return ~0ULL;
	case 2: return value & ~4095ULL;
	}
	return value;
}

static unsigned long wrong;

static void complain(const char *what, const char *text)
{
	if (wrong++ < WRONG_MAX)
		tap_diag(what, text);
}

static void verdict(const char *what)
{
	is_u64(wrong, 0, "%s", what);
	wrong = 0;
}

/* A copy whose end the sanitizer watches. */
static char *copy(const char *text)
{
	return strdup(text);
}

static void mutate(char *text, size_t len)
{
	static const char odd[] = "0123456789.-=,|:/ kmgtnus\\\"\n\t\x7f\xff\xc3";

	while (len && below(2))
		text[below(len)] = below(4) ? odd[below(sizeof(odd) - 1)] : (char)(1 + below(255));
}

/* An argument: mostly an option or a value that might be one, often damaged. */
static char *argument(void)
{
	static const char *const values[] = {
		"1", "0", "42", "10us", "1.5ms", "4k", "0x1000", "18446744073709551615", "18446744073709551616", "-1", "", "json", "table",
		"csv", "dev", "comm", "read", "dio", "dio,seek_data", "read,,write", "iomap_lookup", "iomap_iter+fexit", "/", "8:0",
		"fio", "pread,fsync", "write,read", "--", "-", "-o", "--output", "----", "=", "--=", "999999999999999999999999", "50,99.9", "100,0.0001,50.", "0.0000000000000000001", "1e9",
	};
	char text[128];
	int n = 0;

	switch (below(4)) {
	case 0: {
		const struct option_desc *o = &options[below(OPT_COUNT_ALL)];

		if (o->shortname && below(2))
			n = snprintf(text, sizeof(text), "-%c%s", o->shortname, below(3) ? "" : values[below(ARRAY_SIZE(values))]);
		else
			n = snprintf(text, sizeof(text), "--%s%s%s", o->longname, below(3) ? "" : "=", below(2) ? "" : values[below(ARRAY_SIZE(values))]);
		break;
	}
	case 1:
		n = snprintf(text, sizeof(text), "%s", ops[below(OP_COUNT)].name);
		while (n < 90 && below(3))
			n += snprintf(text + n, sizeof(text) - n, ",%s", below(2) ? ops[below(OP_COUNT)].name : ops[below(OP_COUNT)].group);
		break;
	default:
		n = snprintf(text, sizeof(text), "%s", values[below(ARRAY_SIZE(values))]);
	}
	if (!below(4))
		mutate(text, n);
	return copy(text);
}

static unsigned int choices_of(const char *choices)
{
	unsigned int n = 1;

	for (; *choices; choices++)
		n += *choices == '|';
	return n;
}

static void check_args(const struct args *args, const struct command_desc *command, int argc, int ret, const struct err *err)
{
	size_t k;
	int i;

	if (ret) {
		if (ret != -1 || err->status != STATUS_USAGE || !err->text[0] || strlen(err->text) >= sizeof(err->text))
			complain("arguments: refused without a word: ", err->text);
		for (i = 0; err->text[i]; i++) {
			if (iscntrl((unsigned char)err->text[i])) {
				complain("arguments: a control character: ", err->text);
				break;
			}
		}
		return;
	}
	if (args->operands < 0 || args->operands > argc || (args->operands && !command->arguments))
		complain("arguments: operands of ", command->name);
	for (i = 0; i < OPT_COUNT_ALL; i++) {
		const struct option_desc *o = &options[i];
		__u64 value = args->number[i];
		bool own = false;

		for (k = 0; k < command->option_count; k++)
			own |= (int)command->options[k] == i;
		if (!args->given[i]) {
			if (args->text[i] || value)
				complain("arguments: a value of what was not given: ", o->longname);
			continue;
		}
		if (!own)
			complain("arguments: not an option of this command: ", o->longname);
		if (!args->text[i] != !o->argument && !(option_is_optional(o) && !value))
			complain("arguments: text and argument: ", o->longname);
		switch (o->kind) {
		case OPTION_NONE:
			break;
		case OPTION_STRING:
			if (!*args->text[i])
				complain("arguments: empty: ", o->longname);
			break;
		case OPTION_NUMBER:
		case OPTION_TIME:
		case OPTION_SIZE:
			if (!value)
				complain("arguments: zero: ", o->longname);
			break;
		case OPTION_CHOICE:
			if (value >= choices_of(o->choices))
				complain("arguments: no choice: ", o->longname);
			break;
		case OPTION_PERCENTILES: {
			__u32 p;

			for (p = 0; p < args->percentiles.count; p++)
				value += args->percentiles.at[p].value > 100 * PERCENT || !args->percentiles.at[p].value;
			if (!p || p > PERCENTILES_MAX || value)
				complain("arguments: no percentiles: ", args->text[i]);
			break;
		}
		case OPTION_OPS:
			if (!value || value >> OP_COUNT)
				complain("arguments: no operations: ", args->text[i]);
			break;
		case OPTION_WORDS:
			if (!value || value >> choices_of(o->choices))
				complain("arguments: no words: ", args->text[i]);
			break;
		}
	}
}

static void arguments(void)
{
	unsigned long i, good = 0;

	for (i = 0; i < rounds; i++) {
		const struct command_desc *command = &commands[below(4) ? (unsigned int)CMD_lookups : below(CMD_COUNT)];
		int argc = below(8), j, ret;
		char **argv = calloc(argc + 1, sizeof(*argv)), **all = calloc(argc + 1, sizeof(*all));
		struct args args;
		struct err err = {};

		/* Nothing behind the last: a parser that looks there is caught. */
		argv = realloc(argv, argc ? argc * sizeof(*argv) : 1);
		for (j = 0; j < argc; j++)
			argv[j] = all[j] = argument();
		ret = args_parse(&args, command, argc, argv, &err);
		check_args(&args, command, argc, ret, &err);
		good += !ret;
		for (j = 0; j < argc; j++)
			free(all[j]);
		free(all);
		free(argv);
	}
	verdict("random arguments");
	ok(good > rounds / 50 && good < rounds, "some are right (%lu of %lu)", good, rounds);
}

static void numbers(void)
{
	static int (*const parse[])(const char *, __u64 *) = { parse_number, parse_size, parse_time };
	static const char *const units[] = { "", "k", "KiB", "m", "t", "ns", "us", "ms", "s", "h", "x" };
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		__u64 expected = number(), value = ~expected, mask;
		char text[80], *exact;
		struct err err;
		int ret;

		snprintf(text, sizeof(text), below(2) ? "%llu" : "0x%llx", (unsigned long long)expected);
		exact = copy(text);
		ret = parse_number(exact, &value);
		if (ret || value != expected)
			complain("a number that is one: ", text);
		free(exact);
		snprintf(text, sizeof(text), "%llu.%llu%s", (unsigned long long)number(), (unsigned long long)number(),
			 units[below(ARRAY_SIZE(units))]);
		mutate(text, strlen(text));
		exact = copy(text);
		ret = parse[below(3)](exact, &value);
		if (ret && ret != -1)
			complain("neither 0 nor -1: ", text);
		ops_parse(exact, &mask, &err);
		free(exact);
	}
	verdict("random numbers");
}

/* Well-formed UTF-8 without controls; -1 or the number of bytes. */
static int utf8(const unsigned char *s)
{
	int n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : -1, i;

	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
	}
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) || (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
		return -1;
	if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
		return -1;
	return n;
}

static const char *json_value(const char *p);

static const char *json_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	while (*p && *p != '"') {
		int n = 1;

		if (*p == '\\') {
			p++;
			if (*p == 'u')
				n = strspn(p + 1, "0123456789abcdef") >= 4 ? 5 : -1;
			else if (!*p || !strchr("\"\\/bfnrt", *p))
				n = -1;
		} else {
			n = utf8((const unsigned char *)p);
		}
		if (n < 0)
			return NULL;
		p += n;
	}
	return *p == '"' ? p + 1 : NULL;
}

static const char *json_list(const char *p, char close, bool members)
{
	if (*++p == close)
		return p + 1;
	for (;;) {
		if (members) {
			p = json_string(p);
			if (!p || *p++ != ':')
				return NULL;
		}
		p = json_value(p);
		if (!p || (*p != ',' && *p != close))
			return NULL;
		if (*p++ == close)
			return p;
	}
}

static const char *json_value(const char *p)
{
	char *end;

	if (*p == '"')
		return json_string(p);
	if (*p == '{')
		return json_list(p, '}', true);
	if (*p == '[')
		return json_list(p, ']', false);
	if (!strncmp(p, "null", 4) || !strncmp(p, "true", 4))
		return p + 4;
	if (!strncmp(p, "false", 5))
		return p + 5;
	if (*p == '-' || isdigit((unsigned char)*p)) {
		if (p[*p == '-'] == '0' && isdigit((unsigned char)p[(*p == '-') + 1]))
			return NULL;
		strtod(p, &end);
		return end > p && isdigit((unsigned char)end[-1]) ? end : NULL;
	}
	return NULL;
}

/* One object and a newline. */
static bool is_json(const char *line)
{
	const char *end = *line == '{' ? json_value(line) : NULL;

	return end && !strcmp(end, "\n");
}

/* Columns of a line of CSV, -1 if it is none. */
static int csv_columns(const char *p)
{
	int columns = 1;

	for (;;) {
		if (*p == '"') {
			for (p++; *p && (*p != '"' || p[1] == '"'); p += *p == '"' ? 2 : 1)
				;
			if (*p++ != '"')
				return -1;
		} else {
			p += strcspn(p, ",\"\n");
		}
		if (*p == ',') {
			columns++;
			p++;
		} else {
			return strcmp(p, "\n") ? -1 : columns;
		}
	}
}

static bool is_clean(const char *line)
{
	int n;

	for (; *line && *line != '\n'; line += n) {
		n = utf8((const unsigned char *)line);
		if (n < 0)
			return false;
	}
	return !strcmp(line, "\n");
}

static void keys_of(const char *line, const char *where)
{
	int i;

	for (i = 0; i < LF_COUNT; i++) {
		char key[48];

		snprintf(key, sizeof(key), "%s\"%s\":", i ? "," : "{", lookup_fields[i].name);
		where = strstr(where, key);
		if (!where) {
			complain("JSON lacks a key, or has it elsewhere: ", line);
			return;
		}
		where += strlen(key);
	}
}

static struct lookup_event random_event(void)
{
	struct lookup_event event;
	unsigned char *byte = (unsigned char *)&event;
	size_t i;
	int f;

	for (i = 0; i < sizeof(event); i++)
		byte[i] = any() >> 56;
	event.nulls = below(2) ? any() & any() : 0;
	if (below(4)) {
		/* As a kernel might fill it. */
		for (f = 0; f < LF_COUNT; f++) {
			__u64 value = number();

			if (lookup_fields[f].size <= 8)
				memcpy(byte + lookup_fields[f].offset, &value, lookup_fields[f].size);
		}
		event.op = below(OP_COUNT + 2);
		event.type = below(TYPE_COUNT + 1);
		event.source = below(4);
		event.ret = -below(140);
	}
	for (i = 0; i < sizeof(event.comm.s); i++) {
		if (below(2))
			event.comm.s[i] = "abc ,\"\\\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7\xc2\x9b\0"[below(20)];
	}
	return event;
}

static void events(void)
{
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		struct lookup_event *event = malloc(sizeof(*event));
		char *line = malloc(LINE_ROOM), *end;
		struct format format;
		enum format_kind kind = below(3);

		*event = random_event();
		format_init(&format, &lookups_observer, kind, below(ERA_COUNT));
		format.wall_offset_ns = below(2) ? (__s64)number() : 1700000000000000000;
		end = format_event(&format, line, event);
		*end = 0;
		if (end - line > LINE_ROOM / 4 || strlen(line) != (size_t)(end - line))
			complain("an event's length: ", line);
		if (!is_clean(line))
			complain("not one line of clean UTF-8: ", line);
		if (kind == FORMAT_JSON) {
			if (!is_json(line))
				complain("no JSON: ", line);
			keys_of(line, line);
		} else if (kind == FORMAT_CSV && csv_columns(line) != LF_COUNT) {
			complain("columns of CSV: ", line);
		}
		free(line);
		free(event);
	}
	verdict("random events");
}

/* Records of every observer, of random bytes. */
static void records(void)
{
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		const struct observer *observer = observers[below(observer_count)];
		unsigned char *record = malloc(observer->record_size);
		char *line = malloc(LINE_ROOM), *end;
		enum format_kind kind = below(3);
		struct format format;
		size_t b;

		for (b = 0; b < observer->record_size; b++)
			record[b] = any() >> 56;
		format_init(&format, observer, kind, below(ERA_COUNT));
		end = format_event(&format, line, record);
		*end = 0;
		if (end - line > LINE_ROOM / 4 || strlen(line) != (size_t)(end - line) || !is_clean(line))
			complain("not one line of clean UTF-8: ", line);
		if (kind == FORMAT_JSON && !is_json(line))
			complain("no JSON: ", line);
		if (kind == FORMAT_CSV && csv_columns(line) != observer->field_count)
			complain("columns of CSV: ", line);
		free(line);
		free(record);
	}
	verdict("random records of every observer");
}

/* Each line of what @set is printed as. */
static void print_set(struct hist_set *set, enum hist_by by, enum format_kind kind)
{
	static char text[1 << 20];
	int fd = memfd_create("out", 0);
	struct out *out = out_new(fd, 0, NULL);
	const struct observer *observer = observers[below(observer_count)];
	struct format format;
	char *line, *next;
	ssize_t n;

	format_init(&format, observer, kind, ERA_614);
	hist_header(out, &format);
	hist_print(out, &format, set, by, number() >> 2, number());
	out_flush(out);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	for (line = text; *line; line = next) {
		char one[LINE_ROOM + 1];

		next = strchrnul(line, '\n');
		next += *next == '\n';
		snprintf(one, sizeof(one), "%.*s", (int)(next - line), line);
		if (!is_clean(one))
			complain("a histogram is not clean UTF-8: ", one);
		if (kind == FORMAT_JSON && !is_json(one))
			complain("a histogram's JSON: ", one);
		if (kind == FORMAT_CSV && csv_columns(one) !=
		    12 + (int)format.percentiles.count + observer->counter_count + !!observer->counter_count)
			complain("a histogram's CSV: ", one);
	}
	out_free(out);
	close(fd);
}

static void histograms(void)
{
	unsigned long i;

	for (i = 0; i < rounds / 20; i++) {
		struct hist_set now = {}, before = {}, diff = {};
		enum hist_by by = below(BY_COMM + 1);
		unsigned int n;
		struct hist all = {}, twice = {};
		size_t k;

		for (n = below(200); n; n--) {
			__u64 a = by == BY_COMM && below(2) ? any() : below(6), b = by == BY_COMM ? any() : below(3), ns = number();
			struct keyed_hist *h = hist_set_at(&now, a, b);

			h->hist.count++;
			h->hist.timed++;
			h->hist.total_ns += ns;
			if (ns > h->hist.max_ns)
				h->hist.max_ns = ns;
			h->hist.bucket[hist_bucket(ns)]++;
			h->hist.counter[below(HIST_COUNTERS)] += number();
			if (!below(3)) {
				hist_set_free(&before);
				for (k = 0; k < now.count; k++)
					hist_set_at(&before, now.hist[k].a, now.hist[k].b)->hist = now.hist[k].hist;
			}
		}
		if (!hist_set_diff(&diff, &now, &before))
			complain("a difference: ", "no memory");
		for (k = 0; k < now.count; k++)
			hist_add(&all, &now.hist[k].hist);
		for (k = 0; k < before.count; k++)
			hist_add(&twice, &before.hist[k].hist);
		for (k = 0; k < diff.count; k++)
			hist_add(&twice, &diff.hist[k].hist);
		if (memcmp(&all, &twice, sizeof(all)))
			complain("a difference: ", "what was before and what was added are not what is");
		print_set(&diff, by, below(3));
		hist_set_free(&now);
		hist_set_free(&before);
		hist_set_free(&diff);
	}
	verdict("random histograms");
}

static void accounts(void)
{
	unsigned long i;

	for (i = 0; i < rounds / 10; i++) {
		struct account account = { .command = "lookups", .seen = number(), .emitted = number(), .filtered = number(), .unseen_at_most = below(2) ? number() : 0,
					   .duration_ns = number(), .source = below(2) ? "iomap_lookup" : NULL };
		char *line = malloc(2048);
		int j;

		for (j = 0; j < LOSS_COUNT; j++)
			account.lost[j] = below(2) ? number() : 0;
		*account_json(&account, line) = 0;
		if (!is_json(line))
			complain("a summary's JSON: ", line);
		*account_text(&account, line) = 0;
		if (!is_clean(line))
			complain("a summary: ", line);
		free(line);
	}
	verdict("random summaries");
}

static FILE *open_text(const char *text, size_t len)
{
	return fmemopen((void *)text, len, "r");
}

static void system_files(void)
{
	static const char mountinfo[] =
		"22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro\n"
		"36 35 98:0 /a\\040b /mnt\\0112 rw,noatime master:1 - xfs /dev/root rw,dax=always\n"
		"41 35 0:45 / /run rw - tmpfs none rw\n";
	static const char kallsyms[] =
		"ffffffff81000000 T _stext\nffffffff81300110 T iomap_seek_hole\nffffffff81300200 t iomap_seek_data.isra.0\n"
		"ffffffff81300300 T __iomap_dio_rw\nffffffff81300400 t dax_iomap_rw.cold\nffffffff81300500 T end\n"
		"ffffffffc0000000 t iomap_readahead\t[iomap]\n";
	unsigned long i;

	for (i = 0; i < rounds / 4; i++) {
		struct caller_range ranges[4];
		unsigned int count, k;
		struct mounts mounts;
		char text[512];
		FILE *file;
		int ret;

		memcpy(text, mountinfo, sizeof(mountinfo));
		mutate(text, sizeof(mountinfo) - 1);
		file = open_text(text, sizeof(mountinfo) - 1 - below(60));
		ret = mounts_parse(&mounts, file);
		if (ret && (mounts.count || mounts.mount))
			complain("a mount table: ", text);
		mounts_free(&mounts);
		fclose(file);

		memcpy(text, kallsyms, sizeof(kallsyms));
		mutate(text, sizeof(kallsyms) - 1);
		file = open_text(text, sizeof(kallsyms) - 1 - below(100));
		ret = callers_parse(file, ranges, ARRAY_SIZE(ranges), &count);
		if (count > ARRAY_SIZE(ranges) || (ret == CALLERS_FOUND) != (count > 0))
			complain("symbols: ", text);
		for (k = 0; k < count && k < ARRAY_SIZE(ranges); k++) {
			if (ranges[k].start >= ranges[k].end || (k && ranges[k - 1].end > ranges[k].start))
				complain("ranges: ", text);
		}
		fclose(file);
	}
	verdict("random mount and symbol tables");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		state = strtoull(argv[1], NULL, 0) | 1;
	if (argc > 2)
		rounds = strtoul(argv[2], NULL, 0) * 1000;
	arguments();
	numbers();
	events();
	records();
	histograms();
	accounts();
	system_files();
	return done_testing();
}
