/* SPDX-License-Identifier: GPL-2.0 */
/* Command line of one command, parsed by the option table. */
#ifndef IOMAPSCOPE_ARGS_H
#define IOMAPSCOPE_ARGS_H

#include "err.h"
#include "percentiles.h"
#include "schema.h"

struct args {
	const struct command_desc *command;
	bool given[OPT_COUNT_ALL];
	const char *text[OPT_COUNT_ALL];	/* borrowed from argv */
	__u64 number[OPT_COUNT_ALL];		/* NUMBER; TIME in ns; SIZE in bytes; CHOICE: index; OPS: mask of enum op */
	struct percentiles percentiles;		/* --percentiles */
	int operands;				/* arguments that are not options, only if the command takes some */
	char **operand;
};

/* @argv: what follows the command's name. Returns 0; or -1 with @err of STATUS_USAGE. --help ends the parsing. */
int args_parse(struct args *args, const struct command_desc *command, int argc, char **argv, struct err *err);

/* "read,dio" to a mask of 1 << enum op. Returns 0, or -1 with @err naming the word that is none. */
int ops_parse(const char *list, __u64 *mask, struct err *err);

/* NULL if there is no such command. */
const struct command_desc *command_find(const char *name);

#endif
