/* SPDX-License-Identifier: GPL-2.0 */
/* A text that grows. Without memory it stays as it is, and says so at the end. */
#ifndef IOMAPSCOPE_EXPORT_TEXT_H
#define IOMAPSCOPE_EXPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <linux/types.h>

struct text {
	char *data;
	size_t used, room;
	bool failed;
};

void text_free(struct text *text);

/* Room for @size bytes behind what there is, NULL without memory. What is put there counts once text_used() has been called. */
char *text_room(struct text *text, size_t size);

static inline void text_used(struct text *text, const char *end)
{
	text->used = end - text->data;
}

void text_add(struct text *text, const char *data, size_t len);
void text_put(struct text *text, const char *words);
void text_dec(struct text *text, __u64 value);
/* Nanoseconds as seconds, exactly: no zeros at the end, and no point if there is nothing behind it. */
void text_seconds(struct text *text, __u64 ns);

/* name="value" with what has to be escaped; what is no UTF-8 becomes U+FFFD. */
void text_label(struct text *text, const char *name, const char *value);

/* At @p: the same number as text_dec(); at most 20 bytes. Returns the end. */
char *number_put(char *p, __u64 value);
/* As text_seconds(), at most 21 bytes. */
char *seconds_put(char *p, __u64 ns);
/* A number of 128 bits, at most 39 bytes. */
char *wide_put(char *p, __u64 high, __u64 low);

#endif
