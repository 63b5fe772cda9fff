// SPDX-License-Identifier: GPL-2.0
/* Recordings: what is written is read, of every observer; other versions; rotation; what is damaged. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow.h"
#include "format.h"
#include "recorder.h"
#include "recording.h"
#include "recording_format.h"
#include "tap.h"

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

int main(void)
{
	size_t i;

	if (!mkdtemp(directory))
		return 1;
	for (i = 0; i < observer_count; i++) {
		if (observers[i] == &follow_observer)
			continue;
		round_trip(observers[i], false);
		round_trip(observers[i], true);
	}
	return done_testing();
}
