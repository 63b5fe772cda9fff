// SPDX-License-Identifier: GPL-2.0
#include "dio.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[DF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct dio_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	DIO_FIELDS(FIELD_DESC)
};

#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }
#define NEED_IOCB { NEED_MEMBER, "kiocb", "ki_flags" }, { NEED_MEMBER, "kiocb", "ki_complete" }

static const struct need of_events[] = {
	{ NEED_EVENT, "iomap_dio_begin", .args = 9 },
	{ NEED_EVENT, "iomap_lookup", .args = 10 },
	{ NEED_EVENT, "iomap_dio_extent", .args = 10 },
	{ NEED_EVENT, "iomap_dio_bio_submit", .args = 11 },
	{ NEED_EVENT, "iomap_dio_exit", .args = 7 },
	{ NEED_EVENT, "iomap_dio_done", .args = 8 },
	{ NEED_EVENT, "iomap_dio_complete_begin", .args = 8 },
	{ NEED_EVENT, "iomap_dio_end", .args = 7 },
	{ NEED_ENUM, "iomap_op" },
	NEED_IOCB, NEED_FILE,
};

#define NEED_STOCK \
	{ NEED_EVENT, "iomap_dio_rw_begin", .args = 4 }, { NEED_EVENT, "iomap_dio_complete", .args = 3 }
#define NEED_REQUEST \
	{ NEED_MEMBER, "kiocb", "ki_filp" }, { NEED_MEMBER, "kiocb", "ki_pos" }, { NEED_MEMBER, "file", "f_inode" }, \
	{ NEED_MEMBER, "iov_iter", "count" }, { NEED_MEMBER, "iov_iter", "data_source" }

static const struct need of_fexit[] = {
	NEED_STOCK, { NEED_FUNCTION, "__iomap_dio_rw", .args = 7 }, NEED_REQUEST, NEED_IOCB, NEED_FILE,
};

static const struct need of_kprobe[] = {
	{ NEED_FUNCTION, "__iomap_dio_rw", .args = 7 }, { NEED_FUNCTION, "iomap_dio_complete", .args = 1 },
	{ NEED_MEMBER, "iomap_dio", "iocb" }, NEED_REQUEST, NEED_IOCB, NEED_FILE,
};

static const struct need of_stock[] = {
	NEED_STOCK, NEED_REQUEST, NEED_IOCB, NEED_FILE,
};

#define STOCK_LIMITS "extents, bios, lookups, phases, why less was done than asked for, and who completed it"

/* In the order of enum dio_source. */
static const struct source_desc sources[DIO_SOURCE_COUNT] = {
	[DIO_SOURCE_EVENTS] = {
		.name = "iomap_dio",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = {
			{ "dio_begin" }, { "dio_lookup", .details = true, .metrics = true }, { "dio_extent", .details = true, .metrics = true },
			{ "dio_bio", .details = true, .metrics = true }, { "dio_exit", .details = true, .metrics = true }, { "dio_done" },
			{ "dio_complete", .details = true, .metrics = true }, { "dio_end" },
		},
	},
	[DIO_SOURCE_FEXIT] = {
		.name = "iomap_dio_rw+fexit",
		.limits = STOCK_LIMITS,
		.needs = of_fexit, .need_count = ARRAY_SIZE(of_fexit),
		.program = { { "rw_begin" }, { "rw_complete" }, { "rw_return" } },
	},
	[DIO_SOURCE_STOCK] = {
		.name = "iomap_dio_rw",
		.limits = STOCK_LIMITS "; the result of a request that ends before its first lookup (a read at the end of the file, EAGAIN, "
			  "a fallback to buffered I/O), which counts as lost",
		.needs = of_stock, .need_count = ARRAY_SIZE(of_stock),
		.program = { { "rw_begin" }, { "rw_complete" } },
	},
	[DIO_SOURCE_KPROBE] = {
		.name = "__iomap_dio_rw+kprobe",
		.limits = STOCK_LIMITS "; a return that finds no free probe, or comes while another kprobe's program runs on its CPU, which counts "
			  "as lost if nothing else ends the request",
		.needs = of_kprobe, .need_count = ARRAY_SIZE(of_kprobe),
		.kprobes = true,
		.program = { { "kprobe_rw_enter" }, { "complete_enter" }, { "complete_return" }, { "kretprobe_rw_return" } },
	},
};

static const enum hist_by keys[] = { BY_OP, BY_WAIT, BY_ROUTE, BY_DEV, BY_INO, BY_COMM };

const struct observer dio_observer = {
	.command = "dio",
	.event = "dio",
	.field = fields, .field_count = DF_COUNT,
	.record_size = sizeof(struct dio_event),
	.source = sources, .source_count = DIO_SOURCE_COUNT,
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY_DIO, .source_option = OPT_SOURCE_DIO,
	.state_map = "flights",
	.counts_flights = true,
};
