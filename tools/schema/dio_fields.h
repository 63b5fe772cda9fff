/* SPDX-License-Identifier: GPL-2.0 */
/* The direct I/O event, each field once: see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_DIO_FIELDS_H
#define IOMAPSCOPE_DIO_FIELDS_H

#include "common_fields.h"

#define DIO_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when the request was over") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always dio") \
	FIELD(op, __u8, OP, "OP", -9, 0, "", "dio_read or dio_write") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread that submitted it") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 0, "", \
	      "device number of the file system; of the device itself if the file is a block device") \
	FIELD(ino, __u64, DEC, "INO", 9, 0, "", "inode number") \
	FIELD(pos, __u64, SIZE, "POS", 9, 0, "bytes", "start of the range asked for") \
	FIELD(len, __u64, SIZE, "LEN", 9, 0, "bytes", "length of the range asked for") \
	FIELD(done, __u64, SIZE, "DONE", 9, 1, "bytes", "bytes transferred; null if it failed") \
	FIELD(ret, __s32, RET, "RET", -9, 0, "errno", "0, or the negative errno of the request") \
	FIELD(wait, __u8, WAIT, "WAIT", -6, 0, "", "who waits for it") \
	FIELD(extents, __u32, DEC, "EXTENTS", 7, 1, "", "mappings that it was carried out on") \
	FIELD(bios, __u32, DEC, "BIOS", 5, 1, "", "bios that it was made of") \
	FIELD(exit, __u8, EXIT, "EXIT", -10, 1, "", "why less was done than asked for, as far as iomap decided it; null if nothing was") \
	FIELD(route, __u8, ROUTE, "ROUTE", -9, 1, "", "who completed it; null if it ended before its first lookup") \
	FIELD(mapping_ns, __u64, DURATION, "MAPPING", 8, 1, "nanoseconds", "in its mapping lookups; part of setup_ns, and of device_ns once the first bio is out") \
	FIELD(setup_ns, __u64, DURATION, NULL, 0, 1, "nanoseconds", "from its begin to its first bio; null if it had none") \
	FIELD(device_ns, __u64, DURATION, "DEVICE", 8, 1, "nanoseconds", "from its first bio to the end of the last") \
	FIELD(queue_ns, __u64, DURATION, NULL, 0, 1, "nanoseconds", "from the end of all I/O to the begin of the completion, as for a wake-up or a worker") \
	FIELD(completion_ns, __u64, DURATION, NULL, 0, 1, "nanoseconds", "from the begin of the completion to its end") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 0, "nanoseconds", "from its begin to its end, whoever is there for it") \
	SOURCE_FIELDS(FIELD) \
	FIELD(iocb_flags, __u32, IOCB_FLAGS, NULL, 0, 0, "", "flags of the caller's kiocb, joined by |") \
	FIELD(dio_flags, __u32, DIO_FLAGS, NULL, 0, 0, "", "flags of the file system's call, joined by |") \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

enum dio_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) DF_##id,
	DIO_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	DF_COUNT,
};

#endif
