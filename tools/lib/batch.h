/* SPDX-License-Identifier: GPL-2.0 */
/* Reading a hash of a BPF program, many keys with one call (BPF_MAP_LOOKUP_BATCH of bpf(2)). */
#ifndef IOMAPSCOPE_BATCH_H
#define IOMAPSCOPE_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* Room for a portion, kept from one reading to the next; all zero but for the sizes before the first batch_make(). */
struct batch {
	size_t key_size;
	size_t value_size;	/* of all CPUs, where each has its own */
	unsigned int room;	/* keys */
	void *key;
	void *value;
};

/* Where a reading is; all zero before it begins. */
struct batch_place {
	__u32 bucket;
	bool begun, ended;
};

/* Makes room for so many keys, if there is less; what was read is lost then. False: no memory, and no room at all. */
bool batch_make(struct batch *batch, unsigned int room);
void batch_free(struct batch *batch);

/*
 * Reads the next portion of the hash @fd: how many keys there are in @batch now, 0 at the end, or -errno. A key may come twice, or
 * not at all, while others come and go.
 */
int batch_read(struct batch *batch, int fd, struct batch_place *place);

#endif
