/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of a process' functions: its mappings from /proc, and the symbol tables of the files mapped. The files are anybody's: nothing in
 * them is believed, and they are read, not mapped, as they may shrink meanwhile.
 */
#ifndef IOMAPSCOPE_USYMS_H
#define IOMAPSCOPE_USYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define FRAME_TEXT 160

struct usyms;

struct usyms *usyms_new(void);
void usyms_free(struct usyms *usyms);

/*
 * The functions that have the addresses, all but the first of which are return addresses: NAME+0x12 [FILE]; FILE+0x1234, where the file
 * has no symbol for it; 0x1234, where nothing is known, as of a process that has ended.
 */
void usyms_names(struct usyms *usyms, __u32 pid, const __u64 *address, unsigned int count, char (*text)[FRAME_TEXT]);

/* The symbols of one file, for tests: what @vaddr is in, or NULL. */
struct elf_symbols;
struct elf_symbols *elf_symbols_read(int fd);
void elf_symbols_free(struct elf_symbols *symbols);
const char *elf_symbols_name(const struct elf_symbols *symbols, __u64 vaddr, __u64 *offset);

#endif
