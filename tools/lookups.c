// SPDX-License-Identifier: GPL-2.0
/* iomapscope lookups: what this observer has of its own. */
#include <stdio.h>
#include <string.h>

#include "codes.h"
#include "command.h"
#include "kallsyms.h"
#include "lookups.h"
#include "lookups.skel.h"
#include "run.h"

/* The operations of stock kernels come from the callers' addresses. */
static void find_callers(struct lookup_config *own)
{
	/* Read once, whatever sources are tried. */
	static struct caller_range found[RANGE_MAX];
	static unsigned int count;

	if (!count) {
		switch (callers_read(found, RANGE_MAX, &count)) {
		case CALLERS_FOUND:
			break;
		case CALLERS_HIDDEN:
			fprintf(stderr, "iomapscope: the addresses in /proc/kallsyms are hidden (CAP_SYSLOG is missing, or "
				"kernel.kptr_restrict is 2): operations that the flags do not tell are null\n");
			break;
		case CALLERS_NONE:
			fprintf(stderr, "iomapscope: /proc/kallsyms names no caller of iomap: operations that the flags do not tell "
				"are null\n");
			break;
		}
	}
	memcpy(own->range, found, sizeof(found));
	own->ranges = count;
}

static void configure(struct observation *o, int source)
{
	const struct observe_config *config = observe_config(o);
	struct lookup_config *own = observe_variable(o, "lookup_cfg");
	const struct plan *plan = observe_plan(o);

	own->need_op = !config->hist || config->hist_by == BY_OP || config->op_mask;
	own->write_is_write = plan->writes_alone;
	memcpy(own->op_map, plan->op_map, sizeof(own->op_map));
	if (source != SOURCE_LOOKUP && own->need_op)
		find_callers(own);
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
