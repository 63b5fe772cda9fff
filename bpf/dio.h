/* SPDX-License-Identifier: GPL-2.0 */
/* What the direct I/O programs and user space share. */
#ifndef IOMAPSCOPE_DIO_H
#define IOMAPSCOPE_DIO_H

#include "dio_fields.h"
#include "observe.h"
#include "ops.h"

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct dio_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	DIO_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define DF_BIT(id) (1ULL << DF_##id)

/* Where the events come from; what they need and cannot tell is in schema/dio.c. */
enum dio_source {
	DIO_SOURCE_EVENTS,
	DIO_SOURCE_FEXIT,
	DIO_SOURCE_STOCK,
	DIO_SOURCE_KPROBE,
	DIO_SOURCE_COUNT,
};

/* What direct I/O alone needs to know, beside struct observe_config. */
struct dio_config {
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
};

#endif
