// SPDX-License-Identifier: GPL-2.0
/* iomapscope record: the streams of several observers side by side, into a file. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "account.h"
#include "caps.h"
#include "codes.h"
#include "command.h"
#include "dmio.h"
#include "filter.h"
#include "follow.h"
#include "format.h"
#include "names.h"
#include "output.h"
#include "recorder.h"
#include "recording.h"
#include "recording_format.h"
#include "session.h"

#define OUTPUT_BUFFER	(256u << 10)
#define LATENCY_MS	50	/* how long a record may wait in its ring while nobody wakes us */
#define TICK_NS		50000000ULL
#define ROTATE_MIN	(64u << 10)

/* In the order of --observe's choices. */
static const struct {
	struct observe_code (*code)(void);
	bool asked;			/* only if it is */
	bool files;			/* has files, that -f and -i may be about */
	bool ops;			/* has the operations of --op */
} kinds[] = {
	{ lookups_code, .files = true, .ops = true },
	{ ioends_code, .files = true, .ops = true },
	{ dio_code, .files = true, .ops = true },
	{ dax_code, .files = true, .ops = true },
	{ aio_code, .files = true },
	{ dmio_code },
	{ follow_code, .asked = true, .files = true, .ops = true },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct running;

/* One observer. */
struct kind {
	struct running *running;
	struct observe_code code;
	struct observation *observation;	/* NULL: it is left out */
	struct account account;
	int stream;
	struct record_layout layout;
	/* NULL where its records have none */
	const struct field *dev, *ino, *cgroup, *path, *kstack, *ustack, *pid, *regions;
	struct paths *paths;		/* as the kernel tells them */
	struct stacks *stacks;
	struct paths *told_paths;	/* as the recording does */
	struct stacks *told_stacks;
	__u64 left_out;			/* behind --count */
};

struct running {
	const struct args *args;
	struct kind kind[KINDS];
	struct recorder *recorder;
	struct names *names;
	struct out *out;		/* of --print, or NULL */
	enum format_kind format;
	__u64 now_ns, count, taken;
	char command_line[4096];
};

static bool is_null(const struct kind *kind, const struct field *field, const void *record)
{
	return !field || (kind->layout.nulls && *(const __u64 *)record >> (field - kind->layout.field) & 1);
}

static void tell_device(struct running *r, __u32 dev)
{
	char name[TOP_NAME];

	if (recorder_knows_device(r->recorder, dev))
		return;
	*device_name(r->names, name, dev) = 0;
	recorder_device(r->recorder, dev, name);
}

static void tell_cgroup(struct running *r, __u64 cgroup)
{
	char name[TOP_NAME];

	if (recorder_knows_cgroup(r->recorder, cgroup))
		return;
	*cgroup_name(r->names, name, cgroup) = 0;
	recorder_cgroup(r->recorder, cgroup, name);
}

/* What the record names by numbers that only this machine understands, and only now. */
static void tell_names(struct kind *kind, void *record)
{
	struct running *r = kind->running;
	struct path_found found = {};
	unsigned int i;
	__u64 version;

	if (!is_null(kind, kind->dev, record))
		tell_device(r, layout_value(kind->dev, record));
	if (!is_null(kind, kind->cgroup, record))
		tell_cgroup(r, layout_value(kind->cgroup, record));
	if (kind->regions) {
		const struct regions *regions = (const void *)((const char *)record + kind->regions->offset);

		for (i = 0; i < REGIONS_MAX; i++) {
			if (regions->known >> i & 1)
				tell_device(r, regions->region[i].dev);
		}
	}
	if (kind->path) {
		version = is_null(kind, kind->path, record) ? 0 : layout_value(kind->path, record);
		if (version && kind->paths && !is_null(kind, kind->dev, record) && !is_null(kind, kind->ino, record))
			found = paths_find(kind->paths, layout_value(kind->dev, record), layout_value(kind->ino, record), version);
		layout_set(kind->path, record, recorder_path(r->recorder, &found));
	}
	if (!kind->stacks) {
		layout_set(kind->kstack, record, -1);
		layout_set(kind->ustack, record, -1);
		return;
	}
	layout_set(kind->kstack, record, recorder_stack(r->recorder, stacks_kernel(kind->stacks, layout_value(kind->kstack, record))));
	layout_set(kind->ustack, record, recorder_stack(r->recorder, stacks_user(kind->stacks, layout_value(kind->ustack, record),
										   layout_value(kind->pid, record))));
}

/* A record of a ring. */
static void take(void *ctx, struct observation *o, const void *data, size_t size)
{
	struct kind *kind = ctx;
	struct running *r = kind->running;
	struct format *format = observe_format(o);
	bool follows = kind->code.observer == &follow_observer, event;
	void *record;

	if (size < kind->layout.size)
		return;
	/* Of follow a request is what counts, by its end. */
	event = !follows || ((const struct follow_record *)data)->flags & FOLLOW_LAST;
	if (r->count && r->taken >= r->count) {
		kind->left_out += event;
		return;
	}
	r->taken += event;
	if (!recorder_waiting(r->recorder, kind->stream))
		format_sync_clock(format);
	record = recorder_begin_record(r->recorder, kind->stream, r->now_ns, format->wall_offset_ns);
	if (!record)
		return;
	memcpy(record, data, kind->layout.size);
	tell_names(kind, record);
	recorder_end_record(r->recorder, kind->stream, event);
	/* What is printed later than it was recorded is printed as it was recorded. */
	if (r->out)
		observe_print(o, follows ? record : data, kind->layout.size);
}

static struct path_found told_path(void *ctx, __u32 dev, __u64 ino, __u64 version)
{
	struct running *r = ctx;

	(void)dev;
	(void)ino;
	return recorder_told_path(r->recorder, version);
}

static const struct frames *told_stack(void *ctx, __s32 id, bool user)
{
	struct running *r = ctx;

	(void)user;
	return recorder_told_stack(r->recorder, id);
}

static int prepare_kind(struct running *r, struct kind *kind, struct err *err)
{
	struct format *format = observe_format(kind->observation);
	const struct record_layout *layout = &kind->layout;

	kind->layout = record_layout(kind->code.observer);
	kind->dev = layout_field(layout, "dev");
	kind->ino = layout_field(layout, "ino");
	kind->cgroup = layout_field(layout, "cgroup");
	kind->path = layout_field(layout, "path");
	kind->kstack = layout_field(layout, "kstack");
	kind->ustack = layout_field(layout, "ustack");
	kind->pid = layout_field(layout, "pid");
	kind->regions = layout_field(layout, "regions");
	kind->stream = recorder_add(r->recorder, kind->code.observer, observe_source(kind->observation), format->era);
	kind->paths = format->paths;
	kind->stacks = format->stacks;
	if (!kind->code.record)
		return 0;
	kind->told_paths = paths_told(told_path, r);
	kind->told_stacks = stacks_told(told_stack, r);
	if (!kind->told_paths || !kind->told_stacks)
		return err_set(err, STATUS_FAILED, "no memory");
	format->paths = kind->told_paths;
	if (format->stacks)
		format->stacks = kind->told_stacks;
	return 0;
}

/* Why this one cannot take part in what the arguments ask for; NULL: it can. */
static const char *misfit(const struct args *args, size_t kind)
{
	if ((args->given[OPT_INO] || args->given[OPT_FILE]) && !kinds[kind].files)
		return "its requests are of no file, which -f and -i ask for";
	if (args->given[OPT_OP] && !kinds[kind].ops)
		return "its operations are others than those of --op";
	return NULL;
}

/* Every observer that is asked for, or that this kernel has. */
static int attach_all(struct running *r, struct btf *btf, struct err *err)
{
	const struct args *args = r->args;
	size_t i, count = 0;

	for (i = 0; i < KINDS; i++) {
		bool asked = args->given[OPT_OBSERVE] && args->number[OPT_OBSERVE] >> i & 1;
		struct kind *kind = &r->kind[i];
		const char *why;

		if (args->given[OPT_OBSERVE] ? !asked : kinds[i].asked)
			continue;
		kind->running = r;
		kind->code = kinds[i].code();
		if (!kind->code.observer)
			return err_set(err, STATUS_FAILED, "no memory");
		why = misfit(args, i);
		if (why && asked)
			return err_set(err, STATUS_USAGE, "%s cannot be recorded so: %s", kind->code.observer->command, why);
		if (why) {
			fprintf(stderr, "record: %s is left out: %s\n", kind->code.observer->command, why);
			continue;
		}
		kind->observation = observe_stream(&kind->code, args, btf, r->out, take, kind, err);
		if (!kind->observation) {
			if (asked || err->status != STATUS_KERNEL)
				return -1;
			fprintf(stderr, "record: %s is left out: %s\n", kind->code.observer->command, err->text);
			continue;
		}
		if (prepare_kind(r, kind, err))
			return -1;
		count++;
	}
	/* The reason of the last one. */
	return count ? 0 : -1;
}

/* Whether other processes are asked for their functions. */
static bool names_processes(const struct running *r)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		if (r->kind[i].observation)
			return observe_config(r->kind[i].observation)->stacks & STACKS_USER;
	}
	return false;
}

static void tell_recorded(const struct running *r)
{
	size_t i;

	fputs("record: recording", stderr);
	for (i = 0; i < KINDS; i++) {
		if (r->kind[i].observation)
			fprintf(stderr, "%s %s by %s", r->kind[i].stream ? "," : "", r->kind[i].code.observer->command,
				observe_source(r->kind[i].observation));
	}
	fputc('\n', stderr);
}

static void print_headers(struct running *r)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		if (r->kind[i].observation && r->format != FORMAT_JSON)
			out_end(r->out, format_header(observe_format(r->kind[i].observation), out_begin(r->out)), false);
	}
	out_flush(r->out);
}

/* What the rings have, in portions. How many rings had something. */
static int consume(struct running *r)
{
	int some = 0;
	size_t i;

	r->now_ns = monotonic_ns();
	for (i = 0; i < KINDS; i++) {
		if (r->kind[i].observation && observe_consume(r->kind[i].observation) > 0)
			some++;
	}
	return some;
}

/* Until told to stop, or --count is reached, or nothing can be written any more. */
static int watch(struct running *r)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	__u64 ticked_ns = monotonic_ns();
	struct epoll_event event;
	size_t i;

	if (epoll < 0)
		return -errno;
	for (i = 0; i < KINDS; i++) {
		event = (struct epoll_event) { .events = EPOLLIN };
		if (r->kind[i].observation && epoll_ctl(epoll, EPOLL_CTL_ADD, observe_fd(r->kind[i].observation), &event)) {
			close(epoll);
			return -errno;
		}
	}
	while (!session_stop && !recorder_error(r->recorder) && !(r->out && out_error(r->out)) && !(r->count && r->taken >= r->count)) {
		bool some = consume(r);

		if (r->now_ns - ticked_ns >= TICK_NS) {
			recorder_tick(r->recorder, r->now_ns);
			ticked_ns = r->now_ns;
		}
		if (some)
			continue;
		if (r->out)
			out_flush(r->out);
		epoll_wait(epoll, &event, 1, LATENCY_MS);
	}
	close(epoll);
	return 0;
}

static int finish(struct running *r, struct err *err)
{
	struct account accounts[RECORDING_STREAMS] = {};
	size_t i;

	session_stop = 1;
	for (i = 0; i < KINDS; i++) {
		if (r->kind[i].observation)
			observe_detach(r->kind[i].observation);
	}
	while (consume(r))
		;
	for (i = 0; i < KINDS; i++) {
		struct kind *kind = &r->kind[i];
		const struct account *account;

		if (!kind->observation)
			continue;
		account = observe_account(kind->observation, 0, err);
		if (!account)
			return -1;
		kind->account = *account;
		kind->account.emitted -= kind->left_out;
		kind->account.filtered += kind->left_out;
		kind->account.steps = kind->code.record;
		accounts[kind->stream] = kind->account;
	}
	recorder_end(r->recorder, accounts, monotonic_ns());
	for (i = 0; i < KINDS; i++) {
		if (!r->kind[i].observation)
			continue;
		r->kind[i].account = accounts[r->kind[i].stream];
		if (r->out && r->kind[i].code.end)
			r->kind[i].code.end(r->kind[i].observation);
	}
	return 0;
}

/* What printing has made of it, where records are printed as something larger. */
static struct account printed_account(const struct kind *kind)
{
	struct account a = kind->account;
	__u64 output = a.lost[LOSS_output];

	if (!kind->code.account)
		return a;
	a.lost[LOSS_output] = a.emitted;
	kind->code.account(kind->observation, &a);
	a.emitted = a.lost[LOSS_output];
	a.lost[LOSS_output] = output;
	return a;
}

/* The last lines, one an observer: JSON's of --print to standard output, the others' to standard error. */
static int conclude(struct running *r, struct err *err)
{
	const char *failed = recorder_error(r->recorder);
	bool json = r->out && r->format == FORMAT_JSON, complete = true;
	char text[2048];
	int error = 0;
	size_t i;

	if (r->out) {
		out_flush(r->out);
		error = out_error(r->out);
	}
	for (i = 0; i < KINDS; i++) {
		struct kind *kind = &r->kind[i];
		struct account account;

		if (!kind->observation)
			continue;
		account = r->out ? printed_account(kind) : kind->account;
		complete = complete && account_complete(&account);
		if (json && !error) {
			out_end(r->out, account_json(&account, out_begin(r->out)), false);
			out_flush(r->out);
			error = out_error(r->out);
		}
		if (!json || error) {
			*account_text(&account, text) = 0;
			fputs(text, stderr);
		}
	}
	fprintf(stderr, "record: %llu bytes in %u file%s\n", (unsigned long long)recorder_bytes(r->recorder), recorder_parts(r->recorder),
		recorder_parts(r->recorder) == 1 ? "" : "s");
	if (failed)
		return err_set(err, STATUS_OUTPUT, "%.300s; what was not written is counted as lost (output)", failed);
	if (error)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: %s",
			       error == ETIMEDOUT ? "its reader does not read" : strerror(error));
	if (r->args->given[OPT_STRICT] && !complete)
		return err_set(err, STATUS_LOST, "something was lost, or may not have been seen (--strict)");
	return 0;
}

static int check_args(const struct args *args, struct err *err)
{
	__u64 ring = args->number[OPT_RING_SIZE];

	if (args->operands != 1)
		return err_set(err, STATUS_USAGE, args->operands ? "more than one FILE: '%s'" : "give the FILE to record to",
			       args->operands ? args->operand[1] : "");
	if (args->given[OPT_OUTPUT] && !args->given[OPT_PRINT])
		return err_set(err, STATUS_USAGE, "-o is how --print prints, which is not given");
	if (args->given[OPT_CLOCK] && !args->given[OPT_PRINT])
		return err_set(err, STATUS_USAGE, "--clock is for --print, which is not given");
	if (args->given[OPT_KEEP] && !args->given[OPT_ROTATE_SIZE] && !args->given[OPT_ROTATE_TIME])
		return err_set(err, STATUS_USAGE, "--keep needs --rotate-size or --rotate-time");
	if (args->given[OPT_KEEP] && args->number[OPT_KEEP] > 1000000)
		return err_set(err, STATUS_USAGE, "--keep: %s is above 1000000", args->text[OPT_KEEP]);
	if (args->given[OPT_ROTATE_SIZE] && args->number[OPT_ROTATE_SIZE] < ROTATE_MIN)
		return err_set(err, STATUS_USAGE, "--rotate-size: %s is below 64k", args->text[OPT_ROTATE_SIZE]);
	if (args->given[OPT_ROTATE_TIME] && args->number[OPT_ROTATE_TIME] < 1000000000)
		return err_set(err, STATUS_USAGE, "--rotate-time: %s is below 1s", args->text[OPT_ROTATE_TIME]);
	if (args->given[OPT_RING_SIZE] && (ring & (ring - 1) || ring < (__u64)getpagesize() || ring > 1u << 30))
		return err_set(err, STATUS_USAGE, "--ring-size: %s is not a power of two between the page size (%d) and 1g",
			       args->text[OPT_RING_SIZE], getpagesize());
	if (args->given[OPT_IN_FLIGHT] && args->number[OPT_IN_FLIGHT] > 1u << 20)
		return err_set(err, STATUS_USAGE, "--in-flight: %s is above %u", args->text[OPT_IN_FLIGHT], 1u << 20);
	return 0;
}

/* As it was typed: blanks between the words. */
static void read_command_line(struct running *r)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, r->command_line, sizeof(r->command_line) - 1), i;

	if (fd >= 0)
		close(fd);
	for (i = 0; i + 1 < len; i++) {
		if (!r->command_line[i])
			r->command_line[i] = ' ';
	}
}

/* The later files are made after the privileges are dropped. What this refuses removes the first one, which may take them. */
static int make_way(struct running *r, struct err *err)
{
	int ret = caps_pause(names_processes(r)), cleared, error;

	cleared = ret ? 0 : recorder_clear(r->recorder, err);
	error = caps_resume();
	if (ret || error)
		return err_set(err, STATUS_FAILED, "cannot pause the capabilities: %s", strerror(ret ? -ret : -error));
	return cleared;
}

static int run(struct running *r, struct err *err)
{
	const struct args *args = r->args;
	struct observe_config config = {};
	struct recorder_options options = {
		.path = args->operands ? args->operand[0] : NULL,
		.command_line = r->command_line,
		.force = args->given[OPT_FORCE],
		.rotate_bytes = args->number[OPT_ROTATE_SIZE],
		.rotate_ns = args->number[OPT_ROTATE_TIME],
		.keep = args->number[OPT_KEEP],
	};
	const char *missing;
	struct format clock;
	struct btf *btf;
	int ret;

	if (check_args(args, err) || filter_resolve(&config, args, err))
		return -1;
	missing = caps_missing();
	if (missing)
		return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
	r->format = args->given[OPT_OUTPUT] ? args->number[OPT_OUTPUT] : FORMAT_TABLE;
	r->count = args->number[OPT_COUNT_RECORD];
	read_command_line(r);
	r->recorder = recorder_new(&options, err);
	if (!r->recorder)
		return -1;
	r->names = names_new(NULL);
	if (args->given[OPT_PRINT])
		r->out = out_new(STDOUT_FILENO, OUTPUT_BUFFER, &session_stop);
	if (!r->names || (args->given[OPT_PRINT] && !r->out))
		return err_set(err, STATUS_FAILED, "no memory");
	if (plan_btf(&btf, err))
		return -1;
	ret = attach_all(r, btf, err);
	btf__free(btf);
	if (ret)
		return -1;
	memset(err, 0, sizeof(*err));
	malloc_trim(0);
	session_signals();
	if (make_way(r, err))
		return -1;
	ret = caps_drop(names_processes(r));
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot drop the capabilities: %s", strerror(-ret));
	tell_recorded(r);
	session_duration(args->number[OPT_DURATION]);
	if (r->out)
		print_headers(r);
	format_init(&clock, &lookups_observer, FORMAT_JSON, ERA_62);
	recorder_start(r->recorder, monotonic_ns(), clock.wall_offset_ns);
	ret = watch(r);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot wait for the rings: %s", strerror(-ret));
	if (finish(r, err))
		return -1;
	return conclude(r, err);
}

int record_main(const struct args *args, struct err *err)
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
		struct kind *kind = &r->kind[i];

		if (kind->told_paths && kind->observation) {
			struct format *format = observe_format(kind->observation);

			format->paths = kind->paths;
			format->stacks = kind->stacks;
		}
		paths_free(kind->told_paths);
		stacks_free(kind->told_stacks);
		observe_close(kind->observation);
	}
	recorder_free(r->recorder);
	names_free(r->names);
	out_free(r->out);
	free(r);
	return ret ? err->status : STATUS_OK;
}
