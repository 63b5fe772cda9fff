// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "export/text.h"

#define FIRST_ROOM (64u << 10)

void text_free(struct text *text)
{
	free(text->data);
	memset(text, 0, sizeof(*text));
}

char *text_room(struct text *text, size_t size)
{
	size_t room = text->room ? text->room : FIRST_ROOM;
	char *more;

	if (text->failed)
		return NULL;
	while (room - text->used < size)
		room *= 2;
	if (room != text->room) {
		more = realloc(text->data, room);
		if (!more) {
			text->failed = true;
			return NULL;
		}
		text->data = more;
		text->room = room;
	}
	return text->data + text->used;
}

void text_add(struct text *text, const char *data, size_t len)
{
	char *p = text_room(text, len);

	if (p)
		text_used(text, mempcpy(p, data, len));
}

void text_put(struct text *text, const char *words)
{
	text_add(text, words, strlen(words));
}

/* Two digits at a time. */
static const char digits[] =
	"00010203040506070809" "10111213141516171819" "20212223242526272829" "30313233343536373839" "40414243444546474849"
	"50515253545556575859" "60616263646566676869" "70717273747576777879" "80818283848586878889" "90919293949596979899";

char *number_put(char *p, __u64 value)
{
	char reversed[20], *at = reversed + sizeof(reversed);
	size_t len;

	while (value >= 100) {
		at -= 2;
		memcpy(at, digits + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		at -= 2;
		memcpy(at, digits + value * 2, 2);
	} else {
		*--at = '0' + value;
	}
	len = reversed + sizeof(reversed) - at;
	memcpy(p, at, len);
	return p + len;
}

char *seconds_put(char *p, __u64 ns)
{
	__u64 rest = ns % 1000000000;
	int i;

	p = number_put(p, ns / 1000000000);
	if (!rest)
		return p;
	*p++ = '.';
	for (i = 8; i >= 0; i--) {
		p[i] = '0' + rest % 10;
		rest /= 10;
	}
	p += 9;
	while (p[-1] == '0')
		p--;
	return p;
}

char *wide_put(char *p, __u64 high, __u64 low)
{
	unsigned __int128 value = (unsigned __int128)high << 64 | low;
	char reversed[40], *at = reversed + sizeof(reversed);
	size_t len;

	if (!high)
		return number_put(p, low);
	do {
		*--at = '0' + (int)(value % 10);
		value /= 10;
	} while (value);
	len = reversed + sizeof(reversed) - at;
	memcpy(p, at, len);
	return p + len;
}

void text_dec(struct text *text, __u64 value)
{
	char *p = text_room(text, 20);

	if (p)
		text_used(text, number_put(p, value));
}

void text_seconds(struct text *text, __u64 ns)
{
	char *p = text_room(text, 32);

	if (p)
		text_used(text, seconds_put(p, ns));
}

/* Bytes of the character that begins here, 0 if it is none: no overlong form, no surrogate, nothing above U+10FFFF. */
static int utf8_length(const unsigned char *s)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int len = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0, i;
	unsigned int c = len < 2 ? s[0] : s[0] & (0x7f >> len);

	for (i = 1; i < len; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (len > 1 && (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return 0;
	return len;
}

void text_label(struct text *text, const char *name, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	text_put(text, name);
	text_put(text, "=\"");
	while (*s) {
		int len = utf8_length(s);

		if (!len) {
			text_put(text, "\xef\xbf\xbd");
			s++;
		} else if (*s == '\\' || *s == '"') {
			char escaped[2] = { '\\', *s++ };

			text_add(text, escaped, 2);
		} else if (*s == '\n') {
			text_put(text, "\\n");
			s++;
		} else {
			text_add(text, (const char *)s, len);
			s += len;
		}
	}
	text_put(text, "\"");
}
