/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The attach planner: which source can serve an observer on a kernel with this BTF, by what exists and never by version.
 * What it looks at is listed with the sources, in schema/.
 */
#ifndef IOMAPSCOPE_PLAN_H
#define IOMAPSCOPE_PLAN_H

#include "err.h"
#include "observers.h"
#include "ops.h"

struct btf;

struct plan {
	const struct observer *observer;
	struct {
		bool usable;
		bool conditional;	/* one of the programs that have a condition is among them */
		bool program[PROGRAMS_MAX];	/* is loaded */
		unsigned int layers;	/* bits: of the observer's, those that are seen */
		char why_not[160];	/* if not usable: what is missing, in words */
	} source[SOURCES_MAX];
	enum flag_era era;
	bool cookie;			/* mappings have a validity cookie */
	bool writes_alone;		/* IOMAP_WRITE without IOMAP_UNSHARE is a buffered write */
	bool own_iterators;		/* file systems may walk mappings without iomap_iter() */
	__u8 op_map[OP_SLOTS];		/* the kernel's enum iomap_op -> enum op */
	char unknown_ops[128];		/* names of that enum which this version does not know */
};

/* The kernel's BTF: of IOMAPSCOPE_BTF if set (for tests), otherwise of the running kernel. Free it with btf__free(). */
int plan_btf(struct btf **btf, struct err *err);

/* That of the module which an observer names, on top of the kernel's: found beside it. NULL if there is none. Free it before that. */
struct btf *plan_module_btf(const struct observer *observer, struct btf *kernel);

void plan_make(struct plan *plan, const struct observer *observer, const struct btf *btf);

/*
 * Takes back what the kernel's BTF promises and its policy refuses, by loading (not attaching) a program that does nothing for each source that hooks a function.
 * Needs the privilege to load programs. The observers need not call it: they fall back when they attach.
 */
void plan_try(struct plan *plan, const struct btf *btf);

/* Whether this program is loaded for the source. */
bool plan_loads(const struct plan *plan, int source, const char *program);

/* The names of the layers that @source cannot see here, joined by commas; false if it sees all of them. */
bool plan_layers_missing(const struct plan *plan, int source, char *names, size_t size);

/* The best usable source from @from on, -1 if there is none. */
int plan_choose(const struct plan *plan, int from);

#endif
