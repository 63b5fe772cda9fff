/* SPDX-License-Identifier: GPL-2.0 */
/* The dm-io event, each field once: see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_DMIO_FIELDS_H
#define IOMAPSCOPE_DMIO_FIELDS_H

#include "common_fields.h"

#define DMIO_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when the last region was over") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always dmio") \
	FIELD(op, __u8, DM_OP, "OP", -12, 0, "", "operation") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread that submitted it") \
	TASK_FIELDS(FIELD) \
	FIELD(wait, __u8, DM_WAIT, "WAIT", -5, 1, "", "who waits for it") \
	FIELD(memory, __u8, DM_MEMORY, "MEMORY", -9, 1, "", "what kind of memory the data is in") \
	FIELD(region_count, __u32, DEC, NULL, 0, 0, "", "regions") \
	FIELD(regions, struct regions, REGIONS, "REGIONS", -28, 0, "512 bytes", \
	      "the first eight regions: device, sector, sectors and whether it failed; nothing is sent to one without sectors, which may be left out") \
	FIELD(bytes, __u64, SIZE, "BYTES", 9, 0, "bytes", "length of all regions together") \
	FIELD(bios, __u32, DEC, "BIOS", 5, 1, "", "bios that it was made of") \
	FIELD(error_bits, __u64, HEX, "ERRORS", 7, 0, "", \
	      "a bit for each region that failed, also if its device cannot do such a thing; the first region's is 1") \
	FIELD(device_ns, __u64, DURATION, "DEVICE", 8, 1, "nanoseconds", "from its first bio to its end; null if it had none") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 0, "nanoseconds", "from its begin to the end of its last region") \
	FIELD(notify_ns, __u64, DURATION, "NOTIFY", 8, 1, "nanoseconds", "time in its owner's function, or to wake the submitter up") \
	SOURCE_FIELDS(FIELD) \
	FIELD(flags, __u32, DM_FLAGS, NULL, 0, 0, "", "flags of the operation, joined by |") \
	STACK_FIELDS(FIELD)

enum dmio_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) MF_##id,
	DMIO_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	MF_COUNT,
};

#endif
