/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of Linux AIO and user space share. */
#ifndef IOMAPSCOPE_AIO_H
#define IOMAPSCOPE_AIO_H

#include "aio_fields.h"
#include "observe.h"
#include "ops.h"

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct aio_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	AIO_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define AF_BIT(id) (1ULL << AF_##id)

/* Where the events come from; what they need and cannot tell is in schema/aio.c. */
enum aio_source {
	AIO_SOURCE_EVENTS,
	AIO_SOURCE_SUBMIT,
	AIO_SOURCE_FEXIT,
	AIO_SOURCE_KPROBE,
	AIO_SOURCE_COUNT,
};

#endif
