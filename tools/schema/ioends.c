// SPDX-License-Identifier: GPL-2.0
#include "ioends.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[IF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct ioend_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	IOEND_FIELDS(FIELD_DESC)
};

#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }

static const struct need of_events[] = {
	{ NEED_EVENT, "iomap_ioend_new", .args = 9 },
	{ NEED_EVENT, "iomap_add_to_ioend", .args = 10 },
	{ NEED_EVENT, "iomap_ioend_submit", .args = 11 },
	{ NEED_EVENT, "iomap_ioend_bio_end", .args = 8 },
	{ NEED_EVENT, "iomap_ioend_merge", .args = 7 },
	{ NEED_EVENT, "iomap_ioend_finish", .args = 8 },
	{ NEED_ENUM, "iomap_ioend_reason" },
	NEED_FILE,
};

static const struct need of_functions[] = {
	{ NEED_PROGRAM, "iomap_submit_ioend or iomap_ioend_writeback_submit" },
	{ NEED_FUNCTION, "iomap_finish_ioend", .args = 2 },
	{ NEED_MEMBER, "iomap_ioend", "io_inode" }, { NEED_MEMBER, "iomap_ioend", "io_offset" },
	{ NEED_MEMBER, "iomap_ioend", "io_size" }, { NEED_MEMBER, "iomap_ioend", "io_sector" },
	{ NEED_MEMBER, "iomap_ioend", "io_flags" },
	NEED_FILE,
};

#define STOCK_LIMITS \
	"how an ioend was built (folios, ranges, reason, build time), merges, and when its bio ended; latency begins at the submission; " \
	"on 6.1 the bytes of its bios, and where in the last block the file ends; from Linux 6.14 on the flags of its mapping"

/* In the order of enum ioend_source. */
static const struct source_desc sources[IOEND_SOURCE_COUNT] = {
	[IOEND_SOURCE_EVENTS] = {
		.name = "iomap_ioend",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = {
			{ "ioend_new" }, { "ioend_add", .details = true, .metrics = true }, { "ioend_submit" },
			{ "ioend_bio_end", .details = true, .metrics = true }, { "ioend_merge", .details = true, .metrics = true },
			{ "ioend_finish" },
		},
	},
	[IOEND_SOURCE_FENTRY] = {
		.name = "iomap_submit_ioend+fentry",
		.limits = STOCK_LIMITS,
		.needs = of_functions, .need_count = ARRAY_SIZE(of_functions),
		.program = {
			{ "submit_wpc", "iomap_submit_ioend", 2 }, { "submit_ioend", "iomap_submit_ioend", 3 },
			{ "submit_wb_ctx", "iomap_ioend_writeback_submit", 2 }, { "finish" },
			{ "finish_buffered", "iomap_finish_ioend_buffered", 1, true },
			{ "finish_buffered_write", "iomap_finish_ioend_buffered_write", 1, true },
		},
	},
	[IOEND_SOURCE_KPROBE] = {
		.name = "iomap_submit_ioend+kprobe",
		.limits = STOCK_LIMITS "; a finish whose interrupt comes while another kprobe's program runs on its CPU, which counts as lost",
		.needs = of_functions, .need_count = ARRAY_SIZE(of_functions),
		.kprobes = true,
		.program = {
			{ "kprobe_submit_wpc", "iomap_submit_ioend", 2 }, { "kprobe_submit_ioend", "iomap_submit_ioend", 3 },
			{ "kprobe_submit_wb_ctx", "iomap_ioend_writeback_submit", 2 }, { "kprobe_finish" },
			{ "kprobe_finish_buffered", "iomap_finish_ioend_buffered", 1, true },
			{ "kprobe_finish_buffered_write", "iomap_finish_ioend_buffered_write", 1, true },
		},
	},
};

static const enum hist_by keys[] = { BY_TYPE, BY_REASON, BY_DEV, BY_INO, BY_COMM };

const struct observer ioends_observer = {
	.command = "ioends",
	.event = "ioend",
	.field = fields, .field_count = IF_COUNT,
	.record_size = sizeof(struct ioend_event),
	.source = sources, .source_count = IOEND_SOURCE_COUNT,
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY_IOENDS, .source_option = OPT_SOURCE_IOENDS,
	.state_map = "flights",
	.counts_flights = true,
};
