// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "filter.h"
#include "policy.h"
#include "units.h"

#define WORDS_MAX	64	/* of a line */
#define DELAY_MAX_NS	10000000000ULL
#define SECTION		"see Verdicts in Documentation/filesystems/iomap/control.rst"

/* Of what an errno is, which depends on the step: see iomap_control_is_error() in the kernel's fs/iomap/control.c. */
static const int of_iomap[] = { EIO, ENOMEM, ENOSPC, EDQUOT, EROFS, EUCLEAN, EBADMSG, ENODATA, ETIMEDOUT, EINVAL, EOPNOTSUPP, EAGAIN };
static const int of_devices[] = { EIO, EOPNOTSUPP, ETIMEDOUT, ENOSPC, ENOLINK, EREMOTEIO, EBADE, ENODATA, EILSEQ, ENOMEM,
				  ENODEV, ETOOMANYREFS, EOVERFLOW, ETIME, EINVAL };

#define OP(id)		(1u << OP_##id)
#define AT(id)		(1u << INJECT_##id)
#define OPS_ALL		((1u << OP_COUNT) - 1)
#define OPS_ITER	(OPS_ALL & ~(OP(WRITEBACK) | OP(DAX_FAULT_PUD)))
#define OPS_WRITE	(OP(WRITE) | OP(ZERO) | OP(UNSHARE) | OP(TRUNCATE))
#define OPS_DIO		(OP(DIO_READ) | OP(DIO_WRITE))
#define OPS_DAX_FAULT	(OP(DAX_FAULT_PTE) | OP(DAX_FAULT_PMD))
#define OPS_NOWAIT	(OP(WRITE) | OPS_DIO | OP(DAX_READ) | OP(DAX_WRITE))
#define OF_DEVICES	(AT(IOEND_SUBMIT) | AT(IOEND_END) | AT(DIO_BIO) | AT(DIO_END))
#define ASYNCHRONOUS	(AT(IOEND_END) | AT(DIO_END))

static const struct {
	const char *name;
	unsigned int verdicts;
	unsigned int ops;		/* that come there */
} steps[INJECT_STEP_COUNT] = {
#define STEP_ROW(id, name_, verdicts_, doc) [INJECT_##id] = { .name = name_, .verdicts = verdicts_, .ops = OPS_OF_##id },
#define OPS_OF_LOOKUP		OPS_ITER
#define OPS_OF_MAPPED		OPS_ITER
#define OPS_OF_STEP		(OP(READ) | OP(READAHEAD) | OPS_WRITE | OPS_DIO | OP(DAX_READ) | OP(DAX_WRITE))
#define OPS_OF_REVALIDATE	OPS_WRITE
#define OPS_OF_COPY		OP(WRITE)
#define OPS_OF_RELEASE		OPS_ITER
#define OPS_OF_WRITEBACK_MAP	OP(WRITEBACK)
#define OPS_OF_IOEND_SUBMIT	OP(WRITEBACK)
#define OPS_OF_IOEND_END	OP(WRITEBACK)
#define OPS_OF_DIO_BEGIN	OPS_DIO
#define OPS_OF_DIO_BIO		OPS_DIO
#define OPS_OF_DIO_END		OPS_DIO
#define OPS_OF_DAX_FAULT	OPS_DAX_FAULT
	INJECT_STEPS(STEP_ROW)
};

static const char *const verdicts[VERDICT_COUNT] = {
#define VERDICT_NAME(id, name, doc) [VERDICT_##id] = name,
	INJECT_VERDICTS(VERDICT_NAME)
};

/* The options that are a rule's own; the others are the run's. */
static const enum option_id of_rule[] = {
	OPT_ERRNO, OPT_DELAY, OPT_CAP, OPT_STALE, OPT_FALLBACK, OPT_DEFER, OPT_STEP, OPT_PROBABILITY, OPT_EVERY, OPT_AFTER, OPT_TIMES,
	OPT_PID, OPT_COMM, OPT_CGROUP, OPT_CONTAINER, OPT_DEV, OPT_INO, OPT_FILE, OPT_OP,
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static bool is_of_rule(enum option_id id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(of_rule) && of_rule[i] != id; i++)
		;
	return i < ARRAY_SIZE(of_rule);
}

/* Which operations can have a verdict at a step: of those that come there, without those that can never wait, or do with a part. */
static unsigned int ops_with(int step, int verdict)
{
	unsigned int ops = steps[step].ops;

	/* What was reserved for a write fault is not given back. */
	if (verdict == VERDICT_ERROR && step == INJECT_MAPPED)
		ops &= ~OP(MKWRITE);
	/* A folio, or an entry, is locked from the first lookup to the last step. */
	if (verdict == VERDICT_DELAY && step != INJECT_DAX_FAULT)
		ops &= ~(OP(UNKNOWN) | OP(READ) | OP(READAHEAD) | OP(MKWRITE) | OPS_DAX_FAULT);
	if (verdict == VERDICT_CAP)
		ops &= ~(OP(UNKNOWN) | OP(BMAP) | OP(SWAP_ACTIVATE) | OPS_DAX_FAULT | OP(DAX_DEDUPE));
	if (verdict == VERDICT_FALLBACK)
		ops &= OP(DIO_WRITE) | OP(DAX_FAULT_PMD);
	return ops;
}

static bool has_errno(const int *list, size_t count, int error)
{
	size_t i;

	for (i = 0; i < count && list[i] != error; i++)
		;
	return i < count;
}

/* What the kernel would always ignore. */
static int check_step(const struct inject_rule *rule, int step, struct err *err)
{
	unsigned int asked = rule->ops ? rule->ops : OPS_ALL;
	bool device = OF_DEVICES >> step & 1;
	int verdict;

	if (!(asked & steps[step].ops))
		return err_set(err, STATUS_USAGE, "--step %s: none of these operations comes there; " SECTION, steps[step].name);
	for (verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		if (!(rule->verdicts >> verdict & 1))
			continue;
		if (!(steps[step].verdicts >> verdict & 1))
			return err_set(err, STATUS_USAGE, "--step %s: %s is not possible there; " SECTION, steps[step].name,
				       verdicts[verdict]);
		if (!(asked & ops_with(step, verdict)))
			return err_set(err, STATUS_USAGE, "--step %s: %s is not possible there for these operations; " SECTION,
				       steps[step].name, verdicts[verdict]);
	}
	if (rule->error && !(device ? has_errno(of_devices, ARRAY_SIZE(of_devices), -rule->error) :
			     has_errno(of_iomap, ARRAY_SIZE(of_iomap), -rule->error)))
		return err_set(err, STATUS_USAGE, "--step %s: it cannot fail with %s; " SECTION, steps[step].name,
			       strerrorname_np(-rule->error));
	if (rule->error == -EAGAIN && !(asked & steps[step].ops & OPS_NOWAIT))
		return err_set(err, STATUS_USAGE, "--step %s: EAGAIN is for operations that may be asked not to wait; " SECTION,
			       steps[step].name);
	if (ASYNCHRONOUS >> step & 1 && (rule->pid || rule->by_comm || rule->by_cgroup))
		return err_set(err, STATUS_USAGE, "--step %s: the task there is not known to have asked for the work; leave out "
			       "-p, -c, --cgroup and --container", steps[step].name);
	return 0;
}

/* Where what is asked for fits. */
static unsigned int default_steps(const struct inject_rule *rule)
{
	unsigned int asked = rule->ops ? rule->ops : OPS_ALL, found = 0;
	int step;

	if (rule->verdicts & VERDICT_BIT(STALE))
		return AT(REVALIDATE);
	if (rule->verdicts & (VERDICT_BIT(FALLBACK) | VERDICT_BIT(DEFER))) {
		int verdict = rule->verdicts & VERDICT_BIT(FALLBACK) ? VERDICT_FALLBACK : VERDICT_DEFER;

		for (step = 0; step < INJECT_STEP_COUNT; step++) {
			if (steps[step].verdicts >> verdict & 1 && asked & ops_with(step, verdict))
				found |= 1u << step;
		}
		/* A task is only known at some of the steps. */
		return found ? found : verdict == VERDICT_FALLBACK ? AT(DIO_BEGIN) : AT(DIO_END);
	}
	if (rule->ops & OP(WRITEBACK) && rule->verdicts == VERDICT_BIT(ERROR))
		found |= AT(WRITEBACK_MAP);
	if (asked & OPS_ITER)
		found |= AT(LOOKUP);
	return found ? found : AT(WRITEBACK_MAP);
}

/* An operation that never comes to any of the steps. */
static int check_ops(const struct inject_rule *rule, struct err *err)
{
	/* Of a group that is named as a whole Linux has no faults of this size. */
	unsigned int left = rule->ops & ~OP(DAX_FAULT_PUD);
	int step;

	for (step = 0; step < INJECT_STEP_COUNT; step++) {
		if (rule->steps >> step & 1)
			left &= ~steps[step].ops;
	}
	if (!left)
		return 0;
	return err_set(err, STATUS_USAGE, "--op %s: it does not come to %s; " SECTION, ops[__builtin_ctz(left)].name,
		       rule->steps & (rule->steps - 1) ? "any of these steps" : steps[__builtin_ctz(rule->steps)].name);
}

static int parse_errno(const char *text)
{
	int error;

	for (error = 1; error < 134; error++) {
		const char *name = strerrorname_np(error);

		if (name && !strcmp(name, text))
			return error;
	}
	return 0;
}

/* "0.01" or "1%", in parts of CHANCE_ALWAYS; 0 if it is none. */
static __u64 parse_chance(const char *text)
{
	size_t len = strlen(text);
	bool percent = len && text[len - 1] == '%';
	char number[32];
	__u64 ns, all = percent ? 100000000000ULL : 1000000000ULL;

	if (len >= sizeof(number))
		return 0;
	/* A decimal fraction is what a bare time is: nine digits are exact. */
	snprintf(number, sizeof(number), "%.*s", (int)(len - percent), text);
	if (strspn(number, "0123456789.") != strlen(number) || parse_time(number, &ns) || !ns || ns > all)
		return 0;
	ns = (unsigned __int128)ns * CHANCE_ALWAYS / all;
	return ns ? ns : 1;
}

static int set_verdicts(struct inject_rule *rule, const struct args *args, struct err *err)
{
	static const struct { enum option_id option; unsigned int bit; } of[] = {
		{ OPT_ERRNO, VERDICT_BIT(ERROR) }, { OPT_DELAY, VERDICT_BIT(DELAY) }, { OPT_CAP, VERDICT_BIT(CAP) },
		{ OPT_STALE, VERDICT_BIT(STALE) }, { OPT_FALLBACK, VERDICT_BIT(FALLBACK) }, { OPT_DEFER, VERDICT_BIT(DEFER) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		if (args->given[of[i].option])
			rule->verdicts |= of[i].bit;
	}
	if (!rule->verdicts)
		return err_set(err, STATUS_USAGE, "say what is to be done: --errno, --delay, --cap, --stale, --fallback or --defer");
	if (args->given[OPT_ERRNO]) {
		rule->error = -parse_errno(args->text[OPT_ERRNO]);
		if (!rule->error)
			return err_set(err, STATUS_USAGE, "--errno: '%s' is no error; write it like ENOSPC", args->text[OPT_ERRNO]);
	}
	if (args->number[OPT_DELAY] > DELAY_MAX_NS)
		return err_set(err, STATUS_USAGE, "--delay: %s is above 10s", args->text[OPT_DELAY]);
	rule->delay_us = (args->number[OPT_DELAY] + 999) / 1000;
	rule->cap = args->number[OPT_CAP];
	return 0;
}

/* The id of a cgroup is the number of its directory. */
static int set_cgroup(struct inject_rule *rule, const struct args *args, struct err *err)
{
	struct stat st;
	int fd;

	if (!args->given[OPT_CGROUP] && !args->given[OPT_CONTAINER])
		return 0;
	fd = cgroup_open(args, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st)) {
		close(fd);
		return err_set(err, STATUS_FAILED, "cannot tell the number of the cgroup: %s", strerror(errno));
	}
	close(fd);
	rule->cgroup = st.st_ino;
	rule->by_cgroup = 1;
	return 0;
}

static int set_filters(struct inject_rule *rule, const struct args *args, struct err *err)
{
	struct observe_config config = {};

	if (filter_resolve(&config, args, err))
		return -1;
	if (config.devs > RULE_DEVS)
		return err_set(err, STATUS_USAGE, "-d stands for more than %d devices; name a mount point", RULE_DEVS);
	rule->pid = config.pid;
	rule->comm = config.comm;
	rule->by_comm = config.by_comm;
	rule->ino = config.ino;
	rule->by_ino = config.by_ino;
	rule->devs = config.devs;
	memcpy(rule->dev, config.dev, sizeof(rule->dev));
	rule->ops = config.op_mask;
	return set_cgroup(rule, args, err);
}

int policy_rule(struct inject_rule *rule, const struct args *args, struct err *err)
{
	int step;

	memset(rule, 0, sizeof(*rule));
	if (set_verdicts(rule, args, err) || set_filters(rule, args, err))
		return -1;
	rule->every = args->number[OPT_EVERY];
	rule->after = args->number[OPT_AFTER];
	rule->times = args->number[OPT_TIMES];
	rule->chance = CHANCE_ALWAYS;
	if (args->given[OPT_PROBABILITY]) {
		rule->chance = parse_chance(args->text[OPT_PROBABILITY]);
		if (!rule->chance)
			return err_set(err, STATUS_USAGE, "--probability: '%s' is not above 0 and up to 1; write it like 0.01 or 1%%",
				       args->text[OPT_PROBABILITY]);
	}
	rule->steps = args->given[OPT_STEP] ? args->number[OPT_STEP] : default_steps(rule);
	for (step = 0; step < INJECT_STEP_COUNT; step++) {
		if (rule->steps >> step & 1 && check_step(rule, step, err))
			return -1;
	}
	return check_ops(rule, err);
}

/*
 * Splits a line in place, as a shell does: words are parted by blanks, quotes keep them together, a backslash takes the next character
 * as it is. A # at the begin of a word ends the line. Returns how many words, or -1.
 */
static int split(char *line, char *word[WORDS_MAX], struct err *err)
{
	char *from = line, *to = line, quote;
	int words = 0;

	for (;;) {
		from += strspn(from, " \t\r\n");
		if (!*from || *from == '#')
			return words;
		if (words == WORDS_MAX)
			return err_set(err, STATUS_USAGE, "more than %d words", WORDS_MAX);
		word[words++] = to;
		for (quote = 0; *from && (quote || !strchr(" \t\r\n", *from)); from++) {
			if (quote ? *from == quote : *from == '"' || *from == '\'') {
				quote = quote ? 0 : *from;
				continue;
			}
			if (*from == '\\' && quote != '\'') {
				from++;
				if (!*from)
					return err_set(err, STATUS_USAGE, "nothing behind the \\ at its end");
			}
			*to++ = *from;
		}
		if (quote)
			return err_set(err, STATUS_USAGE, "a %c that is not closed", quote);
		if (*from)
			from++;
		*to++ = 0;
	}
}

/* One line of a file; 0 also if there is nothing on it. */
static int read_line(struct policy *policy, char *line, struct err *err)
{
	static struct args args;
	char *word[WORDS_MAX];
	int words = split(line, word, err), i;

	if (words <= 0)
		return words;
	if (args_parse(&args, &commands[CMD_inject], words, word, err))
		return -1;
	for (i = 0; i < OPT_COUNT_ALL; i++) {
		if (args.given[i] && !is_of_rule(i))
			return err_set(err, STATUS_USAGE, "--%s is not a rule's; give it on the command line", options[i].longname);
	}
	if (policy->rules == RULES_MAX)
		return err_set(err, STATUS_USAGE, "more than %d rules", RULES_MAX);
	return policy_rule(&policy->rule[policy->rules], &args, err) ? -1 : (int)!++policy->rules;
}

int policy_read(struct policy *policy, FILE *file, const char *name, struct err *err)
{
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	memset(policy, 0, sizeof(*policy));
	while (!ret && (len = getline(&line, &room, file)) >= 0) {
		struct err why = {};

		number++;
		ret = strlen(line) != (size_t)len ? err_set(&why, STATUS_USAGE, "a NUL character") : read_line(policy, line, &why);
		if (ret)
			err_set(err, why.status, "%.80s:%u: %s", name, number, why.text);
	}
	free(line);
	if (!ret && ferror(file))
		return err_set(err, STATUS_FAILED, "cannot read %s: %s", name, strerror(errno));
	if (!ret && !policy->rules)
		return err_set(err, STATUS_USAGE, "%s: no rule in it", name);
	return ret;
}

int policy_make(struct policy *policy, const struct args *args, struct err *err)
{
	const char *name = args->text[OPT_POLICY];
	bool input = name && !strcmp(name, "-");
	FILE *file;
	size_t i;
	int ret;

	if (!args->given[OPT_POLICY]) {
		memset(policy, 0, sizeof(*policy));
		policy->rules = 1;
		return policy_rule(&policy->rule[0], args, err);
	}
	for (i = 0; i < ARRAY_SIZE(of_rule); i++) {
		if (args->given[of_rule[i]])
			return err_set(err, STATUS_USAGE, "--%s is a rule's; with --policy write it there", options[of_rule[i]].longname);
	}
	file = input ? stdin : fopen(name, "re");
	if (!file)
		return err_set(err, STATUS_USAGE, "--policy %s: %s", name, strerror(errno));
	ret = policy_read(policy, file, input ? "standard input" : name, err);
	if (!input)
		fclose(file);
	return ret;
}

static bool rule_on(const struct inject_rule *rule, __u32 dev)
{
	__u32 i;

	for (i = 0; i < rule->devs; i++) {
		if (rule->dev[i] == dev)
			return true;
	}
	/* An inode number is one of every file system. */
	return !rule->devs;
}

/* What a path is on: the mount with the longest point that it is below; the last one of a point is on top. */
static const struct mount *mount_of(const struct mounts *mounts, const char *path, size_t len)
{
	const struct mount *found = NULL;
	size_t m, longest = 0;

	for (m = 0; m < mounts->count; m++) {
		const char *point = mounts->mount[m].point;
		size_t n = strcmp(point, "/") ? strlen(point) : 0;

		if (n <= len && n >= longest && !strncmp(path, point, n) && (n == len || path[n] == '/')) {
			found = &mounts->mount[m];
			longest = n;
		}
	}
	return found;
}

/* The layers of an overlay are on other file systems. One that cannot be seen from here may be on any. */
static bool rule_on_layers(const struct inject_rule *rule, const struct mounts *mounts, const struct mount *overlay)
{
	static const char *const names[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=", "workdir=" };
	const char *at = overlay->super_options;
	bool seen = false;
	size_t i;

	while (at && *at) {
		size_t len = strcspn(at, ",");

		for (i = 0; i < ARRAY_SIZE(names); i++) {
			size_t skip = strlen(names[i]);

			if (len <= skip || strncmp(at, names[i], skip))
				continue;
			while (skip < len) {
				size_t n = strcspn(at + skip, ":,");
				const struct mount *below = n ? mount_of(mounts, at + skip, n) : NULL;

				if (n && (at[skip] != '/' || !below || below == overlay || rule_on(rule, below->dev)))
					return true;
				seen |= n > 0;
				skip += n + 1;
			}
		}
		at += len + !!at[len];
	}
	return !seen;
}

static bool rule_hits_root(const struct inject_rule *rule, const struct mounts *mounts)
{
	bool seen = false;
	size_t m;

	for (m = 0; m < mounts->count; m++) {
		const struct mount *mount = &mounts->mount[m];

		if (strcmp(mount->point, "/"))
			continue;
		seen = true;
		if (rule_on(rule, mount->dev) || (!strcmp(mount->type, "overlay") && rule_on_layers(rule, mounts, mount)))
			return true;
	}
	/* Without a mount table that has it, nothing is known. */
	return !seen;
}

unsigned int policy_hits_root(const struct policy *policy, const struct mounts *mounts)
{
	unsigned int i;

	for (i = 0; i < policy->rules; i++) {
		if (rule_hits_root(&policy->rule[i], mounts))
			return i + 1;
	}
	return 0;
}

struct words {
	char *at, *end;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->at, w->end - w->at, format, args);
	va_end(args);
	w->at += n < w->end - w->at ? n : w->end - w->at - 1;
}

/* "a, b and c" of the bits that are set. */
static void say_list(struct words *w, unsigned int bits, const char *(*name)(unsigned int))
{
	unsigned int i;

	for (i = 0; bits; i++) {
		if (!(bits >> i & 1))
			continue;
		bits &= ~(1u << i);
		say(w, "%s%s", name(i), !bits ? "" : bits & (bits - 1) ? ", " : " and ");
	}
}

static const char *step_name(unsigned int step)
{
	return steps[step].name;
}

static const char *name_of_op(unsigned int op)
{
	return ops[op].name;
}

static void say_verdict(struct words *w, const struct inject_rule *rule)
{
	const char *between = ":";

#define SAY(bit, ...) do { \
	if (rule->verdicts & VERDICT_BIT(bit)) { \
		say(w, "%s ", between); \
		say(w, __VA_ARGS__); \
		between = ","; \
	} \
} while (0)
	SAY(DELAY, "waits for %u us", rule->delay_us);
	SAY(ERROR, "fails with %s", strerrorname_np(-rule->error));
	SAY(CAP, "does %llu bytes at the most", (unsigned long long)rule->cap);
	SAY(STALE, "finds the mapping stale");
	SAY(FALLBACK, "falls back");
	SAY(DEFER, "is completed by a worker");
#undef SAY
}

char *policy_words(const struct inject_rule *rule, char text[RULE_WORDS])
{
	struct words w = { text, text + RULE_WORDS };
	__u32 i;

	say(&w, "at ");
	say_list(&w, rule->steps, step_name);
	if (rule->ops) {
		say(&w, " of ");
		say_list(&w, rule->ops, name_of_op);
	}
	say_verdict(&w, rule);
	if (rule->by_ino)
		say(&w, "; inode %llu", (unsigned long long)rule->ino);
	for (i = 0; i < rule->devs; i++)
		say(&w, "%s %u:%u", i ? "," : rule->by_ino ? " of" : "; device", rule->dev[i] >> 20, rule->dev[i] & 0xfffff);
	if (rule->pid)
		say(&w, "; process %u", rule->pid);
	if (rule->by_comm)
		say(&w, "; threads called %.16s", rule->comm.s);
	if (rule->by_cgroup)
		say(&w, "; cgroup %llu", (unsigned long long)rule->cgroup);
	if (rule->after)
		say(&w, "; after %llu times", (unsigned long long)rule->after);
	if (rule->every)
		say(&w, "; every %llu. time", (unsigned long long)rule->every);
	if (rule->chance != CHANCE_ALWAYS)
		say(&w, "; with probability %.9g", (double)rule->chance / CHANCE_ALWAYS);
	if (rule->times)
		say(&w, "; %llu times at the most", (unsigned long long)rule->times);
	return text;
}
