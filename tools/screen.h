/* SPDX-License-Identifier: GPL-2.0 */
/* The full screen of top: what is drawn, and the keys. The terminal is left as it was found, whatever ends the program. */
#ifndef IOMAPSCOPE_SCREEN_H
#define IOMAPSCOPE_SCREEN_H

#include "err.h"
#include "format.h"
#include "top.h"

/* What is shown beside the rows; the caller fills it in. */
struct screen_facts {
	const char *sources;
	__u64 time_ns;			/* end of the interval, CLOCK_MONOTONIC */
	__u64 lost;			/* so far */
	size_t keys, room;		/* of the fullest table */
	unsigned int observed;		/* bit enum top_of */
};

struct screen;

/* Whether this is a terminal that can be used. 0, or -1 with @err of STATUS_USAGE. Changes nothing. */
int screen_check(struct err *err);

/* @view and @interval_ns are what the keys change. NULL with @err. */
struct screen *screen_open(struct top_view *view, __u64 *interval_ns, struct format *format, struct names *names, struct err *err);
void screen_close(struct screen *screen);

void screen_draw(struct screen *screen, const struct top_rows *rows, const struct screen_facts *facts);

/*
 * Waits for @until_ns at most, or until a key or the terminal asks for something else to be drawn. False if the program is to end.
 */
bool screen_wait(struct screen *screen, const struct top_rows *rows, __u64 until_ns);
bool screen_paused(const struct screen *screen);

#endif
