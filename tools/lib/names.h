/* SPDX-License-Identifier: GPL-2.0 */
/* What people call the things that the kernel has numbers for, as far as /proc, /sys and the mount table tell anybody. */
#ifndef IOMAPSCOPE_NAMES_H
#define IOMAPSCOPE_NAMES_H

#include <linux/types.h>

#include "top.h"

struct names;

/* @cgroups: where cgroup v2 is mounted, NULL: as the mount table says. NULL without memory. */
struct names *names_new(const char *cgroups);
void names_free(struct names *names);

/* Who knows paths of files, to be asked for each: returns NULL for one that it does not know. */
typedef const char *(*path_finder)(void *ctx, __u32 dev, __u64 ino);
void names_ask(struct names *names, path_finder find, void *ctx);

/* Who knows the names of devices, as device_name() puts them, and of cgroups, instead of this machine: a recording. NULL: not known. */
struct names_told {
	const char *(*device)(void *ctx, __u32 dev);
	const char *(*cgroup)(void *ctx, __u64 id);
	void *ctx;
};
void names_tell(struct names *names, const struct names_told *told);

/* Each puts less than TOP_NAME bytes at @p, as they come, and returns their end. */
char *file_name(struct names *names, char *p, __u32 dev, __u64 ino);
char *device_name(struct names *names, char *p, __u32 dev);
char *cgroup_name(struct names *names, char *p, __u64 cgroup);

/* A row's: a top_namer, whose context is the names. */
char *names_put(void *names, char *p, enum top_by by, const struct top_row *row);

#endif
