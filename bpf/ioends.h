/* SPDX-License-Identifier: GPL-2.0 */
/* What the ioends programs and user space share. */
#ifndef IOMAPSCOPE_IOENDS_H
#define IOMAPSCOPE_IOENDS_H

#include "ioend_fields.h"
#include "observe.h"
#include "ops.h"

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct ioend_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	IOEND_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define IF_BIT(id) (1ULL << IF_##id)

/* Where the events come from; what they need and cannot tell is in schema/ioends.c. */
enum ioend_source {
	IOEND_SOURCE_EVENTS,
	IOEND_SOURCE_FENTRY,
	IOEND_SOURCE_KPROBE,
	IOEND_SOURCE_COUNT,
};

#endif
