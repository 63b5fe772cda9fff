/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers as people write them. Each returns 0, or -1 if @text is not one (also if it does not fit). */
#ifndef IOMAPSCOPE_UNITS_H
#define IOMAPSCOPE_UNITS_H

#include <linux/types.h>

/* Whole number, decimal or 0x... */
int parse_number(const char *text, __u64 *value);

/* Bytes: a whole or decimal number and k, m, g, t (or K, KB, KiB, ...), all powers of 1024; or 0x... */
int parse_size(const char *text, __u64 *bytes);

/* Nanoseconds: a whole or decimal number and ns, us, ms, s, m or h; without a unit: seconds. */
int parse_time(const char *text, __u64 *ns);

#endif
