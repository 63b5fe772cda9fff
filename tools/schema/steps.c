// SPDX-License-Identifier: GPL-2.0
#include "observers.h"
#include "steps.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct need of_events[] = {
	{ NEED_EVENT, "iomap_step", .args = 8 },
	{ NEED_EVENT, "iomap_stale", .args = 8 },
	{ NEED_EVENT, "iomap_release", .args = 10 },
	{ NEED_ENUM, "iomap_op" },
	{ NEED_ENUM, "iomap_stale_reason" },
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" },
	{ NEED_MEMBER, "super_block", "s_dev" },
};

static const struct source_desc sources[] = {
	{
		.name = "iomap_step",
		.needs = of_events, .need_count = ARRAY_SIZE(of_events),
		.program = { { "step" }, { "stale" }, { "release" } },
		.stateless = true,
	},
};

const struct observer steps_observer = {
	.command = "steps",
	.event = "step",
	.source = sources, .source_count = ARRAY_SIZE(sources),
	.by_option = OPT_HELP, .source_option = OPT_HELP,
};
