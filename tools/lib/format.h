/* SPDX-License-Identifier: GPL-2.0 */
/* Events as lines, by the field table. */
#ifndef IOMAPSCOPE_FORMAT_H
#define IOMAPSCOPE_FORMAT_H

#include <time.h>

#include "observers.h"
#include "output.h"
#include "paths.h"
#include "percentiles.h"
#include "stacks.h"

/* In the order of --output's choices. */
enum format_kind { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

/* In the order of --color's and of --clock's choices. */
enum format_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum format_clock { CLOCK_WALL, CLOCK_MONO };

struct format {
	const struct observer *observer;
	enum format_kind kind;
	enum flag_era era;
	enum format_clock clock;
	bool color;			/* of the table */
	struct percentiles percentiles;	/* of histograms */
	const char *event;		/* the name to show instead of the observer's; NULL: that */
	const char *members;		/* JSON that each object begins with, a comma at its end; NULL: none */
	__s64 wall_offset_ns;		/* CLOCK_REALTIME - CLOCK_MONOTONIC */
	__u64 span_ns;			/* of rates */
	struct paths *paths;		/* NULL: none is known */
	struct stacks *stacks;		/* the same */
	/* private: the fields that say which file, NULL if none do; the record's path; the text of the last second */
	const struct field *path, *dev, *ino;
	struct path_found found;
	const struct field *pid;
	const struct frames *frames;	/* of the field that comes next */
	__s64 second;
	char second_text[24];
};

void format_init(struct format *format, const struct observer *observer, enum format_kind kind, enum flag_era era);

/* Whether a table on @fd is to have colours. */
bool format_wants_color(enum format_color color, int fd);

/* Takes the clocks' offset anew; call it now and then, as the wall clock may be set. */
void format_sync_clock(struct format *format);

/*
 * @event: a record of the observer, whose first member is its nulls.
 * The table's or CSV's first line, nothing for JSON. Both return the line's end; LINE_ROOM suffices.
 */
char *format_header(const struct format *format, char *p);
char *format_event(struct format *format, char *p, const void *event);

/* One field of a record. */
char *format_field(struct format *format, char *p, const struct field *field, const void *record);

/* A CLOCK_MONOTONIC time as the kind of format and its clock show it; JSON with quotes, as a number there would lose nanoseconds. */
char *format_time(struct format *format, char *p, __u64 mono_ns);

/* Names for numbers. OP_HIDDEN and unknown numbers give NULL. */
const char *op_name(unsigned int op);
const char *type_name(unsigned int type);
/* Joined by |; bits without a name as 0x... */
char *put_flags(char *p, const struct flag_desc *flags, size_t count, enum flag_era era, __u32 value);

#endif
