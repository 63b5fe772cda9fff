// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "observers.h"

#define WIDTH 100

/* Prints @text from column @column on, further lines indented to @indent; an empty line parts paragraphs. */
static void wrap(FILE *file, const char *text, int column, int indent)
{
	while (*text) {
		size_t len = strcspn(text, " \n");

		if (len && column > indent && column + 1 + (int)len > WIDTH) {
			fprintf(file, "\n%*s", indent, "");
			column = indent;
		} else if (len && column > indent) {
			fputc(' ', file);
			column++;
		}
		fwrite(text, 1, len, file);
		column += len;
		text += len;
		if (!strncmp(text, "\n\n", 2)) {
			fprintf(file, "\n\n%*s", indent, "");
			column = indent;
			text += 2;
		} else if (*text) {
			text++;
		}
	}
	fputc('\n', file);
}

/* One entry of a list: a term, and what it means beside or below it. */
static void entry(FILE *file, const char *term, const char *doc, int indent)
{
	int column = fprintf(file, "  %s", term);

	if (column + 1 >= indent) {
		fprintf(file, "\n");
		column = 0;
	}
	fprintf(file, "%*s", indent - column, "");
	wrap(file, doc, indent, indent);
}

void help_usage(FILE *file)
{
	int i;

	fprintf(file, "Usage: iomapscope COMMAND [OPTION...]\n\nObserve the Linux iomap layer.\n\nCommands:\n");
	for (i = 0; i < CMD_COUNT; i++)
		entry(file, commands[i].name, commands[i].summary, 12);
	fprintf(file, "\nSee 'iomapscope help COMMAND' for a command's options.\n");
}

static void help_options(FILE *file, const struct command_desc *command)
{
	const char *group = NULL;
	size_t i;

	for (i = 0; i < command->option_count; i++) {
		const struct option_desc *option = &options[command->options[i]];
		char term[96], doc[512];

		if (!group || strcmp(group, option->group)) {
			group = option->group;
			fprintf(file, "\n%s:\n", group);
		}
		snprintf(term, sizeof(term), "%c%c%s --%s%s%s", option->shortname ? '-' : ' ',
			 option->shortname ? option->shortname : ' ', option->shortname ? "," : " ", option->longname,
			 OPTION_ARGUMENT(option));
		if (option_shows_choices(option))
			snprintf(doc, sizeof(doc), "%s (%s)", option->doc, option->choices);
		else
			snprintf(doc, sizeof(doc), "%s", option->doc);
		entry(file, term, doc, 28);
	}
}

static void help_observer(FILE *file, const struct observer *observer)
{
	size_t v;
	int i;

	fprintf(file, "\nFields (those in capitals are the table's columns):\n");
	for (i = 0; i < observer->field_count; i++) {
		const struct field *field = &observer->field[i];
		char term[48], doc[512];

		snprintf(term, sizeof(term), "%s%s%s", field->name, field->heading ? " " : "",
			 field->heading ? field->heading : "");
		snprintf(doc, sizeof(doc), "%s%s%s%s", field->doc, *field->unit ? " [" : "", field->unit,
			 *field->unit ? "]" : "");
		entry(file, term, doc, 28);
	}
	if (observer->step_count)
		fprintf(file, "\nStep fields (those in capitals are columns of its line):\n");
	for (i = 0; i < observer->step_field_count; i++) {
		const struct field *field = &observer->step_field[i];
		char term[48], doc[256];

		snprintf(term, sizeof(term), "%s%s%s", field->name, field->heading ? " " : "", field->heading ? field->heading : "");
		snprintf(doc, sizeof(doc), "%s%s%s%s", field->doc, *field->unit ? " [" : "", field->unit, *field->unit ? "]" : "");
		entry(file, term, doc, 28);
	}
	if (observer->step_count)
		fprintf(file, "\nSteps (layer and name; what each has beside the fields in brackets):\n");
	for (i = 0; i < observer->step_count; i++) {
		const char *values = step_values(observer, i);
		char doc[384];

		snprintf(doc, sizeof(doc), "%s%s%s%s", observer->step[i].doc, *values ? " [" : "", values, *values ? "]" : "");
		entry(file, step_title(observer, i), doc, 28);
	}
	if (observer_filters_op(observer)) {
		fprintf(file, "\nOperations (group in brackets):\n");
		for (i = 0; i < OP_COUNT; i++) {
			char doc[160];

			snprintf(doc, sizeof(doc), "%s [%s]", ops[i].doc, ops[i].group);
			entry(file, ops[i].name, doc, 28);
		}
	}
	for (v = 0; v < vocabulary_count; v++) {
		const struct vocabulary *words = &vocabularies[v];

		if (!observer_shows(observer, words->kind))
			continue;
		fprintf(file, "\n%s:\n", words->title);
		for (i = 0; i < (int)words->count; i++)
			entry(file, words->word[i].name, words->word[i].doc, 28);
	}
	if (observer->source_count)
		fprintf(file, "\nSources, the best first:\n");
	for (i = 0; i < observer->source_count; i++) {
		const char *limits = source_limits(observer, i);

		entry(file, source_name(observer, i), limits ? limits : "this project's kernel; tells everything", 28);
	}
	if (observer->counter_count)
		fprintf(file, "\nCounters of a histogram:\n");
	for (i = 0; i < observer->counter_count; i++)
		entry(file, observer->counter[i].name, observer->counter[i].doc, 28);
	if (observer->counter_count)
		entry(file, observer->ratio.name, observer->ratio.doc, 28);
	fprintf(file, "\nReasons of loss:\n");
	for (i = 0; i < LOSS_COUNT; i++)
		entry(file, losses[i].name, losses[i].doc, 28);
}

void help_command(FILE *file, const struct command_desc *command)
{
	const char *example, *tab, *end;
	size_t i;

	fprintf(file, "Usage: iomapscope %s [OPTION...]%s%s\n\n", command->name, command->arguments ? " " : "",
		command->arguments ? command->arguments : "");
	wrap(file, command->description, 0, 0);
	help_options(file, command);
	if (observer_of(command))
		help_observer(file, observer_of(command));
	for (i = 0; i < word_list_count; i++) {
		const struct word_list *list = &word_lists[i];
		size_t j;

		if (&commands[list->command] != command)
			continue;
		fprintf(file, "\n%s:\n", list->title);
		for (j = 0; j < list->count; j++)
			entry(file, list->word[j].name, list->word[j].doc, 28);
	}
	fprintf(file, "\nExit status:\n");
	for (i = 0; i < status_count; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", statuses[i].status);
		entry(file, number, statuses[i].doc, 8);
	}
	fprintf(file, "\nExamples:\n");
	for (example = command->examples; *example; example = end + 1) {
		tab = strchr(example, '\t');
		end = strchr(tab, '\n');
		fprintf(file, "  %-56.*s # %.*s\n", (int)(tab - example), example, (int)(end - tab - 1), tab + 1);
	}
}
