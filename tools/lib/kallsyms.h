/* SPDX-License-Identifier: GPL-2.0 */
/* Who calls iomap_iter(): the callers' address ranges from /proc/kallsyms. */
#ifndef IOMAPSCOPE_KALLSYMS_H
#define IOMAPSCOPE_KALLSYMS_H

#include <stdio.h>

#include "lookups.h"

enum callers_state {
	CALLERS_FOUND,
	CALLERS_HIDDEN,		/* the addresses read as 0: no CAP_SYSLOG, or kptr_restrict=2 */
	CALLERS_NONE,		/* no such function, or no file */
};

/*
 * Fills @ranges, sorted by start and without overlap, at most @room, and *@count. Reads lines of the form of /proc/kallsyms up
 * to the first one of a module: iomap is never one. A function's compiler-made parts (.isra.0, .cold, ...) count as it.
 */
enum callers_state callers_parse(FILE *file, struct caller_range *ranges, unsigned int room, unsigned int *count);
enum callers_state callers_read(struct caller_range *ranges, unsigned int room, unsigned int *count);

#endif
