/* SPDX-License-Identifier: GPL-2.0 */
/* What the test workloads share. Every failure that is not the point of a workload ends it. */
#ifndef WORKLOADS_COMMON_H
#define WORKLOADS_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* Prints "PROGRAM: message[: strerror]" on stderr and exits with status 2. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void die_errno(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A decimal or 0x number with an optional k, m or g (powers of 1024); dies when it is not one. */
uint64_t parse_number(const char *what, const char *text);

int xopen(const char *path, int flags);
/* Page-aligned zeroed memory, for direct I/O; never NULL. */
void *xalloc_pages(size_t size);
/* Writes everything or dies. */
void xpwrite(int fd, const void *buf, size_t len, off_t pos);
/* The short name of the errno values that workloads print ("ENOSPC"), otherwise its number. */
const char *errno_name(int err);

/* splitmix64: the same sequence everywhere for one seed. */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* Uniform enough below @limit; 0 when @limit is 0. */
uint64_t rng_below(struct rng *rng, uint64_t limit);

#endif
