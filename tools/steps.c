// SPDX-License-Identifier: GPL-2.0
/* The programs of the iterator's steps, which no command shows: metrics are made of them. */
#include <string.h>

#include "codes.h"
#include "steps.h"
#include "steps.skel.h"

static void configure(struct observation *o, int source)
{
	struct steps_config *own = observe_variable(o, "steps_cfg");

	(void)source;
	memcpy(own->op_map, observe_plan(o)->op_map, sizeof(own->op_map));
}

struct observe_code steps_code(void)
{
	struct observe_code code = { .observer = &steps_observer, .configure = configure };

	code.elf = steps_bpf__elf_bytes(&code.elf_size);
	return code;
}
