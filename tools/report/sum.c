// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "sum.h"
#include "text.h"

#define FIRST_SHIFT 20		/* slots of a millisecond, to begin with */

struct sum *sum_new(size_t rows)
{
	struct sum *sum = calloc(1, sizeof(*sum));

	if (!sum)
		return NULL;
	sum->view = calloc(observer_count, sizeof(*sum->view));
	if (!sum->view) {
		free(sum);
		return NULL;
	}
	sum->rows = rows;
	sum->shift = FIRST_SHIFT;
	return sum;
}

static void table_free(struct sum_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->row[i].name);
	free(table->row);
	free(table->index);
}

void sum_free(struct sum *sum)
{
	int i, n;

	for (i = 0; sum && i < sum->views; i++) {
		struct sum_view *view = sum->view[i];

		for (n = 0; n < view->pairs; n++)
			free(view->pair[n].cell);
		for (n = 0; n < ROLE_WORDS; n++)
			free(view->word[n]);
		for (n = 0; n < view->slow_count; n++)
			free(view->slow[n].json);
		table_free(&view->files);
		table_free(&view->processes);
		free(view);
	}
	for (i = 0; sum && i < sum->devices; i++)
		free(sum->device[i].name);
	if (sum) {
		free(sum->device);
		free(sum->view);
	}
	free(sum);
}

static size_t rank_of(const struct observer *observer)
{
	size_t i;

	for (i = 0; i < observer_count && observers[i] != observer; i++)
		;
	return i;
}

struct sum_view *sum_view(struct sum *sum, const struct observer *observer)
{
	struct sum_view *view;
	int i;

	for (i = 0; i < sum->views; i++) {
		if (sum->view[i]->roles.observer == observer)
			return sum->view[i];
	}
	view = sum->views < (int)observer_count ? calloc(1, sizeof(*view)) : NULL;
	if (!view)
		return NULL;
	roles_init(&view->roles, observer);
	view->files.limit = view->processes.limit = sum->rows;
	view->slow_room = observer->step_count ? SUM_SLOW_STEPS : SUM_SLOW;
	for (i = sum->views++; i && rank_of(sum->view[i - 1]->roles.observer) > rank_of(observer); i--)
		sum->view[i] = sum->view[i - 1];
	sum->view[i] = view;
	for (i = 0; i < view->roles.words; i++) {
		view->word[i] = calloc(WORD_SLOTS, sizeof(*view->word[i]));
		sum->no_memory |= !view->word[i];
	}
	return view;
}

static void add(struct hist *hist, bool timed, __u64 ns, bool failed)
{
	hist->count++;
	hist->errors += failed;
	if (!timed)
		return;
	hist->timed++;
	hist->total_ns += ns;
	if (ns > hist->max_ns)
		hist->max_ns = ns;
	hist->bucket[hist_bucket(ns)]++;
}

static void add_cell(struct sum_cell *to, const struct sum_cell *from)
{
	int i;

	to->events += from->events;
	to->errors += from->errors;
	to->bytes += from->bytes;
	for (i = 0; i < HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

/* Slots of twice the length: @base and what is in them move with it. */
static void widen(struct sum *sum)
{
	__u64 base = sum->base >> 1;
	int v, n, i;

	for (v = 0; v < sum->views; v++) {
		for (n = 0; n < sum->view[v]->pairs; n++) {
			struct sum_cell *cell = sum->view[v]->pair[n].cell;

			for (i = 0; i < SUM_SLOTS; i++) {
				size_t to = ((sum->base + i) >> 1) - base;

				if (to == (size_t)i)
					continue;
				add_cell(&cell[to], &cell[i]);
				memset(&cell[i], 0, sizeof(cell[i]));
			}
		}
	}
	sum->base = base;
	sum->shift++;
}

/* Events of several observers do not come in the order of time. */
static void move_base(struct sum *sum, __u64 base)
{
	size_t by = sum->base - base;
	int v, n;

	for (v = 0; v < sum->views; v++) {
		for (n = 0; n < sum->view[v]->pairs; n++) {
			struct sum_cell *cell = sum->view[v]->pair[n].cell;

			memmove(cell + by, cell, (SUM_SLOTS - by) * sizeof(*cell));
			memset(cell, 0, by * sizeof(*cell));
		}
	}
	sum->base = base;
}

static int slot_of(struct sum *sum, __u64 begin_ns, __u64 end_ns)
{
	if (!sum->begun) {
		sum->begun = true;
		sum->first_ns = begin_ns;
		sum->last_ns = end_ns;
		sum->base = end_ns >> sum->shift;
	}
	if (begin_ns < sum->first_ns)
		sum->first_ns = begin_ns;
	if (end_ns > sum->last_ns)
		sum->last_ns = end_ns;
	while ((end_ns >> sum->shift) < sum->base ? (sum->last_ns >> sum->shift) - (end_ns >> sum->shift) >= SUM_SLOTS :
						     (end_ns >> sum->shift) - sum->base >= SUM_SLOTS)
		widen(sum);
	if ((end_ns >> sum->shift) < sum->base)
		move_base(sum, end_ns >> sum->shift);
	return (end_ns >> sum->shift) - sum->base;
}

int sum_slots(const struct sum *sum)
{
	return sum->begun ? (sum->last_ns >> sum->shift) - sum->base + 1 : 0;
}

int sum_name_device(struct sum *sum, __u32 dev, const char *name)
{
	struct sum_device *more;
	int i;

	for (i = 0; i < sum->devices && sum->device[i].dev != dev; i++)
		;
	if (i < sum->devices)
		return 0;
	more = reallocarray(sum->device, sum->devices + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	sum->device = more;
	more[i].dev = dev;
	more[i].name = strdup(name);
	if (!more[i].name)
		return -ENOMEM;
	sum->devices++;
	return 0;
}

const char *sum_device(const struct sum *sum, __u32 dev)
{
	int i;

	for (i = 0; i < sum->devices; i++) {
		if (sum->device[i].dev == dev)
			return sum->device[i].name;
	}
	return NULL;
}

static struct sum_pair *pair_of(struct sum_view *view, __u64 op, __u64 dev)
{
	struct sum_pair *pair;
	int i;

	for (i = 0; i < view->pairs; i++) {
		pair = &view->pair[i];
		if (pair->others || (pair->op == op && pair->dev == dev))
			return pair;
	}
	pair = &view->pair[view->pairs];
	pair->cell = calloc(SUM_SLOTS, sizeof(*pair->cell));
	if (!pair->cell)
		return NULL;
	pair->op = op;
	pair->dev = dev;
	pair->others = view->pairs++ == SUM_PAIRS - 1;
	return pair;
}

static size_t place_of(const struct sum_table *table, __u64 a, __u64 b)
{
	size_t size = 2 * table->limit, at = ((a * 0x9e3779b97f4a7c15ULL) ^ (b * 0xc2b2ae3d27d4eb4fULL)) % size;

	while (table->index[at] && (table->row[table->index[at] - 1].a != a || table->row[table->index[at] - 1].b != b))
		at = (at + 1) % size;
	return at;
}

static void hist_join(struct sum_hist *to, const struct sum_hist *from)
{
	int i;

	to->hist.count += from->hist.count;
	to->hist.errors += from->hist.errors;
	to->hist.timed += from->hist.timed;
	to->hist.total_ns += from->hist.total_ns;
	if (from->hist.max_ns > to->hist.max_ns)
		to->hist.max_ns = from->hist.max_ns;
	for (i = 0; i < HIST_BUCKETS; i++)
		to->hist.bucket[i] += from->hist.bucket[i];
	to->bytes += from->bytes;
}

static int by_time_taken(const void *a, const void *b)
{
	const struct sum_row *x = a, *y = b;

	if (x->sum.hist.total_ns != y->sum.hist.total_ns)
		return x->sum.hist.total_ns < y->sum.hist.total_ns ? 1 : -1;
	return x->sum.hist.count < y->sum.hist.count ? 1 : x->sum.hist.count > y->sum.hist.count ? -1 : 0;
}

/* The half that took less time is told as one from here on. */
static void give_up_half(struct sum_table *table)
{
	size_t i, half = table->count / 2;

	qsort(table->row, table->count, sizeof(*table->row), by_time_taken);
	for (i = half; i < table->count; i++) {
		hist_join(&table->others, &table->row[i].sum);
		free(table->row[i].name);
	}
	table->given_up += table->count - half;
	table->count = half;
	memset(table->index, 0, 2 * table->limit * sizeof(*table->index));
	for (i = 0; i < half; i++)
		table->index[place_of(table, table->row[i].a, table->row[i].b)] = i + 1;
}

static struct sum_row *row_of(struct sum_table *table, __u64 a, __u64 b)
{
	struct sum_row *row;
	size_t at;

	if (!table->row) {
		table->row = calloc(table->limit, sizeof(*table->row));
		table->index = calloc(2 * table->limit, sizeof(*table->index));
		if (!table->row || !table->index)
			return NULL;
	}
	at = place_of(table, a, b);
	if (table->index[at])
		return &table->row[table->index[at] - 1];
	if (table->count == table->limit) {
		give_up_half(table);
		at = place_of(table, a, b);
	}
	row = &table->row[table->count++];
	memset(row, 0, sizeof(*row));
	row->a = a;
	row->b = b;
	table->index[at] = table->count;
	return row;
}

/* What the record says now takes the place of what another has said before. */
static int rename_row(struct sum_row *row, const char *name)
{
	char *copy;

	if (!name || (row->name && !strcmp(row->name, name)))
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(row->name);
	row->name = copy;
	return 0;
}

static void add_error(struct sum_view *view, __u64 op, bool null, __s64 ret)
{
	int i;

	for (i = 0; i < view->errors; i++) {
		if (view->error[i].op == op && view->error[i].null == null && view->error[i].ret == ret)
			break;
	}
	if (i == SUM_ERRORS) {
		view->more_errors++;
		return;
	}
	if (i == view->errors)
		view->error[view->errors++] = (struct sum_error){ .ret = ret, .op = op, .null = null };
	view->error[i].count++;
}

static void write_step(FILE *file, struct format *format, const struct timeline_request *q, size_t i)
{
	static char text[LINE_ROOM];
	static const int shown[] = { SF_op, SF_dev, SF_ino, SF_pos, SF_len, SF_ret };
	const struct step_desc *desc = &follow_steps[q->step[i].step];
	struct step_event event;
	char *p = text;
	int n;

	timeline_step(q, i, &event);
	for (n = 0; n < (int)(sizeof(shown) / sizeof(shown[0])); n++) {
		if (event.nulls >> shown[n] & 1)
			continue;
		p = put_str(put_str(put_str(p, p == text ? "" : " "), follow_step_fields[shown[n]].name), " ");
		p = format_field(format, p, &follow_step_fields[shown[n]], &event);
	}
	for (n = 0; n < STEP_VALUES && desc->value[n].name; n++) {
		if (event.nulls & VALUE_BIT(n))
			continue;
		p = put_str(put_str(put_str(p, p == text ? "" : " "), desc->value[n].name), " ");
		p = format_field(format, p, &desc->value[n], &event.value[n]);
	}
	*p = 0;
	fprintf(file, "%s[%llu,%u,", i ? "," : "", event.offset_ns, event.depth);
	write_safe(file, step_title(&follow_observer, q->step[i].step));
	fputc(',', file);
	write_safe(file, text);
	fputc(']', file);
}

/* The members that do not depend on where the time axis begins. */
static char *slow_json(struct sum_view *view, struct format *format, const void *record, const struct timeline_request *q)
{
	const struct observer *observer = view->roles.observer;
	struct span span[ROLE_TIMES];
	char *text = NULL;
	size_t size, n;
	FILE *file = open_memstream(&text, &size);
	int i, count;

	if (!file)
		return NULL;
	fputs("\"fields\":[", file);
	for (i = 0; i < observer->field_count; i++) {
		if (i)
			fputc(',', file);
		write_field(file, format, &observer->field[i], record);
	}
	fputs("],\"phases\":[", file);
	count = role_phases(&view->roles, record, span);
	for (i = 0; i < count; i++)
		fprintf(file, "%s[%d,%llu,%llu]", i ? "," : "", (int)(span[i].field - observer->field), span[i].offset_ns,
			span[i].ns);
	fputc(']', file);
	if (q) {
		fputs(",\"steps\":[", file);
		for (n = 0; n < q->count && n < SUM_STEPS; n++)
			write_step(file, format, q, n);
		fputc(']', file);
	}
	if (fclose(file)) {
		free(text);
		return NULL;
	}
	return text;
}

/* A heap whose first is the quickest of the slow. */
static int add_slow(struct sum_view *view, struct format *format, const void *record, const struct timeline_request *q,
		    __u64 begin_ns,
		    __u64 latency_ns)
{
	struct sum_slow one = { begin_ns, latency_ns, NULL }, *slow = view->slow;
	int at, child;

	if (view->slow_count == view->slow_room && latency_ns <= slow[0].latency_ns)
		return 0;
	one.json = slow_json(view, format, record, q);
	if (!one.json)
		return -ENOMEM;
	if (view->slow_count < view->slow_room) {
		for (at = view->slow_count++; at && slow[(at - 1) / 2].latency_ns > latency_ns; at = (at - 1) / 2)
			slow[at] = slow[(at - 1) / 2];
	} else {
		free(slow[0].json);
		for (at = 0; (child = 2 * at + 1) < view->slow_count; at = child) {
			if (child + 1 < view->slow_count && slow[child + 1].latency_ns < slow[child].latency_ns)
				child++;
			if (slow[child].latency_ns >= latency_ns)
				break;
			slow[at] = slow[child];
		}
	}
	slow[at] = one;
	return 0;
}

/* Under what it is, of each kind of word and flag. */
static void add_words(struct sum_view *view, const void *record, bool timed, __u64 ns, bool failed)
{
	const struct roles *roles = &view->roles;
	__u64 value;
	int i, bit;

	for (i = 0; i < roles->words; i++) {
		if (!role_value(roles, roles->word[i], record, &value) || value >= WORD_SLOTS - 1)
			value = WORD_SLOTS - 1;
		add(&view->word[i][value], timed, ns, failed);
	}
	for (i = 0; i < roles->flag_fields; i++) {
		if (!role_value(roles, roles->flags[i], record, &value))
			continue;
		for (bit = 0; bit < 32; bit++)
			view->flag[i][bit] += value >> bit & 1;
	}
	for (i = 0; i < roles->parts; i++) {
		if (role_value(roles, roles->part[i], record, &value))
			add(&view->part[i], true, value, failed);
	}
}

static int add_rows(struct sum_view *view, struct format *format, const void *record, bool timed, __u64 ns, bool failed,
		    __u64 bytes)
{
	const struct roles *roles = &view->roles;
	struct sum_row *row;
	__u64 dev, ino, pid;

	if (role_value(roles, roles->dev, record, &dev) && role_value(roles, roles->ino, record, &ino)) {
		row = row_of(&view->files, dev, ino);
		if (!row)
			return -ENOMEM;
		add(&row->sum.hist, timed, ns, failed);
		row->sum.bytes += bytes;
		if (rename_row(row, text_path(format, roles, record)))
			return -ENOMEM;
	}
	if (role_value(roles, roles->pid, record, &pid)) {
		char comm[sizeof(struct task_comm) + 1] = "";

		row = row_of(&view->processes, pid, 0);
		if (!row)
			return -ENOMEM;
		add(&row->sum.hist, timed, ns, failed);
		row->sum.bytes += bytes;
		if (roles->comm)
			memcpy(comm, (const char *)record + roles->comm->offset, sizeof(struct task_comm));
		if (rename_row(row, comm))
			return -ENOMEM;
	}
	return 0;
}

int sum_add(struct sum *sum, struct format *format, const void *record, const struct timeline_request *q)
{
	struct sum_view *view = sum_view(sum, format->observer);
	const struct roles *roles;
	__u64 begin_ns, end_ns, op, dev, latency, ret, bytes;
	struct sum_cell *cell;
	struct sum_pair *pair;
	bool timed, failed, told;

	if (!view || sum->no_memory)
		return -ENOMEM;
	roles = &view->roles;
	view->era = format->era;
	timed = role_value(roles, roles->latency, record, &latency);
	failed = role_failed(roles, record);
	bytes = role_bytes(roles, record);
	role_times(roles, record, &begin_ns, &end_ns);
	if (!role_value(roles, roles->op, record, &op))
		op = SUM_NULL;
	if (!role_value(roles, roles->dev, record, &dev))
		dev = SUM_NULL;
	pair = pair_of(view, op, dev);
	if (!pair)
		return -ENOMEM;
	cell = &pair->cell[slot_of(sum, begin_ns, end_ns)];
	cell->events++;
	cell->errors += failed;
	cell->bytes += bytes;
	if (timed)
		cell->bucket[hist_bucket(latency)]++;
	add(&view->all.hist, timed, latency, failed);
	add(&pair->sum.hist, timed, latency, failed);
	view->all.bytes += bytes;
	pair->sum.bytes += bytes;
	add_words(view, record, timed, latency, failed);
	if (failed) {
		told = role_value(roles, roles->ret, record, &ret);
		add_error(view, op, !told, told ? (__s64)ret : 0);
	}
	if (add_rows(view, format, record, timed, latency, failed, bytes))
		return -ENOMEM;
	if (!timed)
		return 0;
	text_path(format, roles, record);
	return add_slow(view, format, record, q, begin_ns, latency);
}
