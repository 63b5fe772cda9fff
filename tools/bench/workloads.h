/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The workloads of iomapscope bench. Each runs in a process of its own, where whatever goes wrong is fatal: it is said on standard
 * error, and the process ends with status 1.
 *
 * A pass is one run of @n operations, which is made ready by @prepare. A new workload is a row in schema/bench_fields.h, a run
 * function and a row of the table here.
 */
#ifndef IOMAPSCOPE_BENCH_WORKLOADS_H
#define IOMAPSCOPE_BENCH_WORKLOADS_H

#include "schema.h"

/* Where a workload runs: in DIRECTORY, or in one that an option names, as it needs a file system of a kind. */
enum place {
	PLACE_ANY,
	PLACE_DAX,			/* mounted with dax=always */
	PLACE_MIRROR,			/* on a mirror of the device mapper */
	PLACE_COUNT,
};

struct workload {
	enum place place;
	unsigned int n;			/* operations a pass: 2 to 3 million instructions on a stock kernel */
	void (*setup)(void);		/* once */
	void (*prepare)(void);		/* before each pass, not measured; or NULL */
	void (*run)(unsigned int n);	/* measured; any @n up to the workload's */
};

/* Their names are those of bench_workloads[]. */
extern const struct workload workloads[WORKLOAD_COUNT];

/* Makes a directory, and goes there. */
void workload_directory(const char *path);

/* The same, and sets the workload up in it. */
void workload_enter(const struct workload *workload, const char *directory);

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void die_errno(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
