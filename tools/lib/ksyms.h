/* SPDX-License-Identifier: GPL-2.0 */
/* Names of the kernel's functions, from /proc/kallsyms. */
#ifndef IOMAPSCOPE_KSYMS_H
#define IOMAPSCOPE_KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

struct ksyms;

/* Reads lines of the form of /proc/kallsyms. NULL without memory, or if there is no address in them (they are hidden). */
struct ksyms *ksyms_parse(FILE *file);
struct ksyms *ksyms_read(void);
void ksyms_free(struct ksyms *ksyms);

/*
 * The function that has @address, or for a return address the one that made the call: NAME+0x12, with the module behind it in brackets.
 * False if that is not known, as of a BPF program that the table does not have.
 */
bool ksyms_name(const struct ksyms *ksyms, __u64 address, bool is_return, char *text, size_t size);

#endif
