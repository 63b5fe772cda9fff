/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of check and user space share. */
#ifndef IOMAPSCOPE_CHECK_H
#define IOMAPSCOPE_CHECK_H

#include <linux/types.h>

#include "check_fields.h"
#include "iteration.h"
#include "observe.h"
#include "rules.h"

#define CHECK_STEPS	16		/* the last ones of an operation; a power of two */

struct check_step {
	__u64 ns;			/* since the begin */
	__u64 pos, len;
	__s64 a, b;			/* by the event */
	__u32 event;			/* enum check_event_id */
	__u32 unused;
};

/* One record of the ring: a violation. A field's bit in @nulls says that the field means nothing. */
struct check_event {
	__u64 nulls;
#define FIELD_MEMBER(id, ctype, kind, heading, width, nullable, unit, doc) ctype id;
	CHECK_FIELDS(FIELD_MEMBER)
#undef FIELD_MEMBER
	__u8 missing;			/* something was not seen, which may be for want of the program that should have */
	__u32 steps;			/* of the operation so far; the last CHECK_STEPS of them are in @step */
	struct check_step step[CHECK_STEPS];	/* number n at n % CHECK_STEPS */
};

#define CF_BIT(id) (1ULL << CF_##id)

/* What has begun: an operation, and whatever else the rules follow. At its begin the union is zero. */
struct check_state {
	__u64 key;			/* without its kind */
	__u64 begin_ns;
	__u64 last_ns;			/* of the last step, since then */
	__u32 kind;
	__u32 steps;
	__u64 unfinished;		/* it counts as one that has ended, though its end is to come */
	/* Each kind has its own, see the file of its programs. */
	union {
		struct {
			__u64 stale_pos;
			__u64 nvcsw;	/* how often the task had slept before the lookup */
			__u32 op;
			__u8 mapped;	/* a lookup has succeeded, and the next call of the iterator not come */
			__u8 released;	/* times, for that mapping */
			__u8 worked;	/* its step has been looked at */
			__u8 stale;	/* at stale_pos */
			__u8 sleeps;	/* nvcsw is known */
			__u8 looked;	/* its lookup was seen */
		} iter;
		struct {
			__u64 inode, ino;
			__u64 pos, size;	/* as io_offset and io_size */
			__u64 sector, bytes;
			__u16 type, flags;
		} ioend;
		struct {
			__u32 begun, ended;
		} folio;
		struct {
			__u64 pos, len, before;
			__s32 bios;	/* in flight */
			__u32 op, done, completed;
			__u8 waits, submitted, complete;
			__u8 told;	/* that it completes before its bios */
		} dio;
		struct {
			__u64 pos, len;
			__u32 completed;
			__u8 told;
		} kiocb;
		struct {
			__u32 regions;
		} dm;
		struct {
			__u64 fn, context;	/* of the last notification */
			__u32 outstanding;	/* more than one where an owner, or an interrupt, ends others meanwhile */
		} notice;
		__u64 v[12];
	};
	struct check_step step[CHECK_STEPS];
};

/* Their table: found by address with a few instructions. See check_place() in check.bpf.h. */
#define CHECK_WAYS	4		/* powers of two, both */
#define CHECK_SETS	4096
#define CHECK_STATES	(CHECK_SETS * CHECK_WAYS)
#define CHECK_ENDED	1ULL		/* in the key of one that has ended, and stays until its place is needed */

struct check_keys {
	__u64 way[CHECK_WAYS];
};

#define CHECK_CPUS	64		/* a power of two; CPUs beyond share */

struct check_counts {
	__u64 checked[RULE_COUNT];
};

/* Set before load. */
struct check_config {
	__u32 rules;			/* RULE_BIT() of those that are checked */
	__u32 sets;			/* of the table, a power of two */
	__u32 page_shift;
	__u32 huge_page;		/* bytes, of one page table of the lowest level */
};

/* Where the events come from; the names and what they cannot tell are in schema/check.c. */
enum check_source {
	CHECK_SOURCE_EVENTS,
	CHECK_SOURCE_STOCK,
	CHECK_SOURCE_COUNT,
};

#endif
