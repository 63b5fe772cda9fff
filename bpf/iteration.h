/* SPDX-License-Identifier: GPL-2.0 */
/* What user space tells the programs that observe the iterator, see iteration.bpf.h. */
#ifndef IOMAPSCOPE_ITERATION_H
#define IOMAPSCOPE_ITERATION_H

#include <linux/types.h>

#include "ops.h"

#define RANGE_MAX	64	/* callers of iomap_iter(); a power of two */

/* Code of a caller of iomap_iter(): [start, end) -> enum op or enum caller_kind, sorted by start. */
struct caller_range {
	__u64 start, end;
	__u64 op;
};

struct iteration_config {
	struct caller_range range[RANGE_MAX];
	__u32 ranges;
	__u8 op_map[OP_SLOTS];	/* the patched kernel's enum iomap_op -> enum op */
	__u8 write_is_write;	/* IOMAP_WRITE alone means a buffered write (not before 6.3: unshare looks the same) */
};

#endif
