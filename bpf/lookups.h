/* SPDX-License-Identifier: GPL-2.0 */
/* What the lookups programs and user space share. */
#ifndef IOMAPSCOPE_LOOKUPS_H
#define IOMAPSCOPE_LOOKUPS_H

#include <linux/types.h>

#include "hist.h"
#include "lookup_fields.h"
#include "ops.h"

struct task_comm {
	char s[16];
};

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

enum hist_by {
	BY_OP,
	BY_TYPE,
	BY_DEV,
	BY_INO,
	BY_COMM,
};

/* Index of a failed lookup in the histogram by mapping type. */
#define TYPE_NONE TYPE_COUNT

/*
 * A program's own counters, one copy a CPU. Programs do not share them: a program may be preempted by another task's, and an
 * increment of a per-CPU counter is not atomic against that. The kernel keeps a program from interrupting itself on a CPU.
 */
struct lookup_stats {
	__u64 seen;
	__u64 emitted;		/* put into the ring */
	__u64 filtered;
	__u64 ring_full;
	__u64 map_full;
	__u64 nesting;
	__u64 unmatched_begin;
	__u64 unmatched_end;
	struct hist hist[OP_SLOTS];	/* by operation or by type */
};

enum {
	STATS_BEGIN,		/* the program on iomap_iter */
	STATS_END,		/* the one that sees the result */
	STATS_COUNT,
};

/* Key of the histograms by device, inode and command: @a and @b hold the 16 bytes of comm, or device and inode. */
struct hist_key {
	__u64 a, b;
	__u64 stats;		/* STATS_*, see struct lookup_stats */
};

#define DEV_MAX		32	/* devices that one -d may stand for */
#define RANGE_MAX	64	/* callers of iomap_iter(); a power of two */

/* Code of a caller of iomap_iter(): [start, end) -> enum op or enum caller_kind, sorted by start. */
struct caller_range {
	__u64 start, end;
	__u64 op;
};

/* Set before load and read-only then, so that the verifier removes what is not asked for. */
struct lookup_config {
	__u64 min_latency_ns;
	__u64 ino;
	__u64 count;		/* records to emit, 0: no bound */
	__u64 wakeup_bytes;	/* wake the reader when the ring holds as many */
	struct task_comm comm;
	__u32 dev[DEV_MAX];	/* kernel encoding: major << 20 | minor */
	__u32 devs;		/* 0: all */
	__u32 pid;		/* 0: all */
	__u32 self;		/* own process, never shown in a stream: its output would feed it */
	__u32 op_mask;		/* 0: all; bit OP_* */
	__u32 ranges;
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
	__u8 source;
	__u8 by_comm;
	__u8 by_ino;
	__u8 errors;
	__u8 hist;		/* aggregate instead of stream */
	__u8 hist_by;
	__u8 need_op;
	__u8 write_is_write;	/* IOMAP_WRITE alone means a buffered write (not before 6.3: unshare looks the same) */
};

#endif
