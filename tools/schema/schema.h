/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of this directory as data. */
#ifndef IOMAPSCOPE_SCHEMA_H
#define IOMAPSCOPE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <linux/types.h>

#include "bench_fields.h"
#include "commands.h"
#include "lookup_fields.h"
#include "ops.h"
#include "options.h"
#include "top_fields.h"

#define VERSION "0.1.0"
#define VERSION_DATE "2026-11-21"		/* of the man pages */

enum field_kind {
	KIND_EVENT,		/* constant: the event's name */
	KIND_SOURCE,		/* name of one of the observer's sources */
	KIND_TIME,		/* CLOCK_MONOTONIC nanoseconds in the record, shown by the clock of --clock */
	KIND_DEC,
	KIND_SIGNED,
	KIND_SIZE,		/* bytes; 4k, 1m in the table */
	KIND_HEX,		/* hexadecimal in the table, a number in JSON and CSV */
	KIND_OP,
	KIND_TYPE,
	KIND_REASON,
	KIND_WAIT,
	KIND_EXIT,
	KIND_ROUTE,
	KIND_FALLBACK,
	KIND_ACCESS,
	KIND_MAPPED,
	KIND_COW,
	KIND_AIO_OP,
	KIND_AIO_ROUTE,
	KIND_CANCEL,
	KIND_DM_OP,
	KIND_DM_MEMORY,
	KIND_DM_WAIT,
	KIND_INJECT_STEP,
	KIND_RULE,
	KIND_FAULT,
	KIND_MAP_FLAGS,
	KIND_ASK_FLAGS,
	KIND_IOCB_FLAGS,
	KIND_DIO_FLAGS,
	KIND_RESULTS,
	KIND_AIO_FLAGS,
	KIND_RW_FLAGS,
	KIND_DM_FLAGS,
	KIND_VERDICTS,
	KIND_RET,		/* ok or ENOSPC in the table, a number in JSON and CSV */
	KIND_DURATION,		/* nanoseconds; 12.3us in the table */
	KIND_COMM,
	KIND_PATH,		/* the version of an entry of the map of paths, 0: null */
	KIND_PATH_WAS,		/* what user space knows beside it */
	KIND_KSTACK,		/* a number of the map of stacks, below 0: null */
	KIND_USTACK,
	KIND_LAYER,
	KIND_STEP,		/* name of one of the observer's steps */
	KIND_RESULT,		/* ok, ENOSPC or a number of bytes in the table, a number in JSON and CSV */
	KIND_OPF,		/* operation and flags of a bio */
	KIND_DEV,		/* kernel encoding in the record, MAJOR:MINOR shown */
	KIND_RATE,		/* what an interval added; per second in the table */
	KIND_BYTE_RATE,
	KIND_TOP_BY,
	KIND_TOP_OF,
	KIND_NAME,		/* text, by a pointer */
	KIND_REGIONS,		/* struct regions: an array in JSON, a list in CSV, the first and +N in the table */
};

struct field {
	const char *name;
	const char *ctype;
	const char *heading;
	const char *unit;
	const char *doc;
	enum field_kind kind;
	unsigned int offset, size;	/* in the record */
	int width;
	bool nullable;
};

enum option_kind { OPTION_NONE, OPTION_STRING, OPTION_NUMBER, OPTION_TIME, OPTION_SIZE, OPTION_CHOICE, OPTION_OPS, OPTION_PERCENTILES, OPTION_WORDS };

enum option_id {
#define OPTION_ENUM(id, s, l, argument, kind, choices, group, doc) OPT_##id,
	OPTIONS(OPTION_ENUM)
#undef OPTION_ENUM
	OPT_COUNT_ALL,
};

struct option_desc {
	char shortname;
	const char *longname;
	const char *argument;
	enum option_kind kind;
	const char *choices;
	const char *group;
	const char *doc;
};

/* An argument in brackets may be left out, and only stands behind a =: the option's first choice is taken then. */
static inline bool option_is_optional(const struct option_desc *option)
{
	return option->argument && option->argument[0] == '[';
}

/* Those that do not fit a line are listed elsewhere in the command's help. */
static inline bool option_shows_choices(const struct option_desc *option)
{
	return option->choices && strlen(option->choices) <= 70;
}

/* How the argument is written behind the option's name: " FILE", "[=WHICH]", or nothing. */
#define OPTION_ARGUMENT(option) \
	option_is_optional(option) ? "[=" : (option)->argument ? " " : "", \
	(option)->argument ? (option)->argument + option_is_optional(option) : ""

enum command_id {
#define COMMAND_ENUM(id, name, arguments, summary, description, options, examples) CMD_##id,
	COMMANDS(COMMAND_ENUM)
#undef COMMAND_ENUM
	CMD_COUNT,
};

struct command_desc {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *description;
	const char *examples;
	const enum option_id *options;
	size_t option_count;
};

struct op_desc {
	const char *id;		/* as in IOMAP_OP_<id> */
	const char *name;
	const char *group;
	const char *doc;
};

struct name_desc {
	const char *name;
	const char *doc;
};

/* Which meaning the flag bits have; see the list in ops.h. */
enum flag_era { ERA_62, ERA_614, ERA_615, ERA_COUNT };

struct flag_desc {
	const char *name;
	signed char bit[ERA_COUNT];	/* -1: not there */
	const char *doc;
};

struct caller_desc {
	const char *function;
	unsigned int op;		/* enum op or enum caller_kind */
};

struct status_desc {
	int status;
	const char *doc;
};

enum {
#define STATUS_ENUM(id, number, doc) STATUS_##id = number,
	STATUSES(STATUS_ENUM)
#undef STATUS_ENUM
};

enum loss {
#define LOSS_ENUM(id, doc) LOSS_##id,
	LOSSES(LOSS_ENUM)
#undef LOSS_ENUM
	LOSS_COUNT,
};

extern const struct name_desc losses[LOSS_COUNT];
extern const struct field lookup_fields[LF_COUNT];
extern const struct option_desc options[OPT_COUNT_ALL];
extern const struct command_desc commands[CMD_COUNT];
extern const struct op_desc ops[OP_COUNT];
extern const struct name_desc mapping_types[TYPE_COUNT];
extern const struct name_desc ioend_reasons[REASON_COUNT];
/* What the words of a kind of field mean. */
struct vocabulary {
	enum field_kind kind;
	const char *title;
	const struct name_desc *word;
	size_t count;
};

struct flag_list {
	enum field_kind kind;
	const char *title;
	const struct flag_desc *flag;
	size_t count;
};

/* What else a command's help and man page list. */
struct word_list {
	enum command_id command;
	const char *title;
	const struct name_desc *word;
	size_t count;
};

enum workload_id {
#define WORKLOAD_ENUM(id, doc) WORKLOAD_##id,
	WORKLOADS(WORKLOAD_ENUM, WORKLOAD_ENUM)
#undef WORKLOAD_ENUM
	WORKLOAD_COUNT,
};

extern const struct name_desc bench_workloads[WORKLOAD_COUNT];
extern const struct word_list word_lists[];
extern const size_t word_list_count;

extern const struct vocabulary vocabularies[];
extern const size_t vocabulary_count;
extern const struct flag_list flag_lists[];
extern const size_t flag_list_count;

/* NULL if the kind has no words, or the number no name. */
const char *word_of(enum field_kind kind, unsigned int value);

extern const struct flag_desc map_flags[];
extern const struct flag_desc ask_flags[];
extern const size_t map_flag_count, ask_flag_count;
extern const struct caller_desc callers[];
extern const size_t caller_count;
extern const struct status_desc statuses[];
extern const size_t status_count;

#endif
