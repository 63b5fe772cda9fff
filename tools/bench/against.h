/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command of --against: a shell in a process group of its own, silent, which runs while B is measured. The caller must be the
 * subreaper of its descendants (PR_SET_CHILD_SUBREAPER), so that all of the group can be waited for.
 */
#ifndef IOMAPSCOPE_BENCH_AGAINST_H
#define IOMAPSCOPE_BENCH_AGAINST_H

#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>

#include "err.h"

struct against {
	const char *command;	/* the caller's, as is the next */
	__u64 settle_ns;
	pid_t pid;		/* 0: it is not running */
	int errors;		/* what it has said on standard error */
	bool never_idle;	/* it was busy for as long as is waited for that */
};

/*
 * Starts it, and returns when it has settled: so much time has passed, and in the last half of that it was idle, as an observer is
 * that is attached. It is given ten seconds to become so; one that does not is measured all the same. 0; or -1 with @err if it has
 * ended, or without if session_stop is set.
 */
int against_start(struct against *against, struct err *err);
/* Whether it is still there: 0; or -1 with @err. */
int against_check(struct against *against, struct err *err);
/*
 * SIGINT to all of it, SIGKILL after five seconds to what is left, and to what has left its group. Returns when all of it has ended: 0; or -1
 * with @err if it cannot be ended, as a program that runs as somebody else. @worker: the other child, which stays.
 */
int against_stop(struct against *against, pid_t worker, struct err *err);

#endif
