// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "top.h"

#define PLACES_MIN	4096
#define IDLE_NS		60000000000ULL

struct entry {
	struct entry *next;
	struct top_key key;
	enum top_of of;
	bool gone;		/* out of the kernel's table */
	__u64 active_ns;	/* begin of the last interval in which it gained something, or was new */
	struct hist last;	/* what was under it when it was read last */
	__u64 last_bytes;
	struct hist gained;	/* in this interval; max_ns is the interval's */
	__u64 gained_bytes;
};

struct top {
	size_t room, entries;
	size_t keys[TOP_OF_COUNT];
	__u64 counted[TOP_OF_COUNT];
	__u64 now_ns;
	size_t places;			/* a power of two */
	struct entry *place[];
};

struct top *top_new(size_t room)
{
	size_t places = PLACES_MIN;
	struct top *top;

	while (places < room)
		places *= 2;
	top = calloc(1, sizeof(*top) + places * sizeof(top->place[0]));
	if (top) {
		top->room = room;
		top->places = places;
	}
	return top;
}

void top_free(struct top *top)
{
	size_t i;

	for (i = 0; top && i < top->places; i++) {
		while (top->place[i]) {
			struct entry *e = top->place[i];

			top->place[i] = e->next;
			free(e);
		}
	}
	free(top);
}

const char *top_sort_name(enum top_sort sort)
{
	unsigned int column = 0;
	int i;

	for (i = 0; i < top_table.field_count; i++) {
		if (top_table.field[i].heading && column++ == (unsigned int)sort)
			return top_table.field[i].heading;
	}
	return "";
}

static size_t place_of(const struct top *top, enum top_of of, const struct top_key *key)
{
	__u64 h = key->ino, comm[2];

	memcpy(comm, &key->comm, sizeof(comm));
	h = (h ^ key->cgroup << 1) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 29 ^ comm[0]) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 29 ^ comm[1]) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 29 ^ ((__u64)key->dev << 32 | key->pid)) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 29 ^ key->stats ^ of << 8) * 0x9e3779b97f4a7c15ULL;
	return h >> 40 & (top->places - 1);
}

static struct entry *find(const struct top *top, enum top_of of, const struct top_key *key)
{
	struct entry *e = top->place[place_of(top, of, key)];

	while (e && (e->of != of || memcmp(&e->key, key, sizeof(*key))))
		e = e->next;
	return e;
}

void top_begin(struct top *top, __u64 now_ns)
{
	size_t i;

	top->now_ns = now_ns;
	for (i = 0; i < top->places; i++) {
		struct entry **link = &top->place[i], *e;

		while ((e = *link)) {
			if (e->gone) {
				*link = e->next;
				free(e);
				top->entries--;
				continue;
			}
			if (e->gained.count) {
				memset(&e->gained, 0, sizeof(e->gained));
				e->gained_bytes = 0;
			}
			link = &e->next;
		}
	}
}

int top_feed(struct top *top, enum top_of of, const struct top_key *key, const struct top_sum *sum)
{
	struct entry *e = find(top, of, key);
	int i;

	if (!e) {
		struct entry **place = &top->place[place_of(top, of, key)];

		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->key = *key;
		e->of = of;
		e->active_ns = top->now_ns;
		e->next = *place;
		*place = e;
		top->entries++;
		top->keys[of]++;
	}
	if (e->gone) {
		e->gone = false;
		top->keys[of]++;
	}
	/* Less than before: it has been taken out by somebody, and is there anew. */
	if (sum->hist.count < e->last.count) {
		memset(&e->last, 0, sizeof(e->last));
		e->last_bytes = 0;
	}
	if (sum->hist.count == e->last.count)
		return 0;
	top->counted[of] += sum->hist.count - e->last.count;
	e->active_ns = top->now_ns;
	e->gained.count += sum->hist.count - e->last.count;
	e->gained.errors += sum->hist.errors - e->last.errors;
	e->gained.timed += sum->hist.timed - e->last.timed;
	e->gained.total_ns += sum->hist.total_ns - e->last.total_ns;
	for (i = 0; i < HIST_BUCKETS; i++)
		e->gained.bucket[i] += sum->hist.bucket[i] - e->last.bucket[i];
	if (sum->max_ns > e->gained.max_ns)
		e->gained.max_ns = sum->max_ns;
	e->gained_bytes += sum->bytes - e->last_bytes;
	e->last = sum->hist;
	e->last_bytes = sum->bytes;
	return 0;
}

__u64 top_counted(const struct top *top, enum top_of of)
{
	return top->counted[of];
}

size_t top_keys(const struct top *top, enum top_of of)
{
	return top->keys[of];
}

size_t top_idle(const struct top *top, enum top_of of, struct top_key *key, size_t max)
{
	bool crowded = top->keys[of] > top->room / 4 * 3;
	size_t count = 0, i;

	for (i = 0; i < top->places && count < max; i++) {
		const struct entry *e;

		for (e = top->place[i]; e && count < max; e = e->next) {
			if (e->of != of || e->gone || e->active_ns == top->now_ns)
				continue;
			if (crowded || top->now_ns - e->active_ns >= IDLE_NS)
				key[count++] = e->key;
		}
	}
	return count;
}

/* It stays until the next interval begins, for what it may have gained in this one. */
void top_forget(struct top *top, enum top_of of, const struct top_key *key)
{
	struct entry *e = find(top, of, key);

	if (!e || e->gone)
		return;
	e->gone = true;
	memset(&e->last, 0, sizeof(e->last));
	e->last_bytes = 0;
	top->keys[of]--;
}

static struct top_id id_of(enum top_by by, const struct top_key *key)
{
	switch (by) {
	case TOP_FILES:
		return (struct top_id){ key->dev, key->ino };
	case TOP_PROCESSES:
		return (struct top_id){ key->pid, 0 };
	case TOP_DEVICES:
		return (struct top_id){ key->dev, 0 };
	default:
		return (struct top_id){ key->cgroup, 0 };
	}
}

static int compare_ids(struct top_id x, struct top_id y)
{
	if (x.a != y.a)
		return x.a < y.a ? -1 : 1;
	return x.b < y.b ? -1 : x.b > y.b;
}

static bool on_path(const struct top_view *view, const struct top_key *key)
{
	int i;

	for (i = 0; i < view->depth; i++) {
		if (compare_ids(id_of(view->path[i].by, key), view->path[i].id))
			return false;
	}
	return true;
}

static int compare_entries(const void *x, const void *y, void *ctx)
{
	const struct entry *const *a = x, *const *b = y;
	const struct top_view *view = ctx;
	int order = compare_ids(id_of(view->by, &(*a)->key), id_of(view->by, &(*b)->key));

	return order ? order : memcmp(&(*a)->key, &(*b)->key, sizeof((*a)->key));
}

static void add_part(struct top_part *to, const struct top_part *from)
{
	to->count += from->count;
	to->errors += from->errors;
	to->bytes += from->bytes;
}

static void add_entry(struct top_row *row, const struct entry *e, const struct top_view *view)
{
	struct top_part part = { e->gained.count, e->gained.errors, e->gained_bytes };

	add_part(&row->part[e->of], &part);
	if (e->of == TOP_IOENDS || e->of == TOP_DIO)
		row->bytes += part.bytes;
	if (e->of == view->latency)
		hist_add(&row->latency, &e->gained);
	if (part.count > row->comm_count) {
		row->comm_count = part.count;
		row->comm = e->key.comm;
	}
}

bool top_max(const struct hist *hist, __u64 *ns)
{
	int i = HIST_BUCKETS - 1;

	while (i >= 0 && !hist->bucket[i])
		i--;
	/* The maxima are of the interval, the counts were read a little later: one may have what the other lacks. */
	if (i < 0 || hist->max_ns > hist_bound(i) || (i && hist->max_ns <= hist_bound(i - 1)))
		return false;
	*ns = hist->max_ns;
	return true;
}

bool top_percentile(const struct hist *hist, unsigned int percent, __u64 *ns)
{
	/* The rank, from 1 on: of 10 the 5th is the median. Divided first, as all may be many. */
	__u64 rank = hist->timed / 100 * percent + (hist->timed % 100 * percent + 99) / 100, below = 0, max;
	bool known = top_max(hist, &max);
	int i;

	if (!hist->timed)
		return false;
	for (i = 0; i < HIST_BUCKETS; i++) {
		below += hist->bucket[i];
		if (below >= rank)
			break;
	}
	if (i >= HIST_BUCKETS - 1 && !known)
		return false;
	*ns = i >= HIST_BUCKETS - 1 || (known && max < hist_bound(i)) ? max : hist_bound(i);
	return true;
}

/* What the view sorts by; false for what has no value, which comes last. */
static bool sort_value(const struct top_row *row, enum top_sort sort, __u64 *value)
{
	switch (sort) {
	case SORT_LOOKUPS:
	case SORT_IOENDS:
	case SORT_DIO:
	case SORT_FAULTS:
		*value = row->part[TOP_LOOKUPS + (sort - SORT_LOOKUPS)].count;
		return true;
	case SORT_BYTES:
		*value = row->bytes;
		return true;
	case SORT_P50:
		return top_percentile(&row->latency, 50, value);
	case SORT_P99:
		return top_percentile(&row->latency, 99, value);
	case SORT_MAX:
		return top_max(&row->latency, value);
	default:
		return false;
	}
}

struct sorting {
	const struct top_view *view;
	top_namer namer;
	void *ctx;
};

static int compare_rows(const void *x, const void *y, void *ctx)
{
	const struct top_row *a = x, *b = y;
	const struct sorting *sorting = ctx;
	const struct top_view *view = sorting->view;
	int order = 0;

	if (view->sort == SORT_NAME) {
		char one[TOP_NAME], other[TOP_NAME];

		*sorting->namer(sorting->ctx, one, view->by, a) = 0;
		*sorting->namer(sorting->ctx, other, view->by, b) = 0;
		order = strcmp(one, other);
	} else {
		__u64 one = 0, other = 0;
		bool has_one = sort_value(a, view->sort, &one), has_other = sort_value(b, view->sort, &other);

		if (has_one != has_other)
			return has_one ? -1 : 1;
		order = one < other ? 1 : one > other ? -1 : 0;
	}
	if (view->reverse)
		order = -order;
	/* Those that are equal keep their places from one interval to the next. */
	return order ? order : compare_ids(a->id, b->id);
}

static bool matches(const char *name, const char *filter)
{
	size_t len = strlen(filter);

	for (;; name++) {
		size_t i = 0;

		while (i < len && name[i] && tolower((unsigned char)name[i]) == tolower((unsigned char)filter[i]))
			i++;
		if (i == len)
			return true;
		if (!*name)
			return false;
	}
}

static struct top_row *add_row(struct top_rows *rows, struct top_id id)
{
	if (rows->count == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;
		struct top_row *more = realloc(rows->row, room * sizeof(*more));

		if (!more)
			return NULL;
		rows->row = more;
		rows->room = room;
	}
	memset(&rows->row[rows->count], 0, sizeof(*rows->row));
	rows->row[rows->count].id = id;
	return &rows->row[rows->count++];
}

static void add_total(struct top_row *total, const struct top_row *row)
{
	int i;

	for (i = 0; i < TOP_OF_COUNT; i++)
		add_part(&total->part[i], &row->part[i]);
	total->bytes += row->bytes;
	hist_add(&total->latency, &row->latency);
}

int top_rows(const struct top *top, const struct top_view *view, top_namer namer, void *ctx, struct top_rows *rows)
{
	const struct entry **active = calloc(top->entries + 1, sizeof(*active)), *e;
	struct sorting sorting = { view, namer, ctx };
	struct top_row *row = NULL;
	size_t count = 0, kept = 0, i;

	memset(rows, 0, sizeof(*rows));
	if (!active)
		return -ENOMEM;
	for (i = 0; i < top->places; i++) {
		for (e = top->place[i]; e; e = e->next) {
			if (e->gained.count && on_path(view, &e->key))
				active[count++] = e;
		}
	}
	qsort_r(active, count, sizeof(*active), compare_entries, (void *)view);
	for (i = 0; i < count; i++) {
		struct top_id id = id_of(view->by, &active[i]->key);

		if (!row || compare_ids(row->id, id))
			row = add_row(rows, id);
		if (!row) {
			free(active);
			top_rows_free(rows);
			return -ENOMEM;
		}
		add_entry(row, active[i], view);
	}
	free(active);
	for (i = 0; i < rows->count; i++) {
		char name[TOP_NAME];

		if (view->filter[0]) {
			*namer(ctx, name, view->by, &rows->row[i]) = 0;
			if (!matches(name, view->filter)) {
				rows->hidden++;
				continue;
			}
		}
		add_total(&rows->total, &rows->row[i]);
		if (kept != i)
			rows->row[kept] = rows->row[i];
		kept++;
	}
	rows->count = kept;
	if (kept)
		qsort_r(rows->row, kept, sizeof(*rows->row), compare_rows, &sorting);
	return 0;
}

void top_rows_free(struct top_rows *rows)
{
	free(rows->row);
	memset(rows, 0, sizeof(*rows));
}

/* Whether the path leaves only one value of @by. */
static bool is_fixed(const struct top_view *view, enum top_by by)
{
	int i;

	for (i = 0; i < view->depth; i++) {
		if (view->path[i].by == by || (by == TOP_DEVICES && view->path[i].by == TOP_FILES))
			return true;
	}
	return false;
}

bool top_drill(struct top_view *view, const struct top_row *row)
{
	/* What one asks next of each, the first that is still open. */
	static const enum top_by next[TOP_BY_COUNT][3] = {
		[TOP_FILES] = { TOP_PROCESSES, TOP_CGROUPS, TOP_CGROUPS },
		[TOP_PROCESSES] = { TOP_FILES, TOP_DEVICES, TOP_CGROUPS },
		[TOP_DEVICES] = { TOP_FILES, TOP_PROCESSES, TOP_CGROUPS },
		[TOP_CGROUPS] = { TOP_PROCESSES, TOP_FILES, TOP_DEVICES },
	};
	int i;

	if (view->depth == TOP_DEPTH || is_fixed(view, view->by))
		return false;
	for (i = 0; i < 3; i++) {
		if (is_fixed(view, next[view->by][i]))
			continue;
		view->path[view->depth++] = (struct top_step){ view->by, row->id };
		view->by = next[view->by][i];
		view->filter[0] = 0;
		return true;
	}
	return false;
}

bool top_back(struct top_view *view)
{
	if (!view->depth)
		return false;
	view->by = view->path[--view->depth].by;
	view->filter[0] = 0;
	return true;
}

void top_record(struct top_record *record, const struct top_view *view, const struct top_row *row, unsigned int observed,
		const char *name)
{
	static const __u64 nulls[TOP_OF_COUNT] = {
#define NULLS(one, several) (1ULL << TF_##several | 1ULL << TF_##one##_errors | 1ULL << TF_##one##_bytes)
		[TOP_LOOKUPS] = NULLS(lookup, lookups),
		[TOP_IOENDS] = NULLS(ioend, ioends),
		[TOP_DIO] = NULLS(dio, dio),
		[TOP_FAULTS] = NULLS(fault, faults),
	};
	const struct top_part *part = row->part;
	int i;

	memset(record, 0, sizeof(*record));
	record->by = view->by;
	record->nulls = 1ULL << TF_dev | 1ULL << TF_ino | 1ULL << TF_pid | 1ULL << TF_comm | 1ULL << TF_cgroup;
	switch (view->by) {
	case TOP_FILES:
		record->nulls &= ~(1ULL << TF_dev | 1ULL << TF_ino);
		record->dev = row->id.a;
		record->ino = row->id.b;
		break;
	case TOP_PROCESSES:
		record->nulls &= ~(1ULL << TF_pid | 1ULL << TF_comm);
		record->pid = row->id.a;
		record->comm = row->comm;
		break;
	case TOP_DEVICES:
		record->nulls &= ~(1ULL << TF_dev);
		record->dev = row->id.a;
		break;
	default:
		record->nulls &= ~(1ULL << TF_cgroup);
		record->cgroup = row->id.a;
	}
#define PART(one, several, of) \
	record->several = part[of].count, record->one##_errors = part[of].errors, record->one##_bytes = part[of].bytes
	PART(lookup, lookups, TOP_LOOKUPS);
	PART(ioend, ioends, TOP_IOENDS);
	PART(dio, dio, TOP_DIO);
	PART(fault, faults, TOP_FAULTS);
	for (i = 0; i < TOP_OF_COUNT; i++) {
		if (!(observed >> i & 1))
			record->nulls |= nulls[i];
	}
	record->bytes = row->bytes;
	record->latency_of = view->latency;
	if (!top_percentile(&row->latency, 50, &record->p50_ns))
		record->nulls |= 1ULL << TF_p50_ns;
	if (!top_percentile(&row->latency, 99, &record->p99_ns))
		record->nulls |= 1ULL << TF_p99_ns;
	if (!top_max(&row->latency, &record->max_ns))
		record->nulls |= 1ULL << TF_max_ns;
	record->name = name;
}
