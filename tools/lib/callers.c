// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "callers.h"
#include "iteration.h"
#include "kallsyms.h"

static void find_callers(struct iteration_config *own)
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

void iteration_configure(struct observation *o, bool callers)
{
	struct iteration_config *own = observe_variable(o, "iteration_cfg");
	const struct plan *plan = observe_plan(o);

	own->write_is_write = plan->writes_alone;
	memcpy(own->op_map, plan->op_map, sizeof(own->op_map));
	if (callers)
		find_callers(own);
}
