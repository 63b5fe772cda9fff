// SPDX-License-Identifier: GPL-2.0
#include "aio.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[AF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct aio_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	AIO_FIELDS(FIELD_DESC)
};

#define NEED_FILE \
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" }, \
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" }, { NEED_MEMBER, "file", "f_inode" }

static const struct need of_events[] = {
	{ NEED_EVENT, "aio_iocb_begin", .args = 12 },
	{ NEED_EVENT, "aio_iocb_issued", .args = 7 },
	{ NEED_EVENT, "aio_iocb_complete", .args = 6 },
	{ NEED_EVENT, "aio_iocb_cancel", .args = 6 },
	{ NEED_EVENT, "aio_iocb_end", .args = 9 },
	NEED_FILE,
};

#define NEED_STOCK \
	{ NEED_FUNCTION, "aio_read", .args = 4 }, { NEED_FUNCTION, "aio_write", .args = 4 }, \
	{ NEED_FUNCTION, "aio_fsync", .args = 3 }, { NEED_FUNCTION, "aio_poll_queue_proc", .args = 3 }, \
	{ NEED_FUNCTION, "aio_complete_rw", .args = 2 }, \
	{ NEED_FUNCTION, "aio_poll_cancel", .args = 1 }, { NEED_FUNCTION, "aio_complete", .args = 1 }, \
	{ NEED_MEMBER, "aio_kiocb", "ki_ctx" }, { NEED_MEMBER, "aio_kiocb", "ki_res" }, { NEED_MEMBER, "kioctx", "user_id" }, \
	{ NEED_MEMBER, "aio_poll_table", "iocb" }, { NEED_MEMBER, "kiocb", "ki_filp" }

static const struct need of_submit[] = {
	{ NEED_FUNCTION, "io_submit_one", .args = 3 }, NEED_STOCK, NEED_FILE,
};

static const struct need of_functions[] = {
	NEED_STOCK, NEED_FILE,
};

#define STOCK_LIMITS \
	"whether a read or write that was complete before io_submit() went on had been queued; the phases of a poll, and its route if it ends in " \
	"its own thread; who cancelled; when an fsync was complete, before its event was posted"
#define READ_LIMITS \
	STOCK_LIMITS "; requests that are refused before their file is asked (EBADF of the descriptor, EFAULT, an unknown opcode), and polls " \
	"of a file that nobody can wait for; the descriptor and flags of a poll; a poll that is refused counts as lost"

/* In the order of enum aio_source. */
static const struct source_desc sources[AIO_SOURCE_COUNT] = {
	[AIO_SOURCE_EVENTS] = {
		.name = "aio_iocb",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = { { "iocb_begin" }, { "iocb_issued" }, { "iocb_complete" }, { "iocb_cancel", .details = true, .metrics = true }, { "iocb_end" } },
	},
	[AIO_SOURCE_SUBMIT] = {
		.name = "io_submit_one+fexit",
		.limits = STOCK_LIMITS "; the file of what is refused before that is asked",
		.needs = of_submit, .need_count = ARRAY_SIZE(of_submit),
		.program = {
			{ "submit_begin" }, { "submit_read" }, { "submit_write" }, { "submit_fsync" }, { "submit_poll" },
			{ "submit_end" }, { "read_end" }, { "write_end" }, { "fsync_end" }, { "complete_rw" }, { "poll_cancel" },
			{ "complete" },
		},
	},
	[AIO_SOURCE_FEXIT] = {
		.name = "aio_read+fexit",
		.limits = READ_LIMITS,
		.needs = of_functions, .need_count = ARRAY_SIZE(of_functions),
		.program = {
			{ "read_begin" }, { "write_begin", .begins = true }, { "fsync_begin", .begins = true },
			{ "poll_begin", .begins = true }, { "read_end" }, { "write_end" }, { "fsync_end" },
			{ "complete_rw" }, { "poll_cancel" }, { "complete" },
		},
	},
	[AIO_SOURCE_KPROBE] = {
		.name = "aio_read+kprobe",
		.limits = READ_LIMITS "; nor what ends in an interrupt that comes during another probe, which counts as lost",
		.needs = of_functions, .need_count = ARRAY_SIZE(of_functions),
		.kprobes = true,
		.program = {
			{ "kprobe_read" }, { "kprobe_write", .begins = true }, { "kprobe_fsync", .begins = true },
			{ "kprobe_poll", .begins = true }, { "kretprobe_read" }, { "kretprobe_write" }, { "kretprobe_fsync" },
			{ "kprobe_complete_rw" }, { "kprobe_poll_cancel" }, { "kprobe_complete" },
		},
	},
};

static const enum hist_by keys[] = { BY_AIO_OP, BY_AIO_ROUTE, BY_DEV, BY_INO, BY_COMM };

const struct observer aio_observer = {
	.command = "aio",
	.event = "aio",
	.field = fields, .field_count = AF_COUNT,
	.record_size = sizeof(struct aio_event),
	.source = sources, .source_count = AIO_SOURCE_COUNT,
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY_AIO, .source_option = OPT_SOURCE_AIO,
	.state_map = "flights",
	.counts_flights = true,
};
