// SPDX-License-Identifier: GPL-2.0
/*
 * Events as lines: the three formats, what is null, odd names, flags of each era.
 * With an argument (table, json, csv) it prints the header and one line for drift.t.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "args.h"
#include "dax.h"
#include "format.h"
#include "output.h"
#include "plan.h"
#include "aio.h"
#include "dmio.h"
#include "check.h"
#include "inject.h"
#include "ioends.h"
#include "lookups.h"
#include "tap.h"
#include "violation.h"

static const volatile sig_atomic_t never;

#define EPOCH 1700000000		/* 2023-11-14T22:13:20Z */
#define AT(ns) (EPOCH * 1000000000ULL + (ns))

static struct lookup_event sample(void)
{
	return (struct lookup_event) {
		.nulls = LF_BIT(src_type) | LF_BIT(src_addr) | LF_BIT(src_pos) | LF_BIT(src_len),
		.time = AT(123456789),
		.op = OP_DIO_WRITE,
		.comm = { "fio" },
		.pid = 42,
		.tid = 43,
		.cgroup = 4711,
		.dev = 259 << 20 | 3,
		.ino = 131,
		.pos = 4096,
		.len = 1 << 20,
		.type = TYPE_UNWRITTEN,
		.addr = 0x12345000,
		.map_pos = 0,
		.map_len = 12345,
		.flags = 1 << 0 | 1 << 1,
		.ret = 0,
		.latency_ns = 12345,
		.source = SOURCE_LOOKUP,
		.ask_flags = 1 << 0 | 1 << 4,
		.cookie = 7,
		.path = 2,
		.kstack = 1,
		.ustack = 2,
	};
}

/* The map of paths: of version 1 and 2, one after the other. */
static int read_path(void *ctx, const struct path_key *key, struct path_value *value)
{
	(void)ctx;
	memset(value, 0, sizeof(*value));
	value->since_ns = key->version;
	value->nlink = 1;
	value->used = sprintf(value->text, key->version == 1 ? "old" : "new,\"\n") + 1;
	return key->version > 2 ? -ENOENT : 0;
}

static struct paths *paths;
static struct stacks *stacks;

/* Stack 1 is of the kernel, 2 of a process that there is not. */
static int read_stack(void *ctx, __u32 id, __u64 address[STACK_DEPTH])
{
	(void)ctx;
	memset(address, 0, STACK_DEPTH * sizeof(*address));
	address[0] = id == 1 ? 0x1001 : 7;
	address[1] = id == 1 ? 0x2002 : 0;
	return id > 2 ? -ENOENT : 0;
}

static void make_stacks(void)
{
	static char table[] = "1000 T k1\n1100 T k1_end\n2000 t k2\t[xfs]\n2100 t k2_end\t[xfs]\n";
	FILE *file = fmemopen(table, strlen(table), "r");

	stacks = stacks_new(read_stack, NULL, ksyms_parse(file), true);
	fclose(file);
}

/* A file that has been renamed from /srv/old to an odd name. */
static void make_paths(void)
{
	static char table[] = "1 0 259:3 / /srv rw - xfs none rw\n";
	FILE *file = fmemopen(table, strlen(table), "r");
	struct mounts mounts;

	mounts_parse(&mounts, file);
	fclose(file);
	paths = paths_new(read_path, NULL);
	paths_set_mounts(paths, &mounts);
	paths_find(paths, 259 << 20 | 3, 131, 1);
}

static struct format format_of(enum format_kind kind, enum flag_era era)
{
	struct format format;

	format_init(&format, &lookups_observer, kind, era);
	format.wall_offset_ns = 0;
	format.paths = paths;
	format.stacks = stacks;
	return format;
}

static const char *line(enum format_kind kind, enum flag_era era, const struct lookup_event *event)
{
	static char text[LINE_ROOM];
	struct format format = format_of(kind, era);

	*format_event(&format, text, event) = 0;
	return text;
}

static void whole_lines(void)
{
	struct lookup_event event = sample();
	char text[LINE_ROOM];
	struct format format;

	is_str(line(FORMAT_JSON, ERA_614, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"lookup\",\"op\":\"dio_write\",\"comm\":\"fio\",\"pid\":42,"
	       "\"tid\":43,\"cgroup\":4711,\"dev\":\"259:3\",\"ino\":131,\"pos\":4096,\"len\":1048576,\"type\":\"unwritten\","
	       "\"addr\":305418240,\"map_pos\":0,\"map_len\":12345,\"flags\":\"NEW|DIRTY\",\"ret\":0,\"latency_ns\":12345,"
	       "\"source\":\"iomap_lookup\",\"ask_flags\":\"WRITE|DIRECT\",\"src_type\":null,\"src_addr\":null,\"src_pos\":null,"
	       "\"src_len\":null,\"cookie\":7,\"path\":\"/srv/new,\\\"\\u000a\",\"path_was\":\"/srv/old\",\"kstack\":[\"k1+0x1\",\"k2+0x2 [xfs]\"],\"ustack\":[\"0x7\"]}\n", "JSON");
	is_str(line(FORMAT_CSV, ERA_614, &event),
	       "2023-11-14T22:13:20.123456789Z,lookup,dio_write,fio,42,43,4711,259:3,131,4096,1048576,unwritten,305418240,0,12345,"
	       "NEW|DIRTY,0,12345,iomap_lookup,WRITE|DIRECT,,,,,7,\"/srv/new,\"\"\\x0a\",/srv/old,k1+0x1;k2+0x2 [xfs],0x7\n", "CSV");
	is_str(line(FORMAT_TABLE, ERA_614, &event),
	       "22:13:20.123456 dio_write     fio                  42 259:3         131        4k        1m unwritten   0x12345000"
	       "         0     12345 NEW|DIRTY    ok          12.3us /srv/new,\"\\x0a\n"
	       "    kernel  k1+0x1\n    kernel  k2+0x2 [xfs]\n    user    0x7\n", "table");

	format = format_of(FORMAT_CSV, ERA_614);
	*format_header(&format, text) = 0;
	is_str(text, "time,event,op,comm,pid,tid,cgroup,dev,ino,pos,len,type,addr,map_pos,map_len,flags,ret,latency_ns,source,"
	       "ask_flags,src_type,src_addr,src_pos,src_len,cookie,path,path_was,kstack,ustack\n", "CSV's header");
	format = format_of(FORMAT_TABLE, ERA_614);
	*format_header(&format, text) = 0;
	is_str(text, "TIME            OP            COMM                PID DEV           INO       POS       LEN TYPE              ADDR"
	       "   MAP_POS   MAP_LEN FLAGS        RET        LATENCY PATH\n", "the table's header");
	format = format_of(FORMAT_JSON, ERA_614);
	ok(format_header(&format, text) == text, "JSON has no header");

	setenv("TZ", "XXX-2", 1);
	tzset();
	has(line(FORMAT_TABLE, ERA_614, &event), "00:13:20.123456 ", "the table shows local time");
	has(line(FORMAT_JSON, ERA_614, &event), "2023-11-14T22:13:20.123456789Z", "JSON stays with UTC");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void nulls(void)
{
	struct lookup_event event = sample();
	const char *text, *at;
	int i, count = 0;

	event.nulls = ~0ULL;
	text = line(FORMAT_JSON, ERA_614, &event);
	for (at = text; (at = strstr(at, ":null")); at++)
		count++;
	is_int(count, LF_COUNT, "JSON: all can be null");
	text = line(FORMAT_CSV, ERA_614, &event);
	is_int(strspn(text, ","), LF_COUNT - 1, "CSV: all can be empty");
	is_str(text + LF_COUNT - 1, "\n", "CSV: and nothing else");
	text = line(FORMAT_TABLE, ERA_614, &event);
	for (count = 0, at = text; *at; at++)
		count += *at == '-';
	is_int(strspn(text, " -\n"), strlen(text), "table: all can be -");
	for (i = 0; i < LF_COUNT; i++)
		count -= !!lookup_fields[i].heading;
	is_int(count, 0, "table: a - for each column");
	is_str(strchr(text, '\n'), "\n", "table: one line");

	for (i = 0; i < LF_COUNT; i++) {
		char part[64];

		event = sample();
		event.nulls = 1ULL << i;
		snprintf(part, sizeof(part), "\"%s\":null", lookup_fields[i].name);
		text = line(FORMAT_JSON, ERA_614, &event);
		has(text, part, "%s alone is null", lookup_fields[i].name);
		for (count = 0, at = text; (at = strstr(at, "null")); at++)
			count++;
		/* No file, no path; no path, none before. */
		is_int(count, i == LF_dev || i == LF_ino ? 3 : i == LF_path ? 2 : 1, "and nothing else is");
	}

	/* What the programs do with a failed lookup. */
	event = sample();
	event.ret = -ENOSPC;
	event.nulls = LF_BIT(type) | LF_BIT(addr) | LF_BIT(map_pos) | LF_BIT(map_len) | LF_BIT(flags) | LF_BIT(cookie) |
		      LF_BIT(src_type) | LF_BIT(src_addr) | LF_BIT(src_pos) | LF_BIT(src_len);
	has(line(FORMAT_TABLE, ERA_614, &event), "1m -                    -         -         - -            ENOSPC      12.3us /srv/new",
	    "a failed lookup in the table");
	has(line(FORMAT_CSV, ERA_614, &event), ",1048576,,,,,,-28,12345,iomap_lookup,WRITE|DIRECT,,,,,,\"/srv/new", "a failed lookup in CSV");
}

static void one(const struct lookup_event *event, const char *json, const char *csv, const char *table, const char *what)
{
	has(line(FORMAT_JSON, ERA_614, event), json, "JSON: %s", what);
	has(line(FORMAT_CSV, ERA_614, event), csv, "CSV: %s", what);
	has(line(FORMAT_TABLE, ERA_614, event), table, "table: %s", what);
}

static void results(void)
{
	static const struct {
		int ret;
		const char *table;
	} samples[] = {
		{ 0, " ok " }, { -ENOSPC, " ENOSPC " }, { -EAGAIN, " EAGAIN " }, { -EIO, " EIO " }, { -ENOTBLK, " ENOTBLK " },
		{ -EUCLEAN, " EUCLEAN " }, { -512, " -512 " }, { -4095, " -4095 " }, { 1, " 1 " },
		{ -2147483647 - 1, " -2147483648 " },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		struct lookup_event event = sample();
		char json[48], csv[48];

		event.ret = samples[i].ret;
		snprintf(json, sizeof(json), "\"ret\":%d,", samples[i].ret);
		snprintf(csv, sizeof(csv), ",NEW|DIRTY,%d,12345,", samples[i].ret);
		one(&event, json, csv, samples[i].table, json);
	}
}

static void names(void)
{
	struct lookup_event event;
	char part[64];
	int i;

	for (i = 0; i < OP_COUNT; i++) {
		event = sample();
		event.op = i;
		snprintf(part, sizeof(part), "\"op\":\"%s\",", ops[i].name);
		has(line(FORMAT_JSON, ERA_614, &event), part, "operation %d is %s", i, ops[i].name);
	}
	ok(!op_name(OP_COUNT) && !op_name(OP_HIDDEN) && !op_name(~0u), "other numbers are no operations");
	for (i = 0; i < TYPE_COUNT; i++) {
		event = sample();
		event.type = i;
		snprintf(part, sizeof(part), "\"type\":\"%s\",", mapping_types[i].name);
		has(line(FORMAT_JSON, ERA_614, &event), part, "type %d is %s", i, mapping_types[i].name);
	}
	ok(!type_name(TYPE_COUNT) && !type_name(TYPE_NONE) && !type_name(~0u), "other numbers are no types");
	for (i = 0; i < SOURCE_COUNT; i++) {
		event = sample();
		event.source = i;
		snprintf(part, sizeof(part), "\"source\":\"%s\",", source_name(&lookups_observer, i));
		has(line(FORMAT_JSON, ERA_614, &event), part, "source %d is %s", i, source_name(&lookups_observer, i));
	}
	event = sample();
	event.op = 29;
	event.type = 9;
	event.source = 8;
	has(line(FORMAT_JSON, ERA_614, &event), "\"op\":\"29\",", "an operation without a name stays a string");
	has(line(FORMAT_JSON, ERA_614, &event), "\"type\":\"9\",", "a type without a name stays a string");
	has(line(FORMAT_JSON, ERA_614, &event), "\"source\":\"8\",", "a source without a name stays a string");
	has(line(FORMAT_TABLE, ERA_614, &event), " 29            fio ", "its number in the table");
}

static void comms(void)
{
	static const struct {
		const char *comm, *json, *csv, *table;
	} samples[] = {
		{ "kworker/0:1", "\"kworker/0:1\"", ",kworker/0:1,", " kworker/0:1     " },
		{ "", "\"\"", ",,", "                 42" },
		{ "a b", "\"a b\"", ",a b,", " a b             " },
		{ "a,b", "\"a,b\"", ",\"a,b\",", " a,b             " },
		{ "a\"b", "\"a\\\"b\"", ",\"a\"\"b\",", " a\"b             " },
		{ "\"", "\"\\\"\"", ",\"\"\"\",", " \"               " },
		{ "a\\b", "\"a\\\\b\"", ",a\\b,", " a\\b             " },
		{ "a\nb\tc", "\"a\\u000ab\\u0009c\"", ",a\\x0ab\\x09c,", " a\\x0ab\\x09c     " },
		{ "a\r\n", "\"a\\u000d\\u000a\"", ",a\\x0d\\x0a,", " a\\x0d\\x0a       " },
		{ "\x1b[31m", "\"\\u001b[31m\"", ",\\x1b[31m,", " \\x1b[31m        " },
		{ "\x7f", "\"\\u007f\"", ",\\x7f,", " \\x7f            " },
		/* CSI as one character of Latin-1's upper controls: a terminal obeys it as it does ESC [. */
		{ "\xc2\x9b" "31m", "\"\\u009b31m\"", ",\\xc2\\x9b31m,", " \\xc2\\x9b31m     " },
		{ "\xc2\xa0", "\"\xc2\xa0\"", ",\xc2\xa0,", " \xc2\xa0             " },
		{ "\xc3\xa9t\xc3\xa9", "\"\xc3\xa9t\xc3\xa9\"", ",\xc3\xa9t\xc3\xa9,", " \xc3\xa9t\xc3\xa9                  42 " },
		{ "\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\"", ",\xf0\x9f\x90\xa7,", " \xf0\x9f\x90\xa7 " },
		{ "\xff\xfe", "\"\\u00ff\\u00fe\"", ",\\xff\\xfe,", " \\xff\\xfe " },
		{ "\xc3", "\"\\u00c3\"", ",\\xc3,", " \\xc3 " },				/* cut */
		{ "\xc3(", "\"\\u00c3(\"", ",\\xc3(,", " \\xc3( " },
		{ "\xc0\xaf", "\"\\u00c0\\u00af\"", ",\\xc0\\xaf,", " \\xc0\\xaf " },		/* overlong */
		{ "\xe0\x80\xaf", "\"\\u00e0\\u0080\\u00af\"", ",\\xe0\\x80\\xaf,", " \\xe0\\x80\\xaf " },
		{ "\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"", ",\\xed\\xa0\\x80,", " \\xed\\xa0\\x80 " },	/* surrogate */
		{ "\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\"", ",\\xf4\\x90\\x80\\x80,", " \\xf4\\x90\\x80\\x80 " },
		{ "\xf8\x88\x80\x80", "\"\\u00f8\\u0088\\u0080\\u0080\"", ",\\xf8\\x88\\x80\\x80,", " \\xf8\\x88\\x80\\x80 " },
		{ "123456789012345", "\"123456789012345\"", ",123456789012345,", " 123456789012345      42" },
	};
	struct lookup_event event;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		char json[80];

		event = sample();
		memset(&event.comm, 0, sizeof(event.comm));
		memcpy(event.comm.s, samples[i].comm, strlen(samples[i].comm));
		snprintf(json, sizeof(json), "\"comm\":%s,\"pid\":42,", samples[i].json);
		one(&event, json, samples[i].csv, samples[i].table, samples[i].comm);
	}
	/* Sixteen bytes without an end, which no kernel gives. */
	event = sample();
	memset(&event.comm, 'x', sizeof(event.comm));
	one(&event, "\"xxxxxxxxxxxxxxxx\",", ",xxxxxxxxxxxxxxxx,42,", " xxxxxxxxxxxxxxxx      42", "a name without an end");
	event = sample();
	memcpy(event.comm.s, "a\0bcdef", 7);
	one(&event, "\"comm\":\"a\",", ",a,42,", " a                    42", "what stands behind the end");
}

static const char *flags(const struct flag_desc *table, size_t count, enum flag_era era, __u32 value)
{
	static char text[512];

	*put_flags(text, table, count, era, value) = 0;
	return text;
}

static void all_flags(void)
{
	static const struct {
		const char *name;
		enum flag_era era;
		__u32 value;
		const char *text;
	} samples[] = {
		{ "up to 6.2", ERA_62, 0, "" },
		{ "up to 6.2", ERA_62, 0x1 | 0x10, "NEW|BUFFER_HEAD" },
		{ "up to 6.2", ERA_62, 0x20, "ZONE_APPEND" },
		{ "up to 6.2", ERA_62, 0x40, "XATTR" },
		{ "up to 6.2", ERA_62, 0x300, "SIZE_CHANGED|STALE" },
		{ "up to 6.2", ERA_62, 0x80, "0x80" },
		{ "up to 6.2", ERA_62, 0x4000, "0x4000" },
		{ "6.3 to 6.14", ERA_614, 0x20, "XATTR" },
		{ "6.3 to 6.14", ERA_614, 0x40, "BOUNDARY" },
		{ "6.3 to 6.14", ERA_614, 0x80, "ANON_WRITE" },
		{ "6.3 to 6.14", ERA_614, 0x300, "SIZE_CHANGED|STALE" },
		{ "6.3 to 6.14", ERA_614, 0x1000, "PRIVATE" },
		{ "6.3 to 6.14", ERA_614, 0xc000, "0xc000" },
		{ "6.3 to 6.14", ERA_614, 0x80000001, "NEW|0x80000000" },
		{ "from 6.15", ERA_615, 0x100, "ATOMIC_BIO" },
		{ "from 6.15", ERA_615, 0x200, "INTEGRITY" },
		{ "from 6.15", ERA_615, 0x400, "FSVERITY" },
		{ "from 6.15", ERA_615, 0x2000, "FOLIO_BATCH" },
		{ "from 6.15", ERA_615, 0xc000, "SIZE_CHANGED|STALE" },
		{ "from 6.15", ERA_615, 0xffffffff, "NEW|DIRTY|SHARED|MERGED|BUFFER_HEAD|XATTR|BOUNDARY|ANON_WRITE|ATOMIC_BIO|INTEGRITY|"
		  "FSVERITY|PRIVATE|FOLIO_BATCH|SIZE_CHANGED|STALE|0xffff0800" },
	};
	struct lookup_event event = sample();
	size_t i;
	int era;

	for (i = 0; i < ARRAY_SIZE(samples); i++)
		is_str(flags(map_flags, map_flag_count, samples[i].era, samples[i].value), samples[i].text, "mapping flags %s, %x",
		       samples[i].name, samples[i].value);
	is_str(flags(ask_flags, ask_flag_count, ERA_62, 0x7ff), "WRITE|ZERO|REPORT|FAULT|DIRECT|NOWAIT|OVERWRITE_ONLY|UNSHARE|DAX|0x600",
	       "lookup flags up to 6.2");
	is_str(flags(ask_flags, ask_flag_count, ERA_614, 0x7ff),
	       "WRITE|ZERO|REPORT|FAULT|DIRECT|NOWAIT|OVERWRITE_ONLY|UNSHARE|DAX|ATOMIC|DONTCACHE", "lookup flags from 6.3 on");

	/* Each bit of each era belongs to one name. */
	for (era = 0; era < ERA_COUNT; era++) {
		__u32 seen = 0, twice = 0;

		for (i = 0; i < map_flag_count; i++) {
			if (map_flags[i].bit[era] < 0)
				continue;
			twice |= seen & 1u << map_flags[i].bit[era];
			seen |= 1u << map_flags[i].bit[era];
		}
		is_u64(twice, 0, "era %d: no bit has two names", era);
	}

	event.flags = event.ask_flags = 0;
	one(&event, "\"flags\":\"\",", ",12345,,0,12345,iomap_lookup,,,,,,7,\"/srv/new", " - ", "no flags");
	has(line(FORMAT_JSON, ERA_614, &event), "\"ask_flags\":\"\",", "JSON: no lookup flags");
	event.flags = 0x200;
	has(line(FORMAT_JSON, ERA_614, &event), "\"flags\":\"STALE\"", "an event's flags by the era of 6.12");
	has(line(FORMAT_JSON, ERA_615, &event), "\"flags\":\"INTEGRITY\"", "and of 6.15");
}

static void extremes(void)
{
	struct lookup_event event = sample();
	int kind;

	event.nulls = 0;
	event.pid = event.tid = event.dev = event.flags = event.ask_flags = ~0u;
	event.cgroup = event.ino = event.addr = event.latency_ns = event.cookie = event.src_addr = ~0ULL;
	event.pos = -4096ULL;
	event.map_pos = event.src_pos = -1ULL;
	event.len = event.map_len = event.src_len = ~0ULL >> 1;
	has(line(FORMAT_JSON, ERA_614, &event), "\"pid\":4294967295,\"tid\":4294967295,\"cgroup\":18446744073709551615,\"dev\":"
	    "\"4095:1048575\",\"ino\":18446744073709551615,\"pos\":-4096,\"len\":9223372036854775807,", "JSON: the largest numbers");
	has(line(FORMAT_JSON, ERA_614, &event), "\"addr\":18446744073709551615,\"map_pos\":-1,", "JSON: the largest address");
	has(line(FORMAT_JSON, ERA_614, &event), "\"latency_ns\":18446744073709551615,", "JSON: the largest latency");
	has(line(FORMAT_JSON, ERA_614, &event), "\"cookie\":18446744073709551615,\"path\":null,\"path_was\":null,\"kstack\":", "JSON: the largest cookie");
	has(line(FORMAT_TABLE, ERA_614, &event), " 0xffffffffffffffff ", "table: the largest address");
	has(line(FORMAT_TABLE, ERA_614, &event), " 18446744073s -\n", "table: the largest latency");
	memset(&event, 0xff, sizeof(event));
	event.nulls = 0;
	for (kind = FORMAT_TABLE; kind <= FORMAT_CSV; kind++)
		ok(strlen(line(kind, ERA_615, &event)) < LINE_ROOM / 4, "format %d: an event of ones fits", kind);
}

static void clocks(void)
{
	struct lookup_event event = sample();
	struct format format = format_of(FORMAT_JSON, ERA_614);
	struct timespec now, mono;
	char text[64], line_text[LINE_ROOM];

	*format_time(&format, text, AT(0)) = 0;
	is_str(text, "\"2023-11-14T22:13:20.000000000Z\"", "a whole second");
	*format_time(&format, text, AT(999999999)) = 0;
	is_str(text, "\"2023-11-14T22:13:20.999999999Z\"", "the end of the same second");
	*format_time(&format, text, AT(1000000001)) = 0;
	is_str(text, "\"2023-11-14T22:13:21.000000001Z\"", "the next");
	*format_time(&format, text, AT(86400000000000 - 8000000000)) = 0;
	is_str(text, "\"2023-11-15T22:13:12.000000000Z\"", "the next day");
	*format_time(&format, text, AT(1)) = 0;
	is_str(text, "\"2023-11-14T22:13:20.000000001Z\"", "and back");
	format.kind = FORMAT_CSV;
	*format_time(&format, text, AT(1)) = 0;
	is_str(text, "2023-11-14T22:13:20.000000001Z", "CSV has no quotes");
	/* A machine without a clock of its own begins in 1970, and its clock may be set back below zero. */
	*format_time(&format, text, 0) = 0;
	is_str(text, "1970-01-01T00:00:00.000000000Z", "the epoch");
	format = format_of(FORMAT_CSV, ERA_614);
	format.wall_offset_ns = -1;
	*format_time(&format, text, 0) = 0;
	is_str(text, "1969-12-31T23:59:59.999999999Z", "just before the epoch");
	format.wall_offset_ns = -1500000000;
	*format_time(&format, text, 0) = 0;
	is_str(text, "1969-12-31T23:59:58.500000000Z", "further before the epoch");

	/* The other clock: seconds since the boot, whatever the wall clock says. */
	format = format_of(FORMAT_CSV, ERA_614);
	format.wall_offset_ns = 1700000000000000000;
	format.clock = CLOCK_MONO;
	*format_time(&format, text, 0) = 0;
	is_str(text, "0.000000000", "monotonic: the boot");
	*format_time(&format, text, 12345000000001) = 0;
	is_str(text, "12345.000000001", "monotonic: nanoseconds");
	*format_time(&format, text, ~0ULL) = 0;
	is_str(text, "18446744073.709551615", "monotonic: the largest");
	format.kind = FORMAT_JSON;
	*format_time(&format, text, 12345678901234) = 0;
	is_str(text, "\"12345.678901234\"", "monotonic: a string in JSON");
	format.kind = FORMAT_TABLE;
	*format_time(&format, text, 12345678901999) = 0;
	is_str(text, "12345.678901", "monotonic: microseconds in the table");
	event.time = 7000000000;
	*format_event(&format, line_text, &event) = 0;
	has(line_text, "7.000000        dio_write     fio ", "monotonic: the column keeps its width");

	format_init(&format, &lookups_observer, FORMAT_JSON, ERA_614);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &now);
	event.time = mono.tv_sec * 1000000000ULL + mono.tv_nsec;
	*format_event(&format, (char[LINE_ROOM]){}, &event) = 0;
	ok(llabs((__s64)event.time + format.wall_offset_ns - (now.tv_sec * 1000000000LL + now.tv_nsec)) < 1000000000,
	   "the clocks' offset is right within a second");
}

static const char *colored(__s32 ret, __u64 latency_ns, __u64 nulls, enum format_kind kind)
{
	static char text[LINE_ROOM];
	struct format format = format_of(kind, ERA_614);
	struct lookup_event event = sample();

	event.ret = ret;
	event.latency_ns = latency_ns;
	event.nulls |= nulls;
	event.kstack = event.ustack = -1;
	format.color = true;
	*format_event(&format, text, &event) = 0;
	return text;
}

static void colors(void)
{
	int fd = memfd_create("file", 0), kind;

	has(colored(-ENOSPC, 100, 0, FORMAT_TABLE), " \033[31mENOSPC   \033[0m    100ns ", "an error is red, and as wide as ever");
	has(colored(0, 10000000, 0, FORMAT_TABLE), " ok        \033[33m  10.0ms\033[0m ", "10ms is yellow");
	ok(!strchr(colored(0, 9999999, 0, FORMAT_TABLE), '\033'), "less is not, nor is ok");
	ok(!strchr(colored(-1, 10000000, LF_BIT(ret) | LF_BIT(latency_ns), FORMAT_TABLE), '\033'), "nor is what is not known");
	for (kind = FORMAT_JSON; kind <= FORMAT_CSV; kind++)
		ok(!strchr(colored(-1, 10000000, 0, kind), '\033'), "format %d has none", kind);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	ok(!format_wants_color(COLOR_AUTO, fd) && format_wants_color(COLOR_ALWAYS, fd), "a file has none, unless it is asked for");
	close(fd);
	fd = posix_openpt(O_RDWR | O_NOCTTY);
	ok(fd >= 0 && format_wants_color(COLOR_AUTO, fd) && !format_wants_color(COLOR_NEVER, fd), "a terminal has, unless it is forbidden");
	setenv("NO_COLOR", "", 1);
	ok(format_wants_color(COLOR_AUTO, fd), "an empty NO_COLOR says nothing");
	setenv("NO_COLOR", "1", 1);
	ok(!format_wants_color(COLOR_AUTO, fd) && format_wants_color(COLOR_ALWAYS, fd), "NO_COLOR, and --color=always against it");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	ok(!format_wants_color(COLOR_AUTO, fd), "a terminal that knows none");
	close(fd);
}

/* One line as a string: a record of another observer. */
static const char *ioend_line(enum format_kind kind, const struct ioend_event *event)
{
	static char text[LINE_ROOM];
	struct format format;

	format_init(&format, &ioends_observer, kind, ERA_614);
	format.wall_offset_ns = 0;
	*format_event(&format, text, event) = 0;
	return text;
}

static void ioends(void)
{
	struct ioend_event event = {
		.time = 1700000000123456789, .op = OP_WRITEBACK, .comm = { "kworker/u4:1" }, .pid = 42, .tid = 42, .cgroup = 1,
		.dev = 259 << 20 | 3, .ino = 131, .pos = 4096, .len = 1000, .type = TYPE_UNWRITTEN, .sector = 77, .bytes = 4096, .folios = 1,
		.ranges = 2, .reason = REASON_FILE_GAP, .merged = 3, .ret = -EIO, .build_ns = 100, .device_ns = 2000, .completion_ns = 300,
		.latency_ns = 2400, .source = IOEND_SOURCE_EVENTS, .flags = 1 << 2,
	};

	is_str(ioend_line(FORMAT_JSON, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"ioend\",\"op\":\"writeback\",\"comm\":\"kworker/u4:1\",\"pid\":42,"
	       "\"tid\":42,\"cgroup\":1,\"dev\":\"259:3\",\"ino\":131,\"pos\":4096,\"len\":1000,\"type\":\"unwritten\",\"sector\":77,"
	       "\"bytes\":4096,\"folios\":1,\"ranges\":2,\"reason\":\"file_gap\",\"merged\":3,\"ret\":-5,\"build_ns\":100,"
	       "\"device_ns\":2000,\"completion_ns\":300,\"latency_ns\":2400,\"source\":\"iomap_ioend\",\"flags\":\"SHARED\",\"path\":null,\"path_was\":null,\"kstack\":null,\"ustack\":null}\n", "ioend: JSON");
	is_str(ioend_line(FORMAT_CSV, &event),
	       "2023-11-14T22:13:20.123456789Z,ioend,writeback,kworker/u4:1,42,42,1,259:3,131,4096,1000,unwritten,77,4096,1,2,file_gap,3,-5,"
	       "100,2000,300,2400,iomap_ioend,SHARED,,,,\n", "ioend: CSV");
	is_str(ioend_line(FORMAT_TABLE, &event),
	       "22:13:20.123456 kworker/u4:1         42 259:3         131        4k      1000 unwritten           77        4k      1 file_gap       3"
	       " EIO          100ns   2.00us   2.40us -\n", "ioend: table");
	event.reason = REASON_HIDDEN;
	event.nulls = IF_BIT(reason) | IF_BIT(bytes) | IF_BIT(build_ns);
	has(ioend_line(FORMAT_JSON, &event), "\"bytes\":null,", "ioend: bytes may be null");
	has(ioend_line(FORMAT_JSON, &event), "\"reason\":null,", "ioend: so may the reason");
	event.nulls = 0;
	event.reason = REASON_COUNT;
	has(ioend_line(FORMAT_JSON, &event), "\"reason\":\"8\",", "ioend: a reason that this version does not know");
	ok(!word_of(KIND_REASON, REASON_COUNT) && !word_of(KIND_REASON, REASON_HIDDEN), "other numbers are no reasons");
}

static const char *line_of(const struct observer *observer, enum format_kind kind, const void *event)
{
	static char text[LINE_ROOM];
	struct format format;

	format_init(&format, observer, kind, ERA_614);
	format.wall_offset_ns = 0;
	*format_event(&format, text, event) = 0;
	return text;
}

static void dax(void)
{
	struct dax_event event = {
		.time = 1700000000123456789, .op = OP_DAX_FAULT_PMD, .comm = { "db" }, .pid = 42, .tid = 43, .cgroup = 1,
		.dev = 259 << 20, .ino = 131, .pos = 2 << 20, .len = 2 << 20, .access = ACCESS_WRITE, .result = 1 << 11,
		.fallback = FALLBACK_EXTENT, .type = TYPE_MAPPED, .flags = 1 << 2, .cow = COW_SHARED, .address = 0x7f0000200000,
		.latency_ns = 2400, .source = DAX_SOURCE_EVENTS,
		.nulls = XF_BIT(done) | XF_BIT(fallback_ret) | XF_BIT(mapped) | XF_BIT(extents) | XF_BIT(copies) | XF_BIT(recovered) |
			 XF_BIT(sync_ns),
	};

	is_str(line_of(&dax_observer, FORMAT_JSON, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"dax\",\"op\":\"dax_fault_pmd\",\"comm\":\"db\",\"pid\":42,"
	       "\"tid\":43,\"cgroup\":1,\"dev\":\"259:0\",\"ino\":131,\"pos\":2097152,\"len\":2097152,\"access\":\"write\",\"done\":null,"
	       "\"ret\":0,\"result\":\"FALLBACK\",\"fallback\":\"extent\",\"fallback_ret\":null,\"mapped\":null,\"type\":\"mapped\","
	       "\"flags\":\"SHARED\",\"cow\":\"shared\",\"extents\":null,\"copies\":null,\"recovered\":null,"
	       "\"address\":139637978824704,\"sync_ns\":null,\"latency_ns\":2400,\"source\":\"dax_iomap_fault\",\"path\":null,\"path_was\":null,"
	       "\"kstack\":null,\"ustack\":null}\n", "dax: JSON");
	is_str(line_of(&dax_observer, FORMAT_CSV, &event),
	       "2023-11-14T22:13:20.123456789Z,dax,dax_fault_pmd,db,42,43,1,259:0,131,2097152,2097152,write,,0,FALLBACK,extent,,,mapped,SHARED,"
	       "shared,,,,139637978824704,,2400,dax_iomap_fault,,,,\n", "dax: CSV");
	is_str(line_of(&dax_observer, FORMAT_TABLE, &event),
	       "22:13:20.123456 dax_fault_pmd db                   42 259:0         131        2m        2m write         - ok        FALLBACK"
	       "         extent     -             -   2.40us -\n", "dax: table");
	event.result = 1 << 2 | 1 << 8 | 1 << 13;
	event.mapped = MAPPED_PAGE;
	event.sync_ns = 1000;
	event.nulls = XF_BIT(fallback);
	has(line_of(&dax_observer, FORMAT_JSON, &event), "\"result\":\"MAJOR|NOPAGE|NEEDDSYNC\",\"fallback\":null,", "dax: a synchronous fault");
	has(line_of(&dax_observer, FORMAT_TABLE, &event), " MAJOR|NOPAGE|NEEDDSYNC -          page     1.00us   2.40us -\n", "dax: and how long the sync was");
	event.nulls = 0;
	event.fallback = FALLBACK_COUNT;
	event.result = 1 << 3;
	has(line_of(&dax_observer, FORMAT_JSON, &event), "\"fallback\":\"16\",", "dax: a reason that this version does not know");
	has(line_of(&dax_observer, FORMAT_JSON, &event), "\"result\":\"0x8\",", "dax: and a result");
	ok(!word_of(KIND_FALLBACK, 31) && !word_of(KIND_MAPPED, MAPPED_NOTHING) && !word_of(KIND_COW, 31),
	   "dax: what is hidden has no word");
}

static void aio(void)
{
	struct aio_event event = {
		.time = 1700000000123456789, .op = AIO_OP_PWRITE, .comm = { "fio" }, .pid = 42, .tid = 43, .cgroup = 1, .dev = 259 << 20 | 3,
		.ino = 131, .fd = 5, .ctx = 0x7f0000001000, .iocb = 0x5555, .data = 7, .pos = 4096, .len = 8192, .done = 8192, .route = AIO_ROUTE_QUEUED,
		.posted = 1, .submit_ns = 100, .flight_ns = 2000, .post_ns = 300, .latency_ns = 2400, .source = AIO_SOURCE_EVENTS, .flags = 1,
		.rw_flags = 1 << 1 | 1 << 9, .nulls = AF_BIT(segments) | AF_BIT(revents) | AF_BIT(cancel),
	};

	is_str(line_of(&aio_observer, FORMAT_JSON, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"aio\",\"op\":\"pwrite\",\"comm\":\"fio\",\"pid\":42,\"tid\":43,"
	       "\"cgroup\":1,\"dev\":\"259:3\",\"ino\":131,\"fd\":5,\"ctx\":139637976731648,\"iocb\":21845,\"data\":7,\"pos\":4096,"
	       "\"len\":8192,\"segments\":null,\"done\":8192,\"revents\":null,\"ret\":0,\"route\":\"queued\",\"cancel\":null,\"posted\":1,"
	       "\"submit_ns\":100,\"flight_ns\":2000,\"post_ns\":300,\"latency_ns\":2400,\"source\":\"aio_iocb\",\"flags\":\"RESFD\","
	       "\"rw_flags\":\"DSYNC|0x200\",\"path\":null,\"path_was\":null,\"kstack\":null,\"ustack\":null}\n", "aio: JSON");
	is_str(line_of(&aio_observer, FORMAT_CSV, &event),
	       "2023-11-14T22:13:20.123456789Z,aio,pwrite,fio,42,43,1,259:3,131,5,139637976731648,21845,7,4096,8192,,8192,,0,queued,,1,100,"
	       "2000,300,2400,aio_iocb,RESFD,DSYNC|0x200,,,,\n", "aio: CSV");
	is_str(line_of(&aio_observer, FORMAT_TABLE, &event),
	       "22:13:20.123456 pwrite  fio                  42 259:3         131        4k        8k        8k ok        queued  -          100ns   2.00us"
	       "   2.40us -\n", "aio: table");
	event.op = AIO_OP_UNKNOWN;
	event.ret = -EBADF;
	event.route = AIO_ROUTE_REFUSED;
	event.cancel = CANCEL_CONTEXT;
	event.nulls = AF_BIT(dev) | AF_BIT(ino);
	has(line_of(&aio_observer, FORMAT_JSON, &event), "\"op\":\"unknown\",", "aio: an opcode that there is not");
	has(line_of(&aio_observer, FORMAT_JSON, &event), "\"dev\":null,\"ino\":null,", "aio: no file");
	has(line_of(&aio_observer, FORMAT_JSON, &event), "\"ret\":-9,\"route\":\"refused\",\"cancel\":\"context\"", "aio: refused");
	has(line_of(&aio_observer, FORMAT_TABLE, &event), " EBADF     refused context ", "aio: refused, in the table");
}

static void dmio(void)
{
	struct dmio_event event = {
		.time = 1700000000123456789, .op = DM_OP_WRITE, .comm = { "kworker/0:1" }, .pid = 42, .tid = 42, .cgroup = 1, .wait = DM_WAIT_ASYNC,
		.memory = 1, .region_count = 3, .bytes = 4096 * 3, .bios = 3, .error_bits = 2, .device_ns = 2000, .latency_ns = 2400, .notify_ns = 300,
		.source = DMIO_SOURCE_EVENTS, .flags = 1 << 0 | 1 << 4,
		.regions = {
			.failed = 2, .known = 7, .all = 3,
			.region = { { 2048, 8, 253 << 20 }, { 1ULL << 40, 8, 253 << 20 | 1 }, { 0, 8, 8 << 20 | 16 } },
		},
	};
	int i;

	is_str(line_of(&dmio_observer, FORMAT_JSON, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"dmio\",\"op\":\"write\",\"comm\":\"kworker/0:1\",\"pid\":42,"
	       "\"tid\":42,\"cgroup\":1,\"wait\":\"async\",\"memory\":\"bio\",\"region_count\":3,\"regions\":["
	       "{\"region\":0,\"dev\":\"253:0\",\"sector\":2048,\"count\":8,\"failed\":false},"
	       "{\"region\":1,\"dev\":\"253:1\",\"sector\":1099511627776,\"count\":8,\"failed\":true},"
	       "{\"region\":2,\"dev\":\"8:16\",\"sector\":0,\"count\":8,\"failed\":false}],"
	       "\"bytes\":12288,\"bios\":3,\"error_bits\":2,\"device_ns\":2000,\"latency_ns\":2400,\"notify_ns\":300,\"source\":\"dm_io\","
	       "\"flags\":\"SYNC|FUA\",\"kstack\":null,\"ustack\":null}\n", "dmio: JSON");
	is_str(line_of(&dmio_observer, FORMAT_CSV, &event),
	       "2023-11-14T22:13:20.123456789Z,dmio,write,kworker/0:1,42,42,1,async,bio,3,\"253:0@2048+8 253:1@1099511627776+8! 8:16@0+8\",12288,3,"
	       "2,2000,2400,300,dm_io,SYNC|FUA,,\n", "dmio: CSV");
	is_str(line_of(&dmio_observer, FORMAT_TABLE, &event),
	       "22:13:20.123456 write        kworker/0:1          42 async bio       253:0@2048+8,+2                    12k     3     0x2   2.00us   2.40us"
	       "    300ns\n", "dmio: table");
	/* More regions than there is room for, and one that nothing was sent to. */
	event.regions.all = event.region_count = 64;
	event.regions.failed = ~0ULL;
	event.regions.known = 0xfe;
	for (i = 0; i < REGIONS_MAX; i++)
		event.regions.region[i] = (struct region){ ~0ULL, ~0ULL, ~0U };
	has(line_of(&dmio_observer, FORMAT_TABLE, &event), " 4095:1048575@18446744073709551615+18446744073709551615!,+63 ", "dmio: the largest region");
	has(line_of(&dmio_observer, FORMAT_JSON, &event), "\"regions\":[{\"region\":1,", "dmio: the first region that is known");
	has(line_of(&dmio_observer, FORMAT_JSON, &event), "\"region\":7,\"dev\":\"4095:1048575\",\"sector\":18446744073709551615,"
	    "\"count\":18446744073709551615,\"failed\":true}],", "dmio: and the last");
	event.regions.known = 0;
	has(line_of(&dmio_observer, FORMAT_JSON, &event), "\"regions\":[],", "dmio: no region is known: JSON");
	has(line_of(&dmio_observer, FORMAT_CSV, &event), ",64,\"\",", "dmio: no region is known: CSV");
	has(line_of(&dmio_observer, FORMAT_TABLE, &event), " bio       -  ", "dmio: no region is known: table");
}

static void inject(void)
{
	struct inject_event event = {
		.nulls = JF_BIT(cap), .time = 1700000000123456789, .rule = 2, .step = INJECT_DIO_BEGIN, .op = OP_DIO_WRITE, .comm = { "fio" }, .pid = 42,
		.tid = 43, .cgroup = 1, .dev = 254 << 20 | 16, .ino = 131, .pos = 4096, .len = 8192, .error = -28, .delay_ns = 1500000,
		.applied = VERDICT_BIT(ERROR), .ignored = VERDICT_BIT(DELAY) | VERDICT_BIT(FALLBACK), .kstack = -1, .ustack = -1,
	};

	is_str(line_of(&inject_observer, FORMAT_JSON, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"inject\",\"rule\":2,\"step\":\"dio_begin\",\"op\":\"dio_write\",\"comm\":\"fio\","
	       "\"pid\":42,\"tid\":43,\"cgroup\":1,\"dev\":\"254:16\",\"ino\":131,\"pos\":4096,\"len\":8192,\"error\":-28,\"delay_ns\":1500000,\"cap\":null,"
	       "\"applied\":\"error\",\"ignored\":\"delay|fallback\",\"source\":\"iomap_control\",\"path\":null,\"path_was\":null,\"kstack\":null,"
	       "\"ustack\":null}\n", "inject: JSON");
	is_str(line_of(&inject_observer, FORMAT_CSV, &event),
	       "2023-11-14T22:13:20.123456789Z,inject,2,dio_begin,dio_write,fio,42,43,1,254:16,131,4096,8192,-28,1500000,,error,delay|fallback,iomap_control,,,,\n",
	       "inject: CSV");
	has(line_of(&inject_observer, FORMAT_TABLE, &event), " ENOSPC      1.50ms         - error       delay|fallback", "inject: table");
	/* At a completion: no task. */
	event.nulls = JF_BIT(rule) | JF_BIT(comm) | JF_BIT(pid) | JF_BIT(tid) | JF_BIT(cgroup) | JF_BIT(error) | JF_BIT(delay_ns);
	event.step = INJECT_STEP_COUNT;
	event.applied = 1u << 31;
	has(line_of(&inject_observer, FORMAT_JSON, &event), "\"rule\":null,\"step\":\"13\",\"op\":\"dio_write\",\"comm\":null,\"pid\":null,\"tid\":null,"
	    "\"cgroup\":null,", "inject: without a task, at a step that has no name");
	has(line_of(&inject_observer, FORMAT_JSON, &event), "\"error\":null,\"delay_ns\":null,\"cap\":0,\"applied\":\"0x80000000\"", "inject: a verdict that has no name");
}

static void check(void)
{
	struct check_event event = {
		.nulls = CF_BIT(expected), .time = 1700000000123456789, .rule = RULE_LOOKUP_COVERS, .fault = FAULT_EMPTY, .op = OP_DIO_WRITE,
		.comm = { "fio" }, .pid = 42, .tid = 43, .cgroup = 1, .dev = 254 << 20 | 16, .ino = 131, .pos = 4096, .len = 8192, .got = -1,
		.expected = 7, .detail = 1LL << 40, .kstack = -1, .ustack = -1, .steps = 18,
	};
	struct rule_sum sum = { .rule = RULE_DMIO_NOTIFY, .checked = 3, .violations = 1 };
	struct format format;
	struct out *out;
	char text[LINE_ROOM];
	int fd, kind, i;
	ssize_t len;

	is_str(line_of(&check_observer, FORMAT_JSON, &event),
	       "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"event\":\"violation\",\"rule\":\"lookup-covers\",\"fault\":\"empty\",\"op\":\"dio_write\","
	       "\"comm\":\"fio\",\"pid\":42,\"tid\":43,\"cgroup\":1,\"dev\":\"254:16\",\"ino\":131,\"pos\":4096,\"len\":8192,\"got\":-1,\"expected\":null,"
	       "\"detail\":1099511627776,\"source\":\"iomap_lookup\",\"path\":null,\"path_was\":null,\"kstack\":null,\"ustack\":null}\n", "check: JSON");
	has(line_of(&check_observer, FORMAT_TABLE, &event), " lookup-covers        empty              dio_write     fio ", "check: table");
	/* More steps than are kept: the last ones, the oldest of them first; one that this version does not know. */
	for (i = 0; i < CHECK_STEPS; i++)
		event.step[i] = (struct check_step){ .ns = i * 1000, .pos = i, .len = 1, .a = -i, .b = 2, .event = i == 1 ? 9999 : STEP_LOOKUP };
	for (kind = FORMAT_TABLE; kind <= FORMAT_CSV; kind++) {
		fd = memfd_create("check", 0);
		format_init(&format, &check_observer, kind, ERA_614);
		format.wall_offset_ns = 0;
		out = out_new(fd, 4096, &never);
		violation_print(out, &format, &event);
		is_int(out_written(out), 1, "check: a violation is one record");
		sum.why_not = NULL;
		if (kind != FORMAT_CSV)
			rule_print(out, &format, &sum);
		sum.why_not = "it is \"so\"";
		if (kind != FORMAT_CSV)
			rule_print(out, &format, &sum);
		out_flush(out);
		out_free(out);
		len = pread(fd, text, sizeof(text) - 1, 0);
		text[len < 0 ? 0 : len] = 0;
		close(fd);
		if (kind == FORMAT_TABLE) {
			has(text, "\n    the mapping has no bytes: got -1, detail 1099511627776 (got: its length; detail: where it begins)\n", "check: what is wrong");
			has(text, "\n    must hold: a successful lookup gives a mapping", "check: the rule");
			has(text, "\n    rests on: iomap_iter_done() in fs/iomap/iter.c", "check: what it rests on");
			has(text, "\n    2 steps before these\n    +2.00us     lookup       2+1 ret -2 took_ns 2\n", "check: the oldest step that is kept");
			has(text, "\n    +0ns        lookup       0+1 ret 0 took_ns 2\n    +1.00us     9999         1+1\n\ndmio-notify",
			    "check: the last ones, an unknown step");
			has(text, "dmio-notify          checked 3, violations 1, unchecked 0\ndmio-notify          cannot be checked: it is \"so\"\n", "check: the rule's lines");
		} else if (kind == FORMAT_JSON) {
			has(text, "\"ustack\":null,\"wrong\":\"the mapping has no bytes\",\"must_hold\":\"a successful", "check: the words, in JSON");
			has(text, "\"steps_before\":2,\"timeline\":[{\"offset_ns\":2000,\"step\":\"lookup\",\"pos\":2,\"len\":1,\"ret\":-2,\"took_ns\":2},", "check: the timeline");
			has(text, "{\"offset_ns\":1000,\"step\":\"9999\",\"pos\":1,\"len\":1}]}\n", "check: an unknown step, in JSON");
			has(text, "{\"event\":\"rule\",\"command\":\"check\",\"rule\":\"dmio-notify\",\"checked\":3,\"violations\":1,\"unchecked\":0,\"no_room\":0,"
			    "\"skipped\":0,\"why_not\":null}\n", "check: a rule, in JSON");
			has(text, "\"checked\":null,\"violations\":null,\"unchecked\":null,\"no_room\":null,\"skipped\":null,\"why_not\":\"it is \\\"so\\\"\"}\n",
			    "check: one that cannot be checked, in JSON");
		} else {
			has(text, ",lookup-covers,empty,dio_write,fio,42,43,1,254:16,131,4096,8192,-1,,1099511627776,iomap_lookup,,,,\n", "check: CSV, without a timeline");
		}
	}
}

/* For other tests: the header and one event, as many of its fields as there are. */
static int print(const char *name, const char *command)
{
	enum format_kind kind = !strcmp(name, "csv") ? FORMAT_CSV : !strcmp(name, "json") ? FORMAT_JSON : FORMAT_TABLE;
	const struct observer *observer = observer_of(command_find(command));
	char text[2 * LINE_ROOM], *p, event[1024] = {};
	struct format format;

	format_init(&format, observer, kind, ERA_614);
	p = format_header(&format, text);
	p = format_event(&format, p, event);
	fwrite(text, 1, p - text, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	setenv("TZ", "UTC", 1);
	if (argc > 1)
		return print(argv[1], argc > 2 ? argv[2] : "lookups");
	make_paths();
	make_stacks();
	whole_lines();
	nulls();
	results();
	names();
	comms();
	all_flags();
	extremes();
	clocks();
	ioends();
	dax();
	aio();
	dmio();
	inject();
	check();
	colors();
	paths_free(paths);
	stacks_free(stacks);
	return done_testing();
}
