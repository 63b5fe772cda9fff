// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caps.h"
#include "observation.h"
#include "session.h"

#define OUTPUT_BUFFER	(256u << 10)
#define LATENCY_MS	50	/* how long a line may wait in the ring while nobody wakes us */
#define PIDS_OF_ALL	0xeffffffc	/* the inode number of the initial PID namespace, include/linux/proc_ns.h */

void observe_tell(const struct observation *o, const char *format, ...)
{
	va_list args;

	if (!o->verbose)
		return;
	fprintf(stderr, "%s: ", o->observer->command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const struct plan *observe_plan(const struct observation *o)
{
	return &o->plan;
}

const struct observe_config *observe_config(const struct observation *o)
{
	return &o->config;
}

const struct args *observe_args(const struct observation *o)
{
	return o->args;
}

struct format *observe_format(struct observation *o)
{
	return &o->format;
}

struct out *observe_out(struct observation *o)
{
	return o->out;
}

static int check_args(struct observation *o, struct err *err)
{
	const struct args *args = o->args;
	const enum option_id of_hist[] = { o->observer->by_option, OPT_INTERVAL, OPT_PERCENTILES };
	__u64 ring = args->number[OPT_RING_SIZE];
	int i;

	for (i = 0; i < (int)(sizeof(of_hist) / sizeof(of_hist[0])); i++) {
		if (args->given[of_hist[i]] && !args->given[OPT_HIST])
			return err_set(err, STATUS_USAGE, "--%s needs --hist", options[of_hist[i]].longname);
	}
	if (args->given[OPT_HIST] && args->given[OPT_STACKS])
		return err_set(err, STATUS_USAGE, "--stacks is for lines, not for --hist");
	if (args->given[OPT_HIST] && args->given[OPT_COUNT])
		return err_set(err, STATUS_USAGE, "--count is for lines; with --hist use --duration");
	if (args->given[OPT_RING_SIZE] && (ring & (ring - 1) || ring < (__u64)getpagesize() || ring > 1u << 30))
		return err_set(err, STATUS_USAGE, "--ring-size: %s is not a power of two between the page size (%d) and 1g",
			       args->text[OPT_RING_SIZE], getpagesize());
	if (args->given[OPT_IN_FLIGHT] && args->number[OPT_IN_FLIGHT] > 1u << 20)
		return err_set(err, STATUS_USAGE, "--in-flight: %s is above %u", args->text[OPT_IN_FLIGHT], 1u << 20);
	if (args->given[OPT_INTERVAL] && args->number[OPT_INTERVAL] < 1000000)
		return err_set(err, STATUS_USAGE, "--interval: %s is below 1ms", args->text[OPT_INTERVAL]);
	return 0;
}

/* Of the map of paths. */
int observation_read_path(void *ctx, const struct path_key *key, struct path_value *value)
{
	struct observation *o = ctx;

	return bpf_map__lookup_elem(bpf_object__find_map_by_name(o->object, "paths"), key, sizeof(*key), value, sizeof(*value), 0);
}

/* Of the map of stacks. */
static int read_stack(void *ctx, __u32 id, __u64 address[STACK_DEPTH])
{
	struct observation *o = ctx;

	return bpf_map__lookup_elem(bpf_object__find_map_by_name(o->object, "stacks"), &id, sizeof(id), address, STACK_DEPTH * sizeof(*address), 0);
}

/* What names the stacks, once the programs are attached: their own functions are in the kernel's table then. */
void observation_name_stacks(struct observation *o)
{
	struct ksyms *ksyms = o->config.stacks & STACKS_KERNEL ? ksyms_read() : NULL;
	struct stat st;
	bool own_pids = !stat("/proc/self/ns/pid", &st) && st.st_ino == PIDS_OF_ALL;

	if (o->config.stacks & STACKS_KERNEL && !ksyms)
		fprintf(stderr, "iomapscope: the addresses in /proc/kallsyms are hidden (CAP_SYSLOG is missing, or kernel.kptr_restrict is 2): "
			"the kernel's functions are shown as addresses\n");
	if (o->config.stacks & STACKS_USER && !own_pids)
		fprintf(stderr, "iomapscope: not in the initial PID namespace: the functions of processes are shown as addresses\n");
	else if (o->config.stacks & STACKS_USER && !caps_ptrace())
		fprintf(stderr, "iomapscope: CAP_SYS_PTRACE is missing: the functions of other users' processes are shown as addresses\n");
	o->format.stacks = stacks_new(read_stack, o, ksyms, own_pids);
}

void observe_print(struct observation *o, const void *data, size_t size)
{
	if (o->code->record)
		o->code->record(o, data, size);
	else
		out_end(o->out, format_event(&o->format, out_begin(o->out), data), true);
}

void observation_print_interval(struct observation *o, struct hist_set *set, __u64 end_ns, __u64 span_ns)
{
	if (!o->json && o->format.kind == FORMAT_TABLE) {
		char *p = out_begin(o->out);

		p = format_time(&o->format, p, end_ns);
		*p++ = '\n';
		out_end(o->out, p, false);
	}
	hist_print(o->out, &o->format, set, o->config.hist_by, end_ns, span_ns);
	out_flush(o->out);
}

/* Whether the observer has nothing more to do. */
static bool is_over(struct observation *o)
{
	return o->code->over && o->code->over(o);
}

/* Until told to stop: sleeps, and prints what each interval added to @shown. */
static int watch_hist(struct observation *o, struct hist_set *shown, __u64 *shown_ns)
{
	__u64 interval = o->args->number[OPT_INTERVAL], next = o->start_ns + interval;
	int ret = 0;

	while (!session_stop && !ret && !out_error(o->out) && !is_over(o)) {
		struct hist_set now = {}, diff = {};
		__u64 at = monotonic_ns();

		if (!interval || at < next) {
			__u64 wait = interval ? next - at : o->code->over ? LATENCY_MS * 1000000ULL : 1000000000;
			struct timespec sleep = { wait / 1000000000, wait % 1000000000 };

			nanosleep(&sleep, NULL);
			continue;
		}
		ret = observation_collect(o, &now);
		if (!ret && !hist_set_diff(&diff, &now, shown))
			ret = -ENOMEM;
		if (!ret) {
			format_sync_clock(&o->format);
			observation_print_interval(o, &diff, at, at - *shown_ns);
			hist_set_free(shown);
			*shown = now;
			*shown_ns = at;
		} else {
			hist_set_free(&now);
		}
		hist_set_free(&diff);
		next += interval;
		if (next < at)
			next = at + interval;
	}
	return ret;
}

/* Until told to stop, or --count is reached, or the output fails. */
static int watch_ring(struct observation *o)
{
	struct epoll_event event;
	int ret = 0, synced = 0;

	while (!session_stop && ret >= 0 && !out_error(o->out)) {
		/* In portions, so that a flood does not keep us from looking at the clock. */
		ret = ring_buffer__consume_n(o->ring, 4096);
		if (ret > 0)
			continue;
		out_flush(o->out);
		if ((o->config.count && out_written(o->out) >= o->config.count) || is_over(o))
			break;
		if (ret < 0)
			break;
		epoll_wait(ring_buffer__epoll_fd(o->ring), &event, 1, LATENCY_MS);
		if (++synced >= 20) {
			format_sync_clock(&o->format);
			synced = 0;
		}
	}
	return ret < 0 && ret != -EINTR ? ret : 0;
}

void observation_print_header(struct observation *o)
{
	if (o->config.hist)
		hist_header(o->out, &o->format);
	else if (!o->json)
		out_end(o->out, format_header(&o->format, out_begin(o->out)), false);
}

static int watch(struct observation *o, struct err *err)
{
	struct hist_set shown = {}, last = {}, diff = {};
	__u64 shown_ns = o->start_ns, end_ns;
	int ret;

	observation_print_header(o);
	if (o->config.hist) {
		ret = watch_hist(o, &shown, &shown_ns);
	} else {
		out_flush(o->out);
		ret = watch_ring(o);
	}
	/* From here on a reader that takes nothing is given up after a while. */
	session_stop = 1;
	observation_detach(o);
	end_ns = monotonic_ns();
	if (!ret && o->config.hist) {
		ret = observation_collect(o, &last);
		if (!ret && !hist_set_diff(&diff, &last, &shown))
			ret = -ENOMEM;
		if (!ret)
			hist_print(o->out, &o->format, &diff, o->config.hist_by, end_ns, end_ns - shown_ns);
	}
	while (!ret && o->ring && !out_error(o->out)) {
		if (ring_buffer__consume_n(o->ring, 4096) <= 0)
			break;
	}
	if (!ret && o->code->end)
		o->code->end(o);
	out_flush(o->out);
	hist_set_free(&shown);
	hist_set_free(&last);
	hist_set_free(&diff);
	if (!ret)
		ret = observation_account(o);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot read the kernel's results: %s", strerror(-ret));
	return 0;
}

/* The last line: JSON's to standard output, the others' (and that of a broken output) to standard error. */
int observation_conclude(struct observation *o, struct err *err)
{
	int error = out_error(o->out);
	char text[2048];

	if (!error && o->json) {
		out_end(o->out, account_json(&o->account, out_begin(o->out)), false);
		out_flush(o->out);
		error = out_error(o->out);
	}
	if (error || !o->json) {
		*account_text(&o->account, text) = 0;
		fputs(text, stderr);
	}
	if (error == ETIMEDOUT)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: its reader does not read");
	if (error)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(error));
	if (o->damaged) {
		*err = *recording_error(o->recording);
		return -1;
	}
	if (o->args->given[OPT_STRICT] && !account_complete(&o->account))
		return err_set(err, STATUS_LOST, "%llu of %llu %s were lost, and up to %llu not seen; %llu stacks were lost (--strict)",
			       (unsigned long long)account_lost(&o->account), (unsigned long long)o->account.seen, o->observer->command,
			       (unsigned long long)o->account.unseen_at_most, (unsigned long long)o->account.stacks_lost);
	return 0;
}

/* How to print. */
int observation_open_output(struct observation *o, enum flag_era era, struct err *err)
{
	format_init(&o->format, o->observer, o->args->given[OPT_OUTPUT] ? o->args->number[OPT_OUTPUT] : FORMAT_TABLE, era);
	o->format.clock = o->args->given[OPT_CLOCK] ? o->args->number[OPT_CLOCK] : CLOCK_WALL;
	if (o->args->given[OPT_PERCENTILES])
		o->format.percentiles = o->args->percentiles;
	o->format.color = format_wants_color(o->args->given[OPT_COLOR] ? o->args->number[OPT_COLOR] : COLOR_AUTO, STDOUT_FILENO);
	o->json = o->format.kind == FORMAT_JSON;
	o->out = out_new(STDOUT_FILENO, OUTPUT_BUFFER, &session_stop);
	return o->out ? 0 : err_set(err, STATUS_FAILED, "no memory");
}

static int run(struct observation *o, struct err *err)
{
	int ret;

	if (check_args(o, err))
		return -1;
	if (o->args->given[OPT_READ])
		return observation_replay(o, err);
	if (observation_make_ready(o, NULL, err) || observation_open_output(o, o->plan.era, err))
		return -1;
	if (o->config.paths)
		o->format.paths = paths_new(observation_read_path, o);

	/* The signals only once there is something to end in order. */
	if (observation_attach(o, err))
		return -1;
	session_signals();
	/* The kernel's BTF has been read and is not needed any more. */
	malloc_trim(0);
	if (o->config.stacks)
		observation_name_stacks(o);
	ret = caps_drop(o->config.stacks & STACKS_USER);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot drop the capabilities: %s", strerror(-ret));
	o->start_ns = monotonic_ns();
	session_duration(o->args->number[OPT_DURATION]);
	if (watch(o, err))
		return -1;
	return observation_conclude(o, err);
}

int observe_main(const struct observe_code *code, const struct args *args, struct err *err)
{
	struct observation *o = observation_new(code, args, err);
	int ret;

	if (!o)
		return err->status;
	ret = run(o, err);
	observe_close(o);
	return ret ? err->status : STATUS_OK;
}
