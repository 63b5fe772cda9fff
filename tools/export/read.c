// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "export/read.h"

#define PORTION		128
#define COUNTED		512	/* entries at a time that are only counted */

void reader_init(struct reader *reader, unsigned int cpus)
{
	memset(reader, 0, sizeof(*reader));
	reader->cpus = cpus;
}

void reader_free(struct reader *reader)
{
	free(reader->key);
	free(reader->value);
	reader->key = NULL;
	reader->value = NULL;
	reader->room = 0;
}

static bool make_room(struct reader *reader, unsigned int room)
{
	if (room <= reader->room)
		return true;
	reader_free(reader);
	reader->key = calloc(room, sizeof(struct metric_key));
	reader->value = calloc((size_t)room * reader->cpus, sizeof(*reader->value));
	if (!reader->key || !reader->value) {
		reader_free(reader);
		return false;
	}
	reader->room = room;
	return true;
}

int read_keys(struct reader *reader, int fd, int (*each)(void *, const struct metric_key *, const struct metric_value *), void *ctx)
{
	__u32 place, count, i, *from = NULL;
	int ret;

	if (!make_room(reader, PORTION))
		return -ENOMEM;
	do {
		count = reader->room;
		ret = bpf_map_lookup_batch(fd, from, &place, reader->key, reader->value, &count, NULL);
		if (ret == -ENOSPC) {		/* keys that share a place of the table come together */
			if (!make_room(reader, 2 * reader->room))
				return -ENOMEM;
			continue;
		}
		if (ret && ret != -ENOENT)
			return ret;
		for (i = 0; i < count; i++) {
			int error = each(ctx, (struct metric_key *)reader->key + i, reader->value + (size_t)i * reader->cpus);

			if (error)
				return error;
		}
		from = &place;
	} while (ret != -ENOENT);
	return 0;
}

int read_slots(struct reader *reader, int fd, unsigned int slots, int (*each)(void *, unsigned int, const struct metric_value *), void *ctx)
{
	__u32 place, count, i, *from = NULL, *key;
	unsigned int left = slots;
	int ret = 0;

	if (!make_room(reader, PORTION))
		return -ENOMEM;
	key = reader->key;
	while (left && !ret) {
		count = reader->room < left ? reader->room : left;
		ret = bpf_map_lookup_batch(fd, from, &place, key, reader->value, &count, NULL);
		if (ret && ret != -ENOENT)
			return ret;
		for (i = 0; i < count; i++) {
			int error = each(ctx, key[i], reader->value + (size_t)i * reader->cpus);

			if (error)
				return error;
		}
		left -= count < left ? count : left;
		from = &place;
	}
	return 0;
}

int read_and_delete(struct reader *reader, int fd, const struct metric_key *key, const struct metric_value **values)
{
	*values = reader->value;
	if (!make_room(reader, PORTION))
		return -ENOMEM;
	*values = reader->value;
	return bpf_map_lookup_and_delete_elem(fd, key, reader->value);
}

int read_numbers(int fd, int (*each)(void *, __u64), void *ctx)
{
	__u64 number, *from = NULL;
	int ret;

	while (!(ret = bpf_map_get_next_key(fd, from, &number))) {
		ret = each(ctx, number);
		if (ret)
			return ret;
		from = &number;
	}
	return ret == -ENOENT ? 0 : ret;
}

int count_entries(int fd, unsigned int *entries, unsigned int *room)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), place, count, portion = COUNTED, *from = NULL;
	void *key, *value;
	int ret = bpf_map_get_info_by_fd(fd, &info, &size);

	*entries = 0;
	if (ret)
		return ret;
	*room = info.max_entries;
	do {
		key = calloc(portion, info.key_size);
		value = calloc(portion, info.value_size);
		if (!key || !value) {
			ret = -ENOMEM;
		} else do {
			count = portion;
			ret = bpf_map_lookup_batch(fd, from, &place, key, value, &count, NULL);
			if (!ret || ret == -ENOENT)
				*entries += count;
			from = &place;
		} while (!ret);
		free(key);
		free(value);
		portion *= 2;
		if (ret == -ENOSPC) {
			*entries = 0;
			from = NULL;
		}
	} while (ret == -ENOSPC);
	return ret == -ENOENT ? 0 : ret;
}
