// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "account.h"
#include "caps.h"
#include "export/exporter.h"
#include "export/read.h"
#include "session.h"

#define GONE_AT_ONCE 64		/* cgroups that are looked at in one reading */

struct part {
	struct observation *observation;	/* NULL: not on this kernel, or not wanted */
	struct model *model;
	int keys_map, slots_map, flights_map;
	struct account account;			/* of the last reading */
	__u64 evicted;				/* at least */
	unsigned int flights, flights_room;
};

struct exporter {
	struct exporter_setup setup;
	struct exporter_service service;
	struct part part[GROUP_COUNT];
	struct devices *devices;
	struct cgroups *cgroups;
	struct reader reader;
	int cgroups_map;
	struct utsname host;
	__u64 scrapes, scrape_ns, scrape_cpu_ns;
	__u64 start_ns;				/* since the epoch */
};

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static bool wanted(const struct exporter *exporter, int group)
{
	return exporter->setup.groups >> group & 1;
}

/* 0; or -1 with @err. What this kernel cannot do is no failure. */
static int open_part(struct exporter *exporter, enum metric_group group, struct btf *btf, struct err *err)
{
	const struct metric_group_desc *desc = &metric_groups[group];
	struct part *part = &exporter->part[group];
	const struct metrics_room room = {
		.keys = exporter->setup.keys,
		.cgroups = exporter->setup.cgroups,
		.cgroups_map = exporter->cgroups_map,
		.first = desc->first, .facets = desc->count, .programs = desc->programs,
	};

	part->observation = observe_open_metrics(&exporter->setup.code[group], exporter->setup.args, btf, &room, err);
	if (!part->observation)
		return err->status == STATUS_KERNEL ? 0 : -1;
	part->model = model_new(group, observe_cpus(part->observation), exporter->devices, exporter->cgroups);
	if (!part->model)
		return err_set(err, STATUS_FAILED, "no memory");
	part->keys_map = observe_map(part->observation, "metrics");
	part->slots_map = observe_map(part->observation, "metrics_other");
	part->flights_map = desc->observer->counts_flights ? observe_map(part->observation, desc->observer->state_map) : -1;
	if (exporter->setup.cgroups && exporter->cgroups_map < 0)
		exporter->cgroups_map = observe_map(part->observation, "metric_cgroups");
	if (!exporter->reader.cpus)
		reader_init(&exporter->reader, observe_cpus(part->observation));
	return 0;
}

static int open_all(struct exporter *exporter, struct btf *btf, struct err *err)
{
	int group, count = 0;

	for (group = 0; group < GROUP_COUNT; group++) {
		if (!wanted(exporter, group))
			continue;
		if (open_part(exporter, group, btf, err))
			return -1;
		if (exporter->part[group].observation)
			count++;
		else
			fprintf(stderr, "iomapscope: export: no %s: %s\n", metric_groups[group].observer->command, err->text);
	}
	if (!count)
		return err_set(err, STATUS_KERNEL, "this kernel has no source for any of the observers; see 'iomapscope probe'");
	memset(err, 0, sizeof(*err));
	return 0;
}

struct exporter *exporter_open(const struct exporter_setup *setup, struct err *err)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	struct btf *btf;
	int ret;

	if (!exporter) {
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	exporter->setup = *setup;
	exporter->cgroups_map = -1;
	exporter->start_ns = clock_ns(CLOCK_REALTIME);
	uname(&exporter->host);
	exporter->devices = devices_new("");
	if (setup->cgroups)
		exporter->cgroups = cgroups_new(NULL);
	if (!exporter->devices || (setup->cgroups && !exporter->cgroups)) {
		err_set(err, STATUS_FAILED, "no memory");
		exporter_close(exporter);
		return NULL;
	}
	if (plan_btf(&btf, err)) {
		exporter_close(exporter);
		return NULL;
	}
	ret = open_all(exporter, btf, err);
	btf__free(btf);
	if (ret) {
		exporter_close(exporter);
		return NULL;
	}
	return exporter;
}

struct exporter_service *exporter_service(struct exporter *exporter)
{
	return &exporter->service;
}

struct taking {
	struct reader *reader;
	int map;
};

static int take_key(void *ctx, const struct metric_key *key, const struct metric_value **values)
{
	struct taking *taking = ctx;

	return read_and_delete(taking->reader, taking->map, key, values);
}

static int on_key(void *ctx, const struct metric_key *key, const struct metric_value *values)
{
	return model_key(ctx, key, values);
}

static int on_slot(void *ctx, unsigned int slot, const struct metric_value *values)
{
	return model_slot(ctx, slot, values);
}

static int retire(struct exporter *exporter, const struct retirement *what)
{
	int group, ret = 0;

	for (group = 0; group < GROUP_COUNT && !ret; group++) {
		struct part *part = &exporter->part[group];
		struct taking taking = { &exporter->reader, part->keys_map };

		if (part->observation)
			ret = model_retire(part->model, what, take_key, &taking);
	}
	return ret;
}

struct noting {
	struct cgroups *cgroups;
	__u64 now_ns;
};

static int on_cgroup(void *ctx, __u64 id)
{
	const struct noting *noting = ctx;

	return cgroup_note(noting->cgroups, id, noting->now_ns);
}

/* Also those that have room and no key: all their work may have gone to "other". */
static int note_cgroups(struct exporter *exporter, __u64 now_ns)
{
	struct noting noting = { exporter->cgroups, now_ns };

	return exporter->cgroups_map < 0 ? 0 : read_numbers(exporter->cgroups_map, on_cgroup, &noting);
}

/* Their numbers may have room again, also for others. */
static void forget_cgroups(struct exporter *exporter, const struct retirement *what)
{
	size_t i;

	for (i = 0; i < what->cgroups; i++) {
		bpf_map_delete_elem(exporter->cgroups_map, &what->cgroup[i]);
		cgroup_forget(exporter->cgroups, what->cgroup[i]);
	}
}

static int read_part(struct exporter *exporter, enum metric_group group, bool relabel, __u64 now_ns)
{
	const struct metric_group_desc *desc = &metric_groups[group];
	struct part *part = &exporter->part[group];
	__u64 counted;
	int ret;

	/* What has been emitted comes first: what is added up after that is in the tables, or was taken out of them. */
	ret = observe_counters(part->observation, &part->account);
	if (ret)
		return ret;
	model_begin(part->model, relabel, now_ns);
	ret = read_keys(&exporter->reader, part->keys_map, on_key, part->model);
	if (!ret)
		ret = read_slots(&exporter->reader, part->slots_map, desc->count * desc->programs, on_slot, part->model);
	if (!ret)
		ret = model_end(part->model);
	if (!ret && part->flights_map >= 0)
		ret = count_entries(part->flights_map, &part->flights, &part->flights_room);
	if (ret)
		return ret;
	counted = model_events(part->model);
	if (part->account.emitted > counted && part->account.emitted - counted > part->evicted)
		part->evicted = part->account.emitted - counted;
	part->account.lost[LOSS_evicted] = part->evicted;
	part->account.emitted = counted;
	return 0;
}

/* Numbers of devices that no key has any more are not looked for again. */
static void forget_devices(struct exporter *exporter)
{
	__u32 dev;
	size_t i;
	int group;

	for (i = devices_known(exporter->devices); i--; ) {
		if (!device_gone(exporter->devices, i, &dev))
			continue;
		for (group = 0; group < GROUP_COUNT; group++) {
			if (exporter->part[group].model && model_has_device(exporter->part[group].model, dev))
				break;
		}
		if (group == GROUP_COUNT)
			device_forget(exporter->devices, dev);
	}
}

static int read_all(struct exporter *exporter)
{
	__u64 gone[GONE_AT_ONCE], now_ns = monotonic_ns();
	struct retirement what = { .cgroup = gone, .room = exporter->setup.keys };
	bool relabel = devices_look(exporter->devices);
	int group, ret = 0;

	if (exporter->cgroups) {
		ret = note_cgroups(exporter, now_ns);
		what.cgroups = cgroups_gone(exporter->cgroups, now_ns, gone, GONE_AT_ONCE);
	}
	if (!ret)
		ret = retire(exporter, &what);
	if (!ret)
		forget_cgroups(exporter, &what);
	forget_devices(exporter);
	for (group = 0; group < GROUP_COUNT && !ret; group++) {
		if (exporter->part[group].observation)
			ret = read_part(exporter, group, relabel, now_ns);
	}
	return ret;
}

/* A sample for each observer that is attached. */
static void each_observer(struct exporter *exporter, struct text *text, const struct metric_desc *metric,
			  __u64 (*value)(const struct part *part))
{
	int group;

	for (group = 0; group < GROUP_COUNT; group++) {
		struct text labels = {};

		if (!exporter->part[group].observation)
			continue;
		text_label(&labels, "observer", metric_groups[group].observer->command);
		text_add(&labels, "", 1);
		if (!labels.failed)
			expose_sample(text, metric, labels.data, value(&exporter->part[group]));
		text->failed |= labels.failed;
		text_free(&labels);
	}
}

/* One with two labels. */
static void two_labels(struct text *text, const struct metric_desc *metric, const char *name, const char *value, const char *other_name,
		       const char *other_value, __u64 sample)
{
	struct text labels = {};

	text_label(&labels, name, value);
	text_put(&labels, ",");
	text_label(&labels, other_name, other_value);
	text_add(&labels, "", 1);
	if (!labels.failed)
		expose_sample(text, metric, labels.data, sample);
	text->failed |= labels.failed;
	text_free(&labels);
}

static __u64 emitted_of(const struct part *part)
{
	return part->account.emitted;
}

static __u64 seen_of(const struct part *part)
{
	return part->account.emitted + account_lost(&part->account);
}

static __u64 skipped_of(const struct part *part)
{
	return part->account.programs_skipped;
}

static __u64 overflow_of(const struct part *part)
{
	return model_overflow(part->model);
}

static void put_build_info(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	two_labels(text, metric, "version", VERSION, "kernel", exporter->host.release, 1);
}

static void put_attached(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	int group;

	for (group = 0; group < GROUP_COUNT; group++) {
		const struct part *part = &exporter->part[group];

		if (wanted(exporter, group))
			two_labels(text, metric, "observer", metric_groups[group].observer->command, "source",
				   part->observation ? observe_source(part->observation) : "none", !!part->observation);
	}
}

static void put_events(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	each_observer(exporter, text, metric, seen_of);
}

static void put_emitted(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	each_observer(exporter, text, metric, emitted_of);
}

static void put_skipped(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	each_observer(exporter, text, metric, skipped_of);
}

static void put_overflow(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	each_observer(exporter, text, metric, overflow_of);
}

static void put_lost(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	int group, reason;

	for (group = 0; group < GROUP_COUNT; group++) {
		for (reason = 0; reason < LOSS_COUNT; reason++) {
			/* There is neither a ring nor an output for single events. */
			if (exporter->part[group].observation && reason != LOSS_ring_full && reason != LOSS_output)
				two_labels(text, metric, "observer", metric_groups[group].observer->command, "reason", losses[reason].name,
					   exporter->part[group].account.lost[reason]);
		}
	}
}

static void put_maps(struct exporter *exporter, struct text *text, const struct metric_desc *metric, bool room)
{
	unsigned int entries, most;
	int group;

	for (group = 0; group < GROUP_COUNT; group++) {
		const struct part *part = &exporter->part[group];
		const char *observer = metric_groups[group].observer->command;

		if (!part->observation)
			continue;
		two_labels(text, metric, "observer", observer, "map", "keys", room ? exporter->setup.keys : model_keys(part->model));
		if (part->flights_map >= 0)
			two_labels(text, metric, "observer", observer, "map", "in_flight", room ? part->flights_room : part->flights);
	}
	/* One for all. */
	if (exporter->cgroups_map >= 0 && !count_entries(exporter->cgroups_map, &entries, &most))
		two_labels(text, metric, "observer", "all", "map", "cgroups", room ? most : entries);
}

static void put_entries(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	put_maps(exporter, text, metric, false);
}

static void put_max_entries(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	put_maps(exporter, text, metric, true);
}

static void put_scrapes(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample(text, metric, "", exporter->scrapes);
}

static void put_scrape_errors(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample(text, metric, "", exporter->service.scrape_errors);
}

static void put_scrape_duration(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample_ns(text, metric, "", exporter->scrape_ns);
}

static void put_scrape_cpu(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample_ns(text, metric, "", exporter->scrape_cpu_ns);
}

static void put_connections(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample(text, metric, "", exporter->service.connections);
}

static void put_refused(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample(text, metric, "", exporter->service.refused);
}

static void put_cpu(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	(void)exporter;
	expose_sample_ns(text, metric, "", clock_ns(CLOCK_PROCESS_CPUTIME_ID));
}

static void put_start(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	expose_sample_ns(text, metric, "", exporter->start_ns / 1000000 * 1000000);
}

static void put_memory(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long all, resident;

	(void)exporter;
	if (file && fscanf(file, "%llu %llu", &all, &resident) == 2)
		expose_sample(text, metric, "", resident * getpagesize());
	if (file)
		fclose(file);
}

static void put_fds(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	DIR *dir = opendir("/proc/self/fd");
	__u64 count = 0;

	(void)exporter;
	if (!dir)
		return;
	while (readdir(dir))
		count++;
	closedir(dir);
	/* But for the directory itself, its parent, and the descriptor that reads it. */
	expose_sample(text, metric, "", count - 3);
}

static void put_max_fds(struct exporter *exporter, struct text *text, const struct metric_desc *metric)
{
	struct rlimit limit;

	(void)exporter;
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		expose_sample(text, metric, "", limit.rlim_cur);
}

static const struct {
	const char *name;
	void (*put)(struct exporter *exporter, struct text *text, const struct metric_desc *metric);
} own[] = {
	{ "iomapscope_build_info", put_build_info },
	{ "iomapscope_source_attached", put_attached },
	{ "iomapscope_events", put_events },
	{ "iomapscope_events_emitted", put_emitted },
	{ "iomapscope_events_lost", put_lost },
	{ "iomapscope_programs_skipped", put_skipped },
	{ "iomapscope_map_entries", put_entries },
	{ "iomapscope_map_max_entries", put_max_entries },
	{ "iomapscope_overflow", put_overflow },
	{ "iomapscope_start_time_seconds", put_start },
	{ "iomapscope_scrapes", put_scrapes },
	{ "iomapscope_scrape_errors", put_scrape_errors },
	{ "iomapscope_scrape_duration_seconds", put_scrape_duration },
	{ "iomapscope_scrape_cpu_seconds", put_scrape_cpu },
	{ "iomapscope_connections", put_connections },
	{ "iomapscope_connections_refused", put_refused },
	{ "process_cpu_seconds", put_cpu },
	{ "process_start_time_seconds", put_start },
	{ "process_resident_memory_bytes", put_memory },
	{ "process_open_fds", put_fds },
	{ "process_max_fds", put_max_fds },
};

static void expose_own(struct exporter *exporter, enum exposition exposition, struct text *text)
{
	size_t i, j;

	for (i = 0; i < own_metric_count; i++) {
		if (exposition == EXPOSE_FILE && !strncmp(own_metrics[i].name, "process_", strlen("process_")))
			continue;
		for (j = 0; j < sizeof(own) / sizeof(own[0]); j++) {
			if (strcmp(own[j].name, own_metrics[i].name))
				continue;
			expose_family(text, exposition, &own_metrics[i]);
			own[j].put(exporter, text, &own_metrics[i]);
		}
	}
}

int exporter_scrape(struct exporter *exporter, enum exposition exposition, struct text *text)
{
	__u64 began_ns = monotonic_ns(), began_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	int group, ret = read_all(exporter);

	for (group = 0; group < GROUP_COUNT && !ret; group++) {
		const struct part *part = &exporter->part[group];

		if (part->observation)
			expose_model(text, exposition, part->model, group, observe_source_number(part->observation));
	}
	if (!ret)
		expose_own(exporter, exposition, text);
	expose_end(text, exposition);
	if (!ret && text->failed)
		ret = -ENOMEM;
	exporter->scrape_ns = monotonic_ns() - began_ns;
	exporter->scrape_cpu_ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began_cpu_ns;
	if (ret)
		exporter->service.scrape_errors++;
	else
		exporter->scrapes++;
	return ret;
}

void exporter_detach(struct exporter *exporter)
{
	int group;

	for (group = 0; group < GROUP_COUNT; group++) {
		if (exporter->part[group].observation)
			observe_detach(exporter->part[group].observation);
	}
}

void exporter_close(struct exporter *exporter)
{
	int group;

	if (!exporter)
		return;
	for (group = 0; group < GROUP_COUNT; group++) {
		model_free(exporter->part[group].model);
		observe_close(exporter->part[group].observation);
	}
	reader_free(&exporter->reader);
	devices_free(exporter->devices);
	cgroups_free(exporter->cgroups);
	free(exporter);
}
