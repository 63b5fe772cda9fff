// SPDX-License-Identifier: GPL-2.0
/* iomapscope aio: the programs and their table are all that this observer has of its own. */
#include "codes.h"
#include "command.h"
#include "aio.h"
#include "aio.skel.h"
#include "run.h"

struct observe_code aio_code(void)
{
	struct observe_code code = { .observer = &aio_observer };

	code.elf = aio_bpf__elf_bytes(&code.elf_size);
	return code;
}

int aio_main(const struct args *args, struct err *err)
{
	struct observe_code code = aio_code();

	return observe_main(&code, args, err);
}
