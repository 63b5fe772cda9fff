// SPDX-License-Identifier: GPL-2.0
/* iomapscope ioends. */
#include "codes.h"
#include "command.h"
#include "ioends.h"
#include "ioends.skel.h"
#include "run.h"

struct observe_code ioends_code(void)
{
	struct observe_code code = { .observer = &ioends_observer };

	code.elf = ioends_bpf__elf_bytes(&code.elf_size);
	return code;
}

int ioends_main(const struct args *args, struct err *err)
{
	struct observe_code code = ioends_code();

	return observe_main(&code, args, err);
}
