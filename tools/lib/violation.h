/* SPDX-License-Identifier: GPL-2.0 */
/* A violation as text: its line, what is wrong, the rule, the operation's last steps and the stacks. */
#ifndef IOMAPSCOPE_VIOLATION_H
#define IOMAPSCOPE_VIOLATION_H

#include "check.h"

struct format;
struct out;

/* As the format says; one record of the output. CSV has no timeline. */
void violation_print(struct out *out, struct format *format, const struct check_event *event);

/* What became of a rule. */
struct rule_sum {
	unsigned int rule;
	__u64 checked, violations;
	__u64 no_room;			/* what could not be followed for want of room */
	__u64 skipped;			/* runs of its programs that the kernel left out */
	const char *why_not;		/* it cannot be checked at all; NULL: it can */
};

/* A line for it: no record. In CSV to standard error, as it has other fields. */
void rule_print(struct out *out, const struct format *format, const struct rule_sum *sum);

/* What must hold, and what that rests on. */
const char *rule_holds(unsigned int rule);
const char *rule_rests(unsigned int rule);

#endif
