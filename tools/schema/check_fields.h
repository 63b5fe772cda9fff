/* SPDX-License-Identifier: GPL-2.0 */
/* Every field of a violation, once; see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_CHECK_FIELDS_H
#define IOMAPSCOPE_CHECK_FIELDS_H

#include "common_fields.h"

#define CHECK_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when it was found") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always violation") \
	FIELD(rule, __u8, RULE, "RULE", -20, 0, "", "the rule that was broken") \
	FIELD(fault, __u8, FAULT, "FAULT", -18, 0, "", "how") \
	FIELD(op, __u8, OP, "OP", -13, 1, "", "the operation; null if it is none of iomap, or the source cannot tell") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread that met it: at a completion it may have nothing to do with the work") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 1, "", "device number of the file system; null if there is no file") \
	FIELD(ino, __u64, DEC, "INO", 9, 1, "", "inode number; the same") \
	FIELD(pos, __u64, SIZE, "POS", 9, 1, "bytes", "start of the range that it is about") \
	FIELD(len, __u64, SIZE, "LEN", 9, 1, "bytes", "length of that range") \
	FIELD(got, __s64, SIGNED, NULL, 0, 1, "", "what was found; what it is depends on the fault, as do the next two, which the table shows below the line") \
	FIELD(expected, __s64, SIGNED, NULL, 0, 1, "", "what should have been") \
	FIELD(detail, __s64, SIGNED, NULL, 0, 1, "", "one number more") \
	SOURCE_FIELDS(FIELD) \
	PATH_FIELDS(FIELD) \
	FIELD(kstack, __s32, KSTACK, NULL, 0, 1, "", "the kernel's functions where it was found, the innermost first: an array, in CSV joined by ;") \
	FIELD(ustack, __s32, USTACK, NULL, 0, 1, "", "with --stacks or --stacks=user: the same of the process; null for a kernel thread")

enum check_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) CF_##id,
	CHECK_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	CF_COUNT,
};

#endif
