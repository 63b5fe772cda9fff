// SPDX-License-Identifier: GPL-2.0
/* Refused: it has no name. */
#include "nothing.h"

SEC(".struct_ops.link")
struct iomap_control_ops policy = {
	.lookup = (void *)lookup,
};
