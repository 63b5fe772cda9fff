// SPDX-License-Identifier: GPL-2.0
/*
 * What a scrape costs: per-CPU tables of the kernel, filled for a number of devices with every facet of every observer, read, added up and
 * written as a scrape does. Prints the CPU time of the cheapest one, the size of its text, and how many series it has.
 *
 *   scrape [-w] DEVICES ROUNDS    -w: writes the text to standard output instead
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "export/expose.h"
#include "export/read.h"

#define KEYS 4096

static int cpus;

static void die(const char *what, int error)
{
	fprintf(stderr, "scrape: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static __u64 cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Numbers as long as those of a machine that has been up for weeks. */
static void fill_value(struct metric_value *v, unsigned int seed)
{
	__u64 *number = (__u64 *)v;
	size_t i;

	for (i = 0; i < sizeof(*v) / sizeof(*number); i++)
		number[i] = 1000003ULL * seed + 7919 * i;
	memcpy(v->name, "xfs\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static int make_table(enum metric_group group, unsigned int devices)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "metrics", sizeof(struct metric_key), sizeof(struct metric_value), KEYS, &options);
	const struct metric_group_desc *desc = &metric_groups[group];
	struct metric_value *values = calloc(cpus, sizeof(*values));
	unsigned int device, facet, count = group == GROUP_LOOKUPS ? OP_COUNT : desc->count;
	int cpu, ret = 0, i;

	if (fd < 0)
		die("cannot make a table", fd);
	if (!values)
		die("no memory", ENOMEM);
	for (device = 0; device < devices; device++) {
		for (facet = desc->first; facet < desc->first + count; facet++) {
			/* A number that is no block device's, so that nobody looks for it. */
			struct metric_key key = { .fs = 0xffff888000001000, .dev = 0x80000 + device, .facet = facet, .stats = 1 };

			for (cpu = 0; cpu < cpus; cpu++)
				fill_value(&values[cpu], device * 64 + facet + 1);
			/* Memory that each CPU has a part of comes a little at a time. */
			for (i = 0; i < 5000; i++) {
				ret = bpf_map_update_elem(fd, &key, values, BPF_ANY);
				if (ret != -ENOMEM)
					break;
				usleep(1000);
			}
			if (ret)
				die("cannot fill a table", ret);
		}
	}
	free(values);
	return fd;
}

static int on_key(void *ctx, const struct metric_key *key, const struct metric_value *values)
{
	return model_key(ctx, key, values);
}

int main(int argc, char **argv)
{
	bool write = argc > 1 && !strcmp(argv[1], "-w");
	unsigned int devices = argc > 2 ? strtoul(argv[1 + write], NULL, 10) : 0, rounds = argc > 2 ? strtoul(argv[2 + write], NULL, 10) : 0;
	struct devices *names = devices_new("");
	struct model *model[GROUP_COUNT];
	int map[GROUP_COUNT], group, ret;
	struct reader reader;
	struct text text = {};
	__u64 best = ~0ULL;
	size_t series = 0;
	unsigned int i;

	if (!devices || !rounds || !names) {
		fputs("usage: scrape [-w] DEVICES ROUNDS\n", stderr);
		return 2;
	}
	cpus = libbpf_num_possible_cpus();
	reader_init(&reader, cpus);
	for (group = 0; group < GROUP_COUNT; group++) {
		model[group] = model_new(group, cpus, names, NULL);
		if (!model[group])
			die("no memory", ENOMEM);
		map[group] = make_table(group, devices);
	}
	for (i = 0; i < rounds; i++) {
		__u64 began = cpu_ns(), took;

		text.used = 0;
		devices_look(names);
		for (group = 0; group < GROUP_COUNT; group++) {
			model_begin(model[group], false, i + 1);
			ret = read_keys(&reader, map[group], on_key, model[group]);
			if (!ret)
				ret = model_end(model[group]);
			if (ret)
				die("cannot read a table", ret);
			expose_model(&text, EXPOSE_TEXT, model[group], group, 0);
		}
		expose_end(&text, EXPOSE_TEXT);
		took = cpu_ns() - began;
		best = took < best ? took : best;
		if (text.failed)
			die("no memory", ENOMEM);
	}
	for (group = 0; group < GROUP_COUNT; group++) {
		series += model_series(model[group]);
		model_free(model[group]);
	}
	if (write)
		fwrite(text.data, 1, text.used, stdout);
	else
		printf("cpu_ns %llu bytes %zu keys %zu\n", (unsigned long long)best, text.used, series);
	text_free(&text);
	reader_free(&reader);
	devices_free(names);
	return 0;
}
