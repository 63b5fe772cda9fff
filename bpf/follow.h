/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of follow and user space share. */
#ifndef IOMAPSCOPE_FOLLOW_H
#define IOMAPSCOPE_FOLLOW_H

#include "follow_fields.h"
#include "iteration.h"
#include "observe.h"
#include "ops.h"

/* A request as it is shown, and one of its steps. A field's bit in @nulls says that the field means nothing. */
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
struct follow_event {
	__u64 nulls;
	FOLLOW_FIELDS(FIELD_MEMBER)
};
struct step_event {
	__u64 nulls;
	STEP_FIELDS(FIELD_MEMBER)
	__u64 value[STEP_VALUES];
};
#undef FIELD_MEMBER

#define FF_BIT(id) (1ULL << FF_##id)
#define SF_BIT(id) (1ULL << SF_##id)
#define VALUE_BIT(n) (1ULL << (SF_COUNT + (n)))

/* What a record of the ring says beside its step. */
#define FOLLOW_FIRST	(1u << 0)	/* the first of a request */
#define FOLLOW_BEGINS	(1u << 1)	/* the identity begins: one that was at this address before is over */
#define FOLLOW_LAST	(1u << 2)	/* no step: the request is over, and so many steps of it were lost (value[0]) */
#define FOLLOW_RESULT	(1u << 3)	/* the end of an identity: of the first one, it is the request's result */
#define FOLLOW_BYTES	(1u << 4)	/* and a positive result is a number of bytes */
#define FOLLOW_NO_RET	(1u << 5)	/* it failed, with an error that is not known */

/* One record of the ring. */
struct follow_record {
	__u64 time;
	__u64 request;			/* number, from 1 */
	__u64 id, under;		/* identities, addresses of the kernel; @under: 0 is none */
	__u64 pos, len, ino;
	__s64 ret;
	__u64 value[STEP_VALUES];	/* by the kind of step, see FOLLOW_STEPS */
	__u64 cgroup;
	__u64 path;			/* of the first: see path_of() */
	struct stack_ids stacks;	/* likewise */
	struct task_comm comm;
	__u32 pid, tid, dev;
	__u16 flags;			/* FOLLOW_* above */
	__u8 value_nulls;		/* bit: index of a value that means nothing */
	__u8 step;			/* enum follow_step */
	__u8 op;
	__u8 depth;
};

/* Where the steps come from; what they need and cannot tell is in schema/follow.c. */
enum follow_source {
	FOLLOW_SOURCE_EVENTS,
	FOLLOW_SOURCE_FEXIT,
	FOLLOW_SOURCE_STOCK,
	FOLLOW_SOURCE_COUNT,
};

#endif
