// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

#define PATIENCE_MS 5000	/* for a reader that takes nothing, once we are to stop */

struct out {
	int fd;
	int error;
	const volatile sig_atomic_t *stop;
	size_t len, size;
	__u64 buffered;		/* records in the buffer */
	__u64 written;
	__u64 dropped;
	size_t plain;		/* lines of the buffer that are no records ... */
	char buffer[];
};

struct out *out_new(int fd, size_t size, const volatile sig_atomic_t *stop)
{
	struct out *out;

	if (size < 2 * LINE_ROOM)
		size = 2 * LINE_ROOM;
	out = calloc(1, sizeof(*out) + size);
	if (!out)
		return NULL;
	out->fd = fd;
	out->size = size;
	out->stop = stop;
	return out;
}

void out_free(struct out *out)
{
	free(out);
}

int out_error(const struct out *out)
{
	return out->error;
}

__u64 out_written(const struct out *out)
{
	return out->written;
}

__u64 out_dropped(const struct out *out)
{
	return out->dropped;
}

/* Only part of the buffer was taken: which records were in it? Headers come before records in a buffer. */
static void count_partial(struct out *out, size_t done)
{
	__u64 lines = 0;
	const char *p = out->buffer, *end = out->buffer + done;

	while ((p = memchr(p, '\n', end - p))) {
		/* What is indented belongs to the line before. */
		lines += ++p == out->buffer + out->len || *p != ' ';
	}
	lines = lines > out->plain ? lines - out->plain : 0;
	if (lines > out->buffered)
		lines = out->buffered;
	out->written += lines;
	out->dropped += out->buffered - lines;
}

int out_flush(struct out *out)
{
	size_t done = 0;

	if (out->error)
		return -1;
	while (done < out->len) {
		size_t chunk = out->len - done;
		ssize_t n;

		if (out->stop && *out->stop) {
			struct pollfd poll_fd = { .fd = out->fd, .events = POLLOUT };
			int ready = poll(&poll_fd, 1, PATIENCE_MS);

			if (ready < 0 && errno == EINTR)
				continue;
			if (!ready) {
				out->error = ETIMEDOUT;
				break;
			}
			/* A pipe that polls writable takes this much without blocking. */
			if (chunk > PIPE_BUF)
				chunk = PIPE_BUF;
		}
		n = write(out->fd, out->buffer + done, chunk);
		if (n >= 0) {
			done += n;
		} else if (errno == EAGAIN) {
			struct pollfd poll_fd = { .fd = out->fd, .events = POLLOUT };

			poll(&poll_fd, 1, PATIENCE_MS);
		} else if (errno != EINTR) {
			out->error = errno;
			break;
		}
	}
	if (out->error)
		count_partial(out, done);
	else
		out->written += out->buffered;
	out->buffered = 0;
	out->plain = 0;
	out->len = 0;
	return out->error ? -1 : 0;
}

char *out_begin(struct out *out)
{
	if (out->size - out->len < LINE_ROOM)
		out_flush(out);
	return out->buffer + out->len;
}

void out_end(struct out *out, char *end, bool record)
{
	if (out->error) {
		out->dropped += record;
		return;
	}
	out->len = end - out->buffer;
	if (record)
		out->buffered++;
	else
		out->plain++;
}

void out_part(struct out *out, char *end)
{
	if (!out->error)
		out->len = end - out->buffer;
}

void out_printf(struct out *out, const char *format, ...)
{
	char *p = out_begin(out);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(p, LINE_ROOM, format, args);
	va_end(args);
	out_end(out, p + (n < LINE_ROOM ? n : LINE_ROOM - 1), false);
}

char *put_str(char *p, const char *text)
{
	return stpcpy(p, text);
}

static const char digit_pairs[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960"
	"616263646566676869707172737475767778798081828384858687888990919293949596979899";

char *put_dec(char *p, __u64 value)
{
	char digits[20], *d = digits + sizeof(digits);

	while (value >= 100) {
		d -= 2;
		memcpy(d, digit_pairs + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		d -= 2;
		memcpy(d, digit_pairs + value * 2, 2);
	} else {
		*--d = '0' + value;
	}
	return mempcpy(p, d, digits + sizeof(digits) - d);
}

char *put_sdec(char *p, __s64 value)
{
	if (value >= 0)
		return put_dec(p, value);
	*p++ = '-';
	return put_dec(p, -(__u64)value);
}

char *put_hex(char *p, __u64 value)
{
	int shift = value ? (63 - __builtin_clzll(value)) / 4 * 4 : 0;

	*p++ = '0';
	*p++ = 'x';
	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[value >> shift & 15];
	return p;
}

char *put_size(char *p, __u64 bytes)
{
	static const char units[] = "kmgtpe";
	int unit = 0;

	while (bytes && unit < 6 && !(bytes & 1023)) {
		bytes >>= 10;
		unit++;
	}
	p = put_dec(p, bytes);
	if (unit)
		*p++ = units[unit - 1];
	return p;
}

char *put_duration(char *p, __u64 ns)
{
	static const struct {
		__u64 factor;
		const char *name;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" } };
	__u64 whole, hundredths;
	int i;

	for (i = 0; i < 3 && ns < units[i].factor; i++)
		;
	if (i == 3)
		return put_str(put_dec(p, ns), "ns");
	/* Three significant digits, cut, not rounded: 999.9us stays below 1ms. */
	whole = ns / units[i].factor;
	hundredths = ns % units[i].factor / (units[i].factor / 100);
	p = put_dec(p, whole);
	if (whole < 100) {
		*p++ = '.';
		*p++ = '0' + hundredths / 10;
		if (whole < 10)
			*p++ = '0' + hundredths % 10;
	}
	return put_str(p, units[i].name);
}

char *put_rate(char *p, __u64 count, __u64 span_ns, unsigned int unit)
{
	static const char names[] = "kmgtpe";
	unsigned __int128 hundredths = (unsigned __int128)count * 100 * 1000000000;
	__u64 whole, rest;
	int i = -1;

	if (!span_ns)
		return put_str(p, "-");
	hundredths /= span_ns;
	if (!hundredths && count)
		hundredths = 1;		/* little is not nothing */
	while (hundredths / 100 >= unit && i < 5) {
		hundredths /= unit;
		i++;
	}
	whole = hundredths / 100;
	rest = hundredths % 100;
	p = put_dec(p, whole);
	/* Three digits, cut, not rounded; a whole number is one. */
	if (whole < 100 && (rest || i >= 0)) {
		*p++ = '.';
		*p++ = '0' + rest / 10;
		if (whole < 10)
			*p++ = '0' + rest % 10;
	}
	if (i >= 0)
		*p++ = names[i];
	return p;
}

char *put_dev(char *p, __u32 dev)
{
	p = put_dec(p, dev >> 20);
	*p++ = ':';
	return put_dec(p, dev & 0xfffff);
}

char *put_pad(char *p, char *start, int width)
{
	int missing = (width < 0 ? -width : width) - (p - start);
	const char *c;

	/* A character of several bytes takes one column. */
	for (c = start; c < p; c++)
		missing += (*c & 0xc0) == 0x80;
	if (missing <= 0)
		return p;
	if (width < 0) {
		memset(p, ' ', missing);
	} else {
		memmove(start + missing, start, p - start);
		memset(start, ' ', missing);
	}
	return p + missing;
}

/* Length of the UTF-8 sequence at @s, 0 if it is not one (overlong forms and surrogates are not). */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	static const __u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;
	__u32 c;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	if (!n || n > len || s[0] >= 0xf8)
		return 0;
	c = s[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

static char *put_byte(char *p, const char *prefix, unsigned char byte)
{
	p = put_str(p, prefix);
	*p++ = "0123456789abcdef"[byte >> 4];
	*p++ = "0123456789abcdef"[byte & 15];
	return p;
}

/* Copies what is well-formed and printable; anything else becomes @prefix and two hexadecimal digits. */
static char *put_escaped(char *p, const char *text, size_t len, const char *prefix, const char *special, char escape)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + strnlen(text, len);

	while (s < end) {
		size_t n = utf8_len(s, end - s);

		if (!n || *s < 0x20 || *s == 0x7f) {
			p = put_byte(p, prefix, *s++);
			continue;
		}
		/* U+0080 to U+009f: controls as well, and some terminals obey them. JSON names the character, the others its bytes. */
		if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0) {
			if (escape != '\\')
				p = put_byte(p, prefix, s[0]);
			p = put_byte(p, prefix, s[1]);
			s += 2;
			continue;
		}
		if (n == 1 && strchr(special, *s))
			*p++ = escape;
		while (n--)
			*p++ = *s++;
	}
	return p;
}

char *put_json(char *p, const char *text, size_t len)
{
	*p++ = '"';
	p = put_escaped(p, text, len, "\\u00", "\"\\", '\\');
	*p++ = '"';
	return p;
}

char *put_csv(char *p, const char *text, size_t len)
{
	bool quote = memchr(text, ',', strnlen(text, len)) || memchr(text, '"', strnlen(text, len));

	if (quote)
		*p++ = '"';
	p = put_escaped(p, text, len, "\\x", "\"", '"');
	if (quote)
		*p++ = '"';
	return p;
}

char *put_text(char *p, const char *text, size_t len)
{
	return put_escaped(p, text, len, "\\x", "", 0);
}
