// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "units.h"

struct unit {
	const char *name;
	__u64 factor;
};

static const struct unit sizes[] = {
	{ "", 1 }, { "b", 1 },
	{ "k", 1ULL << 10 }, { "kb", 1ULL << 10 }, { "kib", 1ULL << 10 },
	{ "m", 1ULL << 20 }, { "mb", 1ULL << 20 }, { "mib", 1ULL << 20 },
	{ "g", 1ULL << 30 }, { "gb", 1ULL << 30 }, { "gib", 1ULL << 30 },
	{ "t", 1ULL << 40 }, { "tb", 1ULL << 40 }, { "tib", 1ULL << 40 },
	{ NULL, 0 },
};

static const struct unit times[] = {
	{ "", 1000000000 }, { "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "m", 60000000000 }, { "min", 60000000000 }, { "h", 3600000000000 },
	{ NULL, 0 },
};

static const struct unit none[] = { { "", 1 }, { NULL, 0 } };

/* Exact arithmetic: 0.1s is 100000000 ns, not what a float makes of it. */
static int parse_unit(const char *text, const struct unit *units, __u64 *value)
{
	__u64 whole = 0, fraction = 0, scale = 1;
	unsigned __int128 total;
	const char *digits = text;

	for (; isdigit((unsigned char)*text); text++) {
		if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *text - '0', &whole))
			return -1;
	}
	if (text == digits)
		return -1;
	if (*text == '.') {
		if (!isdigit((unsigned char)text[1]))
			return -1;
		for (text++; isdigit((unsigned char)*text); text++) {
			if (scale >= 1000000000000000000)
				return -1;
			fraction = fraction * 10 + (*text - '0');
			scale *= 10;
		}
	}
	for (; units->name; units++) {
		if (!strcasecmp(text, units->name))
			break;
	}
	if (!units->name)
		return -1;
	total = (unsigned __int128)fraction * units->factor;
	if (total % scale)
		return -1;		/* less than one byte, or nanosecond */
	total = total / scale + (unsigned __int128)whole * units->factor;
	if (total > ~0ULL)
		return -1;
	*value = total;
	return 0;
}

int parse_number(const char *text, __u64 *value)
{
	char *end;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		if (!isxdigit((unsigned char)text[2]))
			return -1;
		errno = 0;
		*value = strtoull(text + 2, &end, 16);
		return *end || errno ? -1 : 0;
	}
	if (strchr(text, '.'))
		return -1;
	return parse_unit(text, none, value);
}

int parse_size(const char *text, __u64 *bytes)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return parse_number(text, bytes);
	return parse_unit(text, sizes, bytes);
}

int parse_time(const char *text, __u64 *ns)
{
	return parse_unit(text, times, ns);
}
