// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "export/textfile.h"

/* Not read by the collector, which takes *.prom alone. */
#define UNFINISHED TEXTFILE_NAME ".new"

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
	return 0;
}

int textfile_write(const char *directory, const struct text *text)
{
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, ret;

	if (dir < 0)
		return -errno;
	/* Nobody's link is followed. What an exporter that was killed has left is overwritten. */
	fd = openat(dir, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	ret = fd < 0 ? -errno : write_all(fd, text->data, text->used);
	if (!ret && fsync(fd))
		ret = -errno;
	if (fd >= 0 && close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(dir, UNFINISHED, dir, TEXTFILE_NAME))
		ret = -errno;
	if (ret && fd >= 0)
		unlinkat(dir, UNFINISHED, 0);
	close(dir);
	return ret;
}
