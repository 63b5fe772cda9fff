// SPDX-License-Identifier: GPL-2.0
/*
 * iomapscope bench without a measurement: medians and their intervals, the environment of made-up machines, fio's output, the
 * lines.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/environment.h"
#include "bench/fio.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/stats.h"
#include "bench/workloads.h"
#include "schema.h"
#include "tap.h"

static char line[LINE_ROOM];
static char root[] = "/tmp/bench-unit.XXXXXX";

static bool same(double got, double expected)
{
	return isnan(expected) ? isnan(got) : fabs(got - expected) < 1e-8;
}

static void estimate(const char *what, const double *value, unsigned int count, struct estimate expected)
{
	struct estimate e = stats_estimate(value, count);

	if (!ok(same(e.median, expected.median) && same(e.low, expected.low) && same(e.high, expected.high) &&
		same(e.confidence, expected.confidence) && same(e.least, expected.least), "%s", what))
		printf("# median %f, %f .. %f with %f, least %f\n", e.median, e.low, e.high, e.confidence, e.least);
}

/* Ranks and probabilities of the sign test: exact sums of binomial coefficients, by another program. */
static void medians(void)
{
	static const struct {
		unsigned int count, rank;
		double confidence;
	} table[] = {
		{ 1, 0, NAN }, { 2, 0, NAN }, { 5, 0, NAN }, { 6, 1, 0.96875 }, { 7, 1, 0.984375 }, { 8, 1, 0.9921875 },
		{ 9, 2, 0.9609375 }, { 10, 2, 0.978515625 }, { 12, 3, 0.9614257813 }, { 15, 4, 0.9648437500 },
		{ 20, 6, 0.9586105347 }, { 25, 8, 0.9567147493 }, { 30, 10, 0.9572260566 },
		{ 100, 40, 0.9647997998 }, { 1000, 469, 0.9537088026 },
	};
	static const double unsorted[] = { 7, 1, 5, 3, 9, 8, 2 }, four[] = { 4, 1, 3, 2 }, alike[] = { 3, 3, 3, 3, 3, 3 };
	double value[STATS_MAX], a[6] = { 1, 2, 4, 8, 16, 32 }, b[6] = { 3, 4, 2, 80, 16, 64 };
	struct estimate e;
	unsigned int i, t;

	/* Shuffled by a factor that 1009 does not divide: 1 to count in some order. */
	for (t = 0; t < ARRAY_SIZE(table); t++) {
		unsigned int count = table[t].count, filled = 0, k;
		char what[32];

		for (i = 1; filled < count; i++) {
			k = i * 389 % 1009;
			if (k >= 1 && k <= count)
				value[filled++] = k;
		}
		snprintf(what, sizeof(what), "the median of %u", count);
		estimate(what, value, count, (struct estimate){
			.median = (count + 1) / 2.0, .low = table[t].rank ? table[t].rank : NAN,
			.high = table[t].rank ? count + 1 - table[t].rank : NAN, .confidence = table[t].confidence, .least = 1 });
	}
	estimate("seven", unsorted, 7, (struct estimate){ 5, 1, 9, 0.984375, 1 });
	estimate("four have no interval", four, 4, (struct estimate){ 2.5, NAN, NAN, NAN, 1 });
	estimate("six that are alike", alike, 6, (struct estimate){ 3, 3, 3, 0.96875, 3 });
	e = stats_ratio(a, b, 6);
	ok(same(e.median, 2) && same(e.low, 0.5) && same(e.high, 10), "ratios are those of the pairs, not of the medians");
}

static void size_is(unsigned int n, __u64 pass_ns, __u64 prepare_ns, unsigned int expected_n, unsigned int repeats)
{
	struct time_size size = time_size_of(n, pass_ns, prepare_ns);

	if (!ok(size.n == expected_n && size.repeats == repeats, "a pass of %u in %llu ns, %llu before: %u of %u", n,
		(unsigned long long)pass_ns, (unsigned long long)prepare_ns, repeats, expected_n))
		printf("# %u of %u\n", size.repeats, size.n);
}

static void sizes(void)
{
	size_is(2500, 1000000, 0, 2500, 20);
	size_is(2500, 30000000, 0, 2500, 1);
	size_is(20, 1000000, 100000000, 20, 9);		/* what prepares it takes its time, too */
	size_is(20, 1000000, 5000000000, 20, 1);
	size_is(200, 2000000000, 0, 50, 1);
	size_is(1, 60000000000, 0, 1, 1);
	size_is(1, 0, 0, 1, 20000000);
	size_is(2500, ~0ULL >> 1, 0, 1, 1);
}

/* A file below root, with the directories above it. */
static void put_file(const char *path, const char *text)
{
	char full[PATH_MAX], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		mkdir(full, 0700);
	}
	file = fopen(full, "w");
	fputs(text, file);
	fclose(file);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void clear(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	mkdir(root, 0700);
}

static struct environment environment;

static void machine(void)
{
	char path[PATH_MAX];

	put_file("/proc/cpuinfo", "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.0GHz\n"
		 "flags\t\t: fpu hypervisor lahf_lm\n\n"
		 "processor\t: 1\nmodel name\t: Another\n");
	put_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
	put_file("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
	put_file("/sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: \"IBRS\"; a\\b\n");
	put_file("/sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
	put_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	put_file("/sys/devices/pci/nvme0n1/queue/scheduler", "none [mq-deadline] kyber\n");
	put_file("/sys/devices/pci/nvme0n1/queue/rotational", "0\n");
	put_file("/sys/devices/pci/nvme0n1/queue/dax", "1\n");
	put_file("/sys/devices/pci/nvme0n1/nvme0n1p2/partition", "2\n");
	put_file("/sys/dev/block/x", "");
	snprintf(path, sizeof(path), "%s/sys/dev/block/259:2", root);
	if (symlink("../../devices/pci/nvme0n1/nvme0n1p2", path))
		perror(path);
	put_file("/proc/self/mountinfo", "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
		 "36 22 259:2 / /srv rw,noatime - xfs /dev/nvme0n1p2 rw,attr2\n");
	environment_read(&environment, root, 36);
	is_str(environment.cpu, "Some CPU @ 2.0GHz", "the model of the first CPU");
	is_int(environment.hypervisor, 1, "the flag of a hypervisor");
	ok(environment.cpus > 0, "CPUs");
	is_str(environment.governor, "performance", "the governor");
	is_int(environment.turbo, 0, "no turbo");
	is_str(environment.clocksource, "tsc", "the clock source");
	is_int(environment.mitigations, 2, "two vulnerabilities");
	is_str(environment.mitigation[0].name, "meltdown", "in order");
	is_str(environment.mitigation[1].text, "Mitigation: \"IBRS\"; a\\b", "as the kernel says");
	is_str(environment.filesystem, "xfs", "the file system of the mount");
	is_str(environment.mount_options, "rw,noatime,rw,attr2", "its options");
	is_str(environment.device, "nvme0n1p2", "its device");
	is_str(environment.scheduler, "mq-deadline", "the scheduler of the partition's disk");
	is_int(environment.rotational, 0, "it does not rotate");
	is_int(environment.dax, 1, "and serves fsdax");
	environment.time = 1000000000;
	*environment_put(line, &environment) = 0;
	has(line, ",\"mitigations\":{\"meltdown\":\"Not affected\",\"spectre_v2\":\"Mitigation: \\\"IBRS\\\"; a\\\\b\"},",
	    "quotes in JSON");
	has(line, ",\"turbo\":false,", "a flag in JSON");
	has(line, ",\"time\":\"2001-09-09T01:46:40Z\"}\n", "the time in JSON");
}

/* Nothing there, and things that are odd. */
static void odd_machines(void)
{
	static const char *const unknown[] = {
		"cpu", "governor", "turbo", "clocksource", "hypervisor", "device", "scheduler", "rotational", "device_dax",
		"filesystem", "mount_options",
	};
	char part[64];
	size_t i;

	environment_read(&environment, root, 36);
	*environment_put(line, &environment) = 0;
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		snprintf(part, sizeof(part), "\"%s\":null", unknown[i]);
		has(line, part, "an empty machine: %s is null", unknown[i]);
	}
	has(line, "\"mitigations\":{}", "an empty machine: no mitigations");

	put_file("/proc/cpuinfo", "flags\t\t: fpu nohypervisor hypervisor2\nmodel name\t:\n");
	put_file("/sys/devices/system/cpu/cpufreq/boost", "1\n");
	put_file("/proc/self/mountinfo", "36 22 0:45 / /srv rw - btrfs nowhere rw\n");
	put_file("/sys/devices/system/cpu/vulnerabilities/empty", "");
	environment_read(&environment, root, 36);
	is_int(environment.hypervisor, 0, "a flag is a whole word");
	is_str(environment.cpu, "", "a model without a name");
	is_int(environment.turbo, 1, "turbo by another file");
	is_str(environment.filesystem, "btrfs", "a file system without a device");
	is_str(environment.device, "", "has none");
	is_str(environment.mitigation[0].text, "", "an empty file is an empty text");
	environment_read(&environment, root, 7);
	is_str(environment.filesystem, "", "another mount is none");
	put_file("/proc/self/mountinfo", "junk\n");
	environment_read(&environment, root, 36);
	is_str(environment.filesystem, "", "a mount table that is none");

	put_file("/proc/self/mountinfo", "36 22 8:0 / /srv rw - ext4 /dev/sda rw\n");
	put_file("/sys/devices/sda/queue/scheduler", "none\n");
	put_file("/sys/devices/sda/queue/rotational", "x\n");
	put_file("/sys/dev/block/x", "");
	snprintf(line, sizeof(line), "%s/sys/dev/block/8:0", root);
	if (symlink("../../devices/sda", line))
		perror(line);
	environment_read(&environment, root, 36);
	is_str(environment.device, "sda", "a whole disk");
	is_str(environment.scheduler, "none", "the only scheduler has no brackets");
	is_int(environment.rotational, -1, "neither 0 nor 1 is unknown");
}

/* A job's line of fio 3.33, with what matters in its places. */
static char *job(const char *error, const char *reads, const char *read_ms, const char *writes, const char *write_ms)
{
	static char text[4096];
	int i;

	sprintf(text, "3;fio-3.33;job;0;%s;528;105600;%s;%s", error, reads, read_ms);
	for (i = 9; i < 48; i++)
		strcat(text, i % 2 ? ";0.000000" : ";1.000000%=0");
	sprintf(text + strlen(text), ";%s;%s;0;0;0.0;0.00%%\n", writes, write_ms);
	return text;
}

static void fio(void)
{
	char text[8192];

	ok(same(fio_parse(job("0", "1000", "2000", "0", "0")), 1e6), "fio: a thousand reads a second");
	ok(same(fio_parse(job("0", "1500", "2000", "500", "2000")), 5e5), "fio: reads and writes at the same time");
	snprintf(text, sizeof(text), "fio: a warning\n%s", job("0", "1000", "1000", "0", "0"));
	strcat(text, job("0", "0", "0", "4000", "1000"));
	ok(same(fio_parse(text), 4e5), "fio: two jobs, and a line that is none");
	ok(isnan(fio_parse(job("0", "0", "0", "0", "0"))), "fio: no I/O");
	is_int(fio_parse(job("28", "1000", "1000", "0", "0")), -1, "fio: a job that has failed");
	strcpy(text, "3;fio-3.33;job;0;0;1;2\n");
	is_int(fio_parse(text), -1, "fio: a line that is cut");
	strcpy(text, "");
	is_int(fio_parse(text), -1, "fio: nothing");
}

/* The keys of the outermost object, each with a blank behind it. */
static void keys_of(const char *json, char *keys)
{
	int depth = 0;
	bool key = true;

	*keys = 0;
	for (; *json; json++) {
		if (*json == '"') {
			const char *end = json + 1;

			while (*end != '"')
				end += 1 + (*end == '\\');
			if (depth == 1 && key && end[1] == ':')
				sprintf(keys + strlen(keys), "%.*s ", (int)(end - json - 1), json + 1);
			json = end;
		} else if (*json == '{' || *json == '[') {
			depth++;
		} else if (*json == '}' || *json == ']') {
			depth--;
		}
		key = *json == ',' || *json == '{';
	}
}

/* The line's keys are those that help and man page tell of, in their order. */
static void keys(const char *title)
{
	char got[1024], expected[1024] = "";
	size_t i, j;

	for (i = 0; i < word_list_count; i++) {
		for (j = 0; !strcmp(word_lists[i].title, title) && j < word_lists[i].count; j++)
			sprintf(expected + strlen(expected), "%s ", word_lists[i].word[j].name);
	}
	keys_of(line, got);
	ok(*expected, "%s is in the schema", title);
	is_str(got, expected, "%s: its keys", title);
}

static void lines(void)
{
	static const double a[] = { 100, 200, 100, 200, 100, 200, 100 }, b[] = { 150, 300, 150, 300, 150, 300, 151.5 };
	struct figure figure = { .workload = "seek", .size = { 2500, 20 }, .rounds = 7, .a = a, .b = b };
	struct bench_summary summary = { .workloads = 3, .failed = 1, .left_out = 2, .rounds = 20, .against = "a \"b\" \\ \n\xff",
					 .settle_ns = 500000000, .seconds = 12.3456 };
	struct instructions counted = { .best = 2352500, .second = 2352500, .rounds = 16, .taken = { 2352500, 2352600 } };

	environment_read(&environment, root, 0);
	*environment_put(line, &environment) = 0;
	keys("Environment in JSON");
	*report_figure(line, &figure) = 0;
	keys("Workload in JSON");
	has(line, "\"workload\":\"seek\",\"n\":2500,\"repeats\":20,\"rounds\":7,\"a_ns\":100,\"a_low_ns\":100,"
	    "\"a_high_ns\":200,\"a_min_ns\":100,"
	    "\"b_ns\":151.500,\"b_low_ns\":150,\"b_high_ns\":300,\"b_min_ns\":150,\"ratio\":1.500000,\"ratio_low\":1.500000,"
	    "\"ratio_high\":1.515000,\"confidence\":0.984375,\"a\":[100,200,100,200,100,200,100],", "a figure of pairs");
	has(line, "\"b\":[150,300,150,300,150,300,151.500],\"error\":null}\n", "its rounds");
	*report_table_row(line, &figure, true) = 0;
	is_str(line, "seek                     100.0       151.5      1.5000        1.5000 .. 1.5150           7\n", "as a row");
	figure.b = NULL;
	figure.rounds = 2;
	figure.size.n = 0;
	*report_figure(line, &figure) = 0;
	keys("Workload in JSON");
	has(line, "\"n\":null,\"repeats\":null,\"rounds\":2,\"a_ns\":150,\"a_low_ns\":null,\"a_high_ns\":null,\"a_min_ns\":100,"
	    "\"b_ns\":null,",
	    "alone, and too few for an interval");
	has(line, "\"ratio\":null,\"ratio_low\":null,\"ratio_high\":null,\"confidence\":null,\"a\":[100,200],\"b\":null,",
	    "without pairs");
	*report_table_row(line, &figure, false) = 0;
	is_str(line, "seek                     150.0                       -       100.0           2\n", "as a row");
	figure = (struct figure){ .workload = "fio:a\nb", .error = "say \"no\" \x1b[m" };
	*report_figure(line, &figure) = 0;
	keys("Workload in JSON");
	has(line, "\"workload\":\"fio:a\\u000ab\",\"n\":null,", "a name that is odd");
	has(line, "\"a\":null,\"b\":null,\"error\":\"say \\\"no\\\" \\u001b[m\"}\n", "an error");
	*report_table_row(line, &figure, true) = 0;
	is_str(line, "fio:a\\x0ab          failed: say \"no\" \\x1b[m\n", "as a row");
	*report_summary(line, &summary) = 0;
	keys("Summary in JSON");
	has(line, "\"workloads\":3,\"failed\":1,\"left_out\":2,\"rounds\":20,\"against\":\"a \\\"b\\\" \\\\ \\u000a\\u00ff\","
	    "\"settle_ns\":500000000,\"interrupted\":false,\"seconds\":12.346}\n", "a summary");

	*report_instructions(line, "seek", 2500, &counted, NULL) = 0;
	has(line, "{\"workload\": \"seek\", \"n\": 2500, \"instructions\": 941.000, \"settled\": true, \"ticks\": 0, "
	    "\"rounds\": [2352500, 2352600, 0,",
	    "instructions");
	counted.second = 2352500 + 2353;
	ok(!instructions_settled(&counted), "two that differ by more than a thousandth have not settled");
	counted.second--;
	ok(instructions_settled(&counted), "by a thousandth they have");
	counted.rounds = 15;
	ok(!instructions_settled(&counted), "fifteen rounds have not");
	*report_instructions(line, "seek", 2500, NULL, "no \"x\"") = 0;
	is_str(line, "{\"workload\": \"seek\", \"error\": \"no \\\"x\\\"\"}\n", "an error in place of instructions");
}

static void table(void)
{
	int id;

	for (id = 0; id < WORKLOAD_COUNT; id++) {
		const struct workload *w = &workloads[id];

		ok(w->n && w->setup && w->run && (w->place == PLACE_DAX) == !strncmp(bench_workloads[id].name, "dax_", 4) &&
		   (w->place == PLACE_MIRROR) == !strncmp(bench_workloads[id].name, "mirror_", 7),
		   "the workload %s is complete", bench_workloads[id].name);
	}
}

int main(void)
{
	if (!mkdtemp(root)) {
		perror(root);
		return 1;
	}
	table();
	medians();
	sizes();
	machine();
	clear();
	odd_machines();
	clear();
	fio();
	lines();
	clear();
	rmdir(root);
	return done_testing();
}
