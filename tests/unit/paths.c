// SPDX-License-Identifier: GPL-2.0
/* Paths: from what the programs hand over to what is shown, by the mount table; renamed and deleted files; odd input. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <dirent.h>

#include "paths.h"
#include "tap.h"

#define DEV (8 << 20 | 1)

/* The map: what the next read gives. */
static struct path_value given;
static bool is_gone;
static int reads;

static int read_given(void *ctx, const struct path_key *key, struct path_value *value)
{
	(void)ctx;
	(void)key;
	reads++;
	if (is_gone)
		return -ENOENT;
	*value = given;
	return 0;
}

/* Components from the last one upwards, separated by slashes. */
static void give(const char *components, __u32 generation, __u32 nlink, __u64 since_ns)
{
	size_t i;

	memset(&given, 0x5a, sizeof(given));
	given.since_ns = since_ns;
	given.generation = generation;
	given.nlink = nlink;
	given.directory = given.block = given.deleted = given.cut = 0;
	given.used = *components ? strlen(components) + 1 : 0;
	memcpy(given.text, components, given.used);
	for (i = 0; i < given.used; i++) {
		if (given.text[i] == '/')
			given.text[i] = 0;
	}
	is_gone = false;
}

static struct paths *with_mounts(const char *text)
{
	struct paths *paths = paths_new(read_given, NULL);
	FILE *file = fmemopen((void *)text, strlen(text), "r");
	struct mounts mounts;

	is_int(mounts_parse(&mounts, file), 0, "the mount table is read");
	fclose(file);
	paths_set_mounts(paths, &mounts);
	return paths;
}

static void finds(struct paths *paths, __u64 ino, __u64 version, const char *path, const char *was, const char *what)
{
	struct path_found found = paths_find(paths, DEV, ino, version);

	is_str(found.path, path, "%s", what);
	is_str(found.was, was, "%s: what it was", what);
}

#define ROOT "1 0 8:1 / / rw - xfs /dev/sda1 rw\n"
#define SRV "2 1 8:1 / /srv rw - xfs /dev/sda1 rw\n"

static void names(void)
{
	struct paths *paths = with_mounts("1 0 8:2 / / rw - ext4 /dev/sda2 rw\n" SRV);
	char name[PATH_TEXT], expected[PATH_TEXT + 16];

	give("f", 1, 1, 1);
	finds(paths, 10, 100, "/srv/f", NULL, "a file in the root");
	reads = 0;
	is_gone = true;
	finds(paths, 10, 100, "/srv/f", NULL, "the same again");
	is_int(reads, 0, "from the cache");
	finds(paths, 10, 101, NULL, NULL, "another version, which the kernel has no more");
	finds(paths, 10, 100, "/srv/f", NULL, "does not hurt the one that is known");
	give("f/c/b/a", 1, 1, 1);
	finds(paths, 11, 1, "/srv/a/b/c/f", NULL, "directories");
	give("", 1, 1, 1);
	finds(paths, 12, 1, "/srv", NULL, "the root of the file system");
	give("g\n\"/d\xff", 1, 1, 1);
	finds(paths, 13, 1, "/srv/d\xff/g\n\"", NULL, "odd names");
	give("f", 1, 0, 1);
	given.deleted = true;
	finds(paths, 14, 1, "/srv/f (deleted)", NULL, "a deleted file");
	give("f/y/x", 1, 1, 1);
	given.cut = true;
	finds(paths, 15, 1, ".../x/y/f", NULL, "a path that is cut");
	memset(name, 'n', sizeof(name));
	memcpy(name + 255, "/", 2);
	memset(name + 256, 'm', 255);
	memset(name + 511, '/', 1);
	memset(name + 512, 'l', 255);
	memset(name + 767, '/', 1);
	memset(name + 768, 'k', 255);
	name[1023] = 0;
	give(name, 1, 1, 1);
	snprintf(expected, sizeof(expected), "/srv/%.255s/%.255s/%.255s/%.255s", name + 768, name + 512, name + 256, name);
	finds(paths, 16, 1, expected, NULL, "all the room there is");
	is_int(strlen(expected), 4 * 256 + 4, "as long as it should be");

	give("f", 1, 1, 1);
	given.used = PATH_TEXT + 1;
	finds(paths, 17, 1, NULL, NULL, "more than there is room for");
	give("f", 1, 1, 1);
	given.used = 1;
	finds(paths, 17, 1, NULL, NULL, "a component without an end");
	paths_free(paths);
}

static void changes(void)
{
	struct paths *paths = with_mounts(ROOT);

	give("a/d", 7, 1, 10);
	finds(paths, 20, 1, "/d/a", NULL, "first");
	give("b/d", 7, 1, 20);
	finds(paths, 20, 2, "/d/b", "/d/a", "renamed");
	finds(paths, 20, 2, "/d/b", "/d/a", "once more");
	give("b/d", 7, 1, 30);
	finds(paths, 20, 3, "/d/b", "/d/a", "another version of the same path");
	give("a/d", 7, 1, 10);
	finds(paths, 20, 1, "/d/a", NULL, "what was in flight since before the renaming");
	give("b/d", 7, 0, 40);
	given.deleted = true;
	finds(paths, 20, 4, "/d/b (deleted)", "/d/a", "deleted");
	give("c/d", 7, 1, 50);
	finds(paths, 20, 5, "/d/c", "/d/b", "linked again, by another name: the label is not part of the old one");
	give("x/d", 8, 1, 60);
	finds(paths, 20, 6, "/d/x", NULL, "another file with the same inode number");
	give("y/d", 8, 2, 70);
	finds(paths, 20, 7, "/d/y", NULL, "another of several names is no renaming");
	give("z/d", 8, 1, 80);
	finds(paths, 20, 8, "/d/z", NULL, "nor is the other one when one has gone");
	give("d", 1, 5, 10);
	given.directory = true;
	finds(paths, 21, 1, "/d", NULL, "a directory");
	give("e", 1, 5, 20);
	given.directory = true;
	finds(paths, 21, 2, "/e", "/d", "renamed, whatever links it has");
	paths_free(paths);
}

static void mounted(const char *table, const char *components, const char *expected, const char *what)
{
	struct paths *paths = with_mounts(table);

	give(components, 1, 1, 1);
	finds(paths, 30, 1, expected, NULL, what);
	paths_free(paths);
}

static void mount_tables(void)
{
	struct paths *paths;
	FILE *file;
	struct mounts mounts;
	char text[] = "9 1 8:1 / /new rw - xfs /dev/sda1 rw\n";

	mounted(ROOT, "f/a", "/a/f", "mounted on the root");
	mounted(ROOT, "", "/", "the root's root");
	mounted("1 0 8:2 / / rw - ext4 x rw\n", "f", NULL, "not mounted here");
	mounted("1 0 8:2 / / rw - ext4 x rw\n2 1 8:1 /a /bind rw - xfs x rw\n", "f/a", "/bind/f", "a bind mount of a directory");
	mounted("1 0 8:2 / / rw - ext4 x rw\n2 1 8:1 /a /bind rw - xfs x rw\n", "a", "/bind", "that directory itself");
	mounted("1 0 8:2 / / rw - ext4 x rw\n2 1 8:1 /a /bind rw - xfs x rw\n", "f/ab", NULL, "a directory whose name begins alike");
	mounted("1 0 8:2 / / rw - ext4 x rw\n2 1 8:1 /a/f /etc/f rw - xfs x rw\n", "f/a", "/etc/f", "a bind mount of the file");
	mounted("1 0 8:2 / / rw - ext4 x rw\n3 1 8:1 /a /bind rw - xfs x rw\n" SRV, "f/a", "/srv/a/f", "the mount that shows most");
	mounted("1 0 8:2 / / rw - ext4 x rw\n" SRV "3 1 8:1 / /also rw - xfs x rw\n", "f/a", "/srv/a/f", "the first of two alike");
	mounted(ROOT "2 1 8:3 / /a rw - ext4 x rw\n", "f/a", NULL, "hidden by what is mounted on its directory");
	mounted(ROOT "2 1 8:3 / /a rw - ext4 x rw\n3 2 8:1 /a /a/under rw - xfs x rw\n", "f/a", "/a/under/f", "hidden, but seen by a bind mount");
	mounted("1 0 8:2 / / rw - ext4 x rw\n" SRV "3 2 8:3 / /srv rw - ext4 x rw\n", "f", NULL, "a file system hidden by another on its mount point");
	mounted("1 0 8:2 / / rw - ext4 x rw\n" SRV "3 1 8:3 / / rw - ext4 x rw\n", "f", NULL, "all hidden by a new root");
	mounted("1 0 8:2 / / rw - ext4 x rw\n2 1 8:4 / /m rw - ext4 x rw\n3 2 8:1 / /m/srv rw - xfs x rw\n", "f", "/m/srv/f", "a mount in a mount");
	mounted("1 0 8:2 / / rw - ext4 x rw\n2 1 8:4 / /m rw - ext4 x rw\n3 2 8:1 / /m/srv/x rw - xfs x rw\n4 2 8:5 / /m/srv rw - ext4 x rw\n", "f",
		NULL, "a mount whose directory was hidden later");
	mounted("1 1 8:1 / / rw - xfs x rw\n", "f", "/f", "a mount that is its own parent");
	mounted("1 2 8:1 / / rw - xfs x rw\n2 1 8:1 / / rw - xfs x rw\n", "f", NULL, "two that are each other's");

	/* A table that changes: what is known is shown by the new one. */
	paths = with_mounts(ROOT);
	give("f", 1, 1, 1);
	finds(paths, 31, 1, "/f", NULL, "before");
	file = fmemopen(text, strlen(text), "r");
	mounts_parse(&mounts, file);
	fclose(file);
	paths_set_mounts(paths, &mounts);
	is_gone = true;
	finds(paths, 31, 1, "/new/f", NULL, "after");
	paths_refresh(paths);
	finds(paths, 31, 1, "/new/f", NULL, "a table of ours is not read anew");
	paths_free(paths);
}

/* More files than the cache has room for, each of them right. */
static void many(void)
{
	struct paths *paths = with_mounts(ROOT);
	char name[32], path[40];
	__u64 ino, wrong = 0, round;

	for (round = 0; round < 2; round++) {
		for (ino = 1; ino < 10000; ino++) {
			struct path_found found;

			snprintf(name, sizeof(name), "%llu", (unsigned long long)ino);
			snprintf(path, sizeof(path), "/%s", name);
			give(name, 1, 1, 1);
			found = paths_find(paths, DEV, ino, ino);
			wrong += !found.path || strcmp(found.path, path) || found.was;
		}
	}
	is_u64(wrong, 0, "ten thousand files, twice");
	paths_free(paths);
}

static void devices(void)
{
	struct paths *paths = paths_new(read_given, NULL);
	DIR *directory = opendir("/sys/dev/block");
	struct dirent *entry;
	unsigned int major, minor, count = 0;

	while (directory && (entry = readdir(directory))) {
		struct path_found found;
		struct stat st;

		if (sscanf(entry->d_name, "%u:%u", &major, &minor) != 2)
			continue;
		give("", 0, 1, 1);
		given.block = true;
		found = paths_find(paths, major << 20 | minor, minor, 1);
		if (!found.path || lstat(found.path, &st))
			continue;	/* a /dev of few devices */
		if (!ok(S_ISBLK(st.st_mode) && st.st_rdev == makedev(major, minor), "%s is %s", entry->d_name, found.path) || ++count == 3)
			break;
	}
	if (directory)
		closedir(directory);
	give("", 0, 1, 1);
	given.block = true;
	ok(!paths_find(paths, 4095u << 20 | 7, 1, 1).path, "a device that there is not");
	paths_free(paths);
}

int main(void)
{
	names();
	changes();
	mount_tables();
	many();
	devices();
	return done_testing();
}
