/* SPDX-License-Identifier: GPL-2.0 */
/* What the policy of inject and user space share: the rules, and what became of them. */
#ifndef IOMAPSCOPE_INJECT_H
#define IOMAPSCOPE_INJECT_H

#include "inject_fields.h"
#include "observe.h"
#include "ops.h"

#define RULES_MAX	16
#define RULE_DEVS	8
#define POLICY_NAME	16
#define CHANCE_ALWAYS	(1ull << 32)
#define CGROUP_DEPTH	32	/* levels of a cgroup that are looked at */

/* When a policy is asked, and what it then answers. The first rule that acts is the only one. */
struct inject_rule {
	__u64 ino;
	__u64 cgroup;		/* its id; the tasks of those below it count, too */
	__u64 every;		/* of the calls that match, each N-th; 0: each */
	__u64 after;		/* not these first ones */
	__u64 times;		/* 0: no bound */
	__u64 chance;		/* of CHANCE_ALWAYS */
	__u64 cap;
	__u32 delay_us;
	__s32 error;
	__u32 verdicts;		/* VERDICT_BIT() */
	__u32 steps;		/* bit INJECT_*, never 0 */
	__u32 ops;		/* bit OP_*, 0: all */
	__u32 pid;		/* 0: all */
	__u32 devs;		/* 0: all */
	__u32 dev[RULE_DEVS];	/* kernel encoding */
	struct task_comm comm;
	__u8 by_ino, by_comm, by_cgroup;
	__u8 unused;
};

struct inject_config {
	__u64 seed;
	char name[POLICY_NAME];
	__u8 op_map[OP_SLOTS];	/* the kernel's enum iomap_op -> enum op */
	__u32 rules;
	struct inject_rule rule[RULES_MAX];
};

/* Of a rule. */
struct inject_count {
	__u64 matched;		/* calls that its filters let through */
	__u64 taken;		/* of --times; above it, if more came at the same time */
	__u64 applied;		/* by the kernel, at least in part */
	__u64 ignored;		/* the same */
};

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct inject_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	INJECT_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define JF_BIT(id) (1ULL << JF_##id)

#endif
