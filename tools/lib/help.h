/* SPDX-License-Identifier: GPL-2.0 */
/* Help texts from the schema, wrapped for a terminal. */
#ifndef IOMAPSCOPE_HELP_H
#define IOMAPSCOPE_HELP_H

#include <stdio.h>

#include "schema.h"

void help_usage(FILE *file);				/* the list of commands */
void help_command(FILE *file, const struct command_desc *command);

#endif
