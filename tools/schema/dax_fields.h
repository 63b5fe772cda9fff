/* SPDX-License-Identifier: GPL-2.0 */
/* The fsdax event, each field once: see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_DAX_FIELDS_H
#define IOMAPSCOPE_DAX_FIELDS_H

#include "common_fields.h"

#define DAX_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when it was over") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always dax") \
	FIELD(op, __u8, OP, "OP", -13, 0, "", "dax_fault_pte, dax_fault_pmd, dax_fault_pud, dax_read or dax_write") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 0, "", "name of the thread") \
	TASK_FIELDS(FIELD) \
	FIELD(dev, __u32, DEV, "DEV", -7, 0, "", "device number of the file system") \
	FIELD(ino, __u64, DEC, "INO", 9, 0, "", "inode number") \
	FIELD(pos, __u64, SIZE, "POS", 9, 0, "bytes", "start of the page that was to be mapped, or of the range asked for") \
	FIELD(len, __u64, SIZE, "LEN", 9, 0, "bytes", "length of that page or range") \
	FIELD(access, __u8, ACCESS, "RW", -5, 0, "", "read or write") \
	FIELD(done, __u64, SIZE, "DONE", 9, 1, "bytes", "bytes transferred; null for faults, and if it failed") \
	FIELD(ret, __s32, RET, "RET", -9, 1, "errno", \
	      "0, or the negative errno; null for a fault that failed and does not tell why; a fallback is no failure") \
	FIELD(result, __u32, RESULTS, "RESULT", -16, 1, "", "what the fault returned, VM_FAULT_* joined by |; null for reads and writes") \
	FIELD(fallback, __u8, FALLBACK, "FALLBACK", -10, 1, "", "why it fell back to smaller pages; null if it did not") \
	FIELD(fallback_ret, __s32, RET, NULL, 0, 1, "errno", "the negative errno that made it fall back; null if none did") \
	FIELD(mapped, __u8, MAPPED, "MAPPED", -6, 1, "", "what the fault has mapped; null if nothing") \
	FIELD(type, __u8, TYPE, NULL, 0, 1, "", "type of the fault's mapping; null if there was none") \
	FIELD(flags, __u32, MAP_FLAGS, NULL, 0, 1, "", "flags of the fault's mapping, joined by |") \
	FIELD(cow, __u8, COW, NULL, 0, 1, "", "why data was to be copied first") \
	FIELD(extents, __u32, DEC, NULL, 0, 1, "", "mappings that the read or write was carried out on") \
	FIELD(copies, __u32, DEC, NULL, 0, 1, "", "moves of data that the read or write was made of") \
	FIELD(recovered, __u64, SIZE, NULL, 0, 1, "bytes", "what of the write went to poisoned memory, which it recovers") \
	FIELD(address, __u64, HEX, NULL, 0, 1, "", "where the fault was") \
	FIELD(sync_ns, __u64, DURATION, "SYNC", 8, 1, "nanoseconds", \
	      "how long the file was synced and then mapped, for a write to a MAP_SYNC mapping; null if there was no need to") \
	FIELD(latency_ns, __u64, DURATION, "LATENCY", 8, 0, "nanoseconds", "from its begin to its end") \
	SOURCE_FIELDS(FIELD) \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

enum dax_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) XF_##id,
	DAX_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	XF_COUNT,
};

#endif
