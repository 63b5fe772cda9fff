/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs' tables mean: keys become series by their labels, and those with equal labels are one. Keys of devices that are gone are
 * taken out once nothing happens on them for a while, as others may see them still; those of cgroups that are gone become the cgroup
 * "other". No kernel here, and no text but the labels.
 */
#ifndef IOMAPSCOPE_EXPORT_MODEL_H
#define IOMAPSCOPE_EXPORT_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "export/cgroups.h"
#include "export/devices.h"
#include "metrics_desc.h"

#define MODEL_OTHER "other"

struct series {
	char *labels;			/* device="sda",fstype="xfs",op="read" */
	size_t len;
	struct metric_value sum;	/* of the last reading */
	__u64 changed_ns;		/* something happened on one of its keys */
	unsigned int keys;		/* that make it up */
	struct series *next;		/* of the same hash */
};

struct model;

/* @cgroups: NULL if keys are not by cgroup. The names stay the caller's. @cpus: of each value. NULL without memory. */
struct model *model_new(enum metric_group group, unsigned int cpus, struct devices *devices, struct cgroups *cgroups);
void model_free(struct model *model);

/*
 * One reading: each key, and each slot of those that had no room, between a begin and an end. @relabel: devices have got other names. 0 or
 * -errno.
 */
void model_begin(struct model *model, bool relabel, __u64 now_ns);
int model_key(struct model *model, const struct metric_key *key, const struct metric_value *values);
int model_slot(struct model *model, unsigned int slot, const struct metric_value *values);
int model_end(struct model *model);

struct retirement {
	const __u64 *cgroup;		/* that are gone */
	size_t cgroups;
	/* For how many keys there is room: where it gets scarce, devices that nobody knows are treated like those that are gone. */
	unsigned int room;
};

/*
 * Takes out what is not to be read any more, before a reading: @take gives the last values of a key, and an error if it is not there. 0 or
 * -errno.
 */
int model_retire(struct model *model, const struct retirement *what,
		 int (*take)(void *ctx, const struct metric_key *key, const struct metric_value **values), void *ctx);
/* Whether a key of this device is left. */
bool model_has_device(const struct model *model, __u32 dev);

size_t model_keys(const struct model *model);
size_t model_series(const struct model *model);
const struct series *model_at(const struct model *model, size_t i);

/* Events that have ever been in the sums, and those of them that were added to "other". */
__u64 model_events(const struct model *model);
__u64 model_overflow(const struct model *model);

/* Of a sum: what has ended, what is in flight. */
__u64 metric_ended(const struct metric_value *value);
__u64 metric_in_flight(const struct metric_value *value);

/* Adds @from, which may be one CPU's, to @to. */
void metric_add(struct metric_value *to, const struct metric_value *from);

#endif
