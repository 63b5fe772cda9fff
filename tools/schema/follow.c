// SPDX-License-Identifier: GPL-2.0
#include "follow.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct RECORD, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
#define RECORD follow_event
static const struct field fields[FF_COUNT] = { FOLLOW_FIELDS(FIELD_DESC) };
#undef RECORD
#define RECORD step_event
const struct field follow_step_fields[SF_COUNT] = { STEP_FIELDS(FIELD_DESC) };
#undef RECORD

static const struct name_desc layers[LAYER_COUNT] = {
#define LAYER_DESC(id, name_, doc_) { .name = name_, .doc = doc_ },
	FOLLOW_LAYERS(LAYER_DESC)
};

/* A value is a record of its own, of one number. */
#define LIST(...) { __VA_ARGS__ }
#define VALUE(name_, kind_) { .name = name_, .kind = KIND_##kind_, .size = sizeof(__u64) }

const struct step_desc follow_steps[FOLLOW_STEP_COUNT] = {
#define STEP_DESC(id, layer_, name_, shows_, values_, doc_) \
	{ .name = name_, .doc = doc_, .layer = LAYER_##layer_, .shows = shows_, .value = values_ },
	FOLLOW_STEPS(STEP_DESC)
};

#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }

static const struct need of_events[] = {
	{ NEED_EVENT, "iomap_op_begin", .args = 6 },
	{ NEED_EVENT, "iomap_op_end", .args = 7 },
	{ NEED_ENUM, "iomap_op" },
	NEED_FILE,
};

#define NEED_ITERATOR \
	{ NEED_EVENT, "iomap_iter", .args = 3 }, { NEED_EVENT, "iomap_iter_dstmap", .args = 2 }, { NEED_ITERATION }

static const struct need of_fexit[] = {
	NEED_ITERATOR, { NEED_FUNCTION, "iomap_iter", .args = 2 }, NEED_FILE,
};

static const struct need of_stock[] = {
	NEED_ITERATOR, NEED_FILE,
};

/* Programs by the event or the function that each is loaded with. */
#define AT_EVENT(program, event_, args_, layer) \
	{ program, .event = event_, .args = args_, .extra = true, .layers = 1u << LAYER_##layer }
#define AT_BEGIN(program, event_, args_, layer) \
	{ program, .event = event_, .args = args_, .extra = true, .layers = 1u << LAYER_##layer, .begins = true }
#define AT_FUNCTION(program, function_, args_, layer) \
	{ program, .function = function_, .args = args_, .extra = true, .layers = 1u << LAYER_##layer }
#define ALWAYS(program, layer) { program, .layers = 1u << LAYER_##layer }

#define ON_DEVICES \
	AT_EVENT("device_queue", "block_bio_queue", 1, DEVICE), AT_EVENT("device_split", "block_split", 2, DEVICE), \
	AT_EVENT("device_backmerge", "block_bio_backmerge", 1, DEVICE), AT_EVENT("device_frontmerge", "block_bio_frontmerge", 1, DEVICE), \
	AT_EVENT("device_issue", "block_rq_issue", 1, DEVICE), AT_EVENT("device_requeue", "block_rq_requeue", 1, DEVICE), \
	AT_EVENT("device_complete", "block_rq_complete", 3, DEVICE), AT_EVENT("device_end", "block_bio_complete", 2, DEVICE)

/* Only if both its begin and its end are told. */
#define ON_FAULTS \
	AT_BEGIN("fault_pte", "dax_pte_fault", 3, FAULT), AT_BEGIN("fault_pmd", "dax_pmd_fault", 4, FAULT), \
	AT_EVENT("fault_insert", "dax_insert_mapping", 3, FAULT), AT_EVENT("fault_insert_pmd", "dax_pmd_insert_mapping", 5, FAULT), \
	AT_EVENT("fault_pte_done", "dax_pte_fault_done", 3, FAULT), AT_EVENT("fault_pmd_done", "dax_pmd_fault_done", 4, FAULT)

#define ON_STOCK_DIO \
	AT_BEGIN("rw_begin", "iomap_dio_rw_begin", 4, DIO), AT_EVENT("rw_queued", "iomap_dio_rw_queued", 3, DIO), \
	AT_EVENT("rw_complete", "iomap_dio_complete", 3, DIO)

#define STOCK_LIMITS \
	"what direct I/O does between its lookups, its bios and its end; stale mappings and their release; how an ioend was built, and merges"

/* In the order of enum follow_source. In each the begins stand first. */
static const struct source_desc sources[FOLLOW_SOURCE_COUNT] = {
	[FOLLOW_SOURCE_EVENTS] = {
		.name = "iomap_op",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = {
			{ "op_begin", .layers = 1u << LAYER_OP, .begins = true },
			AT_BEGIN("kiocb_begin", "aio_iocb_begin", 12, KIOCB), AT_BEGIN("dio_begin", "iomap_dio_begin", 9, DIO),
			AT_BEGIN("pass_begin", "iomap_writepages_begin", 6, PASS), AT_BEGIN("ioend_new", "iomap_ioend_new", 9, IOEND),
			ON_FAULTS, AT_BEGIN("fault_sync", "dax_sync_fault", 4, FAULT),
			AT_EVENT("fault_access", "dax_fault_access", 9, FAULT), AT_EVENT("fault_cow", "dax_fault_cow", 10, FAULT),
			AT_EVENT("fault_fallback", "dax_fault_fallback", 6, FAULT), AT_EVENT("fault_synced", "dax_sync_fault_done", 7, FAULT),
			AT_EVENT("dax_copy", "dax_rw_copy", 8, FOLIO),
			AT_EVENT("dio_flush", "iomap_dio_flush", 7, DIO), AT_EVENT("dio_invalidate", "iomap_dio_invalidate", 7, DIO),
			AT_EVENT("dio_zero", "iomap_dio_zero", 7, DIO), AT_EVENT("dio_exit", "iomap_dio_exit", 7, DIO),
			AT_EVENT("dio_bio", "iomap_dio_bio_submit", 11, BIO), AT_EVENT("dio_submitted", "iomap_dio_submitted", 8, DIO),
			AT_EVENT("dio_wait", "iomap_dio_wait", 7, DIO),
			AT_EVENT("op_lookup", "iomap_lookup", 10, MAP), AT_EVENT("op_step", "iomap_step", 8, MAP),
			AT_EVENT("op_stale", "iomap_stale", 8, MAP), AT_EVENT("op_release", "iomap_release", 10, MAP),
			AT_EVENT("read_bio_add", "iomap_read_bio_add", 9, BIO), AT_EVENT("read_submit", "iomap_read_submit", 8, BIO),
			AT_EVENT("folio_throttle", "iomap_write_throttle", 7, FOLIO),
			AT_EVENT("folio_fault_in", "iomap_write_fault_in", 7, FOLIO), AT_EVENT("folio_get", "iomap_get_folio", 10, FOLIO),
			AT_EVENT("folio_copy", "iomap_write_copy", 8, FOLIO), AT_EVENT("folio_flush", "iomap_zero_flush", 7, FOLIO),
			AT_EVENT("pass_lookup", "iomap_writeback_lookup", 8, MAP), AT_EVENT("ioend_add", "iomap_add_to_ioend", 10, IOEND),
			AT_EVENT("ioend_submit", "iomap_ioend_submit", 11, IOEND),
			AT_EVENT("kiocb_issued", "aio_iocb_issued", 7, KIOCB),
			ON_DEVICES,
			AT_EVENT("ioend_bio_end", "iomap_ioend_bio_end", 8, IOEND), AT_EVENT("ioend_merge", "iomap_ioend_merge", 7, IOEND),
			AT_EVENT("dio_bio_end", "iomap_dio_bio_end", 6, BIO), AT_EVENT("read_end", "iomap_read_end_io", 5, BIO),
			AT_EVENT("dio_done", "iomap_dio_done", 8, DIO), AT_EVENT("dio_complete", "iomap_dio_complete_begin", 8, DIO),
			AT_EVENT("dio_end_io", "iomap_dio_end_io", 10, DIO), AT_EVENT("dio_invalidate_post", "iomap_dio_invalidate_post", 7, DIO),
			AT_EVENT("dio_sync", "iomap_dio_sync", 7, DIO), AT_EVENT("dio_end", "iomap_dio_end", 7, DIO),
			AT_EVENT("kiocb_complete", "aio_iocb_complete", 6, KIOCB), AT_EVENT("kiocb_cancel", "aio_iocb_cancel", 6, KIOCB),
			AT_EVENT("kiocb_end", "aio_iocb_end", 9, KIOCB), AT_EVENT("ioend_finish", "iomap_ioend_finish", 8, IOEND),
			AT_EVENT("pass_end", "iomap_writepages_end", 7, PASS), ALWAYS("op_end", OP),
		},
	},
	[FOLLOW_SOURCE_FEXIT] = {
		.name = "iomap_iter+fexit",
		.limits = STOCK_LIMITS,
		.needs = of_fexit, .need_count = ARRAY_SIZE(of_fexit),
		.program = {
			{ "iter_enter", .layers = 1u << LAYER_OP, .begins = true },
			AT_FUNCTION("writepages", "iomap_writepages", 4, PASS), AT_FUNCTION("writepages_wpc", "iomap_writepages", 1, PASS),
			AT_FUNCTION("submit_wpc", "iomap_submit_ioend", 2, IOEND), AT_FUNCTION("submit_ioend", "iomap_submit_ioend", 3, IOEND),
			AT_FUNCTION("submit_wb_ctx", "iomap_ioend_writeback_submit", 2, IOEND),
			ON_FAULTS, ON_STOCK_DIO, ON_DEVICES,
			{ "rw_return", "__iomap_dio_rw", 7, true, .beside = TRAMPOLINE_OF_SEVEN },
			AT_FUNCTION("finish_buffered", "iomap_finish_ioend_buffered", 1, IOEND),
			AT_FUNCTION("finish_buffered_write", "iomap_finish_ioend_buffered_write", 1, IOEND),
			AT_FUNCTION("finish", "iomap_finish_ioend", 2, IOEND),
			AT_FUNCTION("writepages_return", "iomap_writepages", 4, PASS),
			AT_FUNCTION("writepages_wpc_return", "iomap_writepages", 1, PASS),
			AT_FUNCTION("read_folio_return", "iomap_read_folio", 2, OP), AT_FUNCTION("read_folio_return", "iomap_read_folio", 3, OP),
			AT_FUNCTION("readahead_return", "iomap_readahead", 2, OP), AT_FUNCTION("readahead_return", "iomap_readahead", 3, OP),
			ALWAYS("iter_map", MAP), ALWAYS("iter_end", MAP),
		},
	},
	[FOLLOW_SOURCE_STOCK] = {
		.name = "iomap_iter",
		.limits = STOCK_LIMITS "; the end of an operation whose lookup failed, and of a direct I/O request that ends before its "
			  "first lookup, which are unfinished until their task does something else; the last bio of a read into the page cache",
		.needs = of_stock, .need_count = ARRAY_SIZE(of_stock),
		.program = {
			{ "iter_begin", .layers = 1u << LAYER_OP, .begins = true }, ON_FAULTS, ON_STOCK_DIO, ON_DEVICES, ALWAYS("iter_map", MAP),
		},
	},
};

const struct observer follow_observer = {
	.command = "follow",
	.event = "follow",
	.field = fields, .field_count = FF_COUNT,
	.record_size = sizeof(struct follow_event),
	.source = sources, .source_count = FOLLOW_SOURCE_COUNT,
	.by_option = OPT_BY, .source_option = OPT_SOURCE_FOLLOW,
	.state_map = "followed",
	.counts_flights = true,
	.step_field = follow_step_fields, .step_field_count = SF_COUNT,
	.step = follow_steps, .step_count = FOLLOW_STEP_COUNT,
	.layer = layers, .layer_count = LAYER_COUNT,
};
