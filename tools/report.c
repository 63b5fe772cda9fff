// SPDX-License-Identifier: GPL-2.0
/* iomapscope report: reads a recording, and hands each event to what makes the page, the trace or the rows of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "blocks.h"
#include "command.h"
#include "recording.h"
#include "replay.h"
#include "report/page.h"
#include "report/tables.h"
#include "report/trace.h"

#define OUTPUT_BUFFER (1u << 20)

/* In the order of --output's choices. */
enum report_output { REPORT_HTML, REPORT_PERFETTO, REPORT_NDJSON, REPORT_CLICKHOUSE };

/* As follow holds them. */
static const struct timeline_limits limits = { .requests = 16384, .steps = 65536, .steps_of_one = 4096 };

/* One observer, in all of the files. */
struct stream {
	const struct observer *observer;
	struct format format;		/* of the file that is read */
	struct account account;		/* sum of the files */
	bool accounted;			/* each file has had one */
	struct replay *filters;		/* of the file that is read; NULL: none of its events passes */
	char *command, *source;
	__u64 records, filtered, unfinished;
};

struct report {
	const struct args *args;
	enum report_output output;
	struct stream stream[RECORDING_STREAMS];
	int streams;
	char *kernel, *machine, *node, *command_line, *tool, *id, *next_part;
	char damage[sizeof(((struct err *)0)->text)];
	__u64 start_ns, end_ns, left_out;
	__s64 wall_offset_ns;
	unsigned int files;
	__u32 part;
	struct timeline *timeline;
	/* What is made: */
	struct sum *sum;
	struct trace *trace;
	bool noting;			/* the trace's first pass */
	struct out *out;
	char members[4096];		/* of each NDJSON object */
};

static char *copy(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

static struct stream *stream_of(struct report *r, const struct observer *observer, const char *command)
{
	int i;

	for (i = 0; i < r->streams; i++) {
		if (observer ? r->stream[i].observer == observer : r->stream[i].command && !strcmp(r->stream[i].command, command))
			return &r->stream[i];
	}
	return NULL;
}

/* Whether the filters let anything of this observer through. */
static bool wanted(const struct args *args, const struct observer *observer)
{
	size_t i;

	for (i = 0; observers[i] != observer; i++)
		;
	if (args->given[OPT_OBSERVE_REPORT] && !(args->number[OPT_OBSERVE_REPORT] >> i & 1))
		return false;
	return !(args->given[OPT_FILE] || args->given[OPT_INO]) || observer_shows(observer, KIND_PATH);
}

/* In the order of NDJSON_MEMBERS. */
static void make_members(struct report *r)
{
	char *p = r->members;

	p = put_json(put_str(p, "\"node\":"), r->node ? r->node : "", 128);
	p = put_json(put_str(p, ",\"kernel\":"), r->kernel ? r->kernel : "", 128);
	p = put_json(put_str(p, ",\"recording\":"), r->id ? r->id : "", 128);
	*put_str(p, ",") = 0;
}

/* What the file says of itself. All files are of one recording, and come in its order. */
static int take_info(struct report *r, const char *path, struct recording *recording, struct err *err)
{
	const struct recording_info *info = recording_info(recording);
	int i;

	if (r->files && strcmp(r->id ? r->id : "", info->id))
		return err_set(err, STATUS_USAGE, "%s is of another recording than the file before it", path);
	if (r->files && info->part <= r->part)
		return err_set(err, STATUS_USAGE,
			       "%s is part %u of the recording, and the file before it part %u; give them in their order", path,
			       info->part, r->part);
	r->part = info->part;
	if (!r->files++) {
		r->kernel = copy(info->kernel);
		r->machine = copy(info->machine);
		r->node = copy(info->node);
		r->command_line = copy(info->command_line);
		r->tool = copy(info->tool);
		r->id = copy(info->id);
		r->start_ns = info->start_ns;
		r->wall_offset_ns = info->wall_offset_ns;
		make_members(r);
	}
	for (i = 0; i < info->streams; i++) {
		const struct recording_stream *of = &info->stream[i];
		struct stream *stream = stream_of(r, of->observer, of->command);

		if (!stream) {
			if (r->streams == RECORDING_STREAMS)
				continue;
			stream = &r->stream[r->streams++];
			stream->observer = of->observer;
			stream->command = copy(of->command);
			stream->source = copy(of->source);
			stream->accounted = r->files == 1;
		}
		if (!stream->observer)
			continue;
		format_init(&stream->format, stream->observer, r->output == REPORT_HTML ? FORMAT_TABLE : FORMAT_JSON, of->era);
		recording_format(recording, stream->observer, &stream->format);
		stream->format.members = r->output == REPORT_NDJSON ? r->members : NULL;
		replay_free(stream->filters);
		stream->filters = NULL;
		if (!wanted(r->args, stream->observer))
			continue;
		stream->filters = replay_new(r->args, recording, stream->observer, err);
		if (!stream->filters)
			return -1;
	}
	return 0;
}

/* @q: of a followed request. */
static int take_event(struct report *r, struct stream *stream, const void *record, const struct timeline_request *q)
{
	switch (r->output) {
	case REPORT_HTML:
		return sum_add(r->sum, &stream->format, record, q);
	case REPORT_PERFETTO:
		if (r->noting)
			return trace_note(r->trace, stream->observer, record);
		trace_put(r->trace, r->out, &stream->format, record, q);
		return 0;
	case REPORT_NDJSON:
		if (q)
			block_print(r->out, &stream->format, q, ((const struct follow_event *)record)->source);
		else
			out_end(r->out, format_event(&stream->format, out_begin(r->out), record), true);
		return 0;
	case REPORT_CLICKHOUSE:
		return 0;
	}
	return 0;
}

static __u8 source_number(const struct stream *stream)
{
	int i;

	for (i = 0; stream->source && i < stream->observer->source_count; i++) {
		if (!strcmp(stream->observer->source[i].name, stream->source))
			return i;
	}
	return 0;
}

/* A request is an event once all of its steps are there. */
static int take_request(struct report *r, struct stream *stream, struct timeline_request *q)
{
	struct follow_event event;
	int ret = timeline_sort(q);

	if (!ret && ((q->count && replay_filtered(stream->filters, timeline_first(q))) ||
		     (r->args->given[OPT_ERRORS] && !timeline_failed(q)) || timeline_latency(q) < r->args->number[OPT_MIN_LATENCY])) {
		stream->filtered++;
	} else if (!ret && q->over) {
		stream->records++;
		timeline_event(q, source_number(stream), &event);
		ret = take_event(r, stream, &event, q);
	} else if (!ret) {
		stream->unfinished++;
		if (r->output == REPORT_NDJSON)
			block_print(r->out, &stream->format, q, source_number(stream));
	}
	timeline_drop(r->timeline, q);
	return ret;
}

static int take_record(struct report *r, const struct recorded *event)
{
	struct stream *stream = stream_of(r, event->observer, NULL);
	const struct follow_record *step;
	struct timeline_request *q;

	if (!stream)
		return 0;
	stream->format.wall_offset_ns = event->wall_offset_ns;
	if (!event->observer->step_count) {
		if (!stream->filters || replay_filtered(stream->filters, event->record)) {
			stream->filtered++;
			return 0;
		}
		stream->records++;
		return take_event(r, stream, event->record, NULL);
	}
	step = event->record;
	if (!stream->filters) {
		stream->filtered += !!(step->flags & FOLLOW_FIRST);
		return 0;
	}
	q = timeline_add(r->timeline, step);
	return q ? take_request(r, stream, q) : 0;
}

/* What the records do not say, while the recording is open: devices' names, and what became of everything. */
static int take_end(struct report *r, struct recording *recording)
{
	struct stream *follow = stream_of(r, &follow_observer, NULL);
	struct timeline_request *q;
	int i, n, ret = 0;

	while (!ret && follow && (q = timeline_next(r->timeline)))
		ret = take_request(r, follow, q);
	for (i = 0; r->sum && i < r->sum->views; i++) {
		const struct sum_view *view = r->sum->view[i];

		for (n = 0; !ret && n < view->pairs; n++) {
			const char *name = view->pair[n].dev == SUM_NULL ? NULL : recording_device(recording, view->pair[n].dev);

			if (name)
				ret = sum_name_device(r->sum, view->pair[n].dev, name);
		}
	}
	if (recording_end_ns(recording) > r->end_ns)
		r->end_ns = recording_end_ns(recording);
	for (i = 0; i < r->streams; i++) {
		const struct account *account = r->stream[i].observer ? recording_account(recording, r->stream[i].observer) : NULL;
		struct account *sum = &r->stream[i].account;

		if (!account) {
			r->stream[i].accounted = false;
			continue;
		}
		sum->seen += account->seen;
		sum->emitted += account->emitted;
		sum->filtered += account->filtered;
		for (n = 0; n < LOSS_COUNT; n++)
			sum->lost[n] += account->lost[n];
		sum->programs_skipped += account->programs_skipped;
		sum->duration_ns += account->duration_ns;
		sum->unseen_at_most += account->unseen_at_most;
		sum->stacks_lost += account->stacks_lost;
		sum->steps_lost += account->steps_lost;
		sum->steps |= account->steps;
		sum->command = r->stream[i].observer->command;
		sum->source = r->stream[i].source;
	}
	return ret;
}

/* One file to its end, or to where it is damaged. */
static int read_file(struct report *r, const char *path, struct err *err)
{
	struct recording *recording = recording_open(path, err);
	struct recorded event;
	int more = 0, ret;

	if (!recording)
		return -1;
	if (take_info(r, path, recording, err)) {
		recording_close(recording);
		return -1;
	}
	ret = 0;
	while (!ret && !(r->out && out_error(r->out)) && (more = recording_next(recording, &event)) > 0)
		ret = take_record(r, &event);
	if (!ret)
		ret = take_end(r, recording);
	r->left_out += recording_left_out(recording);
	free(r->next_part);
	r->next_part = copy(recording_next_part(recording));
	if (more < 0 && !r->damage[0])
		snprintf(r->damage, sizeof(r->damage), "%s", recording_error(recording)->text);
	recording_close(recording);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot read %s: %s", path, strerror(-ret));
	return 0;
}

static void forget(struct report *r)
{
	int i;

	for (i = 0; i < r->streams; i++) {
		replay_free(r->stream[i].filters);
		free(r->stream[i].command);
		free(r->stream[i].source);
	}
	memset(r->stream, 0, sizeof(r->stream));
	r->streams = 0;
	free(r->kernel);
	free(r->machine);
	free(r->node);
	free(r->command_line);
	free(r->tool);
	free(r->id);
	free(r->next_part);
	r->kernel = r->machine = r->node = r->command_line = r->tool = r->id = r->next_part = NULL;
	r->files = 0;
	r->left_out = 0;
}

/* Requests that were recorded, but could not be put together here: as follow -r accounts for them. */
static void account_refused(struct report *r)
{
	struct stream *follow = stream_of(r, &follow_observer, NULL);
	__u64 refused = timeline_refused(r->timeline);
	struct account *a;

	if (!follow || !follow->filters)
		return;
	a = &follow->account;
	a->emitted -= refused < a->emitted ? refused : a->emitted;
	a->lost[LOSS_map_full] += refused;
	/* Those that the kernel has lost are told by the requests' ends. */
	a->steps_lost = timeline_steps_lost(r->timeline);
	a->steps = true;
}

static int read_all(struct report *r, struct err *err)
{
	int i;

	forget(r);
	timeline_free(r->timeline);
	r->timeline = timeline_new(&limits);
	if (!r->timeline)
		return err_set(err, STATUS_FAILED, "no memory");
	for (i = 0; i < r->args->operands; i++) {
		if (read_file(r, r->args->operand[i], err))
			return -1;
	}
	account_refused(r);
	return 0;
}

/* The filters of this command, as they were given; NULL: none. */
static const char *filters_given(const struct args *args)
{
	static char text[1024];
	size_t i, used = 0;

	for (i = 0; i < args->command->option_count; i++) {
		enum option_id id = args->command->options[i];

		if (!args->given[id] || strcmp(options[id].group, "Filters") || used >= sizeof(text))
			continue;
		used += snprintf(text + used, sizeof(text) - used, "%s--%s%s%s", used ? " " : "", options[id].longname,
				 args->text[id] ? " " : "",
				 args->text[id] ? args->text[id] : "");
	}
	return used ? text : NULL;
}

static int make_page(struct report *r, FILE *file, struct err *err)
{
	struct page_stream stream[RECORDING_STREAMS] = {};
	struct page_facts facts = {};
	int i;

	r->sum = sum_new(SUM_ROWS);
	if (!r->sum)
		return err_set(err, STATUS_FAILED, "no memory");
	if (read_all(r, err))
		return -1;
	for (i = 0; i < r->streams; i++) {
		stream[i].observer = r->stream[i].observer;
		stream[i].command = r->stream[i].command;
		stream[i].source = r->stream[i].source;
		stream[i].account = r->stream[i].accounted ? &r->stream[i].account : NULL;
		stream[i].records = r->stream[i].records;
		stream[i].filtered = r->stream[i].filtered;
		stream[i].unfinished = r->stream[i].unfinished;
	}
	facts.file = r->args->operand[0];
	facts.kernel = r->kernel;
	facts.machine = r->machine;
	facts.node = r->node;
	facts.command_line = r->command_line;
	facts.tool = r->tool;
	facts.damage = r->damage;
	facts.filters = filters_given(r->args);
	facts.next_part = r->next_part;
	facts.start_ns = r->start_ns;
	facts.end_ns = r->end_ns;
	facts.wall_offset_ns = r->wall_offset_ns;
	facts.left_out = r->left_out;
	facts.files = r->files;
	facts.stream = stream;
	facts.streams = r->streams;
	page_print(file, r->sum, &facts);
	return 0;
}

static int make_trace(struct report *r, struct err *err)
{
	__u64 limit = r->args->given[OPT_COUNT_REPORT] ? r->args->number[OPT_COUNT_REPORT] : TRACE_EVENTS;

	r->trace = trace_new(limit);
	if (!r->trace)
		return err_set(err, STATUS_FAILED, "no memory");
	r->noting = true;
	if (read_all(r, err))
		return -1;
	if (trace_place(r->trace))
		return err_set(err, STATUS_FAILED, "no memory");
	r->noting = false;
	{
		const char *const known[] = { "kernel", r->kernel, "machine", r->machine, "node", r->node, "command_line",
					     r->command_line,
					      "recording", r->id, "damage", r->damage[0] ? r->damage : NULL, NULL };

		trace_begin(r->trace, r->out, known, r->wall_offset_ns);
	}
	if (read_all(r, err))
		return -1;
	trace_end(r->trace, r->out);
	if (trace_left_out(r->trace))
		fprintf(stderr, "iomapscope: %llu events are not in the trace, which has the first %llu; see --count\n",
			trace_left_out(r->trace), limit);
	if (timeline_refused(r->timeline) || timeline_steps_lost(r->timeline))
		fprintf(stderr, "iomapscope: %llu requests of follow and %llu steps are not in the trace: too many were in flight, or their begin "
			"was not recorded\n", timeline_refused(r->timeline), timeline_steps_lost(r->timeline));
	return 0;
}

/* The last lines: a summary of each observer, as -o json has it. */
static void put_summaries(struct report *r)
{
	char text[2048];
	int i;

	for (i = 0; i < r->streams; i++) {
		if (!r->stream[i].accounted)
			continue;
		*account_json(&r->stream[i].account, text) = 0;
		out_end(r->out, put_str(put_str(put_str(out_begin(r->out), "{"), r->members), text + 1), false);
	}
}

static int make_rows(struct report *r, struct err *err)
{
	if (read_all(r, err))
		return -1;
	put_summaries(r);
	return 0;
}

/* Standard output, or the file of --to. */
static int open_output(const struct args *args, struct err *err)
{
	int fd;

	if (!args->given[OPT_TO])
		return STDOUT_FILENO;
	fd = open(args->text[OPT_TO], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		err_set(err, STATUS_OUTPUT, "cannot create %s: %s", args->text[OPT_TO], strerror(errno));
	return fd;
}

static int cannot_write(const struct args *args, int error, struct err *err)
{
	return err_set(err, STATUS_OUTPUT, "cannot write %s: %s; what is there of it is not whole",
		       args->given[OPT_TO] ? args->text[OPT_TO] : "the output",
		       strerror(error));
}

/* Before the output is made anew: no file is there for a recording that is not. */
static int can_read(const struct args *args, struct err *err)
{
	int i;

	for (i = 0; i < args->operands; i++) {
		struct recording *recording = strcmp(args->operand[i], "-") ? recording_open(args->operand[i], err) : NULL;

		if (!recording && strcmp(args->operand[i], "-"))
			return -1;
		recording_close(recording);
	}
	return 0;
}

static int make(struct report *r, struct err *err)
{
	int fd, ret = -1, error = 0;
	FILE *file;

	if (can_read(r->args, err))
		return -1;
	fd = open_output(r->args, err);
	if (fd < 0)
		return -1;
	if (r->output == REPORT_HTML || r->output == REPORT_CLICKHOUSE) {
		file = fdopen(fd, "w");
		if (!file)
			return err_set(err, STATUS_FAILED, "no memory");
		ret = 0;
		if (r->output == REPORT_HTML)
			ret = make_page(r, file, err);
		else
			tables_print(file);
		errno = 0;
		if (ferror(file) | fclose(file))
			error = errno ? errno : EIO;
	} else {
		r->out = out_new(fd, OUTPUT_BUFFER, NULL);
		if (!r->out)
			return err_set(err, STATUS_FAILED, "no memory");
		ret = r->output == REPORT_PERFETTO ? make_trace(r, err) : make_rows(r, err);
		out_flush(r->out);
		error = out_error(r->out);
		if (close(fd) && !error)
			error = errno;
	}
	if (ret)
		return ret;
	return error ? cannot_write(r->args, error, err) : 0;
}

int report_main(const struct args *args, struct err *err)
{
	struct report r = { .args = args };
	int i;

	r.output = args->given[OPT_REPORT_OUTPUT] ? args->number[OPT_REPORT_OUTPUT] : REPORT_HTML;
	if (r.output != REPORT_CLICKHOUSE && !args->operands)
		return err_set(err, STATUS_USAGE, "report needs a recording: a FILE that 'iomapscope record' has written"),
			err->status;
	if (r.output == REPORT_CLICKHOUSE && args->operands)
		return err_set(err, STATUS_USAGE, "the tables are the same for every recording; give no file with -o clickhouse"),
			err->status;
	if (args->given[OPT_COUNT_REPORT] && r.output != REPORT_PERFETTO)
		return err_set(err, STATUS_USAGE, "--count is for -o perfetto"), err->status;
	for (i = 0; i < args->operands; i++) {
		if (!strcmp(args->operand[i], "-") && (r.output == REPORT_PERFETTO || args->operands > 1))
			return err_set(err, STATUS_USAGE,
				       "a trace is made by reading twice, which standard input does not allow; give a file"),
				       err->status;
	}
	if (!make(&r, err) && r.damage[0])
		err_set(err, STATUS_DAMAGED, "%s", r.damage);
	forget(&r);
	timeline_free(r.timeline);
	sum_free(r.sum);
	trace_free(r.trace);
	out_free(r.out);
	return err->status;
}
