// SPDX-License-Identifier: GPL-2.0
#include "dmio.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[MF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct dmio_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	DMIO_FIELDS(FIELD_DESC)
};

static const struct need of_events[] = {
	{ NEED_EVENT, "dm_io_begin", .args = 9 },
	{ NEED_EVENT, "dm_io_region", .args = 7 },
	{ NEED_EVENT, "dm_io_bio_submit", .args = 7 },
	{ NEED_EVENT, "dm_io_end", .args = 7 },
	{ NEED_EVENT, "dm_io_notify", .args = 5 },
	{ NEED_MEMBER, "block_device", "bd_dev" },
};

/* The first is in the kernel itself, where loading it can be tried. */
static const struct need of_functions[] = {
	{ NEED_FUNCTION, "mempool_free", .args = 2 },
	{ NEED_PROGRAM, "dispatch_io" },
	{ NEED_MEMBER, "dm_io_request", "mem" }, { NEED_MEMBER, "dm_io_request", "notify" },
	{ NEED_MEMBER, "dm_io_memory", "type" }, { NEED_MEMBER, "dm_io_notify", "fn" },
	{ NEED_MEMBER, "dm_io_region", "bdev" }, { NEED_MEMBER, "dm_io_region", "sector" }, { NEED_MEMBER, "dm_io_region", "count" },
	{ NEED_MEMBER, "block_device", "bd_dev" }, { NEED_MEMBER, "io", "error_bits" },
};

#define STOCK_LIMITS \
	"the bios of a request, when the first was submitted, and how long its owner's function took; sync or async, and the memory, " \
	"where dm_io() is called with arguments that this version does not know"

/* dispatch_io() lost an argument, dm_io() got two: which there are matters to nobody who reads only the first. */
#define PROGRAMS(prefix, ...) { \
	{ prefix "dm_dispatch", "dispatch_io", 6 }, { prefix "dm_dispatch", "dispatch_io", 7, __VA_ARGS__ }, \
	{ prefix "dm_call", "dm_io", 4, true }, { prefix "dm_call", "dm_io", 5, true }, { prefix "dm_call", "dm_io", 6, true }, \
	{ prefix "dm_free" }, \
}

/* In the order of enum dmio_source. */
static const struct source_desc sources[DMIO_SOURCE_COUNT] = {
	[DMIO_SOURCE_EVENTS] = {
		.name = "dm_io",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = { { "io_begin" }, { "io_region" }, { "io_bio", .details = true }, { "io_end" }, { "io_notify", .details = true } },
	},
	[DMIO_SOURCE_FENTRY] = {
		.name = "dispatch_io+fentry",
		.limits = STOCK_LIMITS,
		.needs = of_functions, .need_count = ARRAY_SIZE(of_functions),
		.program = PROGRAMS("", .beside = TRAMPOLINE_OF_SEVEN),
	},
	[DMIO_SOURCE_KPROBE] = {
		.name = "dispatch_io+kprobe",
		.limits = STOCK_LIMITS,
		.needs = of_functions, .need_count = ARRAY_SIZE(of_functions),
		.kprobes = true,
		.program = PROGRAMS("kprobe_", .beside = NULL),
	},
};

static const enum hist_by keys[] = { BY_DM_OP, BY_DM_MEMORY, BY_DM_WAIT, BY_DEV, BY_COMM };

const struct observer dmio_observer = {
	.command = "dmio",
	.event = "dmio",
	.field = fields, .field_count = MF_COUNT,
	.record_size = sizeof(struct dmio_event),
	.source = sources, .source_count = DMIO_SOURCE_COUNT,
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY_DMIO, .source_option = OPT_SOURCE_DMIO,
	.module = "dm_mod", .needs_module = true,
	.state_map = "flights",
	.counts_flights = true,
};
