/* SPDX-License-Identifier: GPL-2.0 */
/* Text of a report: JSON that may stand in a page of HTML, whatever is in the strings. */
#ifndef IOMAPSCOPE_TEXT_H
#define IOMAPSCOPE_TEXT_H

#include <stdio.h>

#include "format.h"
#include "roles.h"

/* A JSON string without <, > and &; NULL gives null. */
void write_safe(FILE *file, const char *text);

/*
 * A field of a record as a string: what the table shows, times as JSON has them; or null. @format is of FORMAT_TABLE. Paths are
 * those of text_path(), which comes first.
 */
void write_field(FILE *file, struct format *format, const struct field *field, const void *record);

/* The record's path, NULL if it is not known. Lives until the next call. */
const char *text_path(struct format *format, const struct roles *roles, const void *record);

/* Histogram with its percentiles; no member of it is a string. */
void write_hist(FILE *file, const struct hist *hist);

#endif
