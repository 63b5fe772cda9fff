/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics as a file for the textfile collector of node_exporter: complete at any time. */
#ifndef IOMAPSCOPE_EXPORT_TEXTFILE_H
#define IOMAPSCOPE_EXPORT_TEXTFILE_H

#include "export/text.h"

#define TEXTFILE_NAME "iomapscope.prom"

/* Writes @text under another name in @directory, on the disk, and renames it. 0 or -errno; what was there stays then. */
int textfile_write(const char *directory, const struct text *text);

#endif
