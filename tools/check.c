// SPDX-License-Identifier: GPL-2.0
/* iomapscope check: which rules this kernel can be checked for, violations with their timeline, and the sum of each rule. */
#include <stdio.h>
#include <string.h>

#include "account.h"
#include "callers.h"
#include "check.h"
#include "check.skel.h"
#include "command.h"
#include "format.h"
#include "output.h"
#include "plan.h"
#include "run.h"
#include "violation.h"

static __u32 wanted;			/* RULE_BIT() of the rules that are checked */
static __u64 shown[RULE_COUNT];		/* violations that were printed */
static __u64 doubtful[RULE_COUNT];	/* those that a program which the kernel left out may have made */
static __u64 dropped;			/* behind the first one, with --fail-fast */
static bool fail_fast;

static struct check_keys *keys;
static struct check_counts *counts;
static __u64 *found, *no_room;
static char why_not[RULE_COUNT][128];	/* "": the rule can be checked */

static bool wants(const struct program_desc *program)
{
	return program->rules & wanted;
}

/* Which rules the source can tell of, and why it cannot of the others. Returns those that are left of @rules. */
static __u32 rules_left(const struct plan *plan, int source, __u32 rules)
{
	const struct source_desc *desc = &plan->observer->source[source];
	int rule, i;

	for (rule = 0; rule < RULE_COUNT; rule++) {
		const char *missing = NULL;
		bool any = false;

		for (i = 0; i < PROGRAMS_MAX && desc->program[i].name; i++) {
			const struct program_desc *program = &desc->program[i];

			if (!(program->rules >> rule & 1) || program->extra)
				continue;
			any = true;
			if (!plan->source[source].program[i])
				missing = program->event;
		}
		why_not[rule][0] = 0;
		if (!any)
			snprintf(why_not[rule], sizeof(why_not[rule]), "%s", source == CHECK_SOURCE_EVENTS ? "not made yet" :
				 "needs the events of this project's kernel, patches/6.12/observe");
		else if (missing)
			snprintf(why_not[rule], sizeof(why_not[rule]), "the kernel has no event %s, or its module is not loaded", missing);
		if (why_not[rule][0])
			rules &= ~(1u << rule);
	}
	return rules;
}

static void configure(struct observation *o, int source)
{
	struct check_config *own = observe_variable(o, "check_cfg");
	const struct args *args = observe_args(o);

	own->rules = wanted;
	own->sets = CHECK_SETS;
	while (args->given[OPT_IN_FLIGHT] && own->sets > 1 && own->sets * CHECK_WAYS > args->number[OPT_IN_FLIGHT])
		own->sets /= 2;
	iteration_configure(o, false);
	keys = observe_variable(o, "keys");
	counts = observe_variable(o, "counts");
	found = observe_variable(o, "violations");
	no_room = observe_variable(o, "no_room");
	(void)source;
}

static void on_record(struct observation *o, const void *data, size_t size)
{
	const struct check_event *event = data;

	if (size < sizeof(*event) || event->rule >= RULE_COUNT)
		return;
	if (fail_fast && shown[event->rule]) {
		dropped++;
		return;
	}
	shown[event->rule]++;
	violation_print(observe_out(o), observe_format(o), event);
}

static bool over(struct observation *o)
{
	int rule;

	(void)o;
	for (rule = 0; fail_fast && rule < RULE_COUNT; rule++) {
		if (shown[rule])
			return true;
	}
	return false;
}

int check_main(const struct args *args, struct err *err)
{
	struct observe_code code = {
		.observer = &check_observer,
		.configure = configure,
		.wants = wants,
		.record = on_record,
		.over = over,
	};
	struct args own = *args;

	wanted = args->given[OPT_RULES] ? args->number[OPT_RULES] : (1u << RULE_COUNT) - 1;
	fail_fast = args->given[OPT_FAIL_FAST];
	/* A violation is always shown with the kernel's functions. */
	if (!own.given[OPT_STACKS]) {
		own.given[OPT_STACKS] = true;
		own.number[OPT_STACKS] = 1;
	}
	code.elf = check_bpf__elf_bytes(&code.elf_size);
	(void)rules_left;
	return observe_main(&code, &own, err);
}
