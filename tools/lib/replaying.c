// SPDX-License-Identifier: GPL-2.0
/* The same run, but for its records, which come from a recording. */
#include <stdio.h>
#include <string.h>

#include "filter.h"
#include "observation.h"
#include "session.h"

static struct path_found replayed_path(void *ctx, __u32 dev, __u64 ino, __u64 version)
{
	struct observation *o = ctx;
	struct path_found found = {};

	if (!o->config.hist)
		return recording_path(o->recording, version);
	/* A histogram's file has one path. */
	found.path = replay_path(o->replay, dev, ino);
	return found;
}

/* What was recorded, and is asked for. */
static const struct frames *replayed_stack(void *ctx, __s32 id, bool user)
{
	struct observation *o = ctx;

	return o->config.stacks & (user ? STACKS_USER : STACKS_KERNEL) ? recording_stack(o->recording, id) : NULL;
}

bool observe_left_out(struct observation *o, const void *record)
{
	return o->replay && replay_filtered(o->replay, record);
}

/* One record to a line, or to its histogram. */
static void replay_record(struct observation *o, const struct recorded *event)
{
	o->format.wall_offset_ns = event->wall_offset_ns;
	/* What is made of several records is filtered as a whole. */
	if (o->code->record) {
		o->code->record(o, event->record, event->size);
	} else if (replay_filtered(o->replay, event->record)) {
		o->left_out++;
	} else if (o->config.hist) {
		if (o->config.hist_by == BY_INO)
			replay_note_path(o->replay, event->record);
		if (replay_count(o->replay, event->record))
			o->account.emitted++;
		else
			o->refused++;
	} else if (o->config.count && o->account.emitted >= o->config.count) {
		o->left_out++;
	} else {
		observe_print(o, event->record, event->size);
		o->account.emitted++;
	}
}

/* The histograms up to @end_ns. */
static void replay_interval(struct observation *o, __u64 end_ns, __u64 span_ns, bool last)
{
	struct hist_set set = replay_take(o->replay);

	if (last)
		hist_print(o->out, &o->format, &set, o->config.hist_by, end_ns, span_ns);
	else if (set.count)
		observation_print_interval(o, &set, end_ns, span_ns);
	hist_set_free(&set);
}

/* From the first record to the last, by their times; 0, or -1 if it is damaged. Stops where the output fails, or if told to. */
static int replay_records(struct observation *o)
{
	__u64 interval = o->config.hist ? o->args->number[OPT_INTERVAL] : 0, shown_ns = recording_info(o->recording)->start_ns;
	struct recorded event;
	int ret = 1;

	while (!session_stop && !out_error(o->out) && (ret = recording_next(o->recording, &event)) > 0) {
		__u64 time;

		if (event.observer != o->observer)
			continue;
		time = interval ? replay_time(o->replay, event.record) : 0;
		if (interval && time > shown_ns && time - shown_ns >= interval) {
			replay_interval(o, shown_ns + interval, interval, false);
			/* In many intervals there may have been nothing. */
			shown_ns += (time - shown_ns) / interval * interval;
		}
		replay_record(o, &event);
	}
	if (o->config.hist) {
		__u64 end_ns = recording_end_ns(o->recording);

		replay_interval(o, end_ns, end_ns > shown_ns ? end_ns - shown_ns : 0, true);
	}
	if (o->code->end)
		o->code->end(o);
	out_flush(o->out);
	return ret < 0 ? -1 : 0;
}

/* The recording's account, in which is moved what became of its records here. */
static void replay_account(struct observation *o)
{
	const struct account *told = recording_account(o->recording, o->observer);
	const struct recording_stream *stream = recording_stream(o->recording, o->observer);
	__u64 read = stream->events, printed = o->account.emitted;
	struct account *a = &o->account;

	if (told)
		*a = *told;
	else
		a->seen = read;
	a->command = o->observer->command;
	a->source = stream->source;
	a->cut = o->damaged;
	if (!told)
		a->duration_ns = recording_end_ns(o->recording) - recording_info(o->recording)->start_ns;
	a->emitted = o->config.hist ? printed : out_written(o->out);
	a->filtered += o->left_out;
	a->lost[LOSS_map_full] += o->refused;
	read -= o->left_out + o->refused;
	a->lost[LOSS_output] += read > a->emitted ? read - a->emitted : 0;
	if (o->code->account)
		o->code->account(o, a);
}

static int has_no(struct observation *o, struct err *err)
{
	const struct recording_info *info = recording_info(o->recording);
	char list[200] = "";
	size_t used = 0;
	int i;

	for (i = 0; i < info->streams && used < sizeof(list); i++)
		used += snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", info->stream[i].command);
	return err_set(err, STATUS_USAGE, "%.100s has no %s; it has: %s", o->args->text[OPT_READ], o->observer->command,
		       list[0] ? list : "nothing");
}

/* A run whose records come from a file, and for which neither a kernel nor a privilege is needed. */
int observation_replay(struct observation *o, struct err *err)
{
	static const enum option_id of_kernel[] = { OPT_DURATION, OPT_RING_SIZE };
	const struct args *args = o->args;
	const struct recording_stream *stream;
	char text[512];
	size_t i;
	int source;

	for (i = 0; i < sizeof(of_kernel) / sizeof(of_kernel[0]); i++) {
		if (args->given[of_kernel[i]])
			return err_set(err, STATUS_USAGE, "--%s is for observing, not for --read", options[of_kernel[i]].longname);
	}
	if (args->given[o->observer->source_option])
		return err_set(err, STATUS_USAGE, "--source is for observing, not for --read");
	o->recording = recording_open(args->text[OPT_READ], err);
	if (!o->recording)
		return -1;
	stream = recording_stream(o->recording, o->observer);
	if (!stream)
		return has_no(o, err);
	o->replay = replay_new(args, o->recording, o->observer, err);
	if (!o->replay)
		return -1;
	/* What code that is the observer's own asks for. */
	filter_values(&o->config, args, err);
	observation_configure(o);
	for (source = 0; source < o->observer->source_count; source++) {
		if (!strcmp(o->observer->source[source].name, stream->source))
			o->config.source = source;
	}
	if (observation_open_output(o, stream->era, err))
		return -1;
	o->format.wall_offset_ns = recording_info(o->recording)->wall_offset_ns;
	o->format.paths = paths_told(replayed_path, o);
	if (o->config.stacks)
		o->format.stacks = stacks_told(replayed_stack, o);
	session_signals();
	observation_print_header(o);
	o->damaged = replay_records(o) < 0;
	replay_account(o);
	if (!o->damaged && replay_unmatched(o->replay, text, sizeof(text)))
		fprintf(stderr, "iomapscope: %s\n", text);
	return observation_conclude(o, err);
}
