// SPDX-License-Identifier: GPL-2.0
/* iomapscope dio: what this observer has of its own. */
#include <string.h>

#include "codes.h"
#include "command.h"
#include "dio.h"
#include "dio.skel.h"
#include "run.h"

static void configure(struct observation *o, int source)
{
	struct dio_config *own = observe_variable(o, "dio_cfg");

	(void)source;
	memcpy(own->op_map, observe_plan(o)->op_map, sizeof(own->op_map));
}

struct observe_code dio_code(void)
{
	struct observe_code code = { .observer = &dio_observer, .configure = configure };

	code.elf = dio_bpf__elf_bytes(&code.elf_size);
	return code;
}

int dio_main(const struct args *args, struct err *err)
{
	struct observe_code code = dio_code();

	return observe_main(&code, args, err);
}
