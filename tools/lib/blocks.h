/* SPDX-License-Identifier: GPL-2.0 */
/* Requests as text: in the table one block each, in JSON one object, in CSV one line for each step. */
#ifndef IOMAPSCOPE_BLOCKS_H
#define IOMAPSCOPE_BLOCKS_H

#include "format.h"
#include "timeline.h"

/* @q is sorted. It counts as one record; as none if it is not over. Never in parts of two: the whole of it is handed on. */
void block_print(struct out *out, struct format *format, const struct timeline_request *q, __u8 source);

#endif
