// SPDX-License-Identifier: GPL-2.0
#include "check.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[CF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct check_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	CHECK_FIELDS(FIELD_DESC)
};

#define NEED_MAPPING \
	{ NEED_MEMBER, "iomap", "offset" }, { NEED_MEMBER, "iomap", "length" }, { NEED_MEMBER, "iomap", "type" }, { NEED_MEMBER, "iomap", "flags" }
#define NEED_ITERATOR \
	{ NEED_MEMBER, "iomap_iter", "pos" }, { NEED_MEMBER, "iomap_iter", "len" }, { NEED_MEMBER, "iomap_iter", "flags" }, \
	{ NEED_MEMBER, "iomap_iter", "iomap" }
#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }

static const struct need of_events[] = {
	{ NEED_EVENT, "iomap_lookup", .args = 10 },
	{ NEED_EVENT, "iomap_iter", .args = 3 },
	{ NEED_EVENT, "iomap_release", .args = 10 },
	{ NEED_EVENT, "iomap_stale", .args = 8 },
	{ NEED_EVENT, "iomap_op_end", .args = 7 },
	{ NEED_ENUM, "iomap_op" },
	{ NEED_MEMBER, "iomap_iter", "op" }, { NEED_MEMBER, "iomap_iter", "processed" }, { NEED_MEMBER, "iomap_iter", "srcmap" },
	{ NEED_MEMBER, "iomap_iter", "inode" }, { NEED_MEMBER, "iomap_ops", "iomap_end" }, { NEED_MEMBER, "task_struct", "nvcsw" },
	NEED_MAPPING, NEED_ITERATOR, NEED_FILE,
};

static const struct need of_stock[] = {
	{ NEED_EVENT, "iomap_iter_dstmap", .args = 2 },
	NEED_MAPPING, NEED_ITERATOR, NEED_FILE,
};

/* Rules of what a successful lookup gives, and all of the iterator: those share their programs, so that each has the whole timeline. */
#define OF_MAPPING (RULE_BIT(LOOKUP_COVERS) | RULE_BIT(STALE_RETURNED) | RULE_BIT(OVERWRITE_ONLY))
#define OF_ITERATOR (OF_MAPPING | RULE_BIT(LOOKUP_RELEASE) | RULE_BIT(STEP_LENGTH) | RULE_BIT(NOWAIT_SLEEP) | RULE_BIT(NOWAIT_AGAIN) | \
		     RULE_BIT(DAX_PMD_ALIGNED))
#define OF_FOLIO RULE_BIT(FOLIO_WRITEBACK_ONCE)
#define RESULTS (RULE_BIT(DIO_RESULT) | RULE_BIT(DIO_COMPLETE_ONCE))
#define COMPLETES (RULE_BIT(DIO_COMPLETE_ONCE) | RULE_BIT(DIO_AFTER_BIOS))
#define RULES_DIO (RESULTS | COMPLETES)
#define RULES_DMIO (RULE_BIT(DMIO_NOTIFY) | RULE_BIT(DMIO_ERROR_BITS))

/* In the order of enum check_source. A program that is loaded for the timeline alone is extra. */
static const struct source_desc sources[CHECK_SOURCE_COUNT] = {
	[CHECK_SOURCE_EVENTS] = {
		.name = "iomap_lookup",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = {
			{ "iter", .event = "iomap_iter", .args = 3, .begins = true, .rules = OF_ITERATOR },
			{ "lookup", .event = "iomap_lookup", .args = 10, .begins = true, .rules = OF_ITERATOR },
			{ "release", .event = "iomap_release", .args = 10, .begins = true, .rules = OF_ITERATOR },
			{ "stale", .event = "iomap_stale", .args = 8, .begins = true, .rules = OF_ITERATOR },
			{ "op_end", .event = "iomap_op_end", .args = 7, .begins = true, .rules = OF_ITERATOR },
			{ "dax_access", .event = "dax_fault_access", .args = 9, .begins = true, .rules = RULE_BIT(DAX_PMD_ALIGNED) },
			{ "ioend_new", .event = "iomap_ioend_new", .args = 9, .begins = true, .rules = RULE_BIT(IOEND_MERGE) },
			{ "ioend_add", .event = "iomap_add_to_ioend", .args = 10, .begins = true, .rules = RULE_BIT(IOEND_MERGE) },
			{ "ioend_merge", .event = "iomap_ioend_merge", .args = 7, .begins = true, .rules = RULE_BIT(IOEND_MERGE) },
			{ "ioend_finish", .event = "iomap_ioend_finish", .args = 8, .begins = true, .rules = RULE_BIT(IOEND_MERGE) },
			{ "folio_begin", .event = "iomap_writeback_folio", .args = 5, .begins = true, .rules = OF_FOLIO },
			{ "folio_eof", .event = "iomap_writeback_eof", .args = 6, .begins = true, .rules = OF_FOLIO },
			{ "folio_submitted", .event = "iomap_writeback_folio_end", .args = 7, .extra = true, .rules = OF_FOLIO },
			{ "folio_end", .event = "iomap_folio_writeback_end", .args = 5, .begins = true, .rules = OF_FOLIO },
			{ "dio_begin", .event = "iomap_dio_begin", .args = 9, .begins = true, .rules = RULES_DIO },
			{ "dio_bio_submit", .event = "iomap_dio_bio_submit", .args = 11, .begins = true, .rules = RULE_BIT(DIO_AFTER_BIOS) },
			{ "dio_bio_end", .event = "iomap_dio_bio_end", .args = 6, .begins = true, .rules = RULE_BIT(DIO_AFTER_BIOS) },
			{ "dio_submitted", .event = "iomap_dio_submitted", .args = 8, .begins = true, .rules = RULE_BIT(DIO_RESULT) },
			{ "dio_queued", .event = "iomap_dio_rw_queued", .args = 3, .begins = true, .rules = RULE_BIT(DIO_RESULT) },
			{ "dio_done", .event = "iomap_dio_done", .args = 8, .begins = true, .rules = COMPLETES },
			{ "dio_complete", .event = "iomap_dio_complete_begin", .args = 8, .begins = true, .rules = COMPLETES },
			{ "dio_end", .event = "iomap_dio_end", .args = 7, .begins = true, .rules = RULES_DIO },
			{ "kiocb_begin", .event = "aio_iocb_begin", .args = 12, .begins = true, .rules = RULE_BIT(KIOCB_COMPLETE) },
			{ "kiocb_issued", .event = "aio_iocb_issued", .args = 7, .begins = true, .rules = RULE_BIT(KIOCB_COMPLETE) },
			{ "kiocb_complete", .event = "aio_iocb_complete", .args = 6, .begins = true, .rules = RULE_BIT(KIOCB_COMPLETE) },
			{ "kiocb_end", .event = "aio_iocb_end", .args = 9, .begins = true, .rules = RULE_BIT(KIOCB_COMPLETE) },
			{ "dm_begin", .event = "dm_io_begin", .args = 9, .begins = true, .rules = RULES_DMIO },
			{ "dm_region", .event = "dm_io_region", .args = 7, .begins = true, .rules = RULE_BIT(DMIO_ERROR_BITS) },
			{ "dm_end", .event = "dm_io_end", .args = 7, .begins = true, .rules = RULES_DMIO },
			{ "dm_notify", .event = "dm_io_notify", .args = 5, .begins = true, .rules = RULE_BIT(DMIO_NOTIFY) },
		},
	},
	[CHECK_SOURCE_STOCK] = {
		.name = "iomap_iter_dstmap",
		.limits = "all rules but those of what a successful lookup gives and, from 6.6 on, of when direct I/O ends and with which result; "
			  "operations where the flags do not tell; the timeline but for direct I/O",
		.needs = of_stock, .need_count = ARRAY_SIZE(of_stock),
		.program = {
			{ "map", .event = "iomap_iter_dstmap", .args = 2, .begins = true, .rules = OF_MAPPING },
			{ "rw_begin", .event = "iomap_dio_rw_begin", .args = 4, .begins = true, .rules = RESULTS },
			{ "rw_complete", .event = "iomap_dio_complete", .args = 3, .begins = true, .rules = RESULTS },
			{ "dio_queued", .event = "iomap_dio_rw_queued", .args = 3, .begins = true, .rules = RULE_BIT(DIO_RESULT) },
		},
	},
};

const struct observer check_observer = {
	.command = "check",
	.event = "violation",
	.field = fields, .field_count = CF_COUNT,
	.record_size = sizeof(struct check_event),
	.source = sources, .source_count = CHECK_SOURCE_COUNT,
	.by_option = OPT_HELP, .source_option = OPT_SOURCE_CHECK,
	.module = "dm_mod",
};
