/* SPDX-License-Identifier: GPL-2.0 */
/* What the fields of an observer's event are for, by the schema's tables: all that a report has to know of an observer. */
#ifndef IOMAPSCOPE_ROLES_H
#define IOMAPSCOPE_ROLES_H

#include "observers.h"

#define ROLE_WORDS	12
#define ROLE_FLAGS	4
#define ROLE_TIMES	8
#define WORD_SLOTS	33	/* of a word's number, the last is null */

/* Fields that an observer does not have are NULL. */
struct roles {
	const struct observer *observer;
	const struct field *time, *op, *comm, *pid, *tid, *dev, *ino, *path, *pos, *len, *bytes, *ret, *latency, *source;
	const struct field *word[ROLE_WORDS];		/* those of few values, the operation first */
	const struct field *flags[ROLE_FLAGS];
	const struct field *part[ROLE_TIMES];		/* durations but the latency */
	int words, flag_fields, parts;
};

/* A phase of one event: its field, and where it lies from the begin of the event. */
struct span {
	const struct field *field;
	__u64 offset_ns, ns;
};

void roles_init(struct roles *roles, const struct observer *observer);

/* False for null, and for a field that is not there. */
bool role_value(const struct roles *roles, const struct field *field, const void *record, __u64 *value);

/* An event's name for its operation, or the event's own. */
const char *role_op(const struct roles *roles, const void *record);
/* What a number of a field of few values is called; NULL: it has no name. */
const char *role_word(const struct field *field, __u64 value);

bool role_failed(const struct roles *roles, const void *record);
/* Bytes that it moved; 0 if that is not known. */
__u64 role_bytes(const struct roles *roles, const void *record);
/* Begin and end, by CLOCK_MONOTONIC; they are the same if the latency is not known. */
void role_times(const struct roles *roles, const void *record, __u64 *begin_ns, __u64 *end_ns);

/* The phases whose begin is known, those of no length left out. They do not overlap, and none goes beyond the end. */
int role_phases(const struct roles *roles, const void *record, struct span span[ROLE_TIMES]);

#endif
