// SPDX-License-Identifier: GPL-2.0
/* What the programs have counted, read from their maps, and whether it adds up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "observation.h"
#include "session.h"

/* Sum of a program's counters, and of the histograms beside them, over the CPUs. */
int observation_read_stats(struct observation *o, __u32 program, struct observe_stats *sum)
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
		ret = observation_read_stats(o, program, &sum);
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

int observation_collect(struct observation *o, struct hist_set *set)
{
	return o->config.hist_by >= BY_DEV ? collect_hash(o, set) : collect_arrays(o, set);
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

__u64 observe_skipped(const struct observation *o, unsigned int rules)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < PROGRAMS_MAX; i++) {
		if (o->source->program[i].rules & rules)
			sum += skipped(o->program[i]);
	}
	return sum;
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
int observation_add_counters(struct observation *o, struct account *a, __u64 *in_kernel, __u64 *begins_skipped)
{
	static struct observe_stats sum;
	const struct bpf_program *begins = NULL;
	__u32 program, programs = o->metrics.keys ? o->metrics.programs : STATS_COUNT;
	int i, ret;

	for (program = 0; program < programs; program++) {
		ret = observation_read_stats(o, program, &sum);
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

int observation_account(struct observation *o)
{
	struct account *a = &o->account;
	__u64 in_kernel = 0, begins_skipped = 0;
	int i, ret = observation_add_counters(o, a, &in_kernel, &begins_skipped);

	if (ret)
		return ret;
	if (o->top_keys) {
		/* What has been counted and is in no key went with one that was taken out of the table meanwhile. */
		a->lost[LOSS_evicted] = in_kernel > a->emitted ? in_kernel - a->emitted : 0;
		in_kernel = a->emitted;
	} else if (o->config.hist) {
		struct hist_set set = {};
		size_t n;

		ret = observation_collect(o, &set);
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
