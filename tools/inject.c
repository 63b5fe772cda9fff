// SPDX-License-Identifier: GPL-2.0
/* iomapscope inject: a policy of rules, attached, and what the kernel makes of it, shown. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "format.h"
#include "inject.h"
#include "inject.skel.h"
#include "mounts.h"
#include "output.h"
#include "policy.h"
#include "run.h"

static struct policy policy;
static const struct inject_count *counts;

static void configure(struct observation *o, int source)
{
	struct inject_config *own = observe_variable(o, "inject_cfg");
	/* Its functions are in front of its name. */
	char *name = (char *)observe_initial(o, inject_observer.policy) + INJECT_STEP_COUNT * sizeof(void *);
	char words[RULE_WORDS];
	unsigned int i;

	(void)source;
	memcpy(own->op_map, observe_plan(o)->op_map, sizeof(own->op_map));
	own->seed = observe_args(o)->given[OPT_SEED] ? observe_args(o)->number[OPT_SEED] : 1;
	own->rules = policy.rules;
	memcpy(own->rule, policy.rule, sizeof(own->rule));
	snprintf(own->name, sizeof(own->name), "inject_%d", getpid());
	memcpy(name, own->name, sizeof(own->name));
	counts = observe_variable(o, "counts");
	for (i = 0; i < policy.rules; i++)
		observe_tell(o, "rule %u: %s", i + 1, policy_words(&policy.rule[i], words));
	observe_tell(o, "policy %s, seed %llu", own->name, (unsigned long long)own->seed);
}

/* Once each rule has been done as often as it may be. */
static bool over(struct observation *o)
{
	unsigned int i;

	(void)o;
	for (i = 0; i < policy.rules; i++) {
		if (!policy.rule[i].times || __atomic_load_n(&counts[i].taken, __ATOMIC_RELAXED) < policy.rule[i].times)
			return false;
	}
	return true;
}

static char *put_count(char *p, const char *name, __u64 value)
{
	return put_dec(put_str(p, name), value);
}

/* What became of each rule: in JSON an object each, otherwise a line on standard error. */
static void end(struct observation *o)
{
	bool json = observe_format(o)->kind == FORMAT_JSON;
	char words[RULE_WORDS], line[128];
	unsigned int i;

	for (i = 0; i < policy.rules; i++) {
		const struct inject_count *count = &counts[i];
		char *p = json ? out_begin(observe_out(o)) : line;

		policy_words(&policy.rule[i], words);
		if (json) {
			p = put_count(p, "{\"event\":\"rule\",\"command\":\"inject\",\"rule\":", i + 1);
			p = put_json(put_str(p, ",\"words\":"), words, sizeof(words));
			p = put_count(p, ",\"matched\":", count->matched);
			p = put_count(p, ",\"applied\":", count->applied);
			p = put_count(p, ",\"ignored\":", count->ignored);
			out_end(observe_out(o), put_str(p, "}\n"), false);
			continue;
		}
		p = put_count(p, "matched ", count->matched);
		p = put_count(p, ", applied ", count->applied);
		p = put_count(p, ", ignored ", count->ignored);
		*p = 0;
		fprintf(stderr, "inject: rule %u: %s (%s)%s\n", i + 1, line, words,
			count->matched ? "" : "; no call came to it: does this file system do that by iomap?");
	}
}

/* The root is that of this process, and that of the machine: they differ in a container. */
static int check_root(const struct args *args, struct err *err)
{
	static const char *const tables[] = { "/proc/self/mountinfo", "/proc/1/mountinfo" };
	unsigned int rule = 0, i;

	if (args->given[OPT_FORCE_INJECT])
		return 0;
	for (i = 0; i < 2 && !rule; i++) {
		struct mounts mounts;
		int ret = mounts_read_file(&mounts, tables[i]);

		/* Whose process 1 is another user's, or hidden, has nothing to compare with. */
		if (ret && i && (ret == -EACCES || ret == -ENOENT || ret == -EPERM))
			break;
		if (ret)
			return err_set(err, STATUS_FAILED, "cannot read the mount table: %s", strerror(-ret));
		rule = policy_hits_root(&policy, &mounts);
		mounts_free(&mounts);
	}
	if (!rule)
		return 0;
	return err_set(err, STATUS_USAGE, "rule %u can hit the root file system; give -f or -d on another one, or --force",
		       rule);
}

int inject_main(const struct args *args, struct err *err)
{
	struct observe_code code = { .observer = &inject_observer, .configure = configure, .end = end, .over = over };

	code.elf = inject_bpf__elf_bytes(&code.elf_size);
	if (policy_make(&policy, args, err) || check_root(args, err))
		return err->status;
	return observe_main(&code, args, err);
}
