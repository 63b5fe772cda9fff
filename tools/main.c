// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "command.h"
#include "help.h"

/* Buffered standard output is written when stdio says so; a full device or a closed pipe shows here. */
static int finish_stdout(struct err *err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	err_set(err, STATUS_OUTPUT, "cannot write the output: %s", strerror(errno));
	return STATUS_OUTPUT;
}

static int help_main(const struct args *args, struct err *err)
{
	const struct command_desc *command;

	if (!args->operands) {
		help_usage(stdout);
		return finish_stdout(err);
	}
	command = command_find(args->operand[0]);
	if (!command || args->operands > 1) {
		err_set(err, STATUS_USAGE, "no command '%s' to help with; see 'iomapscope help'",
			args->operand[command ? 1 : 0]);
		return err->status;
	}
	help_command(stdout, command);
	return finish_stdout(err);
}

static int version_main(const struct args *args, struct err *err)
{
	(void)args;
	printf("iomapscope %s (libbpf %u.%u)\n", VERSION, libbpf_major_version(), libbpf_minor_version());
	return finish_stdout(err);
}

static int (*const mains[CMD_COUNT])(const struct args *args, struct err *err) = {
#define COMMAND_MAIN(id, name, arguments, summary, description, list, examples) [CMD_##id] = id##_main,
	COMMANDS(COMMAND_MAIN)
};

int main(int argc, char **argv)
{
	const struct command_desc *command;
	struct err err = {};
	struct args args;
	int status;

	/* The kernel's BTF is read twice, megabytes each time: what is freed in between goes back, and is not kept for later. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	if (argc < 2) {
		help_usage(stderr);
		return STATUS_USAGE;
	}
	/* --help and --version are what people try first. */
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = "help";
	else if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	signal(SIGPIPE, SIG_IGN);
	command = command_find(argv[1]);
	if (!command) {
		err_set(&err, STATUS_USAGE, "unknown %s '%s'; see 'iomapscope help'", argv[1][0] == '-' ? "option" : "command",
			argv[1]);
		status = err.status;
	} else if (args_parse(&args, command, argc - 2, argv + 2, &err)) {
		status = err.status;
	} else if (args.given[OPT_HELP]) {
		help_command(stdout, command);
		status = finish_stdout(&err);
	} else {
		status = mains[command - commands](&args, &err);
	}
	if (status != STATUS_OK && err.text[0])
		fprintf(stderr, "iomapscope: %s\n", err.text);
	return status;
}
