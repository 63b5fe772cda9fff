/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The attach planner: which source can serve lookups on a kernel with this BTF, by what exists and never by version.
 * What it looks at is listed in plan.c and in docs/architecture.md.
 */
#ifndef IOMAPSCOPE_PLAN_H
#define IOMAPSCOPE_PLAN_H

#include "err.h"
#include "lookups.h"
#include "schema.h"

struct btf;

struct plan {
	struct {
		bool usable;
		char why_not[160];	/* if not usable: what is missing, in words */
	} source[SOURCE_COUNT];
	enum flag_era era;
	bool cookie;			/* mappings have a validity cookie */
	bool writes_alone;		/* IOMAP_WRITE without IOMAP_UNSHARE is a buffered write */
	bool own_iterators;		/* file systems may walk mappings without iomap_iter() */
	__u8 op_map[OP_SLOTS];		/* the kernel's enum iomap_op -> enum op */
	char unknown_ops[128];		/* names of that enum which this version does not know */
};

/* The kernel's BTF: of IOMAPSCOPE_BTF if set (for tests), otherwise of the running kernel. Free it with btf__free(). */
int plan_btf(struct btf **btf, struct err *err);

void plan_make(struct plan *plan, const struct btf *btf);

/*
 * Takes back what the kernel's BTF promises and its policy refuses, by loading (not attaching) a program that does nothing.
 * Needs the privilege to load programs. The observers need not call it: they fall back when they attach.
 */
void plan_try(struct plan *plan, const struct btf *btf);

/* The best usable source from @from on, -1 if there is none. */
int plan_choose(const struct plan *plan, int from);

const char *source_name(unsigned int source);
/* What the source cannot tell, or NULL. */
const char *source_limits(unsigned int source);

#endif
