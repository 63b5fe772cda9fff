/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics that the programs of all observers add up for 'iomapscope export', and what is where in them. */
#ifndef IOMAPSCOPE_METRIC_VALUE_H
#define IOMAPSCOPE_METRIC_VALUE_H

#include <linux/types.h>

/* What one file system type, device, facet (what the observer's group of metrics is by) and cgroup have in common. */
struct metric_key {
	__u64 fs;		/* address of its struct file_system_type, or METRIC_FS_* */
	__u64 cgroup;		/* 0: not asked for */
	__u32 dev;		/* kernel encoding */
	__u16 facet;
	__u16 stats;		/* STATS_*: programs do not share counters, see struct observe_stats */
};

#define METRIC_FS_NONE	0	/* there is no file */
#define METRIC_FS_BDEV	1	/* a block device as a file, whatever file system its name is in */
#define METRIC_FS_OTHER	2	/* had no room when it began */

#define METRIC_CGROUP_OTHER (~0ULL)	/* beyond those that have room */

/* Latencies up to 2^8 ns, then by powers of two up to 2^34 ns, and the rest. Each bound is in the bucket. */
#define METRIC_LATENCY_FIRST	8
#define METRIC_LATENCY_LAST	34
#define METRIC_LATENCIES	(METRIC_LATENCY_LAST - METRIC_LATENCY_FIRST + 2)

/* Sizes up to 2^12 bytes, then by powers of four up to 2^40 bytes, and the rest. */
#define METRIC_SIZE_FIRST	12
#define METRIC_SIZE_LAST	40
#define METRIC_SIZES		((METRIC_SIZE_LAST - METRIC_SIZE_FIRST) / 2 + 2)

/* Where in latency[] and size[] that is whose bucket of struct hist is @bucket; both have such bounds. */
static inline __attribute__((always_inline)) __u64 metric_latency_slot(__u64 bucket)
{
	return bucket < METRIC_LATENCY_FIRST ? 0 : bucket > METRIC_LATENCY_LAST ? METRIC_LATENCIES - 1 : bucket - METRIC_LATENCY_FIRST;
}

static inline __attribute__((always_inline)) __u64 metric_size_slot(__u64 bucket)
{
	return bucket < METRIC_SIZE_FIRST ? 0 : bucket > METRIC_SIZE_LAST ? METRIC_SIZES - 1 : (bucket - METRIC_SIZE_FIRST + 1) / 2;
}

#define METRIC_SUMS		14
#define METRIC_WORDS		24

/* One of each CPU. @begun and @dropped are counted atomically, where the work begins; all else where it ends. */
struct metric_value {
	__u64 name[2];		/* of the file system type, in one of the CPUs' at least; the second half is written first */
	__u64 begun;		/* of those that are a while in flight */
	__u64 dropped;		/* of these, given up: another one has begun in their place, or their end is counted in "other" */
	__u64 untimed;		/* ended without a known latency */
	__u64 errors;
	__u64 ns;
	__u64 latency[METRIC_LATENCIES];
	__u64 bytes, bytes_high;	/* one number: mappings reach to the end of all files */
	__u64 size[METRIC_SIZES];
	__u64 sum[METRIC_SUMS];
	__u64 word[METRIC_WORDS];
};

/* sum[] and word[] of each observer; where words are of several kinds, where each kind begins. */
enum lookup_metric { LOOKUP_SHARED, LOOKUP_COW };
enum step_metric { STEP_COUNT, STEP_BYTES, STEP_ERRORS };
enum ioend_phase { IOEND_BUILD, IOEND_DEVICE, IOEND_COMPLETION, IOEND_PHASES };
enum ioend_metric { IOEND_MERGED, IOEND_FOLIOS, IOEND_PHASE_NS, IOEND_PHASE_COUNT = IOEND_PHASE_NS + IOEND_PHASES };
enum dio_phase { DIO_MAPPING, DIO_SETUP, DIO_DEVICE, DIO_QUEUE, DIO_COMPLETION, DIO_PHASES };
enum dio_metric { DIO_BYTES, DIO_BIOS, DIO_EXTENTS, DIO_WOULD_BLOCK, DIO_PHASE_NS, DIO_PHASE_COUNT = DIO_PHASE_NS + DIO_PHASES };
enum dio_words { DIO_ROUTE_WORDS, DIO_WAIT_WORDS = 6, DIO_EXIT_WORDS = DIO_WAIT_WORDS + 3 };
enum dax_metric { DAX_SYNC_NS, DAX_BYTES };
enum dax_words { DAX_MAPPED_WORDS, DAX_FALLBACK_WORDS = 3 };
enum aio_metric { AIO_CANCELLED };
enum dmio_metric { DMIO_FAILED_REGIONS, DMIO_REGIONS };

#endif
