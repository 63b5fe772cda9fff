/* SPDX-License-Identifier: GPL-2.0 */
/* For observers of the iterator: what bpf/iteration.bpf.h needs to know of the kernel. */
#ifndef IOMAPSCOPE_CALLERS_H
#define IOMAPSCOPE_CALLERS_H

#include "run.h"

/* Sets the programs' iteration_cfg. @callers: the operations come from the callers' addresses, as on stock kernels. */
void iteration_configure(struct observation *o, bool callers);

#endif
