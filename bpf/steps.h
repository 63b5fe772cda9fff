/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the iterator's steps and user space share. */
#ifndef IOMAPSCOPE_STEPS_H
#define IOMAPSCOPE_STEPS_H

#include "observe.h"
#include "ops.h"

struct steps_config {
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
};

#endif
