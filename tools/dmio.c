// SPDX-License-Identifier: GPL-2.0
/* iomapscope dmio: the programs and their table are all that this observer has of its own. */
#include "codes.h"
#include "command.h"
#include "dmio.h"
#include "dmio.skel.h"
#include "run.h"

struct observe_code dmio_code(void)
{
	struct observe_code code = { .observer = &dmio_observer };

	code.elf = dmio_bpf__elf_bytes(&code.elf_size);
	return code;
}

int dmio_main(const struct args *args, struct err *err)
{
	struct observe_code code = dmio_code();

	return observe_main(&code, args, err);
}
