/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of iomap that a policy is asked at, what it can have there, and the event of inject, each once. */
#ifndef IOMAPSCOPE_INJECT_FIELDS_H
#define IOMAPSCOPE_INJECT_FIELDS_H

#include "common_fields.h"

/* VERDICT(id, name, doc): enum iomap_control_verb of this project's kernel; the numbers are the same. */
#define INJECT_VERDICTS(VERDICT) \
	VERDICT(ERROR, "error", "the step fails with an errno") \
	VERDICT(DELAY, "delay", "it waits before it begins") \
	VERDICT(CAP, "cap", "it does no more than so many bytes") \
	VERDICT(STALE, "stale", "the mapping is looked up again") \
	VERDICT(FALLBACK, "fallback", "direct I/O falls back to buffered I/O, a huge page fault to small pages") \
	VERDICT(DEFER, "defer", "a worker completes, not who ended the I/O")

enum inject_verdict {
#define VERDICT_ENUM(id, name, doc) VERDICT_##id,
	INJECT_VERDICTS(VERDICT_ENUM)
#undef VERDICT_ENUM
	VERDICT_COUNT,
};

#define VERDICT_BIT(id) (1u << VERDICT_##id)

/*
 * ROW(id, name, verdicts, doc): enum iomap_control_step of this project's kernel; the numbers are the same. @verdicts: those that the
 * kernel honours there at all; of which operations is in tools/lib/policy.c.
 */
#define INJECT_STEPS(ROW) \
	ROW(LOOKUP, "lookup", VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY) | VERDICT_BIT(CAP), "before ->iomap_begin") \
	ROW(MAPPED, "mapped", VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY), "after a successful ->iomap_begin") \
	ROW(STEP, "step", VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY), "before a piece of work on the mapping") \
	ROW(REVALIDATE, "revalidate", VERDICT_BIT(STALE), "the mapping is checked under the folio lock") \
	ROW(COPY, "copy", VERDICT_BIT(CAP), "before data is copied to a folio") \
	ROW(RELEASE, "release", VERDICT_BIT(ERROR), "after ->iomap_end, before its result is used; only where nothing was done on the mapping") \
	ROW(WRITEBACK_MAP, "writeback_map", VERDICT_BIT(ERROR), "before ->map_blocks") \
	ROW(IOEND_SUBMIT, "ioend_submit", VERDICT_BIT(ERROR), "before the bio of an ioend is submitted") \
	ROW(IOEND_END, "ioend_end", VERDICT_BIT(ERROR) | VERDICT_BIT(DEFER), "before an ioend is finished") \
	ROW(DIO_BEGIN, "dio_begin", VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY) | VERDICT_BIT(FALLBACK), "a direct I/O request begins") \
	ROW(DIO_BIO, "dio_bio", VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY), "before a bio of it is submitted") \
	ROW(DIO_END, "dio_end", VERDICT_BIT(ERROR) | VERDICT_BIT(DEFER), "all I/O of it has ended, nobody has been told yet") \
	ROW(DAX_FAULT, "dax_fault", VERDICT_BIT(ERROR) | VERDICT_BIT(DELAY) | VERDICT_BIT(FALLBACK), "a page fault on an fsdax mapping begins")

enum inject_step {
#define INJECT_STEP_ENUM(id, name, verdicts, doc) INJECT_##id,
	INJECT_STEPS(INJECT_STEP_ENUM)
#undef INJECT_STEP_ENUM
	INJECT_STEP_COUNT,
};

/* See lookup_fields.h for what the columns mean. */
#define INJECT_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, "TIME", -15, 0, "RFC 3339, UTC", "when it was decided; a delay begins then") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always inject") \
	FIELD(rule, __u32, DEC, "RULE", 4, 1, "", "the rule that asked for it: the first is 1; null if there was no room to note it") \
	FIELD(step, __u8, INJECT_STEP, "STEP", -13, 0, "", "where") \
	FIELD(op, __u8, OP, "OP", -13, 0, "", "the operation that the step is part of") \
	FIELD(comm, struct task_comm, COMM, "COMM", -15, 1, "", \
	      "name of the thread; null, as the next three are, at ioend_end and dio_end, where it has nothing to do with the work") \
	FIELD(pid, __u32, DEC, "PID", 7, 1, "", "process (thread group) of that thread, in the initial PID namespace") \
	FIELD(tid, __u32, DEC, NULL, 0, 1, "", "that thread, in the initial PID namespace") \
	FIELD(cgroup, __u64, DEC, NULL, 0, 1, "", "cgroup v2 of that thread: the inode number of its directory") \
	FIELD(dev, __u32, DEV, "DEV", -7, 0, "", "device number of the file system") \
	FIELD(ino, __u64, DEC, "INO", 9, 0, "", "inode number") \
	FIELD(pos, __u64, SIZE, "POS", 9, 0, "bytes", "start of the range that the step is about") \
	FIELD(len, __u64, SIZE, "LEN", 9, 0, "bytes", "length of that range") \
	FIELD(error, __s32, RET, "ERROR", -9, 1, "errno", "the negative errno that was asked for; null if none was") \
	FIELD(delay_ns, __u64, DURATION, "DELAY", 8, 1, "nanoseconds", "the delay that was asked for; null if none was") \
	FIELD(cap, __u64, SIZE, "CAP", 9, 1, "bytes", "the most bytes that were asked for; null if no cap was") \
	FIELD(applied, __u32, VERDICTS, "APPLIED", -11, 0, "", "what the kernel does of it, joined by |") \
	FIELD(ignored, __u32, VERDICTS, "IGNORED", -11, 0, "", "what it does not, as it is not possible at this step now, joined by |") \
	SOURCE_FIELDS(FIELD) \
	PATH_FIELDS(FIELD) \
	STACK_FIELDS(FIELD)

enum inject_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) JF_##id,
	INJECT_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	JF_COUNT,
};

#endif
