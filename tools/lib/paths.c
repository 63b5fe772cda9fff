// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "paths.h"

#define SETS	512		/* of the cache; a power of two */
#define WAYS	4
#define DELETED	" (deleted)"
#define CUT	"..."

struct entry {
	__u64 ino, version;
	__u64 since_ns;
	__u32 dev, generation, nlink;
	__u32 used_at;
	__u32 mounts_at;		/* the mount table that @shown was made with */
	bool directory, deleted;
	char *inside;			/* the path inside the file system; NULL: a block device, or a free entry */
	char *shown;			/* NULL: not mounted here */
	char *was;
};

struct paths {
	path_reader read;
	path_teller find;		/* instead of all below but the context */
	void *ctx;
	struct mounts mounts;
	__u32 mounts_at;		/* counts the tables */
	int mounts_fd;			/* polled for changes, -1: the table is the caller's */
	__u32 clock;
	struct path_value value;
	struct entry (*entry)[WAYS];	/* of SETS; NULL if somebody else finds them */
	struct entry late;		/* a path that is older than that in the cache, of what was in flight */
};

struct paths *paths_new(path_reader read, void *ctx)
{
	struct paths *paths = calloc(1, sizeof(*paths));

	if (!paths)
		return NULL;
	paths->entry = calloc(SETS, sizeof(*paths->entry));
	if (!paths->entry) {
		free(paths);
		return NULL;
	}
	paths->read = read;
	paths->ctx = ctx;
	paths->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	mounts_read(&paths->mounts);
	return paths;
}

struct paths *paths_told(path_teller find, void *ctx)
{
	struct paths *paths = calloc(1, sizeof(*paths));

	if (!paths)
		return NULL;
	paths->find = find;
	paths->ctx = ctx;
	paths->mounts_fd = -1;
	return paths;
}

static void clear(struct entry *entry)
{
	free(entry->inside);
	free(entry->shown);
	free(entry->was);
	memset(entry, 0, sizeof(*entry));
}

void paths_free(struct paths *paths)
{
	size_t i;

	if (!paths)
		return;
	for (i = 0; paths->entry && i < SETS * WAYS; i++)
		clear(&paths->entry[i / WAYS][i % WAYS]);
	free(paths->entry);
	clear(&paths->late);
	mounts_free(&paths->mounts);
	if (paths->mounts_fd >= 0)
		close(paths->mounts_fd);
	free(paths);
}

void paths_set_mounts(struct paths *paths, const struct mounts *mounts)
{
	mounts_free(&paths->mounts);
	paths->mounts = *mounts;
	paths->mounts_at++;
	if (paths->mounts_fd >= 0)
		close(paths->mounts_fd);
	paths->mounts_fd = -1;
}

void paths_refresh(struct paths *paths)
{
	struct pollfd changed = { .fd = paths->mounts_fd, .events = POLLPRI };
	struct mounts mounts;

	if (paths->mounts_fd < 0 || poll(&changed, 1, 0) <= 0 || !(changed.revents & POLLERR) || mounts_read(&mounts))
		return;
	mounts_free(&paths->mounts);
	paths->mounts = mounts;
	paths->mounts_at++;
}

/* Whether @path is @directory, or below it. */
static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	if (len == 1)
		return true;		/* the root */
	return !strncmp(path, directory, len) && (!path[len] || path[len] == '/');
}

/* Whether @path, of a file of @mount, leads there: nothing else is mounted on the way. */
static bool is_visible(const struct mounts *mounts, const struct mount *mount, const char *path)
{
	size_t step, i;

	for (step = 0; step < mounts->count; step++) {
		const struct mount *above = NULL;

		for (i = 0; i < mounts->count; i++) {
			const struct mount *other = &mounts->mount[i];

			if (other->parent == mount->id && other != mount && strcmp(other->point, path) && is_below(path, other->point))
				return false;
			/* What is mounted on the path itself hides it, unless that is the mount that we come from. */
			if (other->parent == mount->id && other != mount && !strcmp(other->point, path) && !step)
				return false;
		}
		for (i = 0; i < mounts->count && !above; i++) {
			if (mounts->mount[i].id == mount->parent && &mounts->mount[i] != mount)
				above = &mounts->mount[i];
		}
		if (!above)
			return true;
		path = mount->point;
		mount = above;
	}
	return true;
}

/* Of the mounts that show the file, that which shows most of its file system. False if there is none. */
static bool prefix(const struct mounts *mounts, __u32 dev, const char *inside, char *path)
{
	size_t shortest = ~0UL, i;
	char candidate[PATH_SHOWN];

	for (i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->mount[i];
		size_t root = strlen(mount->root);
		const char *rest;

		if (mount->dev != dev || root >= shortest || !is_below(inside, mount->root))
			continue;
		rest = root == 1 ? inside : inside + root;
		if (!strcmp(rest, "/"))
			rest = "";
		if (snprintf(candidate, sizeof(candidate), "%s%s", strcmp(mount->point, "/") ? mount->point : *rest ? "" : "/", rest) >=
		    (int)(sizeof(candidate) - sizeof(DELETED)))
			continue;
		if (!is_visible(mounts, mount, candidate))
			continue;
		shortest = root;
		strcpy(path, candidate);
	}
	return shortest != ~0UL;
}

/* /dev/NAME as the kernel would have it. */
static bool device(__u32 dev, char *path)
{
	char name[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/uevent", dev >> 20, dev & 0xfffff);
	file = fopen(name, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, "DEVNAME=", 8) && snprintf(path, PATH_SHOWN, "/dev/%s", line + 8) > 5;
	}
	fclose(file);
	return found;
}

/* The path inside the file system, from components that begin with the last one. Takes what is malformed for unknown. */
static char *unfold(const struct path_value *value)
{
	char text[PATH_TEXT + 8], *at = text + sizeof(text);
	__u32 used = value->used, i;

	if (used > PATH_TEXT || (used && value->text[used - 1]))
		return NULL;
	*--at = 0;
	for (i = 0; i < used; i += strlen(value->text + i) + 1) {
		size_t len = strlen(value->text + i);

		at -= len;
		memcpy(at, value->text + i, len);
		*--at = '/';
	}
	if (!*at)
		*--at = '/';		/* the root itself */
	if (value->cut) {
		at -= strlen(CUT);
		memcpy(at, CUT, strlen(CUT));
	}
	return strdup(at);
}

/* What is shown of @entry, with the mount table as it is. */
static void show(struct paths *paths, struct entry *entry)
{
	char path[PATH_SHOWN];
	bool known;

	if (entry->shown && entry->mounts_at == paths->mounts_at)
		return;
	free(entry->shown);
	entry->shown = NULL;
	entry->mounts_at = paths->mounts_at;
	if (!entry->inside)
		known = device(entry->dev, path);
	else if (entry->inside[0] != '/')
		known = snprintf(path, sizeof(path), "%s", entry->inside) > 0;	/* it begins somewhere */
	else
		known = prefix(&paths->mounts, entry->dev, entry->inside, path);
	if (!known)
		return;
	if (entry->deleted)
		strcat(path, DELETED);
	entry->shown = strdup(path);
}

/* @value is a newer version of @entry's file, which is now at @inside: what is to be remembered of the older one. */
static void remember(struct entry *entry, const struct path_value *value, const char *inside)
{
	bool one_name = value->directory || (value->nlink <= 1 && entry->nlink <= 1);

	/* One of several names may be found first by chance. */
	if (!one_name || !entry->inside || !strcmp(entry->inside, inside) || !entry->shown)
		return;
	free(entry->was);
	entry->was = entry->shown;
	if (entry->deleted)
		entry->was[strlen(entry->was) - strlen(DELETED)] = 0;
	entry->shown = NULL;
}

/* Puts what was read into @entry, which has an older version of the same file or something else. False if it is malformed. */
static bool take(struct paths *paths, struct entry *entry, const struct path_key *key)
{
	const struct path_value *value = &paths->value;
	char *inside = value->block ? NULL : unfold(value);

	if (!value->block && !inside)
		return false;
	if (entry->ino == key->ino && entry->dev == key->dev && entry->generation == value->generation && inside)
		remember(entry, value, inside);
	else
		clear(entry);		/* another file, perhaps one that got the inode's number */
	free(entry->inside);
	free(entry->shown);
	entry->inside = inside;
	entry->shown = NULL;
	entry->dev = key->dev;
	entry->ino = key->ino;
	entry->version = key->version;
	entry->since_ns = value->since_ns;
	entry->generation = value->generation;
	entry->nlink = value->nlink;
	entry->directory = value->directory;
	entry->deleted = value->deleted;
	return true;
}

/* The file's entry of the cache, or the one unused for longest. */
static struct entry *place_of(struct paths *paths, const struct path_key *key)
{
	struct entry *set = paths->entry[(key->ino * 0x9e3779b97f4a7c15 + key->dev) >> 40 & (SETS - 1)], *oldest = set;
	int i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].since_ns && set[i].ino == key->ino && set[i].dev == key->dev)
			return &set[i];
		if ((__s32)(set[i].used_at - oldest->used_at) < 0)
			oldest = &set[i];
	}
	return oldest;
}

struct path_found paths_find(struct paths *paths, __u32 dev, __u64 ino, __u64 version)
{
	struct path_key key = { .ino = ino, .version = version, .dev = dev };
	struct path_found found = {};
	struct entry *entry;
	bool same;

	if (paths->find)
		return paths->find(paths->ctx, dev, ino, version);
	entry = place_of(paths, &key);
	same = entry->since_ns && entry->ino == ino && entry->dev == dev;
	/* What histograms have, version 0, may have been replaced meanwhile. */
	if (!same || entry->version != version || !version) {
		if (paths->read(paths->ctx, &key, &paths->value))
			return found;		/* it has lost its place */
		if (same && version && paths->value.generation == entry->generation && paths->value.since_ns < entry->since_ns) {
			entry = &paths->late;
			clear(entry);
		}
		if (!take(paths, entry, &key))
			return found;
	}
	entry->used_at = ++paths->clock;
	show(paths, entry);
	found.path = entry->shown;
	found.was = entry->was;
	return found;
}
