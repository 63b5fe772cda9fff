// SPDX-License-Identifier: GPL-2.0
/* What export makes of keys and sums: bounds, text and labels, series that are merged, taken out or folded, names of devices and cgroups. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/cgroups.h"
#include "export/devices.h"
#include "export/expose.h"
#include "export/http.h"
#include "export/model.h"
#include "export/text.h"
#include "export/textfile.h"
#include "hist.h"
#include "tap.h"

#define CPUS	2
#define SECOND	1000000000ULL
#define DEV(major, minor) ((major) << 20 | (minor))
#define XFS	0xffff888000001000ULL
#define RELOADED 0xffff888000002000ULL

static char root[64];

static void put_file(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "w");
	if (!file || fputs(text, file) < 0 || fclose(file))
		exit(2);
}

static void put_link(const char *path, const char *target)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	unlink(full);
	if (target && symlink(target, full))
		exit(2);
}

static void put_dir(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (mkdir(full, 0755))
		exit(2);
}

#define MOUNTS "20 1 8:1 / / rw - xfs /dev/sda1 rw\n"

static void make_root(void)
{
	strcpy(root, "/tmp/export.XXXXXX");
	if (!mkdtemp(root))
		exit(2);
	put_dir("/sys");
	put_dir("/sys/dev");
	put_dir("/sys/dev/block");
	put_dir("/proc");
	put_dir("/proc/self");
	put_link("/sys/dev/block/8:1", "../../devices/pci0000:00/ata1/block/sda/sda1");
	put_link("/sys/dev/block/253:0", "../../devices/virtual/block/dm-0");
	put_link("/sys/dev/block/104:0", "../../devices/pci0000:00/block/cciss!c0d0");
	put_file("/proc/self/mountinfo", MOUNTS);
}

static void remove_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", root);
	if (system(command))
		exit(2);
}

/* One key as the kernel has it: some of it on each CPU. */
struct source {
	struct metric_key key;
	struct metric_value value[CPUS];
};

static struct source source(__u64 fs, __u32 dev, unsigned int facet, unsigned int stats)
{
	struct source s = { .key = { .fs = fs, .dev = dev, .facet = facet, .stats = stats } };

	/* The name is only where the key was made. */
	strcpy((char *)s.value[1].name, "xfs");
	return s;
}

static void lookup(struct source *s, int cpu, __u64 ns, __u64 length)
{
	struct metric_value *v = &s->value[cpu];

	v->latency[metric_latency_slot(hist_bucket(ns))]++;
	v->ns += ns;
	v->size[metric_size_slot(hist_bucket(length))]++;
	v->bytes_high += v->bytes + length < length;
	v->bytes += length;
	v->word[TYPE_MAPPED]++;
}

static void read_model(struct model *model, bool relabel, __u64 now_ns, struct source *const *s, size_t count)
{
	size_t i;

	model_begin(model, relabel, now_ns);
	for (i = 0; i < count; i++) {
		if (model_key(model, &s[i]->key, s[i]->value))
			exit(2);
	}
	if (model_end(model))
		exit(2);
}

static char *exposed(struct text *text, enum exposition exposition, const struct model *model, enum metric_group group, int from)
{
	text->used = 0;
	expose_model(text, exposition, model, group, from);
	expose_end(text, exposition);
	text_add(text, "", 1);
	return text->data;
}

static __u64 count_of(const struct model *model, const char *labels)
{
	size_t i;

	for (i = 0; i < model_series(model); i++) {
		if (!strcmp(model_at(model, i)->labels, labels))
			return metric_ended(&model_at(model, i)->sum);
	}
	return ~0ULL;
}

static void test_bounds(void)
{
	char text[64];
	int n, wrong = 0;

	for (n = 8; n <= 34; n++) {
		wrong += metric_latency_slot(hist_bucket(1ULL << n)) != (__u64)n - 8;
		wrong += metric_latency_slot(hist_bucket((1ULL << n) + 1)) != (__u64)n - 7;
	}
	is_int(wrong, 0, "latency: exactly 2^n ns is in the bucket of 2^n, one more in the next");
	is_u64(metric_latency_slot(hist_bucket(0)), 0, "latency: nothing is in the first");
	is_u64(metric_latency_slot(hist_bucket(~0ULL)), METRIC_LATENCIES - 1, "latency: the longest is in the last");
	for (wrong = 0, n = 12; n <= 40; n += 2) {
		wrong += metric_size_slot(hist_bucket(1ULL << n)) != (__u64)(n - 12) / 2;
		wrong += metric_size_slot(hist_bucket((1ULL << n) + 1)) != (__u64)(n - 12) / 2 + 1;
	}
	is_int(wrong, 0, "size: exactly 4^n bytes are in the bucket of 4^n, one more in the next");
	is_u64(metric_size_slot(hist_bucket(1)), 0, "size: the least is in the first");
	is_u64(metric_size_slot(hist_bucket(~0ULL)), METRIC_SIZES - 1, "size: the most is in the last");
	*seconds_put(text, 1ULL << 8) = 0;
	is_str(text, "0.000000256", "2^8 ns as seconds, exactly");
	*seconds_put(text, 1ULL << 34) = 0;
	is_str(text, "17.179869184", "2^34 ns");
	*seconds_put(text, 3000000000) = 0;
	is_str(text, "3", "whole seconds have no point");
	*seconds_put(text, 1500000000) = 0;
	is_str(text, "1.5", "nor zeros at the end");
	*number_put(text, ~0ULL) = 0;
	is_str(text, "18446744073709551615", "the greatest number");
	*number_put(text, 100) = 0;
	is_str(text, "100", "a hundred");
	*wide_put(text, 1, 0) = 0;
	is_str(text, "18446744073709551616", "and one more, of 128 bits");
	*wide_put(text, 0, 7) = 0;
	is_str(text, "7", "of which most are not needed");
}

static void test_labels(void)
{
	struct text text = {};

	text_label(&text, "a", "quote \" slash \\ line\nend");
	text_add(&text, "", 1);
	is_str(text.data, "a=\"quote \\\" slash \\\\ line\\nend\"", "what has to be escaped is");
	text.used = 0;
	text_label(&text, "a", "\xc3\xa4 \xff \xc3 \xed\xa0\x80 \xc0\xaf \xf0\x9f\x98\x80");
	text_add(&text, "", 1);
	is_str(text.data, "a=\"\xc3\xa4 \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80\"", "what is no UTF-8 is replaced");
	text_free(&text);
}

static void test_accept(void)
{
	is_int(expose_choose(NULL), EXPOSE_TEXT, "no Accept: the text format");
	is_int(expose_choose("*/*"), EXPOSE_TEXT, "anything: the text format");
	is_int(expose_choose("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
			     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), EXPOSE_OPENMETRICS, "as Prometheus asks: OpenMetrics");
	is_int(expose_choose("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5"), EXPOSE_TEXT,
	       "a version that there is not: the text format");
	is_int(expose_choose("application/openmetrics-text;q=0.1, text/plain;q=0.5"), EXPOSE_TEXT, "what is liked better");
	is_int(expose_choose("application/openmetrics-text;q=0"), EXPOSE_TEXT, "what is refused is not sent");
	is_int(expose_choose("text/html"), EXPOSE_TEXT, "something else: the text format");
}

/* The whole of one group, in both formats. */
static void test_golden(void)
{
	struct devices *devices = devices_new(root);
	struct model *model = model_new(GROUP_IOENDS, CPUS, devices, NULL);
	struct source one = source(XFS, DEV(8, 1), TYPE_MAPPED, 1), *all[] = { &one };
	struct text text = {};
	const char *got;

	one.value[0].begun = 3;
	one.value[0].latency[metric_latency_slot(hist_bucket(1 << 20))] = 1;
	one.value[1].latency[metric_latency_slot(hist_bucket((1 << 20) + 1))] = 1;
	one.value[0].ns = 1 << 20;
	one.value[1].ns = (1 << 20) + 1;
	one.value[0].size[metric_size_slot(hist_bucket(4096))] = 1;
	one.value[1].size[metric_size_slot(hist_bucket(65537))] = 1;
	one.value[1].bytes = 65537 + 4096;
	one.value[1].errors = 1;
	one.value[0].word[REASON_FIRST] = one.value[1].word[REASON_COUNT] = 1;
	one.value[0].sum[IOEND_PHASE_NS] = 1500000000;
	one.value[0].sum[IOEND_PHASE_COUNT] = 2;
	devices_look(devices);
	read_model(model, false, 1, all, 1);
	got = exposed(&text, EXPOSE_TEXT, model, GROUP_IOENDS, 0);
	has(got, "# HELP iomap_ioend_duration_seconds From the begin of an ioend to its finish\n# TYPE iomap_ioend_duration_seconds histogram\n"
	    "iomap_ioend_duration_seconds_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"0.000000256\"} 0\n", "text: a histogram begins");
	has(got, "le=\"0.000524288\"} 0\niomap_ioend_duration_seconds_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"0.001048576\"} 1\n"
	    "iomap_ioend_duration_seconds_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"0.002097152\"} 2\n", "text: exact bounds");
	has(got, "le=\"17.179869184\"} 2\niomap_ioend_duration_seconds_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"+Inf\"} 2\n"
	    "iomap_ioend_duration_seconds_sum{device=\"sda1\",fstype=\"xfs\",type=\"mapped\"} 0.002097153\n"
	    "iomap_ioend_duration_seconds_count{device=\"sda1\",fstype=\"xfs\",type=\"mapped\"} 2\n", "text: and ends");
	has(got, "# TYPE iomap_ioends_total counter\niomap_ioends_total{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",reason=\"first\"} 1\n"
	    "iomap_ioends_total{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",reason=\"\"} 1\n# HELP", "text: only words that were met");
	has(got, "# TYPE iomap_ioend_errors_total counter\niomap_ioend_errors_total{device=\"sda1\",fstype=\"xfs\",type=\"mapped\"} 1\n", "text: a counter");
	has(got, "le=\"4096\"} 1\niomap_ioend_bytes_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"16384\"} 1\n"
	    "iomap_ioend_bytes_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"65536\"} 1\n"
	    "iomap_ioend_bytes_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"262144\"} 2\n", "text: sizes by powers of four");
	has(got, "le=\"1099511627776\"} 2\niomap_ioend_bytes_bucket{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",le=\"+Inf\"} 2\n"
	    "iomap_ioend_bytes_sum{device=\"sda1\",fstype=\"xfs\",type=\"mapped\"} 69633\n", "text: up to 2^40");
	has(got, "iomap_ioend_phase_seconds_total{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",phase=\"build\"} 1.5\n"
	    "iomap_ioend_phase_seconds_total{device=\"sda1\",fstype=\"xfs\",type=\"mapped\",phase=\"device\"} 0\n", "text: phases");
	has(got, "# TYPE iomap_ioends_in_flight gauge\niomap_ioends_in_flight{device=\"sda1\",fstype=\"xfs\",type=\"mapped\"} 1\n", "text: in flight");
	ok(!strstr(got, "# UNIT") && !strstr(got, "# EOF"), "text: nothing of OpenMetrics");

	got = exposed(&text, EXPOSE_OPENMETRICS, model, GROUP_IOENDS, 0);
	has(got, "# HELP iomap_ioend_phase_seconds Time of ioends in build, device and completion (needs this project's events)\n"
	    "# TYPE iomap_ioend_phase_seconds counter\n# UNIT iomap_ioend_phase_seconds seconds\n"
	    "iomap_ioend_phase_seconds_total{", "OpenMetrics: a family without _total, its unit, samples with it");
	has(got, "# TYPE iomap_ioends counter\niomap_ioends_total{", "OpenMetrics: no unit where there is none");
	ok(strlen(got) > 6 && !strcmp(got + strlen(got) - 6, "# EOF\n"), "OpenMetrics: its end");

	got = exposed(&text, EXPOSE_TEXT, model, GROUP_IOENDS, 1);
	ok(!strstr(got, "iomap_ioend_merged") && !strstr(got, "iomap_ioend_phase") && !strstr(got, "iomap_ioend_folios"),
	   "a stock source: what it cannot tell is absent");
	has(got, "iomap_ioend_duration_seconds_count{", "and the rest is not");
	text_free(&text);
	model_free(model);
	devices_free(devices);
}

/* Of the mapping of a hole to the end of all files: more than 64 bits. */
static void test_wide(void)
{
	struct devices *devices = devices_new(root);
	struct model *model = model_new(GROUP_LOOKUPS, CPUS, devices, NULL);
	struct source one = source(XFS, DEV(8, 1), OP_FIEMAP, 1), *all[] = { &one };
	struct text text = {};

	lookup(&one, 0, 1, 1ULL << 63);
	lookup(&one, 0, 1, 1ULL << 63);
	lookup(&one, 0, 1, 1ULL << 63);
	lookup(&one, 1, 1, (1ULL << 63) + 5);
	devices_look(devices);
	read_model(model, false, 1, all, 1);
	has(exposed(&text, EXPOSE_TEXT, model, GROUP_LOOKUPS, 0), "iomap_lookup_mapping_bytes_sum{device=\"sda1\",fstype=\"xfs\",op=\"fiemap\"} 36893488147419103237\n",
	    "a sum beyond 64 bits");
	text_free(&text);
	model_free(model);
	devices_free(devices);
}

static void test_merging(void)
{
	struct devices *devices = devices_new(root);
	struct model *model = model_new(GROUP_LOOKUPS, CPUS, devices, NULL);
	struct source one = source(XFS, DEV(8, 1), OP_READ, 1), reloaded = source(RELOADED, DEV(8, 1), OP_READ, 1);
	struct source begin = source(XFS, DEV(8, 1), OP_READ, 0), nameless = source(XFS, DEV(253, 0), OP_READ, 1);
	struct source bdev = source(METRIC_FS_BDEV, DEV(104, 0), OP_READ, 1), hidden = source(METRIC_FS_NONE, 0, OP_HIDDEN, 1);
	struct source *all[] = { &one, &reloaded, &begin, &nameless, &bdev, &hidden, &one };
	const char *labels = "device=\"sda1\",fstype=\"xfs\",op=\"read\"";
	struct metric_value slot[CPUS] = {};

	lookup(&one, 0, 10, 4096);
	lookup(&reloaded, 0, 10, 4096);
	lookup(&reloaded, 1, 10, 4096);
	begin.value[0].untimed = 1;
	memset(nameless.value[1].name, 0, sizeof(nameless.value[1].name));
	lookup(&nameless, 0, 10, 4096);
	lookup(&bdev, 0, 10, 4096);
	lookup(&hidden, 0, 10, 4096);
	devices_look(devices);
	/* The last comes twice, as keys may while others come and go. */
	read_model(model, false, 1, all, 7);
	is_u64(count_of(model, labels), 4, "keys with equal labels are one series: a module reloaded, two programs");
	is_u64(model_series(model), 3, "and no more");
	is_u64(count_of(model, "device=\"cciss/c0d0\",fstype=\"bdev\",op=\"read\""), 1, "a block device as a file, whose name has a slash");
	is_u64(count_of(model, "device=\"none\",fstype=\"none\",op=\"\""), 1, "no file, and an operation that is not known");
	is_u64(model_keys(model), 5, "one without a name yet is not there");
	is_u64(model_events(model), 7, "but counted");
	strcpy((char *)nameless.value[0].name, "a_type_of_fs_15");
	read_model(model, false, 2, all, 7);
	is_u64(count_of(model, "device=\"dm-0\",fstype=\"a_type_of_fs_15\",op=\"read\""), 1, "the next time it is");
	read_model(model, false, 3, all, 1);
	is_u64(count_of(model, labels), 1, "a key that is not read any more is not shown");
	is_u64(model_series(model) + model_keys(model), 2, "nor kept");

	model_begin(model, false, 4);
	slot[0].untimed = 3;
	is_int(model_slot(model, OP_FIEMAP * 2 + 1, slot), 0, "what had no room is read");
	slot[0].untimed = 0;
	model_slot(model, OP_BMAP * 2 + 1, slot);
	model_end(model);
	is_u64(count_of(model, "device=\"other\",fstype=\"other\",op=\"fiemap\""), 3, "and is the device other");
	is_u64(model_series(model), 1, "only what was met");
	is_u64(model_overflow(model), 3, "and counted as overflow");
	is_u64(model_keys(model), 0, "but is no key of the table");
	model_free(model);
	devices_free(devices);
}

struct table {
	struct source *const *source;
	size_t count;
	int taken;
};

static int take(void *ctx, const struct metric_key *key, const struct metric_value **values)
{
	struct table *table = ctx;
	size_t i;

	for (i = 0; i < table->count; i++) {
		if (memcmp(&table->source[i]->key, key, sizeof(*key)))
			continue;
		*values = table->source[i]->value;
		table->taken++;
		return 0;
	}
	return -2;	/* ENOENT */
}

static void test_retiring(void)
{
	struct devices *devices = devices_new(root);
	struct model *model = model_new(GROUP_LOOKUPS, CPUS, devices, NULL);
	struct source gone = source(XFS, DEV(7, 0), OP_READ, 1), stays = source(XFS, DEV(8, 1), OP_READ, 1), nobodys = source(XFS, 50, OP_READ, 1);
	struct source program = source(XFS, DEV(7, 0), OP_READ, 0), *all[] = { &stays, &gone, &nobodys, &program };
	struct table table = { all, 4, 0 };
	struct retirement what = { .room = 100 };
	__u64 now_ns;
	int n;

	lookup(&program, 0, 10, 4096);
	lookup(&program, 0, 10, 4096);
	put_link("/sys/dev/block/7:0", "../../devices/virtual/block/loop0");
	lookup(&gone, 0, 10, 4096);
	lookup(&stays, 0, 10, 4096);
	lookup(&nobodys, 0, 10, 4096);
	devices_look(devices);
	read_model(model, false, 1, all, 3);
	is_u64(count_of(model, "device=\"loop0\",fstype=\"xfs\",op=\"read\""), 1, "a device");
	is_u64(count_of(model, "device=\"0:50\",fstype=\"xfs\",op=\"read\""), 1, "one that nobody knows has its numbers");
	is_int(model_retire(model, &what, take, &table) + table.taken, 0, "none is gone");
	put_link("/sys/dev/block/7:0", NULL);
	ok(devices_look(devices), "a device that goes away is noticed");
	is_int(model_retire(model, &what, take, &table) + table.taken, 0, "it stays until nothing happens on it");
	read_model(model, true, 60 * SECOND, all, 3);
	is_int(model_retire(model, &what, take, &table) + table.taken, 0, "for a while");
	read_model(model, false, 60 * SECOND + 2, all, 3);
	is_u64(count_of(model, "device=\"loop0\",fstype=\"xfs\",op=\"read\""), 1, "what it had until then is told");
	is_int(model_retire(model, &what, take, &table), 0, "it is taken out");
	is_int(table.taken, 1, "and no other");
	read_model(model, true, 60 * SECOND + 3, all, 1);
	is_u64(count_of(model, "device=\"loop0\",fstype=\"xfs\",op=\"read\""), ~0ULL, "it has no series any more");
	is_u64(model_events(model), 2, "what it had is counted still");
	ok(!model_has_device(model, DEV(7, 0)) && model_has_device(model, DEV(8, 1)), "whether there is a key of a device");
	device_forget(devices, DEV(7, 0));

	/* Whose file system is mounted elsewhere still, or whose disk has been pulled out. */
	table.taken = 0;
	for (now_ns = 100 * SECOND; now_ns < 300 * SECOND; now_ns += 15 * SECOND) {
		lookup(&gone, 1, 10, 4096);
		read_model(model, false, now_ns, (struct source *[]){ &stays, &gone, &program }, 3);
		is_int(model_retire(model, &what, take, &table) + table.taken, 0, "one that is gone and in use stays");
	}
	is_u64(count_of(model, "device=\"7:0\",fstype=\"xfs\",op=\"read\""), 17, "with all its keys: its counters never go backwards");
	read_model(model, false, 600 * SECOND, (struct source *[]){ &stays, &gone, &program }, 3);
	is_int(model_retire(model, &what, take, &table) + table.taken, 2, "and goes as a whole, once it is quiet");
	for (n = 0; n < 3; n++) {
		lookup(&gone, 1, 10, 4096);
		read_model(model, false, (700 + 200 * n) * SECOND, (struct source *[]){ &stays, &gone }, 2);
		table.taken = 0;
		is_int(model_retire(model, &what, take, &table) + table.taken, 0, "it is not quiet because it is read seldom");
	}

	read_model(model, false, 2000 * SECOND, (struct source *[]){ &stays, &nobodys }, 2);
	read_model(model, false, 2100 * SECOND, (struct source *[]){ &stays, &nobodys }, 2);
	table.taken = 0;
	is_int(model_retire(model, &what, take, &table) + table.taken, 0, "a device that nobody knows stays while there is room");
	what.room = 2;
	lookup(&nobodys, 0, 10, 4096);
	read_model(model, false, 2200 * SECOND, (struct source *[]){ &stays, &nobodys }, 2);
	is_int(model_retire(model, &what, take, &table) + table.taken, 0, "or something happens");
	read_model(model, false, 2261 * SECOND, (struct source *[]){ &stays, &nobodys }, 2);
	is_int(model_retire(model, &what, take, &table) + table.taken, 1, "and goes where room is scarce and nothing happens");
	what.room = 100;
	put_file("/proc/self/mountinfo", MOUNTS "30 1 0:50 / /b rw - btrfs /dev/nowhere/pool rw\n");
	devices_look(devices);
	read_model(model, true, 2300 * SECOND, (struct source *[]){ &stays, &nobodys }, 2);
	put_file("/proc/self/mountinfo", MOUNTS);
	devices_look(devices);
	table.taken = 0;
	is_int(model_retire(model, &what, take, &table) + table.taken, 0, "one that is not mounted any more stays for a while, too");
	put_file("/proc/self/mountinfo", MOUNTS "30 1 0:50 / /b rw - btrfs /dev/nowhere/pond rw\n");
	devices_look(devices);
	is_int(model_retire(model, &what, take, &table) + table.taken, 1, "but not if its number is another one's");
	put_file("/proc/self/mountinfo", MOUNTS);
	model_free(model);
	devices_free(devices);
}

static void test_devices(void)
{
	struct devices *devices = devices_new(root);

	put_file("/proc/self/mountinfo", MOUNTS "30 1 0:40 / /b rw - btrfs /dev/nowhere/pool rw\n31 1 0:41 / /t rw - tmpfs none rw\n");
	devices_look(devices);
	is_str(device_label(devices, 40), "nowhere/pool", "an anonymous device has its mount's source");
	is_str(device_label(devices, 41), "tmpfs", "one without has the type");
	is_str(device_label(devices, DEV(253, 0)), "dm-0", "the kernel's name");
	is_str(device_label(devices, DEV(9, 9)), "9:9", "one that is not there has its numbers");
	is_int(device_state(devices, DEV(9, 9)), DEVICE_GONE, "and is gone");
	put_link("/sys/dev/block/9:9", "../../devices/virtual/block/md9");
	devices_look(devices);
	is_str(device_label(devices, DEV(9, 9)), "md9", "until it comes");
	is_int(device_state(devices, DEV(9, 9)), DEVICE_THERE, "as itself");
	put_link("/sys/dev/block/9:9", NULL);
	is_int(device_state(devices, 40), DEVICE_THERE, "one that is mounted is there");
	is_int(device_state(devices, 42), DEVICE_UNKNOWN, "one that never was, nobody knows");
	put_file("/proc/self/mountinfo", MOUNTS);
	ok(devices_look(devices), "it is unmounted");
	is_int(device_state(devices, 40), DEVICE_GONE, "then it is gone");
	is_str(device_label(devices, 40), "nowhere/pool", "and keeps its name");
	put_file("/proc/self/mountinfo", MOUNTS "32 1 0:40 / /b rw - btrfs /dev/nowhere/pool rw\n");
	devices_look(devices);
	is_int(device_state(devices, 40), DEVICE_THERE, "it comes back");
	put_file("/proc/self/mountinfo", MOUNTS);
	devices_look(devices);
	put_file("/proc/self/mountinfo", MOUNTS "33 1 0:40 / /b rw - btrfs /dev/nowhere/pond rw\n");
	ok(devices_look(devices), "its number is another one's");
	is_int(device_state(devices, 40), DEVICE_REPLACED, "which is told");
	is_str(device_label(devices, 40), "nowhere/pool", "and not mixed up with it");
	ok(!devices_look(devices) && device_state(devices, 40) == DEVICE_REPLACED, "until it is forgotten");
	device_forget(devices, 40);
	is_int(device_state(devices, 40), DEVICE_THERE, "then the other one is there");
	is_str(device_label(devices, 40), "nowhere/pond", "by its name");
	put_file("/proc/self/mountinfo", MOUNTS);
	devices_look(devices);
	put_link("/sys/dev/block/253:0", "../../devices/virtual/block/dm-7");
	ok(devices_look(devices), "another name is noticed");
	is_str(device_label(devices, DEV(253, 0)), "dm-7", "and taken over");
	ok(!devices_look(devices), "nothing else has changed");
	put_link("/sys/dev/block/253:0", "../../devices/virtual/block/dm-0");
	devices_free(devices);
}

static __u64 number_of(const char *path)
{
	char full[256];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &st) ? 0 : st.st_ino;
}

static void test_cgroups(void)
{
	char point[128];
	struct devices *devices = devices_new(root);
	struct cgroups *cgroups;
	struct model *model;
	struct source a = source(XFS, DEV(8, 1), OP_READ, 1), b = a, other = a, late = a;
	struct source *all[] = { &a, &b, &other, &late };
	struct table table = { all, 4, 0 };
	struct retirement what = { .room = 100 };
	__u64 gone[4];

	put_dir("/cgroup");
	put_dir("/cgroup/a");
	put_dir("/cgroup/a/b \"c\"");
	snprintf(point, sizeof(point), "%s/cgroup", root);
	cgroups = cgroups_new(point);
	model = model_new(GROUP_LOOKUPS, CPUS, devices, cgroups);
	a.key.cgroup = number_of("/cgroup/a");
	b.key.cgroup = number_of("/cgroup/a/b \"c\"");
	other.key.cgroup = METRIC_CGROUP_OTHER;
	late.key.cgroup = 123456789;
	lookup(&a, 0, 10, 4096);
	lookup(&b, 0, 10, 4096);
	lookup(&b, 1, 10, 4096);
	lookup(&other, 0, 10, 4096);
	lookup(&late, 0, 10, 4096);
	devices_look(devices);
	read_model(model, false, 10000000000, all, 4);
	is_u64(count_of(model, "device=\"sda1\",fstype=\"xfs\",op=\"read\",cgroup=\"/a\""), 1, "a cgroup");
	is_u64(count_of(model, "device=\"sda1\",fstype=\"xfs\",op=\"read\",cgroup=\"/a/b \\\"c\\\"\""), 2, "one below, with a name to escape");
	is_u64(count_of(model, "device=\"sda1\",fstype=\"xfs\",op=\"read\",cgroup=\"other\""), 1, "those without room");
	is_u64(model_overflow(model), 1, "are overflow");
	is_u64(model_series(model), 3, "one that has no name yet is not shown");
	is_u64(cgroups_gone(cgroups, 11000000000, gone, 4), 0, "nor is it gone");
	snprintf(point, sizeof(point), "%s/cgroup/a/b \"c\"", root);
	is_int(rmdir(point), 0, "a cgroup goes away");
	put_dir("/x");		/* may get its number */
	put_dir("/cgroup/a/b \"c\"");
	what.cgroups = cgroups_gone(cgroups, 16000000000, gone, 4);
	is_u64(what.cgroups, 2, "and so, after a while, is one that never had a name");
	what.cgroup = gone;
	is_int(model_retire(model, &what, take, &table), 0, "they are taken out");
	read_model(model, false, 16000000000, (struct source *[]){ &a, &other }, 2);
	is_u64(count_of(model, "device=\"sda1\",fstype=\"xfs\",op=\"read\",cgroup=\"other\""), 4, "and added to other");
	is_u64(model_series(model), 2, "they have no series");
	is_u64(model_overflow(model), 1, "that is no overflow");
	is_u64(model_events(model), 5, "and nothing is lost");
	cgroup_forget(cgroups, gone[0]);
	cgroup_forget(cgroups, gone[1]);
	is_int(cgroup_note(cgroups, 987654321, 16000000000), 0, "a cgroup of which there is no key is noted");
	is_u64(cgroups_gone(cgroups, 17000000000, gone, 4), 0, "it may be new");
	is_u64(cgroups_gone(cgroups, 22000000000, gone, 4), 1, "and is gone after a while, as those are that have keys");
	is_u64(gone[0], 987654321, "by its number");
	cgroup_forget(cgroups, gone[0]);
	put_link("/sys/dev/block/8:1", NULL);
	devices_look(devices);
	what.cgroups = 0;
	read_model(model, true, 100 * SECOND, (struct source *[]){ &a, &other }, 2);
	model_retire(model, &what, take, &table);
	read_model(model, true, 101 * SECOND, all, 0);
	is_u64(model_series(model) + model_keys(model), 0, "with its device all goes");
	is_u64(model_events(model), 5, "and stays counted");
	is_u64(model_overflow(model), 1, "so does overflow");
	put_link("/sys/dev/block/8:1", "../../devices/pci0000:00/ata1/block/sda/sda1");
	model_free(model);
	cgroups_free(cgroups);
	devices_free(devices);
}

static void test_table(void)
{
	size_t i, missing = 0, wrong = 0;

	for (i = 0; i < metric_count; i++) {
		const struct metric_shown *shown = metric_shown(&metrics[i]);
		bool events = strstr(metrics[i].doc, "needs this project's events");

		missing += !shown;
		if (!shown)
			continue;
		if (events != (shown->sources == 1) || !!shown->words != !!*metrics[i].labels ||
		    (metrics[i].type == METRIC_HISTOGRAM) != (shown->part == PART_LATENCY || shown->part == PART_SIZE) ||
		    (metrics[i].type == METRIC_GAUGE) != (shown->part == PART_IN_FLIGHT)) {
			wrong++;
			tap_diag("", metrics[i].name);
		}
	}
	is_u64(missing, 0, "each metric is somewhere in the values");
	is_u64(wrong, 0, "type, label and sources are those that the table has");
}

/* Series of one key are bounded by what docs/metrics.md says, whatever is in it. */
static void test_cardinality(void)
{
	struct devices *devices = devices_new(root);
	int group;

	devices_look(devices);
	for (group = 0; group < GROUP_COUNT; group++) {
		struct model *model = model_new(group, CPUS, devices, NULL);
		struct source one = source(XFS, DEV(8, 1), metric_groups[group].first, 1), *all[] = { &one };
		unsigned int series = 0;
		struct text text = {};
		const char *at;
		size_t i;

		for (i = 2; i < sizeof(one.value[0]) / sizeof(__u64); i++)
			((__u64 *)&one.value[0])[i] = i;
		read_model(model, false, 1, all, 1);
		for (at = exposed(&text, EXPOSE_TEXT, model, group, 0); at && *at; at = strchr(at, '\n') + 1)
			series += *at != '#';
		is_u64(series, metric_series(group), "%s: as many series as are said to be the most", metric_groups[group].observer->command);
		text_free(&text);
		model_free(model);
	}
	devices_free(devices);
}

static void test_listen(void)
{
	struct listen_address at;
	struct err err;
	static const char *const bad[] = { "", ":", "9842", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:9842", "[127.0.0.1]:1",
					   "[::1]", "localhost:9842", "127.0.0.1:1x", "[::1:9842", "127.0.0.1:-1" };
	size_t i, taken = 0;

	is_int(listen_parse(&at, "127.0.0.1:9842", &err), 0, "an IPv4 address");
	ok(at.loopback, "of loopback");
	is_int(listen_parse(&at, "0.0.0.0:1", &err), 0, "any");
	ok(!at.loopback, "is not loopback");
	is_int(listen_parse(&at, "[::1]:0", &err), 0, "an IPv6 address");
	ok(at.loopback, "of loopback, too");
	is_int(listen_parse(&at, "[::]:65535", &err), 0, "any of these");
	ok(!at.loopback, "is not");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (listen_parse(&at, bad[i], &err) != -1 || err.status != STATUS_USAGE) {
			taken++;
			tap_diag("taken: ", bad[i]);
		}
	}
	is_u64(taken, 0, "nothing else is taken");
}

static void test_textfile(void)
{
	char path[128], got[16] = "";
	struct text text = {};
	struct stat st;
	FILE *file;

	put_dir("/textfile");
	snprintf(path, sizeof(path), "%s/textfile", root);
	text_put(&text, "a 1\n");
	is_int(textfile_write(path, &text), 0, "a file is written");
	text.used = 0;
	text_put(&text, "b 2\n");
	is_int(textfile_write(path, &text), 0, "and replaced");
	snprintf(path, sizeof(path), "%s/textfile/" TEXTFILE_NAME, root);
	file = fopen(path, "r");
	ok(file && fread(got, 1, 15, file) == 4 && !strcmp(got, "b 2\n"), "it has all of it");
	if (file)
		fclose(file);
	ok(!stat(path, &st) && (st.st_mode & 07777) == 0644, "node_exporter can read it");
	snprintf(path, sizeof(path), "%s/textfile/" TEXTFILE_NAME ".new", root);
	ok(stat(path, &st), "nothing else stays");
	is_int(textfile_write("/dev/full", &text), -20, "a directory has to be one");
	/* Where another file's name is taken by a link, nothing is written through it. */
	if (symlink("/dev/null", path))
		exit(2);
	snprintf(path, sizeof(path), "%s/textfile", root);
	is_int(textfile_write(path, &text), -40, "a link is not followed");
	text_free(&text);
}

int main(void)
{
	umask(022);
	make_root();
	test_bounds();
	test_labels();
	test_accept();
	test_table();
	test_golden();
	test_wide();
	test_merging();
	test_retiring();
	test_devices();
	test_cgroups();
	test_cardinality();
	test_listen();
	test_textfile();
	remove_root();
	return done_testing();
}
