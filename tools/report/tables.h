/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of ClickHouse that take the objects of report -o ndjson, one for each event, and one for the summaries. */
#ifndef IOMAPSCOPE_TABLES_H
#define IOMAPSCOPE_TABLES_H

#include <stdio.h>

#include "observers.h"

/* What an object has beside the fields of its event, first. */
#define NDJSON_MEMBERS(MEMBER) \
	MEMBER(node, "name of the machine that was recorded") \
	MEMBER(kernel, "release of its kernel") \
	MEMBER(recording, "identity of the recording, the same in all of its files")

/* CREATE TABLE, with what each column is as its comment. Whether it could be written, ferror(@file) tells. */
void tables_print(FILE *file);

#endif
