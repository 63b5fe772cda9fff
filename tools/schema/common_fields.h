/* SPDX-License-Identifier: GPL-2.0 */
/* The fields that several events have, each once: see lookup_fields.h for what the columns mean. */
#ifndef IOMAPSCOPE_COMMON_FIELDS_H
#define IOMAPSCOPE_COMMON_FIELDS_H

/* Behind comm, which says what the thread has done. */
#define TASK_FIELDS(FIELD) \
	FIELD(pid, __u32, DEC, "PID", 7, 0, "", "process (thread group) of that thread, in the initial PID namespace") \
	FIELD(tid, __u32, DEC, NULL, 0, 0, "", "that thread, in the initial PID namespace") \
	FIELD(cgroup, __u64, DEC, NULL, 0, 0, "", "cgroup v2 of that thread: the inode number of its directory")

#define SOURCE_FIELDS(FIELD) \
	FIELD(source, __u8, SOURCE, NULL, 0, 0, "", "what in the kernel the event comes from, see probe")

#define PATH_FIELDS(FIELD) \
	FIELD(path, __u64, PATH, "PATH", -4, 1, "", \
	      "path of the file, by the first of its names that the kernel has in its cache; /dev/NAME of a block device; ends with " \
	      "(deleted) if it has no name any more, begins with .../ if it is too long; null if it is not known, or not mounted here") \
	FIELD(path_was, __u8, PATH_WAS, NULL, 0, 1, "", \
	      "the path that it had before, if it was renamed since it was first shown; null for a file of several names")

#define STACK_FIELDS(FIELD) \
	FIELD(kstack, __s32, KSTACK, NULL, 0, 1, "", \
	      "with --stacks: the kernel's functions where the work was submitted, the innermost first: an array, in CSV joined by ;") \
	FIELD(ustack, __s32, USTACK, NULL, 0, 1, "", \
	      "the same of the process; null for a kernel thread")

#endif
