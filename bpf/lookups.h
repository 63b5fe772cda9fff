/* SPDX-License-Identifier: GPL-2.0 */
/* What the lookups programs and user space share. */
#ifndef IOMAPSCOPE_LOOKUPS_H
#define IOMAPSCOPE_LOOKUPS_H

#include <linux/types.h>

#include "iteration.h"
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

/* Where the events come from; the names and what they cannot tell are in schema/lookups.c. */
enum lookup_source {
	SOURCE_LOOKUP,
	SOURCE_FEXIT,
	SOURCE_DSTMAP,
	SOURCE_COUNT,
};

/* Index of a failed lookup in the histogram by mapping type. */
#define TYPE_NONE TYPE_COUNT

/* The bytes of the asked range that the mapping has: some ask to the end of all files. */
static inline __attribute__((always_inline)) __u64 lookup_bytes(__u64 pos, __u64 len, __u64 map_pos, __u64 map_len)
{
	__u64 end = pos + len;

	if (end > map_pos + map_len)
		end = map_pos + map_len;
	return end > pos ? end - pos : 0;
}

/* What lookups alone need to know, beside struct observe_config. */
struct lookup_config {
	__u8 need_op;
};

#endif
