// SPDX-License-Identifier: GPL-2.0
/*
 * aio mixed FILE		one request of each kind to a file of 64 KiB at least: direct, buffered, of several segments, synced,
 *				polls of a pipe that is read later, of one that is ready and of the file, with an eventfd, and two that fail
 * aio refused FILE		requests that io_submit() refuses, each in another way
 * aio cancelled		a poll that io_cancel() cancels, and one whose context is destroyed
 * aio exit DEVICE COUNT	COUNT direct reads and a poll, and exits before any of them is complete
 *
 * Prints a line for each request: "DATA RESULT", of its event, or "DATA refused ERRNO". DATA is its aio_data.
 * Linux AIO by its system calls: no library is in between.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE	4096
#define ROOM	128

static aio_context_t context;
static char *memory;

static void setup(void)
{
	context = 0;
	if (syscall(SYS_io_setup, ROOM, &context))
		die_errno("io_setup");
}

static struct iocb request(int opcode, int fd, uint64_t data, void *buf, size_t size, off_t pos)
{
	return (struct iocb) {
		.aio_data = data, .aio_lio_opcode = opcode, .aio_fildes = fd, .aio_buf = (uintptr_t)buf, .aio_nbytes = size,
		.aio_offset = pos,
	};
}

static void submit(struct iocb *iocb)
{
	if (syscall(SYS_io_submit, context, 1, &iocb) != 1)
		printf("%" PRIu64 " refused %d\n", (uint64_t)iocb->aio_data, errno);
}

static void take(int count)
{
	struct io_event event[ROOM];
	long got = syscall(SYS_io_getevents, context, count, count, event, NULL), i;

	if (got != count)
		die_errno("io_getevents %ld of %d", got, count);
	for (i = 0; i < got; i++)
		printf("%" PRIu64 " %" PRId64 "\n", (uint64_t)event[i].data, (int64_t)event[i].res);
}

static void mixed(const char *path)
{
	int direct = xopen(path, O_RDWR | O_DIRECT), cached = xopen(path, O_RDWR), told = eventfd(0, 0), one[2], other[2], i;
	struct iovec parts[2] = { { memory, PAGE }, { memory + PAGE, PAGE } };
	struct iocb many[] = {
		request(IOCB_CMD_PREAD, direct, 1, memory, PAGE, 8192),
		request(IOCB_CMD_PWRITE, direct, 2, memory, 2 * PAGE, 0),
		request(IOCB_CMD_PREAD, cached, 3, memory, 100, 5),
		request(IOCB_CMD_PWRITE, cached, 4, memory, 100, 5),
		request(IOCB_CMD_PREADV, direct, 5, parts, 2, 16384),
		request(IOCB_CMD_PWRITEV, cached, 6, parts, 2, 16384),
		request(IOCB_CMD_FSYNC, cached, 7, NULL, 0, 0),
		request(IOCB_CMD_FDSYNC, direct, 8, NULL, 0, 0),
		request(IOCB_CMD_PREAD, direct, 9, memory, PAGE, 1),		/* not aligned */
		request(IOCB_CMD_PREAD, direct, 10, (void *)PAGE, PAGE, 0),	/* no memory there */
		request(IOCB_CMD_PREAD, direct, 11, memory, PAGE, 4096),
		request(IOCB_CMD_POLL, cached, 12, (void *)POLLIN, 0, 0),
	};
	struct iocb later, ready;
	uint64_t count;

	if (pipe(one) || pipe(other) || told < 0)
		die_errno("pipe");
	many[10].aio_flags = IOCB_FLAG_RESFD;
	many[10].aio_resfd = told;
	many[1].aio_rw_flags = RWF_DSYNC;
	/* One after another, so that the file's pages are written where no direct I/O is on its way. */
	for (i = 0; i < (int)(sizeof(many) / sizeof(many[0])); i++) {
		submit(&many[i]);
		take(1);
	}
	if (read(told, &count, sizeof(count)) != sizeof(count) || count != 1)
		die("the eventfd tells of %" PRIu64, count);
	ready = request(IOCB_CMD_POLL, one[1], 13, (void *)POLLOUT, 0, 0);
	submit(&ready);
	take(1);
	later = request(IOCB_CMD_POLL, other[0], 14, (void *)POLLIN, 0, 0);
	submit(&later);
	if (write(other[1], "x", 1) != 1)
		die_errno("write to the pipe");
	take(1);
}

static void refused(const char *path)
{
	int direct = xopen(path, O_RDWR | O_DIRECT), writer = xopen(path, O_WRONLY), reader = xopen(path, O_RDONLY), pipes[2];
	struct iocb many[] = {
		request(IOCB_CMD_PREAD, 999, 21, memory, PAGE, 0),
		request(77, direct, 22, memory, PAGE, 0),
		request(IOCB_CMD_PREAD, writer, 23, memory, PAGE, 0),
		request(IOCB_CMD_PWRITE, reader, 24, memory, PAGE, 0),
		request(IOCB_CMD_FSYNC, direct, 25, NULL, 0, PAGE),
		request(IOCB_CMD_POLL, 0, 26, (void *)POLLIN, 1, 0),
		request(IOCB_CMD_PREAD, direct, 27, memory, PAGE, 0),
	}, good = request(IOCB_CMD_PREAD, direct, 28, memory, PAGE, 0), *both[2] = { &good, &many[0] };
	size_t i;

	if (pipe(pipes))
		die_errno("pipe");
	many[5].aio_fildes = pipes[0];
	many[6].aio_flags = IOCB_FLAG_RESFD;
	many[6].aio_resfd = direct;		/* is no eventfd */
	for (i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		submit(&many[i]);
	/* The second of two: the first is carried out, and the caller does not get to know the error. */
	many[0].aio_data = 29;
	if (syscall(SYS_io_submit, context, 2, both) != 1)
		die_errno("io_submit of a good and a bad one");
	printf("29 refused %d\n", EBADF);
	take(1);
}

static void cancelled(void)
{
	struct iocb iocb[2];
	struct io_event unused;
	int pipes[2], i;

	if (pipe(pipes))
		die_errno("pipe");
	for (i = 0; i < 2; i++) {
		iocb[i] = request(IOCB_CMD_POLL, pipes[0], 31 + i, (void *)POLLIN, 0, 0);
		submit(&iocb[i]);
	}
	if (!syscall(SYS_io_cancel, context, &iocb[0], &unused) || errno != EINPROGRESS)
		die_errno("io_cancel");
	take(1);
	if (syscall(SYS_io_destroy, context))
		die_errno("io_destroy");
	/* Its event is in a ring that nobody can read any more. */
	printf("32 0\n");
}

static void leave(const char *path, uint64_t count)
{
	int device = xopen(path, O_RDONLY | O_DIRECT), pipes[2];
	struct iocb iocb[ROOM];
	uint64_t i;

	if (pipe(pipes) || !count || count >= ROOM)
		die("exit needs a pipe, and a count below %d", ROOM);
	for (i = 0; i < count; i++) {
		iocb[i] = request(IOCB_CMD_PREAD, device, 100 + i, memory, PAGE, i * PAGE);
		submit(&iocb[i]);
		printf("%" PRIu64 " %d\n", 100 + i, PAGE);
	}
	iocb[count] = request(IOCB_CMD_POLL, pipes[0], 99, (void *)POLLIN, 0, 0);
	submit(&iocb[count]);
	printf("99 0\n");
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	setup();
	memory = xalloc_pages(16 * PAGE);
	memset(memory, 'a', 16 * PAGE);
	if (argc == 3 && !strcmp(argv[1], "mixed"))
		mixed(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "refused"))
		refused(argv[2]);
	else if (argc == 2 && !strcmp(argv[1], "cancelled"))
		cancelled();
	else if (argc == 4 && !strcmp(argv[1], "exit"))
		leave(argv[2], parse_number("COUNT", argv[3]));
	else
		die("needs mixed FILE, refused FILE, cancelled, or exit DEVICE COUNT");
	return 0;
}
