// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <zlib.h>

#include "follow.h"
#include "recording_format.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What a field is in the file, where numbers of this version mean nothing. */
static const char *const kind_names[] = {
	[KIND_EVENT] = "event", [KIND_SOURCE] = "source", [KIND_TIME] = "time", [KIND_DEC] = "dec", [KIND_SIZE] = "size", [KIND_HEX] = "hex",
	[KIND_OP] = "op", [KIND_TYPE] = "type", [KIND_REASON] = "reason", [KIND_WAIT] = "wait", [KIND_EXIT] = "exit", [KIND_ROUTE] = "route",
	[KIND_FALLBACK] = "fallback", [KIND_ACCESS] = "access", [KIND_MAPPED] = "mapped", [KIND_COW] = "cow", [KIND_AIO_OP] = "aio_op",
	[KIND_AIO_ROUTE] = "aio_route", [KIND_CANCEL] = "cancel", [KIND_DM_OP] = "dm_op", [KIND_DM_MEMORY] = "dm_memory",
	[KIND_DM_WAIT] = "dm_wait", [KIND_MAP_FLAGS] = "map_flags", [KIND_ASK_FLAGS] = "ask_flags", [KIND_IOCB_FLAGS] = "iocb_flags",
	[KIND_DIO_FLAGS] = "dio_flags", [KIND_RESULTS] = "results", [KIND_AIO_FLAGS] = "aio_flags", [KIND_RW_FLAGS] = "rw_flags",
	[KIND_DM_FLAGS] = "dm_flags", [KIND_RET] = "ret", [KIND_DURATION] = "duration", [KIND_COMM] = "comm", [KIND_PATH] = "path",
	[KIND_PATH_WAS] = "path_was", [KIND_KSTACK] = "kstack", [KIND_USTACK] = "ustack", [KIND_LAYER] = "layer", [KIND_STEP] = "step",
	[KIND_RESULT] = "result", [KIND_OPF] = "opf", [KIND_DEV] = "dev", [KIND_RATE] = "rate", [KIND_BYTE_RATE] = "byte_rate",
	[KIND_TOP_BY] = "top_by", [KIND_TOP_OF] = "top_of", [KIND_NAME] = "name", [KIND_REGIONS] = "regions",
};

_Static_assert(ARRAY_SIZE(kind_names) == KIND_REGIONS + 1, "each kind of field has a name");

const char *kind_name(enum field_kind kind)
{
	return kind < ARRAY_SIZE(kind_names) ? kind_names[kind] : NULL;
}

/* The release from which on they mean this. */
static const char *const era_names[ERA_COUNT] = { [ERA_62] = "6.2", [ERA_614] = "6.14", [ERA_615] = "6.15" };

const char *era_name(enum flag_era era)
{
	return era < ERA_COUNT ? era_names[era] : NULL;
}

#define MEMBER(name_, member, kind_) \
	{ .name = name_, .kind = KIND_##kind_, .offset = offsetof(struct follow_record, member), \
	  .size = sizeof(((struct follow_record *)NULL)->member) }

static const struct field follow_members[] = {
	MEMBER("time", time, TIME), MEMBER("request", request, DEC), MEMBER("id", id, HEX), MEMBER("under", under, HEX),
	MEMBER("pos", pos, SIZE), MEMBER("len", len, SIZE), MEMBER("ino", ino, DEC), MEMBER("ret", ret, RESULT),
	MEMBER("value0", value[0], DEC), MEMBER("value1", value[1], DEC), MEMBER("value2", value[2], DEC),
	MEMBER("value3", value[3], DEC), MEMBER("value4", value[4], DEC), MEMBER("value5", value[5], DEC),
	MEMBER("cgroup", cgroup, DEC), MEMBER("path", path, PATH), MEMBER("kstack", stacks.kernel, KSTACK),
	MEMBER("ustack", stacks.user, USTACK), MEMBER("comm", comm, COMM), MEMBER("pid", pid, DEC), MEMBER("tid", tid, DEC),
	MEMBER("dev", dev, DEV), MEMBER("flags", flags, HEX), MEMBER("value_nulls", value_nulls, HEX), MEMBER("step", step, STEP),
	MEMBER("op", op, OP), MEMBER("depth", depth, DEC),
};

_Static_assert(STEP_VALUES == 6, "each value of a step is a member");

struct record_layout record_layout(const struct observer *observer)
{
	if (observer == &follow_observer)
		return (struct record_layout) { follow_members, ARRAY_SIZE(follow_members), sizeof(struct follow_record), false };
	return (struct record_layout) { observer->field, observer->field_count, observer->record_size, true };
}

const struct field *layout_field(const struct record_layout *layout, const char *name)
{
	int i;

	for (i = 0; i < layout->count; i++) {
		if (!strcmp(layout->field[i].name, name))
			return &layout->field[i];
	}
	return NULL;
}

__u64 layout_value(const struct field *field, const void *record)
{
	const char *at = (const char *)record + field->offset;
	__u16 half;
	__u32 word;
	__u64 value;

	switch (field->size) {
	case 1:
		return *(const __u8 *)at;
	case 2:
		memcpy(&half, at, sizeof(half));
		return half;
	case 4:
		memcpy(&word, at, sizeof(word));
		return word;
	case 8:
		memcpy(&value, at, sizeof(value));
		return value;
	}
	return 0;
}

void layout_set(const struct field *field, void *record, __u64 value)
{
	char *at = (char *)record + field->offset;
	__u16 half = value;
	__u32 word = value;

	switch (field->size) {
	case 1:
		*(__u8 *)at = value;
		break;
	case 2:
		memcpy(at, &half, sizeof(half));
		break;
	case 4:
		memcpy(at, &word, sizeof(word));
		break;
	case 8:
		memcpy(at, &value, sizeof(value));
		break;
	}
}

__u32 recording_crc_part(__u32 crc, const void *data, size_t size)
{
	return crc32(crc, data, size);
}

__u32 recording_crc(const void *data, size_t size)
{
	return crc32(0, data, size);
}

void planes_make(void *to, const void *from, size_t size, size_t count)
{
	unsigned char *out = to;
	size_t byte, i;

	for (byte = 0; byte < size; byte++) {
		const unsigned char *in = (const unsigned char *)from + byte;

		for (i = 0; i < count; i++, in += size)
			*out++ = *in;
	}
}

void planes_undo(void *to, const void *from, size_t size, size_t count)
{
	const unsigned char *in = from;
	size_t byte, i;

	for (byte = 0; byte < size; byte++) {
		unsigned char *out = (unsigned char *)to + byte;

		for (i = 0; i < count; i++, out += size)
			*out = *in++;
	}
}
