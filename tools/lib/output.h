/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffered output that knows how many lines were really written, and the pieces that lines are made of. No printf here: a line
 * takes well under a microsecond.
 */
#ifndef IOMAPSCOPE_OUTPUT_H
#define IOMAPSCOPE_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define LINE_ROOM 65536		/* no line is longer */

struct out;

/* Writes to @fd, which stays the caller's. @stop, if it becomes non-zero, bounds how long a reader may keep us waiting. */
struct out *out_new(int fd, size_t size, const volatile sig_atomic_t *stop);
void out_free(struct out *out);

/* Room for one line of at most LINE_ROOM bytes; out_end() takes the line that ends before @end, newline included. */
char *out_begin(struct out *out);
void out_end(struct out *out, char *end, bool record);

/* The same of a part of a line: the rest follows. */
void out_part(struct out *out, char *end);

/* A line that is no record (header, summary). */
void out_printf(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes what is buffered. 0, or -1 once anything has failed: then out_error() tells the errno, and all later output is dropped. */
int out_flush(struct out *out);
int out_error(const struct out *out);

/* Records that the kernel has taken, and those that were dropped after the failure. */
__u64 out_written(const struct out *out);
__u64 out_dropped(const struct out *out);

/* Each puts something at @p and returns the end of it. */
char *put_str(char *p, const char *text);
char *put_dec(char *p, __u64 value);
char *put_sdec(char *p, __s64 value);
char *put_hex(char *p, __u64 value);			/* 0x... */
char *put_size(char *p, __u64 bytes);			/* 4k, 1m, 1g, or bytes: exact */
char *put_rate(char *p, __u64 count, __u64 span_ns, unsigned int unit);	/* per second: 0.25, 12.3, 412, 1.23k; k is 1000 or 1024 */
char *put_duration(char *p, __u64 ns);			/* 412ns, 12.3us, 4.56ms, 1.23s */
char *put_dev(char *p, __u32 dev);			/* MAJOR:MINOR of the kernel's encoding */
char *put_pad(char *p, char *start, int width);		/* pads what stands at @start; negative: left-aligned */

/* At most @len bytes of @text, up to a NUL, as a JSON string with quotes: valid UTF-8 whatever comes in. */
char *put_json(char *p, const char *text, size_t len);
/* The same for CSV (quoted if need be) and for the table (bytes that would spoil it as \xNN). */
char *put_csv(char *p, const char *text, size_t len);
char *put_text(char *p, const char *text, size_t len);

#endif
