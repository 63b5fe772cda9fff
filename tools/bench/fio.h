/* SPDX-License-Identifier: GPL-2.0 */
/* A job file of fio as a workload. */
#ifndef IOMAPSCOPE_BENCH_FIO_H
#define IOMAPSCOPE_BENCH_FIO_H

#include "err.h"

/* Whether fio can be run. 0; or -1 with @err. */
int fio_check(struct err *err);

/*
 * Runs the jobs of @file, a path that does not depend on the current directory, on files in the current one. Returns the
 * nanoseconds that a job took for one of its reads or writes, over all jobs. For the process of a workload: what goes wrong is
 * fatal to it.
 */
double fio_round(const char *file);

/*
 * That figure, from fio's output in its terse format 3, which is changed. NAN if no job has done I/O; -1 if one has failed, or the
 * text is none of fio's.
 */
double fio_parse(char *text);

#endif
