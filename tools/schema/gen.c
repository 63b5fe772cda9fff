// SPDX-License-Identifier: GPL-2.0
/* Build-time generator: man pages, bash completion and the field table of docs/events.md, from the schema. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "costs.h"
#include "metrics_desc.h"
#include "observers.h"
#include "rules.h"

/* roff: a backslash, and a dot or an apostrophe at the start of a line, mean something; a - in a name must stay one. */
static void roff(const char *text)
{
	bool line_start = true;

	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
		line_start = *text == '\n';
	}
}

static void roff_paragraphs(const char *text)
{
	const char *end;

	for (;;) {
		char paragraph[1024];

		end = strstr(text, "\n\n");
		snprintf(paragraph, sizeof(paragraph), "%.*s", end ? (int)(end - text) : (int)strlen(text), text);
		roff(paragraph);
		putchar('\n');
		if (!end)
			return;
		puts(".PP");
		text = end + 2;
	}
}

static void roff_item(const char *term, const char *doc)
{
	fputs(".TP\n.B ", stdout);
	roff(term);
	putchar('\n');
	roff(doc);
	putchar('\n');
}

static void man_head(const char *page)
{
	printf(".\\\" Generated from tools/schema; do not edit.\n.TH ");
	for (; *page; page++)
		putchar(toupper((unsigned char)*page));
	printf(" 8 \"%s\" \"iomapscope %s\" \"System Administration\"\n", VERSION_DATE, VERSION);
}

static void man_status(void)
{
	size_t i;

	puts(".SH EXIT STATUS");
	for (i = 0; i < status_count; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", statuses[i].status);
		roff_item(number, statuses[i].doc);
	}
}

static void man_examples(const struct command_desc *command)
{
	const char *example, *tab, *end;

	puts(".SH EXAMPLES");
	for (example = command->examples; *example; example = end + 1) {
		char line[160], doc[160];

		tab = strchr(example, '\t');
		end = strchr(tab, '\n');
		snprintf(line, sizeof(line), "%.*s", (int)(tab - example), example);
		snprintf(doc, sizeof(doc), "%.*s", (int)(end - tab - 1), tab + 1);
		roff_item(line, doc);
	}
}

static void man_options(const struct command_desc *command)
{
	const char *group = NULL;
	size_t i;

	puts(".SH OPTIONS");
	for (i = 0; i < command->option_count; i++) {
		const struct option_desc *option = &options[command->options[i]];

		if (!group || strcmp(group, option->group)) {
			group = option->group;
			printf(".SS %s\n", group);
		}
		puts(".TP");
		if (option->shortname)
			printf("\\fB\\-%c\\fR, ", option->shortname);
		fputs("\\fB\\-\\-", stdout);
		roff(option->longname);
		fputs("\\fR", stdout);
		if (option->argument)
			printf(option_is_optional(option) ? "[=\\fI%.*s\\fR]" : " \\fI%.*s\\fR", (int)strcspn(option->argument, "]") -
			       option_is_optional(option), option->argument + option_is_optional(option));
		putchar('\n');
		roff(option->doc);
		if (option_shows_choices(option)) {
			fputs("\n(", stdout);
			roff(option->choices);
			putchar(')');
		}
		putchar('\n');
	}
}

static void man_flags(const struct flag_desc *flags, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		roff_item(flags[i].name, flags[i].doc);
}

static void man_section(const char *title)
{
	fputs(".SH ", stdout);
	for (; *title; title++)
		putchar(toupper((unsigned char)*title));
	putchar('\n');
}

static const struct {
	const char *command, *workload, *operation, *form;
	unsigned int patched, stock;
} costs[] = {
#define COST_DESC(command_, workload_, operation_, form_, patched_, stock_) { command_, workload_, operation_, form_, patched_, stock_ },
	COSTS(COST_DESC)
};

static const struct {
	const char *command, *form, *operation;
	unsigned int ns;
	const char *other;
	unsigned int other_ns;
} native_costs[] = {
#define NATIVE_DESC(command_, form_, operation_, ns_, other_, other_ns_) { command_, form_, operation_, ns_, other_, other_ns_ },
	NATIVE_COSTS(NATIVE_DESC)
};

static void man_native_costs(const char *command)
{
	char title[64], text[160];
	bool first = true;
	int used;
	size_t i;

	for (i = 0; i < sizeof(native_costs) / sizeof(native_costs[0]); i++) {
		if (strcmp(native_costs[i].command, command))
			continue;
		if (first)
			puts(".PP\nNanoseconds that they add on a running stock Linux 6.18 (tests/perf/native).");
		first = false;
		snprintf(title, sizeof(title), "%s%snatively", native_costs[i].form, *native_costs[i].form ? ", " : "");
		used = snprintf(text, sizeof(text), "%u a %s", native_costs[i].ns, native_costs[i].operation);
		if (native_costs[i].other)
			snprintf(text + used, sizeof(text) - used, "; %s adds %u", native_costs[i].other, native_costs[i].other_ns);
		roff_item(title, text);
	}
}

static void man_costs(const char *command)
{
	char title[64], text[160];
	bool first = true;
	int used;
	size_t i;

	for (i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		if (strcmp(costs[i].command, command) || !costs[i].patched)
			continue;
		if (first)
			puts(".SH COST\nInstructions that the programs add to one operation, measured in an emulated Linux 6.12 (tests/perf/run).");
		first = false;
		snprintf(title, sizeof(title), "%s%s%s", costs[i].form, *costs[i].form ? ", " : "", costs[i].workload);
		used = snprintf(text, sizeof(text), "%u a %s with the events of this project's kernel", costs[i].patched, costs[i].operation);
		if (costs[i].stock)
			snprintf(text + used, sizeof(text) - used, ", %u on a stock kernel", costs[i].stock);
		roff_item(title, text);
	}
	man_native_costs(command);
}

static void man_observer(const struct observer *observer)
{
	size_t v;
	int i;

	puts(".SH FIELDS\nJSON and CSV names, in this order; in brackets the table's column.");
	for (i = 0; i < observer->field_count; i++) {
		const struct field *field = &observer->field[i];
		char term[64], doc[512];

		snprintf(term, sizeof(term), field->heading ? "%s [%s]" : "%s", field->name, field->heading);
		snprintf(doc, sizeof(doc), "%s%s%s%s", field->doc, *field->unit ? " (" : "", field->unit,
			 *field->unit ? ")" : "");
		roff_item(term, doc);
	}
	if (observer->step_count)
		puts(".SH STEP FIELDS\nIn the objects of JSON's array timeline; in CSV with step_ before them.");
	for (i = 0; i < observer->step_field_count; i++)
		roff_item(observer->step_field[i].name, observer->step_field[i].doc);
	if (observer->step_count)
		puts(".SH STEPS\nLayer and name; in brackets what each has beside the fields.");
	for (i = 0; i < observer->step_count; i++) {
		const char *values = step_values(observer, i);
		char doc[384];

		snprintf(doc, sizeof(doc), "%s%s%s%s", observer->step[i].doc, *values ? " [" : "", values, *values ? "]" : "");
		roff_item(step_title(observer, i), doc);
	}
	if (observer_filters_op(observer)) {
		puts(".SH OPERATIONS\nWith their group, which \\fB\\-\\-op\\fR takes as well.");
		for (i = 0; i < OP_COUNT; i++) {
			char term[64];

			snprintf(term, sizeof(term), "%s [%s]", ops[i].name, ops[i].group);
			roff_item(term, ops[i].doc);
		}
	}
	for (v = 0; v < vocabulary_count; v++) {
		const struct vocabulary *words = &vocabularies[v];

		if (!observer_shows(observer, words->kind))
			continue;
		man_section(words->title);
		for (i = 0; i < (int)words->count; i++)
			roff_item(words->word[i].name, words->word[i].doc);
	}
	for (v = 0; v < flag_list_count; v++) {
		if (!observer_shows(observer, flag_lists[v].kind))
			continue;
		man_section(flag_lists[v].title);
		man_flags(flag_lists[v].flag, flag_lists[v].count);
	}
	if (observer->source_count)
		puts(".SH SOURCES\nThe best first; what each cannot tell.");
	for (i = 0; i < observer->source_count; i++) {
		const char *limits = source_limits(observer, i);

		roff_item(source_name(observer, i), limits ? limits : "this project's kernel; tells everything");
	}
	if (observer->counter_count)
		puts(".SH COUNTERS OF A HISTOGRAM");
	for (i = 0; i < observer->counter_count; i++)
		roff_item(observer->counter[i].name, observer->counter[i].doc);
	if (observer->counter_count)
		roff_item(observer->ratio.name, observer->ratio.doc);
	puts(".SH LOSSES\nWhy what was seen is neither emitted nor filtered.");
	for (i = 0; i < LOSS_COUNT; i++)
		roff_item(losses[i].name, losses[i].doc);
}

static void man_word_lists(int command)
{
	size_t i, j;

	for (i = 0; i < word_list_count; i++) {
		if ((int)word_lists[i].command != command)
			continue;
		man_section(word_lists[i].title);
		for (j = 0; j < word_lists[i].count; j++)
			roff_item(word_lists[i].word[j].name, word_lists[i].word[j].doc);
	}
}

static int man(const char *name)
{
	char page[64];
	int i;

	if (!strcmp(name, "iomapscope")) {
		man_head("iomapscope");
		puts(".SH NAME\niomapscope \\- observe the Linux iomap layer\n"
		     ".SH SYNOPSIS\n.B iomapscope\n\\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS");
		for (i = 0; i < CMD_COUNT; i++)
			roff_item(commands[i].name, commands[i].summary);
		man_status();
		puts(".SH ENVIRONMENT");
		roff_item("IOMAPSCOPE_BTF", "Read the kernel's BTF from this file, and that of modules from those beside it, to plan for another kernel or to "
			  "test.");
		roff_item("NO_COLOR", "If it is set and not empty, a table has no colours, unless --color asks for them.");
		puts(".SH SEE ALSO");
		for (i = 0; i < (int)observer_count; i++)
			printf("\\fBiomapscope\\-%s\\fR(8),\n", observers[i]->command);
		puts("\\fBiomapscope\\-top\\fR(8),\n\\fBiomapscope\\-export\\fR(8),\n\\fBiomapscope\\-inject\\fR(8),\n\\fBiomapscope\\-check\\fR(8),\n\\fBiomapscope\\-probe\\fR(8),\n\\fBiomapscope\\-bench\\fR(8)");
		return 0;
	}
	for (i = 0; i < CMD_COUNT; i++) {
		if (strcmp(commands[i].name, name))
			continue;
		snprintf(page, sizeof(page), "iomapscope\\-%s", name);
		man_head(page);
		printf(".SH NAME\niomapscope\\-%s \\- ", name);
		roff(commands[i].summary);
		putchar('\n');
		printf(".SH SYNOPSIS\n.B iomapscope %s\n[\\fIOPTION\\fR...]%s%s\n", name, commands[i].arguments ? " " : "",
		       commands[i].arguments ? commands[i].arguments : "");
		puts(".SH DESCRIPTION");
		roff_paragraphs(commands[i].description);
		man_options(&commands[i]);
		if (observer_of(&commands[i]))
			man_observer(observer_of(&commands[i]));
		man_word_lists(i);
		man_costs(name);
		man_status();
		man_examples(&commands[i]);
		puts(".SH SEE ALSO\n\\fBiomapscope\\fR(8)");
		return 0;
	}
	fprintf(stderr, "gen: no command %s\n", name);
	return 1;
}

static void words_of(const char *choices)
{
	for (; *choices; choices++)
		putchar(*choices == '|' ? ' ' : *choices);
}

static bool names_file(const char *argument)
{
	return !strncmp(argument, "FILE", 4) || !strcmp(argument, "DEV") || !strcmp(argument, "PATH") || !strcmp(argument, "DIRECTORY");
}

static int completion(void)
{
	size_t k;
	int i, j;

	puts("# Generated from tools/schema; do not edit.\n"
	     "# bash completion for iomapscope\n"
	     "_iomapscope()\n{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} list\n"
	     "\tCOMPREPLY=()\n"
	     "\t# --option=value: bash breaks words at the =.\n"
	     "\tif [ \"$cur\" = = ]; then\n\t\tcur=\n"
	     "\telif [ \"$prev\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi");
	fputs("\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '", stdout);
	for (i = 0; i < CMD_COUNT; i++)
		printf("%s%s", i ? " " : "", commands[i].name);
	puts("' -- \"$cur\")\n\t\treturn\n\tfi");
	puts("\tcase ${COMP_WORDS[1]},$prev in");
	for (i = 0; i < CMD_COUNT; i++) {
		for (k = 0; k < commands[i].option_count; k++) {
			const struct option_desc *option = &options[commands[i].options[k]];

			if (!option->argument || option_is_optional(option))
				continue;
			printf("\t%s,--%s", commands[i].name, option->longname);
			if (option->shortname)
				printf("|%s,-%c", commands[i].name, option->shortname);
			puts(")");
			if (option->kind == OPTION_WORDS) {
				fputs("\t\tlist=${cur%\"${cur##*,}\"}\n\t\tmapfile -t COMPREPLY < <(compgen -P \"$list\" -W '", stdout);
				words_of(option->choices);
				puts("' -- \"${cur##*,}\")");
			} else if (option->choices) {
				fputs("\t\tmapfile -t COMPREPLY < <(compgen -W '", stdout);
				words_of(option->choices);
				puts("' -- \"$cur\")");
			} else if (option->kind == OPTION_OPS) {
				/* A list: what stands before the last comma stays. */
				fputs("\t\tlist=${cur%\"${cur##*,}\"}\n\t\tmapfile -t COMPREPLY < <(compgen -P \"$list\" -W '", stdout);
				for (j = 0; j < OP_COUNT; j++)
					printf("%s%s", j ? " " : "", ops[j].name);
				for (j = 0; j < OP_COUNT; j++) {
					if (!j || strcmp(ops[j].group, ops[j - 1].group))
						printf(" %s", ops[j].group);
				}
				puts("' -- \"${cur##*,}\")");
			} else if (option->kind == OPTION_STRING && names_file(option->argument)) {
				puts("\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\t\tcompopt -o filenames 2>/dev/null");
			}
			puts("\t\treturn\n\t\t;;");
		}
	}
	puts("\tesac\n\tcase ${COMP_WORDS[1]} in");
	for (i = 0; i < CMD_COUNT; i++) {
		printf("\t%s) list='", commands[i].name);
		if (i == CMD_help) {
			for (j = 0; j < CMD_COUNT; j++)
				printf("%s ", commands[j].name);
		}
		for (k = 0; k < commands[i].option_count; k++) {
			const struct option_desc *option = &options[commands[i].options[k]];

			printf("%s--%s", k ? " " : "", option->longname);
			if (option->shortname)
				printf(" -%c", option->shortname);
		}
		puts("' ;;");
	}
	puts("\t*) return ;;\n\tesac");
	/* What is no option. */
	puts("\tcase ${COMP_WORDS[1]},$cur in");
	for (i = 0; i < CMD_COUNT; i++) {
		if (commands[i].arguments && names_file(commands[i].arguments))
			printf("\t%s,-*) ;;\n\t%s,*)\n\t\tmapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")\n"
			       "\t\tcompopt -o filenames 2>/dev/null\n\t\treturn\n\t\t;;\n", commands[i].name, commands[i].name,
			       strncmp(commands[i].arguments, "FILE", 4) ? 'd' : 'f');
	}
	puts("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$list\" -- \"$cur\")\n}\n"
	     "complete -F _iomapscope iomapscope");
	return 0;
}

/* Markdown: a | inside a cell would end it. */
static void cell(const char *text)
{
	putchar(' ');
	for (; *text; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text);
	}
	fputs(" |", stdout);
}

static const char *json_type(const struct field *field)
{
	bool text = field->kind != KIND_DEC && field->kind != KIND_SIGNED && field->kind != KIND_SIZE && field->kind != KIND_HEX && field->kind != KIND_RET &&
	       field->kind != KIND_RESULT && field->kind != KIND_DURATION && field->kind != KIND_RATE && field->kind != KIND_BYTE_RATE;

	return field->kind == KIND_REGIONS || field->kind == KIND_KSTACK || field->kind == KIND_USTACK ? "array" : text ? "string" : "number";
}

static int events(const char *name)
{
	const struct command_desc *command = command_find(name);
	const struct observer *observer = command ? observer_of(command) : NULL;
	int i;

	if (!observer) {
		fprintf(stderr, "gen: %s is no observer\n", name);
		return 1;
	}
	puts("| field | column | type | unit | null | meaning |\n|---|---|---|---|---|---|");
	for (i = 0; i < observer->field_count; i++) {
		const struct field *field = &observer->field[i];
		printf("| `%s` |", field->name);
		cell(field->heading ? field->heading : "");
		cell(json_type(field));
		cell(field->unit);
		cell(field->nullable ? "can be" : "never");
		cell(field->doc);
		putchar('\n');
	}
	if (!observer->step_count)
		return 0;
	puts("\nThe fields of a step:\n\n| field | type | unit | null | meaning |\n|---|---|---|---|---|");
	for (i = 0; i < observer->step_field_count; i++) {
		const struct field *field = &observer->step_field[i];

		printf("| `%s` |", field->name);
		cell(json_type(field));
		cell(field->unit);
		cell(field->nullable ? "can be" : "never");
		cell(field->doc);
		putchar('\n');
	}
	puts("\nThe steps, and what each has beside these fields:\n\n| layer | step | also | meaning |\n|---|---|---|---|");
	for (i = 0; i < observer->step_count; i++) {
		printf("| %s | %s |", observer->layer[observer->step[i].layer].name, observer->step[i].name);
		cell(step_values(observer, i));
		cell(observer->step[i].doc);
		putchar('\n');
	}
	return 0;
}

static const char *const metric_types[] = {
	[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram", [METRIC_INFO] = "info",
};

static void metric_row(const struct metric_desc *metric, const char *labels, const char *cannot)
{
	printf("| `%s%s` |", metric->name, metric->type == METRIC_COUNTER ? "_total" : "");
	cell(metric_types[metric->type]);
	cell(metric->unit);
	cell(labels);
	printf(" %s%s%s |\n", metric->doc, *cannot ? "; not with " : "", cannot);
}

/* "" or the sources that cannot tell the metric, though it does not need this project's events. */
static const char *cannot_tell(const struct metric_desc *metric)
{
	const struct observer *observer = metric_groups[metric->group].observer;
	const struct metric_shown *shown = metric_shown(metric);
	static char names[160];
	size_t used = 0;
	int i;

	names[0] = 0;
	if (shown->sources == 1)
		return names;
	for (i = 0; i < observer->source_count; i++) {
		if (!(shown->sources >> i & 1))
			used += snprintf(names + used, sizeof(names) - used, "%s`%s`", used ? ", " : "the source ", observer->source[i].name);
	}
	return names;
}

/* docs/metrics.md: the metrics, the values of their labels, and how many series there can be. */
static int metrics_tables(void)
{
	unsigned int all = 0;
	size_t i;
	int g;

	for (g = 0; g < GROUP_COUNT; g++) {
		printf("\n### %s\n\nLabels of all: device, fstype, %s\n\n| metric | type | unit | label | meaning |\n|---|---|---|---|---|\n",
		       metric_groups[g].observer->command, metric_groups[g].facet);
		for (i = 0; i < metric_count; i++) {
			if ((int)metrics[i].group == g)
				metric_row(&metrics[i], metrics[i].labels, cannot_tell(&metrics[i]));
		}
	}
	puts("\n### About the exporter\n\n| metric | type | unit | labels | meaning |\n|---|---|---|---|---|");
	for (i = 0; i < own_metric_count; i++)
		metric_row(&own_metrics[i], own_metrics[i].labels, "");
	puts("\n### Values of labels\n\n| metric | label | values |\n|---|---|---|");
	for (i = 0; i < metric_count; i++) {
		const struct metric_shown *shown = metric_shown(&metrics[i]);
		unsigned int word;

		if (!shown->words)
			continue;
		printf("| `%s%s` | %s |", metrics[i].name, metrics[i].type == METRIC_COUNTER ? "_total" : "", metrics[i].labels);
		for (word = 0; word < shown->words; word++)
			printf("%s %s", word ? "," : "", *metric_word(shown, word) ? metric_word(shown, word) : "empty");
		puts(" |");
	}
	puts("\n### Series of one key\n\n| observer | series at the most |\n|---|---|");
	for (g = 0; g < GROUP_COUNT; g++) {
		printf("| %s | %u |\n", metric_groups[g].observer->command, metric_series(g));
		all += metric_series(g);
	}
	printf("| all | %u |\n", all);
	return 0;
}

static const struct {
	const char *name, *holds, *rests;
} rules[RULE_COUNT] = {
#define RULE_ROW(id, name_, holds_, rests_) { name_, holds_, rests_ },
	RULES(RULE_ROW)
};

static const struct {
	unsigned int rule;
	const char *name, *doc, *numbers;
} faults[FAULT_COUNT] = {
#define FAULT_ROW(id, rule_, name_, doc_, numbers_) { RULE_##rule_, name_, doc_, numbers_ },
	FAULTS(FAULT_ROW)
};

/* The events that a source needs for the rule, "" if it cannot be checked by it. */
static const char *events_of_rule(const struct source_desc *source, unsigned int rule)
{
	static char names[512];
	size_t used = 0;
	int i;

	names[0] = 0;
	for (i = 0; i < PROGRAMS_MAX && source->program[i].name; i++) {
		const struct program_desc *program = &source->program[i];

		if (program->rules >> rule & 1 && !program->extra && used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, "%s`%s`", used ? ", " : "", program->event);
	}
	return names;
}

/* docs/checks.md: the rules, what each needs, and how it can be broken. */
static int checks_tables(void)
{
	unsigned int rule, fault;
	int source;

	puts("| rule | what must hold | rests on |\n|---|---|---|");
	for (rule = 0; rule < RULE_COUNT; rule++) {
		printf("| `%s` |", rules[rule].name);
		cell(rules[rule].holds);
		cell(rules[rule].rests);
		putchar('\n');
	}
	puts("\n| rule | fault | what is wrong | numbers of the violation |\n|---|---|---|---|");
	for (rule = 0; rule < RULE_COUNT; rule++) {
		for (fault = 0; fault < FAULT_COUNT; fault++) {
			if (faults[fault].rule != rule)
				continue;
			printf("| `%s` | `%s` |", rules[rule].name, faults[fault].name);
			cell(faults[fault].doc);
			cell(faults[fault].numbers);
			putchar('\n');
		}
	}
	printf("\n| rule |");
	for (source = 0; source < check_observer.source_count; source++)
		printf(" events of the source `%s` |", check_observer.source[source].name);
	puts("\n|---|---|---|");
	for (rule = 0; rule < RULE_COUNT; rule++) {
		printf("| `%s` |", rules[rule].name);
		for (source = 0; source < check_observer.source_count; source++) {
			const char *events = events_of_rule(&check_observer.source[source], rule);

			printf(" %s |", *events ? events : "cannot tell");
		}
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	int ret = 1;

	if (argc == 3 && !strcmp(argv[1], "man"))
		ret = man(argv[2]);
	else if (argc == 2 && !strcmp(argv[1], "completion"))
		ret = completion();
	else if (argc == 3 && !strcmp(argv[1], "events"))
		ret = events(argv[2]);
	else if (argc == 2 && !strcmp(argv[1], "metrics"))
		ret = metrics_tables();
	else if (argc == 2 && !strcmp(argv[1], "checks"))
		ret = checks_tables();
	else
		fputs("usage: gen man PAGE | gen completion | gen events COMMAND | gen metrics | gen checks\n", stderr);
	return fflush(stdout) || ferror(stdout) ? 1 : ret;
}
