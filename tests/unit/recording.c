// SPDX-License-Identifier: GPL-2.0
/* Recordings: what is written is read, of every observer; other versions; rotation; what is damaged. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caps.h"
#include "follow.h"
#include "lookups.h"
#include "format.h"
#include "recorder.h"
#include "recording.h"
#include "recording_format.h"
#include "tap.h"

static char clean_up[64];
static char directory[] = "/tmp/recording.XXXXXX";

static const char *in_directory(const char *name)
{
	static char path[4][128];
	static int next;

	next = (next + 1) & 3;
	snprintf(path[next], sizeof(path[next]), "%s/%s", directory, name);
	return path[next];
}

/* Bytes that look like nothing, the same each time. */
static __u64 noise(__u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A record of any observer with something in each field; @i: of them, that many times something else. */
static void fill(const struct observer *observer, void *record, __u64 i)
{
	struct record_layout layout = record_layout(observer);
	__u64 state = 88172645463325252ULL + i * 7919;
	int n;

	memset(record, 0, layout.size);
	for (n = 0; n < layout.count; n++) {
		const struct field *field = &layout.field[n];
		size_t at;

		for (at = 0; at < field->size; at++)
			((unsigned char *)record)[field->offset + at] = noise(&state);
		switch (field->kind) {
		case KIND_TIME:
			layout_set(field, record, 1000000000000ULL + i * 1000);
			break;
		case KIND_SOURCE:
		case KIND_STEP:
		case KIND_PATH_WAS:
			layout_set(field, record, 0);
			break;
		default:
			break;
		}
	}
	if (layout.nulls)
		*(__u64 *)record = i % 3 == 0 ? 0 : noise(&state) & ~1ULL;
}

/* What live formatting would have asked: a path for each third record, a stack for each fifth. */
static struct path_found path_of(__u64 i)
{
	static char path[PATH_SHOWN], was[PATH_SHOWN];
	struct path_found found = {};

	if (i % 3)
		return found;
	/* One of them as long as a path can be. */
	memset(path, 'p', sizeof(path));
	snprintf(path, sizeof(path), "/srv/\xc3\xa4,\"\n%llu", (unsigned long long)i);
	if (i == 9) {
		memset(path, 'p', sizeof(path) - 1);
		path[sizeof(path) - 1] = 0;
	}
	snprintf(was, sizeof(was), "/srv/old%llu", (unsigned long long)i);
	found.path = i == 6 ? NULL : path;
	found.was = i % 2 ? was : NULL;
	return found;
}

static const struct frames *stack_of(__u64 i)
{
	static struct frames frames;
	unsigned int n;

	if (i % 5)
		return NULL;
	frames.count = i == 5 ? STACK_DEPTH : 2;
	for (n = 0; n < frames.count; n++)
		snprintf(frames.name[n], FRAME_TEXT, "function_%llu+0x%x [module]", (unsigned long long)i, n);
	return &frames;
}

static void put(struct recorder *w, int stream, const struct observer *observer, __u64 i)
{
	struct record_layout layout = record_layout(observer);
	void *record = recorder_begin_record(w, stream, i, 1234567890 + (i >= 50));
	const struct field *path = layout_field(&layout, "path"), *stack = layout_field(&layout, "kstack");
	struct path_found found = path_of(i);

	if (!record)
		return;
	fill(observer, record, i);
	if (path)
		layout_set(path, record, recorder_path(w, &found));
	if (stack)
		layout_set(stack, record, recorder_stack(w, stack_of(i)));
	recorder_device(w, 259 << 20 | 3, "259:3 nvme0n1p3 /srv");
	recorder_cgroup(w, 4711, "/system.slice/x.service");
	recorder_end_record(w, stream, true);
}

static struct recorder *new_recorder(const struct recorder_options *options)
{
	struct err err = {};
	struct recorder *w = recorder_new(options, &err);

	if (!w)
		tap_diag("recorder_new: ", err.text);
	return w;
}

static struct account account_of(__u64 seen)
{
	return (struct account) { .seen = seen + 7, .emitted = seen, .filtered = 4, .lost = { [LOSS_ring_full] = 2, [LOSS_skipped] = 1 },
				  .programs_skipped = 9, .unseen_at_most = 8, .stacks_lost = 6, .duration_ns = 5 };
}

/* @count records of each of @observers. */
static void write_all(const struct recorder_options *options, const struct observer *const *list, int observers, __u64 count)
{
	struct recorder *w = new_recorder(options);
	struct account accounts[RECORDING_STREAMS];
	__u64 i;
	int n;

	for (n = 0; n < observers; n++)
		recorder_add(w, list[n], list[n]->source[0].name, ERA_614);
	recorder_start(w, 1000, 77);
	for (i = 0; i < count; i++) {
		for (n = 0; n < observers; n++)
			put(w, n, list[n], i);
	}
	for (n = 0; n < observers; n++)
		accounts[n] = account_of(count);
	recorder_end(w, accounts, 2000);
	if (recorder_error(w))
		tap_diag("recorder: ", recorder_error(w));
	recorder_free(w);
}

/* Of each observer: the records as they were, lines that live formatting would print, the account. */
static void round_trip(const struct observer *observer, bool plain)
{
	const char *path = in_directory("round"), *how = plain ? "plain" : "packed";
	struct recorder_options options = { .path = path, .command_line = "iomapscope record \"x y\"", .force = true, .plain = plain };
	struct record_layout layout = record_layout(observer);
	const struct field *paths = layout_field(&layout, "path"), *stacks = layout_field(&layout, "kstack");
	bool records = true, texts = true, offsets = true;
	char *expected = calloc(1, layout.size);
	const struct account *account;
	struct recording *r;
	struct recorded event;
	struct err err = {};
	__u64 i = 0;
	int ret;

	write_all(&options, &observer, 1, 100);
	r = recording_open(path, &err);
	if (!ok(r, "%s, %s: can be opened", observer->command, how)) {
		tap_diag("because ", err.text);
		free(expected);
		return;
	}
	is_str(recording_info(r)->command_line, "iomapscope record \"x y\"", "%s, %s: the command line", observer->command, how);
	is_str(recording_info(r)->stream[0].source, observer->source[0].name, "%s, %s: the source", observer->command, how);
	is_int(recording_info(r)->stream[0].era, ERA_614, "%s, %s: the era of the flags", observer->command, how);
	is_int(recording_info(r)->wall_offset_ns, 77, "%s, %s: the clock", observer->command, how);
	while ((ret = recording_next(r, &event)) == 1) {
		struct path_found want = path_of(i), got;
		const struct frames *frames;
		unsigned int n;

		fill(observer, expected, i);
		if (paths) {
			got = recording_path(r, layout_value(paths, event.record));
			texts = texts && !!got.path == !!want.path && (!got.path || !strcmp(got.path, want.path));
			texts = texts && !!got.was == !!want.was && (!got.was || !strcmp(got.was, want.was));
			layout_set(paths, expected, layout_value(paths, event.record));
		}
		if (stacks) {
			frames = recording_stack(r, layout_value(stacks, event.record));
			texts = texts && !!frames == !!stack_of(i);
			texts = texts && (!frames || frames->count == stack_of(i)->count);
			for (n = 0; frames && texts && n < frames->count; n++)
				texts = !strcmp(frames->name[n], stack_of(i)->name[n]);
			layout_set(stacks, expected, layout_value(stacks, event.record));
		}
		records = records && !memcmp(event.record, expected, layout.size) && event.observer == observer && event.size == layout.size;
		offsets = offsets && event.wall_offset_ns == 1234567890 + (i >= 50);
		i++;
	}
	ok(!ret && i == 100, "%s, %s: 100 records, and the end", observer->command, how);
	if (ret)
		tap_diag("but ", recording_error(r)->text);
	ok(records, "%s, %s: each is what was written", observer->command, how);
	ok(texts, "%s, %s: with its path and stack", observer->command, how);
	ok(offsets, "%s, %s: and its clock", observer->command, how);
	is_str(recording_device(r, 259 << 20 | 3), "259:3 nvme0n1p3 /srv", "%s, %s: a device", observer->command, how);
	is_str(recording_cgroup(r, 4711), "/system.slice/x.service", "%s, %s: a cgroup", observer->command, how);
	is_str(recording_cgroup(r, 1), NULL, "%s, %s: another cgroup", observer->command, how);
	account = recording_account(r, observer);
	ok(account && account->seen == 107 && account->emitted == 100 && account->filtered == 4 && account_lost(account) == 3 &&
	   account->lost[LOSS_ring_full] == 2 && account->programs_skipped == 9 && account->unseen_at_most == 8 &&
	   account->stacks_lost == 6, "%s, %s: the account", observer->command, how);
	is_u64(recording_end_ns(r), 2000, "%s, %s: the end's time", observer->command, how);
	is_str(recording_next_part(r), NULL, "%s, %s: no further part", observer->command, how);
	recording_close(r);
	free(expected);
}


/* A request of follow: its steps and its end. */
static void put_step(struct recorder *w, int stream, __u64 request, __u64 time, unsigned int step, unsigned int flags)
{
	struct follow_record *record = recorder_begin_record(w, stream, time, 0);
	struct path_found found = { .path = "/srv/file", .was = "/srv/old" };

	memset(record, 0, sizeof(*record));
	record->time = time;
	record->request = request;
	record->id = 4096;
	record->pos = 8192;
	record->len = 512;
	record->step = step;
	record->flags = flags;
	record->ret = flags & FOLLOW_RESULT ? 512 : 0;
	record->dev = 8 << 20;
	record->ino = 77;
	record->op = OP_DIO_READ;
	record->pid = record->tid = 5;
	strcpy(record->comm.s, "reader");
	record->path = flags & FOLLOW_FIRST ? recorder_path(w, &found) : 0;
	record->stacks.kernel = flags & FOLLOW_FIRST ? recorder_stack(w, stack_of(0)) : -1;
	record->stacks.user = -1;
	recorder_end_record(w, stream, flags & FOLLOW_LAST);
}

static void write_follow(const char *path, bool plain, int requests)
{
	struct recorder_options options = { .path = path, .force = true, .plain = plain };
	struct recorder *w = new_recorder(&options);
	struct account account = { .steps = true, .steps_lost = 3, .command = "follow" };
	int i;

	recorder_add(w, &follow_observer, "iomap_op", ERA_62);
	recorder_start(w, 1000, 0);
	for (i = 1; i <= requests; i++) {
		put_step(w, 0, i, 2000 + i, FOLLOW_DIO_BEGIN, FOLLOW_FIRST | FOLLOW_BEGINS);
		put_step(w, 0, i, 3000 + i, FOLLOW_LOOKUP, 0);
		put_step(w, 0, i, 4000 + i, FOLLOW_DIO_END, FOLLOW_RESULT | FOLLOW_BYTES);
		put_step(w, 0, i, 5000 + i, 0, FOLLOW_LAST);
	}
	account.seen = account.emitted = requests;
	recorder_end(w, &account, 9000);
	recorder_free(w);
}

static void follow_trip(void)
{
	const char *path = in_directory("follow");
	struct recorded event;
	struct recording *r;
	struct err err = {};
	int records = 0, ret;
	bool good = true;

	write_follow(path, false, 10);
	r = recording_open(path, &err);
	if (!ok(r, "follow: can be opened"))
		return;
	while ((ret = recording_next(r, &event)) > 0) {
		const struct follow_record *record = event.record;

		good = good && record->request == (__u64)records / 4 + 1 && record->len == 512 && !strcmp(record->comm.s, "reader");
		if (record->flags & FOLLOW_FIRST) {
			good = good && recording_path(r, record->path).path && !strcmp(recording_path(r, record->path).path, "/srv/file") &&
			       recording_stack(r, record->stacks.kernel)->count == 2;
		}
		records++;
	}
	ok(!ret && records == 40 && good, "follow: each record as it was");
	is_u64(recording_stream(r, &follow_observer)->events, 10, "follow: what ends is what counts");
	ok(recording_account(r, &follow_observer)->steps && recording_account(r, &follow_observer)->steps_lost == 3, "follow: lost steps");
	recording_close(r);
}

/* Recordings put together by hand, as another version would write them. */
struct bytes {
	char data[1 << 16];
	size_t len;
};

static void add(struct bytes *to, const void *data, size_t len)
{
	memcpy(to->data + to->len, data, len);
	to->len += len;
}

static void add_head(struct bytes *to, unsigned int major, unsigned int minor)
{
	struct recording_head head = { .magic = "IOMAPREC", .major = major, .minor = minor, .order = 0x01020304 };

	head.crc = recording_crc(&head, offsetof(struct recording_head, crc));
	to->len = 0;
	add(to, &head, sizeof(head));
}

static void add_block(struct bytes *to, unsigned int type, int stream, __u64 number, __u32 count, const struct bytes *payload)
{
	struct block_head head = { .magic = BLOCK_MAGIC, .type = type, .stream = stream, .number = number, .stored = payload->len,
				   .size = payload->len, .count = count, .payload_crc = recording_crc(payload->data, payload->len) };

	head.crc = recording_crc(&head, offsetof(struct block_head, crc));
	add(to, &head, sizeof(head));
	add(to, payload->data, payload->len);
}

static void add_tag(struct bytes *to, unsigned int tag, const void *data, size_t len)
{
	struct tag_head head = { .tag = tag, .len = len };

	add(to, &head, sizeof(head));
	add(to, data, len);
}

#define TEXT(to, tag, text) add_tag(to, tag, text, sizeof(text) - 1)

static void add_field(struct bytes *to, const char *kind, const char *name, __u32 offset, __u32 size, __u8 null_bit)
{
	struct field_tag tag = { .offset = offset, .size = size, .null_bit = null_bit };
	struct bytes *text = calloc(1, sizeof(*text));

	add(text, &tag, sizeof(tag));
	add(text, kind, strlen(kind) + 1);
	add(text, name, strlen(name) + 1);
	add_tag(to, TAG_FIELD, text->data, text->len);
	free(text);
}

static void save(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		tap_diag("cannot write ", path);
	close(fd);
}

/* Opens it, and returns what is wrong with it, NULL if nothing is. */
static const char *wrong_with(const char *path, int *status)
{
	struct err err = {};
	struct recording *r = recording_open(path, &err);
	struct recorded event;
	static char text[400];
	int ret;

	if (r) {
		while ((ret = recording_next(r, &event)) > 0)
			;
		err = *recording_error(r);
		recording_close(r);
		if (!ret)
			return NULL;
	}
	*status = err.status;
	strcpy(text, err.text);
	return text;
}

/* What an other version's lookups look like: in another order, of other sizes, one kind of field that we do not know. */
#pragma pack(push, 1)
struct other_lookup {
	__u64 nulls;
	__u32 ino;
	__s64 ret;
	__u64 time;
	__u8 op, source, novelty;
	char pad[3];
	__u16 latency;
	__u64 pos;
	__u64 len;
};
#pragma pack(pop)

static void other_versions(void)
{
	const char *path = in_directory("other");
	struct bytes *file = calloc(1, sizeof(*file)), *part = calloc(1, sizeof(*part));
	struct other_lookup old = { .nulls = 1u << 5, .ino = 4000000000u, .ret = -28, .time = 5, .op = 1, .source = 1, .novelty = 9,
				    .latency = 60000, .pos = 3, .len = 7 };
	static const char words[] = "op\0fiemap\0dio_write\0hovering";
	const struct lookup_event *e;
	__u64 offset = 11;
	struct recorded event;
	struct recording *r;
	struct err err = {};
	int status = 0;

	add_head(file, RECORDING_MAJOR, RECORDING_MINOR + 1);
	TEXT(part, TAG_KERNEL, "9.9");
	TEXT(part, 30, "of the future");
	add_block(file, BLOCK_INFO, NO_STREAM, 0, 0, part);
	part->len = 0;
	TEXT(part, TAG_OBSERVER, "lookups");
	TEXT(part, TAG_SOURCE, "iomap_lookup");
	TEXT(part, TAG_ERA, "6.15");
	add_tag(part, TAG_RECORD_SIZE, &(__u32) { sizeof(old) }, 4);
	add_field(part, "dec", "ino", offsetof(struct other_lookup, ino), 4, 0);
	add_field(part, "ret", "ret", offsetof(struct other_lookup, ret), 8, 1);
	add_field(part, "time", "time", offsetof(struct other_lookup, time), 8, 2);
	add_field(part, "op", "op", offsetof(struct other_lookup, op), 1, 3);
	add_field(part, "source", "source", offsetof(struct other_lookup, source), 1, 4);
	add_field(part, "size", "pos", offsetof(struct other_lookup, pos), 8, 5);
	add_field(part, "novelty", "novelty", offsetof(struct other_lookup, novelty), 1, 6);
	add_field(part, "duration", "latency_ns", offsetof(struct other_lookup, latency), 2, NO_NULL_BIT);
	/* Of the same name, but something else. */
	add_field(part, "hex", "len", offsetof(struct other_lookup, len), 8, 7);
	add_tag(part, TAG_SOURCES, "telepathy\0iomap_iter+fexit", 27);
	add_tag(part, TAG_WORDS, words, sizeof(words));
	add_tag(part, 31, "?", 1);
	add_block(file, BLOCK_SCHEMA, 0, 1, 0, part);
	part->len = 0;
	TEXT(part, TAG_OBSERVER, "dreams");
	add_tag(part, TAG_RECORD_SIZE, &(__u32) { 8 }, 4);
	add_block(file, BLOCK_SCHEMA, 1, 2, 0, part);
	part->len = 0;
	add_block(file, 99, NO_STREAM, 3, 0, part);
	add(part, &offset, 8);
	add(part, &old, sizeof(old));
	old.op = 2;
	add(part, &old, sizeof(old));
	add_block(file, BLOCK_RECORDS, 0, 4, 2, part);
	part->len = 0;
	add(part, &offset, 8);
	add(part, &offset, 8);
	add_block(file, BLOCK_RECORDS, 1, 5, 1, part);
	part->len = 0;
	add_tag(part, TAG_ACCOUNT, &(__u32) { 0 }, 4);
	add_tag(part, TAG_SEEN, &(__u64) { 3 }, 8);
	add_tag(part, TAG_EMITTED, &(__u64) { 2 }, 8);
	add_tag(part, TAG_LOST, "\1\0\0\0\0\0\0\0gremlins", 17);
	add_block(file, BLOCK_END, NO_STREAM, 6, 0, part);
	save(path, file->data, file->len);

	r = recording_open(path, &err);
	if (!ok(r, "another version: can be opened"))
		tap_diag("because ", err.text);
	if (r) {
		is_str(recording_info(r)->kernel, "9.9", "another version: the kernel");
		is_int(recording_info(r)->streams, 2, "another version: its observers");
		ok(recording_info(r)->stream[0].observer == &lookups_observer && !recording_info(r)->stream[1].observer,
		   "another version: one is not known here");
		is_int(recording_info(r)->stream[0].era, ERA_615, "another version: the era of the flags");
		if (!is_int(recording_next(r, &event), 1, "another version: a record")) {
			tap_diag("but ", recording_error(r)->text);
			exit(1);
		}
		e = event.record;
		is_u64(e->ino, 4000000000u, "another version: a number that was smaller");
		is_int(e->ret, -28, "another version: a number with a sign that was larger");
		is_u64(e->time, 5, "another version: the time");
		is_int(e->op, OP_DIO_WRITE, "another version: an operation by its name");
		is_int(e->source, SOURCE_FEXIT, "another version: a source by its name");
		is_u64(e->latency_ns, 60000, "another version: a latency without a sign");
		is_u64(e->nulls >> LF_pos & 1, 1, "another version: what was null is");
		is_u64(e->nulls >> LF_latency_ns & 1, 0, "another version: what is never null is not");
		is_u64(e->nulls >> LF_len & 1, 1, "another version: what is something else is null");
		is_u64(e->nulls >> LF_cookie & 1, 1, "another version: what was not there is null");
		is_u64(e->nulls >> LF_ino & 1, 0, "another version: what was there is not");
		is_int(e->kstack, -1, "another version: no stack");
		is_u64(event.wall_offset_ns, 11, "another version: the clock");
		is_int(recording_next(r, &event), 1, "another version: the next record");
		is_str(op_name(((const struct lookup_event *)event.record)->op), NULL, "another version: an operation that has no name here");
		is_int(recording_next(r, &event), 0, "another version: the end");
		is_u64(recording_left_out(r), 1, "another version: what is not known here is counted");
		ok(recording_account(r, &lookups_observer) && account_lost(recording_account(r, &lookups_observer)) == 1,
		   "another version: a loss whose reason is not known is one");
		recording_close(r);
	}
	add_head(file, RECORDING_MAJOR + 1, 0);
	save(path, file->data, file->len);
	has(wrong_with(path, &status), "has version 2.0 of the format, and this iomapscope reads 1; take a newer one",
	    "a newer major version is refused");
	is_int(status, STATUS_DAMAGED, "with its status");
	((struct recording_head *)file->data)->order = 0x04030201;
	save(path, file->data, file->len);
	has(wrong_with(path, &status), "other byte order", "another byte order is refused");
	free(file);
	free(part);
}

/* A number of a step, and what its values mean, by name. */
static void other_steps(void)
{
	const char *path = in_directory("steps");
	struct bytes *file = calloc(1, sizeof(*file)), *part = calloc(1, sizeof(*part));
	struct record_layout layout = record_layout(&follow_observer);
	struct follow_record old = { .step = 1, .value = { 1, 2 } };
	const struct follow_record *got;
	struct recorded event;
	struct recording *r;
	struct err err = {};
	int i;

	add_head(file, RECORDING_MAJOR, 0);
	TEXT(part, TAG_KERNEL, "9.9");
	add_block(file, BLOCK_INFO, NO_STREAM, 0, 0, part);
	part->len = 0;
	TEXT(part, TAG_OBSERVER, "follow");
	add_tag(part, TAG_RECORD_SIZE, &(__u32) { sizeof(old) }, 4);
	for (i = 0; i < layout.count; i++)
		add_field(part, kind_name(layout.field[i].kind), layout.field[i].name, layout.field[i].offset, layout.field[i].size, NO_NULL_BIT);
	add_tag(part, TAG_STEP, "map wondering", 14);
	add_tag(part, TAG_STEP, "ioend submit\0sector\0weight\0ranges", 34);
	add_block(file, BLOCK_SCHEMA, 0, 1, 0, part);
	part->len = 0;
	add(part, &(__u64) { 0 }, 8);
	add(part, &old, sizeof(old));
	old.step = 0;
	add(part, &old, sizeof(old));
	add_block(file, BLOCK_RECORDS, 0, 2, 2, part);
	save(path, file->data, file->len);
	r = recording_open(path, &err);
	if (ok(r, "other steps: can be opened") && is_int(recording_next(r, &event), 1, "other steps: a record")) {
		got = event.record;
		is_int(got->step, FOLLOW_IOEND_SUBMIT, "other steps: a step by its name");
		is_int(got->value_nulls, 1 << 1, "other steps: a value that was another one is null");
		is_u64(got->value[0], 1, "other steps: the others are there");
		is_int(recording_next(r, &event), 1, "other steps: the next record");
		ok(((const struct follow_record *)event.record)->step >= FOLLOW_STEP_COUNT, "other steps: one that is not known has no number here");
	}
	recording_close(r);
	free(file);
	free(part);
}

/* All the records of a recording, to compare with what is read of a damaged one. */
struct whole {
	char *record[64];
	size_t size[64];
	int count;
};

static void read_whole(const char *path, struct whole *whole)
{
	struct err err = {};
	struct recording *r = recording_open(path, &err);
	struct recorded event;

	whole->count = 0;
	while (r && whole->count < 64 && recording_next(r, &event) > 0) {
		whole->record[whole->count] = malloc(event.size);
		whole->size[whole->count] = event.size;
		memcpy(whole->record[whole->count++], event.record, event.size);
	}
	recording_close(r);
}

/* 0: what is read is the beginning of the whole, and what is wrong is told. */
static int read_damaged(const char *path, const struct whole *whole, bool *to_the_end)
{
	struct err err = {};
	struct recording *r = recording_open(path, &err);
	struct recorded event;
	int i = 0, ret, bad = 0;

	*to_the_end = false;
	if (!r)
		return !(err.status == STATUS_DAMAGED && err.text[0]);
	while ((ret = recording_next(r, &event)) > 0) {
		bad = bad || i == whole->count || event.size != whole->size[i] || memcmp(event.record, whole->record[i], event.size);
		i++;
	}
	*to_the_end = !ret;
	if (ret)
		bad = bad || recording_error(r)->status != STATUS_DAMAGED || !recording_error(r)->text[0] || recording_account(r, &aio_observer);
	recording_close(r);
	return bad;
}

/* Every cut, and each byte changed in several ways. */
static void damage(bool plain)
{
	static const struct observer *const list[] = { &aio_observer };
	struct recorder_options options = { .path = in_directory("damage"), .force = true, .plain = plain };
	const char *path = in_directory("damaged"), *how = plain ? "plain" : "packed";
	int fd, bad = 0, whole_read = 0, cut = -1, changed = -1;
	char *data = malloc(1 << 16);
	struct whole whole = {};
	ssize_t len, at;
	bool to_the_end;
	unsigned int i;

	write_all(&options, list, 1, 4);
	read_whole(options.path, &whole);
	is_int(whole.count, 4, "%s: the whole has its records", how);
	fd = open(options.path, O_RDONLY);
	len = read(fd, data, 1 << 16);
	close(fd);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (at = 0; at < len; at++) {
		if (pwrite(fd, data, at, 0) != at || ftruncate(fd, at))
			bad++;
		if (read_damaged(path, &whole, &to_the_end) || to_the_end) {
			bad++;
			cut = cut < 0 ? at : cut;
		}
	}
	ok(len > 1000 && !bad, "%s: each of %zd cuts is read up to there, and told", how, len);
	if (bad)
		printf("# %d bad ones, the first at %d\n", bad, cut);
	bad = 0;
	for (at = 0; at < len; at++) {
		static const unsigned char flips[] = { 0x01, 0x80, 0xff, 0x10 };
		/* What is not compressed says most: all that a byte can be. */
		unsigned int ways = plain && at < 512 ? 255 : sizeof(flips);

		for (i = 0; i < ways; i++) {
			char was = data[at];

			data[at] ^= ways == 255 ? i + 1 : flips[i];
			if (pwrite(fd, data, len, 0) != len)
				bad++;
			if (read_damaged(path, &whole, &to_the_end)) {
				bad++;
				changed = changed < 0 ? at : changed;
			}
			whole_read += to_the_end;
			data[at] = was;
		}
	}
	close(fd);
	ok(!bad, "%s: with each of %zd bytes changed it is read up to there, and told", how, len);
	if (bad)
		printf("# %d bad ones, the first at %d\n", bad, changed);
	is_int(whole_read, 0, "%s: no change goes unnoticed", how);
	for (i = 0; i < (unsigned int)whole.count; i++)
		free(whole.record[i]);
	free(data);
}

/* Several files: each stands alone, and the accounts of all add up. */
static void rotation(void)
{
	const char *path = in_directory("rotated");
	struct recorder_options options = { .path = path, .rotate_bytes = 64 << 10, .plain = true };
	struct account account = account_of(5000), sum = {};
	struct recorder *w = new_recorder(&options);
	unsigned int part = 0, parts;
	struct recorded event;
	struct recording *r;
	struct err err = {};
	char name[160], id[64] = "";
	__u64 next = 0, i;
	bool order = true, linked = true, same = true, paths = true;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 1000, 0);
	for (i = 0; i < 5000; i++) {
		put(w, 0, &dio_observer, i);
		if (i % 100 == 99)
			recorder_tick(w, 2000000000ULL * (i + 1));
	}
	recorder_end(w, &account, 7000);
	parts = recorder_parts(w);
	ok(!recorder_error(w) && parts > 3, "rotation: there are several files");
	recorder_free(w);
	for (part = 0; part < parts; part++) {
		const struct account *a;
		struct record_layout layout = record_layout(&dio_observer);

		snprintf(name, sizeof(name), part ? "%s.%u" : "%s", path, part);
		r = recording_open(name, &err);
		if (!r) {
			tap_diag("recording_open: ", err.text);
			break;
		}
		while (recording_next(r, &event) > 0) {
			const struct field *time = layout_field(&layout, "time"), *at = layout_field(&layout, "path");
			struct path_found got = recording_path(r, layout_value(at, event.record)), want = path_of(next);

			order = order && layout_value(time, event.record) == 1000000000000ULL + next * 1000;
			paths = paths && !!got.path == !!want.path && (!got.path || !strcmp(got.path, want.path));
			next++;
		}
		a = recording_account(r, &dio_observer);
		if (a) {
			sum.seen += a->seen;
			sum.emitted += a->emitted;
			sum.filtered += a->filtered;
			sum.lost[0] += account_lost(a);
		}
		same = same && recording_info(r)->part == part && (!part || !strcmp(id, recording_info(r)->id));
		snprintf(id, sizeof(id), "%s", recording_info(r)->id);
		snprintf(name, sizeof(name), "rotated.%u", part + 1);
		linked = linked && (part + 1 == parts ? !recording_next_part(r) : recording_next_part(r) && !strcmp(recording_next_part(r), name));
		recording_close(r);
	}
	ok(order && next == 5000, "rotation: all records, in their order");
	ok(paths, "rotation: each file has its own paths");
	ok(same && strlen(id) == 32, "rotation: they know each other");
	ok(linked, "rotation: each but the last names the next");
	ok(sum.seen == account.seen && sum.emitted == 5000 && sum.filtered == 4 && sum.lost[0] == 3, "rotation: the accounts add up");

	ok(!recorder_new(&options, &err) && strstr(err.text, "is there already"), "rotation: nothing is overwritten");
	snprintf(name, sizeof(name), "%s", path);
	unlink(name);
	ok(!recorder_new(&options, &err) && strstr(err.text, "rotated.1 is there already"), "rotation: nor is a later file");
}

static void keep(void)
{
	const char *path = in_directory("kept");
	struct recorder_options options = { .path = path, .rotate_ns = 1000000000, .keep = 2 };
	struct account account = account_of(6);
	struct recorder *w = new_recorder(&options);
	char name[160];
	__u64 i;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 0, 0);
	for (i = 0; i < 6; i++) {
		put(w, 0, &dio_observer, i);
		recorder_tick(w, 1000000000ULL * (i + 1));
	}
	recorder_end(w, &account, 0);
	is_u64(recorder_written(w, 0), 6, "keep: all are written");
	is_int(recorder_parts(w), 7, "keep: by time");
	recorder_free(w);
	for (i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), i ? "%s.%llu" : "%s", path, (unsigned long long)i);
		is_int(!access(name, F_OK), i >= 5, "keep: file %llu", (unsigned long long)i);
	}
}

/* Later files of an older recording, wherever in it: told before anything is recorded, or removed. Others of a similar name stay. */
static void older(void)
{
	static const char *const others[] = { "old.", "old.0", "old.05", "old.5.gz", "old.5x", "older.5", "old.99999999999" };
	char *path = strdup(in_directory("old"));
	struct recorder_options options = { .path = path, .rotate_ns = 1000000000 };
	struct recorder *w;
	struct err err = {};
	bool there = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		save(in_directory(others[i]), "x", 1);
	w = new_recorder(&options);
	ok(w, "older: names that no file will have are in nobody's way");
	recorder_free(w);
	save(in_directory("old.12"), "x", 1);
	save(in_directory("old.5"), "x", 1);
	ok(!recorder_new(&options, &err) && err.status == STATUS_USAGE, "older: a later file of an older recording");
	has(err.text, "old.5 is there already, of an older recording; --force removes it", "older: which is told");
	ok(access(path, F_OK), "older: and no file made");
	options.rotate_ns = 0;
	w = new_recorder(&options);
	ok(w && !recorder_clear(w, &err), "older: where there is one file only it is in nobody's way");
	recorder_free(w);
	options.rotate_ns = 1000000000;
	options.force = true;
	w = new_recorder(&options);
	ok(w && !access(in_directory("old.5"), F_OK), "older: with --force it is there until all is ready");
	is_int(w ? recorder_clear(w, &err) : -1, 0, "older: and then removed");
	ok(access(in_directory("old.5"), F_OK) && access(in_directory("old.12"), F_OK), "older: each of them");
	for (i = 0; i < ARRAY_SIZE(others); i++)
		there = there && !access(in_directory(others[i]), F_OK);
	ok(there, "older: but nothing else");
	mkdir(in_directory("old.7"), 0700);
	memset(&err, 0, sizeof(err));
	ok(w && recorder_clear(w, &err) && err.status == STATUS_OUTPUT, "older: one that cannot be removed");
	has(err.text, "old.7, of an older recording: Is a directory", "older: is told");
	recorder_free(w);
	free(path);
}

/* A directory of which only a privilege makes files, that will be gone by the time of the second one. */
static void no_directory(void)
{
	char *path = strdup(in_directory("shut/file")), *next = strdup(in_directory("shut/file.1"));
	struct recorder_options options = { .path = path, .rotate_ns = 1000000000 };
	struct recorder *w;
	struct err err = {};
	int ret;

	mkdir(in_directory("shut"), 0755);
	w = new_recorder(&options);
	chmod(in_directory("shut"), 0555);
	is_int(caps_pause(false), 0, "shut: without privileges for a while");
	ret = w ? recorder_clear(w, &err) : 0;
	is_int(caps_resume(), 0, "shut: and with them again");
	ok(ret && err.status == STATUS_OUTPUT, "shut: that the second file could not be made is seen before the first");
	has(err.text, "shut/file.1 without the privileges that record gives up before it observes: Permission denied; take a directory",
	    "shut: and told");
	if (geteuid())
		chmod(in_directory("shut"), 0755);
	recorder_free(w);
	ok(access(path, F_OK), "shut: no file is left");
	chmod(in_directory("shut"), 0755);
	w = new_recorder(&options);
	caps_pause(false);
	is_int(w ? recorder_clear(w, &err) : -1, 0, "shut: no more");
	caps_resume();
	ok(access(next, F_OK), "shut: the file that it was tried with is not there");
	options.rotate_ns = 0;
	recorder_free(w);
	w = new_recorder(&options);
	chmod(in_directory("shut"), 0555);
	caps_pause(false);
	is_int(w ? recorder_clear(w, &err) : -1, 0, "shut: of no matter to a single file");
	caps_resume();
	chmod(in_directory("shut"), 0755);
	recorder_free(w);
	free(path);
	free(next);
}

/* Records and accounts of one file, which is read to its end. -1: it cannot be. */
static int records_of(const char *path, struct account *account, bool *goes_on)
{
	struct err err = {};
	struct recording *r = recording_open(path, &err);
	struct recorded event;
	int records = 0, ret = -1;

	while (r && (ret = recording_next(r, &event)) > 0)
		records++;
	if (r && !ret && recording_account(r, &dio_observer))
		*account = *recording_account(r, &dio_observer);
	*goes_on = r && recording_next_part(r);
	if (!r || ret)
		tap_diag("cannot be read: ", r ? recording_error(r)->text : err.text);
	recording_close(r);
	return ret ? -1 : records;
}

/* The disk is full just as the next file is begun, or as this one is ended: this one has the accounts, and none of before is removed. */
static void full_at_rotation(bool next)
{
	const char *path = in_directory("brim");
	struct recorder_options options = { .path = path, .rotate_ns = 1000000000, .keep = 2, .force = true };
	const char *why = next ? "No space left on device" : "File too large", *how = next ? "as one begins" : "as one ends";
	struct account account = account_of(5), told = {};
	struct recorder *w = new_recorder(&options);
	struct rlimit unlimited, limit;
	char name[160];
	struct stat st;
	bool goes_on;
	int i;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 0, 0);
	put(w, 0, &dio_observer, 0);
	put(w, 0, &dio_observer, 1);
	recorder_tick(w, 1000000000ULL);
	for (i = 2; i < 5; i++)
		put(w, 0, &dio_observer, i);
	recorder_tick(w, 1950000000ULL);
	snprintf(name, sizeof(name), "%s.2", path);
	if (next && symlink("/dev/full", name))
		tap_diag("symlink: ", strerror(errno));
	snprintf(name, sizeof(name), "%s.1", path);
	getrlimit(RLIMIT_FSIZE, &unlimited);
	limit = unlimited;
	if (!next && !stat(name, &st))
		limit.rlim_cur = st.st_size + 10;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	recorder_tick(w, 2000000000ULL);
	setrlimit(RLIMIT_FSIZE, &unlimited);
	recorder_end(w, &account, 3000000000ULL);
	has(recorder_error(w) ? recorder_error(w) : "", why, "full %s: why", how);
	is_int(recorder_parts(w), 2, "full %s: so many files", how);
	is_u64(recorder_written(w, 0), 5, "full %s: nothing is lost by it", how);
	recorder_free(w);
	is_int(records_of(name, &told, &goes_on), 3, "full %s: the file before is whole", how);
	ok(!goes_on, "full %s: and goes on nowhere", how);
	ok(told.emitted == 3 && told.seen == 10 && told.filtered == 4 && account_lost(&told) == 3, "full %s: it has the accounts of the end",
	   how);
	unlink(name);
	is_int(records_of(path, &told, &goes_on), 2, "full %s: that before it was not removed", how);
	snprintf(name, sizeof(name), "%s.2", path);
	ok(lstat(name, &st), "full %s: a file that could not be begun is not there", how);
	unlink(name);
}

/* More paths than are held: those of before are forgotten, and not taken for others. */
static void many_names(void)
{
	const char *path = in_directory("names");
	struct recorder_options options = { .path = path, .force = true };
	struct record_layout layout = record_layout(&dio_observer);
	const struct field *at = layout_field(&layout, "path");
	struct account account = account_of(70000);
	struct recorder *w = new_recorder(&options);
	struct recorded event;
	struct recording *r;
	struct err err = {};
	bool good = true;
	char text[64];
	__u64 i, first = 0;
	int ret;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 0, 0);
	for (i = 0; i < 70000; i++) {
		struct path_found found = { .path = text };
		void *record = recorder_begin_record(w, 0, i, 0);

		snprintf(text, sizeof(text), "/srv/%llu", (unsigned long long)i);
		memset(record, 0, layout.size);
		layout_set(at, record, recorder_path(w, &found));
		recorder_end_record(w, 0, true);
	}
	recorder_end(w, &account, 0);
	recorder_free(w);
	r = recording_open(path, &err);
	for (i = 0; r && (ret = recording_next(r, &event)) > 0; i++) {
		struct path_found found = recording_path(r, layout_value(at, event.record));

		snprintf(text, sizeof(text), "/srv/%llu", (unsigned long long)i);
		good = good && found.path && !strcmp(found.path, text);
		if (!i)
			first = layout_value(at, event.record);
	}
	ok(r && !ret && i == 70000 && good, "names: each record has its path");
	ok(r && !recording_path(r, first).path, "names: one that was forgotten is no other one");
	recording_close(r);
}

/*
 * As many names as fit, and then more, of which the last one of a kind has others behind it in its record: what the writer writes the reader
 * takes. @every: which of the records has a cgroup of its own. Each 255th has a stack of its own, that with the last of the paths among them.
 */
static void most_names(const char *what, __u64 count, unsigned int every, size_t path_len, size_t cgroup_len, bool devices)
{
	const char *path = in_directory("most");
	struct recorder_options options = { .path = path, .force = true };
	struct record_layout layout = record_layout(&dio_observer);
	const struct field *at = layout_field(&layout, "path"), *stack = layout_field(&layout, "kstack");
	const struct field *cgroup = layout_field(&layout, "cgroup"), *dev = layout_field(&layout, "dev");
	struct account account = account_of(count);
	struct recorder *w = new_recorder(&options);
	struct frames frames = { .count = 1 };
	char text[300], name[300];
	bool paths = true, cgroups = true, stacks = true;
	struct recorded event;
	struct recording *r;
	struct err err = {};
	int ret = -1;
	__u64 i;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 0, 0);
	for (i = 0; i < count; i++) {
		struct path_found found = { .path = text };
		void *record = recorder_begin_record(w, 0, i, 0);

		memset(record, 0, layout.size);
		snprintf(text, sizeof(text), "/%0*llu", (int)path_len - 1, (unsigned long long)i);
		snprintf(name, sizeof(name), "/%0*llu", (int)cgroup_len - 1, (unsigned long long)(i / every));
		snprintf(frames.name[0], FRAME_TEXT, "f%llu", (unsigned long long)(i / 255));
		layout_set(dev, record, devices ? i : 1);
		layout_set(cgroup, record, i / every);
		/* As record does: nothing is told twice. */
		if (!recorder_knows_device(w, devices ? i : 1))
			recorder_device(w, devices ? i : 1, name);
		if (!recorder_knows_cgroup(w, i / every))
			recorder_cgroup(w, i / every, name);
		layout_set(at, record, recorder_path(w, &found));
		layout_set(stack, record, recorder_stack(w, &frames));
		recorder_end_record(w, 0, true);
	}
	recorder_end(w, &account, 0);
	recorder_free(w);
	r = recording_open(path, &err);
	for (i = 0; r && (ret = recording_next(r, &event)) > 0; i++) {
		struct path_found found = recording_path(r, layout_value(at, event.record));
		const struct frames *named = recording_stack(r, layout_value(stack, event.record));
		const char *group;

		snprintf(text, sizeof(text), "/%0*llu", (int)path_len - 1, (unsigned long long)i);
		paths = paths && found.path && !strcmp(found.path, text);
		snprintf(frames.name[0], FRAME_TEXT, "f%llu", (unsigned long long)(i / 255));
		stacks = stacks && named && !strcmp(named->name[0], frames.name[0]);
		/* By its number, which takes its time. */
		if (i % 97)
			continue;
		group = recording_cgroup(r, i / every);
		snprintf(name, sizeof(name), "/%0*llu", (int)cgroup_len - 1, (unsigned long long)(i / every));
		cgroups = cgroups && group && !strcmp(group, name);
	}
	ok(r && !ret && i == count, "most names: %s: all %llu records, to the end", what, (unsigned long long)count);
	if (r && ret)
		tap_diag("but ", recording_error(r)->text);
	ok(paths && stacks && cgroups, "most names: %s: each with its names", what);
	recording_close(r);
}

/* The disk is full, or the file goes away: what was not written is known, what was can be read. */
static void failures(void)
{
	struct recorder_options options = { .path = "/dev/full", .force = true };
	struct account account = { .seen = 9, .emitted = 9 };
	struct recorder *w = new_recorder(&options);
	const char *path = in_directory("gone");
	struct err err = {};
	int i, status;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	is_int(recorder_start(w, 0, 0), -1, "full: the beginning fails");
	for (i = 0; i < 9; i++)
		put(w, 0, &dio_observer, i);
	recorder_tick(w, 10000000000ULL);
	recorder_end(w, &account, 0);
	is_str(recorder_error(w), "cannot write /dev/full: No space left on device", "full: why");
	ok(account.emitted == 0 && account.lost[LOSS_output] == 9 && account.seen == 9, "full: all are lost");
	recorder_free(w);

	options.path = path;
	account = (struct account) { .seen = 4, .emitted = 4 };
	w = new_recorder(&options);
	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 0, 0);
	put(w, 0, &dio_observer, 0);
	put(w, 0, &dio_observer, 1);
	recorder_tick(w, 10000000000ULL);
	is_u64(recorder_written(w, 0), 2, "gone: some are written");
	unlink(path);
	put(w, 0, &dio_observer, 2);
	put(w, 0, &dio_observer, 3);
	recorder_tick(w, 20000000000ULL);
	recorder_end(w, &account, 0);
	has(recorder_error(w) ? recorder_error(w) : "", "gone was removed while it was written", "gone: why");
	ok(account.emitted == 0 && account.lost[LOSS_output] == 4, "gone: all are lost, those that were written as well");
	recorder_free(w);

	options.path = in_directory("none/file");
	ok(!recorder_new(&options, &err) && err.status == STATUS_OUTPUT, "no directory: is told at once");
	options.path = in_directory("not begun");
	recorder_free(new_recorder(&options));
	ok(access(options.path, F_OK), "what was not begun leaves no file");
	save(options.path, "precious", 8);
	recorder_free(new_recorder(&options));
	has(wrong_with(options.path, &status), "is no recording", "nor is what is there emptied");
	options.force = false;
	ok(!recorder_new(&options, &err) && err.status == STATUS_USAGE && strstr(err.text, "--force overwrites it"), "nothing is overwritten");
	save(options.path, "", 0);
	has(wrong_with(options.path, &status), "it is empty", "an empty file is told");
	has(wrong_with(in_directory("missing"), &status), "No such file", "so is a missing one");
	is_int(status, STATUS_USAGE, "which is a wrong argument");
	has(wrong_with(directory, &status), "Is a directory", "and a directory");
}

/* A write that is taken in part: that part is cut off, and the end is where it was. */
static void taken_in_part(void)
{
	struct recorder_options options = { .path = in_directory("part"), .plain = true };
	struct account account = { .seen = 2000, .emitted = 2000 };
	struct recorder *w = new_recorder(&options);
	struct rlimit unlimited, limit;
	struct recorded event;
	struct recording *r;
	struct err err = {};
	int i, count = 0, ret = -1;

	recorder_add(w, &dio_observer, "iomap_dio", ERA_62);
	recorder_start(w, 0, 0);
	for (i = 0; i < 3; i++)
		put(w, 0, &dio_observer, i);
	recorder_tick(w, 10000000000ULL);
	getrlimit(RLIMIT_FSIZE, &unlimited);
	limit = unlimited;
	limit.rlim_cur = 64 << 10;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	/* The clock of put() changes at 50, and with it the block. */
	for (; i < 2000; i++)
		put(w, 0, &dio_observer, i);
	recorder_tick(w, 20000000000ULL);
	recorder_end(w, &account, 0);
	setrlimit(RLIMIT_FSIZE, &unlimited);
	has(recorder_error(w) ? recorder_error(w) : "", "File too large", "in part: why");
	ok(account.emitted == 50 && account.lost[LOSS_output] == 1950, "in part: what was not written is lost");
	recorder_free(w);
	r = recording_open(options.path, &err);
	while (r && (ret = recording_next(r, &event)) > 0)
		count++;
	ok(r && !ret && count == 50, "in part: what was written can be read, to its end");
	ok(r && recording_account(r, &dio_observer) && recording_account(r, &dio_observer)->lost[LOSS_output] == 1950,
	   "in part: and says what is not there");
	recording_close(r);
}

/* For the fuzzer: one of each observer, packed and not. */
static int write_corpus(const char *to)
{
	char path[512];
	size_t i;

	for (i = 0; i < 2 * observer_count; i++) {
		struct recorder_options options = { .path = path, .force = true, .plain = i & 1 };

		snprintf(path, sizeof(path), "%s/%s-%s", to, observers[i / 2]->command, i & 1 ? "plain" : "packed");
		if (observers[i / 2] == &follow_observer)
			write_follow(path, i & 1, 2);
		else
			write_all(&options, &observers[i / 2], 1, 7);
	}
	snprintf(path, sizeof(path), "%s/all", to);
	write_all(&(struct recorder_options) { .path = path, .force = true }, observers, 6, 2);
	return 0;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc == 3 && !strcmp(argv[1], "corpus"))
		return write_corpus(argv[2]);
	if (!mkdtemp(directory))
		return 1;
	for (i = 0; i < observer_count; i++) {
		if (observers[i] == &follow_observer)
			continue;
		round_trip(observers[i], false);
		round_trip(observers[i], true);
	}
	follow_trip();
	other_versions();
	other_steps();
	damage(false);
	damage(true);
	rotation();
	keep();
	older();
	no_directory();
	full_at_rotation(true);
	full_at_rotation(false);
	many_names();
	most_names("a cgroup each", 20000, 1, 10, 10, false);
	most_names("a device each", 20000, 1, 10, 10, true);
	most_names("a path each", 70000, 1000, 10, 10, false);
	most_names("long texts", 100000, 8, 255, 250, false);
	failures();
	taken_in_part();
	snprintf(clean_up, sizeof(clean_up), "rm -rf %s", directory);
	if (system(clean_up))
		tap_diag("not removed: ", directory);
	return done_testing();
}
