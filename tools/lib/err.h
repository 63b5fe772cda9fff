/* SPDX-License-Identifier: GPL-2.0 */
/* Errors are returned with a sentence, and printed by main() alone. */
#ifndef IOMAPSCOPE_ERR_H
#define IOMAPSCOPE_ERR_H

struct err {
	int status;		/* exit status that it leads to, STATUS_* */
	char text[384];		/* what is wrong and what to do; one line, no full stop, no newline */
};

/* Fills @err; returns -1, so that a caller can return it. */
int err_set(struct err *err, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
