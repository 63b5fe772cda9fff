/* SPDX-License-Identifier: GPL-2.0 */
/* What the dm-io programs and user space share. */
#ifndef IOMAPSCOPE_DMIO_H
#define IOMAPSCOPE_DMIO_H

#include "observe.h"
#include "ops.h"

#define REGIONS_MAX	8	/* of a request that a record has room for; dm-io takes 64 */

struct region {
	__u64 sector, count;
	__u32 dev, unused;
};

/* A region without sectors may be unknown: nothing is sent to it. */
struct regions {
	__u64 failed;		/* bit: index of the region */
	__u32 known;		/* the same, of those in @region */
	__u32 all;
	struct region region[REGIONS_MAX];
};

#include "dmio_fields.h"

/* One record of the ring. A field's bit in @nulls says that the field means nothing. */
struct dmio_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	DMIO_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
};

#define MF_BIT(id) (1ULL << MF_##id)

/* Where the events come from; what they need and cannot tell is in schema/dmio.c. */
enum dmio_source {
	DMIO_SOURCE_EVENTS,
	DMIO_SOURCE_FENTRY,
	DMIO_SOURCE_KPROBE,
	DMIO_SOURCE_COUNT,
};

#endif
