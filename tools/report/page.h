/* SPDX-License-Identifier: GPL-2.0 */
/* The page: what was added up, as JSON between a template, a style and a script, all in one file that asks for nothing else. */
#ifndef IOMAPSCOPE_PAGE_H
#define IOMAPSCOPE_PAGE_H

#include <stdio.h>

#include "account.h"
#include "sum.h"

#define PAGE_FILES	100	/* rows that are shown */
#define PAGE_PROCESSES	50

/* One observer of the recording. */
struct page_stream {
	const struct observer *observer;	/* NULL: this version does not know it */
	const char *command, *source;
	const struct account *account;		/* NULL: the recording does not have it */
	__u64 records;				/* that were read */
	__u64 filtered;				/* and left out by the filters of this command */
	__u64 unfinished;			/* followed requests whose end is not in the recording */
};

/* What is said of the recording. A text that is not known is NULL or empty. */
struct page_facts {
	const char *file, *kernel, *machine, *node, *command_line, *tool;
	const char *filters;			/* of this command, as given; NULL: none */
	const char *damage;			/* what is wrong with the recording; NULL: nothing */
	__u64 start_ns, end_ns;			/* CLOCK_MONOTONIC */
	__s64 wall_offset_ns;
	__u64 left_out;				/* records of observers that this version does not know */
	unsigned int files;			/* that were read */
	const char *next_part;			/* the file that it goes on in, and that was not read */
	const struct page_stream *stream;
	int streams;
};

/* Whether it could be written, ferror(@file) tells. */
void page_print(FILE *file, const struct sum *sum, const struct page_facts *facts);

/* The data alone. */
void page_data(FILE *file, const struct sum *sum, const struct page_facts *facts);

#endif
