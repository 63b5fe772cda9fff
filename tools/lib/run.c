// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/membarrier.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "account.h"
#include "caps.h"
#include "cgroup.h"
#include "filter.h"
#include "format.h"
#include "histogram.h"
#include "observe.h"
#include "output.h"
#include "plan.h"
#include "recording.h"
#include "replay.h"
#include "run.h"
#include "session.h"
#include "stacks.h"

#define RING_DEFAULT	(4u << 20)
#define OUTPUT_BUFFER	(256u << 10)
#define LATENCY_MS	50	/* how long a line may wait in the ring while nobody wakes us */
#define PIDS_OF_ALL	0xeffffffc	/* the inode number of the initial PID namespace, include/linux/proc_ns.h */
#define HIST_KEYS	8192	/* keys of --by dev, ino, comm; times the programs that count */

struct observation {
	const struct observe_code *code;
	const struct observer *observer;
	const struct source_desc *source;	/* of this attempt, then the one attached */
	const struct args *args;
	struct bpf_object *object;
	struct bpf_program *program[PROGRAMS_MAX];	/* of the source, NULL where one does not apply */
	struct bpf_link *link[PROGRAMS_MAX];
	struct bpf_link *policy;	/* of the observer's struct_ops, if it has one */
	struct bpf_map *plain;		/* where the plain programs add up, NULL: they do not run */
	struct bpf_map *stats, *hists;
	struct observe_state *state;
	struct ring_buffer *ring;
	struct plan plan;
	struct observe_config config;
	int cgroup;			/* what the filter lets through, or -1 */
	struct format format;
	struct out *out;
	struct account account;
	int cpus;
	bool verbose;
	__u64 start_ns;
	bool json;
	/* One of several, for top: */
	unsigned int top_keys;			/* room of its table, 0: not for top */
	int batch;				/* keys that are read at a time */
	struct top_key *batch_key;
	struct top_value *batch_value;		/* of each key one for each CPU */
	/* Or for export: */
	struct metrics_room metrics;		/* .keys is 0: not for export */
	/* One of several, for record: */
	observe_sink sink;			/* takes the records instead of all below; NULL: none does */
	void *sink_ctx;
	/* The records come from a recording: */
	struct recording *recording;
	struct replay *replay;
	__u64 left_out;				/* by filters, and --count */
	__u64 refused;				/* no room for their histogram */
	bool damaged;
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

/* The object's BTF says in which section the variable is, and where. */
void *observe_variable(struct observation *o, const char *name)
{
	const struct btf *btf = bpf_object__btf(o->object);
	struct bpf_map *map;

	bpf_object__for_each_map(map, o->object) {
		/* Of the well-known sections the map's name has a part of the object's in front. */
		const char *map_name = bpf_map__name(map), *section = *map_name == '.' ? map_name : strrchr(map_name, '.');
		int id = section ? btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC) : -1, i;
		const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, id);
		size_t size;
		char *data = type ? bpf_map__initial_value(map, &size) : NULL;

		for (i = 0; data && i < btf_vlen(type); i++) {
			const struct btf_var_secinfo *info = btf_var_secinfos(type) + i;
			const struct btf_type *variable = btf__type_by_id(btf, info->type);

			if (!strcmp(btf__name_by_offset(btf, variable->name_off), name) && info->offset + info->size <= size)
				return data + info->offset;
		}
	}
	return NULL;
}

void *observe_initial(struct observation *o, const char *map)
{
	size_t size;

	return bpf_map__initial_value(bpf_object__find_map_by_name(o->object, map), &size);
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

/* In the order of --stacks' choices. */
static const __u8 stacks_of_choice[] = { STACKS_KERNEL | STACKS_USER, STACKS_KERNEL, STACKS_USER };

static unsigned int ring_size(const struct observation *o)
{
	return o->args->given[OPT_RING_SIZE] ? o->args->number[OPT_RING_SIZE] : RING_DEFAULT;
}

static void configure(struct observation *o)
{
	const struct args *args = o->args;
	struct observe_config *config = &o->config;
	enum option_id by = o->observer->by_option;

	config->self = getpid();
	config->hist = args->given[OPT_HIST];
	if (o->observer->key_count)
		config->hist_by = o->observer->key[args->given[by] ? args->number[by] : 0];
	if (o->top_keys) {
		config->hist = 1;
		config->hist_by = BY_TOP;
	}
	if (o->metrics.keys) {
		config->hist = 1;
		config->hist_by = BY_METRICS;
		config->metric_cgroups = o->metrics.cgroups > 0;
		config->metric_first = o->metrics.first;
		config->metric_facets = o->metrics.facets;
		config->metric_programs = o->metrics.programs;
	}
	config->count = args->given[OPT_COUNT] ? args->number[OPT_COUNT] : 0;
	/* Half the ring: enough room for what comes while the reader wakes up. */
	config->wakeup_bytes = ring_size(o) / 2;
	/* A process has to be there to have its functions named. */
	if (args->given[OPT_STACKS] && stacks_of_choice[args->number[OPT_STACKS]] & STACKS_USER)
		config->wakeup_bytes = 1;
	config->stacks = args->given[OPT_STACKS] ? stacks_of_choice[args->number[OPT_STACKS]] : 0;
	config->paths = observer_shows(o->observer, KIND_PATH) && (!config->hist || config->hist_by == BY_INO || config->hist_by == BY_TOP);
	config->plain = config->hist && (config->hist_by == BY_OP || config->hist_by == BY_TYPE) && libbpf_num_possible_cpus() <= PLAIN_CPUS &&
			!config->pid && !config->by_comm && !config->devs && !config->by_ino && !config->by_cgroup && !config->op_mask && !config->errors && !config->min_latency_ns;
}

static void discard(struct observation *o)
{
	int i;

	bpf_link__destroy(o->policy);
	o->policy = NULL;
	ring_buffer__free(o->ring);
	o->ring = NULL;
	for (i = 0; i < PROGRAMS_MAX; i++) {
		bpf_link__destroy(o->link[i]);
		o->link[i] = NULL;
	}
	bpf_object__close(o->object);
	o->object = NULL;
}

/* Of the map of paths. */
static int read_path(void *ctx, const struct path_key *key, struct path_value *value)
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
static void name_stacks(struct observation *o)
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

static int on_record(void *ctx, void *data, size_t size)
{
	struct observation *o = ctx;

	if (o->sink)
		o->sink(o->sink_ctx, o, data, size);
	else
		observe_print(o, data, size);
	return 0;
}

/* The filter's cgroup, which the map takes by its directory's descriptor, and keeps alive. */
static int set_cgroup(struct observation *o)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o->object, "cgroups");
	__u32 key = 0, value = o->cgroup;

	return bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
}

static void prepare_metrics(struct observation *o)
{
	static const char *const names[] = { "metrics", "metrics_other", "metric_cgroups" };
	const unsigned int room[] = { o->metrics.keys, o->metrics.facets * o->metrics.programs, o->metrics.cgroups };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(o->object, names[i]);

		bpf_map__set_autocreate(map, room[i]);
		if (room[i])
			bpf_map__set_max_entries(map, room[i]);
	}
}

/* Of the programs that are loaded in place of one that is marked plain. */
static const char *const plain_suffix[BY_DEV] = { [BY_OP] = "_by_op", [BY_TYPE] = "_by_type" };

/* Programs of other sources are not loaded, and a map that only they use is not made. */
static int prepare(struct observation *o, int source)
{
	struct bpf_map *whole;
	struct bpf_map *ring = bpf_object__find_map_by_name(o->object, "ring");
	struct observe_config *config = observe_variable(o, "cfg");
	struct bpf_program *program;
	int i;

	char name[64];

	o->state = observe_variable(o, "state");
	o->stats = bpf_object__find_map_by_name(o->object, "stats");
	o->hists = bpf_object__find_map_by_name(o->object, "hists");
	if (!ring || !config || !o->state || !o->stats || !o->hists)
		return -EINVAL;
	bpf_object__for_each_program(program, o->object)
		bpf_program__set_autoload(program, false);
	for (i = 0; i < PROGRAMS_MAX; i++) {
		const struct program_desc *desc = &o->source->program[i];

		o->program[i] = NULL;
		if (!o->plan.source[source].program[i] || (o->config.hist && desc->details && !(o->metrics.keys && desc->metrics)))
			continue;
		snprintf(name, sizeof(name), "%s%s", desc->name, o->config.plain && desc->plain ? plain_suffix[o->config.hist_by] : "");
		o->program[i] = bpf_object__find_program_by_name(o->object, name);
		if (!o->program[i])
			return -EINVAL;
		bpf_program__set_autoload(o->program[i], true);
	}
	o->config.source = source;
	o->plain = o->config.plain ? bpf_object__find_map_by_name(o->object, ".bss.plain") : NULL;
	*config = o->config;
	bpf_map__set_max_entries(ring, o->config.hist ? (unsigned int)getpagesize() : ring_size(o));
	if (o->top_keys)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(o->object, "tops"), o->top_keys);
	else if (o->config.hist && o->config.hist_by >= BY_DEV && !o->metrics.keys)
		bpf_map__set_max_entries(o->hists, HIST_KEYS * STATS_COUNT);
	prepare_metrics(o);
	bpf_map__set_autocreate(bpf_object__find_map_by_name(o->object, "cgroups"), o->config.by_cgroup);
	bpf_map__set_autocreate(bpf_object__find_map_by_name(o->object, "stacks"), o->config.stacks);
	bpf_map__set_autocreate(bpf_object__find_map_by_name(o->object, "paths"), o->config.paths);
	bpf_map__set_autocreate(bpf_object__find_map_by_name(o->object, "path_rooms"), o->config.paths);
	if (o->config.hist && o->config.paths)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(o->object, "paths"), HIST_KEYS);
	if (o->source->stateless && o->observer->state_map)
		bpf_map__set_autocreate(bpf_object__find_map_by_name(o->object, o->observer->state_map), false);
	if (o->observer->counts_flights && o->args->given[OPT_IN_FLIGHT])
		bpf_map__set_max_entries(bpf_object__find_map_by_name(o->object, o->observer->state_map),
					 o->args->number[OPT_IN_FLIGHT]);
	/* Where it is something larger that begins and ends, too. */
	whole = bpf_object__find_map_by_name(o->object, "requests");
	if (whole && o->args->given[OPT_IN_FLIGHT])
		bpf_map__set_max_entries(whole, o->args->number[OPT_IN_FLIGHT]);
	if (o->code->configure)
		o->code->configure(o, source);
	return 0;
}

/* One attempt with one source. 0 or -errno; libbpf_said has libbpf's word. */
static int attach(struct observation *o, int source)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = o->observer->command);
	int ret, i;

	libbpf_said[0] = 0;
	o->source = &o->observer->source[source];
	o->object = bpf_object__open_mem(o->code->elf, o->code->elf_size, &options);
	if (!o->object)
		return -errno;
	ret = prepare(o, source);
	if (!ret && o->metrics.cgroups && o->metrics.cgroups_map >= 0)
		ret = bpf_map__reuse_fd(bpf_object__find_map_by_name(o->object, "metric_cgroups"), o->metrics.cgroups_map);
	if (!ret)
		ret = bpf_object__load(o->object);
	if (!ret && o->config.by_cgroup)
		ret = set_cgroup(o);
	/* The ends first: what begins from then on is seen to its end. */
	for (i = PROGRAMS_MAX - 1; i >= 0 && !ret; i--) {
		if (!o->program[i])
			continue;
		o->link[i] = bpf_program__attach(o->program[i]);
		if (!o->link[i])
			ret = -errno;
	}
	if (!ret && !o->config.hist) {
		o->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(o->object, "ring"), on_record, o, NULL);
		if (!o->ring)
			ret = -errno;
	}
	/* What it does is told by the programs. */
	if (!ret && o->observer->policy) {
		o->policy = bpf_map__attach_struct_ops(bpf_object__find_map_by_name(o->object, o->observer->policy));
		if (!o->policy)
			ret = -errno;
	}
	if (ret) {
		discard(o);
		return ret;
	}
	/* Only now: a program that runs alone would see begins without ends. */
	o->state->enabled = o->state->running = true;
	return 0;
}

/* What the verifier went through for each program that is loaded; it is also what a load takes its time for. */
static void tell_verified(const struct observation *o)
{
	struct bpf_program *program;

	if (!o->verbose)
		return;
	bpf_object__for_each_program(program, o->object) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &size) && info.verified_insns)
			observe_tell(o, "program %s: %u instructions verified", bpf_program__name(program), info.verified_insns);
	}
}

static int attach_best(struct observation *o, struct err *err)
{
	enum option_id option = o->observer->source_option;
	bool forced = o->args->given[option];
	int source = forced ? (int)o->args->number[option] : plan_choose(&o->plan, 0);
	int ret;

	if (forced && !o->plan.source[source].usable)
		return err_set(err, STATUS_KERNEL, "source %s: %s; see 'iomapscope probe'", source_name(o->observer, source),
			       o->plan.source[source].why_not);
	if (source < 0 && o->observer->get)
		return err_set(err, STATUS_KERNEL, "%s (%s)", o->observer->get, o->plan.source[0].why_not);
	if (source < 0)
		return err_set(err, STATUS_KERNEL, "this kernel has no source for %s: %s; see 'iomapscope probe'",
			       o->observer->command, o->plan.source[o->observer->source_count - 1].why_not);
	for (;;) {
		ret = attach(o, source);
		if (!ret)
			break;
		observe_tell(o, "source %s: %s", source_name(o->observer, source), strerror(-ret));
		if (ret == -EPERM || ret == -EACCES) {
			const char *missing = caps_missing();

			if (missing)
				return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
		}
		if (ret == -EINTR || ret == -ENOMEM || forced || plan_choose(&o->plan, source + 1) < 0)
			return err_set(err, ret == -ENOMEM ? STATUS_FAILED : STATUS_KERNEL, "source %s cannot be attached: %s%s%s; -v tells "
				       "more", source_name(o->observer, source), strerror(-ret), libbpf_said[0] ? ": " : "", libbpf_said);
		source = plan_choose(&o->plan, source + 1);
	}
	o->account.source = source_name(o->observer, source);
	tell_verified(o);
	observe_tell(o, "attached, source %s", source_name(o->observer, source));
	return 0;
}

/* Sum of a program's counters, and of the histograms beside them, over the CPUs. */
static int read_stats(struct observation *o, __u32 program, struct observe_stats *sum)
{
	static struct observe_stats *percpu;
	int cpu, i;

	if (!percpu)
		percpu = calloc(o->cpus, sizeof(*percpu));
	if (!percpu)
		return -ENOMEM;
	if (bpf_map__lookup_elem(o->stats, &program, sizeof(program), percpu, o->cpus * sizeof(*percpu), 0))
		return -errno;
	memset(sum, 0, sizeof(*sum));
	for (cpu = 0; cpu < o->cpus; cpu++) {
		const struct observe_stats *one = &percpu[cpu];

		sum->seen += one->seen;
		sum->emitted += one->emitted;
		sum->filtered += one->filtered;
		sum->ring_full += one->ring_full;
		sum->map_full += one->map_full;
		sum->unmatched_begin += one->unmatched_begin;
		sum->unmatched_end += one->unmatched_end;
		sum->stacks_lost += one->stacks_lost;
		for (i = 0; i < HIST_SLOTS; i++)
			hist_read(&sum->hist[i], &one->hist[i]);
	}
	return 0;
}

/* Whether the histograms are by the kernel's own numbers of operations. */
static bool kernels_ops(const struct observation *o)
{
	return o->config.plain && o->config.hist_by == BY_OP && o->source->stateless && o->source->program[0].plain;
}

static int collect_plain(struct observation *o, struct hist_set *set)
{
	size_t size;
	const struct plain_cpu *plain = bpf_map__initial_value(o->plain, &size);
	unsigned int cpu;
	int i;

	for (cpu = 0; cpu < PLAIN_CPUS; cpu++) {
		for (i = 0; i < HIST_SLOTS; i++) {
			struct hist sum = {};
			struct keyed_hist *h;

			hist_read(&sum, &plain[cpu].slot[i].hist);
			if (!sum.count)
				continue;
			h = hist_set_at(set, kernels_ops(o) ? o->plan.op_map[i] : i, 0);
			if (!h)
				return -ENOMEM;
			hist_add(&h->hist, &sum);
		}
	}
	return 0;
}

static int collect_arrays(struct observation *o, struct hist_set *set)
{
	static struct observe_stats sum;
	__u32 program;
	int i, ret;

	for (program = 0; program < STATS_COUNT; program++) {
		ret = read_stats(o, program, &sum);
		if (ret)
			return ret;
		for (i = 0; i < HIST_SLOTS; i++) {
			struct keyed_hist *h;

			if (!sum.hist[i].count)
				continue;
			h = hist_set_at(set, kernels_ops(o) ? o->plan.op_map[i] : i, 0);
			if (!h)
				return -ENOMEM;
			hist_add(&h->hist, &sum.hist[i]);
		}
	}
	return o->plain ? collect_plain(o, set) : 0;
}

static int collect_hash(struct observation *o, struct hist_set *set)
{
	struct bpf_map *map = o->hists;
	struct hist *percpu = calloc(o->cpus, sizeof(*percpu));
	struct hist_key key, *last = NULL;
	int cpu, ret;

	if (!percpu)
		return -ENOMEM;
	while (!(ret = bpf_map__get_next_key(map, last, &key, sizeof(key)))) {
		struct keyed_hist *h;

		last = &key;
		ret = bpf_map__lookup_elem(map, &key, sizeof(key), percpu, o->cpus * sizeof(*percpu), 0);
		if (ret)
			break;
		h = hist_set_at(set, key.a, key.b);
		if (!h) {
			ret = -ENOMEM;
			break;
		}
		for (cpu = 0; cpu < o->cpus; cpu++)
			hist_read(&h->hist, &percpu[cpu]);
	}
	free(percpu);
	return ret == -ENOENT ? 0 : ret;
}

static int collect(struct observation *o, struct hist_set *set)
{
	return o->config.hist_by >= BY_DEV ? collect_hash(o, set) : collect_arrays(o, set);
}

static void print_interval(struct observation *o, struct hist_set *set, __u64 end_ns, __u64 span_ns)
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
		ret = collect(o, &now);
		if (!ret && !hist_set_diff(&diff, &now, shown))
			ret = -ENOMEM;
		if (!ret) {
			format_sync_clock(&o->format);
			print_interval(o, &diff, at, at - *shown_ns);
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

/*
 * No program runs any more when this returns. The order matters: begins first, so that what is in flight can end. A program that
 * was called just before its link went away ends within an RCU grace period, which is what the barrier waits for.
 */
static void detach(struct observation *o)
{
	int i;

	bpf_link__destroy(o->policy);
	o->policy = NULL;
	o->state->stopping = true;
	o->state->running = false;
	for (i = 0; i < PROGRAMS_MAX; i++) {
		bpf_link__destroy(o->link[i]);
		o->link[i] = NULL;
	}
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

/* Entries of the table of those in flight, -1 if there is none. */
static long flights(struct observation *o)
{
	struct bpf_map *map;
	__u64 key, *last = NULL;
	long count = 0;

	if (!o->observer->counts_flights)
		return -1;
	map = bpf_object__find_map_by_name(o->object, o->observer->state_map);
	while (!bpf_map__get_next_key(map, last, &key, sizeof(key))) {
		last = &key;
		count++;
	}
	return count;
}

/* Adds what the programs have counted, and how often they were left out. @in_kernel: what they have emitted. */
static int add_counters(struct observation *o, struct account *a, __u64 *in_kernel, __u64 *begins_skipped)
{
	static struct observe_stats sum;
	const struct bpf_program *begins = NULL;
	__u32 program, programs = o->metrics.keys ? o->metrics.programs : STATS_COUNT;
	int i, ret;

	for (program = 0; program < programs; program++) {
		ret = read_stats(o, program, &sum);
		if (ret)
			return ret;
		a->seen += sum.seen;
		a->filtered += sum.filtered;
		a->lost[LOSS_ring_full] += sum.ring_full;
		a->lost[LOSS_map_full] += sum.map_full;
		a->lost[LOSS_unmatched_begin] += sum.unmatched_begin;
		a->lost[LOSS_unmatched_end] += sum.unmatched_end;
		a->stacks_lost += sum.stacks_lost;
		*in_kernel += sum.emitted;
	}
	for (i = 0; i < PROGRAMS_MAX; i++) {
		__u64 missed = skipped(o->program[i]);

		a->programs_skipped += missed;
		if (o->program[i] && !begins)
			begins = o->program[i];
		if (o->program[i] == begins || o->source->program[i].begins)
			*begins_skipped += missed;
	}
	return 0;
}

static int account(struct observation *o)
{
	struct account *a = &o->account;
	__u64 in_kernel = 0, begins_skipped = 0;
	int i, ret = add_counters(o, a, &in_kernel, &begins_skipped);

	if (ret)
		return ret;
	if (o->top_keys) {
		/* What has been counted and is in no key went with one that was taken out of the table meanwhile. */
		a->lost[LOSS_evicted] = in_kernel > a->emitted ? in_kernel - a->emitted : 0;
		in_kernel = a->emitted;
	} else if (o->config.hist) {
		struct hist_set set = {};
		size_t n;

		ret = collect(o, &set);
		for (n = 0; n < set.count; n++)
			in_kernel += set.hist[n].hist.count;
		hist_set_free(&set);
		if (ret)
			return ret;
		a->emitted = in_kernel;
	} else if (o->sink) {
		a->emitted = in_kernel;
	} else {
		a->emitted = out_written(o->out);
		a->lost[LOSS_output] = in_kernel > a->emitted ? in_kernel - a->emitted : 0;
		if (o->code->account)
			o->code->account(o, a);
		in_kernel = a->emitted + a->lost[LOSS_output];
	}
	if (o->source->stateless) {
		/* Each run is one event. Where there are begins and ends a run left out shows as an unmatched begin or end. */
		a->lost[LOSS_skipped] = a->programs_skipped;
		a->seen += a->programs_skipped;
		if (o->config.plain && o->source->program[0].plain)
			a->seen += in_kernel;
	} else {
		/* Begun, and neither reported nor lost yet: its end has not come, or never will. */
		__u64 known = in_kernel + a->filtered;

		for (i = 0; i < LOSS_COUNT; i++) {
			if (i != LOSS_output)
				known += a->lost[i];
		}
		if (a->seen > known && !o->config.hist && o->config.count && a->emitted >= o->config.count)
			a->filtered += a->seen - known;		/* nobody waits for these */
		else if (a->seen > known)
			a->lost[LOSS_unmatched_begin] += a->seen - known;
		if (begins_skipped > a->lost[LOSS_unmatched_end])
			a->unseen_at_most = begins_skipped - a->lost[LOSS_unmatched_end];
	}
	if (flights(o) >= 0)
		observe_tell(o, "in flight at the end: %ld", flights(o));
	a->duration_ns = monotonic_ns() - o->start_ns;
	return 0;
}

static void print_header(struct observation *o)
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

	print_header(o);
	if (o->config.hist) {
		ret = watch_hist(o, &shown, &shown_ns);
	} else {
		out_flush(o->out);
		ret = watch_ring(o);
	}
	/* From here on a reader that takes nothing is given up after a while. */
	session_stop = 1;
	detach(o);
	end_ns = monotonic_ns();
	if (!ret && o->config.hist) {
		ret = collect(o, &last);
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
		ret = account(o);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot read the kernel's results: %s", strerror(-ret));
	return 0;
}

/* The last line: JSON's to standard output, the others' (and that of a broken output) to standard error. */
static int conclude(struct observation *o, struct err *err)
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

/* Everything that comes before a program is loaded. @kernel: the kernel's BTF, NULL: to be read. */
static int make_ready(struct observation *o, struct btf *kernel, struct err *err)
{
	struct btf *btf = NULL, *module;
	const char *missing;

	if (filter_resolve(&o->config, o->args, err))
		return -1;
	if (o->args->given[OPT_CGROUP] || o->args->given[OPT_CONTAINER]) {
		o->cgroup = cgroup_open(o->args, err);
		if (o->cgroup < 0)
			return -1;
		o->config.by_cgroup = 1;
	}
	missing = caps_missing();
	if (!missing && o->observer->policy && !caps_admin())
		missing = "CAP_SYS_ADMIN";
	if (missing)
		return err_set(err, STATUS_PRIVILEGE, "%s missing; run as root, or give the capability", missing);
	if (!kernel && plan_btf(&btf, err))
		return -1;
	module = plan_module_btf(o->observer, kernel ? kernel : btf);
	plan_make(&o->plan, o->observer, module ? module : kernel ? kernel : btf);
	btf__free(module);
	btf__free(btf);
	configure(o);
	o->cpus = libbpf_num_possible_cpus();
	if (o->cpus < 0)
		return err_set(err, STATUS_FAILED, "cannot count the CPUs: %s", strerror(-o->cpus));
	return 0;
}

/* How to print. */
static int open_output(struct observation *o, enum flag_era era, struct err *err)
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
		print_interval(o, &set, end_ns, span_ns);
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
static int replay(struct observation *o, struct err *err)
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
	configure(o);
	for (source = 0; source < o->observer->source_count; source++) {
		if (!strcmp(o->observer->source[source].name, stream->source))
			o->config.source = source;
	}
	if (open_output(o, stream->era, err))
		return -1;
	o->format.wall_offset_ns = recording_info(o->recording)->wall_offset_ns;
	o->format.paths = paths_told(replayed_path, o);
	if (o->config.stacks)
		o->format.stacks = stacks_told(replayed_stack, o);
	session_signals();
	print_header(o);
	o->damaged = replay_records(o) < 0;
	replay_account(o);
	if (!o->damaged && replay_unmatched(o->replay, text, sizeof(text)))
		fprintf(stderr, "iomapscope: %s\n", text);
	return conclude(o, err);
}

static int run(struct observation *o, struct err *err)
{
	int ret;

	if (check_args(o, err))
		return -1;
	if (o->args->given[OPT_READ])
		return replay(o, err);
	if (make_ready(o, NULL, err) || open_output(o, o->plan.era, err))
		return -1;
	if (o->config.paths)
		o->format.paths = paths_new(read_path, o);

	/* The signals only once there is something to end in order. */
	if (attach_best(o, err))
		return -1;
	session_signals();
	/* The kernel's BTF has been read and is not needed any more. */
	malloc_trim(0);
	if (o->config.stacks)
		name_stacks(o);
	ret = caps_drop(o->config.stacks & STACKS_USER);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot drop the capabilities: %s", strerror(-ret));
	o->start_ns = monotonic_ns();
	session_duration(o->args->number[OPT_DURATION]);
	if (watch(o, err))
		return -1;
	return conclude(o, err);
}

static struct observation *observation_new(const struct observe_code *code, const struct args *args, struct err *err)
{
	struct observation *o = calloc(1, sizeof(*o));

	if (!o) {
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	o->code = code;
	o->cgroup = -1;
	o->observer = code->observer;
	o->args = args;
	o->verbose = libbpf_speaks = args->given[OPT_VERBOSE];
	o->account.command = o->observer->command;
	libbpf_set_print(on_libbpf);
	return o;
}

void observe_close(struct observation *o)
{
	if (!o)
		return;
	discard(o);
	replay_free(o->replay);
	recording_close(o->recording);
	if (o->cgroup >= 0)
		close(o->cgroup);
	if (o->sink)
		o->out = NULL;		/* the caller's */
	paths_free(o->format.paths);
	stacks_free(o->format.stacks);
	out_free(o->out);
	free(o->batch_key);
	free(o->batch_value);
	free(o);
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

/* Room for @count keys at a time. */
static bool make_batch(struct observation *o, int count)
{
	free(o->batch_key);
	free(o->batch_value);
	o->batch = count;
	o->batch_key = calloc(count, sizeof(*o->batch_key));
	o->batch_value = calloc((size_t)count * o->cpus, sizeof(*o->batch_value));
	return o->batch_key && o->batch_value;
}

struct observation *observe_open(const struct observe_code *code, const struct args *args, struct btf *btf, unsigned int keys,
				 struct err *err)
{
	struct observation *o = observation_new(code, args, err);

	if (!o)
		return NULL;
	o->top_keys = keys;
	if (make_ready(o, btf, err) || attach_best(o, err)) {
		observe_close(o);
		return NULL;
	}
	if (!make_batch(o, 64)) {
		err_set(err, STATUS_FAILED, "no memory");
		observe_close(o);
		return NULL;
	}
	o->state->round = 1;
	o->start_ns = monotonic_ns();
	o->format.paths = paths_new(read_path, o);
	return o;
}

struct observation *observe_stream(const struct observe_code *code, const struct args *args, struct btf *btf, struct out *out,
				   observe_sink sink, void *ctx, struct err *err)
{
	struct observation *o = observation_new(code, args, err);

	if (!o)
		return NULL;
	o->sink = sink;
	o->sink_ctx = ctx;
	o->out = out;
	if (make_ready(o, btf, err)) {
		observe_close(o);
		return NULL;
	}
	if (code->record)
		o->config.min_latency_ns = o->config.errors = 0;
	format_init(&o->format, o->observer, args->given[OPT_OUTPUT] ? args->number[OPT_OUTPUT] : FORMAT_TABLE, o->plan.era);
	o->format.clock = args->given[OPT_CLOCK] ? args->number[OPT_CLOCK] : CLOCK_WALL;
	if (o->config.paths)
		o->format.paths = paths_new(read_path, o);
	if (attach_best(o, err)) {
		observe_close(o);
		return NULL;
	}
	if (o->config.stacks)
		name_stacks(o);
	o->start_ns = monotonic_ns();
	return o;
}

int observe_fd(const struct observation *o)
{
	return ring_buffer__epoll_fd(o->ring);
}

int observe_consume(struct observation *o)
{
	return ring_buffer__consume_n(o->ring, 4096);
}

const char *observe_path(struct observation *o, __u32 dev, __u64 ino)
{
	return o->format.paths ? paths_find(o->format.paths, dev, ino, 0).path : NULL;
}

const char *observe_source(const struct observation *o)
{
	return o->account.source;
}

unsigned int observe_next_round(struct observation *o)
{
	return o->state->round++;
}

/* @value: of one key, one for each CPU. */
static void sum_up(const struct observation *o, const struct top_value *value, unsigned int round, struct top_sum *sum)
{
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for (cpu = 0; cpu < o->cpus; cpu++) {
		hist_read(&sum->hist, &value[cpu].hist);
		sum->bytes += value[cpu].bytes;
		if (value[cpu].round[round & 1] == round && value[cpu].max_ns[round & 1] > sum->max_ns)
			sum->max_ns = value[cpu].max_ns[round & 1];
	}
}

int observe_collect(struct observation *o, unsigned int round, int (*each)(void *, const struct top_key *, const struct top_sum *),
		    void *ctx)
{
	int fd = bpf_object__find_map_fd_by_name(o->object, "tops"), ret;
	__u32 place, count, i, *from = NULL;
	struct top_sum sum;

	do {
		count = o->batch;
		ret = bpf_map_lookup_batch(fd, from, &place, o->batch_key, o->batch_value, &count, NULL);
		if (ret == -ENOSPC) {		/* keys that share a place of the table come together */
			if (!make_batch(o, 2 * o->batch))
				return -ENOMEM;
			continue;
		}
		if (ret && ret != -ENOENT)
			return ret;
		for (i = 0; i < count; i++) {
			int error;

			sum_up(o, o->batch_value + (size_t)i * o->cpus, round, &sum);
			error = each(ctx, &o->batch_key[i], &sum);
			if (error)
				return error;
		}
		from = &place;
	} while (ret != -ENOENT);
	return 0;
}

int observe_take(struct observation *o, unsigned int round, const struct top_key *key, struct top_sum *sum)
{
	int ret = bpf_map_lookup_and_delete_elem(bpf_object__find_map_fd_by_name(o->object, "tops"), key, o->batch_value);

	if (ret)
		return ret;
	sum_up(o, o->batch_value, round, sum);
	return 0;
}

int observe_losses(struct observation *o, __u64 *lost)
{
	static struct observe_stats sum;
	__u32 program;
	int ret;

	*lost = 0;
	for (program = 0; program < STATS_COUNT; program++) {
		ret = read_stats(o, program, &sum);
		if (ret)
			return ret;
		*lost += sum.map_full + sum.unmatched_begin + sum.unmatched_end;
	}
	return 0;
}

void observe_detach(struct observation *o)
{
	detach(o);
}

const struct account *observe_account(struct observation *o, __u64 counted, struct err *err)
{
	int ret;

	o->account.emitted = counted;
	ret = account(o);
	if (ret) {
		err_set(err, STATUS_FAILED, "cannot read the kernel's results: %s", strerror(-ret));
		return NULL;
	}
	return &o->account;
}

struct observation *observe_open_metrics(const struct observe_code *code, const struct args *args, struct btf *btf,
					 const struct metrics_room *room, struct err *err)
{
	struct observation *o = observation_new(code, args, err);

	if (!o)
		return NULL;
	o->metrics = *room;
	if (make_ready(o, btf, err) || attach_best(o, err)) {
		observe_close(o);
		return NULL;
	}
	o->start_ns = monotonic_ns();
	return o;
}

int observe_cpus(const struct observation *o)
{
	return o->cpus;
}

int observe_source_number(const struct observation *o)
{
	return o->config.source;
}

int observe_map(const struct observation *o, const char *name)
{
	return name ? bpf_object__find_map_fd_by_name(o->object, name) : -ENOENT;
}

int observe_counters(struct observation *o, struct account *account)
{
	__u64 begins_skipped = 0;
	int ret;

	memset(account, 0, sizeof(*account));
	account->command = o->account.command;
	account->source = o->account.source;
	ret = add_counters(o, account, &account->emitted, &begins_skipped);
	if (ret)
		return ret;
	/* As in account(): what it leaves out elsewhere shows as an unmatched begin or end. */
	if (o->source->stateless)
		account->lost[LOSS_skipped] = account->programs_skipped;
	return 0;
}
