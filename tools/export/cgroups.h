/* SPDX-License-Identifier: GPL-2.0 */
/* Paths of cgroups, and whether they are still there. */
#ifndef IOMAPSCOPE_EXPORT_CGROUPS_H
#define IOMAPSCOPE_EXPORT_CGROUPS_H

#include <stddef.h>
#include <linux/types.h>

struct cgroups;

/* @point: where cgroup2 is mounted, NULL: as the mount table says. NULL without memory. */
struct cgroups *cgroups_new(const char *point);
void cgroups_free(struct cgroups *cgroups);

enum cgroup_state {
	CGROUP_THERE,
	CGROUP_GONE,
	CGROUP_PENDING,		/* not found yet; it may have been made just now */
};

/* Of the cgroup with this number. @now_ns: CLOCK_MONOTONIC. Where cgroup2 is not mounted all are there, and called by their numbers. */
enum cgroup_state cgroup_state(struct cgroups *cgroups, __u64 id, __u64 now_ns);
/* Its path, of one that is there. Lives until the next call. */
const char *cgroup_label(struct cgroups *cgroups, __u64 id);
void cgroup_forget(struct cgroups *cgroups, __u64 id);
/* There is one with this number. 0 or -ENOMEM. */
int cgroup_note(struct cgroups *cgroups, __u64 id, __u64 now_ns);
/* Of those that were noted or asked for those that are gone, at most @max of them; how many. */
size_t cgroups_gone(struct cgroups *cgroups, __u64 now_ns, __u64 *id, size_t max);

#endif
