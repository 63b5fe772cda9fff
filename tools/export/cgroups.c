// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "export/cgroups.h"
#include "mounts.h"
#include "names.h"
#include "output.h"

#define GIVEN_UP_NS	5000000000ULL	/* longer than names.c does not look again */

struct known {
	__u64 id;
	__u64 since_ns;		/* when it was asked for first */
	bool found;
	char path[TOP_NAME];
};

struct cgroups {
	struct names *names;
	char *point;		/* NULL: not mounted */
	struct known *known;
	size_t count, room;
};

struct cgroups *cgroups_new(const char *point)
{
	struct cgroups *cgroups = calloc(1, sizeof(*cgroups));
	struct mounts mounts = {};

	if (!cgroups)
		return NULL;
	if (!point && !mounts_read(&mounts))
		point = cgroup_mount(&mounts);
	cgroups->point = point ? strdup(point) : NULL;
	mounts_free(&mounts);
	cgroups->names = names_new(cgroups->point);
	if (!cgroups->names || (point && !cgroups->point)) {
		cgroups_free(cgroups);
		return NULL;
	}
	return cgroups;
}

void cgroups_free(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	names_free(cgroups->names);
	free(cgroups->point);
	free(cgroups->known);
	free(cgroups);
}

static struct known *find(struct cgroups *cgroups, __u64 id)
{
	size_t i;

	for (i = 0; i < cgroups->count; i++) {
		if (cgroups->known[i].id == id)
			return &cgroups->known[i];
	}
	return NULL;
}

static struct known *find_or_add(struct cgroups *cgroups, __u64 id, __u64 now_ns)
{
	struct known *known = find(cgroups, id);

	if (known)
		return known;
	if (cgroups->count == cgroups->room) {
		size_t room = cgroups->room ? 2 * cgroups->room : 64;
		struct known *more = realloc(cgroups->known, room * sizeof(*more));

		if (!more)
			return NULL;
		cgroups->known = more;
		cgroups->room = room;
	}
	known = &cgroups->known[cgroups->count++];
	memset(known, 0, sizeof(*known));
	known->id = id;
	known->since_ns = now_ns;
	return known;
}

/* Whether the directory that had this number still has it. */
static bool is_there(const struct cgroups *cgroups, const struct known *known)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", cgroups->point, known->path);
	return !stat(path, &st) && st.st_ino == known->id;
}

enum cgroup_state cgroup_state(struct cgroups *cgroups, __u64 id, __u64 now_ns)
{
	struct known *known = find_or_add(cgroups, id, now_ns);

	if (!known)
		return CGROUP_PENDING;
	if (known->found)
		return !cgroups->point || is_there(cgroups, known) ? CGROUP_THERE : CGROUP_GONE;
	*cgroup_name(cgroups->names, known->path, id) = 0;
	/* Without a path it is told by its number. */
	known->found = !cgroups->point || known->path[0] == '/';
	if (known->found)
		return CGROUP_THERE;
	return now_ns - known->since_ns >= GIVEN_UP_NS ? CGROUP_GONE : CGROUP_PENDING;
}

const char *cgroup_label(struct cgroups *cgroups, __u64 id)
{
	const struct known *known = find(cgroups, id);

	return known ? known->path : "";
}

void cgroup_forget(struct cgroups *cgroups, __u64 id)
{
	struct known *known = find(cgroups, id);

	if (known)
		*known = cgroups->known[--cgroups->count];
}

int cgroup_note(struct cgroups *cgroups, __u64 id, __u64 now_ns)
{
	return find_or_add(cgroups, id, now_ns) ? 0 : -ENOMEM;
}

size_t cgroups_gone(struct cgroups *cgroups, __u64 now_ns, __u64 *id, size_t max)
{
	size_t i, count = 0;

	for (i = 0; i < cgroups->count && count < max; i++) {
		if (cgroup_state(cgroups, cgroups->known[i].id, now_ns) == CGROUP_GONE)
			id[count++] = cgroups->known[i].id;
	}
	return count;
}
