// SPDX-License-Identifier: GPL-2.0
#include "lookups.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const struct field lookup_fields[LF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct lookup_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	LOOKUP_FIELDS(FIELD_DESC)
};

#define NEED_MAPPING \
	{ NEED_MEMBER, "iomap", "addr" }, { NEED_MEMBER, "iomap", "offset" }, { NEED_MEMBER, "iomap", "length" }, \
	{ NEED_MEMBER, "iomap", "type" }, { NEED_MEMBER, "iomap", "flags" }
#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }
#define NEED_ITERATOR \
	{ NEED_MEMBER, "iomap_iter", "inode" }, { NEED_MEMBER, "iomap_iter", "pos" }, { NEED_MEMBER, "iomap_iter", "len" }, \
	{ NEED_MEMBER, "iomap_iter", "flags" }, { NEED_MEMBER, "iomap_iter", "iomap" }, { NEED_MEMBER, "iomap_iter", "srcmap" }

static const struct need of_lookup[] = {
	{ NEED_EVENT, "iomap_lookup", .args = 10 },
	{ NEED_ENUM, "iomap_op" },
	NEED_MAPPING, NEED_FILE,
};

static const struct need of_fexit[] = {
	{ NEED_EVENT, "iomap_iter", .args = 3 },
	{ NEED_ITERATION },
	{ NEED_FUNCTION, "iomap_iter", .args = 2 },
	NEED_ITERATOR, NEED_MAPPING, NEED_FILE,
};

static const struct need of_dstmap[] = {
	{ NEED_EVENT, "iomap_iter", .args = 3 },
	{ NEED_ITERATION },
	{ NEED_EVENT, "iomap_iter_dstmap", .args = 2 },
	NEED_ITERATOR, NEED_MAPPING, NEED_FILE,
};

/* In the order of enum lookup_source. */
static const struct source_desc sources[SOURCE_COUNT] = {
	[SOURCE_LOOKUP] = {
		.name = "iomap_lookup",
		.needs = of_lookup, .need_count = ARRAY_SIZE(of_lookup),
		.program = { { "lookup", .plain = true } },
		.stateless = true,
	},
	[SOURCE_FEXIT] = {
		.name = "iomap_iter+fexit",
		.limits = "truncate is shown as zero; from Linux 6.15 the latency includes the previous mapping's release; where the kernel unwinds "
			  "by frame pointers, who called iomap_iter() is not on its stacks",
		.needs = of_fexit, .need_count = ARRAY_SIZE(of_fexit),
		.program = { { "iter_enter" }, { "iter_end", .plain = true } },
	},
	[SOURCE_DSTMAP] = {
		.name = "iomap_iter+dstmap",
		.limits = "truncate is shown as zero; from Linux 6.15 the latency includes the previous mapping's release; a failed lookup "
			  "has neither errno nor latency, and is shown when the task begins its next one",
		.needs = of_dstmap, .need_count = ARRAY_SIZE(of_dstmap),
		.program = { { "iter_begin" }, { "iter_map", .plain = true } },
	},
};

static const enum hist_by keys[] = { BY_OP, BY_TYPE, BY_DEV, BY_INO, BY_COMM };

const struct observer lookups_observer = {
	.command = "lookups",
	.event = "lookup",
	.field = lookup_fields, .field_count = LF_COUNT,
	.record_size = sizeof(struct lookup_event),
	.source = sources, .source_count = SOURCE_COUNT,
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY, .source_option = OPT_SOURCE,
	.state_map = ".bss.tasks",
};
