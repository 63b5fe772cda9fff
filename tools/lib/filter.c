// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "filter.h"
#include "mounts.h"

static int add_dev(struct observe_config *config, __u32 dev, struct err *err)
{
	__u32 i;

	for (i = 0; i < config->devs; i++) {
		if (config->dev[i] == dev)
			return 0;
	}
	if (config->devs == DEV_MAX)
		return err_set(err, STATUS_USAGE, "-d stands for more than %d devices; name a mount point", DEV_MAX);
	config->dev[config->devs++] = dev;
	return 0;
}

static int read_mounts(struct mounts *mounts, struct err *err)
{
	int ret = mounts_read(mounts);

	return ret ? err_set(err, STATUS_FAILED, "cannot read the mount table: %s", strerror(-ret)) : 0;
}

/* The device itself, and the file systems mounted from it (their s_dev may be an invented one, as on btrfs). */
static int add_block_device(struct observe_config *config, const struct mounts *mounts, __u32 dev, struct err *err)
{
	size_t i;

	if (add_dev(config, dev, err))
		return -1;
	for (i = 0; i < mounts->count; i++) {
		struct stat st;

		if (mounts->mount[i].source[0] == '/' && !stat(mounts->mount[i].source, &st) && S_ISBLK(st.st_mode) &&
		    kernel_dev(st.st_rdev) == dev && add_dev(config, mounts->mount[i].dev, err))
			return -1;
	}
	return 0;
}

static bool dev_exists(const struct mounts *mounts, unsigned int major, unsigned int minor)
{
	char path[64];
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		if (mounts->mount[i].dev == (major << 20 | minor))
			return true;
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major, minor);
	return !access(path, F_OK);
}

static int filter_dev(struct observe_config *config, const char *text, struct err *err)
{
	const struct mount *on = NULL;
	struct mounts mounts;
	unsigned long major, minor;
	char path[PATH_MAX], junk;
	struct stat st;
	int ret = 0;
	size_t i;

	if (read_mounts(&mounts, err))
		return -1;
	if (sscanf(text, "%lu:%lu%c", &major, &minor, &junk) == 2) {
		if (major >= 1 << 12 || minor >= 1 << 20 || !dev_exists(&mounts, major, minor))
			ret = err_set(err, STATUS_USAGE, "-d %s: no such block device, and no file system mounted with this number",
				      text);
		else
			ret = add_block_device(config, &mounts, major << 20 | minor, err);
	} else if (!realpath(text, path) || stat(path, &st)) {
		ret = err_set(err, STATUS_USAGE, "-d %s: %s; give a block device, a mount point or MAJOR:MINOR", text,
			      strerror(errno));
	} else if (S_ISBLK(st.st_mode)) {
		ret = add_block_device(config, &mounts, kernel_dev(st.st_rdev), err);
	} else {
		/* The last mount on a point is the one that is seen. */
		for (i = 0; i < mounts.count; i++) {
			if (!strcmp(mounts.mount[i].point, path))
				on = &mounts.mount[i];
		}
		if (on)
			ret = add_dev(config, on->dev, err);
		else
			ret = err_set(err, STATUS_USAGE, "-d %s: neither a block device nor a mount point; for one file use -f",
				      text);
	}
	mounts_free(&mounts);
	return ret;
}

static int filter_file(struct observe_config *config, const char *path, struct err *err)
{
	struct mounts mounts;
	struct statx sx;
	int ret = -1;
	size_t i;

	if (statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_TYPE | STATX_INO | STATX_MNT_ID, &sx))
		return err_set(err, STATUS_USAGE, "-f %s: %s", path, strerror(errno));
	if (S_ISBLK(sx.stx_mode)) {
		/* Its inode's number, in the block devices' own file system, is its device number. */
		config->ino = (__u64)sx.stx_rdev_major << 20 | sx.stx_rdev_minor;
		config->by_ino = 1;
		return add_dev(config, config->ino, err);
	}
	if (!S_ISREG(sx.stx_mode) && !S_ISDIR(sx.stx_mode))
		return err_set(err, STATUS_USAGE, "-f %s: not a regular file, a directory or a block device", path);
	config->ino = sx.stx_ino;
	config->by_ino = 1;
	/* st_dev is not what the kernel's inode says on file systems with subvolumes; the mount table is. */
	if (!(sx.stx_mask & STATX_MNT_ID))
		return add_dev(config, sx.stx_dev_major << 20 | sx.stx_dev_minor, err);
	if (read_mounts(&mounts, err))
		return -1;
	for (i = 0; i < mounts.count && mounts.mount[i].id != sx.stx_mnt_id; i++)
		;
	if (i < mounts.count)
		ret = add_dev(config, mounts.mount[i].dev, err);
	else
		err_set(err, STATUS_USAGE, "-f %s: its mount is not in this mount table; use -d and -i", path);
	mounts_free(&mounts);
	return ret;
}

int filter_values(struct observe_config *config, const struct args *args, struct err *err)
{
	static const enum option_id op_options[] = { OPT_OP, OPT_OP_AIO, OPT_OP_DMIO };
	size_t i;

	if (args->given[OPT_FILE] && (args->given[OPT_DEV] || args->given[OPT_INO]))
		return err_set(err, STATUS_USAGE, "-f says device and inode already; leave out -d and -i");
	if (args->given[OPT_PID]) {
		if (args->number[OPT_PID] > INT_MAX)
			return err_set(err, STATUS_USAGE, "--pid: %s is too large", args->text[OPT_PID]);
		config->pid = args->number[OPT_PID];
	}
	if (args->given[OPT_COMM]) {
		const char *comm = args->text[OPT_COMM];

		if (strlen(comm) >= sizeof(config->comm.s))
			return err_set(err, STATUS_USAGE, "--comm: '%s' is too long; the kernel keeps %zu characters", comm,
				       sizeof(config->comm.s) - 1);
		strcpy(config->comm.s, comm);
		config->by_comm = 1;
	}
	if (args->given[OPT_INO]) {
		config->ino = args->number[OPT_INO];
		config->by_ino = 1;
	}
	for (i = 0; i < sizeof(op_options) / sizeof(op_options[0]); i++) {
		if (args->given[op_options[i]])
			config->op_mask = args->number[op_options[i]];
	}
	if (args->given[OPT_MIN_LATENCY])
		config->min_latency_ns = args->number[OPT_MIN_LATENCY];
	config->errors = args->given[OPT_ERRORS];
	return 0;
}

int filter_resolve(struct observe_config *config, const struct args *args, struct err *err)
{
	if (filter_values(config, args, err))
		return -1;
	if (args->given[OPT_DEV_DMIO] && filter_dev(config, args->text[OPT_DEV_DMIO], err))
		return -1;
	if (args->given[OPT_DEV] && filter_dev(config, args->text[OPT_DEV], err))
		return -1;
	if (args->given[OPT_FILE] && filter_file(config, args->text[OPT_FILE], err))
		return -1;
	return 0;
}
