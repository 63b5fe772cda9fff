// SPDX-License-Identifier: GPL-2.0
/* Several observations side by side, whose results are read elsewhere: for top, export and record. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "observation.h"
#include "session.h"

#define PORTION		64	/* keys that are read at a time, at first */

struct observation *observe_open(const struct observe_code *code, const struct args *args, struct btf *btf, unsigned int keys,
				 struct err *err)
{
	struct observation *o = observation_new(code, args, err);

	if (!o)
		return NULL;
	o->top_keys = keys;
	if (observation_make_ready(o, btf, err) || observation_attach(o, err)) {
		observe_close(o);
		return NULL;
	}
	o->tops.key_size = sizeof(struct top_key);
	o->tops.value_size = o->cpus * sizeof(struct top_value);
	if (!batch_make(&o->tops, PORTION)) {
		err_set(err, STATUS_FAILED, "no memory");
		observe_close(o);
		return NULL;
	}
	o->state->round = 1;
	o->start_ns = monotonic_ns();
	o->format.paths = paths_new(observation_read_path, o);
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
	if (observation_make_ready(o, btf, err)) {
		observe_close(o);
		return NULL;
	}
	if (code->record)
		o->config.min_latency_ns = o->config.errors = 0;
	format_init(&o->format, o->observer, args->given[OPT_OUTPUT] ? args->number[OPT_OUTPUT] : FORMAT_TABLE, o->plan.era);
	o->format.clock = args->given[OPT_CLOCK] ? args->number[OPT_CLOCK] : CLOCK_WALL;
	if (o->config.paths)
		o->format.paths = paths_new(observation_read_path, o);
	if (observation_attach(o, err)) {
		observe_close(o);
		return NULL;
	}
	if (o->config.stacks)
		observation_name_stacks(o);
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
	int fd = bpf_object__find_map_fd_by_name(o->object, "tops"), got, i;
	struct batch_place place = { 0 };
	struct top_sum sum;

	while ((got = batch_read(&o->tops, fd, &place)) > 0) {
		for (i = 0; i < got; i++) {
			int error;

			sum_up(o, (struct top_value *)o->tops.value + (size_t)i * o->cpus, round, &sum);
			error = each(ctx, (struct top_key *)o->tops.key + i, &sum);
			if (error)
				return error;
		}
	}
	return got;
}

int observe_take(struct observation *o, unsigned int round, const struct top_key *key, struct top_sum *sum)
{
	int ret;

	if (!batch_make(&o->tops, PORTION))
		return -ENOMEM;
	ret = bpf_map_lookup_and_delete_elem(bpf_object__find_map_fd_by_name(o->object, "tops"), key, o->tops.value);
	if (ret)
		return ret;
	sum_up(o, o->tops.value, round, sum);
	return 0;
}

int observe_losses(struct observation *o, __u64 *lost)
{
	static struct observe_stats sum;
	__u32 program;
	int ret;

	*lost = 0;
	for (program = 0; program < STATS_COUNT; program++) {
		ret = observation_read_stats(o, program, &sum);
		if (ret)
			return ret;
		*lost += sum.map_full + sum.unmatched_begin + sum.unmatched_end;
	}
	return 0;
}

void observe_detach(struct observation *o)
{
	observation_detach(o);
}

const struct account *observe_account(struct observation *o, __u64 counted, struct err *err)
{
	int ret;

	o->account.emitted = counted;
	ret = observation_account(o);
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
	if (observation_make_ready(o, btf, err) || observation_attach(o, err)) {
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
	ret = observation_add_counters(o, account, &account->emitted, &begins_skipped);
	if (ret)
		return ret;
	/* As in observation_account(): what it leaves out elsewhere shows as an unmatched begin or end. */
	if (o->source->stateless)
		account->lost[LOSS_skipped] = account->programs_skipped;
	return 0;
}
