// SPDX-License-Identifier: GPL-2.0
/*
 * extents build FILE [COUNT]	make FILE have COUNT extents (default 1000) or a few more
 * extents show FILE		print them by one FS_IOC_FIEMAP call: position length address flags
 *
 * The file is made of 8 KiB units: written, allocated but unwritten, written, punched hole, and so on, so
 * that no two neighbours are one extent. Where the file system can, 64 units from the middle of the first
 * one on are then shared into the end of the file. "build" prints "reflink yes" or "reflink no".
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define UNIT		8192
#define PER_CYCLE	3	/* extents in each four units */
#define CLONE_POS	(UNIT / 2)
#define CLONE_LEN	(64 * UNIT)

enum unit_kind { WRITTEN, UNWRITTEN, WRITTEN_TOO, PUNCHED, KINDS };

static void build(const char *path, uint64_t count)
{
	uint64_t units = (count + PER_CYCLE - 1) / PER_CYCLE * KINDS, i;
	struct file_clone_range clone = {
		.src_offset	= CLONE_POS,
		.src_length	= CLONE_LEN,
		.dest_offset	= units * UNIT,
	};
	char data[UNIT];
	int fd;

	if (units * UNIT < CLONE_POS + CLONE_LEN)
		die("at least %d extents", 65 * PER_CYCLE / KINDS + 1);
	fd = xopen(path, O_RDWR | O_CREAT | O_TRUNC);
	/* The size first: writes that extend a file bring preallocation beyond its end. */
	if (ftruncate(fd, units * UNIT))
		die_errno("%s: size", path);
	for (i = 0; i < units; i++) {
		if (i % KINDS == UNWRITTEN)
			continue;
		memset(data, 'a' + i % 26, sizeof(data));
		xpwrite(fd, data, UNIT, i * UNIT);
	}
	if (fsync(fd))
		die_errno("%s: fsync", path);
	for (i = UNWRITTEN; i < units; i += KINDS)
		if (fallocate(fd, 0, i * UNIT, UNIT))
			die_errno("%s: fallocate", path);
	for (i = PUNCHED; i < units; i += KINDS)
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * UNIT, UNIT))
			die_errno("%s: punch hole", path);

	clone.src_fd = fd;
	if (!ioctl(fd, FICLONERANGE, &clone))
		puts("reflink yes");
	else if (errno == EOPNOTSUPP || errno == ENOTTY)
		puts("reflink no");
	else
		die_errno("%s: reflink", path);
	if (fsync(fd))
		die_errno("%s: fsync", path);
	close(fd);
}

static void show(const char *path)
{
	int fd = xopen(path, O_RDONLY);
	struct fiemap *map;
	struct fiemap probe = { .fm_length = FIEMAP_MAX_OFFSET };
	uint32_t i;

	if (ioctl(fd, FS_IOC_FIEMAP, &probe))
		die_errno("%s: FIEMAP", path);
	map = calloc(1, sizeof(*map) + probe.fm_mapped_extents * sizeof(map->fm_extents[0]));
	if (!map)
		die_errno("%u extents", probe.fm_mapped_extents);
	map->fm_length = FIEMAP_MAX_OFFSET;
	map->fm_extent_count = probe.fm_mapped_extents;
	if (ioctl(fd, FS_IOC_FIEMAP, map))
		die_errno("%s: FIEMAP", path);
	for (i = 0; i < map->fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &map->fm_extents[i];

		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " 0x%x\n", (uint64_t)e->fe_logical,
		       (uint64_t)e->fe_length, (uint64_t)e->fe_physical, e->fe_flags);
	}
	free(map);
	close(fd);
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "build"))
		build(argv[2], argc == 4 ? parse_number("COUNT", argv[3]) : 1000);
	else if (argc == 3 && !strcmp(argv[1], "show"))
		show(argv[2]);
	else
		die("needs 'build FILE [COUNT]' or 'show FILE'");
	return 0;
}
