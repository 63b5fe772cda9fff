/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events as a trace of the Chrome format, which Perfetto's and Chrome's viewers open. On each track slices nest: none overlaps another
 * one in part. For that each event is noted first, then all are placed, and the recording is read again to write them.
 */
#ifndef IOMAPSCOPE_TRACE_H
#define IOMAPSCOPE_TRACE_H

#include "format.h"
#include "output.h"
#include "roles.h"
#include "timeline.h"

#define TRACE_EVENTS 500000	/* that a trace has by default; a viewer takes a few times more */

struct trace;

/* NULL without memory. The events beyond @limit are counted, and left out. */
struct trace *trace_new(__u64 limit);
void trace_free(struct trace *trace);

/* The first pass. 0 or -ENOMEM. */
int trace_note(struct trace *trace, const struct observer *observer, const void *record);
int trace_place(struct trace *trace);

/* The second one: the same events in the same order. @format: of FORMAT_JSON, of the event's observer; @q: as for sum_add(). */
void trace_begin(struct trace *trace, struct out *out, const char *const *members, __s64 wall_offset_ns);
void trace_put(struct trace *trace, struct out *out, struct format *format, const void *record, const struct timeline_request *q);
void trace_end(struct trace *trace, struct out *out);

__u64 trace_left_out(const struct trace *trace);

#endif
