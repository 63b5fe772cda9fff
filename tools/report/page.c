// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <time.h>

#include "page.h"
#include "page_hashes.h"
#include "text.h"

#define NS_PER_S 1000000000LL

/* The files of this directory, see assets.S. */
extern const char page_html[], page_html_end[], page_css[], page_css_end[], page_js[], page_js_end[];

static void write_member(FILE *file, const char *name, const char *text)
{
	fprintf(file, "\"%s\":", name);
	write_safe(file, text && *text ? text : NULL);
}

static void write_wall(FILE *file, const char *name, __u64 mono_ns, __s64 offset)
{
	__s64 ns = (__s64)mono_ns + offset;
	time_t second = ns / NS_PER_S;
	char text[32];
	struct tm tm;

	gmtime_r(&second, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(file, "\"%s\":\"%s.%09lldZ\"", name, text, ns % NS_PER_S);
}

/* A number of a field of few values: its word, null for null, a number without a name as it is. */
static void write_word(FILE *file, const struct field *field, __u64 value)
{
	const char *word = role_word(field, value);

	if (word || value == SUM_NULL)
		write_safe(file, word);
	else
		fprintf(file, "\"%llu\"", value);
}

static void write_dev(FILE *file, __u64 dev)
{
	if (dev == SUM_NULL)
		fputs("null", file);
	else
		fprintf(file, "\"%llu:%llu\"", dev >> 20, dev & 0xfffff);
}

static const char *doc_of(const struct field *field, unsigned int value)
{
	size_t i;

	if (field->kind == KIND_OP)
		return value < OP_COUNT ? ops[value].doc : NULL;
	for (i = 0; i < vocabulary_count; i++) {
		if (vocabularies[i].kind == field->kind)
			return value < vocabularies[i].count ? vocabularies[i].word[value].doc : NULL;
	}
	return NULL;
}

static void write_sum(FILE *file, const struct sum_hist *sum)
{
	fprintf(file, "\"bytes\":%llu,\"hist\":", sum->bytes);
	write_hist(file, &sum->hist);
}

/* Sparse: slot, bucket, count; and slot, events, errors, bytes. */
static void write_cells(FILE *file, const struct sum *sum, const struct sum_pair *pair)
{
	int slots = sum_slots(sum), i, n;
	const char *separator = "";

	fputs(",\"cells\":[", file);
	for (i = 0; i < slots; i++) {
		for (n = 0; n < HIST_BUCKETS; n++) {
			if (!pair->cell[i].bucket[n])
				continue;
			fprintf(file, "%s%d,%d,%llu", separator, i, n, pair->cell[i].bucket[n]);
			separator = ",";
		}
	}
	fputs("],\"slots\":[", file);
	for (i = 0, separator = ""; i < slots; i++) {
		const struct sum_cell *cell = &pair->cell[i];

		if (!cell->events)
			continue;
		fprintf(file, "%s%d,%llu,%llu,%llu", separator, i, cell->events, cell->errors, cell->bytes);
		separator = ",";
	}
	fputc(']', file);
}

static void write_pairs(FILE *file, const struct sum *sum, const struct sum_view *view)
{
	int i;

	fputs(",\"pairs\":[", file);
	for (i = 0; i < view->pairs; i++) {
		const struct sum_pair *pair = &view->pair[i];

		fputs(i ? ",{\"op\":" : "{\"op\":", file);
		if (pair->others || !view->roles.op)
			fputs("null", file);
		else
			write_word(file, view->roles.op, pair->op);
		fputs(",\"dev\":", file);
		write_dev(file, pair->others ? SUM_NULL : pair->dev);
		fprintf(file, ",\"others\":%s,", pair->others ? "true" : "false");
		write_sum(file, &pair->sum);
		write_cells(file, sum, pair);
		fputc('}', file);
	}
	fputc(']', file);
}

static void write_words(FILE *file, const struct sum_view *view)
{
	const char *separator = "";
	int i, n;

	fputs(",\"words\":[", file);
	for (i = 0; i < view->roles.words; i++) {
		const struct field *field = view->roles.word[i];

		fprintf(file, "%s{\"field\":%d,\"rows\":[", i ? "," : "", (int)(field - view->roles.observer->field));
		for (n = 0, separator = ""; n < WORD_SLOTS; n++) {
			const struct hist *hist = &view->word[i][n];

			if (!hist->count)
				continue;
			fprintf(file, "%s{\"word\":", separator);
			write_word(file, field, n == WORD_SLOTS - 1 ? SUM_NULL : (__u64)n);
			fputs(",\"doc\":", file);
			write_safe(file, n == WORD_SLOTS - 1 ? NULL : doc_of(field, n));
			fputs(",\"hist\":", file);
			write_hist(file, hist);
			fputc('}', file);
			separator = ",";
		}
		fputs("]}", file);
	}
	fputc(']', file);
}

static void write_flags(FILE *file, const struct sum_view *view, enum flag_era era)
{
	const char *separator;
	size_t list;
	int i, bit;
	size_t n;

	fputs(",\"flags\":[", file);
	for (i = 0; i < view->roles.flag_fields; i++) {
		const struct field *field = view->roles.flags[i];

		fprintf(file, "%s{\"field\":%d,\"rows\":[", i ? "," : "", (int)(field - view->roles.observer->field));
		separator = "";
		for (bit = 0; bit < 32; bit++) {
			const struct flag_desc *flag = NULL;

			if (!view->flag[i][bit])
				continue;
			for (list = 0; list < flag_list_count; list++) {
				for (n = 0; flag_lists[list].kind == field->kind && n < flag_lists[list].count; n++) {
					if (flag_lists[list].flag[n].bit[era] == bit)
						flag = &flag_lists[list].flag[n];
				}
			}
			if (flag) {
				fprintf(file, "%s{\"word\":\"%s\",\"doc\":", separator, flag->name);
				write_safe(file, flag->doc);
			} else {
				fprintf(file, "%s{\"word\":\"0x%x\",\"doc\":null", separator, 1u << bit);
			}
			fprintf(file, ",\"count\":%llu}", view->flag[i][bit]);
			separator = ",";
		}
		fputs("]}", file);
	}
	fputc(']', file);
}

static void write_parts(FILE *file, const struct sum_view *view)
{
	const struct observer *observer = view->roles.observer;
	int i, n, place;

	fputs(",\"parts\":[", file);
	for (i = 0; i < view->roles.parts; i++) {
		int index = view->roles.part[i] - observer->field;

		for (n = 0, place = -1; n < observer->phase_count; n++) {
			if (observer->phase[n] == index)
				place = n;
		}
		fprintf(file, "%s{\"field\":%d,\"phase\":%d,\"hist\":", i ? "," : "", index, place);
		write_hist(file, &view->part[i]);
		fputc('}', file);
	}
	fputc(']', file);
}

static void write_errors(FILE *file, const struct sum_view *view)
{
	int i;

	fputs(",\"errors\":[", file);
	for (i = 0; i < view->errors; i++) {
		const struct sum_error *error = &view->error[i];
		const char *name = error->null ? NULL : strerrorname_np((int)-error->ret);

		fputs(i ? ",{\"op\":" : "{\"op\":", file);
		if (view->roles.op)
			write_word(file, view->roles.op, error->op);
		else
			fputs("null", file);
		fputs(",\"ret\":", file);
		if (error->null)
			fputs("null", file);
		else
			fprintf(file, "%lld", error->ret);
		fputs(",\"name\":", file);
		write_safe(file, name);
		fputs(",\"doc\":", file);
		write_safe(file, name ? strerrordesc_np((int)-error->ret) : NULL);
		fprintf(file, ",\"count\":%llu}", error->count);
	}
	fprintf(file, "],\"more_errors\":%llu", view->more_errors);
}

static int by_time_taken(const void *a, const void *b)
{
	const struct sum_row *x = *(const struct sum_row *const *)a, *y = *(const struct sum_row *const *)b;
	const struct hist *g = &x->sum.hist, *h = &y->sum.hist;

	if (g->total_ns != h->total_ns)
		return g->total_ns < h->total_ns ? 1 : -1;
	if (g->count != h->count)
		return g->count < h->count ? 1 : -1;
	return x->a != y->a ? x->a < y->a ? -1 : 1 : x->b < y->b ? -1 : x->b > y->b;
}

/* Those that took most of the time; all others are one row more. */
static void write_table(FILE *file, const char *name, const struct sum_table *table, size_t shown, bool files)
{
	const struct sum_row **row = calloc(table->count + 1, sizeof(*row));
	struct sum_hist others = table->others;
	size_t i;
	int n;

	fprintf(file, ",\"%s\":{\"rows\":[", name);
	for (i = 0; row && i < table->count; i++)
		row[i] = &table->row[i];
	if (row)
		qsort(row, table->count, sizeof(*row), by_time_taken);
	for (i = 0; row && i < table->count; i++) {
		const struct hist *hist = &row[i]->sum.hist;

		if (i >= shown) {
			others.hist.count += hist->count;
			others.hist.errors += hist->errors;
			others.hist.timed += hist->timed;
			others.hist.total_ns += hist->total_ns;
			if (hist->max_ns > others.hist.max_ns)
				others.hist.max_ns = hist->max_ns;
			for (n = 0; n < HIST_BUCKETS; n++)
				others.hist.bucket[n] += hist->bucket[n];
			others.bytes += row[i]->sum.bytes;
			continue;
		}
		fputs(i ? ",{" : "{", file);
		write_member(file, "name", row[i]->name);
		fputc(',', file);
		if (files) {
			fputs("\"dev\":", file);
			write_dev(file, row[i]->a);
			fprintf(file, ",\"ino\":\"%llu\",", row[i]->b);
		} else {
			fprintf(file, "\"pid\":%llu,", row[i]->a);
		}
		write_sum(file, &row[i]->sum);
		fputc('}', file);
	}
	fprintf(file, "],\"kept\":%zu,\"limit\":%zu,\"given_up\":%llu,\"others\":{", table->count, table->limit, table->given_up);
	write_sum(file, &others);
	fputs("}}", file);
	free(row);
}

static int by_latency(const void *a, const void *b)
{
	const struct sum_slow *x = *(const struct sum_slow *const *)a, *y = *(const struct sum_slow *const *)b;

	if (x->latency_ns != y->latency_ns)
		return x->latency_ns < y->latency_ns ? 1 : -1;
	return x->begin_ns < y->begin_ns ? -1 : x->begin_ns > y->begin_ns;
}

static void write_slow(FILE *file, const struct sum *sum, const struct sum_view *view)
{
	const struct sum_slow *slow[SUM_SLOW];
	int i;

	for (i = 0; i < view->slow_count; i++)
		slow[i] = &view->slow[i];
	qsort(slow, view->slow_count, sizeof(slow[0]), by_latency);
	fputs(",\"slow\":[", file);
	for (i = 0; i < view->slow_count; i++)
		fprintf(file, "%s{\"begin\":%llu,\"latency\":%llu,%s}", i ? "," : "", slow[i]->begin_ns - sum->first_ns,
			slow[i]->latency_ns,
			slow[i]->json);
	fprintf(file, "],\"steps_shown\":%d", SUM_STEPS);
}

/* Where the page's script finds what, by the place of the field; null for what the observer does not have. */
static void write_roles(FILE *file, const struct roles *roles)
{
	const struct {
		const char *name;
		const struct field *field;
	} role[] = {
		{ "time", roles->time }, { "op", roles->op }, { "comm", roles->comm }, { "pid", roles->pid }, { "tid", roles->tid },
		{ "dev", roles->dev }, { "ino", roles->ino }, { "path", roles->path }, { "pos", roles->pos }, { "len", roles->len },
		{ "bytes", roles->bytes }, { "ret", roles->ret }, { "latency", roles->latency },
	};
	size_t i;

	fputs(",\"roles\":{", file);
	for (i = 0; i < sizeof(role) / sizeof(role[0]); i++) {
		fprintf(file, "%s\"%s\":", i ? "," : "", role[i].name);
		if (role[i].field)
			fprintf(file, "%d", (int)(role[i].field - roles->observer->field));
		else
			fputs("null", file);
	}
	fputc('}', file);
}

static void write_observer(FILE *file, const struct sum *sum, const struct sum_view *view)
{
	const struct observer *observer = view->roles.observer;
	const struct command_desc *command = NULL;
	int i;

	for (i = 0; i < CMD_COUNT; i++) {
		if (!strcmp(commands[i].name, observer->command))
			command = &commands[i];
	}
	fputc('{', file);
	write_member(file, "command", observer->command);
	fputc(',', file);
	write_member(file, "event", observer->event);
	fputc(',', file);
	write_member(file, "summary", command ? command->summary : NULL);
	fputs(",\"fields\":[", file);
	for (i = 0; i < observer->field_count; i++) {
		fputs(i ? ",{" : "{", file);
		write_member(file, "name", observer->field[i].name);
		fputc(',', file);
		write_member(file, "unit", observer->field[i].unit);
		fputc(',', file);
		write_member(file, "doc", observer->field[i].doc);
		fputc('}', file);
	}
	fputs("],", file);
	write_sum(file, &view->all);
	write_roles(file, &view->roles);
	write_pairs(file, sum, view);
	write_words(file, view);
	write_flags(file, view, view->era);
	write_parts(file, view);
	write_errors(file, view);
	if (view->files.count)
		write_table(file, "files", &view->files, PAGE_FILES, true);
	if (view->processes.count)
		write_table(file, "processes", &view->processes, PAGE_PROCESSES, false);
	write_slow(file, sum, view);
	fputc('}', file);
}

static void write_account(FILE *file, const struct account *account)
{
	int i;

	if (!account) {
		fputs("null", file);
		return;
	}
	fprintf(file, "{\"seen\":%llu,\"emitted\":%llu,\"filtered\":%llu,\"lost\":%llu,\"reasons\":[", account->seen,
		account->emitted,
		account->filtered, account_lost(account));
	for (i = 0; i < LOSS_COUNT; i++) {
		fprintf(file, "%s{\"word\":\"%s\",\"doc\":", i ? "," : "", losses[i].name);
		write_safe(file, losses[i].doc);
		fprintf(file, ",\"count\":%llu}", account->lost[i]);
	}
	fprintf(file, "],\"unseen\":%llu,\"stacks_lost\":%llu,\"steps_lost\":%llu,\"complete\":%s}", account->unseen_at_most,
		account->stacks_lost,
		account->steps_lost, account_complete(account) ? "true" : "false");
}

static void write_streams(FILE *file, const struct page_facts *facts)
{
	int i, n;

	fputs(",\"streams\":[", file);
	for (i = 0; i < facts->streams; i++) {
		const struct page_stream *stream = &facts->stream[i];
		const char *limits = NULL;

		for (n = 0; stream->observer && stream->source && n < stream->observer->source_count; n++) {
			if (!strcmp(stream->observer->source[n].name, stream->source))
				limits = stream->observer->source[n].limits;
		}
		fputs(i ? ",{" : "{", file);
		write_member(file, "command", stream->command);
		fputc(',', file);
		write_member(file, "source", stream->source);
		fputc(',', file);
		write_member(file, "limits", limits);
		fprintf(file, ",\"known\":%s,\"records\":%llu,\"filtered\":%llu,\"unfinished\":%llu,\"account\":",
			stream->observer ? "true" : "false",
			stream->records, stream->filtered, stream->unfinished);
		write_account(file, stream->account);
		fputc('}', file);
	}
	fputc(']', file);
}

void page_data(FILE *file, const struct sum *sum, const struct page_facts *facts)
{
	__u64 begin = sum->begun ? sum->base << sum->shift : facts->start_ns;
	int i;

	fputs("{\"version\":\"" VERSION "\",\"recording\":{", file);
	write_member(file, "file", facts->file);
	fputc(',', file);
	write_member(file, "kernel", facts->kernel);
	fputc(',', file);
	write_member(file, "machine", facts->machine);
	fputc(',', file);
	write_member(file, "node", facts->node);
	fputc(',', file);
	write_member(file, "command_line", facts->command_line);
	fputc(',', file);
	write_member(file, "tool", facts->tool);
	fputc(',', file);
	write_member(file, "filters", facts->filters);
	fputc(',', file);
	write_member(file, "damage", facts->damage);
	fputc(',', file);
	write_wall(file, "start", facts->start_ns, facts->wall_offset_ns);
	fputc(',', file);
	write_wall(file, "end", facts->end_ns, facts->wall_offset_ns);
	fputc(',', file);
	write_member(file, "next_part", facts->next_part);
	fprintf(file, ",\"duration_ns\":%llu,\"left_out\":%llu,\"files\":%u",
		facts->end_ns > facts->start_ns ? facts->end_ns - facts->start_ns : 0,
		facts->left_out, facts->files);
	write_streams(file, facts);
	/* Where the slots begin, from the begin of the first event; its wall time. */
	fprintf(file, "},\"axis\":{\"slots\":%d,\"slot_ns\":%llu,\"offset_ns\":%lld,\"span_ns\":%llu,", sum_slots(sum),
		1ULL << sum->shift,
		sum->begun ? (__s64)(begin - sum->first_ns) : 0, sum->last_ns - sum->first_ns);
	write_wall(file, "first", sum->begun ? sum->first_ns : facts->start_ns, facts->wall_offset_ns);
	fputs("},\"devices\":{", file);
	for (i = 0; i < sum->devices; i++) {
		if (i)
			fputc(',', file);
		write_dev(file, sum->device[i].dev);
		fputc(':', file);
		write_safe(file, sum->device[i].name);
	}
	fprintf(file,
		"},\"limits\":{\"slots\":%d,\"pairs\":%d,\"files\":%d,\"processes\":%d,\"slow\":%d,"
		"\"slow_steps\":%d},\"observers\":[", SUM_SLOTS,
		SUM_PAIRS, PAGE_FILES, PAGE_PROCESSES, SUM_SLOW, SUM_SLOW_STEPS);
	for (i = 0; i < sum->views; i++) {
		if (i)
			fputc(',', file);
		write_observer(file, sum, sum->view[i]);
	}
	fputs("]}", file);
}

/* Marks of the template are @NAME@, each in a place of its own; nothing else in it has an @. */
void page_print(FILE *file, const struct sum *sum, const struct page_facts *facts)
{
	const char *at = page_html, *mark, *end;

	for (; at < page_html_end; at = end + 1) {
		mark = memchr(at, '@', page_html_end - at);
		end = mark ? memchr(mark + 1, '@', page_html_end - mark - 1) : NULL;
		if (!end) {
			fwrite(at, 1, page_html_end - at, file);
			return;
		}
		fwrite(at, 1, mark - at, file);
		if (!strncmp(mark, "@STYLE@", 7))
			fwrite(page_css, 1, page_css_end - page_css, file);
		else if (!strncmp(mark, "@SCRIPT@", 8))
			fwrite(page_js, 1, page_js_end - page_js, file);
		else if (!strncmp(mark, "@POLICY@", 8))
			fputs("default-src 'none'; base-uri 'none'; form-action 'none'; style-src '" PAGE_CSS_HASH "'; script-src '" PAGE_JS_HASH "'",
			      file);
		else if (!strncmp(mark, "@DATA@", 6))
			page_data(file, sum, facts);
	}
}
