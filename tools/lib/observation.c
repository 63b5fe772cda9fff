// SPDX-License-Identifier: GPL-2.0
/* From arguments to programs that are attached, and back. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/membarrier.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "caps.h"
#include "cgroup.h"
#include "filter.h"
#include "observation.h"

#define RING_DEFAULT	(4u << 20)
#define HIST_KEYS	8192	/* keys of --by dev, ino, comm; times the programs that count */

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

/* In the order of --stacks' choices. */
static const __u8 stacks_of_choice[] = { STACKS_KERNEL | STACKS_USER, STACKS_KERNEL, STACKS_USER };

static unsigned int ring_size(const struct observation *o)
{
	return o->args->given[OPT_RING_SIZE] ? o->args->number[OPT_RING_SIZE] : RING_DEFAULT;
}

void observation_configure(struct observation *o)
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
		if (o->code->wants && !o->code->wants(desc))
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

int observation_attach(struct observation *o, struct err *err)
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

/*
 * No program runs any more when this returns. The order matters: begins first, so that what is in flight can end. A program that
 * was called just before its link went away ends within an RCU grace period, which is what the barrier waits for.
 */
void observation_detach(struct observation *o)
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

/* Everything that comes before a program is loaded. @kernel: the kernel's BTF, NULL: to be read. */
int observation_make_ready(struct observation *o, struct btf *kernel, struct err *err)
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
	observation_configure(o);
	o->cpus = libbpf_num_possible_cpus();
	if (o->cpus < 0)
		return err_set(err, STATUS_FAILED, "cannot count the CPUs: %s", strerror(-o->cpus));
	return 0;
}

struct observation *observation_new(const struct observe_code *code, const struct args *args, struct err *err)
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
	batch_free(&o->tops);
	free(o);
}
