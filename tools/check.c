// SPDX-License-Identifier: GPL-2.0
/* iomapscope check: which rules this kernel can be checked for, violations with their timeline, and the sum of each rule. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static __u32 wanted, checkable;		/* RULE_BIT() of the rules asked for, and of those that the kernel can be checked for */
static char why_not[RULE_COUNT][128];	/* of the others that are wanted */
static bool fail_fast;

/* What the programs count. */
static const struct check_keys *keys;
static const struct check_counts *counts;
static const __u64 *found, *no_room;

static __u64 printed;
static __u64 doubtful[RULE_COUNT];	/* what was not seen, when the kernel has left out a program that may have */
static __u64 dropped;			/* behind the first one, with --fail-fast */
static __u64 broken;			/* violations in all, known at the end */
static unsigned int broken_rules;
static __u64 unfollowed;		/* found no room */
static bool ends_known;			/* what is in the table and has not ended is in flight */

/* The rules whose events may be a module's. */
#define OF_MODULE	(RULE_BIT(DMIO_NOTIFY) | RULE_BIT(DMIO_ERROR_BITS))

static bool wants(const struct program_desc *program)
{
	return program->rules & wanted;
}

/* Why the source cannot tell of the rule, "" if it can. */
static void reason(const struct plan *plan, int source, int rule, char *text, size_t size)
{
	const struct source_desc *desc = &plan->observer->source[source];
	const char *event = NULL;
	bool any = false;
	int i;

	*text = 0;
	for (i = 0; i < PROGRAMS_MAX && desc->program[i].name; i++) {
		const struct program_desc *program = &desc->program[i];

		if (!(program->rules >> rule & 1) || program->extra)
			continue;
		any = true;
		if (!plan->source[source].program[i] && !event)
			event = program->event;
	}
	if (!any)
		snprintf(text, size, "it takes the events of this project's kernel (patches/6.12/observe)");
	else if (event)
		snprintf(text, size, "the kernel has no event %s that this version knows%s", event,
			 OF_MODULE >> rule & 1 ? ", or its module is not loaded" : "");
}

static void configure(struct observation *o, int source)
{
	struct check_config *own = observe_variable(o, "check_cfg");
	const struct args *args = observe_args(o);
	int rule;

	checkable = 0;
	for (rule = 0; rule < RULE_COUNT; rule++) {
		reason(observe_plan(o), source, rule, why_not[rule], sizeof(why_not[rule]));
		if (wanted >> rule & 1 && !why_not[rule][0])
			checkable |= 1u << rule;
	}
	own->rules = checkable;
	own->sets = CHECK_SETS;
	while (args->given[OPT_IN_FLIGHT] && own->sets > 1 && own->sets / 2 * CHECK_WAYS >= args->number[OPT_IN_FLIGHT])
		own->sets /= 2;
	ends_known = source == CHECK_SOURCE_EVENTS;
	own->page_shift = __builtin_ctz(getpagesize());
	own->huge_page = getpagesize() * (getpagesize() / 8);
	iteration_configure(o, false);
	keys = observe_variable(o, "keys");
	counts = observe_variable(o, "counts");
	found = observe_variable(o, "violations");
	no_room = observe_variable(o, "no_room");
}

static void on_record(struct observation *o, const void *data, size_t size)
{
	const struct check_event *event = data;

	if (size < sizeof(*event) || event->rule >= RULE_COUNT)
		return;
	if (event->missing && observe_skipped(o, 1u << event->rule)) {
		doubtful[event->rule]++;
	} else if (fail_fast && printed) {
		dropped++;
	} else {
		printed++;
		violation_print(observe_out(o), observe_format(o), event);
	}
}

/* After the first violation, and where there is nothing to check. */
static bool over(struct observation *o)
{
	(void)o;
	return (fail_fast && printed) || !checkable;
}

static const __u32 kind_rules[CHECK_KIND_COUNT] = {
#define KIND_RULES(id, name, rules) rules,
	CHECK_KINDS(KIND_RULES)
};

/* What became of a rule. */
static void sum_of(struct observation *o, int rule, struct rule_sum *sum)
{
	int i;

	memset(sum, 0, sizeof(*sum));
	sum->rule = rule;
	if (!(checkable >> rule & 1)) {
		sum->why_not = why_not[rule];
		return;
	}
	for (i = 0; i < CHECK_CPUS; i++)
		sum->checked += counts[i].checked[rule];
	sum->violations = found[rule] - doubtful[rule];
	for (i = 0; i < CHECK_KIND_COUNT; i++) {
		if (kind_rules[i] >> rule & 1)
			sum->no_room += no_room[i];
	}
	sum->skipped = observe_skipped(o, 1u << rule);
}

/* What has begun and not ended. */
static unsigned int in_flight(void)
{
	unsigned int count = 0, i;

	for (i = 0; i < CHECK_STATES; i++) {
		__u64 key = keys[i / CHECK_WAYS].way[i % CHECK_WAYS];

		count += key && !(key & CHECK_ENDED);
	}
	return count;
}

static void end(struct observation *o)
{
	struct rule_sum sum;
	int rule;

	for (rule = 0; rule < CHECK_KIND_COUNT; rule++)
		unfollowed += no_room[rule];
	for (rule = 0; rule < RULE_COUNT; rule++) {
		if (!(wanted >> rule & 1))
			continue;
		sum_of(o, rule, &sum);
		rule_print(observe_out(o), observe_format(o), &sum);
		broken += sum.violations;
		broken_rules += sum.violations > 0;
	}
	if (ends_known)
		observe_tell(o, "in flight at the end: %u", in_flight());
}

static void account(struct observation *o, struct account *a)
{
	__u64 sum = 0;
	int rule;

	(void)o;
	for (rule = 0; rule < RULE_COUNT; rule++)
		sum += doubtful[rule];
	a->filtered += dropped;
	a->lost[LOSS_skipped] += sum;
	a->lost[LOSS_output] -= dropped + sum;
}

int check_main(const struct args *args, struct err *err)
{
	struct observe_code code = {
		.observer = &check_observer,
		.configure = configure,
		.wants = wants,
		.record = on_record,
		.end = end,
		.account = account,
		.over = over,
	};
	struct args own = *args;
	int status;

	if (args->given[OPT_IN_FLIGHT] && args->number[OPT_IN_FLIGHT] > CHECK_STATES) {
		err_set(err, STATUS_USAGE, "--in-flight: %s is above %u", args->text[OPT_IN_FLIGHT], CHECK_STATES);
		return err->status;
	}
	wanted = args->given[OPT_RULES] ? args->number[OPT_RULES] : (1u << RULE_COUNT) - 1;
	fail_fast = args->given[OPT_FAIL_FAST];
	/* A violation is always shown with the kernel's functions. */
	if (!own.given[OPT_STACKS]) {
		own.given[OPT_STACKS] = true;
		own.number[OPT_STACKS] = 1;
	}
	code.elf = check_bpf__elf_bytes(&code.elf_size);
	status = observe_main(&code, &own, err);
	if ((status == STATUS_OK || status == STATUS_LOST) && broken) {
		err_set(err, STATUS_VIOLATION, "%llu violations of %u rules", (unsigned long long)broken, broken_rules);
		return err->status;
	}
	if (status == STATUS_OK && unfollowed && args->given[OPT_STRICT]) {
		err_set(err, STATUS_LOST, "%llu could not be followed for want of room (--strict); see --in-flight", (unsigned long long)unfollowed);
		return err->status;
	}
	if (status == STATUS_OK && !checkable) {
		err_set(err, STATUS_KERNEL, "this kernel cannot be checked for any of these rules");
		return err->status;
	}
	if (status == STATUS_OK && args->given[OPT_RULES] && wanted & ~checkable && args->given[OPT_STRICT]) {
		err_set(err, STATUS_KERNEL, "%d of these rules could not be checked on this kernel (--strict)", __builtin_popcount(wanted & ~checkable));
		return err->status;
	}
	return status;
}
