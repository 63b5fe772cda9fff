/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing a recording: records are gathered in blocks, each of one observer, and a block is written whole, with one write. What cannot be
 * written is counted. docs/recording.md has the format.
 */
#ifndef IOMAPSCOPE_RECORDER_H
#define IOMAPSCOPE_RECORDER_H

#include "account.h"
#include "err.h"
#include "observers.h"
#include "paths.h"
#include "stacks.h"

#define RECORDER_PATIENCE_NS	900000000ULL	/* no record waits longer for its block, if recorder_tick() is called ten times a second */

struct recorder;

struct recorder_options {
	const char *path;
	const char *command_line;
	bool force;			/* what is there is overwritten */
	bool plain;			/* for tests: blocks as they are, not compressed */
	__u64 rotate_bytes, rotate_ns;	/* 0: never */
	unsigned int keep;		/* files at most, the newest; 0: all */
};

/* Makes the file. NULL with @err, if it is there and not to be overwritten, or cannot be made. */
struct recorder *recorder_new(const struct recorder_options *options, struct err *err);
void recorder_free(struct recorder *w);		/* of a recording that did not begin: removes what it has made */

/*
 * Where there will be several files: removes those of an older recording, if they are to be overwritten, and sees whether they can be
 * made. Before recorder_start(), with no more privileges than there will be then.
 */
int recorder_clear(struct recorder *w, struct err *err);

/* The next observer; returns its number. Before recorder_start(). */
int recorder_add(struct recorder *w, const struct observer *observer, const char *source, enum flag_era era);
/* 0, or -1 as recorder_error() tells. */
int recorder_start(struct recorder *w, __u64 now_ns, __s64 wall_offset_ns);

/* Records of @stream that wait for their block: if none does, it is time to take the clock anew. */
size_t recorder_waiting(const struct recorder *w, int stream);

/*
 * Room for the next record, in the layout of record_layout(); recorder_end_record() takes it. NULL once anything has failed: the record is
 * counted as lost. In between the texts that it names are told, and its members set to the numbers returned.
 */
void *recorder_begin_record(struct recorder *w, int stream, __u64 now_ns, __s64 wall_offset_ns);
__u64 recorder_path(struct recorder *w, const struct path_found *found);
__s32 recorder_stack(struct recorder *w, const struct frames *frames);
bool recorder_knows_device(struct recorder *w, __u32 dev);
void recorder_device(struct recorder *w, __u32 dev, const char *name);
bool recorder_knows_cgroup(struct recorder *w, __u64 cgroup);
void recorder_cgroup(struct recorder *w, __u64 cgroup, const char *path);
void recorder_end_record(struct recorder *w, int stream, bool event);	/* event: one of what the observer accounts for */

/* What the reader will tell of these numbers. Live until the next record. */
struct path_found recorder_told_path(const struct recorder *w, __u64 path);
const struct frames *recorder_told_stack(struct recorder *w, __s32 stack);

/* Writes what has waited long enough, goes on in the next file if it is time, and looks whether the file is still there. */
void recorder_tick(struct recorder *w, __u64 now_ns);

/* Ends the recording with the accounts, by stream, of all that was observed; of each, LOSS_output is made up here. */
void recorder_end(struct recorder *w, struct account *accounts, __u64 now_ns);

/* NULL, or the sentence that says what has failed. */
const char *recorder_error(const struct recorder *w);
__u64 recorder_written(const struct recorder *w, int stream);	/* and still there to be read, but for what --keep removes */
unsigned int recorder_parts(const struct recorder *w);
__u64 recorder_bytes(const struct recorder *w);			/* of all files, also those removed */

#endif
