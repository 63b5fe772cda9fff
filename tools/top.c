// SPDX-License-Identifier: GPL-2.0
/* iomapscope top: several observers side by side, summed up each interval, and shown on a screen or as lines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "caps.h"
#include "codes.h"
#include "command.h"
#include "filter.h"
#include "format.h"
#include "names.h"
#include "output.h"
#include "recording.h"
#include "replay.h"
#include "screen.h"
#include "session.h"
#include "top.h"

#define KEYS_DEFAULT	4096
#define KEYS_MAX	65536
#define OUTPUT_BUFFER	(256u << 10)
#define EVICT_AT_ONCE	256

/* What is counted, and by which observer. */
static const struct {
	enum top_of of;
	struct observe_code (*code)(void);
	__u64 ops;			/* bit enum op: what they can be of */
} kinds[] = {
	{ TOP_LOOKUPS, lookups_code, ~(1ULL << OP_WRITEBACK) },
	{ TOP_IOENDS, ioends_code, 1ULL << OP_WRITEBACK },
	{ TOP_DIO, dio_code, 1ULL << OP_DIO_READ | 1ULL << OP_DIO_WRITE },
	{ TOP_FAULTS, dax_code, 1ULL << OP_DAX_FAULT_PTE | 1ULL << OP_DAX_FAULT_PMD | 1ULL << OP_DAX_FAULT_PUD },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct running {
	const struct args *args;
	struct observe_code code[KINDS];
	struct observation *observation[KINDS];		/* NULL: not on this kernel */
	struct top *top;
	struct top_view view;
	struct format format;
	struct names *names;
	struct out *out;
	struct screen_facts facts;
	char sources[512];
	__u64 interval_ns, read_ns;
	bool on_screen;
	/* Of --read: */
	struct recording *recording;
	struct replay *replay[KINDS];		/* NULL: not recorded */
	__u64 left_out[KINDS], refused[KINDS];
	struct recorded held;			/* the first record of the next interval */
	bool holds, ended, damaged;
};

struct feeding {
	struct top *top;
	enum top_of of;
};

static int feed(void *ctx, const struct top_key *key, const struct top_sum *sum)
{
	struct feeding *feeding = ctx;

	return top_feed(feeding->top, feeding->of, key, sum);
}

/* Whoever has seen the file knows its path. */
static const char *find_path(void *ctx, __u32 dev, __u64 ino)
{
	struct running *r = ctx;
	const char *path = NULL;
	size_t i;

	for (i = 0; i < KINDS && !path; i++) {
		if (r->observation[i])
			path = observe_path(r->observation[i], dev, ino);
		else if (r->replay[i])
			path = replay_path(r->replay[i], dev, ino);
	}
	return path;
}

static const char *told_device(void *ctx, __u32 dev)
{
	struct running *r = ctx;

	return recording_device(r->recording, dev);
}

static const char *told_cgroup(void *ctx, __u64 cgroup)
{
	struct running *r = ctx;

	return recording_cgroup(r->recording, cgroup);
}

/* Makes room: what has done nothing for long is taken out of the kernel's table, with what it may have done just now. */
static int evict(struct running *r, size_t kind, unsigned int round)
{
	static struct top_key key[EVICT_AT_ONCE];
	enum top_of of = kinds[kind].of;
	struct top_sum sum;
	size_t count, i;
	int ret;

	do {
		count = top_idle(r->top, of, key, EVICT_AT_ONCE);
		for (i = 0; i < count; i++) {
			ret = observe_take(r->observation[kind], round, &key[i], &sum);
			if (ret && ret != -ENOENT)
				return ret;
			if (!ret && top_feed(r->top, of, &key[i], &sum))
				return -ENOMEM;
			top_forget(r->top, of, &key[i]);
		}
	} while (count == EVICT_AT_ONCE);
	return 0;
}

/* Ends an interval. @last: no program runs any more. 0 or -errno. */
static int read_interval(struct running *r, bool last)
{
	__u64 now = monotonic_ns(), lost;
	size_t i;

	top_begin(r->top, now);
	r->format.span_ns = now - r->read_ns;
	r->facts.time_ns = r->read_ns = now;
	r->facts.lost = 0;
	r->facts.keys = 0;
	for (i = 0; i < KINDS; i++) {
		struct feeding feeding = { r->top, kinds[i].of };
		unsigned int round;
		int ret;

		if (!r->observation[i])
			continue;
		round = observe_next_round(r->observation[i]);
		ret = observe_collect(r->observation[i], round, feed, &feeding);
		if (!ret && !last)
			ret = evict(r, i, round);
		if (!ret)
			ret = observe_losses(r->observation[i], &lost);
		if (ret)
			return ret;
		r->facts.lost += lost;
		if (top_keys(r->top, kinds[i].of) > r->facts.keys)
			r->facts.keys = top_keys(r->top, kinds[i].of);
	}
	format_sync_clock(&r->format);
	return 0;
}

/* Adds a record to its table. */
static void replay_record(struct running *r, const struct recorded *event)
{
	bool counted;
	size_t i;

	for (i = 0; i < KINDS; i++) {
		if (!r->replay[i] || r->code[i].observer != event->observer)
			continue;
		r->format.wall_offset_ns = event->wall_offset_ns;
		if (replay_filtered(r->replay[i], event->record)) {
			r->left_out[i]++;
			continue;
		}
		replay_note_path(r->replay[i], event->record);
		if (!replay_top(r->replay[i], event->record, r->facts.room, &counted))
			r->refused[i]++;
		else if (!counted)
			r->left_out[i]++;
	}
}

/* Makes room as evict() does; nothing is added meanwhile. */
static void replay_evict(struct running *r, size_t kind)
{
	static struct top_key key[EVICT_AT_ONCE];
	size_t count, i;

	do {
		count = top_idle(r->top, kinds[kind].of, key, EVICT_AT_ONCE);
		for (i = 0; i < count; i++) {
			replay_forget(r->replay[kind], &key[i]);
			top_forget(r->top, kinds[kind].of, &key[i]);
		}
	} while (count == EVICT_AT_ONCE);
}

/* The next interval of the recording in which there is something, by the records' times. 0 or -errno. */
static int replay_interval(struct running *r)
{
	__u64 begin_ns = r->read_ns, end_ns, time;
	struct recorded event;
	bool some = false;
	int ret;
	size_t i;

	while (!session_stop) {
		if (r->holds) {
			event = r->held;
			r->holds = false;
		} else {
			ret = recording_next(r->recording, &event);
			if (ret <= 0) {
				r->ended = true;
				r->damaged = ret < 0;
				break;
			}
		}
		for (i = 0; i < KINDS && !(r->replay[i] && r->code[i].observer == event.observer); i++)
			;
		if (i == KINDS)
			continue;
		time = replay_time(r->replay[i], event.record);
		if (time > begin_ns && time - begin_ns >= r->interval_ns) {
			if (some) {
				r->held = event;
				r->holds = true;
				break;
			}
			begin_ns += (time - begin_ns) / r->interval_ns * r->interval_ns;
		}
		some = true;
		replay_record(r, &event);
	}
	end_ns = begin_ns + r->interval_ns;
	if (r->ended && recording_end_ns(r->recording) < end_ns && recording_end_ns(r->recording) > begin_ns)
		end_ns = recording_end_ns(r->recording);
	top_begin(r->top, end_ns);
	r->format.span_ns = end_ns - begin_ns;
	r->facts.time_ns = r->read_ns = end_ns;
	r->facts.lost = 0;
	r->facts.keys = 0;
	for (i = 0; i < KINDS; i++) {
		struct feeding feeding = { r->top, kinds[i].of };

		if (!r->replay[i])
			continue;
		ret = replay_collect(r->replay[i], feed, &feeding);
		if (ret)
			return ret;
		replay_evict(r, i);
		r->facts.lost += r->refused[i];
		if (top_keys(r->top, kinds[i].of) > r->facts.keys)
			r->facts.keys = top_keys(r->top, kinds[i].of);
	}
	return 0;
}

/* The interval's rows as lines. 0 or -errno. */
static int print_rows(struct running *r)
{
	struct top_rows rows;
	int ret = top_rows(r->top, &r->view, names_put, r->names, &rows);
	size_t i;

	if (ret)
		return ret;
	if (r->format.kind == FORMAT_TABLE) {
		char *p = format_time(&r->format, out_begin(r->out), r->facts.time_ns);

		p = put_duration(put_str(p, "  last "), r->format.span_ns);
		p = put_dec(put_str(p, "  lost "), r->facts.lost);
		*p++ = '\n';
		out_end(r->out, p, false);
		out_end(r->out, format_header(&r->format, out_begin(r->out)), false);
	}
	for (i = 0; i < rows.count; i++) {
		struct top_record record;
		char name[TOP_NAME];

		*names_put(r->names, name, r->view.by, &rows.row[i]) = 0;
		top_record(&record, &r->view, &rows.row[i], r->facts.observed, name);
		record.time = r->facts.time_ns;
		record.span_ns = r->format.span_ns;
		out_end(r->out, format_event(&r->format, out_begin(r->out), &record), true);
	}
	top_rows_free(&rows);
	out_flush(r->out);
	return 0;
}

static void detach_all(struct running *r)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		if (r->observation[i])
			observe_detach(r->observation[i]);
	}
}

/* The last interval ends when nothing is added any more. */
static int finish(struct running *r)
{
	session_stop = 1;
	detach_all(r);
	return read_interval(r, true);
}

static int run_batch(struct running *r)
{
	__u64 next = r->read_ns + r->interval_ns, left = r->args->given[OPT_COUNT_TOP] ? r->args->number[OPT_COUNT_TOP] : 0;
	int ret = 0;

	if (r->format.kind == FORMAT_CSV)
		out_end(r->out, format_header(&r->format, out_begin(r->out)), false);
	out_flush(r->out);
	while (!ret && !session_stop && !out_error(r->out)) {
		__u64 now = monotonic_ns();

		if (now < next) {
			struct timespec wait = { (next - now) / 1000000000, (next - now) % 1000000000 };

			nanosleep(&wait, NULL);
			continue;
		}
		if (left == 1)
			break;
		left -= !!left;
		ret = read_interval(r, false);
		if (!ret)
			ret = print_rows(r);
		next += r->interval_ns;
		if (next < monotonic_ns())
			next = monotonic_ns() + r->interval_ns;
	}
	if (!ret)
		ret = finish(r);
	return ret ? ret : print_rows(r);
}

/* All of a recording, or as many intervals of it. */
static int replay_batch(struct running *r)
{
	__u64 left = r->args->given[OPT_COUNT_TOP] ? r->args->number[OPT_COUNT_TOP] : ~0ULL;
	int ret = 0;

	if (r->format.kind == FORMAT_CSV)
		out_end(r->out, format_header(&r->format, out_begin(r->out)), false);
	while (!ret && left-- && !r->ended && !session_stop && !out_error(r->out)) {
		ret = replay_interval(r);
		if (!ret)
			ret = print_rows(r);
	}
	out_flush(r->out);
	return ret;
}

static int run_screen(struct running *r, struct err *err)
{
	__u64 looked = monotonic_ns(), next = r->recording ? looked : looked + r->interval_ns;
	__u64 left = r->args->given[OPT_COUNT_TOP] ? r->args->number[OPT_COUNT_TOP] : 0;
	struct screen *screen = screen_open(&r->view, &r->interval_ns, &r->format, r->names, err);
	bool more = true;
	int ret = 0;

	if (!screen)
		return -EINVAL;
	while (more && !session_stop) {
		struct top_rows rows;

		if (!screen_paused(screen) && monotonic_ns() >= next) {
			if (left == 1)
				break;
			left -= !!left;
			/* A recording goes on as fast as it was made, and stands still at its end. */
			ret = !r->recording ? read_interval(r, false) : r->ended ? 0 : replay_interval(r);
			if (ret)
				break;
			looked = monotonic_ns();
			next = looked + r->interval_ns;
		}
		ret = top_rows(r->top, &r->view, names_put, r->names, &rows);
		if (ret)
			break;
		screen_draw(screen, &rows, &r->facts);
		more = screen_wait(screen, &rows, screen_paused(screen) ? monotonic_ns() + 1000000000 : next);
		top_rows_free(&rows);
		/* An interval that has been changed counts from the last look. */
		next = looked + r->interval_ns;
	}
	screen_close(screen);
	return ret || r->recording ? ret : finish(r);
}

/* What was recorded, and became of it here. */
static const struct account *replay_account(struct running *r, size_t kind)
{
	static struct account account;
	const struct account *told = recording_account(r->recording, r->code[kind].observer);
	const struct recording_stream *stream = recording_stream(r->recording, r->code[kind].observer);
	__u64 read = stream->events - (r->holds && r->held.observer == stream->observer);

	memset(&account, 0, sizeof(account));
	if (told)
		account = *told;
	else
		account.seen = read;
	account.command = stream->command;
	account.source = stream->source;
	account.cut = r->damaged;
	if (!told)
		account.duration_ns = r->read_ns - recording_info(r->recording)->start_ns;
	account.emitted = top_counted(r->top, kinds[kind].of);
	account.filtered += r->left_out[kind];
	account.lost[LOSS_map_full] += r->refused[kind];
	account.lost[LOSS_evicted] += read - r->left_out[kind] - r->refused[kind] - account.emitted;
	return &account;
}

/* The last lines, one an observer: JSON's to standard output, the others' to standard error. */
static int conclude(struct running *r, struct err *err)
{
	bool json = r->format.kind == FORMAT_JSON, complete = true;
	char text[2048];
	int error;
	size_t i;

	for (i = 0; i < KINDS; i++) {
		const struct account *account;

		if (!r->observation[i] && !r->replay[i])
			continue;
		account = r->replay[i] ? replay_account(r, i) : observe_account(r->observation[i], top_counted(r->top, kinds[i].of), err);
		if (!account)
			return -1;
		complete = complete && account_complete(account);
		if (json && !out_error(r->out)) {
			out_end(r->out, account_json(account, out_begin(r->out)), false);
			out_flush(r->out);
		}
		if (!json || out_error(r->out)) {
			*account_text(account, text) = 0;
			fputs(text, stderr);
		}
	}
	error = out_error(r->out);
	if (error == ETIMEDOUT)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: its reader does not read");
	if (error)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(error));
	if (r->damaged) {
		*err = *recording_error(r->recording);
		return -1;
	}
	if (r->args->given[OPT_STRICT] && !complete)
		return err_set(err, STATUS_LOST, "something was lost, or may not have been seen (--strict)");
	return 0;
}

/* Every observer that this kernel and the filters leave something to do. */
static int attach_all(struct running *r, struct btf *btf, unsigned int keys, struct err *err)
{
	__u64 ops = r->args->given[OPT_OP] ? r->args->number[OPT_OP] : 0;
	char *p = r->sources;
	size_t i, count = 0;

	for (i = 0; i < KINDS; i++) {
		const char *command;

		r->code[i] = kinds[i].code();
		command = r->code[i].observer->command;
		if (ops && !(ops & kinds[i].ops))
			continue;
		r->observation[i] = observe_open(&r->code[i], r->args, btf, keys, err);
		if (!r->observation[i]) {
			if (err->status != STATUS_KERNEL)
				return -1;
			if (r->args->given[OPT_VERBOSE])
				fprintf(stderr, "top: %s\n", err->text);
			continue;
		}
		if (!count++)
			r->read_ns = monotonic_ns();
		r->facts.observed |= 1u << kinds[i].of;
		p += snprintf(p, r->sources + sizeof(r->sources) - p, "%s%s by %s", p == r->sources ? "" : ", ", command,
			      observe_source(r->observation[i]));
	}
	r->facts.sources = r->sources;
	r->facts.room = keys;
	/* The reason of the last one; some kind has each operation. */
	return count ? 0 : -1;
}

/* What of the recording this can show, and the filters leave something of. */
static int open_recording(struct running *r, unsigned int keys, struct err *err)
{
	__u64 ops = r->args->given[OPT_OP] ? r->args->number[OPT_OP] : 0;
	char *p = r->sources;
	size_t i, count = 0;

	r->recording = recording_open(r->args->text[OPT_READ], err);
	if (!r->recording)
		return -1;
	for (i = 0; i < KINDS; i++) {
		const struct recording_stream *stream;

		r->code[i] = kinds[i].code();
		stream = recording_stream(r->recording, r->code[i].observer);
		if (!stream || (ops && !(ops & kinds[i].ops)))
			continue;
		r->replay[i] = replay_new(r->args, r->recording, r->code[i].observer, err);
		if (!r->replay[i])
			return -1;
		r->facts.observed |= 1u << kinds[i].of;
		p += snprintf(p, r->sources + sizeof(r->sources) - p, "%s%s by %s", count++ ? ", " : "", stream->command, stream->source);
	}
	if (!count)
		return err_set(err, STATUS_USAGE, "%.200s has nothing that top shows", r->args->text[OPT_READ]);
	r->facts.sources = r->sources;
	r->facts.room = keys;
	r->read_ns = recording_info(r->recording)->start_ns;
	r->format.wall_offset_ns = recording_info(r->recording)->wall_offset_ns;
	names_tell(r->names, &(struct names_told) { told_device, told_cgroup, r });
	return 0;
}

static int check_args(const struct args *args, struct err *err)
{
	if (args->given[OPT_INTERVAL_TOP] &&
	    (args->number[OPT_INTERVAL_TOP] < 100000000 || args->number[OPT_INTERVAL_TOP] > 3600000000000))
		return err_set(err, STATUS_USAGE, "--interval: %s is not between 100ms and 1h", args->text[OPT_INTERVAL_TOP]);
	if (args->given[OPT_KEYS] && args->number[OPT_KEYS] > KEYS_MAX)
		return err_set(err, STATUS_USAGE, "--keys: %s is above %u", args->text[OPT_KEYS], KEYS_MAX);
	if (args->given[OPT_IN_FLIGHT] && args->number[OPT_IN_FLIGHT] > 1u << 20)
		return err_set(err, STATUS_USAGE, "--in-flight: %s is above %u", args->text[OPT_IN_FLIGHT], 1u << 20);
	if (args->given[OPT_READ] && args->given[OPT_DURATION])
		return err_set(err, STATUS_USAGE, "--duration is for observing, not for --read");
	return 0;
}

static int run(struct running *r, struct err *err)
{
	const struct args *args = r->args;
	unsigned int keys = args->given[OPT_KEYS] ? args->number[OPT_KEYS] : KEYS_DEFAULT;
	struct observe_config config = {};
	const char *missing;
	struct btf *btf;
	int ret;

	r->on_screen = !args->given[OPT_BATCH] && !args->given[OPT_OUTPUT];
	r->interval_ns = args->given[OPT_INTERVAL_TOP] ? args->number[OPT_INTERVAL_TOP] : 1000000000;
	r->view.by = args->given[OPT_BY_TOP] ? args->number[OPT_BY_TOP] : TOP_FILES;
	r->view.sort = args->given[OPT_SORT] ? args->number[OPT_SORT] : SORT_LOOKUPS;
	r->view.latency = args->given[OPT_LATENCY] ? args->number[OPT_LATENCY] : TOP_LOOKUPS;
	if (check_args(args, err) || (r->on_screen && screen_check(err)))
		return -1;
	r->top = top_new(keys);
	r->names = names_new(NULL);
	r->out = out_new(STDOUT_FILENO, OUTPUT_BUFFER, &session_stop);
	if (!r->top || !r->names || !r->out)
		return err_set(err, STATUS_FAILED, "no memory");
	names_ask(r->names, find_path, r);
	format_init(&r->format, &top_table, args->given[OPT_OUTPUT] ? args->number[OPT_OUTPUT] : FORMAT_TABLE, 0);
	r->format.clock = args->given[OPT_CLOCK] ? args->number[OPT_CLOCK] : CLOCK_WALL;
	if (args->given[OPT_READ]) {
		if (open_recording(r, keys, err))
			return -1;
		session_signals();
		ret = r->on_screen ? run_screen(r, err) : replay_batch(r);
		if (ret)
			return err->text[0] ? -1 : err_set(err, STATUS_FAILED, "cannot read the recording: %s", strerror(-ret));
		return conclude(r, err);
	}
	/* What is wrong with the arguments, or the privileges, comes before what is wrong with the kernel. */
	if (filter_resolve(&config, args, err))
		return -1;
	missing = caps_missing();
	if (missing)
		return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
	if (plan_btf(&btf, err))
		return -1;
	ret = attach_all(r, btf, keys, err);
	btf__free(btf);
	if (ret)
		return -1;
	memset(err, 0, sizeof(*err));
	session_signals();
	ret = caps_drop(false);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot drop the capabilities: %s", strerror(-ret));
	session_duration(args->number[OPT_DURATION]);
	ret = r->on_screen ? run_screen(r, err) : run_batch(r);
	if (ret)
		return err->text[0] ? -1 : err_set(err, STATUS_FAILED, "cannot read the kernel's results: %s", strerror(-ret));
	return conclude(r, err);
}

int top_main(const struct args *args, struct err *err)
{
	struct running *r = calloc(1, sizeof(*r));
	size_t i;
	int ret;

	if (!r) {
		err_set(err, STATUS_FAILED, "no memory");
		return err->status;
	}
	r->args = args;
	ret = run(r, err);
	for (i = 0; i < KINDS; i++) {
		observe_close(r->observation[i]);
		replay_free(r->replay[i]);
	}
	recording_close(r->recording);
	names_free(r->names);
	top_free(r->top);
	out_free(r->out);
	free(r);
	return ret ? err->status : STATUS_OK;
}
