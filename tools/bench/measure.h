/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two clocks of iomapscope bench, and rounds measured by them. All but instructions_check() is for the process of a workload,
 * which workload_enter() has set up: what goes wrong there is fatal to it.
 */
#ifndef IOMAPSCOPE_BENCH_MEASURE_H
#define IOMAPSCOPE_BENCH_MEASURE_H

#include <stdbool.h>
#include <linux/types.h>

#include "bench/workloads.h"
#include "err.h"

/*
 * Instructions, in a guest whose clock counts them (QEMU's -icount shift=0).
 *
 * A round is one pass. It begins right after a tick of the timer, with nothing else left to run, and is sized to end before the
 * next one, so that it holds the operations and nothing else. After a warm-up, rounds are repeated until the two cheapest agree to
 * 1/INSTRUCTIONS_AGREE; the cheapest is the result.
 */
#define INSTRUCTIONS_AGREE	1000
#define INSTRUCTIONS_ROUNDS	64	/* at most */

struct instructions {
	__u64 best, second;			/* of a round of the workload's n operations */
	__u64 taken[INSTRUCTIONS_ROUNDS];
	unsigned int rounds, ticks;		/* ticks in the cheapest round */
};

/*
 * Makes this process and its children run before all others, and looks whether the clock counts instructions. 0; or -1 with @err.
 */
int instructions_check(struct err *err);
void instructions_measure(const struct workload *workload, struct instructions *result);
bool instructions_settled(const struct instructions *result);

/*
 * Time. A round is several passes, as many as take TIME_ROUND_NS, and takes at most TIME_ROUND_MAX_NS, preparations included,
 * unless a single operation does not fit: where a pass is too long, it has fewer operations.
 */
#define TIME_ROUND_NS		20000000ULL
#define TIME_ROUND_MAX_NS	1000000000ULL

struct time_size {
	__u32 n, repeats;
};

/* Warms up, too. */
struct time_size time_calibrate(const struct workload *workload);
/* Nanoseconds an operation. */
double time_round(const struct workload *workload, struct time_size size);

/* How large a round is whose pass of @n operations takes @pass_ns, and @prepare_ns before it. */
struct time_size time_size_of(unsigned int n, __u64 pass_ns, __u64 prepare_ns);

#endif
