// SPDX-License-Identifier: GPL-2.0
/* Asks for nothing. */
#include "nothing.h"

SEC(".struct_ops.link")
struct iomap_control_ops policy = {
	.lookup = (void *)lookup,
	.name = "idle",
};
