// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts.h"
#include "names.h"
#include "output.h"
#include "session.h"

#define PATIENCE_NS	2000000000ULL	/* what is not known is not looked for again before */
#define CGROUPS_MAX	65536
#define CGROUP_DEPTH	64

struct cgroup {
	__u64 id;
	char *path;
};

struct names {
	struct mounts mounts;
	__u64 mounts_ns, cgroups_ns;	/* when they were read */
	char *cgroup_point;		/* NULL: as the mount table says */
	struct cgroup *cgroup;		/* by number */
	size_t cgroups, cgroup_room;
	path_finder find;
	void *find_ctx;
	struct names_told told;		/* @device: NULL if nobody tells */
};

struct names *names_new(const char *cgroups)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names && cgroups) {
		names->cgroup_point = strdup(cgroups);
		if (!names->cgroup_point) {
			free(names);
			return NULL;
		}
	}
	return names;
}

void names_ask(struct names *names, path_finder find, void *ctx)
{
	names->find = find;
	names->find_ctx = ctx;
}

void names_tell(struct names *names, const struct names_told *told)
{
	names->told = *told;
}

static void forget_cgroups(struct names *names)
{
	while (names->cgroups)
		free(names->cgroup[--names->cgroups].path);
}

void names_free(struct names *names)
{
	if (!names)
		return;
	mounts_free(&names->mounts);
	forget_cgroups(names);
	free(names->cgroup);
	free(names->cgroup_point);
	free(names);
}

/* Whether it is time to look again; then it has been done now. */
static bool is_old(__u64 *read_ns)
{
	__u64 now = monotonic_ns();

	if (*read_ns && now - *read_ns < PATIENCE_NS)
		return false;
	*read_ns = now;
	return true;
}

/* Of all mounts of a file system the one of its root, or else the first. */
static const struct mount *mount_in_table(const struct names *names, __u32 dev)
{
	const struct mount *found = NULL;
	size_t i;

	for (i = 0; i < names->mounts.count; i++) {
		const struct mount *mount = &names->mounts.mount[i];

		if (mount->dev == dev && (!found || (strcmp(found->root, "/") && !strcmp(mount->root, "/"))))
			found = mount;
	}
	return found;
}

static const struct mount *mount_of(struct names *names, __u32 dev)
{
	const struct mount *mount = mount_in_table(names, dev);
	struct mounts now;

	if (mount || !is_old(&names->mounts_ns) || mounts_read(&now))
		return mount;
	mounts_free(&names->mounts);
	names->mounts = now;
	return mount_in_table(names, dev);
}

/* Cut if it is too long: @start is where the name begins. */
static char *put_part(char *p, const char *start, const char *text)
{
	size_t len = strlen(text), room = TOP_NAME - 1 - (p - start);

	return mempcpy(p, text, len < room ? len : room);
}

/* The end of a path that is too long says more than its begin. */
static char *put_end(char *p, const char *path)
{
	size_t len = strlen(path);

	if (len < TOP_NAME)
		return mempcpy(p, path, len);
	return stpcpy(stpcpy(p, "..."), path + len - (TOP_NAME - 4));
}

char *file_name(struct names *names, char *p, __u32 dev, __u64 ino)
{
	const char *path = names->find ? names->find(names->find_ctx, dev, ino) : NULL;
	const char *point = NULL;
	char *start = p;

	if (path)
		return put_end(p, path);
	if (names->told.device) {
		point = names->told.device(names->told.ctx, dev);
		/* Behind the number and the device's own name, which have no slash and no blank. */
		point = point ? strstr(point, " /") : NULL;
		point += !!point;
	} else {
		const struct mount *mount = mount_of(names, dev);

		point = mount ? mount->point : NULL;
	}
	p = put_dev(p, dev);
	*p++ = '/';
	p = put_dec(p, ino);
	if (!point)
		return p;
	return put_part(put_str(p, " on "), start, point);
}

char *device_name(struct names *names, char *p, __u32 dev)
{
	char link[64], target[PATH_MAX], *start = p;
	const struct mount *mount;
	ssize_t len;

	if (names->told.device) {
		const char *told = names->told.device(names->told.ctx, dev);

		return told ? put_part(p, p, told) : put_dev(p, dev);
	}
	mount = mount_of(names, dev);
	p = put_dev(p, dev);
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", dev >> 20, dev & 0xfffff);
	len = readlink(link, target, sizeof(target) - 1);
	if (len > 0) {
		target[len] = 0;
		*p++ = ' ';
		p = put_part(p, start, basename(target));
	}
	if (mount) {
		*p++ = ' ';
		p = put_part(p, start, mount->point);
	}
	return p;
}

static void add_cgroup(struct names *names, __u64 id, const char *path)
{
	if (names->cgroups == names->cgroup_room) {
		size_t room = names->cgroup_room ? 2 * names->cgroup_room : 256;
		struct cgroup *more = realloc(names->cgroup, room * sizeof(*more));

		if (!more)
			return;
		names->cgroup = more;
		names->cgroup_room = room;
	}
	names->cgroup[names->cgroups].id = id;
	names->cgroup[names->cgroups].path = strdup(path);
	if (names->cgroup[names->cgroups].path)
		names->cgroups++;
}

/* Takes @fd over. @path, of @len characters, is the directory's, and is used for those below it. */
static void walk_cgroups(struct names *names, int fd, char *path, size_t len, int depth)
{
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;

	if (!directory) {
		close(fd);
		return;
	}
	while (depth < CGROUP_DEPTH && names->cgroups < CGROUPS_MAX && (entry = readdir(directory))) {
		size_t more = strlen(entry->d_name);
		int below;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    len + more + 2 > PATH_MAX)
			continue;
		path[len] = '/';
		memcpy(path + len + 1, entry->d_name, more + 1);
		add_cgroup(names, entry->d_ino, path);
		below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			walk_cgroups(names, below, path, len + 1 + more, depth + 1);
		path[len] = 0;
	}
	closedir(directory);
}

static int compare_cgroups(const void *a, const void *b)
{
	const struct cgroup *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void read_cgroups(struct names *names)
{
	const char *point = names->cgroup_point;
	char path[PATH_MAX] = "";
	struct stat st;
	size_t i;
	int fd;

	if (!point) {
		if (!names->mounts.count && mounts_read(&names->mounts))
			return;
		for (i = 0; i < names->mounts.count && !point; i++) {
			if (!strcmp(names->mounts.mount[i].type, "cgroup2"))
				point = names->mounts.mount[i].point;
		}
	}
	fd = point ? open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	forget_cgroups(names);
	if (!fstat(fd, &st))
		add_cgroup(names, st.st_ino, "/");
	walk_cgroups(names, fd, path, 0, 0);
	if (names->cgroups)
		qsort(names->cgroup, names->cgroups, sizeof(*names->cgroup), compare_cgroups);
}

static const struct cgroup *find_cgroup(const struct names *names, __u64 id)
{
	struct cgroup key = { .id = id };

	return names->cgroups ? bsearch(&key, names->cgroup, names->cgroups, sizeof(key), compare_cgroups) : NULL;
}

char *cgroup_name(struct names *names, char *p, __u64 id)
{
	const struct cgroup *cgroup = find_cgroup(names, id);

	if (names->told.cgroup) {
		const char *told = names->told.cgroup(names->told.ctx, id);

		return told ? put_part(p, p, told) : put_dec(p, id);
	}
	if (!cgroup && is_old(&names->cgroups_ns)) {
		read_cgroups(names);
		cgroup = find_cgroup(names, id);
	}
	/* One that is not below our own root, or gone, has its number alone. */
	return cgroup ? put_part(p, p, cgroup->path) : put_dec(p, id);
}

char *names_put(void *ctx, char *p, enum top_by by, const struct top_row *row)
{
	struct names *names = ctx;

	switch (by) {
	case TOP_FILES:
		return file_name(names, p, row->id.a, row->id.b);
	case TOP_DEVICES:
		return device_name(names, p, row->id.a);
	case TOP_CGROUPS:
		return cgroup_name(names, p, row->id.a);
	default:
		p = mempcpy(p, row->comm.s, strnlen(row->comm.s, sizeof(row->comm.s)));
		*p++ = '[';
		p = put_dec(p, row->id.a);
		*p++ = ']';
		return p;
	}
}
