/* SPDX-License-Identifier: GPL-2.0 */
/* When to stop: signals and --duration. One per process. */
#ifndef IOMAPSCOPE_SESSION_H
#define IOMAPSCOPE_SESSION_H

#include <signal.h>
#include <linux/types.h>

/* Set by SIGINT, SIGTERM, SIGHUP and the end of the duration. */
extern volatile sig_atomic_t session_stop;

/* Takes the signals over and ignores SIGPIPE, so that a closed pipe is an error of write(). */
void session_signals(void);

/* Stops after @ns from now; 0: never. */
void session_duration(__u64 ns);

__u64 monotonic_ns(void);

#endif
