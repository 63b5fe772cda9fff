/* SPDX-License-Identifier: GPL-2.0 */
/* TAP for the tests in C: numbered results, the reason of a failure below each, the plan at the end. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

#define UNUSED __attribute__((unused))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int tap_count, tap_failed;

/* What a test prints stays one line of TAP, and a '#' would start a directive. */
static UNUSED void tap_text(const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '#')
			fputs("No.", stdout);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}

static UNUSED bool tap_result(bool good, const char *format, va_list args)
{
	char name[1024];

	/* Whole lines, also if the next thing is a crash. */
	if (!tap_count)
		setvbuf(stdout, NULL, _IOLBF, 0);
	vsnprintf(name, sizeof(name), format, args);
	printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
	tap_text(name);
	putchar('\n');
	tap_failed += !good;
	return good;
}

static UNUSED void tap_diag(const char *what, const char *text)
{
	printf("# %s", what);
	tap_text(text);
	putchar('\n');
}

static UNUSED __attribute__((format(printf, 2, 3))) bool ok(bool good, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_result(good, format, args);
	va_end(args);
	return good;
}

static UNUSED __attribute__((format(printf, 3, 4))) bool is_u64(__u64 got, __u64 expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!tap_result(got == expected, format, args))
		printf("# got      %llu\n# expected %llu\n", (unsigned long long)got, (unsigned long long)expected);
	va_end(args);
	return got == expected;
}

static UNUSED __attribute__((format(printf, 3, 4))) bool is_int(long long got, long long expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!tap_result(got == expected, format, args))
		printf("# got      %lld\n# expected %lld\n", got, expected);
	va_end(args);
	return got == expected;
}

/* NULL is a value of its own. */
static UNUSED __attribute__((format(printf, 3, 4))) bool is_str(const char *got, const char *expected, const char *format, ...)
{
	bool good = got && expected ? !strcmp(got, expected) : got == expected;
	va_list args;

	va_start(args, format);
	if (!tap_result(good, format, args)) {
		tap_diag("got      ", got ? got : "(NULL)");
		tap_diag("expected ", expected ? expected : "(NULL)");
	}
	va_end(args);
	return good;
}

/* @part somewhere in @text. */
static UNUSED __attribute__((format(printf, 3, 4))) bool has(const char *text, const char *part, const char *format, ...)
{
	bool good = strstr(text, part);
	va_list args;

	va_start(args, format);
	if (!tap_result(good, format, args)) {
		tap_diag("this:    ", text);
		tap_diag("has not: ", part);
	}
	va_end(args);
	return good;
}

/* The plan; main() returns this. */
static UNUSED int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return !tap_count || tap_failed;
}

#endif
