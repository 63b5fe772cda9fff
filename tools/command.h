/* SPDX-License-Identifier: GPL-2.0 */
/* What a subcommand is: a function that main() calls with its parsed arguments. It returns an exit status, STATUS_*. */
#ifndef IOMAPSCOPE_COMMAND_H
#define IOMAPSCOPE_COMMAND_H

#include "args.h"
#include "err.h"

/* On failure @err holds the sentence that main() prints; an empty one if the command has said all itself. */
int lookups_main(const struct args *args, struct err *err);
int ioends_main(const struct args *args, struct err *err);
int dio_main(const struct args *args, struct err *err);
int dax_main(const struct args *args, struct err *err);
int aio_main(const struct args *args, struct err *err);
int dmio_main(const struct args *args, struct err *err);
int record_main(const struct args *args, struct err *err);
int top_main(const struct args *args, struct err *err);
int follow_main(const struct args *args, struct err *err);
int export_main(const struct args *args, struct err *err);
int report_main(const struct args *args, struct err *err);
int inject_main(const struct args *args, struct err *err);
int check_main(const struct args *args, struct err *err);
int probe_main(const struct args *args, struct err *err);
int bench_main(const struct args *args, struct err *err);

#endif
