/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs do with an event, done with a record of it: the filters, the histograms, top's table. So that a recording gives what
 * observing would have given.
 */
#ifndef IOMAPSCOPE_REPLAY_H
#define IOMAPSCOPE_REPLAY_H

#include "args.h"
#include "histogram.h"
#include "recording.h"
#include "run.h"

struct replay;

/*
 * Of one observer's records in @r, by the filters and --by of @args. NULL with @err: what cannot be decided from a recording is refused.
 * @observer need not be in the recording: then nothing comes.
 */
struct replay *replay_new(const struct args *args, struct recording *r, const struct observer *observer, struct err *err);
void replay_free(struct replay *replay);

/* Whether the filters leave the record out. For follow: whether they leave out the request that it began. */
bool replay_filtered(struct replay *replay, const void *record);

/* Adds the record to its histogram. False: there are too many. */
bool replay_count(struct replay *replay, const void *record);
/* What was counted since the last call of this, to be freed by the caller. */
struct hist_set replay_take(struct replay *replay);

/* The same of top: adds the record under its key. @counted: false if it is none of what top counts. */
bool replay_top(struct replay *replay, const void *record, unsigned int room, bool *counted);
/* As observe_collect(), observe_take(): all sums since the key is there, max_ns since the last round. */
int replay_collect(struct replay *replay, int (*each)(void *ctx, const struct top_key *key, const struct top_sum *sum), void *ctx);
void replay_forget(struct replay *replay, const struct top_key *key);

/* What the record's fields say. */
__u64 replay_time(const struct replay *replay, const void *record);

/* The path of a file, of which the last record with one is to be noted by replay_note_path(). NULL: none. */
void replay_note_path(struct replay *replay, const void *record);
const char *replay_path(const struct replay *replay, __u32 dev, __u64 ino);

/* A filter by a name that nothing in the recording has: a sentence for standard error, false if there is none. */
bool replay_unmatched(const struct replay *replay, char *text, size_t size);

#endif
