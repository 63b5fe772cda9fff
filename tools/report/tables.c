// SPDX-License-Identifier: GPL-2.0
#include "roles.h"
#include "tables.h"

/* In single quotes. */
static void write_text(FILE *file, const char *text)
{
	fputc('\'', file);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
	fputc('\'', file);
}

/* A list of its own length has no null: it is empty. */
static const char *type_of(const struct field *field)
{
	switch (field->kind) {
	case KIND_TIME:
		return "DateTime64(9, 'UTC')";
	case KIND_DEC:
	case KIND_HEX:
		return field->size == 1 ? "UInt8" : field->size == 4 ? "UInt32" : "UInt64";
	case KIND_SIZE:
	case KIND_RESULT:
		return "Int64";
	case KIND_RET:
		return "Int32";
	case KIND_DURATION:
	case KIND_RATE:
	case KIND_BYTE_RATE:
		return "UInt64";
	case KIND_PATH:
	case KIND_PATH_WAS:
	case KIND_NAME:
		return "String";
	case KIND_KSTACK:
	case KIND_USTACK:
		return "Array(LowCardinality(String))";
	case KIND_REGIONS:
		return "Array(Tuple(region UInt8, dev LowCardinality(String), sector UInt64, count UInt64, failed Bool))";
	default:		/* words, flags, names of tasks, devices, sources */
		return "LowCardinality(String)";
	}
}

static void write_column(FILE *file, const char *name, const char *type, bool null, const char *doc, const char *unit)
{
	const char *inner = "LowCardinality(";
	size_t len = strlen(inner);

	fprintf(file, "    `%s` ", name);
	/* Low cardinality goes outside. */
	if (!null || !strncmp(type, "Array", 5))
		fputs(type, file);
	else if (!strncmp(type, inner, len))
		fprintf(file, "LowCardinality(Nullable(%.*s))", (int)(strlen(type + len) - 1), type + len);
	else
		fprintf(file, "Nullable(%s)", type);
	fputs(" COMMENT ", file);
	if (*unit) {
		char text[512];

		snprintf(text, sizeof(text), "%s [%s]", doc, unit);
		write_text(file, text);
	} else {
		write_text(file, doc);
	}
}

static void write_members(FILE *file)
{
#define WRITE_MEMBER(name, doc) write_column(file, #name, "LowCardinality(String)", false, doc, ""); fputs(",\n", file);
	NDJSON_MEMBERS(WRITE_MEMBER)
}

static void write_end(FILE *file, const char *order, const char *partition, const char *comment)
{
	fprintf(file, "\n)\nENGINE = MergeTree\nPARTITION BY %s\nORDER BY (%s)\nCOMMENT ", partition, order);
	write_text(file, comment);
	fputs(";\n", file);
}

static void write_observer(FILE *file, const struct observer *observer)
{
	struct roles roles;
	char order[96];
	int i;

	roles_init(&roles, observer);
	fprintf(file, "\nCREATE TABLE IF NOT EXISTS iomap_%s\n(\n", observer->event);
	write_members(file);
	for (i = 0; i < observer->field_count; i++) {
		const struct field *field = &observer->field[i];

		if (i)
			fputs(",\n", file);
		write_column(file, field->name, type_of(field), field->nullable, field->doc, field->unit);
	}
	if (observer->step_count) {
		fputs(",\n", file);
		write_column(file, "timeline", "String", false, "the steps, as a JSON array", "");
	}
	snprintf(order, sizeof(order), "node%s%s, time", roles.dev && !roles.dev->nullable ? ", dev" : "",
		 roles.op && !roles.op->nullable ? ", op" : "");
	write_end(file, order, "toYYYYMMDD(time)", observer->command);
}

static void write_summary(FILE *file)
{
	static const char *const sums[] = { "seen", "emitted", "filtered" }, *const more[] = {
		"lost_total", "unseen_at_most", "programs_skipped", "stacks_lost", "steps_lost", "duration_ns" };
	size_t i;

	fputs("\nCREATE TABLE IF NOT EXISTS iomap_summary\n(\n", file);
	write_members(file);
	write_column(file, "event", "LowCardinality(String)", false, "always summary", "");
	fputs(",\n", file);
	write_column(file, "command", "LowCardinality(String)", false, "the observer", "");
	for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		fprintf(file, ",\n    `%s` UInt64", sums[i]);
	fputs(",\n    `lost` Tuple(", file);
	for (i = 0; i < LOSS_COUNT; i++)
		fprintf(file, "%s%s UInt64", i ? ", " : "", losses[i].name);
	fputs(") COMMENT 'by reason'", file);
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		fprintf(file, ",\n    `%s` UInt64", more[i]);
	fputs(",\n", file);
	write_column(file, "sources", "Array(LowCardinality(String))", false, "what in the kernel the events come from", "");
	write_end(file, "node, recording, command", "tuple()", "what became of everything that was seen");
}

void tables_print(FILE *file)
{
	size_t i;

	fputs("-- For the objects of: iomapscope report -o ndjson FILE. Made from the tables of iomapscope " VERSION ".\n", file);
	for (i = 0; i < observer_count; i++)
		write_observer(file, observers[i]);
	write_summary(file);
}
