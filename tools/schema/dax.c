// SPDX-License-Identifier: GPL-2.0
#include "dax.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[XF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct dax_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	DAX_FIELDS(FIELD_DESC)
};

#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }
#define NEED_FAULT \
	{ NEED_MEMBER, "vm_fault", "vma" }, { NEED_MEMBER, "vm_fault", "pgoff" }, { NEED_MEMBER, "vm_fault", "address" }, \
	{ NEED_MEMBER, "vm_fault", "flags" }, { NEED_MEMBER, "vm_fault", "cow_page" }, { NEED_MEMBER, "vm_area_struct", "vm_flags" }

static const struct need of_events[] = {
	{ NEED_EVENT, "dax_iomap_fault", .args = 7 },
	{ NEED_EVENT, "dax_fault_fallback", .args = 6 },
	{ NEED_EVENT, "dax_fault_access", .args = 9 },
	{ NEED_EVENT, "dax_fault_cow", .args = 10 },
	{ NEED_EVENT, "dax_sync_fault_done", .args = 7 },
	{ NEED_EVENT, "dax_rw_copy", .args = 8 },
	{ NEED_EVENT, "iomap_op_begin", .args = 6 },
	{ NEED_EVENT, "iomap_op_end", .args = 7 },
	{ NEED_EVENT, "iomap_lookup", .args = 10 },
	{ NEED_ENUM, "iomap_op" },
	{ NEED_ENUM, "dax_fallback_reason" },
	{ NEED_MEMBER, "iomap", "type" }, { NEED_MEMBER, "iomap", "flags" },
	NEED_FAULT, NEED_FILE,
};

#define NEED_HOLES \
	{ NEED_EVENT, "dax_load_hole", .args = 3 }, { NEED_EVENT, "dax_pmd_load_hole", .args = 4 }

static const struct need of_fexit[] = {
	{ NEED_FUNCTION, "dax_iomap_fault", .args = 5 },
	{ NEED_FUNCTION, "dax_finish_sync_fault", .args = 3 },
	{ NEED_FUNCTION, "dax_iomap_rw", .args = 3 },
	NEED_HOLES,
	{ NEED_MEMBER, "vm_area_struct", "vm_file" }, { NEED_MEMBER, "file", "f_inode" },
	{ NEED_MEMBER, "kiocb", "ki_filp" }, { NEED_MEMBER, "kiocb", "ki_pos" },
	{ NEED_MEMBER, "iov_iter", "count" }, { NEED_MEMBER, "iov_iter", "data_source" },
	NEED_FAULT, NEED_FILE,
};

static const struct need of_stock[] = {
	{ NEED_EVENT, "dax_pte_fault", .args = 3 },
	{ NEED_EVENT, "dax_pte_fault_done", .args = 3 },
	{ NEED_EVENT, "dax_pmd_fault", .args = 4 },
	{ NEED_EVENT, "dax_pmd_fault_done", .args = 4 },
	{ NEED_EVENT, "dax_insert_pfn_mkwrite", .args = 3 },
	{ NEED_EVENT, "dax_insert_pfn_mkwrite_no_entry", .args = 3 },
	NEED_HOLES,
	NEED_FAULT, NEED_FILE,
};

#define STOCK_LIMITS "why a fault fell back, or with which errno it failed; its mapping; whether shared blocks were copied"

/* In the order of enum dax_source. */
static const struct source_desc sources[DAX_SOURCE_COUNT] = {
	[DAX_SOURCE_EVENTS] = {
		.name = "dax_iomap_fault",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = {
			{ "rw_begin" }, { "lookup", .details = true, .metrics = true }, { "rw_copy", .details = true }, { "access", .details = true },
			{ "copy", .details = true }, { "fallback" }, { "fault", .begins = true }, { "sync_done" }, { "rw_end" },
		},
	},
	[DAX_SOURCE_FEXIT] = {
		.name = "dax_iomap_fault+fexit",
		.limits = STOCK_LIMITS "; extents, copies and recovery of reads and writes",
		.needs = of_fexit, .need_count = ARRAY_SIZE(of_fexit),
		.program = {
			{ "rw_enter" }, { "fault_enter", .begins = true }, { "load_hole", .details = true, .metrics = true },
			{ "pmd_load_hole", .details = true, .metrics = true }, { "fault_exit" }, { "sync_exit" }, { "rw_exit" },
		},
	},
	[DAX_SOURCE_STOCK] = {
		.name = "dax_pte_fault",
		.limits = STOCK_LIMITS "; reads, writes and faults of pages above the huge one, which are not seen; the result of a fault "
			  "whose sync fails, which counts as lost",
		.needs = of_stock, .need_count = ARRAY_SIZE(of_stock),
		.program = {
			{ "pte_begin" }, { "pmd_begin", .begins = true }, { "load_hole", .details = true, .metrics = true }, { "pmd_load_hole", .details = true, .metrics = true },
			{ "pte_done" }, { "pmd_done" }, { "sync_mapped" }, { "sync_gone" },
		},
	},
};

static const enum hist_by keys[] = { BY_OP, BY_FALLBACK, BY_DEV, BY_INO, BY_COMM };

static const struct name_desc counters[COUNTER_COUNT] = {
	[COUNTER_PTE] = { "pte", "faults that have mapped a small page" },
	[COUNTER_PMD] = { "pmd", "faults that have mapped a huge page" },
	[COUNTER_FALLBACK] = { "fallbacks", "huge page faults that fell back to small pages" },
	[COUNTER_MAPPED] = { "mapped_bytes", "bytes that faults have mapped" },
	[COUNTER_HUGE] = { "huge_bytes", "bytes that faults have mapped by huge pages" },
};

const struct observer dax_observer = {
	.command = "dax",
	.event = "dax",
	.field = fields, .field_count = XF_COUNT,
	.record_size = sizeof(struct dax_event),
	.source = sources, .source_count = DAX_SOURCE_COUNT,
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY_DAX, .source_option = OPT_SOURCE_DAX,
	.state_map = "flights",
	.counts_flights = true,
	.counter = counters, .counter_count = COUNTER_COUNT,
	.ratio = { "huge_rate", "huge_bytes in mapped_bytes, from 0 to 1; null if nothing was mapped", COUNTER_HUGE, COUNTER_MAPPED },
};
