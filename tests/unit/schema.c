// SPDX-License-Identifier: GPL-2.0
/* The tables themselves, and the help that is printed of them. */
#include <ctype.h>
#include <stdlib.h>

#include "args.h"
#include "follow_fields.h"
#include "format.h"
#include "help.h"
#include "lookups.h"
#include "observers.h"
#include "schema.h"
#include "tap.h"

/* A word of the vocabulary: in JSON, in a list with commas, in a completion's list with blanks, in roff. */
static bool is_word(const char *text, const char *others)
{
	const char *c;

	if (!text || !*text)
		return false;
	for (c = text; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr(others, *c))
			return false;
	}
	return true;
}

/* A sentence: there, one line, no full stop at its end, nothing that a page or a shell would eat. */
static bool is_doc(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 5 && text[len - 1] != '.' && !strpbrk(text, "\n\t\\\"") && text[0] != '.' && text[0] != '\'' && !strstr(text, "  ");
}

/* Its rules and faults have hyphens, as options have, and there are no histograms of them. */
static bool words_of_check(const struct vocabulary *words)
{
	return words->kind == KIND_RULE || words->kind == KIND_FAULT;
}

static void options_table(void)
{
	bool used[OPT_COUNT_ALL] = {};
	int c, i;
	size_t k, j;

	for (i = 0; i < OPT_COUNT_ALL; i++) {
		const struct option_desc *o = &options[i];

		ok(is_word(o->longname, "-") && is_doc(o->doc) && o->group && *o->group, "--%s has a name, a group and a sentence", o->longname);
		ok(!o->argument == (o->kind == OPTION_NONE) && !o->choices == (o->kind != OPTION_CHOICE && o->kind != OPTION_WORDS),
		   "--%s has an argument, and choices, if its kind has", o->longname);
		ok(!o->shortname || isalnum((unsigned char)o->shortname), "--%s: its letter is one", o->longname);
	}
	for (c = 0; c < CMD_COUNT; c++) {
		const struct command_desc *command = &commands[c];

		ok(is_word(command->name, "-") && is_doc(command->summary), "%s has a name and a summary", command->name);
		for (k = 0; k < command->option_count; k++) {
			const struct option_desc *o = &options[command->options[k]];
			bool twice = false, group_again = false;

			used[command->options[k]] = true;
			for (j = 0; j < k; j++) {
				const struct option_desc *p = &options[command->options[j]];

				twice |= !strcmp(o->longname, p->longname) || (o->shortname && o->shortname == p->shortname);
				group_again |= !strcmp(o->group, p->group) &&
					       strcmp(o->group, options[command->options[k - 1]].group);
			}
			ok(!twice, "%s --%s has its names alone", command->name, o->longname);
			ok(!group_again, "%s --%s stands with its group", command->name, o->longname);
		}
		ok(command->option_count && command->options[command->option_count - 1] == OPT_HELP, "%s ends with --help", command->name);
	}
	for (i = 0; i < OPT_COUNT_ALL; i++)
		ok(used[i], "--%s is some command's", options[i].longname);
	is_int(strcmp(options[OPT_OUTPUT].choices, "table|json|csv"), 0, "--output's choices are those of enum format_kind");
}

static void sources(void)
{
	static const char *const by_names[] = { "op", "type", "reason", "wait", "route", "fallback", "op", "route", "op", "memory", "wait", "step", "dev", "ino",
						"comm" };
	char names[256], by[64];
	size_t n;
	int i;

	for (n = 0; n < observer_count; n++) {
		const struct observer *o = observers[n];

		names[0] = by[0] = 0;
		for (i = 0; i < o->source_count; i++) {
			strcat(names, i ? "|" : "");
			strcat(names, source_name(o, i));
			ok(o->source[i].program[0].name && o->source[i].need_count, "%s: the source %s has a program and needs", o->command,
			   source_name(o, i));
		}
		is_str(options[o->source_option].choices, names, "%s: --source's choices are the sources, in their order", o->command);
		for (i = 0; i < o->key_count; i++) {
			strcat(by, i ? "|" : "");
			strcat(by, by_names[o->key[i]]);
		}
		if (o->key_count)
			is_str(options[o->by_option].choices, by, "%s: --by's choices are its keys", o->command);
		ok(o->source_count <= SOURCES_MAX, "%s: there is room for the sources", o->command);
		ok(o->counter_count <= HIST_COUNTERS && (!o->counter_count || (is_word(o->ratio.name, "_") && is_doc(o->ratio.doc) &&
		   o->ratio.part < o->counter_count && o->ratio.whole < o->counter_count)), "%s: there is room for the counters", o->command);
		for (i = 0; i < o->counter_count; i++)
			ok(is_word(o->counter[i].name, "_") && is_doc(o->counter[i].doc), "%s: the counter %s has a sentence", o->command,
			   o->counter[i].name);
	}
}

/* The words of --op are those of the field. */
static void words(void)
{
	static const struct {
		enum option_id option;
		enum field_kind kind;
	} pairs[] = { { OPT_OP_AIO, KIND_AIO_OP }, { OPT_OP_DMIO, KIND_DM_OP }, { OPT_STEP, KIND_INJECT_STEP }, { OPT_RULES, KIND_RULE } };
	size_t n;

	for (n = 0; n < ARRAY_SIZE(pairs); n++) {
		char names[320] = "";
		const char *word;
		unsigned int i;

		for (i = 0; (word = word_of(pairs[n].kind, i)); i++) {
			strcat(names, i ? "|" : "");
			strcat(names, word);
		}
		ok(i > 1 && i <= OP_SLOTS, "the words of --op fit a mask");
		is_str(options[pairs[n].option].choices, names, "--op's choices are the words of the field, in their order");
	}
	for (n = 0; n < vocabulary_count; n++) {
		size_t i;

		ok(words_of_check(&vocabularies[n]) || vocabularies[n].count <= HIST_SLOTS - 1, "%s: one slot of a histogram each, and one for what is unknown", vocabularies[n].title);
		for (i = 0; i < vocabularies[n].count; i++)
			ok(is_word(vocabularies[n].word[i].name, words_of_check(&vocabularies[n]) ? "-" : "_") && is_doc(vocabularies[n].word[i].doc), "%s: %s", vocabularies[n].title,
			   vocabularies[n].word[i].name);
	}
}

static void vocabulary(void)
{
	size_t i, j, n;

	for (n = 0; n < observer_count; n++) {
		const struct observer *o = observers[n];

		for (i = 0; i < (size_t)o->field_count; i++) {
			const struct field *f = &o->field[i];

			ok(is_word(f->name, "_") && is_doc(f->doc) && f->unit && (!f->heading || (is_word(f->heading, "_") && f->width)),
			   "the field %s has a sentence, a unit and a column with a width, or none", f->name);
			ok(f->size && f->offset + f->size <= o->record_size && f->offset >= sizeof(__u64), "the field %s is in the record",
			   f->name);
			ok(!f->heading || (int)strlen(f->heading) <= abs(f->width), "the heading of %s fits its column", f->name);
			for (j = 0; j < i; j++) {
				if (!strcmp(f->name, o->field[j].name))
					ok(false, "the field %s is there twice", f->name);
			}
		}
		ok(o->field_count <= 64, "the fields fit the bits of nulls");
	}
	for (i = 0; i < OP_COUNT; i++) {
		ok(is_word(ops[i].id, "_") && is_word(ops[i].name, "_") && is_word(ops[i].group, "_") && is_doc(ops[i].doc),
		   "the operation %s has a group and a sentence", ops[i].name);
		ok(strlen(ops[i].id) == strlen(ops[i].name) && !strcasecmp(ops[i].id, ops[i].name), "IOMAP_OP_%s is %s", ops[i].id, ops[i].name);
		for (j = 0; j < OP_COUNT; j++) {
			if (!strcmp(ops[i].name, ops[j].group) || (j < i && !strcmp(ops[i].name, ops[j].name)))
				ok(false, "%s is an operation and something else", ops[i].name);
		}
	}
	ok(OP_COUNT <= OP_HIDDEN && OP_HIDDEN < OP_SLOTS && OP_SLOTS <= 32, "the operations fit a mask");
	for (i = 0; i < TYPE_COUNT; i++)
		ok(is_word(mapping_types[i].name, "") && is_doc(mapping_types[i].doc), "the type %s", mapping_types[i].name);
	for (i = 0; i < map_flag_count; i++)
		ok(is_word(map_flags[i].name, "_") && is_doc(map_flags[i].doc), "the mapping flag %s", map_flags[i].name);
	for (i = 0; i < ask_flag_count; i++)
		ok(is_word(ask_flags[i].name, "_") && is_doc(ask_flags[i].doc), "the lookup flag %s", ask_flags[i].name);
	for (i = 0; i < LOSS_COUNT; i++)
		ok(is_word(losses[i].name, "_") && is_doc(losses[i].doc), "the loss %s", losses[i].name);
	for (i = 0; i < status_count; i++)
		ok(statuses[i].status == (int)i && is_doc(statuses[i].doc), "the status %zu", i);
	for (i = 0; i < caller_count; i++) {
		ok(is_word(callers[i].function, "_") && (callers[i].op < OP_COUNT || (callers[i].op >= CALLER_DIO && callers[i].op <= CALLER_DAX_FAULT)),
		   "the caller %s", callers[i].function);
		for (j = 0; j < i; j++) {
			if (!strcmp(callers[i].function, callers[j].function))
				ok(false, "the caller %s is there twice", callers[i].function);
		}
	}
	ok(caller_count * 2 <= RANGE_MAX, "there is room for the callers and their parts");
}

/* Observers whose events consist of steps. */
static void steps(void)
{
	size_t n;
	int i, j, v;

	for (n = 0; n < observer_count; n++) {
		const struct observer *o = observers[n];

		for (i = 0; i < o->step_field_count; i++) {
			const struct field *f = &o->step_field[i];

			ok(is_word(f->name, "_") && is_doc(f->doc) && f->unit && f->size && f->offset >= sizeof(__u64),
			   "%s: the field %s of a step has a sentence and a place", o->command, f->name);
		}
		for (i = 0; i < o->step_count; i++) {
			const struct step_desc *s = &o->step[i];

			ok(is_word(s->name, "_") && is_doc(s->doc) && s->layer < (unsigned int)o->layer_count, "%s: the step %s has a layer and a sentence",
			   o->command, step_title(o, i));
			for (j = 0; j < i; j++) {
				if (o->step[j].layer == s->layer && !strcmp(o->step[j].name, s->name))
					ok(false, "%s: the step %s is there twice", o->command, step_title(o, i));
			}
			for (v = 0; v < STEP_VALUES_MAX && s->value[v].name; v++) {
				bool again = false;

				/* The fields of a step and its values are members of one object. */
				for (j = 0; j < o->step_field_count; j++)
					again |= !strcmp(o->step_field[j].name, s->value[v].name);
				for (j = 0; j < v; j++)
					again |= !strcmp(s->value[j].name, s->value[v].name);
				ok(is_word(s->value[v].name, "_") && !again && s->value[v].size == sizeof(__u64), "%s: %s has the value %s once", o->command,
				   step_title(o, i), s->value[v].name);
			}
		}
		/* What probe says is not seen is a layer of which some source sees something. */
		for (i = 0; i < o->layer_count; i++) {
			unsigned int seen = 0;

			for (j = 0; j < PROGRAMS_MAX; j++)
				seen |= o->source[0].program[j].layers;
			ok(seen >> i & 1, "%s: the best source sees the layer %s", o->command, o->layer[i].name);
		}
	}
	ok(STEP_VALUES == STEP_VALUES_MAX, "there is room for the values of a step");
}

/* Words by single blanks, so that the wrapping is no matter. */
static char *unwrap(const char *text)
{
	char *words = malloc(strlen(text) + 2), *to = words;

	for (; *text; text++) {
		if (!isspace((unsigned char)*text))
			*to++ = *text;
		else if (to > words && to[-1] != ' ')
			*to++ = ' ';
	}
	*to = 0;
	return words;
}

static char *help_of(const struct command_desc *command)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (command)
		help_command(file, command);
	else
		help_usage(file);
	fclose(file);
	return text;
}

/* @text is in @words, with blanks in the place of its line ends. */
static bool contains(const char *words, const char *text)
{
	char *part = unwrap(text);
	bool found = strstr(words, part);

	free(part);
	return found;
}

static void help(void)
{
	char *text, *words, *line, *rest, part[640];
	const char *example, *tab, *end;
	size_t k, longest;
	int c, i;

	text = help_of(NULL);
	words = unwrap(text);
	for (c = 0; c < CMD_COUNT; c++) {
		snprintf(part, sizeof(part), "%s %s", commands[c].name, commands[c].summary);
		ok(contains(words, part), "the usage names %s with its summary", commands[c].name);
	}
	free(words);
	free(text);

	for (c = 0; c < CMD_COUNT; c++) {
		const struct command_desc *command = &commands[c];
		const struct observer *o = observer_of(command);

		text = help_of(command);
		words = unwrap(text);
		ok(contains(words, command->description), "help %s has the whole description", command->name);
		for (k = 0; k < command->option_count; k++) {
			const struct option_desc *o = &options[command->options[k]];

			bool choices = option_shows_choices(o);

			snprintf(part, sizeof(part), "--%s%s%s %s%s%s%s", o->longname, OPTION_ARGUMENT(o), o->doc, choices ? " (" : "",
				 choices ? o->choices : "", choices ? ")" : "");
			ok(contains(words, part), "help %s has --%s with all that it says", command->name, o->longname);
			if (o->shortname) {
				snprintf(part, sizeof(part), "-%c, --%s", o->shortname, o->longname);
				ok(contains(words, part), "help %s has -%c", command->name, o->shortname);
			}
		}
		for (k = 0; k < status_count; k++) {
			snprintf(part, sizeof(part), " %d %s", statuses[k].status, statuses[k].doc);
			ok(contains(words, part), "help %s has status %zu", command->name, k);
		}
		for (example = command->examples; *example; example = end + 1) {
			tab = strchr(example, '\t');
			end = strchr(example, '\n');
			ok(tab && end && tab < end, "%s: an example is a command, a tab, a meaning and a newline", command->name);
			if (!tab || !end)
				break;
			snprintf(part, sizeof(part), "%.*s # %.*s", (int)(tab - example), example, (int)(end - tab - 1), tab + 1);
			ok(contains(words, part), "help %s has the example %.*s", command->name, (int)(tab - example), example);
		}
		for (longest = 0, rest = text; (line = strsep(&rest, "\n")); ) {
			if (!strstr(line, " # ") && strlen(line) > longest)
				longest = strlen(line);
			if (*line && line[strlen(line) - 1] == ' ')
				ok(!line[strspn(line, " ")], "help %s: no blank at the end of '%s'", command->name, line);
		}
		ok(longest <= 100, "help %s fits 100 columns (%zu)", command->name, longest);
		if (o) {
			for (i = 0; i < o->field_count; i++) {
				snprintf(part, sizeof(part), "%s %s%s%s", o->field[i].name, o->field[i].heading ? o->field[i].heading : "",
					 o->field[i].heading ? " " : "", o->field[i].doc);
				ok(contains(words, part), "help %s has the field %s", o->command, o->field[i].name);
			}
			for (i = 0; observer_filters_op(o) && i < OP_COUNT; i++) {
				snprintf(part, sizeof(part), "%s %s [%s]", ops[i].name, ops[i].doc, ops[i].group);
				ok(contains(words, part), "help %s has the operation %s", o->command, ops[i].name);
			}
			for (i = 0; observer_shows(o, KIND_TYPE) && i < TYPE_COUNT; i++) {
				snprintf(part, sizeof(part), "%s %s", mapping_types[i].name, mapping_types[i].doc);
				ok(contains(words, part), "help %s has the type %s", o->command, mapping_types[i].name);
			}
			for (i = 0; i < o->step_count; i++) {
				snprintf(part, sizeof(part), "%s %s", step_title(o, i), o->step[i].doc);
				ok(contains(words, part), "help %s has the step %s", o->command, step_title(o, i));
			}
			for (i = 0; i < LOSS_COUNT; i++) {
				snprintf(part, sizeof(part), "%s %s", losses[i].name, losses[i].doc);
				ok(contains(words, part), "help %s has the loss %s", o->command, losses[i].name);
			}
			for (i = 0; i < o->source_count; i++) {
				snprintf(part, sizeof(part), "%s %s", source_name(o, i), source_limits(o, i) ? source_limits(o, i) : "");
				ok(contains(words, part), "help %s has the source %s", o->command, source_name(o, i));
			}
		}
		free(words);
		free(text);
	}
}

/* The examples that help and man pages show are commands that the parser takes. */
static void examples(void)
{
	const char *example, *end;
	int c;

	for (c = 0; c < CMD_COUNT; c++) {
		for (example = commands[c].examples; *example; example = strchr(example, '\n') + 1) {
			char line[160], *rest = line, *word, *argv[16];
			struct args args;
			struct err err;
			int argc = 0;

			end = strchr(example, '\t');
			snprintf(line, sizeof(line), "%.*s", (int)(end - example), example);
			while (argc < 16 && (word = strsep(&rest, " ")))
				argv[argc++] = word;
			ok(argc >= 2 && !strcmp(argv[0], "iomapscope") && command_find(argv[1]) == &commands[c] &&
			   !args_parse(&args, &commands[c], argc - 2, argv + 2, &err), "the example '%.*s' is right", (int)(end - example), example);
		}
	}
}

int main(void)
{
	options_table();
	sources();
	words();
	vocabulary();
	steps();
	help();
	examples();
	return done_testing();
}
