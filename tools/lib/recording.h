/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a recording: what the file says of itself, then its records one by one, in the layout that this version has, until its end or
 * until it is damaged. docs/recording.md has the format. Nothing in the file is trusted.
 */
#ifndef IOMAPSCOPE_RECORDING_H
#define IOMAPSCOPE_RECORDING_H

#include "account.h"
#include "err.h"
#include "format.h"
#include "observers.h"

struct recording;

/* One observer in the recording. */
struct recording_stream {
	const struct observer *observer;	/* NULL: this version has none of this name, and its records are left out */
	const char *command;
	const char *source;			/* by which it observed */
	enum flag_era era;
	__u64 records;				/* that were delivered so far */
	__u64 events;				/* the same, as the account counts: of follow the requests that ended */
};

#define RECORDING_STREAMS	16

/* Texts are never NULL; "" is one that the file does not have. */
struct recording_info {
	unsigned int major, minor;		/* of the format */
	const char *tool;			/* version of the one that recorded */
	const char *kernel, *machine, *node;	/* as uname has them */
	const char *command_line;
	const char *id;				/* the same in all files of one recording */
	__u32 part;				/* of these, from 0 on */
	__u64 start_ns;				/* CLOCK_MONOTONIC, of this part */
	__s64 wall_offset_ns;			/* CLOCK_REALTIME - CLOCK_MONOTONIC, at the start */
	struct recording_stream stream[RECORDING_STREAMS];
	int streams;
};

/* @path: a file, or "-" for standard input. NULL with @err; of STATUS_DAMAGED if it is no recording. */
struct recording *recording_open(const char *path, struct err *err);
void recording_close(struct recording *r);

const struct recording_info *recording_info(const struct recording *r);

/* What is known of an observer, NULL if it was not recorded. */
const struct recording_stream *recording_stream(const struct recording *r, const struct observer *observer);

struct recorded {
	const struct observer *observer;
	const void *record;		/* as the ring has them: the observer's struct, struct follow_record of follow */
	size_t size;
	__s64 wall_offset_ns;		/* for the format: by which the wall time of the record was told */
};

/*
 * The next record: 1. Of an observer they come in the order of its ring; those of several observers may be apart by a second. 0 at the end.
 * -1 where the recording is damaged or ends before its end, as that of one that was killed: all before it was delivered, and
 * recording_error() tells what is wrong, and where. What @event points to lives until the next call.
 */
int recording_next(struct recording *r, struct recorded *event);
const struct err *recording_error(const struct recording *r);

/* Records that this version has no observer for. */
__u64 recording_left_out(const struct recording *r);

/*
 * Has @format, of the observer's records, say what was said when it was recorded: flags, paths, stacks. format_event() also needs the
 * wall_offset_ns of each event. @format does not outlive @r.
 */
void recording_format(struct recording *r, const struct observer *observer, struct format *format);

/*
 * What else was told of the records so far. NULL: nothing. They live until the next call of recording_next().
 * The path by the number that a record has in its member path; a device with its names, as top shows it; a cgroup's path.
 */
struct path_found recording_path(const struct recording *r, __u64 path);
const struct frames *recording_stack(const struct recording *r, __s32 stack);
const char *recording_device(const struct recording *r, __u32 dev);
const char *recording_cgroup(const struct recording *r, __u64 cgroup);

/* After the last record: what became of everything in this file; NULL if the recording has none, as it was cut or damaged. */
const struct account *recording_account(const struct recording *r, const struct observer *observer);
__u64 recording_end_ns(const struct recording *r);	/* CLOCK_MONOTONIC; the last record's time if it was cut */
const char *recording_next_part(const struct recording *r);	/* the file that it goes on in; NULL: this is the last */

#endif
