/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the tables that the programs add metrics up in, many keys with one call. */
#ifndef IOMAPSCOPE_EXPORT_READ_H
#define IOMAPSCOPE_EXPORT_READ_H

#include <stddef.h>

#include "batch.h"
#include "metric_value.h"

struct reader {
	unsigned int cpus;
	struct batch batch;	/* of struct metric_key, or a slot's number, and struct metric_value */
};

void reader_init(struct reader *reader, unsigned int cpus);
void reader_free(struct reader *reader);

/*
 * Calls @each with each key of the hash and its values, until it returns an error. A key may come twice, or not at all, while others come and
 * go. 0 or -errno.
 */
int read_keys(struct reader *reader, int fd, int (*each)(void *ctx, const struct metric_key *key, const struct metric_value *values),
	      void *ctx);

/* The same for the array of so many slots. */
int read_slots(struct reader *reader, int fd, unsigned int slots, int (*each)(void *ctx, unsigned int slot, const struct metric_value *values),
	       void *ctx);

/* Takes a key out, and what it had. 0 or -errno; -ENOENT: it was not there. The values live until the next call. */
int read_and_delete(struct reader *reader, int fd, const struct metric_key *key, const struct metric_value **values);

/* Calls @each with each key of a hash of numbers, until it returns an error. 0 or -errno. */
int read_numbers(int fd, int (*each)(void *ctx, __u64 number), void *ctx);

/* How many entries there are in a hash of any kind, and how many there can be. 0 or -errno. */
int count_entries(int fd, unsigned int *entries, unsigned int *room);

#endif
