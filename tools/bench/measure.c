// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "bench/measure.h"
#include "schema.h"
#include "session.h"

#define MIN_ROUNDS	16

#ifdef __x86_64__
/* Counts one a nanosecond of guest time, which is one an instruction, without a system call and without calibration. */
static inline __u64 now(void)
{
	return __builtin_ia32_rdtsc();
}

/* Tells QEMU's plugin (tests/perf/insns.c) that a round begins or ends: an instruction that does nothing. */
#define MARK_BEGIN	"0x0162696f"
#define MARK_END	"0x0262696f"
#define MARK(which)	asm volatile(".byte 0x0f, 0x1f, 0x80; .long " which : : : "memory")

static void spin(unsigned long count)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (count) : : "cc");
}
#else
/* No other machine is emulated: the check of the clock refuses it. */
static inline __u64 now(void)
{
	return 0;
}

#define MARK(which)	((void)0)

static void spin(unsigned long count)
{
	(void)count;
}
#endif

/* The number of the timer's tick: a clock that moves at ticks only. */
static __u64 tick_now(void)
{
	static struct timespec tick;
	struct timespec ts;

	if (!tick.tv_nsec)
		clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (ts.tv_sec * 1000000000ULL + ts.tv_nsec) / tick.tv_nsec;
}

/* Returns right after a tick. The sleep lets everything run that was put off: RCU callbacks, workers, timers. */
static void await_tick(void)
{
	const struct timespec rest = { .tv_nsec = 20000000 };
	__u64 before;

	nanosleep(&rest, NULL);
	before = tick_now();
	while (tick_now() == before)
		;
}

int instructions_check(struct err *err)
{
	/* It runs as soon as it can, and nothing else does: no round depends on what the scheduler thinks of it. */
	const struct sched_param first = { .sched_priority = 1 };
	__u64 begin, taken;

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		return err_set(err, STATUS_PRIVILEGE, "--unit instructions needs SCHED_FIFO: %s", strerror(errno));
	await_tick();
	begin = now();
	spin(100000);
	taken = now() - begin;
	/* 200,000 instructions must be that: anything else is another clock, and no figure means anything. */
	if (taken < 199000 || taken > 201000)
		return err_set(err, STATUS_KERNEL, "--unit instructions is for a guest under QEMU's -icount shift=0: the clock "
			       "does not count instructions, 200000 of them are %llu", (unsigned long long)taken);
	return 0;
}

bool instructions_settled(const struct instructions *result)
{
	return result->rounds >= MIN_ROUNDS && (result->second - result->best) * INSTRUCTIONS_AGREE <= result->best;
}

static __u64 one_round(const struct workload *workload, unsigned int *ticks)
{
	__u64 begin, end, tick;

	if (workload->prepare)
		workload->prepare();
	await_tick();
	tick = tick_now();
	MARK(MARK_BEGIN);
	begin = now();
	workload->run(workload->n);
	end = now();
	MARK(MARK_END);
	*ticks = tick_now() - tick;
	return end - begin;
}

void instructions_measure(const struct workload *workload, struct instructions *result)
{
	unsigned int ticks;

	one_round(workload, &ticks);
	*result = (struct instructions){ .best = ~0ULL, .second = ~0ULL };
	while (!instructions_settled(result) && result->rounds < INSTRUCTIONS_ROUNDS) {
		__u64 taken = one_round(workload, &ticks);

		result->taken[result->rounds++] = taken;
		if (taken < result->best) {
			result->second = result->best;
			result->best = taken;
			result->ticks = ticks;
		} else if (taken < result->second) {
			result->second = taken;
		}
	}
}

/* One pass; adds what it took to @pass_ns and @prepare_ns. */
static void one_pass(const struct workload *workload, unsigned int n, __u64 *pass_ns, __u64 *prepare_ns)
{
	__u64 start = monotonic_ns(), begin, end;

	if (workload->prepare)
		workload->prepare();
	begin = monotonic_ns();
	workload->run(n);
	end = monotonic_ns();
	*prepare_ns += begin - start;
	*pass_ns += end - begin;
}

struct time_size time_size_of(unsigned int n, __u64 pass_ns, __u64 prepare_ns)
{
	struct time_size size = { .n = n, .repeats = 1 };
	__u64 most;

	pass_ns += !pass_ns;
	if (pass_ns > TIME_ROUND_MAX_NS / 2) {
		size.n = n * (TIME_ROUND_MAX_NS / 2) / pass_ns;
		size.n += !size.n;
		return size;
	}
	most = TIME_ROUND_MAX_NS / (pass_ns + prepare_ns);
	size.repeats = (TIME_ROUND_NS + pass_ns - 1) / pass_ns;
	if (size.repeats > most)
		size.repeats = most ? most : 1;
	return size;
}

struct time_size time_calibrate(const struct workload *workload)
{
	__u64 pass_ns, prepare_ns;
	int i;

	/* The first pass is the warm-up. */
	for (i = 0; i < 2; i++) {
		pass_ns = 0;
		prepare_ns = 0;
		one_pass(workload, workload->n, &pass_ns, &prepare_ns);
	}
	return time_size_of(workload->n, pass_ns, prepare_ns);
}

double time_round(const struct workload *workload, struct time_size size)
{
	__u64 pass_ns = 0, prepare_ns = 0;
	unsigned int i;

	for (i = 0; i < size.repeats; i++)
		one_pass(workload, size.n, &pass_ns, &prepare_ns);
	return (double)pass_ns / ((double)size.n * size.repeats);
}
