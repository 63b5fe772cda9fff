// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a recording: read, filtered, counted, formatted and followed to the end. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blocks.h"
#include "histogram.h"
#include "recording.h"
#include "replay.h"
#include "timeline.h"

#define RECORDS_MAX 4096	/* of one input: what is compressed well has many */

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char line[LINE_ROOM];

/* A line may not be longer than there is room, and has an end. */
static void check(const char *end)
{
	if (end - line >= LINE_ROOM || (end > line && end[-1] != '\n'))
		abort();
}

static struct out *nowhere(void)
{
	static struct out *out;

	if (!out)
		out = out_new(open("/dev/null", O_WRONLY), 0, NULL);
	return out;
}

static int each(void *ctx, const struct top_key *key, const struct top_sum *sum)
{
	*(__u64 *)ctx += sum->hist.count + key->dev;
	return 0;
}

struct reading {
	const struct observer *observer;
	struct replay *replay;
	struct format format[3];
	struct timeline *timeline;	/* of follow */
};

static void begin(struct reading *reading, struct recording *r, const struct observer *observer)
{
	static const struct timeline_limits limits = { .requests = 64, .steps = 1024, .steps_of_one = 256 };
	static struct args args;
	struct err err = {};
	int kind;

	memset(&args, 0, sizeof(args));
	args.given[OPT_ERRORS] = true;
	args.given[OPT_DEV] = args.given[OPT_CGROUP] = true;
	args.text[OPT_DEV] = "/srv";
	args.text[OPT_CGROUP] = "/system.slice";
	if (observer != &dmio_observer) {
		args.given[OPT_FILE] = true;
		args.text[OPT_FILE] = "/srv/file";
	}
	args.given[observer->by_option] = observer->key_count;
	args.number[observer->by_option] = observer->key_count ? (unsigned int)observer->key_count - 1 : 0;
	reading->observer = observer;
	reading->replay = replay_new(&args, r, observer, &err);
	for (kind = 0; kind < 3; kind++) {
		format_init(&reading->format[kind], observer, kind, ERA_62);
		recording_format(r, observer, &reading->format[kind]);
		check(format_header(&reading->format[kind], line));
	}
	if (observer == &follow_observer)
		reading->timeline = timeline_new(&limits);
}

static void print_request(struct reading *reading, struct timeline_request *q)
{
	int kind;

	if (!timeline_sort(q)) {
		for (kind = 0; kind < 3; kind++)
			block_print(nowhere(), &reading->format[kind], q, 0);
		timeline_failed(q);
	}
	timeline_drop(reading->timeline, q);
}

static void take(struct reading *reading, const struct recorded *event)
{
	struct timeline_request *q;
	bool counted;
	int kind;

	for (kind = 0; kind < 3; kind++)
		reading->format[kind].wall_offset_ns = event->wall_offset_ns;
	if (reading->replay) {
		replay_filtered(reading->replay, event->record);
		replay_note_path(reading->replay, event->record);
	}
	if (reading->timeline) {
		q = timeline_add(reading->timeline, event->record);
		if (q)
			print_request(reading, q);
		return;
	}
	for (kind = 0; kind < 3; kind++)
		check(format_event(&reading->format[kind], line, event->record));
	if (reading->replay) {
		replay_count(reading->replay, event->record);
		if (event->observer != &dmio_observer && event->observer != &aio_observer)
			replay_top(reading->replay, event->record, 64, &counted);
	}
}

static void end(struct reading *reading, const struct recording *r)
{
	const struct account *account = recording_account(r, reading->observer);
	struct timeline_request *q;
	__u64 sum = 0;

	if (account) {
		check(account_json(account, line));
		check(account_text(account, line));
	}
	while (reading->timeline && (q = timeline_next(reading->timeline)))
		print_request(reading, q);
	timeline_free(reading->timeline);
	if (reading->replay) {
		struct hist_set set = replay_take(reading->replay);
		int kind;

		for (kind = 0; kind < 3 && reading->observer->key_count; kind++)
			hist_print(nowhere(), &reading->format[kind], &set, reading->observer->key[reading->observer->key_count - 1], 1, 1);
		hist_set_free(&set);
		replay_collect(reading->replay, each, &sum);
		replay_unmatched(reading->replay, line, sizeof(line));
	}
	replay_free(reading->replay);
	out_flush(nowhere());
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct reading reading[RECORDING_STREAMS] = {};
	const struct recording_info *info;
	struct recorded event;
	struct recording *r;
	struct err err = {};
	static int fd = -1;
	char path[32];
	int i, ret = 0, left = RECORDS_MAX;

	if (fd < 0)
		fd = memfd_create("recording", MFD_CLOEXEC);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = recording_open(path, &err);
	if (!r)
		return !err.text[0];
	info = recording_info(r);
	for (i = 0; i < info->streams; i++) {
		if (info->stream[i].observer)
			begin(&reading[i], r, info->stream[i].observer);
	}
	while (left-- && (ret = recording_next(r, &event)) > 0) {
		for (i = 0; i < info->streams; i++) {
			if (info->stream[i].observer == event.observer && !reading[i].observer)
				begin(&reading[i], r, event.observer);
			if (reading[i].observer == event.observer)
				take(&reading[i], &event);
		}
	}
	if (ret < 0 && !recording_error(r)->text[0])
		abort();
	for (i = 0; i < info->streams; i++) {
		if (reading[i].observer)
			end(&reading[i], r);
	}
	recording_close(r);
	return 0;
}
