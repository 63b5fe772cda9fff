// SPDX-License-Identifier: GPL-2.0
/* Refused: its name has a blank. */
#include "nothing.h"

SEC(".struct_ops.link")
struct iomap_control_ops policy = {
	.lookup = (void *)lookup,
	.name = "two words",
};
