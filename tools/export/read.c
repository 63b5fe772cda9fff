// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "export/read.h"

#define PORTION		128
#define COUNTED		512	/* entries at a time that are only counted */

void reader_init(struct reader *reader, unsigned int cpus)
{
	memset(reader, 0, sizeof(*reader));
	reader->cpus = cpus;
	reader->batch.key_size = sizeof(struct metric_key);
	reader->batch.value_size = cpus * sizeof(struct metric_value);
}

void reader_free(struct reader *reader)
{
	batch_free(&reader->batch);
}

static const struct metric_value *values_of(const struct reader *reader, __u32 i)
{
	return (const struct metric_value *)reader->batch.value + (size_t)i * reader->cpus;
}

int read_keys(struct reader *reader, int fd, int (*each)(void *, const struct metric_key *, const struct metric_value *), void *ctx)
{
	struct batch_place place = { 0 };
	int got, i;

	if (!batch_make(&reader->batch, PORTION))
		return -ENOMEM;
	while ((got = batch_read(&reader->batch, fd, &place)) > 0) {
		for (i = 0; i < got; i++) {
			int error = each(ctx, (const struct metric_key *)reader->batch.key + i, values_of(reader, i));

			if (error)
				return error;
		}
	}
	return got;
}

int read_slots(struct reader *reader, int fd, unsigned int slots, int (*each)(void *, unsigned int, const struct metric_value *), void *ctx)
{
	__u32 place, count, i, *from = NULL, *key;
	unsigned int left = slots;
	int ret = 0;

	if (!batch_make(&reader->batch, PORTION))
		return -ENOMEM;
	key = reader->batch.key;
	while (left && !ret) {
		count = reader->batch.room < left ? reader->batch.room : left;
		ret = bpf_map_lookup_batch(fd, from, &place, key, reader->batch.value, &count, NULL);
		if (ret && ret != -ENOENT)
			return ret;
		for (i = 0; i < count; i++) {
			int error = each(ctx, key[i], values_of(reader, i));

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
	*values = NULL;
	if (!batch_make(&reader->batch, PORTION))
		return -ENOMEM;
	*values = reader->batch.value;
	return bpf_map_lookup_and_delete_elem(fd, key, reader->batch.value);
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
	struct batch_place place = { 0 };
	struct batch batch = { 0 };
	__u32 size = sizeof(info);
	int ret = bpf_map_get_info_by_fd(fd, &info, &size);

	*entries = 0;
	if (ret)
		return ret;
	*room = info.max_entries;
	batch.key_size = info.key_size;
	batch.value_size = info.value_size;
	if (!batch_make(&batch, COUNTED))
		return -ENOMEM;
	while ((ret = batch_read(&batch, fd, &place)) > 0)
		*entries += ret;
	batch_free(&batch);
	return ret;
}
