/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Log2 latency histogram, shared by the programs and user space.
 *
 * Bucket 0 holds 0 and 1 ns, bucket n holds (2^(n-1), 2^n] ns, the last holds all that is longer. An exact power of two is
 * therefore the upper, inclusive bound of its bucket.
 */
#ifndef IOMAPSCOPE_HIST_H
#define IOMAPSCOPE_HIST_H

#define HIST_BUCKETS 42		/* bounds 2^0 .. 2^40 ns (18 minutes), and the rest */

struct hist {
	__u64 count;		/* lookups */
	__u64 errors;		/* of these, failed */
	__u64 timed;		/* of these, with a known latency: the sum of the buckets */
	__u64 total_ns;
	__u64 max_ns;
	__u64 bucket[HIST_BUCKETS];
};

static inline __attribute__((always_inline)) __u32 hist_bucket(__u64 ns)
{
	__u32 n = 0;

	if (ns <= 1)
		return 0;
	ns--;			/* 2^n is still in bucket n */
	if (ns >> 32) {
		ns >>= 32;
		n += 32;
	}
	if (ns >> 16) {
		ns >>= 16;
		n += 16;
	}
	if (ns >> 8) {
		ns >>= 8;
		n += 8;
	}
	if (ns >> 4) {
		ns >>= 4;
		n += 4;
	}
	if (ns >> 2) {
		ns >>= 2;
		n += 2;
	}
	n += (ns >> 1) + 1;
	return n < HIST_BUCKETS - 1 ? n : HIST_BUCKETS - 1;
}

#endif
