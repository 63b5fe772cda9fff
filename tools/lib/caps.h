/* SPDX-License-Identifier: GPL-2.0 */
/* Capabilities of this process, without libcap. */
#ifndef IOMAPSCOPE_CAPS_H
#define IOMAPSCOPE_CAPS_H

#include <stdbool.h>
#include <stddef.h>

/* What is missing to load and attach programs, as "CAP_BPF and CAP_PERFMON", or NULL if nothing is. */
const char *caps_missing(void);

/* CAP_SYS_ADMIN: a policy that changes what others get. */
bool caps_admin(void);

/* CAP_SYS_PTRACE: the mappings of other users' processes, for the names in user stacks. */
bool caps_ptrace(void);

/* Gives up every capability for good; with @but_ptrace all but what caps_ptrace() asks for and reading any file. 0 or -errno. */
int caps_drop(bool but_ptrace);

/* Does without what caps_drop() will give up, until caps_resume(): to see what will be possible then. 0 or -errno. */
int caps_pause(bool but_ptrace);
int caps_resume(void);

#endif
