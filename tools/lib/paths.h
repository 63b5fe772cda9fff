/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paths of files: what the programs have found in the kernel's cache of names, behind the mount point that this process sees.
 * A bounded cache of them, so that a file is looked up once and not for each of its events.
 */
#ifndef IOMAPSCOPE_PATHS_H
#define IOMAPSCOPE_PATHS_H

#include "mounts.h"
#include "observe.h"

#define PATH_SHOWN 2048		/* no path that is shown is longer */

struct paths;

/* Fetches the entry of @key. 0, or -errno. */
typedef int (*path_reader)(void *ctx, const struct path_key *key, struct path_value *value);

struct path_found {
	const char *path;	/* NULL: not known. Both live until the next call */
	const char *was;	/* the path before it was renamed, or NULL */
};

/* NULL without memory. */
struct paths *paths_new(path_reader read, void *ctx);

/* The same where somebody else knows what is shown: a recording. @find: as paths_find(). */
typedef struct path_found (*path_teller)(void *ctx, __u32 dev, __u64 ino, __u64 version);
struct paths *paths_told(path_teller find, void *ctx);

void paths_free(struct paths *paths);

/* The path of this version, see struct path_key. */
struct path_found paths_find(struct paths *paths, __u32 dev, __u64 ino, __u64 version);

/* Reads the mount table anew if it has changed; to be called now and then. */
void paths_refresh(struct paths *paths);

/* The same with a table of the caller's, which @paths takes over. */
void paths_set_mounts(struct paths *paths, const struct mounts *mounts);

#endif
