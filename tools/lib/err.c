// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>

#include "err.h"

int err_set(struct err *err, int status, const char *format, ...)
{
	va_list args;
	char *c;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	err->status = status;
	/* A user's argument may hold anything; the message stays one line. */
	for (c = err->text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	return -1;
}
