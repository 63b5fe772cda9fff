// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "cgroup.h"

#define DEPTH_MAX	32
#define ID_MIN		12		/* engines show at least so much of an id */
#define ID_LENGTH	64

const char *cgroup_mount(const struct mounts *mounts)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		if (strcmp(mounts->mount[i].type, "cgroup2"))
			continue;
		if (!strcmp(mounts->mount[i].root, "/"))
			return mounts->mount[i].point;
		if (!found)
			found = mounts->mount[i].point;
	}
	return found;
}

/* systemd writes what its names may not hold, among it '-', as \xNN. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2]) && isxdigit((unsigned char)text[3])) {
			char digits[3] = { text[2], text[3], 0 };

			*to++ = strtoul(digits, NULL, 16);
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

static const char *without_prefix(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? NULL : text + len;
}

/* Whether an id, in the way that engines name directories, begins with @name. */
static bool id_matches(const char *directory, const char *name)
{
	static const char *const prefixes[] = { "docker-", "libpod-", "cri-containerd-", "crio-", "" };
	size_t i, len;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const char *id = without_prefix(directory, prefixes[i]);

		if (!id)
			continue;
		len = strspn(id, "0123456789abcdef");
		/* Without a prefix only a whole id is one for sure. */
		if (len < (*prefixes[i] ? ID_MIN : ID_LENGTH) || (id[len] && strcmp(id + len, ".scope")))
			continue;
		return strlen(name) <= len && !strncmp(id, name, strlen(name));
	}
	return false;
}

static bool name_matches(const char *parent, const char *directory, const char *name)
{
	static const struct {
		const char *prefix, *suffix;
	} forms[] = { { "lxc.payload.", "" }, { "machine-", ".scope" }, { "systemd-nspawn@", ".service" } };
	char text[NAME_MAX + 1];
	size_t i;

	if (!strcmp(parent, "lxc") || !strcmp(parent, "lxc.payload"))
		return !strcmp(directory, name);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *rest = without_prefix(directory, forms[i].prefix);
		size_t tail = strlen(forms[i].suffix);

		if (!rest || strlen(rest) <= tail || strcmp(rest + strlen(rest) - tail, forms[i].suffix))
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)(strlen(rest) - tail), rest);
		unescape(text);
		if (!strcmp(text, name))
			return true;
	}
	return false;
}

struct search {
	const char *name;
	char at[PATH_MAX];		/* where the search is */
	char found[PATH_MAX];
	char also[PATH_MAX];
	unsigned int count;
};

static void search_below(struct search *search, size_t len, int depth)
{
	const char *parent = strrchr(search->at, '/');
	char name[NAME_MAX + 1];
	struct dirent *entry;
	DIR *directory;

	snprintf(name, sizeof(name), "%.*s", NAME_MAX, parent ? parent + 1 : search->at);
	directory = opendir(search->at);
	if (!directory)
		return;		/* gone meanwhile */
	while ((entry = readdir(directory))) {
		struct stat st;
		int added;

		if (entry->d_name[0] == '.' && (!entry->d_name[1] || !strcmp(entry->d_name, "..")))
			continue;
		if (entry->d_type != DT_DIR && (entry->d_type != DT_UNKNOWN ||
		    fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode)))
			continue;
		added = snprintf(search->at + len, sizeof(search->at) - len, "/%s", entry->d_name);
		if (added < 0 || len + added >= sizeof(search->at))
			continue;
		if (id_matches(entry->d_name, search->name) || name_matches(name, entry->d_name, search->name)) {
			if (!search->count++)
				strcpy(search->found, search->at);
			else if (search->count == 2)
				strcpy(search->also, search->at);
		}
		if (depth < DEPTH_MAX)
			search_below(search, len + added, depth + 1);
	}
	search->at[len] = 0;
	closedir(directory);
}

int container_find(const char *root, const char *name, char *path, size_t size, struct err *err)
{
	struct search *search = calloc(1, sizeof(*search));
	size_t len = strlen(root);
	int ret = 0;

	if (!search || len >= sizeof(search->at)) {
		free(search);
		return err_set(err, STATUS_FAILED, "no memory");
	}
	search->name = name;
	strcpy(search->at, root);
	search_below(search, len, 0);
	if (!search->count)
		ret = err_set(err, STATUS_USAGE, "--container %s: no such container below %s; give the id or its beginning (of docker, podman, "
			      "containerd, CRI-O), or the name (of lxc, systemd-nspawn)", name, root);
	else if (search->count > 1)
		ret = err_set(err, STATUS_USAGE, "--container %s: %u containers match, %.80s and %.80s among them; give more of the id, or --cgroup",
			      name, search->count, search->found + len, search->also + len);
	else if (snprintf(path, size, "%s", search->found) >= (int)size)
		ret = err_set(err, STATUS_USAGE, "--container %s: its cgroup's path is too long", name);
	free(search);
	return ret;
}

/* A directory of the cgroup2 file system; -1 with errno if it is none. */
static int open_cgroup(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (!fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	errno = fs.f_type == CGROUP_SUPER_MAGIC ? EPROTOTYPE : ENOENT;
	close(fd);
	return -1;
}

static int open_path(const char *mount, const char *path, struct err *err)
{
	char below[PATH_MAX];
	int fd = open_cgroup(path);

	if (fd >= 0)
		return fd;
	if (errno == EPROTOTYPE)
		return err_set(err, STATUS_USAGE, "--cgroup %s: a cgroup of version 1; give one of version 2, below %s", path, mount);
	/* As /proc/PID/cgroup has it, or without the leading slash. */
	if (snprintf(below, sizeof(below), "%s/%s", mount, path) < (int)sizeof(below))
		fd = open_cgroup(below);
	if (fd >= 0)
		return fd;
	return err_set(err, STATUS_USAGE, "--cgroup %s: no such cgroup of version 2, neither as a path nor below %s", path, mount);
}

int cgroup_open(const struct args *args, struct err *err)
{
	const char *path = args->text[OPT_CGROUP], *mount;
	char found[PATH_MAX];
	struct mounts mounts;
	int fd = -1, ret;

	if (args->given[OPT_CGROUP] && args->given[OPT_CONTAINER])
		return err_set(err, STATUS_USAGE, "--container says the cgroup already; leave out --cgroup");
	ret = mounts_read(&mounts);
	if (ret)
		return err_set(err, STATUS_FAILED, "cannot read the mount table: %s", strerror(-ret));
	mount = cgroup_mount(&mounts);
	if (!mount) {
		err_set(err, STATUS_USAGE, "--%s: no cgroup2 file system is mounted", args->given[OPT_CGROUP] ? "cgroup" : "container");
	} else if (args->given[OPT_CGROUP]) {
		fd = open_path(mount, path, err);
	} else if (!container_find(mount, args->text[OPT_CONTAINER], found, sizeof(found), err)) {
		fd = open_cgroup(found);
		if (fd < 0)
			err_set(err, STATUS_USAGE, "--container %s: %s: %s", args->text[OPT_CONTAINER], found, strerror(errno));
	}
	mounts_free(&mounts);
	return fd;
}
