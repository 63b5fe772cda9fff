/* SPDX-License-Identifier: GPL-2.0 */
/* An observer at work: load, attach, read the ring or the histograms, account. The same for every observer. */
#ifndef IOMAPSCOPE_RUN_H
#define IOMAPSCOPE_RUN_H

#include "args.h"
#include "err.h"
#include "observers.h"
#include "plan.h"

struct observation;

/* The programs of an observer, and what it alone has to do. */
struct observe_code {
	const struct observer *observer;
	const void *elf;
	size_t elf_size;
	/* Before the programs of @source are loaded: sets the observer's own variables. May be NULL. */
	void (*configure)(struct observation *o, int source);
};

/* A whole run of the command: returns an exit status, with @err filled unless it is STATUS_OK. */
int observe_main(const struct observe_code *code, const struct args *args, struct err *err);

/* For configure(). */
const struct plan *observe_plan(const struct observation *o);
const struct observe_config *observe_config(const struct observation *o);
/* A variable of the programs, NULL if there is none of this name. */
void *observe_variable(struct observation *o, const char *name);
/* A sentence for -v. */
void observe_tell(const struct observation *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
