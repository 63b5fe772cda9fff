/* SPDX-License-Identifier: GPL-2.0 */
/* What the writer and the reader of recordings share: docs/recording.md in C. */
#ifndef IOMAPSCOPE_RECORDING_FORMAT_H
#define IOMAPSCOPE_RECORDING_FORMAT_H

#include "observers.h"
#include "stacks.h"

#define RECORDING_MAGIC		"IOMAPREC"
#define RECORDING_MAJOR		1	/* a reader takes no other one */
#define RECORDING_MINOR		0	/* what was added since can be skipped */
#define RECORDING_ORDER		0x01020304u

/* All numbers are in the byte order of the machine that wrote; another one sees it in @order. */
struct recording_head {
	char magic[8];
	__u16 major, minor;
	__u32 order;
	__u32 zero;
	__u32 crc;			/* of all before it, zlib's crc32 */
};

#define BLOCK_MAGIC		0x4b4c4249u
#define BLOCK_STORED_MAX	(1u << 20)	/* of what a block has in the file, and of what that becomes */
#define BLOCK_SIZE_MAX		(1u << 20)
#define BLOCK_ZSTD		(1u << 0)	/* compressed */
#define BLOCK_PLANES		(1u << 1)	/* the first bytes of all records, then the second ones, and so on */
#define BLOCK_FORGET		(1u << 2)	/* NAMES: what was told before is not named any more; the numbers go on */
#define NO_STREAM		0xffff

enum block_type {
	BLOCK_INFO = 1,		/* tags: what was recorded where */
	BLOCK_SCHEMA,		/* tags: one observer's records */
	BLOCK_NAMES,		/* texts that the records after it name by numbers */
	BLOCK_RECORDS,		/* of one observer */
	BLOCK_END,		/* tags: the accounts */
};

struct block_head {
	__u32 magic;
	__u8 type, coding;		/* enum block_type, BLOCK_* */
	__u16 stream;			/* which observer: its place among the schema blocks */
	__u64 number;			/* of the block in the file, from 0 */
	__u32 stored, size;		/* bytes that follow, and what they become */
	__u32 count;			/* RECORDS: how many */
	__u32 payload_crc;		/* of what follows, as it is stored */
	__u32 zero;
	__u32 crc;			/* of this head before it */
};

/* A RECORDS block begins with the offset of the wall clock, __s64, by which the times of its records are told. */
#define RECORDS_HEAD	8

_Static_assert(sizeof(struct recording_head) == 24 && sizeof(struct block_head) == 40, "docs/recording.md has their layout");

/* In INFO, SCHEMA and END: a tag, the length of what follows, that. One that is not known is skipped. */
struct tag_head {
	__u16 tag;
	__u16 zero;
	__u32 len;
};

enum recording_tag {
	/* INFO */
	TAG_TOOL = 1, TAG_KERNEL, TAG_MACHINE, TAG_NODE, TAG_COMMAND_LINE, TAG_ID,	/* texts */
	TAG_PART,			/* __u32 */
	TAG_START,			/* __u64 */
	TAG_WALL_OFFSET,		/* __s64 */
	/* SCHEMA */
	TAG_OBSERVER = 32, TAG_SOURCE, TAG_ERA,		/* texts: command, name of the source, of the era of the flags */
	TAG_RECORD_SIZE,		/* __u32 */
	TAG_FIELD,			/* struct field_tag, name of the kind, NUL, name, NUL */
	TAG_SOURCES,			/* names of the sources, each with its NUL, in the order of their numbers */
	TAG_WORDS,			/* name of the kind, NUL; then its words in the same way */
	TAG_STEP,			/* title, NUL, names of the values, each with its NUL; in the order of the numbers */
	/* END */
	TAG_ACCOUNT = 64,		/* of the next stream: those that follow, up to the next one of these; __u32 stream */
	TAG_SEEN, TAG_EMITTED, TAG_FILTERED, TAG_SKIPPED, TAG_UNSEEN, TAG_STACKS_LOST, TAG_DURATION, TAG_STEPS_LOST,	/* __u64 */
	TAG_LOST,			/* __u64, name of the reason, NUL */
	TAG_END,			/* __u64 */
	TAG_NEXT_PART,			/* text */
};

struct field_tag {
	__u32 offset, size;
	__u8 null_bit;			/* in the record's first eight bytes; NO_NULL_BIT: never null */
	__u8 nullable;
	__u16 zero;
};

#define NO_NULL_BIT 0xff

/* In a NAMES block, one behind the other: a head, @len bytes. What has a number gets the next one. */
struct name_head {
	__u8 kind;
	__u8 zero[3];
	__u32 len;
	__u64 number;			/* DEVICE, CGROUP: of the kernel */
};

enum name_kind {
	NAME_PATH = 1,			/* from 1: the path, NUL, the one before, NUL; empty: not known */
	NAME_STACK,			/* from 0: frames, each with its NUL */
	NAME_DEVICE,			/* text: by the number of the device */
	NAME_CGROUP,			/* text: by the number of the cgroup */
};

/* A file has no more of them before it forgets them. */
#define NAMES_PATHS	65536
#define NAMES_STACKS	8192
#define NAMES_OTHERS	8192		/* devices, and cgroups */
#define NAMES_BYTES	(16u << 20)	/* of text */
#define NAME_MAX_BYTES	(STACK_DEPTH * FRAME_TEXT)	/* of one entry */

/* The members of an observer's record, that of follow too, which has no table of its own. */
struct record_layout {
	const struct field *field;
	int count;
	size_t size;
	bool nulls;			/* it begins with a bit for each field */
};

struct record_layout record_layout(const struct observer *observer);
const struct field *layout_field(const struct record_layout *layout, const char *name);
/* Of at most eight bytes; without its sign. */
__u64 layout_value(const struct field *field, const void *record);
void layout_set(const struct field *field, void *record, __u64 value);

const char *kind_name(enum field_kind kind);
const char *era_name(enum flag_era era);

__u32 recording_crc(const void *data, size_t size);
__u32 recording_crc_part(__u32 crc, const void *data, size_t size);

/* Bytes of @count records of @size by planes, and back. */
void planes_make(void *to, const void *from, size_t size, size_t count);
void planes_undo(void *to, const void *from, size_t size, size_t count);

#endif
