// SPDX-License-Identifier: GPL-2.0
#include "inject.h"
#include "observers.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct field fields[JF_COUNT] = {
#define FIELD_DESC(id, ctype_, kind_, heading_, width_, nullable_, unit_, doc_) \
	{ .name = #id, .ctype = #ctype_, .heading = heading_, .unit = unit_, .doc = doc_, .kind = KIND_##kind_, \
	  .offset = offsetof(struct inject_event, id), .size = sizeof(ctype_), .width = width_, .nullable = nullable_ },
	INJECT_FIELDS(FIELD_DESC)
};

static const struct need of_hooks[] = {
	{ NEED_EVENT, "iomap_control", .args = 6 },
	{ NEED_MEMBER, "iomap_control_ops", "lookup" },
	{ NEED_MEMBER, "iomap_control_ops", "dax_fault" },
	{ NEED_MEMBER, "iomap_control_ops", "name" },
	{ NEED_MEMBER, "iomap_control_ctx", "asynchronous" },
	{ NEED_MEMBER, "iomap_control_verdict", "defer" },
	{ NEED_ENUM, "iomap_op" },
	{ NEED_MEMBER, "inode", "i_mode" }, { NEED_MEMBER, "inode", "i_rdev" }, { NEED_MEMBER, "inode", "i_sb" },
	{ NEED_MEMBER, "inode", "i_ino" }, { NEED_MEMBER, "super_block", "s_dev" },
};

static const struct source_desc sources[] = {
	{
		.name = "iomap_control",
		.needs = of_hooks, .need_count = ARRAY_SIZE(of_hooks),
		.program = { { "told" } },
		.stateless = true,
	},
};

static const enum hist_by keys[] = { BY_STEP, BY_OP, BY_DEV, BY_INO, BY_COMM };

const struct observer inject_observer = {
	.command = "inject",
	.event = "inject",
	.field = fields, .field_count = JF_COUNT,
	.record_size = sizeof(struct inject_event),
	.source = sources, .source_count = ARRAY_SIZE(sources),
	.key = keys, .key_count = ARRAY_SIZE(keys),
	.by_option = OPT_BY_INJECT, .source_option = OPT_HELP,
	.policy = "policy",
	.get = "this kernel has no hooks for inject; apply this project's patches/6.12/control and build it with CONFIG_IOMAP_BPF_CONTROL=y",
};
