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

static inline __attribute__((always_inline)) _Bool dax_is_fault(__u32 op)
{
	return op != OP_DAX_READ && op != OP_DAX_WRITE;
}

static inline __attribute__((always_inline)) _Bool dax_has_mapped(__u32 result)
{
	return !(result & (RESULT_FAILED | RESULT_FALLBACK)) && result & (RESULT_NOPAGE | RESULT_DONE_COW);
}

/* What a histogram of faults has beside the latency. */
static inline __attribute__((always_inline)) void dax_count(struct hist *h, __u32 op, __u32 result, __u64 len)
{
	if (op == OP_DAX_FAULT_PMD && result & RESULT_FALLBACK)
		h->counter[COUNTER_FALLBACK]++;
	if (!dax_has_mapped(result))
		return;
	h->counter[COUNTER_MAPPED] += len;
	if (op == OP_DAX_FAULT_PMD) {
		h->counter[COUNTER_PMD]++;
		h->counter[COUNTER_HUGE] += len;
	} else {
		h->counter[COUNTER_PTE]++;
	}
}

/* What fsdax alone needs to know, beside struct observe_config. */
struct dax_config {
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
	__u8 page_shift;
	__u8 pmd_order;
};

#endif
