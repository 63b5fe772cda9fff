// SPDX-License-Identifier: GPL-2.0
/* The rules of inject: from options and files, defaults, what is refused, words; and random lines, under the sanitizers. Arguments: SEED and ROUNDS. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy.h"
#include "tap.h"

static struct err err;
static struct policy policy;

/* A policy of this text. */
static int read_text(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	FILE *file;
	int ret;

	memcpy(copy, text, len);
	file = fmemopen(copy, len ? len : 1, "r");
	if (!len)
		fgetc(file);
	memset(&err, 0, sizeof(err));
	ret = policy_read(&policy, file, "chaos", &err);
	fclose(file);
	free(copy);
	return ret;
}

static int text(const char *lines)
{
	return read_text(lines, strlen(lines));
}

/* Of one line that is right, the rule. */
static const struct inject_rule *rule(const char *line)
{
	if (text(line) || policy.rules != 1) {
		ok(false, "%s: a rule", line);
		tap_diag("", err.text);
		memset(&policy, 0, sizeof(policy));
	}
	return &policy.rule[0];
}

static void refused(const char *lines, const char *part)
{
	int ret = text(lines);

	if (!ok(ret == -1 && err.status == STATUS_USAGE && strstr(err.text, part) && !strchr(err.text, '\n'), "refused: %s: %s", lines, part))
		tap_diag("said: ", err.text);
}

static void steps_of(const char *line, unsigned int steps)
{
	is_u64(rule(line)->steps, steps, "%s: the steps", line);
}

#define AT(id) (1u << INJECT_##id)

static void defaults(void)
{
	steps_of("--errno EIO", AT(LOOKUP));
	steps_of("--delay 1ms", AT(LOOKUP));
	steps_of("--cap 4k", AT(LOOKUP));
	steps_of("--errno EIO --op dio", AT(LOOKUP));
	steps_of("--errno EIO --op writeback", AT(WRITEBACK_MAP));
	steps_of("--errno EIO --op writeback,write", AT(LOOKUP) | AT(WRITEBACK_MAP));
	steps_of("--stale", AT(REVALIDATE));
	steps_of("--fallback", AT(DIO_BEGIN) | AT(DAX_FAULT));
	steps_of("--fallback --op dio", AT(DIO_BEGIN));
	steps_of("--fallback --op dax_fault_pmd", AT(DAX_FAULT));
	steps_of("--defer", AT(DIO_END) | AT(IOEND_END));
	steps_of("--defer --op dio_write", AT(DIO_END));
	steps_of("--defer --op writeback", AT(IOEND_END));
	steps_of("--errno EIO --step mapped,step,release", AT(MAPPED) | AT(STEP) | AT(RELEASE));
}

static void values(void)
{
	const struct inject_rule *r = rule("--errno ENOSPC --delay 1.5ms --cap 12k --step lookup --op write,dio --probability 0.25 --every 3 "
					   "--after 7 --times 5 -p 42 -c 'a b' -i 131 # all of it");

	ok(r->error == -ENOSPC && r->delay_us == 1500 && r->cap == 12 << 10, "errno, delay and cap");
	is_u64(r->verdicts, VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY) | VERDICT_BIT(CAP), "the verdicts are these");
	is_u64(r->ops, 1u << OP_WRITE | 1u << OP_DIO_READ | 1u << OP_DIO_WRITE, "the operations");
	ok(r->every == 3 && r->after == 7 && r->times == 5 && r->chance == CHANCE_ALWAYS / 4, "when");
	ok(r->pid == 42 && r->by_comm && !strcmp(r->comm.s, "a b") && r->by_ino && r->ino == 131 && !r->devs && !r->by_cgroup, "whom");
	is_u64(rule("--errno EIO")->chance, CHANCE_ALWAYS, "always by default");
	is_u64(rule("--errno EIO --probability 1")->chance, CHANCE_ALWAYS, "a probability of 1");
	is_u64(rule("--errno EIO --probability 100%")->chance, CHANCE_ALWAYS, "100 per cent");
	is_u64(rule("--errno EIO --probability 1%")->chance, CHANCE_ALWAYS / 100, "1 per cent");
	is_u64(rule("--errno EIO --probability 0.000000001")->chance, 4, "the smallest");
	is_u64(rule("--delay 1ns")->delay_us, 1, "a delay is never rounded to none");
	is_u64(rule("--delay 10s")->delay_us, 10000000, "the longest delay");
}

static void files(void)
{
	char many[RULES_MAX * 16 + 32] = "";
	int i;

	ok(!text("# first\n\n  --errno EIO --op read   # of a read\n\t\n--delay 1ms\t--op dio\\_read\n--stale") && policy.rules == 3, "a file of three rules");
	ok(policy.rule[1].ops == 1u << OP_DIO_READ && policy.rule[2].verdicts == VERDICT_BIT(STALE), "in their order");
	ok(!strcmp(rule("--errno EIO -c 'it''s # here'")->comm.s, "its # here"), "single quotes");
	ok(!strcmp(rule("--errno EIO -c \"a \\\"b\\\" c\"")->comm.s, "a \"b\" c"), "double quotes and backslashes");
	ok(!strcmp(rule("--errno EIO -c 'a\\b'")->comm.s, "a\\b"), "a backslash in single quotes is one");
	ok(!strcmp(rule("--errno EIO -c a#b\r\n")->comm.s, "a#b"), "a # within a word is one; CR LF");
	refused("", "chaos: no rule in it");
	refused("# nothing\n", "chaos: no rule in it");
	refused("--errno EIO\n--errno EFOO\n", "chaos:2: --errno: 'EFOO' is no error; write it like ENOSPC");
	refused("--errno EIO\n\n#\n--frobnicate", "chaos:4: unknown option '--frobnicate' for inject");
	refused("--errno 'EIO", "chaos:1: a ' that is not closed");
	refused("--errno EIO\\", "chaos:1: nothing behind the \\ at its end");
	refused("--errno EIO write", "chaos:1: unexpected argument 'write'");
	refused("--errno EIO --duration 1s", "chaos:1: --duration is not a rule's; give it on the command line");
	refused("--errno EIO --seed 7", "--seed is not a rule's");
	refused("--policy other", "--policy is not a rule's");
	refused("--help", "--help is not a rule's");
	refused("--op write", "chaos:1: say what is to be done: --errno, --delay, --cap, --stale, --fallback or --defer");
	ok(read_text("--errno EIO\0 --op read\n", 23) && strstr(err.text, "chaos:1: a NUL character"), "a NUL character");
	for (i = 0; i < RULES_MAX; i++)
		strcat(many, "--errno EIO\n");
	ok(!text(many) && policy.rules == RULES_MAX, "as many rules as there can be");
	strcat(many, "--errno EIO\n");
	refused(many, "chaos:17: more than 16 rules");
	memset(many, 'a', 2 * 65);
	for (i = 0; i < 65; i++)
		many[2 * i + 1] = ' ';
	many[2 * 65] = 0;
	refused(many, "chaos:1: more than 64 words");
}

/* All that the kernel would ignore each time. */
static void impossible(void)
{
	refused("--delay 1ms --step writeback_map", "--step writeback_map: delay is not possible there; see Verdicts in Documentation/filesystems/iomap/control.rst");
	refused("--cap 4k --step dax_fault", "cap is not possible");
	refused("--cap 4k --op dax_fault_pmd", "--step lookup: cap is not possible there for these operations");
	refused("--cap 4k --op swap_activate,bmap", "not possible there for these operations");
	refused("--delay 1ms --op read,readahead,mkwrite", "--step lookup: delay is not possible there for these operations");
	refused("--errno EIO --step revalidate", "error is not possible");
	refused("--errno EIO --step copy", "error is not possible");
	refused("--stale --step lookup", "stale is not possible");
	refused("--fallback --step lookup", "fallback is not possible");
	refused("--fallback --op dio_read", "--step dio_begin: fallback is not possible there for these operations");
	refused("--fallback --op dax_fault_pte --step dax_fault", "not possible there for these operations");
	refused("--defer --step dio_bio", "defer is not possible");
	refused("--delay 1s --step ioend_submit", "delay is not possible");
	refused("--delay 1s --step release", "delay is not possible");
	refused("--stale --delay 1ms", "--step revalidate: delay is not possible");
	refused("--errno EIO --step lookup,copy", "--step copy: error is not possible");
	refused("--errno EIO --step copy,lookup --cap 1", "is not possible there");
	refused("--errno EIO --step dio_begin --op write", "--step dio_begin: none of these operations comes there");
	refused("--errno EIO --step lookup --op writeback", "--step lookup: none of these operations comes there");
	refused("--stale --op read", "--step revalidate: none of these operations comes there");
	refused("--defer --op read", "none of these operations comes there");
	refused("--errno EFAULT", "--step lookup: it cannot fail with EFAULT");
	refused("--errno ENOTBLK --step dio_begin", "it cannot fail with ENOTBLK");
	refused("--errno EDQUOT --step dio_end", "it cannot fail with EDQUOT");
	refused("--errno EAGAIN --step dio_bio", "it cannot fail with EAGAIN");
	refused("--errno EAGAIN --step writeback_map", "EAGAIN is for operations that may be asked not to wait");
	refused("--errno EAGAIN --op mkwrite,seek", "EAGAIN is for operations that may be asked not to wait");
	refused("--errno EBUSY --step dio_bio", "it cannot fail with EBUSY");
	refused("--errno EIO --step mapped --op mkwrite", "--step mapped: error is not possible there for these operations");
	refused("--delay 1ms --op dax_fault_pte,dax_fault_pmd --step lookup", "--step lookup: delay is not possible there for these operations");
	ok(!text("--delay 1ms --op dax_fault_pte,dax_fault_pmd --step dax_fault"), "before the entry is locked it may wait");
	refused("--cap 1 --step copy --op write,dio_write", "--op dio_write: it does not come to copy");
	refused("--errno EIO --step dio_begin,dio_end --op dio,write", "--op write: it does not come to any of these steps");
	refused("--delay 1ms --op write,writeback", "--op writeback: it does not come to lookup");
	refused("--errno ENOLINK --step lookup", "it cannot fail with ENOLINK");
	ok(!text("--errno ENOLINK --step dio_bio") && !text("--errno EAGAIN"), "what a device can say, and EAGAIN of a lookup");
	refused("--errno EIO --step dio_end -p 1", "leave out -p, -c, --cgroup and --container");
	refused("--errno EIO --step ioend_end -c fio", "leave out -p, -c, --cgroup and --container");
	refused("--errno EIO --step dio_bio,dio_end -c fio", "--step dio_end: the task there");
	refused("--delay 10.1s", "--delay: 10.1s is above 10s");
	refused("--errno ''", "--errno is empty");
	refused("--errno enospc", "'enospc' is no error");
	refused("--probability 0 --errno EIO", "'0' is not above 0 and up to 1");
	refused("--probability 1.1 --errno EIO", "'1.1' is not above 0");
	refused("--probability 101% --errno EIO", "'101%' is not above 0");
	refused("--probability 1ms --errno EIO", "'1ms' is not above 0");
	refused("--probability % --errno EIO", "'%' is not above 0");
	refused("--probability -1 --errno EIO", "'-1' is not above 0");
	refused("--step frobnicate --errno EIO", "unknown 'frobnicate'; there are: lookup, mapped, step, revalidate, copy, release, writeback_map, ioend_submit, "
		"ioend_end, dio_begin, dio_bio, dio_end, dax_fault");
	refused("--every 0 --errno EIO", "--every: '0' is not a number above 0");
}

static struct mounts mounts_of(const char *table)
{
	struct mounts mounts = {};
	char *copy = strdup(table);
	FILE *file = fmemopen(copy, strlen(copy), "r");

	mounts_parse(&mounts, file);
	fclose(file);
	free(copy);
	return mounts;
}

static void root(void)
{
	struct mounts mounts = mounts_of("1 0 254:1 / / rw - ext4 /dev/vda1 rw\n2 1 254:16 / /mnt rw - xfs /dev/vdb rw\n");
	struct mounts two = mounts_of("1 0 254:1 / / rw - ext4 /dev/vda1 rw\n2 1 0:30 / / rw - tmpfs tmpfs rw\n"), none = {};
	struct mounts layered = mounts_of("1 0 0:30 / / rw - overlay overlay rw,lowerdir=/media/a:/media/b/lower,upperdir=/media/a/up,workdir=/media/a/work\n"
					  "2 1 254:16 / /media/a rw - xfs /dev/vdb rw\n3 1 254:32 / /media/b rw - xfs /dev/vdc rw\n"
					  "4 1 254:48 / /media/ab rw - xfs /dev/vdd rw\n");
	struct mounts hidden = mounts_of("1 0 0:30 / / rw - overlay overlay rw,lowerdir=/var/lib/layers/1,upperdir=/var/lib/layers/2\n"
					 "2 1 254:48 / /data rw - xfs /dev/vdd rw\n");
	struct policy p = { .rules = 2, .rule = { { .devs = 1, .dev = { 254 << 20 | 16 } }, { .devs = 1, .dev = { 254 << 20 | 17 } } } };

	is_u64(policy_hits_root(&p, &mounts), 0, "other devices");
	p.rule[1].devs = 0;
	is_u64(policy_hits_root(&p, &mounts), 2, "no device");
	p.rule[1].by_ino = 1;
	is_u64(policy_hits_root(&p, &mounts), 2, "an inode of any device");
	is_u64(policy_hits_root(&p, &none), 1, "no mount table");
	p.rule[1].devs = 2;
	is_u64(policy_hits_root(&p, &mounts), 0, "two other devices");
	p.rule[1].dev[1] = 254 << 20 | 1;
	is_u64(policy_hits_root(&p, &mounts), 2, "the second is that of /");
	is_u64(policy_hits_root(&p, &two), 2, "and under what is mounted on it");
	p.rule[0].dev[0] = 30;
	is_u64(policy_hits_root(&p, &two), 1, "and that, too");
	p.rules = 1;
	p.rule[0].dev[0] = 254 << 20 | 16;
	is_u64(policy_hits_root(&p, &none), 1, "no mount table, though there is a device");
	is_u64(policy_hits_root(&p, &layered), 1, "what a layer of an overlay is on");
	p.rule[0].dev[0] = 254 << 20 | 32;
	is_u64(policy_hits_root(&p, &layered), 1, "and what another one is on");
	p.rule[0].dev[0] = 254 << 20 | 48;
	is_u64(policy_hits_root(&p, &layered), 0, "none is on this");
	is_u64(policy_hits_root(&p, &hidden), 1, "a layer that cannot be seen may be on it");
	mounts_free(&layered);
	mounts_free(&hidden);
	mounts_free(&mounts);
	mounts_free(&two);
}

static void words_of(const char *line, const char *expected)
{
	char words[RULE_WORDS];

	is_str(policy_words(rule(line), words), expected, "%s: in words", line);
}

static void words(void)
{
	struct inject_rule all = {
		.steps = (1u << INJECT_STEP_COUNT) - 1, .ops = (1u << OP_COUNT) - 1, .verdicts = (1u << VERDICT_COUNT) - 1, .error = -ENOTRECOVERABLE,
		.delay_us = ~0u, .cap = ~0ULL, .devs = RULE_DEVS, .by_ino = 1, .ino = ~0ULL, .pid = ~0u, .by_comm = 1, .comm = { "fifteen letters" },
		.by_cgroup = 1, .cgroup = ~0ULL, .every = ~0ULL, .after = ~0ULL, .times = ~0ULL, .chance = 1,
	};
	char words[RULE_WORDS + 1];

	words_of("--errno ENOSPC", "at lookup: fails with ENOSPC");
	words_of("--errno EIO --delay 1ms --step mapped,step --op write --times 5", "at mapped and step of write: waits for 1000 us, fails with EIO; 5 times at "
		 "the most");
	words_of("--cap 4k --op write,dio_read,dio_write --probability 0.5 -i 7", "at lookup of write, dio_read and dio_write: does 4096 bytes at the most; inode 7; "
		 "with probability 0.5");
	words_of("--stale --every 2 --after 3 -c fio", "at revalidate: finds the mapping stale; threads called fio; after 3 times; every 2. time");
	words[RULE_WORDS] = '!';
	policy_words(&all, words);
	ok(words[RULE_WORDS] == '!' && strlen(words) < RULE_WORDS && strstr(words, "dax_fault of unknown"), "the longest fits, or is cut");
}

static __u64 state = 1;

static unsigned int below(unsigned int bound)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1d >> 32) % bound;
}

/* What comes out of any text is a policy that the programs can do with, or a sentence. */
static void fuzz(unsigned long rounds)
{
	static const char *const pieces[] = {
		"--errno ", "--delay ", "--cap ", "--stale ", "--fallback ", "--defer ", "--step ", "--op ", "--probability ", "--every ", "--after ", "--times ",
		"-p ", "-c ", "-i ", "-f ", "-d ", "EIO", "ENOSPC", "1ms", "4k", "0.01", "1%", "42", "lookup", "dio_end,", "write,", "writeback", "dio", " ", "\n", "\n",
		"#", "'", "\"", "\\", "/", "/dev/null", "\xff", "--", "-", "=", "\t", "--cgroup /x ",
	};
	unsigned long i, good = 0, wrong = 0;

	for (i = 0; i < rounds; i++) {
		char line[400];
		size_t len = 0;
		unsigned int r;

		while (len < sizeof(line) - 20 && below(16))
			len += sprintf(line + len, "%s", pieces[below(ARRAY_SIZE(pieces))]);
		while (len && !below(3))
			line[below(len)] = below(256);
		if (read_text(line, len)) {
			wrong += !err.text[0] || (err.status != STATUS_USAGE && err.status != STATUS_FAILED) || strchr(err.text, '\n');
			continue;
		}
		good++;
		wrong += !policy.rules || policy.rules > RULES_MAX;
		for (r = 0; r < policy.rules; r++) {
			const struct inject_rule *one = &policy.rule[r];
			char words[RULE_WORDS];

			wrong += !one->steps || one->steps >> INJECT_STEP_COUNT || !one->verdicts || one->verdicts >> VERDICT_COUNT ||
				 !one->chance || one->chance > CHANCE_ALWAYS || one->devs > RULE_DEVS || one->delay_us > 10000000 ||
				 !!(one->verdicts & VERDICT_BIT(ERROR)) != (one->error < 0) || strlen(policy_words(one, words)) >= RULE_WORDS;
		}
	}
	is_u64(wrong, 0, "random policies");
	ok(good > rounds / 500 && good < rounds, "some are right (%lu of %lu)", good, rounds);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		state = strtoull(argv[1], NULL, 0);
	defaults();
	values();
	files();
	impossible();
	root();
	words();
	fuzz(argc > 2 ? strtoul(argv[2], NULL, 0) : 50000);
	return done_testing();
}
