/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process of its own for one workload, asked for one figure at a time. It has a process group of its own, so that whatever it
 * starts ends with it. What it says on standard error is why it has failed.
 */
#ifndef IOMAPSCOPE_BENCH_WORKER_H
#define IOMAPSCOPE_BENCH_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct worker {
	pid_t pid;
	int channel, errors;
	char text[512];		/* once it has failed: why, one line */
	size_t used;
};

/* Calls @work in a new process, with its end of the channel. 0; or -1 with @err if there can be none. */
int worker_start(struct worker *worker, void (*work)(const void *task, int channel), const void *task, struct err *err);

/* Asks for the next figure; worker_answer() takes it. */
void worker_ask(struct worker *worker);

/* Waits for @size bytes from the channel. 0; or -1 if it has failed, as @text says, or if session_stop is set. */
int worker_answer(struct worker *worker, void *answer, size_t size);

/* Ends it, whatever it does; the text stays. */
void worker_end(struct worker *worker);

/* For @work: waits to be asked, ends the process when that cannot be any more; and answers. */
void worker_await(int channel);
void worker_tell(int channel, const void *answer, size_t size);

/*
 * Kills the children of this process, those that it has adopted from others included, but for @but (0: none), and waits for them. 0; or
 * the number of one that cannot be killed, with errno.
 */
pid_t children_end(pid_t but);

/* For any child: its signals are as if it had been started by a shell. */
void worker_signals(void);

#endif
