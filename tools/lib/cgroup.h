/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups of version 2, by path or by the container that they are made for. */
#ifndef IOMAPSCOPE_CGROUP_H
#define IOMAPSCOPE_CGROUP_H

#include <stddef.h>

#include "args.h"
#include "err.h"
#include "mounts.h"

/*
 * Opens what --cgroup or --container names. Returns a descriptor; or -1 with @err of STATUS_USAGE, if there is no such cgroup, or if
 * several containers match.
 */
int cgroup_open(const struct args *args, struct err *err);

/* Where the cgroup2 hierarchy is mounted, NULL if it is nowhere. Of several mounts, the first that shows all of it. */
const char *cgroup_mount(const struct mounts *mounts);

/*
 * The directory below @root, of which @path gets the name, that a container engine has made for container @name: its name, or its id
 * or the beginning of that, as the engine has it in the directory's name. Returns 0, or -1 as above.
 */
int container_find(const char *root, const char *name, char *path, size_t size, struct err *err);

#endif
