/* SPDX-License-Identifier: GPL-2.0 */
/* What devices are called in labels, and whether they are still there. */
#ifndef IOMAPSCOPE_EXPORT_DEVICES_H
#define IOMAPSCOPE_EXPORT_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define DEVICE_NAME 256

struct devices;

/* @root: of the directories /sys and /proc that are looked into, "" in earnest. NULL without memory. */
struct devices *devices_new(const char *root);
void devices_free(struct devices *devices);

/* Looks at all that are known again; true if one has another name now, or has gone. To be called before each reading. */
bool devices_look(struct devices *devices);

/*
 * The kernel's name, as in /proc/diskstats; of one that is no block device the source of its mount, or its numbers. Lives until the next
 * look. NULL without memory.
 */
const char *device_label(struct devices *devices, __u32 dev);

enum device_state {
	DEVICE_THERE,
	DEVICE_GONE,
	DEVICE_UNKNOWN,		/* never mounted here: nobody can say */
	DEVICE_REPLACED,	/* gone, and its number is another one's by now */
};

enum device_state device_state(struct devices *devices, __u32 dev);

/* Forgets one that nobody asks for any more. */
void device_forget(struct devices *devices, __u32 dev);
size_t devices_known(const struct devices *devices);
/* Whether the one at @i of those known is gone or replaced, and which it is. */
bool device_gone(const struct devices *devices, size_t i, __u32 *dev);

#endif
