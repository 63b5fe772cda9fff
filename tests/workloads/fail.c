// SPDX-License-Identifier: GPL-2.0
/*
 * fail buffered|direct|fallocate FILE	write (allocate) 64 KiB at a time until the file system is full
 * fail nowait FILE COUNT		COUNT direct writes with RWF_NOWAIT at 64 KiB of an existing file on XFS, which
 *					has to be larger and a hole there
 *
 * Prints one line: "KIND calls N failed N ERRNO", after the first failure but for nowait. The last thing done
 * is one lseek(SEEK_HOLE), a lookup that works: an observer that learns of a failure only from the task's next
 * lookup gets to know of the last one too.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xfs/xfs.h>

#define CHUNK	65536

static void report(const char *kind, uint64_t calls, uint64_t failed, int err)
{
	printf("%s calls %" PRIu64 " failed %" PRIu64 " %s\n", kind, calls, failed, errno_name(err));
}

static void last_lookup(int fd)
{
	if (lseek(fd, 0, SEEK_HOLE) < 0)
		die_errno("SEEK_HOLE");
	close(fd);
}

static void fill(const char *kind, const char *path)
{
	int flags = O_RDWR | O_CREAT | O_TRUNC;
	char *data = xalloc_pages(CHUNK);
	uint64_t calls = 0;
	off_t pos = 0;
	int fd;

	if (!strcmp(kind, "direct"))
		flags |= O_DIRECT;
	fd = xopen(path, flags);
	for (;;) {
		ssize_t done = CHUNK;

		calls++;
		if (!strcmp(kind, "fallocate"))
			done = fallocate(fd, 0, pos, CHUNK) ? -1 : CHUNK;
		else
			done = pwrite(fd, data, CHUNK, pos);
		if (done < 0)
			break;
		pos += done;
	}
	report(kind, calls, 1, errno);
	last_lookup(fd);
}

/*
 * Opens a file of XFS by its handle, which lets writes leave its times alone. A write that has to bring them up to date is refused
 * under NOWAIT before any lookup, and since Linux 6.13 nearly every write has to.
 */
static int open_without_times(const char *path, int flags)
{
	char handle[64];
	__u32 length = sizeof(handle);
	xfs_fsop_handlereq_t request = { .path = (char *)path, .ohandle = handle, .ohandlen = &length };
	char directory[PATH_MAX];
	int fs, fd;

	snprintf(directory, sizeof(directory), "%s", path);
	fs = xopen(dirname(directory), O_RDONLY | O_DIRECTORY);

	if (ioctl(fs, XFS_IOC_PATH_TO_HANDLE, &request))
		die_errno("XFS_IOC_PATH_TO_HANDLE");
	request = (xfs_fsop_handlereq_t){ .ihandle = handle, .ihandlen = length, .oflags = flags };
	fd = ioctl(fs, XFS_IOC_OPEN_BY_HANDLE, &request);
	if (fd < 0)
		die_errno("XFS_IOC_OPEN_BY_HANDLE");
	close(fs);
	return fd;
}

static void refuse(const char *path, uint64_t count)
{
	int fd = open_without_times(path, O_RDWR | O_DIRECT);
	struct iovec iov = { .iov_base = xalloc_pages(4096), .iov_len = 4096 };
	uint64_t i, failed = 0;
	int err = 0;

	/* A write beyond the size is refused before a lookup. */
	if (lseek(fd, 0, SEEK_END) <= CHUNK)
		die("%s: must be larger than %d", path, CHUNK);
	for (i = 0; i < count; i++) {
		if (pwritev2(fd, &iov, 1, CHUNK, RWF_NOWAIT) >= 0)
			continue;
		if (failed++ && errno != err)
			die("%s: first %s, then %d", path, errno_name(err), errno);
		err = errno;
	}
	report("nowait", count, failed, err);
	last_lookup(fd);
}

int main(int argc, char **argv)
{
	if (argc == 3 && (!strcmp(argv[1], "buffered") || !strcmp(argv[1], "direct") ||
			  !strcmp(argv[1], "fallocate")))
		fill(argv[1], argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "nowait"))
		refuse(argv[2], parse_number("COUNT", argv[3]));
	else
		die("needs 'buffered|direct|fallocate FILE' or 'nowait FILE COUNT'");
	return 0;
}
