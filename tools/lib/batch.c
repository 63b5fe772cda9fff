// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "batch.h"

void batch_free(struct batch *batch)
{
	free(batch->key);
	free(batch->value);
	batch->key = NULL;
	batch->value = NULL;
	batch->room = 0;
}

bool batch_make(struct batch *batch, unsigned int room)
{
	if (room <= batch->room)
		return true;
	batch_free(batch);
	batch->key = calloc(room, batch->key_size);
	batch->value = calloc(room, batch->value_size);
	if (!batch->key || !batch->value) {
		batch_free(batch);
		return false;
	}
	batch->room = room;
	return true;
}

int batch_read(struct batch *batch, int fd, struct batch_place *place)
{
	__u32 count = 0, next;
	int ret;

	while (!count && !place->ended) {
		count = batch->room;
		ret = bpf_map_lookup_batch(fd, place->begun ? &place->bucket : NULL, &next, batch->key, batch->value, &count, NULL);
		if (ret == -ENOSPC) {		/* keys that share a place of the table come together */
			if (!batch_make(batch, 2 * batch->room))
				return -ENOMEM;
			count = 0;
			continue;
		}
		if (ret && ret != -ENOENT)
			return ret;
		place->bucket = next;
		place->begun = true;
		place->ended = ret == -ENOENT;
	}
	return count;
}
