// SPDX-License-Identifier: GPL-2.0
/* iomapscope dax: what this observer has of its own. */
#include <string.h>
#include <unistd.h>

#include "codes.h"
#include "command.h"
#include "dax.h"
#include "dax.skel.h"
#include "run.h"

static void configure(struct observation *o, int source)
{
	struct dax_config *own = observe_variable(o, "dax_cfg");

	(void)source;
	memcpy(own->op_map, observe_plan(o)->op_map, sizeof(own->op_map));
	own->page_shift = __builtin_ctz(getpagesize());
	/* A page of eight-byte entries, each of a page. */
	own->pmd_order = own->page_shift - 3;
}

struct observe_code dax_code(void)
{
	struct observe_code code = { .observer = &dax_observer, .configure = configure };

	code.elf = dax_bpf__elf_bytes(&code.elf_size);
	return code;
}

int dax_main(const struct args *args, struct err *err)
{
	struct observe_code code = dax_code();

	return observe_main(&code, args, err);
}
