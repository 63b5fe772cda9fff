// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void vmessage(const char *fmt, va_list args, int err)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vmessage(fmt, args, 0);
	va_end(args);
	exit(2);
}

void die_errno(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	va_start(args, fmt);
	vmessage(fmt, args, err);
	va_end(args);
	exit(2);
}

uint64_t parse_number(const char *what, const char *text)
{
	unsigned long long value;
	unsigned int shift = 0;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		die("%s: '%s' is not a number", what, text);
	if (*end == 'k' || *end == 'K')
		shift = 10;
	else if (*end == 'm' || *end == 'M')
		shift = 20;
	else if (*end == 'g' || *end == 'G')
		shift = 30;
	if (shift)
		end++;
	if (*end || value > UINT64_MAX >> shift)
		die("%s: '%s' is not a number", what, text);
	return value << shift;
}

int xopen(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die_errno("open %s", path);
	return fd;
}

void *xalloc_pages(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		die_errno("%zu bytes of memory", size);
	return mem;
}

void xpwrite(int fd, const void *buf, size_t len, off_t pos)
{
	while (len) {
		ssize_t done = pwrite(fd, buf, len, pos);

		if (done < 0)
			die_errno("write of %zu at %lld", len, (long long)pos);
		buf = (const char *)buf + done;
		pos += done;
		len -= done;
	}
}

const char *errno_name(int err)
{
	static char number[16];

	switch (err) {
	case 0:
		return "ok";
	case EAGAIN:
		return "EAGAIN";
	case EINVAL:
		return "EINVAL";
	case EIO:
		return "EIO";
	case ENOSPC:
		return "ENOSPC";
	case ENXIO:
		return "ENXIO";
	case EOPNOTSUPP:
		return "EOPNOTSUPP";
	}
	snprintf(number, sizeof(number), "errno-%d", err);
	return number;
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *rng, uint64_t limit)
{
	return limit ? rng_next(rng) % limit : 0;
}
