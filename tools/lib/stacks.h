/* SPDX-License-Identifier: GPL-2.0 */
/* Stacks by the numbers that records have of them, as names of functions. A bounded cache: a stack is named once, not each time. */
#ifndef IOMAPSCOPE_STACKS_H
#define IOMAPSCOPE_STACKS_H

#include "ksyms.h"
#include "observe.h"
#include "usyms.h"

struct frames {
	unsigned int count;
	char name[STACK_DEPTH][FRAME_TEXT];	/* printable ASCII without quotes and backslashes; the innermost first */
};

struct stacks;

/* A frame is one word of a line, whatever is in a file of symbols, or a recording. */
void frame_clean(char *text);

/* Fetches the addresses of stack @id, 0 behind the last. 0, or -errno. */
typedef int (*stack_reader)(void *ctx, __u32 id, __u64 address[STACK_DEPTH]);

/*
 * @ksyms, which is taken over, may be NULL: addresses are shown. @own_pids: the process numbers of the records are those that this
 * process sees in /proc. NULL without memory.
 */
struct stacks *stacks_new(stack_reader read, void *ctx, struct ksyms *ksyms, bool own_pids);

/* The same where somebody else has named them: a recording. @find: NULL for a stack that it does not know. */
typedef const struct frames *(*stack_teller)(void *ctx, __s32 id, bool user);
struct stacks *stacks_told(stack_teller find, void *ctx);

void stacks_free(struct stacks *stacks);

/* NULL: not known. Live until the next call of either. */
const struct frames *stacks_kernel(struct stacks *stacks, __s32 id);
const struct frames *stacks_user(struct stacks *stacks, __s32 id, __u32 pid);

#endif
