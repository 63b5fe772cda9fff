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

#define HIST_COUNTERS 5		/* that an observer may have beside, see struct observer */

/*
 * In the programs, which add up on hot paths, @count holds only those without a latency and @timed nothing: both follow from the
 * buckets, see hist_read().
 */
struct hist {
	__u64 count;		/* lookups, or what else is observed */
	__u64 errors;		/* of these, failed */
	__u64 timed;		/* of these, with a known latency: the sum of the buckets */
	__u64 total_ns;
	__u64 max_ns;
	__u64 bucket[HIST_BUCKETS];
	__u64 counter[HIST_COUNTERS];
};

#define HIST_LOG2_2(n)	(n), (n)
#define HIST_LOG2_4(n)	HIST_LOG2_2(n), HIST_LOG2_2(n)
#define HIST_LOG2_8(n)	HIST_LOG2_4(n), HIST_LOG2_4(n)
#define HIST_LOG2_16(n)	HIST_LOG2_8(n), HIST_LOG2_8(n)
#define HIST_LOG2_32(n)	HIST_LOG2_16(n), HIST_LOG2_16(n)
#define HIST_LOG2_64(n)	HIST_LOG2_32(n), HIST_LOG2_32(n)

/* How many bits a byte has. */
static const __u8 hist_bits[256] = {
	0, 1, HIST_LOG2_2(2), HIST_LOG2_4(3), HIST_LOG2_8(4), HIST_LOG2_16(5), HIST_LOG2_32(6), HIST_LOG2_64(7),
	HIST_LOG2_64(8), HIST_LOG2_64(8),
};

static inline __attribute__((always_inline)) __u32 hist_bucket(__u64 ns)
{
	__u32 n = 0;

	if (ns <= 1)
		return 0;
	ns--;			/* 2^n is still in bucket n: what counts are the bits of the number below */
	/* Most are of two bytes. */
	if (ns >> 16) {
		if (ns >> 40)
			return HIST_BUCKETS - 1;
		n = 16;
		ns >>= 16;
		if (ns >> 16) {
			n = 32;
			ns >>= 16;
		}
	}
	if (ns >> 8) {
		n += 8;
		ns >>= 8;
	}
	n += hist_bits[ns & 0xff];
	return n < HIST_BUCKETS - 1 ? n : HIST_BUCKETS - 1;	/* cannot be more; the verifier asks */
}

#endif
