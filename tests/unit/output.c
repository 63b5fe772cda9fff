// SPDX-License-Identifier: GPL-2.0
/* The writer that counts what was really written, and the pieces of lines. write() and poll() are this file's own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "output.h"
#include "tap.h"

/* What write() does next: the system's own, or, while there is a script, one step of it a call. */
enum { ALL, SHORT, INTERRUPTED, AGAIN, BROKEN };

static const unsigned char *script;
static size_t script_len, script_at, short_bytes, longest_write;
static int writes, polls, poll_result = 1;

ssize_t write(int fd, const void *data, size_t size)
{
	int step = script && script_at < script_len ? script[script_at++] : ALL;

	writes++;
	if (size > longest_write)
		longest_write = size;
	switch (step) {
	case SHORT:
		return syscall(SYS_write, fd, data, size < short_bytes ? size : short_bytes);
	case INTERRUPTED:
		errno = EINTR;
		return -1;
	case AGAIN:
		errno = EAGAIN;
		return -1;
	case BROKEN:
		errno = EIO;
		return -1;
	}
	return syscall(SYS_write, fd, data, size);
}

/* Never waits: five seconds of patience are over at once. */
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	(void)fds;
	(void)count;
	(void)timeout;
	polls++;
	if (poll_result < 0)
		errno = EINTR;
	return poll_result < 0 ? (poll_result++, -1) : poll_result;
}

static void plan_writes(const unsigned char *steps, size_t count, size_t bytes)
{
	script = steps;
	script_len = count;
	script_at = 0;
	short_bytes = bytes;
	longest_write = 0;
	writes = polls = 0;
}

static void line(struct out *out, const char *text, bool record)
{
	out_end(out, put_str(out_begin(out), text), record);
}

static const char *content(int fd)
{
	static char text[1 << 20];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void plain(void)
{
	int fd = memfd_create("out", 0), i;
	struct out *out = out_new(fd, 0, NULL);

	plan_writes(NULL, 0, 0);
	is_int(out_flush(out), 0, "a flush of nothing");
	is_int(writes, 0, "writes nothing");
	line(out, "head\n", false);
	line(out, "one\n", true);
	is_u64(out_written(out), 0, "what is buffered is not written");
	is_str(content(fd), "", "and the file is empty");
	is_int(out_flush(out), 0, "a flush");
	is_u64(out_written(out), 1, "one record is written");
	is_str(content(fd), "head\none\n", "with the line that is none");
	out_printf(out, "%s %d\n", "tail", 7);
	line(out, "two\n", true);
	out_flush(out);
	is_str(content(fd), "head\none\ntail 7\ntwo\n", "order is kept");
	ok(out_written(out) == 2 && !out_dropped(out) && !out_error(out), "two written, none dropped, no error");
	out_free(out);
	ok(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET), "the file descriptor is still ours");

	/* More than the buffer holds: it empties itself. */
	out = out_new(fd, 0, NULL);
	for (i = 0; i < 10000; i++)
		line(out, "0123456789\n", true);
	ok(out_written(out) > 0 && out_written(out) < 10000, "a full buffer is written");
	out_flush(out);
	is_u64(out_written(out), 10000, "all is written");
	is_u64(lseek(fd, 0, SEEK_END), 110000, "every byte of it");
	out_free(out);
	close(fd);
}

static void lines_of_all_lengths(void)
{
	int fd = memfd_create("out", 0), i;
	struct out *out = out_new(fd, 1, NULL);
	off_t sum = 0;
	char *p;

	for (i = 1; i <= LINE_ROOM; i += 37) {
		p = out_begin(out);
		memset(p, 'x', i - 1);
		p[i - 1] = '\n';
		out_end(out, p + i, true);
		sum += i;
	}
	p = out_begin(out);
	memset(p, 'y', LINE_ROOM);
	out_end(out, p + LINE_ROOM, true);
	sum += LINE_ROOM;
	out_flush(out);
	is_u64(lseek(fd, 0, SEEK_END), sum, "lines of all lengths, in the smallest buffer");
	/* A line that is too long is cut, and the memory behind it stays as it was. */
	p = malloc(3 * LINE_ROOM);
	memset(p, 'z', 3 * LINE_ROOM - 1);
	p[3 * LINE_ROOM - 1] = 0;
	out_printf(out, "%s\n", p);
	out_flush(out);
	is_u64(lseek(fd, 0, SEEK_END), sum + LINE_ROOM - 1, "a line that is too long is cut");
	free(p);
	out_free(out);
	close(fd);
}

static void short_writes(void)
{
	static const unsigned char steps[] = { SHORT, INTERRUPTED, SHORT, AGAIN, SHORT, INTERRUPTED, SHORT };
	int fd = memfd_create("out", 0);
	struct out *out = out_new(fd, 0, NULL);

	line(out, "head\n", false);
	line(out, "first\n", true);
	line(out, "second\n", true);
	plan_writes(steps, sizeof(steps), 3);
	is_int(out_flush(out), 0, "short and interrupted writes are no failure");
	is_str(content(fd), "head\nfirst\nsecond\n", "nothing is lost, nothing is twice");
	is_u64(out_written(out), 2, "both records are written");
	is_int(writes, sizeof(steps) + 1, "one write more than the interrupted ones");
	is_int(polls, 1, "it waits for a pipe that does not block");
	out_free(out);
	close(fd);
}

/* The output fails after @bytes of "head, one, two, three": how many records were whole? */
static void fails_after(size_t bytes, __u64 written)
{
	static const unsigned char steps[] = { SHORT, BROKEN };
	int fd = memfd_create("out", 0);
	struct out *out = out_new(fd, 0, NULL);

	line(out, "head\n", false);
	line(out, "one\n", true);
	line(out, "two\n", true);
	line(out, "three\n", true);
	plan_writes(steps, sizeof(steps), bytes);
	is_int(out_flush(out), -1, "failure after %zu bytes", bytes);
	is_int(out_error(out), EIO, "its errno");
	is_u64(out_written(out), written, "%llu whole records", (unsigned long long)written);
	is_u64(out_dropped(out), 3 - written, "the others are dropped");
	line(out, "four\n", true);
	line(out, "plain\n", false);
	out_printf(out, "plain\n");
	is_int(out_flush(out), -1, "and stays failed");
	ok(out_written(out) == written && out_dropped(out) == 4 - written, "what comes later is dropped");
	is_u64(strlen(content(fd)), bytes, "and not written");
	out_free(out);
	close(fd);
}

static void second_buffer_fails(void)
{
	static const unsigned char steps[] = { ALL, SHORT, BROKEN };
	int fd = memfd_create("out", 0);
	struct out *out = out_new(fd, 0, NULL);

	plan_writes(steps, sizeof(steps), 5);
	line(out, "head\n", false);
	line(out, "one\n", true);
	out_flush(out);
	line(out, "two\n", true);
	line(out, "three\n", true);
	out_flush(out);
	ok(out_written(out) == 2 && out_dropped(out) == 1, "the earlier buffer's records stay written");
	out_free(out);
	close(fd);
}

static void really_broken(void)
{
	struct out *out;
	int ends[2], fd, i;

	plan_writes(NULL, 0, 0);
	if (pipe(ends))
		return;
	close(ends[0]);
	out = out_new(ends[1], 0, NULL);
	line(out, "one\n", true);
	is_int(out_flush(out), -1, "a closed pipe");
	is_int(out_error(out), EPIPE, "a closed pipe: EPIPE");
	ok(!out_written(out) && out_dropped(out) == 1, "a closed pipe: the record is dropped");
	out_free(out);
	close(ends[1]);

	fd = open("/dev/full", O_WRONLY);
	out = out_new(fd, 0, NULL);
	for (i = 0; i < 20000; i++)
		line(out, "0123456789\n", true);
	is_int(out_error(out), ENOSPC, "a full device is found as soon as the buffer is full");
	out_flush(out);
	ok(!out_written(out) && out_dropped(out) == 20000, "a full device: all records are dropped");
	out_free(out);
	close(fd);

	fd = open("/dev/null", O_RDONLY);
	out = out_new(fd, 0, NULL);
	line(out, "one\n", true);
	out_flush(out);
	is_int(out_error(out), EBADF, "a file that is not open for writing");
	out_free(out);
	close(fd);
}

static void stopping(void)
{
	static const unsigned char again[] = { AGAIN, AGAIN };
	volatile sig_atomic_t stop = 0;
	int fd = memfd_create("out", 0), i;
	struct out *out = out_new(fd, 1 << 16, &stop);

	for (i = 0; i < 2000; i++)
		line(out, "0123456789\n", true);
	plan_writes(NULL, 0, 0);
	is_int(out_flush(out), 0, "not to stop: one write");
	ok(writes == 1 && polls == 0 && longest_write == 22000, "not to stop: one write, without asking");

	stop = 1;
	for (i = 0; i < 2000; i++)
		line(out, "0123456789\n", true);
	plan_writes(NULL, 0, 0);
	is_int(out_flush(out), 0, "to stop, and the reader reads");
	ok(polls == writes && writes == (22000 + PIPE_BUF - 1) / PIPE_BUF && longest_write <= PIPE_BUF,
	   "each write is asked for and so small that it cannot block");
	is_u64(lseek(fd, 0, SEEK_END), 44000, "all is there");

	line(out, "one\n", true);
	poll_result = -3;
	plan_writes(again, sizeof(again), 0);
	is_int(out_flush(out), -1, "interrupted while it waits, then the reader takes nothing");
	is_int(out_error(out), ETIMEDOUT, "that is told");
	ok(polls == 4 && writes == 0, "it waited again after each interruption, and wrote nothing");
	ok(out_written(out) == 4000 && out_dropped(out) == 1, "the record is dropped");
	poll_result = 1;
	out_free(out);

	/* A pipe that polls writable and then does not take it: once more. */
	out = out_new(fd, 0, &stop);
	line(out, "one\n", true);
	plan_writes(again, sizeof(again), 0);
	is_int(out_flush(out), 0, "EAGAIN while stopping");
	is_u64(out_written(out), 1, "is tried again");
	out_free(out);
	close(fd);
}

static char text[256];

#define put(call) ({ char *p = text; *(call) = 0; text; })

static void pieces(void)
{
	static const struct {
		__u64 value;
		const char *size, *duration;
	} samples[] = {
		{ 0, "0", "0ns" }, { 1, "1", "1ns" }, { 999, "999", "999ns" }, { 1000, "1000", "1.00us" }, { 1023, "1023", "1.02us" },
		{ 1024, "1k", "1.02us" }, { 1025, "1025", "1.02us" }, { 4096, "4k", "4.09us" }, { 12345, "12345", "12.3us" },
		{ 99999, "99999", "99.9us" }, { 100000, "100000", "100us" }, { 999999, "999999", "999us" },
		{ 1000000, "1000000", "1.00ms" }, { 1048576, "1m", "1.04ms" }, { 1048577, "1048577", "1.04ms" },
		{ 1572864, "1536k", "1.57ms" }, { 999999999, "999999999", "999ms" }, { 1000000000, "1000000000", "1.00s" },
		{ 1ULL << 30, "1g", "1.07s" }, { 1ULL << 40, "1t", "1099s" }, { 1ULL << 50, "1p", "1125899s" },
		{ 1ULL << 60, "1e", "1152921504s" }, { 1ULL << 63, "8e", "9223372036s" }, { ~0ULL, "18446744073709551615", "18446744073s" },
		{ ~0ULL << 12, "18014398509481980k", "18446744073s" },
	};
	char expected[64];
	__u64 value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		is_str(put(put_size(p, samples[i].value)), samples[i].size, "size %llu", (unsigned long long)samples[i].value);
		is_str(put(put_duration(p, samples[i].value)), samples[i].duration, "duration %llu", (unsigned long long)samples[i].value);
	}
	for (value = 1, i = 0; i < 20; i++, value *= 10) {
		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value - 1);
		is_str(put(put_dec(p, value - 1)), expected, "decimal %s", expected);
		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
		is_str(put(put_dec(p, value)), expected, "decimal %s", expected);
	}
	is_str(put(put_dec(p, ~0ULL)), "18446744073709551615", "the largest number");
	for (value = i = 0; value < 10000; value++) {
		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
		i += !!strcmp(put(put_dec(p, value)), expected);
	}
	is_int(i, 0, "decimal 0 to 9999");
	is_str(put(put_sdec(p, 0)), "0", "signed 0");
	is_str(put(put_sdec(p, -1)), "-1", "signed -1");
	is_str(put(put_sdec(p, LLONG_MAX)), "9223372036854775807", "the largest signed number");
	is_str(put(put_sdec(p, LLONG_MIN)), "-9223372036854775808", "the smallest signed number");
	for (i = 0; i < 64; i++) {
		snprintf(expected, sizeof(expected), "0x%llx", 1ULL << i);
		is_str(put(put_hex(p, 1ULL << i)), expected, "hexadecimal %s", expected);
	}
	is_str(put(put_hex(p, 0)), "0x0", "hexadecimal 0");
	is_str(put(put_hex(p, ~0ULL)), "0xffffffffffffffff", "hexadecimal, the largest");
	is_str(put(put_dev(p, 8 << 20 | 17)), "8:17", "device 8:17");
	is_str(put(put_dev(p, ~0u)), "4095:1048575", "the largest device number");
	is_str(put(put_pad(put_str(p, "ab"), p, 5)), "   ab", "padded to the right");
	is_str(put(put_pad(put_str(p, "ab"), p, -5)), "ab   ", "padded to the left");
	is_str(put(put_pad(put_str(p, "abcde"), p, 5)), "abcde", "of the width");
	is_str(put(put_pad(put_str(p, "abcdef"), p, -5)), "abcdef", "wider");
	is_str(put(put_pad(p, p, 3)), "   ", "nothing");
	is_str(put(put_pad(put_str(p, "\xc3\xa9"), p, 3)), "  \xc3\xa9", "a character of two bytes, to the right");
	is_str(put(put_pad(put_str(p, "\xc3\xa9"), p, -3)), "\xc3\xa9  ", "a character of two bytes, to the left");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	plain();
	lines_of_all_lengths();
	short_writes();
	fails_after(0, 0);
	fails_after(4, 0);
	fails_after(5, 0);
	fails_after(8, 0);
	fails_after(9, 1);
	fails_after(12, 1);
	fails_after(13, 2);
	fails_after(18, 2);
	second_buffer_fails();
	really_broken();
	stopping();
	pieces();
	return done_testing();
}
