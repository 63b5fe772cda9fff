/* SPDX-License-Identifier: GPL-2.0 */
/* A violation as text: its line, what is wrong, the rule, the operation's last steps and the stacks. */
#ifndef IOMAPSCOPE_VIOLATION_H
#define IOMAPSCOPE_VIOLATION_H

#include "check.h"

struct format;
struct out;

/* As the format says; one record of the output. CSV has no timeline. */
void violation_print(struct out *out, struct format *format, const struct check_event *event);

/* What must hold, and what that rests on. */
const char *rule_holds(unsigned int rule);
const char *rule_rests(unsigned int rule);

#endif
