/* SPDX-License-Identifier: GPL-2.0 */
/* What the lookups programs and user space share. */
#ifndef IOMAPSCOPE_LOOKUPS_H
#define IOMAPSCOPE_LOOKUPS_H

#include <linux/types.h>

#include "lookup_fields.h"
#include "observe.h"
#include "ops.h"

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct lookup_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	LOOKUP_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define LF_BIT(id) (1ULL << LF_##id)

/* Where the events come from; the names and what they cannot tell are in lib/plan.c. */
enum lookup_source {
	SOURCE_LOOKUP,
	SOURCE_FEXIT,
	SOURCE_DSTMAP,
	SOURCE_COUNT,
};

/* Index of a failed lookup in the histogram by mapping type. */
#define TYPE_NONE TYPE_COUNT

#define RANGE_MAX	64	/* callers of iomap_iter(); a power of two */

/* Code of a caller of iomap_iter(): [start, end) -> enum op or enum caller_kind, sorted by start. */
struct caller_range {
	__u64 start, end;
	__u64 op;
};

/* What lookups alone need to know, beside struct observe_config. */
struct lookup_config {
	struct caller_range range[RANGE_MAX];
	__u32 ranges;
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
	__u8 need_op;
	__u8 write_is_write;	/* IOMAP_WRITE alone means a buffered write (not before 6.3: unshare looks the same) */
};

#endif
