/* SPDX-License-Identifier: GPL-2.0 */
/* What became of everything that was seen, and the line that says so. */
#ifndef IOMAPSCOPE_ACCOUNT_H
#define IOMAPSCOPE_ACCOUNT_H

#include "output.h"
#include "schema.h"

struct account {
	__u64 seen, emitted, filtered;
	__u64 lost[LOSS_COUNT];
	__u64 programs_skipped;		/* runs of programs that the kernel left out; where there are begins and ends not all were events */
	__u64 duration_ns;
	__u64 unseen_at_most;		/* events that may be missing from @seen: begins that the kernel left out, and no end told of */
	__u64 stacks_lost;		/* of records that were emitted without */
	__u64 steps_lost;		/* of those that were seen; only if @steps */
	bool steps;
	bool cut;			/* of a recording that ends before its end: what was filtered or lost is not known */
	const char *command;
	const char *source;		/* NULL: none was attached */
};

__u64 account_lost(const struct account *account);

/* Whether all that happened was seen, and nothing of it lost. */
bool account_complete(const struct account *account);

/* One line each, newline included; LINE_ROOM suffices. */
char *account_json(const struct account *account, char *p);
char *account_text(const struct account *account, char *p);

#endif
