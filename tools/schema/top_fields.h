/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A row of top, each field once: see lookup_fields.h for what the columns mean. What is a RATE is per second in the table, and what the
 * interval added in JSON and CSV.
 */
#ifndef IOMAPSCOPE_TOP_FIELDS_H
#define IOMAPSCOPE_TOP_FIELDS_H

#define TOP_FIELDS(FIELD) \
	FIELD(time, __u64, TIME, NULL, 0, 0, "RFC 3339, UTC", "end of the interval") \
	FIELD(event, __u8, EVENT, NULL, 0, 0, "", "always top") \
	FIELD(span_ns, __u64, DEC, NULL, 0, 0, "nanoseconds", "length of the interval") \
	FIELD(by, __u8, TOP_BY, NULL, 0, 0, "", "what the row is of") \
	FIELD(dev, __u32, DEV, NULL, 0, 1, "", "device number; of files and devices") \
	FIELD(ino, __u64, DEC, NULL, 0, 1, "", "inode number; of files") \
	FIELD(pid, __u32, DEC, NULL, 0, 1, "", "process (thread group), in the initial PID namespace; of processes") \
	FIELD(comm, struct task_comm, COMM, NULL, 0, 1, "", "name of its thread that did most; of processes") \
	FIELD(cgroup, __u64, DEC, NULL, 0, 1, "", "cgroup v2: the inode number of its directory; of cgroups") \
	FIELD(lookups, __u64, RATE, "LOOKUPS", 7, 1, "", "lookups; null if they are not observed") \
	FIELD(lookup_errors, __u64, DEC, NULL, 0, 1, "", "of these, failed") \
	FIELD(lookup_bytes, __u64, DEC, NULL, 0, 1, "bytes", "what their mappings cover of the ranges asked for") \
	FIELD(ioends, __u64, RATE, "IOENDS", 6, 1, "", "ioends that ended; null if they are not observed") \
	FIELD(ioend_errors, __u64, DEC, NULL, 0, 1, "", "of these, failed") \
	FIELD(ioend_bytes, __u64, DEC, NULL, 0, 1, "bytes", "written back by those that did not") \
	FIELD(dio, __u64, RATE, "DIO", 5, 1, "", "direct I/O requests that ended; null if they are not observed") \
	FIELD(dio_errors, __u64, DEC, NULL, 0, 1, "", "of these, failed") \
	FIELD(dio_bytes, __u64, DEC, NULL, 0, 1, "bytes", "transferred by those that did not") \
	FIELD(faults, __u64, RATE, "FAULTS", 6, 1, "", "DAX faults; null if they are not observed") \
	FIELD(fault_errors, __u64, DEC, NULL, 0, 1, "", "of these, failed") \
	FIELD(fault_bytes, __u64, DEC, NULL, 0, 1, "bytes", "size of the pages of those that did not") \
	FIELD(bytes, __u64, BYTE_RATE, "BYTES", 5, 0, "bytes", "written back, and transferred by direct I/O") \
	FIELD(latency_of, __u8, TOP_OF, NULL, 0, 0, "", "what the latency is of") \
	FIELD(p50_ns, __u64, DURATION, "P50", 6, 1, "nanoseconds", \
	      "median latency: the end of the power of two that it lies in, but no more than the maximum; null if nothing was timed") \
	FIELD(p99_ns, __u64, DURATION, "P99", 6, 1, "nanoseconds", "99th percentile, in the same way") \
	FIELD(max_ns, __u64, DURATION, "MAX", 6, 1, "nanoseconds", \
	      "longest latency; null if nothing was timed, or if the longest fell between two intervals") \
	FIELD(name, const char *, NAME, "NAME", -1, 0, "", \
	      "what a person would call it: path of the file, or its device and inode number and mount point where that is not known; " \
	      "process and thread; mount point or block device; path of the cgroup")

enum top_field {
#define FIELD_ENUM(id, ctype, kind, heading, width, nullable, unit, doc) TF_##id,
	TOP_FIELDS(FIELD_ENUM)
#undef FIELD_ENUM
	TF_COUNT,
};

/* BY(id, name, doc): what rows can be of, in the order of --by's choices. */
#define TOP_BYS(BY) \
	BY(FILES, "files", "one row for each file") \
	BY(PROCESSES, "processes", "one for each process that did or submitted something") \
	BY(DEVICES, "devices", "one for each device, or file system that has a number of its own") \
	BY(CGROUPS, "cgroups", "one for each cgroup of such a process")

/* OF(id, name, doc): what is counted, in the order of --latency's choices. */
#define TOP_OFS(OF) \
	OF(LOOKUPS, "lookups", "from asking the file system to its answer") \
	OF(IOENDS, "ioends", "from an ioend's first folio to its end") \
	OF(DIO, "dio", "from a request's submission to its completion") \
	OF(FAULTS, "faults", "of DAX, from the begin of the fault to its end")

#define TOP_ENUM(id, name, doc) TOP_##id,
enum top_by { TOP_BYS(TOP_ENUM) TOP_BY_COUNT };
enum top_of { TOP_OFS(TOP_ENUM) TOP_OF_COUNT };
#undef TOP_ENUM

#endif
