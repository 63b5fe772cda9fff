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

#define HIST_LOG2_2(n)	8 * (n), 8 * (n)
#define HIST_LOG2_4(n)	HIST_LOG2_2(n), HIST_LOG2_2(n)
#define HIST_LOG2_8(n)	HIST_LOG2_4(n), HIST_LOG2_4(n)
#define HIST_LOG2_16(n)	HIST_LOG2_8(n), HIST_LOG2_8(n)
#define HIST_LOG2_32(n)	HIST_LOG2_16(n), HIST_LOG2_16(n)
#define HIST_LOG2_64(n)	HIST_LOG2_32(n), HIST_LOG2_32(n)

#define HIST_LOG2_128(n)	HIST_LOG2_64(n), HIST_LOG2_64(n)
#define HIST_LOG2_256(n)	HIST_LOG2_128(n), HIST_LOG2_128(n)
#define HIST_LOG2_512(n)	HIST_LOG2_256(n), HIST_LOG2_256(n)
#define HIST_LOG2_1024(n)	HIST_LOG2_512(n), HIST_LOG2_512(n)

#define HIST_TABLE 4096

/* Where in @bucket that of so many nanoseconds is, in bytes: of most lookups. */
static const __u8 hist_table[HIST_TABLE] = {
	0, 0, 8 * 1, HIST_LOG2_2(2), HIST_LOG2_4(3), HIST_LOG2_8(4), HIST_LOG2_16(5), HIST_LOG2_32(6), HIST_LOG2_64(7), HIST_LOG2_128(8),
	HIST_LOG2_256(9), HIST_LOG2_512(10), HIST_LOG2_1024(11), HIST_LOG2_1024(12), HIST_LOG2_512(12), HIST_LOG2_256(12),
	HIST_LOG2_128(12), HIST_LOG2_64(12), HIST_LOG2_32(12), HIST_LOG2_16(12), HIST_LOG2_8(12), HIST_LOG2_4(12), HIST_LOG2_2(12), 8 * 12,
};

static inline __attribute__((always_inline)) __u32 hist_bucket(__u64 ns)
{
	__u32 n = 0;

	if (ns < HIST_TABLE)
		return hist_table[ns] / 8 & 15;	/* is 12 at most; the verifier asks */
	ns--;			/* 2^n is still in bucket n: what counts are the bits of the number below */
	if (ns >> 40)
		return HIST_BUCKETS - 1;
	/* Twelve bits at a time, of which the table knows the number. */
	while (n < 36 && ns + 1 >= HIST_TABLE) {
		n += 12;
		ns >>= 12;
	}
	n += hist_table[(ns + 1) & (HIST_TABLE - 1)] / 8;
	return n < HIST_BUCKETS - 1 ? n : HIST_BUCKETS - 1;	/* cannot be more either */
}

/* One more, as the programs count: see struct hist. */
static inline __attribute__((always_inline)) void hist_count(struct hist *h, _Bool failed, _Bool timed, __u64 latency_ns)
{
	if (failed)
		h->errors++;
	if (timed) {
		h->total_ns += latency_ns;
		if (latency_ns > h->max_ns)
			h->max_ns = latency_ns;
		h->bucket[hist_bucket(latency_ns)]++;
	} else {
		h->count++;
	}
}

#endif
