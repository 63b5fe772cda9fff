// SPDX-License-Identifier: GPL-2.0
#include "observers.h"
#include "top.h"

static const struct field fields[TF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct top_record, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	TOP_FIELDS(FIELD_DESC)
};

/* Rows are formatted, and explained, as events are; where their counts come from is the other observers' matter. */
const struct observer top_table = {
	.command = "top",
	.event = "top",
	.field = fields, .field_count = TF_COUNT,
	.record_size = sizeof(struct top_record),
};
