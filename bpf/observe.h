/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of every observer and user space share: configuration, counters, histograms, state. */
#ifndef IOMAPSCOPE_OBSERVE_H
#define IOMAPSCOPE_OBSERVE_H

#include <linux/types.h>

#include "hist.h"
#include "metric_value.h"

struct task_comm {
	char s[16];
};

/*
 * What histograms can be of. Those before BY_DEV are small numbers, and index an array of each program's counters; the others are
 * keys of a hash.
 */
enum hist_by {
	BY_OP,
	BY_TYPE,
	BY_REASON,
	BY_WAIT,
	BY_ROUTE,
	BY_FALLBACK,
	BY_AIO_OP,
	BY_AIO_ROUTE,
	BY_DM_OP,
	BY_DM_MEMORY,
	BY_DM_WAIT,
	BY_STEP,
	BY_DEV,
	BY_INO,
	BY_COMM,
	BY_TOP,			/* of all that struct top_key has, in a table of their own */
	BY_METRICS,		/* the same with struct metric_key, and more than a histogram */
};

#define HIST_SLOTS 32		/* of the array */

/*
 * A program's own counters, one copy a CPU. Programs do not share them: a program may be preempted by another task's, and an
 * increment of a per-CPU counter is not atomic against that. The kernel keeps a program from interrupting itself on a CPU.
 */
struct observe_stats {
	__u64 seen;		/* a stateless source does not count them where cfg.plain is set: each is in a histogram */
	__u64 emitted;		/* put into the ring */
	__u64 filtered;
	__u64 ring_full;
	__u64 map_full;
	__u64 unmatched_begin;
	__u64 unmatched_end;
	__u64 stacks_lost;	/* records without a stack that they should have */
	struct hist hist[HIST_SLOTS];
};

enum {
	STATS_BEGIN,		/* the program that sees the begin */
	STATS_END,		/* the one that sees the result */
	STATS_COUNT = 6,	/* an observer of several kinds of events has more of both */
};

/* Key of the histograms by device, inode and command: @a and @b hold the 16 bytes of comm, or device and inode. */
struct hist_key {
	__u64 a, b;
	__u64 stats;		/* STATS_*, see struct observe_stats */
};

/*
 * A file's path, as records name it: @version is a number of all that the path is made of, 0 in histograms, which have one path for
 * each of their keys.
 */
struct path_key {
	__u64 ino;
	__u64 version;
	__u32 dev;
	__u32 zero;
};

#define PATH_TEXT	1024
#define PATH_DEPTH	48
#define PATH_NAME	256		/* the longest component, with its NUL */

/* Where a file is in its file system, as the programs have found it in the cache of names. */
struct path_value {
	__u64 since_ns;		/* when it was found: the later one of a renamed file is its newer one */
	__u32 generation;	/* tells files apart that had the same inode number one after the other */
	__u32 nlink;
	__u32 used;		/* bytes of @text */
	__u8 directory;
	__u8 block;		/* a block device: no names */
	__u8 deleted;		/* the name is its last one */
	__u8 cut;		/* there are more components than had room */
	char text[PATH_TEXT];	/* the components from the file upwards, each with its NUL */
};

#define STACK_DEPTH	64

/* Numbers of stacks, below 0: none. */
struct stack_ids {
	__s32 kernel, user;
};

#define STACKS_KERNEL	1
#define STACKS_USER	2

/* What top adds up under: who did something to which file. */
struct top_key {
	__u64 ino, cgroup;
	struct task_comm comm;
	__u32 dev;		/* kernel encoding */
	__u32 pid;		/* thread group */
	__u32 stats;		/* STATS_*, as above */
	__u32 unused;
};

struct top_value {
	struct hist hist;
	__u64 bytes;
	/* The longest of a round and of the one before: a round that is over stays as it is until it has been read. */
	__u64 max_ns[2];
	__u32 round[2];
};

#define DEV_MAX		32	/* devices that one -d may stand for */

/* Set before load and read-only then, so that the verifier removes what is not asked for. */
struct observe_config {
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
	__u8 source;
	__u8 by_comm;
	__u8 by_ino;
	__u8 by_cgroup;
	__u8 stacks;		/* STACKS_* */
	__u8 paths;		/* records, or the histograms' keys, want the file's path */
	__u8 errors;
	__u8 hist;		/* aggregate instead of stream */
	__u8 hist_by;
	__u8 plain;		/* a histogram by what indexes the array, and no filter: the path that has to be cheap */
	__u8 metric_cgroups;	/* metrics are by cgroup as well */
	__u8 metric_first;	/* the facet that the array of those without room begins with, how many it has, and of how many programs */
	__u8 metric_facets;
	__u8 metric_programs;
};

/* Changes while the programs run. */
struct observe_state {
	__u64 tickets;		/* --count: records emitted so far */
	__u32 round;		/* top: the interval, from 1 on */
	__u8 enabled;		/* all programs of the source are attached */
	__u8 stopping;		/* nothing new is taken up, what has begun may end */
	__u8 running;		/* enabled, and not stopping */
};

/* Where the plain programs add up, in place of struct observe_stats: found with fewer instructions. With more CPUs there are none. */
#define PLAIN_CPUS 64		/* a power of two */

struct plain_cpu {
	struct {
		struct hist hist;
		__u64 unused[64 - sizeof(struct hist) / 8];	/* to a power of two */
	} slot[HIST_SLOTS];
};

#endif
