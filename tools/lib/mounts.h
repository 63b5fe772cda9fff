/* SPDX-License-Identifier: GPL-2.0 */
/* The mount table of this process' mount namespace. */
#ifndef IOMAPSCOPE_MOUNTS_H
#define IOMAPSCOPE_MOUNTS_H

#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

struct mount {
	__u64 id;
	__u64 parent;		/* the mount that its point is in */
	__u32 dev;		/* the superblock's s_dev in the kernel's encoding; not st_dev, which btrfs invents */
	char *root;		/* what of the file system is mounted here */
	char *point;
	char *type;
	char *source;
	char *options;		/* of the mount, and of the superblock */
	char *super_options;
};

struct mounts {
	struct mount *mount;
	size_t count;
};

/* Reads lines of the form of /proc/self/mountinfo. 0 or -errno; -EINVAL for a line that is none. */
int mounts_parse(struct mounts *mounts, FILE *file);
int mounts_read(struct mounts *mounts);
/* The same of another file, such as /proc/PID/mountinfo of a process in another mount namespace. */
int mounts_read_file(struct mounts *mounts, const char *name);
void mounts_free(struct mounts *mounts);

/* Kernel encoding (major << 20 | minor) of a user-space dev_t. */
__u32 kernel_dev(__u64 dev);

#endif
