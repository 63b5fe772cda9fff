// SPDX-License-Identifier: GPL-2.0
/* iomapscope lookups: what this observer has of its own. */
#include "callers.h"
#include "codes.h"
#include "command.h"
#include "lookups.h"
#include "lookups.skel.h"
#include "run.h"

static void configure(struct observation *o, int source)
{
	const struct observe_config *config = observe_config(o);
	struct lookup_config *own = observe_variable(o, "lookup_cfg");
	const struct plan *plan = observe_plan(o);

	own->need_op = !config->hist || config->hist_by == BY_OP || config->hist_by == BY_METRICS || config->op_mask;
	iteration_configure(o, source != SOURCE_LOOKUP && own->need_op);
	if (source == SOURCE_LOOKUP && plan->unknown_ops[0])
		observe_tell(o, "operations of this kernel that are shown as unknown: %s", plan->unknown_ops);
}

struct observe_code lookups_code(void)
{
	struct observe_code code = { .observer = &lookups_observer, .configure = configure };

	code.elf = lookups_bpf__elf_bytes(&code.elf_size);
	return code;
}

int lookups_main(const struct args *args, struct err *err)
{
	struct observe_code code = lookups_code();

	return observe_main(&code, args, err);
}
