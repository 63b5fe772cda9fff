// SPDX-License-Identifier: GPL-2.0
/* Refused: it may sleep. */
#define SECTION "struct_ops.s/lookup"
#include "nothing.h"

SEC(".struct_ops.link")
struct iomap_control_ops policy = {
	.lookup = (void *)lookup,
	.name = "sleeps",
};
