// SPDX-License-Identifier: GPL-2.0
/* iomapscope lookups: load, attach, read the ring or the histograms, account. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/membarrier.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "account.h"
#include "caps.h"
#include "command.h"
#include "filter.h"
#include "format.h"
#include "histogram.h"
#include "kallsyms.h"
#include "lookups.skel.h"
#include "output.h"
#include "plan.h"
#include "session.h"

#define RING_DEFAULT	(4u << 20)
#define OUTPUT_BUFFER	(256u << 10)
#define LATENCY_MS	50	/* how long a line may wait in the ring while nobody wakes us */
#define HIST_KEYS	8192	/* keys of --by dev, ino, comm; times the two programs */

struct lookups {
	const struct args *args;
	struct lookups_bpf *skel;
	struct ring_buffer *ring;
	struct bpf_program *programs[2];
	struct plan plan;
	struct observe_config config;
	struct lookup_config own;
	struct format format;
	struct out *out;
	struct account account;
	int cpus;
	bool verbose;
	__u64 start_ns;
	bool json;
};

static bool libbpf_speaks;
static char libbpf_said[200];

/* libbpf's first warning is the reason that a user wants to know; all of it is for -v. */
static int on_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (libbpf_speaks && level != LIBBPF_DEBUG)
		return vfprintf(stderr, format, args);
	if (level == LIBBPF_WARN && !libbpf_said[0]) {
		vsnprintf(libbpf_said, sizeof(libbpf_said), format, args);
		libbpf_said[strcspn(libbpf_said, "\n")] = 0;
	}
	return 0;
}

static void tell(const struct lookups *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const struct lookups *l, const char *format, ...)
{
	va_list args;

	if (!l->verbose)
		return;
	fputs("lookups: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static int check_args(struct lookups *l, struct err *err)
{
	const struct args *args = l->args;
	__u64 ring = args->number[OPT_RING_SIZE];

	if (!args->given[OPT_HIST] && (args->given[OPT_BY] || args->given[OPT_INTERVAL]))
		return err_set(err, STATUS_USAGE, "--%s needs --hist", args->given[OPT_BY] ? "by" : "interval");
	if (args->given[OPT_HIST] && args->given[OPT_COUNT])
		return err_set(err, STATUS_USAGE, "--count is for lines; with --hist use --duration");
	if (args->given[OPT_RING_SIZE] && (ring & (ring - 1) || ring < (__u64)getpagesize() || ring > 1u << 30))
		return err_set(err, STATUS_USAGE, "--ring-size: %s is not a power of two between the page size (%d) and 1g",
			       args->text[OPT_RING_SIZE], getpagesize());
	if (args->given[OPT_INTERVAL] && args->number[OPT_INTERVAL] < 1000000)
		return err_set(err, STATUS_USAGE, "--interval: %s is below 1ms", args->text[OPT_INTERVAL]);
	return 0;
}

static void configure(struct lookups *l)
{
	const struct args *args = l->args;
	struct observe_config *config = &l->config;
	unsigned int ring = args->given[OPT_RING_SIZE] ? args->number[OPT_RING_SIZE] : RING_DEFAULT;

	config->self = getpid();
	config->hist = args->given[OPT_HIST];
	config->hist_by = args->given[OPT_BY] ? args->number[OPT_BY] : BY_OP;
	l->own.need_op = !config->hist || config->hist_by == BY_OP || config->op_mask;
	config->count = args->given[OPT_COUNT] ? args->number[OPT_COUNT] : 0;
	l->own.write_is_write = l->plan.writes_alone;
	/* Half the ring: enough room for what comes while the reader wakes up. */
	config->wakeup_bytes = ring / 2;
	memcpy(l->own.op_map, l->plan.op_map, sizeof(l->own.op_map));
}

/* The operations of stock kernels come from the callers' addresses. */
static void find_callers(struct lookups *l)
{
	unsigned int count;

	if (l->own.ranges || !l->own.need_op)
		return;
	switch (callers_read(l->own.range, RANGE_MAX, &count)) {
	case CALLERS_FOUND:
		l->own.ranges = count;
		break;
	case CALLERS_HIDDEN:
		fprintf(stderr, "iomapscope: the addresses in /proc/kallsyms are hidden (CAP_SYSLOG is missing, or kernel.kptr_restrict "
			"is 2): operations that the flags do not tell are null\n");
		break;
	case CALLERS_NONE:
		fprintf(stderr, "iomapscope: /proc/kallsyms names no caller of iomap: operations that the flags do not tell are null\n");
		break;
	}
}

static void discard(struct lookups *l)
{
	ring_buffer__free(l->ring);
	l->ring = NULL;
	lookups_bpf__destroy(l->skel);
	l->skel = NULL;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct lookups *l = ctx;
	char *p = out_begin(l->out);

	(void)size;
	out_end(l->out, format_event(&l->format, p, data), true);
	return 0;
}

/* One attempt with one source. 0 or -errno; libbpf_said has libbpf's word. */
static int attach(struct lookups *l, int source)
{
	struct lookups_bpf *skel;
	unsigned int ring = l->args->given[OPT_RING_SIZE] ? l->args->number[OPT_RING_SIZE] : RING_DEFAULT;
	int ret;

	libbpf_said[0] = 0;
	if (source != SOURCE_LOOKUP)
		find_callers(l);
	skel = l->skel = lookups_bpf__open();
	if (!skel)
		return -errno;
	l->config.source = source;
	memcpy((void *)&skel->rodata->cfg, &l->config, sizeof(l->config));
	memcpy((void *)&skel->rodata->lookup_cfg, &l->own, sizeof(l->own));
	bpf_map__set_max_entries(skel->maps.ring, l->config.hist ? (unsigned int)getpagesize() : ring);
	if (l->config.hist && l->config.hist_by >= BY_DEV)
		bpf_map__set_max_entries(skel->maps.hists, HIST_KEYS * STATS_COUNT);
	bpf_program__set_autoload(skel->progs.lookup, source == SOURCE_LOOKUP);
	bpf_program__set_autoload(skel->progs.iter_begin, source != SOURCE_LOOKUP);
	bpf_program__set_autoload(skel->progs.iter_end, source == SOURCE_FEXIT);
	bpf_program__set_autoload(skel->progs.iter_map, source == SOURCE_DSTMAP);
	bpf_map__set_autocreate(skel->maps.tasks, source != SOURCE_LOOKUP);
	l->programs[0] = source == SOURCE_LOOKUP ? NULL : skel->progs.iter_begin;
	l->programs[1] = source == SOURCE_LOOKUP ? skel->progs.lookup :
			 source == SOURCE_FEXIT ? skel->progs.iter_end : skel->progs.iter_map;
	ret = lookups_bpf__load(skel);
	if (!ret)
		ret = lookups_bpf__attach(skel);
	if (!ret && !l->config.hist) {
		l->ring = ring_buffer__new(bpf_map__fd(skel->maps.ring), on_record, l, NULL);
		if (!l->ring)
			ret = -errno;
	}
	if (ret) {
		discard(l);
		return ret;
	}
	/* Only now: a program that runs alone would see begins without ends. */
	skel->bss->state.enabled = true;
	return 0;
}

static int attach_best(struct lookups *l, struct err *err)
{
	bool forced = l->args->given[OPT_SOURCE];
	int source = forced ? (int)l->args->number[OPT_SOURCE] : plan_choose(&l->plan, 0);
	int ret;

	if (forced && !l->plan.source[source].usable)
		return err_set(err, STATUS_KERNEL, "source %s: %s; see 'iomapscope probe'", source_name(source),
			       l->plan.source[source].why_not);
	if (source < 0)
		return err_set(err, STATUS_KERNEL, "this kernel has no source for lookups: %s; see 'iomapscope probe'",
			       l->plan.source[SOURCE_DSTMAP].why_not);
	for (;;) {
		ret = attach(l, source);
		if (!ret)
			break;
		tell(l, "source %s: %s", source_name(source), strerror(-ret));
		if (ret == -EPERM || ret == -EACCES) {
			const char *missing = caps_missing();

			if (missing)
				return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
		}
		if (ret == -EINTR || ret == -ENOMEM || forced || plan_choose(&l->plan, source + 1) < 0)
			return err_set(err, ret == -ENOMEM ? STATUS_FAILED : STATUS_KERNEL, "source %s cannot be attached: %s%s%s; -v tells "
				       "more", source_name(source), strerror(-ret), libbpf_said[0] ? ": " : "", libbpf_said);
		source = plan_choose(&l->plan, source + 1);
	}
	l->account.source = source_name(source);
	tell(l, "attached, source %s", source_name(source));
	if (source == SOURCE_LOOKUP && l->plan.unknown_ops[0])
		tell(l, "operations of this kernel that are shown as unknown: %s", l->plan.unknown_ops);
	return 0;
}

/* Sum of a program's counters over the CPUs; @hists is added up too if it is not NULL. */
static int read_stats(struct lookups *l, __u32 program, struct observe_stats *sum)
{
	static struct observe_stats *percpu;
	int cpu, i;

	if (!percpu)
		percpu = calloc(l->cpus, sizeof(*percpu));
	if (!percpu)
		return -ENOMEM;
	if (bpf_map__lookup_elem(l->skel->maps.stats, &program, sizeof(program), percpu, l->cpus * sizeof(*percpu), 0))
		return -errno;
	memset(sum, 0, sizeof(*sum));
	for (cpu = 0; cpu < l->cpus; cpu++) {
		const struct observe_stats *one = &percpu[cpu];

		sum->seen += one->seen;
		sum->emitted += one->emitted;
		sum->filtered += one->filtered;
		sum->ring_full += one->ring_full;
		sum->map_full += one->map_full;
		sum->nesting += one->nesting;
		sum->unmatched_begin += one->unmatched_begin;
		sum->unmatched_end += one->unmatched_end;
		for (i = 0; i < HIST_SLOTS; i++)
			hist_add(&sum->hist[i], &one->hist[i]);
	}
	return 0;
}

static int collect_arrays(struct lookups *l, struct hist_set *set)
{
	static struct observe_stats sum;
	__u32 program;
	int i, ret;

	for (program = 0; program < STATS_COUNT; program++) {
		ret = read_stats(l, program, &sum);
		if (ret)
			return ret;
		for (i = 0; i < HIST_SLOTS; i++) {
			struct keyed_hist *h;

			if (!sum.hist[i].count)
				continue;
			h = hist_set_at(set, i, 0);
			if (!h)
				return -ENOMEM;
			hist_add(&h->hist, &sum.hist[i]);
		}
	}
	return 0;
}

static int collect_hash(struct lookups *l, struct hist_set *set)
{
	struct bpf_map *map = l->skel->maps.hists;
	struct hist *percpu = calloc(l->cpus, sizeof(*percpu));
	struct hist_key key, *last = NULL;
	int cpu, ret;

	if (!percpu)
		return -ENOMEM;
	while (!(ret = bpf_map__get_next_key(map, last, &key, sizeof(key)))) {
		struct keyed_hist *h;

		last = &key;
		ret = bpf_map__lookup_elem(map, &key, sizeof(key), percpu, l->cpus * sizeof(*percpu), 0);
		if (ret)
			break;
		h = hist_set_at(set, key.a, key.b);
		if (!h) {
			ret = -ENOMEM;
			break;
		}
		for (cpu = 0; cpu < l->cpus; cpu++)
			hist_add(&h->hist, &percpu[cpu]);
	}
	free(percpu);
	return ret == -ENOENT ? 0 : ret;
}

static int collect(struct lookups *l, struct hist_set *set)
{
	return l->config.hist_by >= BY_DEV ? collect_hash(l, set) : collect_arrays(l, set);
}

/* Until told to stop: sleeps, and prints what each interval added to @shown. */
static int watch_hist(struct lookups *l, struct hist_set *shown, __u64 *shown_ns)
{
	__u64 interval = l->args->number[OPT_INTERVAL], next = l->start_ns + interval;
	int ret = 0;

	while (!session_stop && !ret && !out_error(l->out)) {
		struct hist_set now = {}, diff = {};
		__u64 at = monotonic_ns();

		if (!interval || at < next) {
			__u64 wait = interval ? next - at : 1000000000;
			struct timespec sleep = { wait / 1000000000, wait % 1000000000 };

			nanosleep(&sleep, NULL);
			continue;
		}
		ret = collect(l, &now);
		if (!ret && !hist_set_diff(&diff, &now, shown))
			ret = -ENOMEM;
		if (!ret) {
			format_sync_clock(&l->format);
			if (!l->json && l->format.kind == FORMAT_TABLE) {
				char *p = out_begin(l->out);

				p = format_time(&l->format, p, at);
				*p++ = '\n';
				out_end(l->out, p, false);
			}
			hist_print(l->out, &l->format, &diff, l->config.hist_by, at, at - *shown_ns);
			out_flush(l->out);
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
static int watch_ring(struct lookups *l)
{
	struct epoll_event event;
	int ret = 0, synced = 0;

	while (!session_stop && ret >= 0 && !out_error(l->out)) {
		/* In portions, so that a flood does not keep us from looking at the clock. */
		ret = ring_buffer__consume_n(l->ring, 4096);
		if (ret > 0)
			continue;
		out_flush(l->out);
		if (l->config.count && out_written(l->out) >= l->config.count)
			break;
		if (ret < 0)
			break;
		epoll_wait(ring_buffer__epoll_fd(l->ring), &event, 1, LATENCY_MS);
		if (++synced >= 20) {
			format_sync_clock(&l->format);
			synced = 0;
		}
	}
	return ret < 0 && ret != -EINTR ? ret : 0;
}

/*
 * No program runs any more when this returns. The order matters: begins first, so that lookups in flight can end. A program that
 * was called just before its link went away ends within an RCU grace period, which is what the barrier waits for.
 */
static void detach(struct lookups *l)
{
	l->skel->bss->state.stopping = true;
	bpf_link__destroy(l->skel->links.iter_begin);
	l->skel->links.iter_begin = NULL;
	lookups_bpf__detach(l->skel);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(20000);
}

/* Runs of a program that the kernel left out because it was running on that CPU already. */
static __u64 skipped(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (!program || bpf_prog_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return 0;
	return info.recursion_misses;
}

static int account(struct lookups *l)
{
	static struct observe_stats sum;
	struct account *a = &l->account;
	__u64 in_kernel = 0, begins_skipped;
	__u32 program;
	int i, ret;

	for (program = 0; program < STATS_COUNT; program++) {
		ret = read_stats(l, program, &sum);
		if (ret)
			return ret;
		a->seen += sum.seen;
		a->filtered += sum.filtered;
		a->lost[LOSS_ring_full] += sum.ring_full;
		a->lost[LOSS_map_full] += sum.map_full;
		a->lost[LOSS_nesting] += sum.nesting;
		a->lost[LOSS_unmatched_begin] += sum.unmatched_begin;
		a->lost[LOSS_unmatched_end] += sum.unmatched_end;
		in_kernel += sum.emitted;
	}
	begins_skipped = skipped(l->programs[0]);
	a->programs_skipped = begins_skipped + skipped(l->programs[1]);
	if (l->config.hist) {
		struct hist_set set = {};
		size_t n;

		ret = collect(l, &set);
		for (n = 0; n < set.count; n++)
			in_kernel += set.hist[n].hist.count;
		hist_set_free(&set);
		if (ret)
			return ret;
		a->emitted = in_kernel;
	} else {
		a->emitted = out_written(l->out);
		a->lost[LOSS_output] = in_kernel - a->emitted;
	}
	if (l->config.source == SOURCE_LOOKUP) {
		/* Each run is one lookup. On the stock sources a run left out shows as an unmatched begin or end. */
		a->lost[LOSS_skipped] = a->programs_skipped;
		a->seen += a->programs_skipped;
	} else {
		/* Begun, and neither reported nor lost yet: its end has not come, or never will. */
		__u64 known = in_kernel + a->filtered;

		for (i = 0; i < LOSS_COUNT; i++) {
			if (i != LOSS_output)
				known += a->lost[i];
		}
		if (a->seen > known)
			a->lost[LOSS_unmatched_begin] += a->seen - known;
		if (begins_skipped > a->lost[LOSS_unmatched_end])
			a->unseen_at_most = begins_skipped - a->lost[LOSS_unmatched_end];
	}
	a->duration_ns = monotonic_ns() - l->start_ns;
	return 0;
}

static int watch(struct lookups *l, struct err *err)
{
	struct hist_set shown = {}, last = {}, diff = {};
	__u64 shown_ns = l->start_ns, end_ns;
	int ret;

	if (l->config.hist) {
		hist_header(l->out, l->format.kind);
		ret = watch_hist(l, &shown, &shown_ns);
	} else {
		if (!l->json)
			out_end(l->out, format_header(&l->format, out_begin(l->out)), false);
		out_flush(l->out);
		ret = watch_ring(l);
	}
	/* From here on a reader that takes nothing is given up after a while. */
	session_stop = 1;
	detach(l);
	end_ns = monotonic_ns();
	if (!ret && l->config.hist) {
		ret = collect(l, &last);
		if (!ret && !hist_set_diff(&diff, &last, &shown))
			ret = -ENOMEM;
		if (!ret)
			hist_print(l->out, &l->format, &diff, l->config.hist_by, end_ns, end_ns - shown_ns);
	}
	while (!ret && l->ring && !out_error(l->out)) {
		if (ring_buffer__consume_n(l->ring, 4096) <= 0)
			break;
	}
	out_flush(l->out);
	hist_set_free(&shown);
	hist_set_free(&last);
	hist_set_free(&diff);
	if (!ret)
		ret = account(l);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot read the kernel's results: %s", strerror(-ret));
	return 0;
}

/* The last line: JSON's to standard output, the others' (and that of a broken output) to standard error. */
static int conclude(struct lookups *l, struct err *err)
{
	int error = out_error(l->out);
	char text[2048];

	if (!error && l->json) {
		out_end(l->out, account_json(&l->account, out_begin(l->out)), false);
		out_flush(l->out);
		error = out_error(l->out);
	}
	if (error || !l->json) {
		*account_text(&l->account, text) = 0;
		fputs(text, stderr);
	}
	if (error == ETIMEDOUT)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: its reader does not read");
	if (error)
		return err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(error));
	if (l->args->given[OPT_STRICT] && !account_complete(&l->account))
		return err_set(err, STATUS_LOST, "%llu of %llu lookups were lost, and up to %llu not seen (--strict)",
			       (unsigned long long)account_lost(&l->account), (unsigned long long)l->account.seen,
			       (unsigned long long)l->account.unseen_at_most);
	return 0;
}

static int run(struct lookups *l, struct err *err)
{
	const char *missing;
	struct btf *btf;
	int ret;

	if (check_args(l, err) || filter_resolve(&l->config, l->args, err))
		return -1;
	missing = caps_missing();
	if (missing)
		return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
	if (plan_btf(&btf, err))
		return -1;
	plan_make(&l->plan, btf);
	btf__free(btf);
	configure(l);
	l->cpus = libbpf_num_possible_cpus();
	if (l->cpus < 0)
		return err_set(err, STATUS_FAILED, "cannot count the CPUs: %s", strerror(-l->cpus));
	format_init(&l->format, l->args->given[OPT_OUTPUT] ? l->args->number[OPT_OUTPUT] : FORMAT_TABLE, l->plan.era);
	l->json = l->format.kind == FORMAT_JSON;
	l->out = out_new(STDOUT_FILENO, OUTPUT_BUFFER, &session_stop);
	if (!l->out)
		return err_set(err, STATUS_FAILED, "no memory");

	/* The signals only once there is something to end in order. */
	if (attach_best(l, err))
		return -1;
	session_signals();
	ret = caps_drop();
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot drop the capabilities: %s", strerror(-ret));
	l->start_ns = monotonic_ns();
	session_duration(l->args->number[OPT_DURATION]);
	if (watch(l, err))
		return -1;
	return conclude(l, err);
}

int lookups_main(const struct args *args, struct err *err)
{
	struct lookups *l = calloc(1, sizeof(*l));
	int ret;

	if (!l) {
		err_set(err, STATUS_FAILED, "no memory");
		return err->status;
	}
	l->args = args;
	l->verbose = libbpf_speaks = args->given[OPT_VERBOSE];
	l->account.command = args->command->name;
	libbpf_set_print(on_libbpf);
	ret = run(l, err);
	discard(l);
	out_free(l->out);
	free(l);
	return ret ? err->status : STATUS_OK;
}
