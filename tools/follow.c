// SPDX-License-Identifier: GPL-2.0
/* iomapscope follow: what this observer has of its own. */
#include <string.h>

#include "account.h"
#include "blocks.h"
#include "callers.h"
#include "codes.h"
#include "command.h"
#include "follow.h"
#include "follow.skel.h"
#include "run.h"
#include "timeline.h"

/* 11 MiB of steps at the most. */
static struct timeline_limits limits = { .requests = 16384, .steps = 65536, .steps_of_one = 4096 };

static struct timeline *timeline;
static __u64 printed, filtered;

static void configure(struct observation *o, int source)
{
	const struct observer *observer = observe_plan(o)->observer;
	bool *reads_return = observe_variable(o, "reads_return");
	char layers[160];

	iteration_configure(o, source != FOLLOW_SOURCE_EVENTS);
	*reads_return = plan_loads(observe_plan(o), source, "read_folio_return") && plan_loads(observe_plan(o), source, "readahead_return");
	if (plan_layers_missing(observe_plan(o), source, layers, sizeof(layers)))
		observe_tell(o, "source %s cannot see: %s", source_name(observer, source), layers);
}

static bool left_out(struct observation *o, const struct timeline_request *q)
{
	const struct observe_config *config = observe_config(o);

	if (q->count && observe_left_out(o, timeline_first(q)))
		return true;
	if (config->count && printed >= config->count)
		return true;
	if (config->errors && !timeline_failed(q))
		return true;
	return timeline_latency(q) < config->min_latency_ns;
}

static void on_record(struct observation *o, const void *data, size_t size)
{
	const struct observe_config *config = observe_config(o);
	struct timeline_request *q;

	if (size < sizeof(struct follow_record))
		return;
	q = timeline_add(timeline, data);
	if (!q)
		return;
	if (timeline_sort(q) || left_out(o, q)) {
		filtered++;
	} else {
		block_print(observe_out(o), observe_format(o), q, config->source);
		printed++;
	}
	timeline_drop(timeline, q);
}

/* Those that go on, or whose end was lost. */
static void on_end(struct observation *o)
{
	const struct observe_config *config = observe_config(o);
	struct timeline_request *q;

	while ((q = timeline_next(timeline))) {
		if (!timeline_sort(q) && !config->errors && !left_out(o, q))
			block_print(observe_out(o), observe_format(o), q, config->source);
		timeline_drop(timeline, q);
	}
}

/* The kernel counts as emitted what has ended. */
static void on_account(struct observation *o, struct account *a)
{
	__u64 refused = timeline_refused(timeline);

	(void)o;
	a->filtered += filtered;
	a->lost[LOSS_output] -= filtered + refused;
	a->lost[LOSS_map_full] += refused;
	a->steps = true;
	a->steps_lost = timeline_steps_lost(timeline);
}

struct observe_code follow_code(void)
{
	struct observe_code code = {
		.observer = &follow_observer,
		.configure = configure,
		.record = on_record,
		.end = on_end,
		.account = on_account,
	};

	timeline = timeline_new(&limits);
	if (!timeline)
		code.observer = NULL;
	code.elf = follow_bpf__elf_bytes(&code.elf_size);
	return code;
}

int follow_main(const struct args *args, struct err *err)
{
	struct observe_code code;
	int status;

	if (args->given[OPT_IN_FLIGHT])
		limits.requests = args->number[OPT_IN_FLIGHT];
	code = follow_code();
	if (!code.observer) {
		err_set(err, STATUS_FAILED, "no memory");
		return err->status;
	}
	status = observe_main(&code, args, err);
	timeline_free(timeline);
	return status;
}
