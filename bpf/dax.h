/* SPDX-License-Identifier: GPL-2.0 */
/* What the fsdax programs and user space share. */
#ifndef IOMAPSCOPE_DAX_H
#define IOMAPSCOPE_DAX_H

#include "dax_fields.h"
#include "observe.h"
#include "ops.h"

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct dax_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	DAX_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define XF_BIT(id) (1ULL << XF_##id)

/* Where the events come from; what they need and cannot tell is in schema/dax.c. */
enum dax_source {
	DAX_SOURCE_EVENTS,
	DAX_SOURCE_FEXIT,
	DAX_SOURCE_STOCK,
	DAX_SOURCE_COUNT,
};

/* What a histogram counts beside: struct hist.counter[]. */
enum dax_counter {
	COUNTER_PTE,
	COUNTER_PMD,
	COUNTER_FALLBACK,
	COUNTER_MAPPED,		/* bytes */
	COUNTER_HUGE,		/* of these, by huge pages */
	COUNTER_COUNT,
};

/* What fsdax alone needs to know, beside struct observe_config. */
struct dax_config {
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
	__u8 page_shift;
	__u8 pmd_order;
};

#endif
