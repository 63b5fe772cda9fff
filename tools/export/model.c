// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/model.h"
#include "export/text.h"

#define HASHES		4096		/* a power of two */
#define QUIET_NS	60000000000ULL
#define KEPT		0xffff		/* in place of STATS_*: the key is ours, with what those taken out have left */

struct entry {
	struct metric_key key;
	char fstype[16];
	struct series *series;		/* NULL: has no labels yet */
	unsigned int reading;		/* that it was last in */
	__u64 events, changed_ns;
	struct metric_value *kept;
	struct entry *next;
};

struct model {
	const struct metric_group_desc *desc;
	enum metric_group group;
	unsigned int cpus;
	struct devices *devices;
	struct cgroups *cgroups;
	struct entry *entry[HASHES];
	struct series *of_labels[HASHES];
	struct series **series;		/* in the order of their begin */
	size_t count, room, keys;
	unsigned int reading;
	__u64 now_ns;
	__u64 events, overflow;		/* of this reading */
	__u64 gone_events, gone_overflow;
};

struct model *model_new(enum metric_group group, unsigned int cpus, struct devices *devices, struct cgroups *cgroups)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	model->group = group;
	model->desc = &metric_groups[group];
	model->cpus = cpus;
	model->devices = devices;
	model->cgroups = cgroups;
	return model;
}

static void free_series(struct series *series)
{
	free(series->labels);
	free(series);
}

void model_free(struct model *model)
{
	size_t i;

	if (!model)
		return;
	for (i = 0; i < HASHES; i++) {
		while (model->entry[i]) {
			struct entry *entry = model->entry[i];

			model->entry[i] = entry->next;
			free(entry->kept);
			free(entry);
		}
	}
	for (i = 0; i < model->count; i++)
		free_series(model->series[i]);
	free(model->series);
	free(model);
}

void metric_add(struct metric_value *to, const struct metric_value *from)
{
	const size_t first = offsetof(struct metric_value, begun) / sizeof(__u64), end = sizeof(*to) / sizeof(__u64);
	__u64 *sum = (__u64 *)to, carry = to->bytes + from->bytes < from->bytes;
	const __u64 *one = (const __u64 *)from;
	size_t i;

	for (i = first; i < end; i++)
		sum[i] += one[i];
	to->bytes_high += carry;
}

__u64 metric_ended(const struct metric_value *value)
{
	__u64 count = value->untimed;
	int i;

	for (i = 0; i < METRIC_LATENCIES; i++)
		count += value->latency[i];
	return count;
}

/* An end may be read, and its begin not yet. */
__u64 metric_in_flight(const struct metric_value *value)
{
	__u64 over = metric_ended(value) + value->dropped;

	return value->begun > over ? value->begun - over : 0;
}

static __u64 events_of(const struct model *model, const struct metric_value *value)
{
	__u64 events = metric_ended(value);
	int i;

	if (model->group == GROUP_STEPS) {
		events += value->sum[STEP_COUNT];
		for (i = 0; i < METRIC_WORDS; i++)
			events += value->word[i];
	}
	return events;
}

static void add_up(const struct model *model, struct metric_value *sum, const struct metric_value *values)
{
	unsigned int cpu;

	for (cpu = 0; cpu < model->cpus; cpu++)
		metric_add(sum, &values[cpu]);
}

static unsigned int hash_of(const void *data, size_t size)
{
	const unsigned char *byte = data;
	__u64 hash = 0xcbf29ce484222325;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3;
	return (hash ^ hash >> 32) & (HASHES - 1);
}

static struct entry **place_of(struct model *model, const struct metric_key *key)
{
	struct entry **at = &model->entry[hash_of(key, sizeof(*key))];

	while (*at && memcmp(&(*at)->key, key, sizeof(*key)))
		at = &(*at)->next;
	return at;
}

/* The series of these labels, which it takes over; NULL without memory. */
static struct series *series_of(struct model *model, struct text *labels)
{
	struct series **at = &model->of_labels[hash_of(labels->data, labels->used)], *series;

	for (series = *at; series; series = series->next) {
		if (series->len == labels->used && !memcmp(series->labels, labels->data, labels->used))
			return series;
	}
	if (model->count == model->room) {
		size_t room = model->room ? 2 * model->room : 64;
		struct series **more = realloc(model->series, room * sizeof(*more));

		if (!more)
			return NULL;
		model->series = more;
		model->room = room;
	}
	series = calloc(1, sizeof(*series));
	if (series)
		series->labels = malloc(labels->used + 1);
	if (!series || !series->labels) {
		free(series);
		return NULL;
	}
	memcpy(series->labels, labels->data, labels->used);
	series->labels[labels->used] = 0;
	series->len = labels->used;
	series->next = *at;
	*at = series;
	model->series[model->count++] = series;
	return series;
}

/* Drops those that no key is left of. */
static void sweep_series(struct model *model)
{
	size_t i, kept = 0;

	for (i = 0; i < model->count; i++) {
		struct series *series = model->series[i], **at;

		if (series->keys) {
			model->series[kept++] = series;
			continue;
		}
		at = &model->of_labels[hash_of(series->labels, series->len)];
		while (*at != series)
			at = &(*at)->next;
		*at = series->next;
		free_series(series);
	}
	model->count = kept;
}

/* Gives an entry its series, unless the cgroup has no name yet. 0 or -ENOMEM. */
static int label(struct model *model, struct entry *entry)
{
	const struct metric_key *key = &entry->key;
	const char *device = key->fs == METRIC_FS_OTHER ? MODEL_OTHER : device_label(model->devices, key->dev);
	const char *cgroup = MODEL_OTHER;
	struct text labels = {};
	struct series *series;

	if (!device)
		return -ENOMEM;
	if (model->cgroups && key->cgroup != METRIC_CGROUP_OTHER) {
		if (cgroup_state(model->cgroups, key->cgroup, model->now_ns) != CGROUP_THERE)
			return 0;
		cgroup = cgroup_label(model->cgroups, key->cgroup);
	}
	text_label(&labels, "device", device);
	text_put(&labels, ",");
	text_label(&labels, "fstype", entry->fstype);
	text_put(&labels, ",");
	text_label(&labels, model->desc->facet, facet_word(model->desc, key->facet));
	if (model->cgroups) {
		text_put(&labels, ",");
		text_label(&labels, "cgroup", cgroup);
	}
	series = labels.failed ? NULL : series_of(model, &labels);
	text_free(&labels);
	if (!series)
		return -ENOMEM;
	entry->series = series;
	series->keys++;
	if (series->changed_ns < entry->changed_ns)
		series->changed_ns = entry->changed_ns;
	return 0;
}

static void unlabel(struct entry *entry)
{
	if (entry->series)
		entry->series->keys--;
	entry->series = NULL;
}

/* Where the entry is linked; its successor is there afterwards. */
static void drop(struct model *model, struct entry **at)
{
	struct entry *entry = *at;

	unlabel(entry);
	if (!entry->kept && entry->key.fs != METRIC_FS_OTHER)
		model->keys--;
	*at = entry->next;
	free(entry->kept);
	free(entry);
}

/* The name that the kernel has for the type; false if no CPU's value has it yet. */
static bool name_type(const struct model *model, char fstype[16], const struct metric_key *key, const struct metric_value *values)
{
	unsigned int cpu;

	if (key->fs <= METRIC_FS_OTHER) {
		strcpy(fstype, key->fs == METRIC_FS_BDEV ? "bdev" : key->fs == METRIC_FS_OTHER ? MODEL_OTHER : "none");
		return true;
	}
	for (cpu = 0; cpu < model->cpus; cpu++) {
		if (!values[cpu].name[0])
			continue;
		memcpy(fstype, values[cpu].name, 16);
		fstype[15] = 0;
		return true;
	}
	return false;
}

static struct entry *add_entry(struct entry **at, const struct metric_key *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key = *key;
	entry->next = *at;
	*at = entry;
	return entry;
}

static void add_sum(struct model *model, struct entry *entry, const struct metric_value *sum)
{
	__u64 events = events_of(model, sum);

	model->events += events;
	if (entry->key.fs == METRIC_FS_OTHER || (entry->key.cgroup == METRIC_CGROUP_OTHER && !entry->kept))
		model->overflow += events;
	if (events != entry->events) {
		entry->events = events;
		entry->changed_ns = model->now_ns;
		if (entry->series)
			entry->series->changed_ns = model->now_ns;
	}
	if (entry->series)
		metric_add(&entry->series->sum, sum);
}

void model_begin(struct model *model, bool relabel, __u64 now_ns)
{
	struct entry *entry;
	size_t i;

	model->reading++;
	model->now_ns = now_ns;
	model->events = model->overflow = 0;
	for (i = 0; i < model->count; i++)
		memset(&model->series[i]->sum, 0, sizeof(model->series[i]->sum));
	for (i = 0; i < HASHES; i++) {
		for (entry = model->entry[i]; entry; entry = entry->next) {
			if (relabel)
				unlabel(entry);
		}
	}
}

int model_key(struct model *model, const struct metric_key *key, const struct metric_value *values)
{
	struct entry **at = place_of(model, key), *entry = *at;
	struct metric_value sum = {};
	char fstype[16] = "";

	if (!entry) {
		/* Made a moment ago: its series is there the next time. */
		if (!name_type(model, fstype, key, values)) {
			add_up(model, &sum, values);
			model->events += events_of(model, &sum);
			return 0;
		}
		entry = add_entry(at, key);
		if (!entry)
			return -ENOMEM;
		strcpy(entry->fstype, fstype);
		entry->changed_ns = model->now_ns;
		model->keys += key->fs != METRIC_FS_OTHER;
	}
	if (entry->reading == model->reading)
		return 0;
	entry->reading = model->reading;
	if (!entry->series && label(model, entry))
		return -ENOMEM;
	add_up(model, &sum, values);
	add_sum(model, entry, &sum);
	return 0;
}

int model_slot(struct model *model, unsigned int slot, const struct metric_value *values)
{
	const struct metric_group_desc *desc = model->desc;
	struct metric_key key = {
		.fs = METRIC_FS_OTHER,
		.cgroup = METRIC_CGROUP_OTHER,
		.facet = desc->first + slot / desc->programs,
		.stats = slot % desc->programs,
	};
	struct metric_value sum = {};

	add_up(model, &sum, values);
	if (!events_of(model, &sum) && !sum.begun)
		return 0;
	return model_key(model, &key, values);
}

/* What entries have that are kept here is added, and what was not read is forgotten. */
int model_end(struct model *model)
{
	struct entry **at;
	size_t i;

	for (i = 0; i < HASHES; i++) {
		for (at = &model->entry[i]; *at; ) {
			struct entry *entry = *at;

			if (entry->kept) {
				if (!entry->series && label(model, entry))
					return -ENOMEM;
				add_sum(model, entry, entry->kept);
			} else if (entry->reading != model->reading) {
				drop(model, at);
				continue;
			}
			at = &entry->next;
		}
	}
	sweep_series(model);
	return 0;
}

/* Adds what a key has had to the cgroup "other" of its device, type and facet. */
static int keep(struct model *model, const struct entry *from, const struct metric_value *sum)
{
	struct metric_key key = from->key;
	struct entry **at, *entry;

	key.cgroup = METRIC_CGROUP_OTHER;
	key.stats = KEPT;
	at = place_of(model, &key);
	entry = *at;
	if (!entry) {
		struct metric_value *kept = calloc(1, sizeof(*kept));

		entry = kept ? add_entry(at, &key) : NULL;
		if (!entry) {
			free(kept);
			return -ENOMEM;
		}
		strcpy(entry->fstype, from->fstype);
		entry->changed_ns = from->changed_ns;
		entry->kept = kept;
	}
	metric_add(entry->kept, sum);
	return 0;
}

/*
 * As the readings have it, however seldom they are. The keys of a series go together: without one of them its counters would go
 * backwards.
 */
static bool is_quiet(const struct model *model, const struct entry *entry)
{
	return model->now_ns - (entry->series ? entry->series->changed_ns : entry->changed_ns) > QUIET_NS;
}

static bool is_retired(struct model *model, const struct entry *entry, const struct retirement *what, bool scarce, bool *by_cgroup)
{
	const struct metric_key *key = &entry->key;
	enum device_state state;
	size_t i;

	*by_cgroup = false;
	if (key->fs == METRIC_FS_OTHER)
		return false;
	state = device_state(model->devices, key->dev);
	if (state == DEVICE_REPLACED)
		return true;
	if ((state == DEVICE_GONE || (state == DEVICE_UNKNOWN && scarce)) && is_quiet(model, entry))
		return true;
	for (i = 0; i < what->cgroups && !*by_cgroup; i++)
		*by_cgroup = key->cgroup == what->cgroup[i];
	return *by_cgroup;
}

int model_retire(struct model *model, const struct retirement *what,
		 int (*take)(void *, const struct metric_key *, const struct metric_value **), void *ctx)
{
	bool scarce = model->keys >= what->room - what->room / 4, by_cgroup;
	struct entry **at;
	size_t i;

	for (i = 0; i < HASHES; i++) {
		for (at = &model->entry[i]; *at; ) {
			struct entry *entry = *at;
			const struct metric_value *values;
			struct metric_value sum = {};
			int ret;

			if (!is_retired(model, entry, what, scarce, &by_cgroup)) {
				at = &entry->next;
				continue;
			}
			if (entry->kept) {
				sum = *entry->kept;
			} else {
				ret = take(ctx, &entry->key, &values);
				if (ret && ret != -ENOENT)
					return ret;
				if (!ret)
					add_up(model, &sum, values);
			}
			if (by_cgroup) {
				if (keep(model, entry, &sum))
					return -ENOMEM;
				/* What is kept may have come in front of it. */
				for (at = &model->entry[i]; *at != entry; at = &(*at)->next)
					;
			} else {
				model->gone_events += events_of(model, &sum);
				if (entry->key.cgroup == METRIC_CGROUP_OTHER && !entry->kept)
					model->gone_overflow += events_of(model, &sum);
			}
			drop(model, at);
		}
	}
	return 0;
}

bool model_has_device(const struct model *model, __u32 dev)
{
	const struct entry *entry;
	size_t i;

	for (i = 0; i < HASHES; i++) {
		for (entry = model->entry[i]; entry; entry = entry->next) {
			if (entry->key.dev == dev)
				return true;
		}
	}
	return false;
}

size_t model_keys(const struct model *model)
{
	return model->keys;
}

size_t model_series(const struct model *model)
{
	return model->count;
}

const struct series *model_at(const struct model *model, size_t i)
{
	return model->series[i];
}

__u64 model_events(const struct model *model)
{
	return model->events + model->gone_events;
}

__u64 model_overflow(const struct model *model)
{
	return model->overflow + model->gone_overflow;
}
