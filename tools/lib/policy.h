/* SPDX-License-Identifier: GPL-2.0 */
/* The rules of inject: from the command line or a file, what is refused and why, and in words. */
#ifndef IOMAPSCOPE_POLICY_H
#define IOMAPSCOPE_POLICY_H

#include <stdio.h>

#include "args.h"
#include "err.h"
#include "inject.h"
#include "mounts.h"

#define RULE_WORDS	512	/* bytes that policy_words() needs at the most */

struct policy {
	unsigned int rules;
	struct inject_rule rule[RULES_MAX];
};

/* What the options of inject say, or the file of --policy. Returns 0; or -1 with @err, of a file with its name and line. */
int policy_make(struct policy *policy, const struct args *args, struct err *err);

/* The parts of that: one rule of parsed options, and a file, of which @name is for @err. */
int policy_rule(struct inject_rule *rule, const struct args *args, struct err *err);
int policy_read(struct policy *policy, FILE *file, const char *name, struct err *err);

/* The number of a rule that can hit the file system on /, from 1 on; 0 if none can. */
unsigned int policy_hits_root(const struct policy *policy, const struct mounts *mounts);

/* "at lookup of write: fails with ENOSPC, on inode 131 of 254:0; ..."; returns @text. */
char *policy_words(const struct inject_rule *rule, char text[RULE_WORDS]);

#endif
