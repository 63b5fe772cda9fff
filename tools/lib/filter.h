/* SPDX-License-Identifier: GPL-2.0 */
/* The common filters, from the command line to what the programs compare. */
#ifndef IOMAPSCOPE_FILTER_H
#define IOMAPSCOPE_FILTER_H

#include "args.h"
#include "err.h"
#include "observe.h"

/*
 * Sets the filters of @config from -p, -c, -d, -i, -f, --op, --min-latency and --errors. Returns 0; or -1 with @err of
 * STATUS_USAGE, among others if the device, mount point or file does not exist.
 */
int filter_resolve(struct observe_config *config, const struct args *args, struct err *err);

/* Only those that are numbers and words: no device and no file is looked for. */
int filter_values(struct observe_config *config, const struct args *args, struct err *err);

#endif
