// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "export/devices.h"
#include "mounts.h"

struct device {
	__u32 dev;
	bool was_there;
	enum device_state state;
	char name[DEVICE_NAME];
};

struct devices {
	char root[64];
	int mountinfo;			/* says by poll() that it has changed */
	bool mounts_read;
	struct mounts mounts;
	struct device *device;
	size_t count, room;
};

struct devices *devices_new(const char *root)
{
	struct devices *devices = calloc(1, sizeof(*devices));
	char path[PATH_MAX];

	if (!devices)
		return NULL;
	snprintf(devices->root, sizeof(devices->root), "%s", root);
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	devices->mountinfo = open(path, O_RDONLY | O_CLOEXEC);
	return devices;
}

void devices_free(struct devices *devices)
{
	if (!devices)
		return;
	if (devices->mountinfo >= 0)
		close(devices->mountinfo);
	mounts_free(&devices->mounts);
	free(devices->device);
	free(devices);
}

static void read_mounts(struct devices *devices)
{
	struct pollfd changed = { .fd = devices->mountinfo, .events = POLLPRI };
	struct mounts now;
	FILE *file;

	if (devices->mounts_read && (poll(&changed, 1, 0) <= 0 || !(changed.revents & (POLLPRI | POLLERR))) && !*devices->root)
		return;
	if (devices->mountinfo < 0 || lseek(devices->mountinfo, 0, SEEK_SET))
		return;
	file = fdopen(dup(devices->mountinfo), "r");
	if (!file)
		return;
	if (!mounts_parse(&now, file)) {
		mounts_free(&devices->mounts);
		devices->mounts = now;
		devices->mounts_read = true;
	}
	fclose(file);
}

/* The last part of where the link of this device points, as /proc/diskstats has it; false if there is no such block device. */
static bool kernel_name(const struct devices *devices, __u32 dev, char name[DEVICE_NAME])
{
	char link[PATH_MAX], target[PATH_MAX], *at;
	ssize_t len;

	snprintf(link, sizeof(link), "%s/sys/dev/block/%u:%u", devices->root, dev >> 20, dev & 0xfffff);
	len = readlink(link, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = 0;
	at = strrchr(target, '/');
	snprintf(name, DEVICE_NAME, "%.*s", DEVICE_NAME - 1, at ? at + 1 : target);
	/* A directory's name has no slash, as in cciss!c0d0. */
	for (at = name; *at; at++) {
		if (*at == '!')
			*at = '/';
	}
	return true;
}

/* Of a file system on devices of its own invention. */
static bool mounted_name(const struct devices *devices, __u32 dev, char name[DEVICE_NAME])
{
	const char *source;
	struct stat st;
	size_t i;

	for (i = 0; i < devices->mounts.count && devices->mounts.mount[i].dev != dev; i++)
		;
	if (i == devices->mounts.count)
		return false;
	source = devices->mounts.mount[i].source;
	if (!strncmp(source, "/dev/", 5)) {
		if (!stat(source, &st) && S_ISBLK(st.st_mode) && kernel_name(devices, kernel_dev(st.st_rdev), name))
			return true;
		source += 5;
	}
	/* One without a source is told by what it is. */
	if (!*source || !strcmp(source, "none"))
		source = devices->mounts.mount[i].type;
	snprintf(name, DEVICE_NAME, "%.*s", DEVICE_NAME - 1, source);
	return true;
}

/* True if something about it has changed. */
static bool look(struct devices *devices, struct device *device)
{
	enum device_state state = DEVICE_THERE;
	char name[DEVICE_NAME];

	if (!device->dev) {
		strcpy(name, "none");
	} else if (device->dev >> 20) {
		if (!kernel_name(devices, device->dev, name)) {
			state = DEVICE_GONE;
			snprintf(name, sizeof(name), "%u:%u", device->dev >> 20, device->dev & 0xfffff);
		}
	} else if (!mounted_name(devices, device->dev, name)) {
		state = device->was_there ? DEVICE_GONE : DEVICE_UNKNOWN;
		snprintf(name, sizeof(name), "0:%u", device->dev);
	}
	/* One that is gone keeps its name, until what is known of it has been told. */
	if (state == DEVICE_GONE && device->name[0])
		strcpy(name, device->name);
	/* Until it is forgotten it is not mixed up with the other one. */
	if (state == DEVICE_THERE && device->was_there && device->state != DEVICE_THERE && strcmp(name, device->name)) {
		state = DEVICE_REPLACED;
		strcpy(name, device->name);
	}
	device->was_there |= state == DEVICE_THERE;
	if (state == device->state && !strcmp(name, device->name))
		return false;
	device->state = state;
	strcpy(device->name, name);
	return true;
}

bool devices_look(struct devices *devices)
{
	bool changed = false;
	size_t i;

	read_mounts(devices);
	for (i = 0; i < devices->count; i++)
		changed |= look(devices, &devices->device[i]);
	return changed;
}

static struct device *find(struct devices *devices, __u32 dev)
{
	size_t i;

	for (i = 0; i < devices->count; i++) {
		if (devices->device[i].dev == dev)
			return &devices->device[i];
	}
	return NULL;
}

static struct device *find_or_add(struct devices *devices, __u32 dev)
{
	struct device *device = find(devices, dev);

	if (device)
		return device;
	if (devices->count == devices->room) {
		size_t room = devices->room ? 2 * devices->room : 32;
		struct device *more = realloc(devices->device, room * sizeof(*more));

		if (!more)
			return NULL;
		devices->device = more;
		devices->room = room;
	}
	device = &devices->device[devices->count++];
	memset(device, 0, sizeof(*device));
	device->dev = dev;
	/* It may have been mounted since the last look. */
	if (!(dev >> 20))
		read_mounts(devices);
	look(devices, device);
	return device;
}

const char *device_label(struct devices *devices, __u32 dev)
{
	struct device *device = find_or_add(devices, dev);

	return device ? device->name : NULL;
}

enum device_state device_state(struct devices *devices, __u32 dev)
{
	struct device *device = find_or_add(devices, dev);

	return device ? device->state : DEVICE_THERE;
}

void device_forget(struct devices *devices, __u32 dev)
{
	struct device *device = find(devices, dev);

	if (device)
		*device = devices->device[--devices->count];
}

size_t devices_known(const struct devices *devices)
{
	return devices->count;
}

bool device_gone(const struct devices *devices, size_t i, __u32 *dev)
{
	*dev = devices->device[i].dev;
	return devices->device[i].state == DEVICE_GONE || devices->device[i].state == DEVICE_REPLACED;
}
