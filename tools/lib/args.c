// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "units.h"

const struct command_desc *command_find(const char *name)
{
	int i;

	for (i = 0; i < CMD_COUNT; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

/* Appends @word to a list separated by ", "; a list that is too long is cut at a word. */
static void list_add(char *list, size_t size, const char *word)
{
	size_t used = strlen(list);

	if (used + strlen(word) + 3 > size)
		return;
	snprintf(list + used, size - used, "%s%s", used ? ", " : "", word);
}

int ops_parse(const char *list, __u64 *mask, struct err *err)
{
	const char *word, *end;
	char known[320] = "";
	size_t len;
	int i, j;

	*mask = 0;
	for (word = list; ; word = end + 1) {
		__u64 found = 0;

		end = strchrnul(word, ',');
		len = end - word;
		for (i = 0; i < OP_COUNT; i++) {
			if ((strlen(ops[i].name) == len && !strncmp(ops[i].name, word, len)) ||
			    (strlen(ops[i].group) == len && !strncmp(ops[i].group, word, len)))
				found |= 1ULL << i;
		}
		if (!found)
			break;
		*mask |= found;
		if (!*end)
			return 0;
	}
	for (i = 0; i < OP_COUNT; i++) {
		list_add(known, sizeof(known), ops[i].name);
	}
	for (i = 0; i < OP_COUNT; i++) {
		for (j = 0; j < i && strcmp(ops[j].group, ops[i].group); j++)
			;
		if (j == i)
			list_add(known, sizeof(known), ops[i].group);
	}
	return err_set(err, STATUS_USAGE, "unknown operation '%.*s'; there are: %s", (int)len, word, known);
}

static int choice_parse(const char *choices, const char *text, __u64 *index)
{
	size_t len = strlen(text);
	const char *end;

	for (*index = 0; ; (*index)++, choices = end + 1) {
		end = strchrnul(choices, '|');
		if (len && (size_t)(end - choices) == len && !strncmp(choices, text, len))
			return 0;
		if (!*end)
			return -1;
	}
}

static int unknown_choice(const struct option_desc *option, const char *text, size_t len, struct err *err)
{
	char known[320] = "";
	const char *word, *end;

	for (word = option->choices; ; word = end + 1) {
		char one[48];

		end = strchrnul(word, '|');
		snprintf(one, sizeof(one), "%.*s", (int)(end - word), word);
		list_add(known, sizeof(known), one);
		if (!*end)
			break;
	}
	return err_set(err, STATUS_USAGE, "--%s: unknown '%.*s'; there are: %s", option->longname, (int)len, text, known);
}

/* A list of words, in the order of the option's choices: @mask has their bits. */
static int words_parse(const struct option_desc *option, const char *list, __u64 *mask, struct err *err)
{
	const char *word, *end;
	char one[48];
	__u64 index;

	*mask = 0;
	for (word = list; ; word = end + 1) {
		end = strchrnul(word, ',');
		snprintf(one, sizeof(one), "%.*s", (int)(end - word), word);
		if ((size_t)(end - word) >= sizeof(one) || choice_parse(option->choices, one, &index))
			return unknown_choice(option, word, end - word, err);
		*mask |= 1ULL << index;
		if (!*end)
			return 0;
	}
}

static int value_parse(struct args *args, enum option_id id, const char *text, struct err *err)
{
	const struct option_desc *option = &options[id];
	__u64 *number = &args->number[id];

	args->given[id] = true;
	args->text[id] = text;
	switch (option->kind) {
	case OPTION_NONE:
		return 0;
	case OPTION_STRING:
		if (!*text)
			return err_set(err, STATUS_USAGE, "--%s is empty; give a %s", option->longname, option->argument);
		return 0;
	case OPTION_NUMBER:
		if (parse_number(text, number) || !*number)
			return err_set(err, STATUS_USAGE, "--%s: '%s' is not a number above 0", option->longname, text);
		return 0;
	case OPTION_TIME:
		if (parse_time(text, number) || !*number)
			return err_set(err, STATUS_USAGE, "--%s: '%s' is not a time; write it like 10us, 1.5ms or 2s",
				       option->longname, text);
		return 0;
	case OPTION_SIZE:
		if (parse_size(text, number) || !*number)
			return err_set(err, STATUS_USAGE, "--%s: '%s' is not a size; write it like 4k, 1M or 0x1000",
				       option->longname, text);
		return 0;
	case OPTION_CHOICE:
		if (choice_parse(option->choices, text, number))
			return unknown_choice(option, text, strlen(text), err);
		return 0;
	case OPTION_OPS:
		return ops_parse(text, number, err);
	case OPTION_PERCENTILES:
		return percentiles_parse(text, &args->percentiles, err);
	case OPTION_WORDS:
		return words_parse(option, text, number, err);
	}
	return 0;
}

static int option_find(const struct command_desc *command, char shortname, const char *longname, size_t len)
{
	size_t i;

	for (i = 0; i < command->option_count; i++) {
		const struct option_desc *option = &options[command->options[i]];

		if (shortname ? option->shortname == shortname
			      : strlen(option->longname) == len && !strncmp(option->longname, longname, len))
			return command->options[i];
	}
	return -1;
}

static int unknown_option(const struct command_desc *command, const char *text, size_t len, struct err *err)
{
	return err_set(err, STATUS_USAGE, "unknown option '%.*s' for %s; see 'iomapscope help %s'", (int)len, text,
		       command->name, command->name);
}

int args_parse(struct args *args, const struct command_desc *command, int argc, char **argv, struct err *err)
{
	bool only_operands = false;
	int i, id;

	memset(args, 0, sizeof(*args));
	args->command = command;
	args->operand = argv;
	for (i = 0; i < argc; i++) {
		const char *text = argv[i], *value = NULL;

		if (only_operands || text[0] != '-' || !text[1]) {
			if (!command->arguments)
				return err_set(err, STATUS_USAGE, "unexpected argument '%s' for %s; see 'iomapscope help %s'",
					       text, command->name, command->name);
			args->operand[args->operands++] = argv[i];
			continue;
		}
		if (!strcmp(text, "--")) {
			only_operands = true;
			continue;
		}
		if (text[1] == '-') {
			size_t len = strcspn(text + 2, "=");

			id = option_find(command, 0, text + 2, len);
			if (id < 0)
				return unknown_option(command, text, len + 2, err);
			if (text[2 + len] == '=')
				value = text + 2 + len + 1;
			if (value && !options[id].argument)
				return err_set(err, STATUS_USAGE, "--%s takes no argument", options[id].longname);
		} else {
			id = option_find(command, text[1], NULL, 0);
			if (id < 0)
				return unknown_option(command, text, 2, err);
			if (text[2]) {
				value = text + 2;
				if (!options[id].argument)
					return err_set(err, STATUS_USAGE, "-%c takes no argument; write '%s' as separate options",
						       text[1], text);
			}
		}
		if (option_is_optional(&options[id]) && !value) {
			args->given[id] = true;
			continue;
		}
		if (options[id].argument && !value) {
			if (i + 1 == argc)
				return err_set(err, STATUS_USAGE, "--%s needs an argument: %s", options[id].longname,
					       options[id].argument);
			value = argv[++i];
		}
		if (value_parse(args, id, value, err))
			return -1;
		if (id == OPT_HELP)
			return 0;
	}
	return 0;
}
