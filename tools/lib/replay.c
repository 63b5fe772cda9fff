// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dax.h"
#include "dmio.h"
#include "filter.h"
#include "lookups.h"
#include "recording_format.h"
#include "replay.h"

#define HISTS_MAX	65536		/* keys of --by dev, ino, comm */
#define VERDICTS	1024		/* of devices and cgroups; a power of two */
#define FILES_MAX	65536		/* whose paths are kept */
#define CGROUP_MOUNT	"/sys/fs/cgroup"
#define DELETED		" (deleted)"

/* What a filter by name has said of a number. */
struct verdict {
	__u64 number;
	bool known, matches;
};

/* Things by a hash of what they are, in places of a table that grows; each knows the next of its place. */
struct table {
	__u32 *place;			/* number + 1, 0: none */
	__u32 places, count, room;
};

struct file {
	__u32 dev;
	__u64 ino;
	char *path;
};

struct top_entry {
	struct top_key key;
	struct top_sum sum;
};

struct replay {
	struct recording *recording;
	const struct observer *observer;
	struct record_layout layout;
	struct observe_config config;
	enum hist_by by;
	/* The fields that are asked for, NULL where the observer has none. */
	const struct field *time, *pid, *comm, *dev, *ino, *op, *cgroup, *path, *ret, *latency, *result, *error_bits, *regions, *slot;
	const char *dev_text, *cgroup_text;	/* filters by name, NULL: not given */
	char *file_text;
	bool dev_is_number;
	bool dev_met, cgroup_met;
	struct verdict dev_verdict[VERDICTS], cgroup_verdict[VERDICTS];
	struct hist_set set;
	struct table hists;
	struct file *file;
	struct table files;
	struct top_entry *top;
	struct table tops;
};

static __u64 mix(__u64 a, __u64 b)
{
	a = (a ^ b) * 0x9e3779b97f4a7c15ULL;
	return a ^ a >> 32;
}

/* Room for one more; numbers of what is in it are put anew by @hash. */
static bool table_fit(struct table *t, __u64 (*hash)(const void *ctx, __u32 number), const void *ctx)
{
	__u32 places, i, *place;

	if (t->count < t->room)
		return true;
	places = t->places ? 2 * t->places : 512;
	place = calloc(places, sizeof(*place));
	if (!place)
		return false;
	for (i = 0; i < t->count; i++) {
		__u32 at = hash(ctx, i) & (places - 1);

		while (place[at])
			at = (at + 1) & (places - 1);
		place[at] = i + 1;
	}
	free(t->place);
	t->place = place;
	t->places = places;
	t->room = places / 2;
	return true;
}

static void table_clear(struct table *t)
{
	free(t->place);
	memset(t, 0, sizeof(*t));
}

static __u64 field_of(const struct field *field, const void *record)
{
	return layout_value(field, record);
}

static bool is_null(const struct replay *replay, const struct field *field, const void *record)
{
	return !field || (replay->layout.nulls && *(const __u64 *)record >> (field - replay->layout.field) & 1);
}

/* The field that an array of histograms is indexed by. */
static const char *slot_name(enum hist_by by)
{
	static const char *const names[] = {
		[BY_OP] = "op", [BY_TYPE] = "type", [BY_REASON] = "reason", [BY_WAIT] = "wait", [BY_ROUTE] = "route",
		[BY_FALLBACK] = "fallback", [BY_AIO_OP] = "op", [BY_AIO_ROUTE] = "route", [BY_DM_OP] = "op", [BY_DM_MEMORY] = "memory", [BY_DM_WAIT] = "wait",
	};

	return by < BY_DEV ? names[by] : NULL;
}

static int set_filters(struct replay *replay, const struct args *args, struct err *err)
{
	const char *file = args->text[OPT_FILE];
	unsigned long major, minor;
	char junk;

	if (args->given[OPT_CONTAINER])
		return err_set(err, STATUS_USAGE, "--container asks the running system; with --read give --cgroup the path that "
			       "was recorded");
	if (filter_values(&replay->config, args, err))
		return -1;
	if (args->given[OPT_DEV] || args->given[OPT_DEV_DMIO]) {
		replay->dev_text = args->text[args->given[OPT_DEV] ? OPT_DEV : OPT_DEV_DMIO];
		if (sscanf(replay->dev_text, "%lu:%lu%c", &major, &minor, &junk) == 2) {
			if (major >= 1 << 12 || minor >= 1 << 20)
				return err_set(err, STATUS_USAGE, "-d %s: there is no device of such a number", replay->dev_text);
			replay->dev_is_number = true;
			replay->config.dev[0] = major << 20 | minor;
		}
	}
	if (args->given[OPT_CGROUP]) {
		replay->cgroup_text = args->text[OPT_CGROUP];
		if (!strncmp(replay->cgroup_text, CGROUP_MOUNT "/", strlen(CGROUP_MOUNT) + 1))
			replay->cgroup_text += strlen(CGROUP_MOUNT);
	}
	if (args->given[OPT_FILE]) {
		char *here = *file == '/' ? strdup("") : getcwd(NULL, 0);

		if (!here || asprintf(&replay->file_text, "%s%s%s", here, *file == '/' ? "" : "/", file) < 0)
			replay->file_text = NULL;
		free(here);
		if (!replay->file_text)
			return err_set(err, STATUS_FAILED, "no memory");
		if (!replay->path)
			return err_set(err, STATUS_USAGE, "-f %s: %s has no files", file, replay->observer->command);
	}
	return 0;
}

struct replay *replay_new(const struct args *args, struct recording *r, const struct observer *observer, struct err *err)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	const struct record_layout *layout;

	if (!replay) {
		err_set(err, STATUS_FAILED, "no memory");
		return NULL;
	}
	replay->recording = r;
	replay->observer = observer;
	replay->layout = record_layout(observer);
	layout = &replay->layout;
	replay->time = layout_field(layout, "time");
	replay->pid = layout_field(layout, "pid");
	replay->comm = layout_field(layout, "comm");
	replay->dev = layout_field(layout, "dev");
	replay->ino = layout_field(layout, "ino");
	replay->op = layout_field(layout, "op");
	replay->cgroup = layout_field(layout, "cgroup");
	replay->path = layout_field(layout, "path");
	replay->ret = layout_field(layout, "ret");
	replay->latency = layout_field(layout, "latency_ns");
	replay->result = observer == &dax_observer ? layout_field(layout, "result") : NULL;
	replay->error_bits = layout_field(layout, "error_bits");
	replay->regions = layout_field(layout, "regions");
	if (observer->key_count)
		replay->by = observer->key[args->given[observer->by_option] ? args->number[observer->by_option] : 0];
	if (slot_name(replay->by))
		replay->slot = layout_field(layout, slot_name(replay->by));
	if (set_filters(replay, args, err)) {
		replay_free(replay);
		return NULL;
	}
	return replay;
}

void replay_free(struct replay *replay)
{
	__u32 i;

	if (!replay)
		return;
	for (i = 0; i < replay->files.count; i++)
		free(replay->file[i].path);
	free(replay->file);
	free(replay->top);
	table_clear(&replay->files);
	table_clear(&replay->tops);
	table_clear(&replay->hists);
	hist_set_free(&replay->set);
	free(replay->file_text);
	free(replay);
}

/* "259:3 nvme0n1p3 /srv", of which what is not known is missing: by a device's node, or the mount point. */
static bool device_matches(const char *told, const char *text)
{
	const char *rest = strchr(told, ' '), *point;

	if (!rest)
		return false;
	rest++;
	if (*rest != '/') {
		size_t len = strcspn(rest, " ");

		if (!strncmp(text, "/dev/", 5) && strlen(text + 5) == len && !strncmp(text + 5, rest, len))
			return true;
		rest += len;
		if (!*rest++)
			return false;
	}
	point = rest;
	return !strcmp(point, text);
}

static bool dev_matches(struct replay *replay, __u32 dev)
{
	struct verdict *verdict = &replay->dev_verdict[mix(dev, 1) & (VERDICTS - 1)];
	const char *told;

	if (replay->dev_is_number) {
		if (dev == replay->config.dev[0])
			replay->dev_met = true;
		return dev == replay->config.dev[0];
	}
	if (!verdict->known || verdict->number != dev) {
		told = recording_device(replay->recording, dev);
		verdict->matches = told && device_matches(told, replay->dev_text);
		verdict->number = dev;
		verdict->known = true;
		replay->dev_met = replay->dev_met || verdict->matches;
	}
	return verdict->matches;
}

/* The cgroup itself, or one below it. One without a path was told by its number. */
static bool cgroup_matches(struct replay *replay, __u64 cgroup)
{
	struct verdict *verdict = &replay->cgroup_verdict[mix(cgroup, 1) & (VERDICTS - 1)];
	size_t len = strlen(replay->cgroup_text);
	char number[24];
	const char *told;

	if (!verdict->known || verdict->number != cgroup) {
		told = recording_cgroup(replay->recording, cgroup);
		if (!told) {
			*put_dec(number, cgroup) = 0;
			told = number;
		}
		while (len > 1 && replay->cgroup_text[len - 1] == '/')
			len--;
		verdict->matches = (len == 1 && *replay->cgroup_text == '/' && *told == '/') ||
				   (!strncmp(told, replay->cgroup_text, len) && (!told[len] || told[len] == '/'));
		verdict->number = cgroup;
		verdict->known = true;
		replay->cgroup_met = replay->cgroup_met || verdict->matches;
	}
	return verdict->matches;
}

static bool dev_differs(struct replay *replay, const void *record)
{
	const struct regions *regions;
	unsigned int i;

	if (!replay->regions)
		return is_null(replay, replay->dev, record) || !dev_matches(replay, field_of(replay->dev, record));
	regions = (const void *)((const char *)record + replay->regions->offset);
	for (i = 0; i < REGIONS_MAX; i++) {
		if (regions->known >> i & 1 && dev_matches(replay, regions->region[i].dev))
			return false;
	}
	return true;
}

static bool file_differs(const struct replay *replay, const void *record)
{
	size_t len = strlen(replay->file_text);
	const char *path;

	if (is_null(replay, replay->path, record))
		return true;
	path = recording_path(replay->recording, field_of(replay->path, record)).path;
	return !path || strncmp(path, replay->file_text, len) || (path[len] && strcmp(path + len, DELETED));
}

static bool has_failed(const struct replay *replay, const void *record)
{
	/* A fault whose error is not known has failed all the same. */
	if (!is_null(replay, replay->result, record))
		return field_of(replay->result, record) & RESULT_FAILED;
	if (replay->error_bits)
		return field_of(replay->error_bits, record);
	return replay->ret && (is_null(replay, replay->ret, record) || (__s32)field_of(replay->ret, record) < 0);
}

bool replay_filtered(struct replay *replay, const void *record)
{
	const struct observe_config *c = &replay->config;

	if (c->pid && field_of(replay->pid, record) != c->pid)
		return true;
	if (c->by_comm && strncmp((const char *)record + replay->comm->offset, c->comm.s, sizeof(c->comm.s)))
		return true;
	if (replay->cgroup_text && !cgroup_matches(replay, field_of(replay->cgroup, record)))
		return true;
	if (replay->dev_text && dev_differs(replay, record))
		return true;
	if (c->by_ino && (is_null(replay, replay->ino, record) || field_of(replay->ino, record) != c->ino))
		return true;
	if (replay->file_text && file_differs(replay, record))
		return true;
	if (c->op_mask && !(c->op_mask & (1u << (field_of(replay->op, record) & (HIST_SLOTS - 1)))))
		return true;
	/* Of a request that is followed its end tells. */
	if (replay->observer == &follow_observer)
		return false;
	if (c->errors && !has_failed(replay, record))
		return true;
	return c->min_latency_ns && (is_null(replay, replay->latency, record) || field_of(replay->latency, record) < c->min_latency_ns);
}

static __u64 hist_hash(const void *ctx, __u32 number)
{
	const struct replay *replay = ctx;

	return mix(mix(replay->set.hist[number].a, 1), replay->set.hist[number].b);
}

/* The key of the record's histogram, as the programs make it. */
static void hist_key_of(const struct replay *replay, const void *record, __u64 *a, __u64 *b)
{
	*a = *b = 0;
	switch (replay->by) {
	case BY_DEV:
		if (replay->regions)
			*a = ((const struct regions *)((const char *)record + replay->regions->offset))->region[0].dev;
		else
			*a = is_null(replay, replay->dev, record) ? 0 : field_of(replay->dev, record);
		break;
	case BY_INO:
		*a = is_null(replay, replay->dev, record) ? 0 : field_of(replay->dev, record);
		*b = is_null(replay, replay->ino, record) ? 0 : field_of(replay->ino, record);
		break;
	case BY_COMM:
		memcpy(a, (const char *)record + replay->comm->offset, 8);
		memcpy(b, (const char *)record + replay->comm->offset + 8, 8);
		break;
	default:
		if (!is_null(replay, replay->slot, record))
			*a = field_of(replay->slot, record) & (HIST_SLOTS - 1);
		else
			*a = replay->observer == &lookups_observer && replay->by == BY_TYPE ? TYPE_NONE : HIST_SLOTS - 1;
	}
}

bool replay_count(struct replay *replay, const void *record)
{
	bool timed = !is_null(replay, replay->latency, record);
	struct keyed_hist *h;
	__u32 at = 0;
	__u64 a, b;

	hist_key_of(replay, record, &a, &b);
	if (!table_fit(&replay->hists, hist_hash, replay))
		return false;
	for (at = mix(mix(a, 1), b) & (replay->hists.places - 1); replay->hists.place[at]; at = (at + 1) & (replay->hists.places - 1)) {
		h = &replay->set.hist[replay->hists.place[at] - 1];
		if (h->a == a && h->b == b)
			break;
	}
	if (!replay->hists.place[at]) {
		if (replay->set.count >= HISTS_MAX || !hist_set_add(&replay->set, a, b))
			return false;
		replay->hists.place[at] = ++replay->hists.count;
	}
	h = &replay->set.hist[replay->hists.place[at] - 1];
	hist_count(&h->hist, has_failed(replay, record), timed, timed ? field_of(replay->latency, record) : 0);
	if (replay->observer == &dax_observer) {
		const struct dax_event *e = record;

		if (dax_is_fault(e->op))
			dax_count(&h->hist, e->op, e->result, e->len);
	}
	return true;
}

struct hist_set replay_take(struct replay *replay)
{
	struct hist_set set = replay->set;
	size_t i;

	memset(&replay->set, 0, sizeof(replay->set));
	table_clear(&replay->hists);
	for (i = 0; i < set.count; i++) {
		struct hist counted = set.hist[i].hist;

		memset(&set.hist[i].hist, 0, sizeof(counted));
		hist_read(&set.hist[i].hist, &counted);
	}
	return set;
}

static __u64 top_hash_of(const struct top_key *key)
{
	__u64 comm[2];

	memcpy(comm, &key->comm, sizeof(comm));
	return mix(mix(mix(mix(mix(key->ino, 1), key->cgroup), comm[0]), comm[1]), (__u64)key->dev << 32 | key->pid);
}

static __u64 top_hash(const void *ctx, __u32 number)
{
	const struct replay *replay = ctx;

	return top_hash_of(&replay->top[number].key);
}

/* The bytes that top shows for an event; false: it is none of its. */
static bool top_bytes(const struct replay *replay, const void *record, __u64 *bytes)
{
	*bytes = 0;
	if (replay->observer == &lookups_observer) {
		const struct lookup_event *e = record;

		if (!(e->nulls & (LF_BIT(map_pos) | LF_BIT(map_len))) && !has_failed(replay, record))
			*bytes = lookup_bytes(e->pos, e->len, e->map_pos, e->map_len);
		return true;
	}
	if (replay->observer == &dax_observer) {
		const struct dax_event *e = record;

		if (dax_is_fault(e->op) && dax_has_mapped(e->result))
			*bytes = e->len;
		return dax_is_fault(e->op);
	}
	if (replay->observer == &ioends_observer) {
		if (!has_failed(replay, record))
			*bytes = field_of(layout_field(&replay->layout, "len"), record);
	} else {
		const struct field *done = layout_field(&replay->layout, "done");

		if (!is_null(replay, done, record))
			*bytes = field_of(done, record);
	}
	return true;
}

/* Where the key is, or where it belongs. */
static __u32 *top_place(const struct replay *replay, const struct top_key *key)
{
	__u32 at = top_hash_of(key) & (replay->tops.places - 1);

	while (replay->tops.place[at] && memcmp(&replay->top[replay->tops.place[at] - 1].key, key, sizeof(*key)))
		at = (at + 1) & (replay->tops.places - 1);
	return &replay->tops.place[at];
}

bool replay_top(struct replay *replay, const void *record, unsigned int room, bool *counted)
{
	bool timed = !is_null(replay, replay->latency, record);
	__u64 latency_ns = timed ? field_of(replay->latency, record) : 0, bytes;
	struct top_key key = {};
	struct top_entry *entry;
	__u32 *place;

	*counted = top_bytes(replay, record, &bytes);
	if (!*counted)
		return true;
	key.dev = field_of(replay->dev, record);
	key.ino = field_of(replay->ino, record);
	key.cgroup = field_of(replay->cgroup, record);
	key.pid = field_of(replay->pid, record);
	memcpy(&key.comm, (const char *)record + replay->comm->offset, sizeof(key.comm));
	if (!replay->top) {
		replay->top = calloc(room, sizeof(*replay->top));
		if (!replay->top)
			return false;
	}
	if (!table_fit(&replay->tops, top_hash, replay))
		return false;
	place = top_place(replay, &key);
	if (!*place) {
		if (replay->tops.count == room)
			return false;
		entry = &replay->top[replay->tops.count];
		memset(entry, 0, sizeof(*entry));
		entry->key = key;
		*place = ++replay->tops.count;
	}
	entry = &replay->top[*place - 1];
	hist_count(&entry->sum.hist, has_failed(replay, record), timed, latency_ns);
	entry->sum.bytes += bytes;
	if (latency_ns > entry->sum.max_ns)
		entry->sum.max_ns = latency_ns;
	return true;
}

int replay_collect(struct replay *replay, int (*each)(void *ctx, const struct top_key *key, const struct top_sum *sum), void *ctx)
{
	__u32 i;
	int ret;

	for (i = 0; i < replay->tops.count; i++) {
		struct top_entry *entry = &replay->top[i];
		struct top_sum sum = { .bytes = entry->sum.bytes, .max_ns = entry->sum.max_ns };

		hist_read(&sum.hist, &entry->sum.hist);
		entry->sum.max_ns = 0;
		ret = each(ctx, &entry->key, &sum);
		if (ret)
			return ret;
	}
	return 0;
}

/* The last one takes its place, and all find theirs anew. */
void replay_forget(struct replay *replay, const struct top_key *key)
{
	__u32 *place = replay->tops.places ? top_place(replay, key) : NULL, i;

	if (!place || !*place)
		return;
	replay->top[*place - 1] = replay->top[--replay->tops.count];
	memset(replay->tops.place, 0, replay->tops.places * sizeof(*replay->tops.place));
	for (i = 0; i < replay->tops.count; i++)
		*top_place(replay, &replay->top[i].key) = i + 1;
}

__u64 replay_time(const struct replay *replay, const void *record)
{
	return field_of(replay->time, record);
}

static __u64 file_hash(const void *ctx, __u32 number)
{
	const struct replay *replay = ctx;

	return mix(mix(replay->file[number].dev, 1), replay->file[number].ino);
}

static __u32 *file_place(const struct replay *replay, __u32 dev, __u64 ino)
{
	__u32 at = mix(mix(dev, 1), ino) & (replay->files.places - 1);

	while (replay->files.place[at]) {
		const struct file *file = &replay->file[replay->files.place[at] - 1];

		if (file->dev == dev && file->ino == ino)
			break;
		at = (at + 1) & (replay->files.places - 1);
	}
	return &replay->files.place[at];
}

void replay_note_path(struct replay *replay, const void *record)
{
	struct file *file;
	const char *path;
	__u32 *place, dev;
	__u64 ino;

	if (is_null(replay, replay->path, record) || is_null(replay, replay->dev, record) || is_null(replay, replay->ino, record))
		return;
	path = recording_path(replay->recording, field_of(replay->path, record)).path;
	if (!path || !table_fit(&replay->files, file_hash, replay))
		return;
	dev = field_of(replay->dev, record);
	ino = field_of(replay->ino, record);
	place = file_place(replay, dev, ino);
	if (!*place) {
		if (!replay->file)
			replay->file = calloc(FILES_MAX, sizeof(*replay->file));
		if (!replay->file || replay->files.count == FILES_MAX)
			return;
		replay->file[replay->files.count].dev = dev;
		replay->file[replay->files.count].ino = ino;
		*place = ++replay->files.count;
	}
	file = &replay->file[*place - 1];
	if (file->path && !strcmp(file->path, path))
		return;
	free(file->path);
	file->path = strdup(path);
}

const char *replay_path(const struct replay *replay, __u32 dev, __u64 ino)
{
	__u32 *place = replay->files.places ? file_place(replay, dev, ino) : NULL;

	return place && *place ? replay->file[*place - 1].path : NULL;
}

bool replay_unmatched(const struct replay *replay, char *text, size_t size)
{
	if (replay->dev_text && !replay->dev_met)
		snprintf(text, size, "-d %s: nothing of %s in the recording is on a device of this name", replay->dev_text,
			 replay->observer->command);
	else if (replay->cgroup_text && !replay->cgroup_met)
		snprintf(text, size, "--cgroup %s: nothing of %s in the recording is of a cgroup of this path", replay->cgroup_text,
			 replay->observer->command);
	else
		return false;
	return true;
}
