/* SPDX-License-Identifier: GPL-2.0 */
/* The ioend event, each field once: see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_IOEND_FIELDS_H
#define IOMAPSCOPE_IOEND_FIELDS_H

#include "common_fields.h"

#define IOEND_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when the ioend was finished") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always ioend") \
	FIELD(op, __u8, OP, NULL, 0, 0, "", "always writeback") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", \
	      "name of the thread that wrote back: a kworker, or one that asked for it, as by fsync()") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 0, "", \
	      "device number of the file system; of the device itself if the file is a block device") \
	FIELD(ino, __u64, DEC, "INO", 9, 0, "", "inode number") \
	FIELD(pos, __u64, SIZE, "POS", 9, 0, "bytes", "start of its range in the file") \
	FIELD(len, __u64, SIZE, "LEN", 9, 0, "bytes", "length of its range in the file, without those merged into it; 6.1 counts whole blocks") \
	FIELD(type, __u8, TYPE, "TYPE", -9, 0, "", "type of the mapping that it was built on") \
	FIELD(sector, __u64, DEC, "SECTOR", 12, 0, "512 bytes", "where it begins on the device of the mapping") \
	FIELD(bytes, __u64, SIZE, "BYTES", 9, 1, "bytes", "data of its bio, which goes beyond the end of the file to the end of the block") \
	FIELD(folios, __u32, DEC, "FOLIOS", 6, 1, "", "folios that it has a part of") \
	FIELD(ranges, __u32, DEC, NULL, 0, 1, "", "ranges that were added to it") \
	FIELD(reason, __u8, REASON, "REASON", -9, 1, "", "why it was begun, and its range not added to the one before") \
	FIELD(merged, __u32, DEC, "MERGED", 6, 1, "", "ioends that were merged into it at completion; each has a line of its own") \
	FIELD(ret, __s32, RET, "RET", -9, 0, "errno", "0, or the negative errno of the I/O") \
	FIELD(build_ns, __u64, DURATION, "BUILD", 8, 1, "nanoseconds", "from its begin to its submission") \
	FIELD(device_ns, __u64, DURATION, "DEVICE", 8, 1, "nanoseconds", \
	      "from its submission to the end of its bio; null where the file system takes the end of the bio, as XFS does unless it is a plain overwrite") \
	FIELD(completion_ns, __u64, DURATION, NULL, 0, 1, "nanoseconds", "from the end of its bio to its finish; null as device_ns") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 0, "nanoseconds", \
	      "from its begin to its finish; on the stock sources from its submission") \
	SOURCE_FIELDS(FIELD) \
	FIELD(flags, __u32, MAP_FLAGS, NULL, 0, 1, "", "flags of the mapping, joined by |; null from Linux 6.14 on the stock sources") \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

enum ioend_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) IF_##id,
	IOEND_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	IF_COUNT,
};

#endif
