/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lookup event, each field once. The BPF programs, the table, JSON, CSV, help, man page and docs/events.md come from it.
 *
 * FIELD(id, ctype, kind, heading, width, nullable, unit, doc)
 *   id       JSON and CSV name, and the member of struct lookup_event; the order is the order of JSON and CSV
 *   ctype    the member's type
 *   kind     how it is shown: see enum field_kind in schema.h
 *   heading  table column, or NULL if the table does not show it; the table's order is this order
 *   width    of the column; negative: left-aligned
 *   nullable 1 if a source may not be able to fill it, or if it may mean nothing: null in JSON, empty in CSV, - in the table
 */
#ifndef IOMAPSCOPE_LOOKUP_FIELDS_H
#define IOMAPSCOPE_LOOKUP_FIELDS_H

#include "common_fields.h"

#define LOOKUP_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", \
	      "when the lookup returned; for a failed one of source iomap_iter+dstmap, when it began") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always lookup") \
	FIELD(op, __u8, OP, "OP", -13, 1, "", "the operation that needed the mapping") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 0, "", \
	      "device number of the file system; of the device itself if the file is a block device") \
	FIELD(ino, __u64, DEC, "INO", 9, 0, "", "inode number") \
	FIELD(pos, __u64, SIZE, "POS", 9, 0, "bytes", "start of the range asked for") \
	FIELD(len, __u64, SIZE, "LEN", 9, 0, "bytes", "length of the range asked for") \
	FIELD(type, __u8, TYPE, "TYPE", -9, 1, "", "type of the mapping; null if the lookup failed") \
	FIELD(addr, __u64, HEX, "ADDR", 12, 1, "bytes", "disk address of the mapping; null if it has none") \
	FIELD(map_pos, __u64, SIZE, "MAP_POS", 9, 1, "bytes", "where the mapping starts in the file") \
	FIELD(map_len, __u64, SIZE, "MAP_LEN", 9, 1, "bytes", "length of the mapping") \
	FIELD(flags, __u32, MAP_FLAGS, "FLAGS", -12, 1, "", "flags of the mapping, joined by |") \
	FIELD(ret, __s32, RET, "RET", -9, 1, "errno", \
	      "0, or the negative errno of a failed lookup; null for a failed one of source iomap_iter+dstmap") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 1, "nanoseconds", "time spent in the file system's ->iomap_begin") \
	SOURCE_FIELDS(FIELD) \
	FIELD(ask_flags, __u32, ASK_FLAGS, NULL, 0, 0, "", "flags that the lookup was asked with, joined by |") \
	FIELD(src_type, __u8, TYPE, NULL, 0, 1, "", "type of the source mapping (copy on write); null if there is none") \
	FIELD(src_addr, __u64, HEX, NULL, 0, 1, "bytes", "disk address of the source mapping") \
	FIELD(src_pos, __u64, SIZE, NULL, 0, 1, "bytes", "where the source mapping starts in the file") \
	FIELD(src_len, __u64, SIZE, NULL, 0, 1, "bytes", "length of the source mapping") \
	FIELD(cookie, __u64, DEC, NULL, 0, 1, "", "validity cookie of the mapping; null before Linux 6.2") \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

enum lookup_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) LF_##id,
	LOOKUP_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	LF_COUNT,
};

#endif
