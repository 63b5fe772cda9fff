// SPDX-License-Identifier: GPL-2.0
/*
 * integrity [-s SEED] [-n OPS | -t SECONDS] [-S SIZE] [-v EVERY] [-a ALIGN] [-c OP] [-E] FILE
 *
 * Random file operations on FILE, checked against a copy of what it must contain that is kept in memory.
 * Every read is compared, the whole file every EVERY operations, and once more at the end through a new file
 * descriptor after the cache was dropped. The same seed, sizes and set of operations that the file system
 * has do the same operations in the same order anywhere, and end with the same digest.
 *
 *   -s SEED	1		-S SIZE	 largest file size, 512k
 *   -n OPS	1000		-a ALIGN of direct I/O, 512
 *   -v EVERY	100; 0: never	-c OP	 change a byte of the file behind the model's back before operation OP
 *					 (0: never), to prove that this program notices
 *   -t SECONDS	for so long, instead of OPS operations
 *   -E		operations may fail: see below
 *
 * Prints the count of each operation (or that it is not there), then "digest 0x..." over the file's bytes as
 * they were read back at the end, its size and the counts. On a mismatch prints where, what, and the last
 * operations, and exits with 1.
 *
 * With -E each call that fails, or does less than it was asked for, is a line
 *
 *	failed OPERATION CALL POS LEN ERRNO BEGIN END
 *
 * ERRNO being a number, "short", or "SIGBUS" for an access to mapped memory, and the times nanoseconds of
 * CLOCK_REALTIME around the call. It goes on with what it knows then:
 *
 * - Of what a failed call was about, each byte is what it was, or what it was to become, and the size is one
 *   of the two or between. It is read back at once, and certain again. What a short write says that it has
 *   written is certain, as is what was stored to mapped memory before a fault was refused.
 * - An error of writeback, which fsync() tells, leaves the new data in the page cache, and older data on the
 *   disk. So a byte may turn into what it was at any time since it was last known to be on the disk, but only
 *   if such an error was told since, or is told by an fsync() then. This ends when all has been read back
 *   after the page cache was dropped, which is done now and then; and it does not begin, for bytes that an
 *   fsync() without an error has found.
 * - All other bytes are what they must be.
 *
 * There is no digest then, as it depends on what failed; but "failed N", "unclear N", "reverted N" and "exposed N":
 * the bytes that were doubted after failed calls, those that an error of writeback has changed, and those that a
 * defect of the kernel has left to chance: see either().
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HISTORY		24
#define HISTORY_LEN	96
/* How often in a row a call that is needed may fail. */
#define TRIES		1000
/* With -E the file has no other bytes than those below. */
#define VALUES		61
#define FOREIGN		63		/* the bit for what only a defect of the kernel puts there */
#define NOWHERE		0xff

static const char *path;
static int fd = -1, direct_fd = -1;
static uint64_t max_size = 512 << 10, align = 512, block, page;
static uint64_t op_number;
static struct rng rng;

static uint8_t *model;		/* max_size bytes; all zero from size on */
static uint64_t size;
static uint8_t *next;		/* the same, as the current operation is to make it */
static uint64_t next_size;
static uint8_t *scratch;	/* max_size bytes, page aligned */

static bool may_fail;		/* -E */
static uint64_t *past;		/* of each byte, a bit for each value that it had since it was known to be on the disk */
static bool lost;		/* an error of writeback was told since then */
static uint64_t call_began;
static uint64_t failures, unclear, reverted, exposed;
static aio_context_t aio;
static sigjmp_buf fault;
static volatile sig_atomic_t faults;	/* SIGBUS is expected */

static char history[HISTORY][HISTORY_LEN];

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	char *line = history[op_number % HISTORY];
	int len = snprintf(line, HISTORY_LEN, "%" PRIu64 ": ", op_number);
	va_list args;

	va_start(args, fmt);
	vsnprintf(line + len, HISTORY_LEN - len, fmt, args);
	va_end(args);
}

static void bad(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void bad(const char *fmt, ...)
{
	uint64_t i = op_number >= HISTORY ? op_number - HISTORY + 1 : 0;
	va_list args;

	fputs("MISMATCH: ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\nfile %s size %" PRIu64 " block %" PRIu64 "; the last operations:\n", path, size, block);
	for (; i <= op_number; i++)
		if (*history[i % HISTORY])
			printf("  %s\n", history[i % HISTORY]);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Notes when the call begins that it is wrapped around. */
#define CALL(call) (call_began = now(), (call))

static void tell_failure(const char *call, uint64_t pos, uint64_t len, const char *what)
{
	printf("failed %" PRIu64 " %s %" PRIu64 " %" PRIu64 " %s %" PRIu64 " %" PRIu64 "\n", op_number, call, pos, len,
	       what, call_began, now());
	failures++;
}

/* A call has failed, and set errno. Only returns with -E. */
static void failed(const char *call, uint64_t pos, uint64_t len)
{
	char number[16];

	if (!may_fail)
		bad("%s failed: %s", call, strerror(errno));
	snprintf(number, sizeof(number), "%d", errno);
	tell_failure(call, pos, len, number);
}

static uint64_t value_bit(uint8_t value)
{
	return 1ull << (value > VALUES ? FOREIGN : value);
}

static void remember(uint64_t pos, uint8_t value)
{
	past[pos] |= value_bit(value);
}

/* fsync(), fdatasync() or msync() has returned @ret. */
static bool synced(const char *call, uint64_t pos, uint64_t len, int ret)
{
	if (ret) {
		failed(call, pos, len);
		lost = true;
	} else if (may_fail && !lost && pos == 0 && len == max_size) {
		memset(past, 0, size * sizeof(*past));
	}
	return !ret;
}

static bool sync_file(bool data)
{
	const char *call = data ? "fdatasync" : "fsync";

	return synced(call, 0, max_size, CALL(data ? fdatasync(fd) : fsync(fd)));
}

/* Whether an error of writeback can be why a byte is @value. */
static bool may_be(uint64_t pos, uint8_t value)
{
	if (!may_fail || !(past[pos] & value_bit(value)))
		return false;
	/* Then somebody has to have been told, or to be. */
	if (!lost)
		sync_file(true);
	return lost;
}

static void revert(uint64_t pos, uint8_t value)
{
	remember(pos, model[pos]);
	model[pos] = value;
	reverted++;
}

/* @got holds @len bytes that were read at @pos. */
static void check(const char *what, const uint8_t *got, uint64_t pos, uint64_t len)
{
	uint64_t i, wrong = 0, first = 0;

	if (!memcmp(got, model + pos, len))
		return;
	for (i = 0; i < len; i++) {
		if (got[i] == model[pos + i])
			continue;
		if (may_be(pos + i, got[i]))
			revert(pos + i, got[i]);
		else if (!wrong++)
			first = i;
	}
	if (wrong)
		bad("%s: offset 0x%" PRIx64 " expected 0x%02x got 0x%02x (%" PRIu64 " wrong bytes of %" PRIu64 ")",
		    what, pos + first, model[pos + first], got[first], wrong, len);
}

/* Bytes that are never zero, so that a hole can never pass for data, different for each operation. */
static void fill(uint8_t *buf, uint64_t pos, uint64_t len)
{
	unsigned int values = may_fail ? VALUES : 255;
	uint64_t i;

	for (i = 0; i < len; i++)
		buf[i] = (op_number * 31 + (pos + i) * 7 + ((pos + i) >> 9)) % values + 1;
}

/* An operation says what it is going to do to the next_ state, and then that it has, or that it has failed. */
static void prepare(void)
{
	memcpy(next, model, max_size);
	next_size = size;
}

static void next_resize(uint64_t new_size)
{
	if (new_size < next_size)
		memset(next + new_size, 0, next_size - new_size);
	next_size = new_size;
}

static void next_write(const uint8_t *buf, uint64_t pos, uint64_t len)
{
	if (pos + len > next_size)
		next_resize(pos + len);
	memcpy(next + pos, buf, len);
}

static void next_zero(uint64_t pos, uint64_t len)
{
	if (pos < next_size)
		memset(next + pos, 0, len < next_size - pos ? len : next_size - pos);
}

/* The range in which the two states differ; false if nowhere. */
static bool changed(uint64_t *from, uint64_t *to)
{
	const uint64_t *old = (const uint64_t *)model, *new = (const uint64_t *)next;
	uint64_t first = 0, end = max_size / 8;

	while (first < end && old[first] == new[first])
		first++;
	while (end > first && old[end - 1] == new[end - 1])
		end--;
	*from = first * 8;
	*to = end * 8;
	return first < end;
}

static void done(void)
{
	uint64_t from, to, i;
	uint8_t *old = model;

	if (may_fail && changed(&from, &to)) {
		for (i = from; i < to; i++)
			if (old[i] != next[i])
				remember(i, old[i]);
	}
	model = next;
	next = old;
	size = next_size;
}

static uint64_t file_size(void)
{
	struct stat st;

	if (fstat(fd, &st))
		die_errno("%s", path);
	return st.st_size;
}

static void tell_short(const char *call, uint64_t pos, uint64_t len)
{
	if (!may_fail)
		bad("%s of %" PRIu64 " at 0x%" PRIx64 " was short", call, len, pos);
	tell_failure(call, pos, len, "short");
}

/* Reads until all is there. */
static void read_all(uint8_t *buf, uint64_t pos, uint64_t len)
{
	unsigned int tries = TRIES;

	while (len) {
		ssize_t got = CALL(pread(fd, buf, len, pos));

		if (got < 0)
			failed("read", pos, len);
		if ((uint64_t)got != len && !--tries)
			bad("the range 0x%" PRIx64 " +0x%" PRIx64 " cannot be read", pos, len);
		if (got < 0)
			continue;
		if ((uint64_t)got < len)
			tell_short("read", pos, len);
		buf += got;
		pos += got;
		len -= got;
	}
}

static void write_back_and_drop(void);

/*
 * What next has as NOWHERE was copied to the page cache, or exposed there, but need not be dirty, and would be gone with the page. Asks the
 * disk what is there for good.
 */
static void read_for_good(uint64_t from, uint64_t to)
{
	uint64_t i;

	write_back_and_drop();
	read_all(scratch, from, to - from);
	for (i = from; i < to; i++)
		if (next[i] == NOWHERE)
			model[i] = scratch[i - from];
	check("what is beside a write that has failed", scratch, from, to - from);
}

/*
 * The operation has failed: of each byte that it was to change the old and the new value are possible, and zero in
 * the given range. Reads which.
 *
 * @exposes: a buffered write was short, or may have failed in its midst. What the kernel has not copied to a block that was a hole, or
 * unwritten, is then whatever its memory has had (__iomap_write_begin() calls all of such a block uptodate, up to Linux 6.12 at least).
 */
static void either(uint64_t zero_pos, uint64_t zero_len, bool exposes)
{
	uint64_t from, to, i, got = file_size();
	uint64_t least = size < next_size ? size : next_size, most = size < next_size ? next_size : size;
	bool kept = true;

	if (got < least || got > most)
		bad("after a failure the size is %" PRIu64 ", not from %" PRIu64 " to %" PRIu64, got, least, most);
	if (!changed(&from, &to))
		from = to = zero_pos;
	if (zero_len && zero_pos < from)
		from = zero_pos;
	if (zero_len && zero_pos + zero_len > to)
		to = zero_pos + zero_len;
	if (to > max_size)
		to = max_size;
	if (from < got)
		read_all(scratch, from, (to < got ? to : got) - from);
	if (got < to)
		memset(scratch + (got > from ? got - from : 0), 0, to - (got > from ? got : from));
	for (i = from; i < to; i++) {
		uint8_t value = scratch[i - from];
		bool zeroed = i >= got || (i >= zero_pos && i < zero_pos + zero_len);

		if (exposes && model[i] != next[i] && value != model[i]) {
			exposed += value != next[i];
			next[i] = NOWHERE;
			kept = false;
		} else if (value == model[i] || value == next[i] || (zeroed && !value)) {
			;
		} else if (i >= next_size && past[i] & value_bit(value)) {
			/* Moved, and not cut off: what was behind the end of the file, which the disk may have had for long. */
			reverted++;
		} else if (!may_be(i, value)) {
			bad("after a failure: offset 0x%" PRIx64 " expected 0x%02x or 0x%02x%s got 0x%02x", i, model[i],
			    next[i], zeroed ? " or 0" : "", value);
		}
		unclear += model[i] != next[i] || zeroed;
		remember(i, model[i]);
		if (next[i] != NOWHERE)
			remember(i, next[i]);
		if (zeroed)
			remember(i, 0);
		model[i] = value;
	}
	size = got;
	if (!kept)
		read_for_good(from, to < got ? to : got);
}

static bool drop_cache(uint64_t pos, uint64_t len);

/* Once all is written back no blocks can be allocated only later: nobody would do that any more. */
static void check_allocated(void)
{
	static struct {
		struct fiemap map;
		struct fiemap_extent extent[256];
	} got;
	unsigned int tries = TRIES, i;
	uint64_t pos = 0;

	while (pos < size) {
		memset(&got.map, 0, sizeof(got.map));
		got.map.fm_start = pos;
		got.map.fm_length = size - pos;
		got.map.fm_extent_count = sizeof(got.extent) / sizeof(got.extent[0]);
		if (CALL(ioctl(fd, FS_IOC_FIEMAP, &got.map))) {
			failed("fiemap", pos, size - pos);
			if (!--tries)
				bad("the extents cannot be had");
			continue;
		}
		for (i = 0; i < got.map.fm_mapped_extents; i++) {
			struct fiemap_extent *extent = &got.map.fm_extents[i];

			if (extent->fe_flags & FIEMAP_EXTENT_DELALLOC)
				bad("after fsync: 0x%llx +0x%llx is still to be allocated", extent->fe_logical, extent->fe_length);
			pos = extent->fe_logical + extent->fe_length;
		}
		if (!got.map.fm_mapped_extents)
			break;
	}
}

/* Direct I/O has failed as it does when it meets blocks that are to be allocated only later. */
static void must_be_allocated(void)
{
	unsigned int tries = TRIES;

	while (!sync_file(true))
		if (!--tries)
			bad("fdatasync fails again and again");
	check_allocated();
}

static void write_back_and_drop(void)
{
	unsigned int tries = TRIES;

	do {
		while (!sync_file(false)) {
			if (!--tries)
				bad("fsync fails again and again");
		}
		if (!--tries)
			bad("the page cache cannot be dropped");
	} while (!drop_cache(0, 0));
}

/* Makes all certain: what the disk has. */
static void settle(void)
{
	write_back_and_drop();
	check_allocated();
	read_all(scratch, 0, size);
	check("all of the file, read from the disk", scratch, 0, size);
	memset(past, 0, size * sizeof(*past));
	lost = false;
}

static void open_file(void)
{
	fd = xopen(path, O_RDWR);
	direct_fd = xopen(path, O_RDWR | O_DIRECT);
}

/* A range of at least one @unit that lies within @limit, both ends on @unit; false when there is none. */
static bool pick(uint64_t limit, uint64_t unit, uint64_t most, uint64_t *pos, uint64_t *len)
{
	uint64_t units = limit / unit, most_units = most / unit;

	if (!units || !most_units)
		return false;
	*pos = rng_below(&rng, units);
	if (most_units > units - *pos)
		most_units = units - *pos;
	*len = (1 + rng_below(&rng, most_units)) * unit;
	*pos *= unit;
	return true;
}

/* As pick(), but one in four times on block boundaries or one byte beside them, where the bugs live. */
static bool pick_bytes(uint64_t limit, uint64_t most, uint64_t *pos, uint64_t *len)
{
	if (rng_below(&rng, 4))
		return pick(limit, 1, most, pos, len);
	if (!pick(limit, block, most, pos, len))
		return false;
	if (rng_below(&rng, 2) && *len > 1)
		--*len;
	if (rng_below(&rng, 2) && *len > 1) {
		++*pos;
		--*len;
	}
	return true;
}

/* The operations: each returns false when it had nothing to work on. Most ranges are up to 1/8 of the file. */

/* Direct I/O by io_submit(), whose completion may be handed on; as pread() and pwrite(). */
static ssize_t by_aio(int opcode, int file, void *buf, uint64_t len, uint64_t pos)
{
	struct iocb iocb = {
		.aio_lio_opcode = opcode, .aio_fildes = file, .aio_buf = (uintptr_t)buf, .aio_nbytes = len, .aio_offset = pos,
	}, *iocbs = &iocb;
	struct io_event event;

	if (syscall(SYS_io_submit, aio, 1, &iocbs) != 1)
		return -1;
	while (syscall(SYS_io_getevents, aio, 1, 1, &event, NULL) != 1)
		if (errno != EINTR)
			die_errno("io_getevents");
	if (event.res >= 0)
		return event.res;
	errno = -event.res;
	return -1;
}

static bool use_aio(int file)
{
	return may_fail && file == direct_fd && rng_below(&rng, 2);
}

static void read_and_check(int from, const char *what, uint64_t pos, uint64_t len)
{
	uint64_t expect = pos >= size ? 0 : len < size - pos ? len : size - pos;
	ssize_t got;

	if (use_aio(from))
		got = CALL(by_aio(IOCB_CMD_PREAD, from, scratch, len, pos));
	else
		got = CALL(pread(from, scratch, len, pos));
	if (got < 0) {
		failed(what, pos, len);
		if (from == direct_fd && errno == EIO)
			must_be_allocated();
		return;
	}
	if ((uint64_t)got > expect || ((uint64_t)got < expect && !may_fail))
		bad("%s of %" PRIu64 " at 0x%" PRIx64 " returned %zd, not %" PRIu64, what, len, pos, got,
		    expect);
	if ((uint64_t)got < expect)
		tell_short(what, pos, len);
	check(what, scratch, pos, got);
}

static bool do_read_from(int from, const char *what, uint64_t pos, uint64_t len)
{
	note("%s 0x%" PRIx64 " +0x%" PRIx64, what, pos, len);
	read_and_check(from, what, pos, len);
	return true;
}

static bool do_write_to(int to, const char *what, uint64_t pos, uint64_t len)
{
	ssize_t wrote;

	note("%s 0x%" PRIx64 " +0x%" PRIx64, what, pos, len);
	fill(scratch, pos, len);
	prepare();
	next_write(scratch, pos, len);
	if (use_aio(to))
		wrote = CALL(by_aio(IOCB_CMD_PWRITE, to, scratch, len, pos));
	else
		wrote = CALL(pwrite(to, scratch, len, pos));
	if (wrote == (ssize_t)len) {
		done();
		return true;
	}
	if (wrote < 0) {
		failed(what, pos, len);
		if (to == direct_fd && errno == EIO)
			must_be_allocated();
		prepare();
		next_write(scratch, pos, len);
	} else {
		note("%s 0x%" PRIx64 " +0x%" PRIx64 ": %zd", what, pos, len, wrote);
		tell_short(what, pos, len);
		/* So much of it is certain. */
		prepare();
		next_write(scratch, pos, wrote);
		done();
		prepare();
		next_write(scratch + wrote, pos + wrote, len - wrote);
	}
	/* Buffered writes may have copied something even if they fail, direct ones if they fell back to these. */
	either(0, 0, to == fd || wrote > 0);
	return true;
}

static bool op_read(void)
{
	uint64_t pos, len;

	return pick_bytes(max_size, max_size / 8, &pos, &len) && do_read_from(fd, "read", pos, len);
}

static bool op_write(void)
{
	uint64_t pos, len;

	return pick_bytes(max_size, max_size / 8, &pos, &len) && do_write_to(fd, "write", pos, len);
}

/* With -E half of them are of whole blocks: of the others XFS makes buffered ones where blocks are shared. */
static uint64_t direct_unit(void)
{
	return may_fail && block > align && rng_below(&rng, 2) ? block : align;
}

static bool op_direct_read(void)
{
	uint64_t pos, len;

	return pick(max_size, direct_unit(), max_size / 8, &pos, &len) &&
	       do_read_from(direct_fd, "direct_read", pos, len);
}

static bool op_direct_write(void)
{
	uint64_t pos, len;

	return pick(max_size, direct_unit(), max_size / 8, &pos, &len) &&
	       do_write_to(direct_fd, "direct_write", pos, len);
}

/* Of one in four all that the file can have, with -E: large enough for huge pages. */
static uint8_t *map_range(uint64_t pos, uint64_t len, int prot, uint64_t *map_pos, uint64_t *map_len)
{
	uint8_t *map;

	*map_pos = pos & ~(page - 1);
	*map_len = ((pos + len + page - 1) & ~(page - 1)) - *map_pos;
	if (may_fail && !rng_below(&rng, 4)) {
		*map_pos = 0;
		*map_len = max_size;
	}
	map = mmap(NULL, *map_len, prot, MAP_SHARED, fd, *map_pos);
	if (map == MAP_FAILED)
		die_errno("mmap");
	return map;
}

static void on_sigbus(int sig)
{
	if (faults)
		siglongjmp(fault, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Copies byte by byte, to or from mapped memory, and returns how many were copied before a fault was refused. */
static uint64_t map_copy(volatile uint8_t *to, const volatile uint8_t *from, uint64_t len)
{
	static volatile uint64_t copied;

	copied = 0;
	if (!sigsetjmp(fault, 1)) {
		faults = true;
		for (; copied < len; copied++)
			to[copied] = from[copied];
	}
	faults = false;
	return copied;
}

static void refused_fault(const char *what, uint64_t pos)
{
	if (!may_fail)
		bad("%s: SIGBUS at 0x%" PRIx64, what, pos);
	tell_failure(what, pos, 1, "SIGBUS");
}

static bool op_map_read(void)
{
	uint64_t pos, len, map_pos, map_len, got, i, end = (size + page - 1) & ~(page - 1);
	uint8_t *map;

	if (!pick_bytes(size, max_size / 8, &pos, &len))
		return false;
	note("map_read 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	map = map_range(pos, len, PROT_READ, &map_pos, &map_len);
	got = CALL(map_copy(scratch, map + (pos - map_pos), len));
	if (got < len)
		refused_fault("map_read", pos + got);
	check("map_read", scratch, pos, got);
	/* What the last page has beyond the end of the file must read as zeroes. */
	if (got == len && map_pos + map_len >= end) {
		got = CALL(map_copy(scratch, map + (size - map_pos), end - size));
		if (got < end - size)
			refused_fault("map_read", size + got);
		for (i = 0; i < got; i++)
			/* Unless what has zeroed it was not written; it may have been forgotten that it was told. */
			if (scratch[i] && !(may_fail && past[size + i] & value_bit(scratch[i])))
				bad("map_read: 0x%02x beyond the end, at 0x%" PRIx64, scratch[i], size + i);
	}
	munmap(map, map_len);
	return true;
}

static bool op_map_write(void)
{
	uint64_t pos, len, map_pos, map_len, wrote;
	uint8_t *map;
	int sync;

	if (!pick_bytes(size, max_size / 8, &pos, &len))
		return false;
	sync = rng_below(&rng, 3) == 0;
	note("map_write 0x%" PRIx64 " +0x%" PRIx64 "%s", pos, len, sync ? " msync" : "");
	map = map_range(pos, len, PROT_READ | PROT_WRITE, &map_pos, &map_len);
	fill(scratch, pos, len);
	wrote = CALL(map_copy(map + (pos - map_pos), scratch, len));
	if (wrote < len)
		refused_fault("map_write", pos + wrote);
	prepare();
	next_write(scratch, pos, wrote);
	done();
	if (sync)
		synced("msync", map_pos, map_len, CALL(msync(map, map_len, MS_SYNC)));
	munmap(map, map_len);
	return true;
}

static bool do_truncate(uint64_t new_size)
{
	uint64_t old = size;

	note("truncate 0x%" PRIx64 " -> 0x%" PRIx64, size, new_size);
	prepare();
	next_resize(new_size);
	if (!CALL(ftruncate(fd, new_size))) {
		done();
		return true;
	}
	if (new_size > old)
		failed("truncate", old, new_size - old);
	else
		failed("truncate", new_size, old - new_size);
	/* The rest of the block may be zeroed before it fails. */
	either(new_size, (block - new_size % block) % block, false);
	return true;
}

static bool op_truncate_down(void)
{
	return size && do_truncate(size - 1 - rng_below(&rng, size / 2));
}

static bool op_truncate_up(void)
{
	return size < max_size && do_truncate(size + 1 + rng_below(&rng, max_size - size));
}

/* What it does to the contents, beside the size, is for @zeroes: those of the range. */
static void do_fallocate(const char *what, int mode, uint64_t pos, uint64_t len, bool zeroes)
{
	note("%s%s 0x%" PRIx64 " +0x%" PRIx64, what,
	     mode & FALLOC_FL_KEEP_SIZE ? " keep_size" : "", pos, len);
	prepare();
	if (!(mode & FALLOC_FL_KEEP_SIZE) && pos + len > size)
		next_resize(pos + len);
	if (zeroes)
		next_zero(pos, len);
	if (!CALL(fallocate(fd, mode, pos, len))) {
		done();
		return;
	}
	failed(what, pos, len);
	either(0, 0, false);
}

static int keep_size(void)
{
	return rng_below(&rng, 2) ? FALLOC_FL_KEEP_SIZE : 0;
}

static bool op_allocate(void)
{
	uint64_t pos, len;
	int mode = keep_size();

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("allocate", mode, pos, len, false);
	return true;
}

static bool op_punch(void)
{
	uint64_t pos, len;

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, len, true);
	return true;
}

static bool op_zero(void)
{
	uint64_t pos, len;
	int mode = keep_size();

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("zero", FALLOC_FL_ZERO_RANGE | mode, pos, len, true);
	return true;
}

static bool op_unshare(void)
{
	uint64_t pos, len;
	int mode = keep_size();

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("unshare", FALLOC_FL_UNSHARE_RANGE | mode, pos, len, false);
	return true;
}

/* Where bytes go that may be on the disk as they were, they may be that, too. */
static void move_past(uint64_t from, uint64_t to, uint64_t len)
{
	uint64_t n, i;

	for (n = 0; may_fail && n < len; n++) {
		i = to > from ? len - 1 - n : n;
		past[to + i] |= past[from + i] | value_bit(model[from + i]);
	}
}

static bool op_collapse(void)
{
	uint64_t pos, len;

	/* The range must end before the file does. */
	if (!size || !pick(size - 1, block, max_size / 16, &pos, &len))
		return false;
	note("collapse 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	prepare();
	memmove(next + pos, next + pos + len, size - pos - len);
	next_resize(size - len);
	move_past(pos + len, pos, max_size - pos - len);
	if (!CALL(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, pos, len))) {
		done();
		return true;
	}
	failed("collapse", pos, size - pos);
	/* The hole comes first; and then where the end was. */
	either(pos, size - pos, false);
	return true;
}

static bool op_insert(void)
{
	uint64_t pos, len, room = max_size - size;

	if (!size || !pick(room, block, max_size / 16, &pos, &len))
		return false;
	pos = rng_below(&rng, (size + block - 1) / block) * block;
	note("insert 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	prepare();
	memmove(next + pos + len, next + pos, size - pos);
	memset(next + pos, 0, len);
	next_size = size + len;
	move_past(pos, pos + len, max_size - pos - len);
	if (!CALL(fallocate(fd, FALLOC_FL_INSERT_RANGE, pos, len))) {
		done();
		return true;
	}
	failed("insert", pos, size - pos);
	either(size, len, false);
	return true;
}

static bool op_fsync(void)
{
	bool data = rng_below(&rng, 2);

	note(data ? "fdatasync" : "fsync");
	sync_file(data);
	return true;
}

/* A source inside the file and a destination of the same length anywhere that do not overlap. */
static bool pick_pair(uint64_t unit, uint64_t *from, uint64_t *to, uint64_t *len)
{
	uint64_t other;

	if (!pick(size, unit, max_size / 8, from, len) || !pick(max_size - *len, unit, unit, to, &other))
		return false;
	return *from + *len <= *to || *to + *len <= *from;
}

/* As failed(), for what has a source and a destination: the range from the one to the other. */
static void failed_pair(const char *call, uint64_t from, uint64_t to, uint64_t len)
{
	failed(call, from < to ? from : to, len + (from < to ? to - from : from - to));
}

static bool op_copy(void)
{
	uint64_t from, to, len, left;
	off_t in, out;

	if (!pick_pair(1, &from, &to, &len))
		return false;
	note("copy 0x%" PRIx64 " +0x%" PRIx64 " -> 0x%" PRIx64, from, len, to);
	prepare();
	next_write(model + from, to, len);
	move_past(from, to, len);
	in = from;
	out = to;
	for (left = len; left; ) {
		ssize_t copied = CALL(copy_file_range(fd, &in, fd, &out, left, 0));

		if (copied < 0) {
			failed_pair("copy", from, to, len);
			either(0, 0, true);
			return true;
		}
		if (!copied)
			bad("copy_file_range stopped %" PRIu64 " bytes before the end", left);
		left -= copied;
	}
	done();
	return true;
}

static bool op_clone(void)
{
	struct file_clone_range range = { .src_fd = fd };
	uint64_t from, to, len;

	if (!pick_pair(block, &from, &to, &len))
		return false;
	note("clone 0x%" PRIx64 " +0x%" PRIx64 " -> 0x%" PRIx64, from, len, to);
	range.src_offset = from;
	range.src_length = len;
	range.dest_offset = to;
	prepare();
	next_write(model + from, to, len);
	move_past(from, to, len);
	if (!CALL(ioctl(fd, FICLONERANGE, &range))) {
		done();
		return true;
	}
	failed_pair("clone", from, to, len);
	either(0, 0, false);
	return true;
}

/* Returns whether all of it is gone; there can be reasons why not. */
static bool drop_cache(uint64_t pos, uint64_t len)
{
	uint64_t i, pages = max_size / page;
	int err = posix_fadvise(fd, pos, len, POSIX_FADV_DONTNEED);
	unsigned char there[pages];
	bool gone = true;
	void *map;

	if (err)
		die("fadvise: %s", strerror(err));
	if (pos || len)
		return true;
	map = mmap(NULL, max_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || mincore(map, max_size, there))
		die_errno("mincore");
	for (i = 0; i < pages; i++)
		gone = gone && !(there[i] & 1);
	munmap(map, max_size);
	return gone;
}

static bool op_drop(void)
{
	uint64_t pos, len;

	if (!pick(max_size, page, max_size, &pos, &len))
		return false;
	note("drop 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	if (rng_below(&rng, 2))
		sync_file(true);
	drop_cache(pos, len);
	return true;
}

static bool op_reopen(void)
{
	int old = fd, old_direct = direct_fd;

	note("reopen");
	/* With -E the inode has to stay: its size may not have reached the disk. */
	if (may_fail)
		open_file();
	close(old);
	close(old_direct);
	if (!may_fail)
		open_file();
	return true;
}

/* Walks the whole file by SEEK_DATA and SEEK_HOLE: what is said to be a hole must be zero in the model. */
static bool op_seek(void)
{
	bool again = false;
	off_t pos = 0;
	uint64_t i;

	note("seek");
	while ((uint64_t)pos < size) {
		off_t data = CALL(lseek(fd, pos, SEEK_DATA)), hole;

		if (data < 0 && errno != ENXIO) {
			failed("seek_data", pos, size - pos);
			return true;
		}
		if (data < 0)
			data = size;
		if (data < pos || (uint64_t)data > size)
			bad("SEEK_DATA at 0x%llx says 0x%llx", (long long)pos, (long long)data);
		for (i = pos; i < (uint64_t)data; i++)
			if (model[i] && !may_be(i, 0))
				bad("SEEK_DATA at 0x%llx says 0x%llx, but there is data at 0x%" PRIx64,
				    (long long)pos, (long long)data, i);
		if ((uint64_t)data == size)
			return true;
		hole = CALL(lseek(fd, data, SEEK_HOLE));
		if (hole < 0) {
			failed("seek_hole", data, size - data);
			return true;
		}
		/* What is dirty may have been written back meanwhile, and have failed. */
		if (hole == data && may_fail && (lost || !sync_file(true)))
			return true;
		/*
		 * Where blocks are smaller than pages SEEK_DATA may name the hole behind an unwritten extent, if its page has data further on:
		 * mapping_seek_hole_data(), up to Linux 6.18 at least. Asked from there it finds the data.
		 */
		again = hole == data && block < page && !again;
		if (again) {
			pos = data;
			continue;
		}
		if (hole <= data || (uint64_t)hole > size)
			bad("SEEK_HOLE at 0x%llx says 0x%llx", (long long)data, (long long)hole);
		pos = hole;
	}
	if (lseek(fd, size, SEEK_DATA) != -1 || errno != ENXIO)
		bad("SEEK_DATA at the end of the file does not say ENXIO");
	return true;
}

static struct op {
	const char *name;
	bool (*run)(void);
	unsigned int weight;
	int probe_mode;		/* of fallocate(), -1: nothing to probe, -2: reflink */
	bool absent;
	uint64_t count;
} ops[] = {
	{ "read",		op_read,		6, -1, false, 0 },
	{ "write",		op_write,		8, -1, false, 0 },
	{ "direct_read",	op_direct_read,		5, -1, false, 0 },
	{ "direct_write",	op_direct_write,	6, -1, false, 0 },
	{ "map_read",		op_map_read,		5, -1, false, 0 },
	{ "map_write",		op_map_write,		6, -1, false, 0 },
	{ "truncate_down",	op_truncate_down,	2, -1, false, 0 },
	{ "truncate_up",	op_truncate_up,		3, -1, false, 0 },
	{ "allocate",		op_allocate,		3, 0, false, 0 },
	{ "punch",		op_punch,		3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, false, 0 },
	{ "zero",		op_zero,		3, FALLOC_FL_ZERO_RANGE, false, 0 },
	{ "unshare",		op_unshare,		2, FALLOC_FL_UNSHARE_RANGE, false, 0 },
	{ "collapse",		op_collapse,		2, FALLOC_FL_COLLAPSE_RANGE, false, 0 },
	{ "insert",		op_insert,		2, FALLOC_FL_INSERT_RANGE, false, 0 },
	{ "fsync",		op_fsync,		2, -1, false, 0 },
	{ "copy",		op_copy,		3, -1, false, 0 },
	{ "clone",		op_clone,		3, -2, false, 0 },
	{ "drop",		op_drop,		3, -1, false, 0 },
	{ "reopen",		op_reopen,		1, -1, false, 0 },
	{ "seek",		op_seek,		2, -1, false, 0 },
};

#define NR_OPS	(sizeof(ops) / sizeof(ops[0]))

/* Tries what may fail with -E, until it does not; @what is what it is called. */
#define INSIST(what, pos, len, call, can_be) \
	({ \
		int ret_, tries_ = may_fail ? TRIES : 1; \
		while ((ret_ = CALL(call)) && !(can_be)) { \
			if (!--tries_) \
				die_errno("%s: %s", path, what); \
			failed(what, pos, len); \
		} \
		ret_; \
	})

/* Asks the file system once what it can do, so that an operation that is there must then always work. */
static void probe_ops(void)
{
	struct file_clone_range range = { .src_fd = fd, .src_length = block, .dest_offset = 2 * block };
	unsigned int i;
	int ret;

	INSIST("truncate", 0, 4 * block, ftruncate(fd, 4 * block), false);
	for (i = 0; i < NR_OPS; i++) {
		if (ops[i].probe_mode == -1)
			continue;
		/* After it direct I/O of XFS finds blocks that are to be allocated only later, and fails: seen without -E as well, on stock 6.12. */
		ops[i].absent = ops[i].probe_mode == FALLOC_FL_UNSHARE_RANGE && !may_fail;
		if (ops[i].absent)
			continue;
		if (ops[i].probe_mode == -2)
			ret = INSIST(ops[i].name, 0, 4 * block, ioctl(fd, FICLONERANGE, &range),
				     errno == EOPNOTSUPP || errno == ENOTTY);
		else
			ret = INSIST(ops[i].name, 0, 4 * block, fallocate(fd, ops[i].probe_mode, block, block),
				     errno == EOPNOTSUPP);
		ops[i].absent = ret;
	}
	INSIST("truncate", 0, 4 * block, ftruncate(fd, 0), false);
}

static void verify_all(void)
{
	uint64_t got = file_size();

	if (got != size)
		bad("the size is %" PRIu64 ", not %" PRIu64, got, size);
	read_and_check(fd, "read", 0, max_size);
	if (may_fail && (lost || !rng_below(&rng, 4)))
		settle();
}

static void run_one(void)
{
	unsigned int total = 0, i;
	uint64_t draw;

	for (i = 0; i < NR_OPS; i++)
		total += ops[i].weight;
	/* An absent operation or one without anything to do draws again: every operation counts. */
	for (;;) {
		draw = rng_below(&rng, total);
		for (i = 0; draw >= ops[i].weight; i++)
			draw -= ops[i].weight;
		if (!ops[i].absent && ops[i].run())
			break;
	}
	ops[i].count++;
}

/* FNV-1a */
static uint64_t digest(uint64_t hash, const void *data, uint64_t len)
{
	const uint8_t *byte = data;

	while (len--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash;
}

static void finish(void)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned int i;

	if (may_fail) {
		settle();
	} else {
		sync_file(false);
		drop_cache(0, 0);
		op_reopen();
		verify_all();
	}
	/* scratch now holds what the file system gave back. */
	hash = digest(hash, scratch, size);
	hash = digest(hash, &size, sizeof(size));
	for (i = 0; i < NR_OPS; i++) {
		hash = digest(hash, &ops[i].count, sizeof(ops[i].count));
		if (ops[i].absent)
			printf("%s absent\n", ops[i].name);
		else
			printf("%s %" PRIu64 "\n", ops[i].name, ops[i].count);
	}
	if (may_fail)
		printf("failed %" PRIu64 "\nunclear %" PRIu64 "\nreverted %" PRIu64 "\nexposed %" PRIu64 "\n", failures,
		       unclear, reverted, exposed);
	else
		printf("digest 0x%016" PRIx64 "\n", hash);
}

static void change_a_byte(void)
{
	uint8_t byte;

	if (!size && ftruncate(fd, size = 1))
		die_errno("%s: truncate", path);
	byte = may_fail ? NOWHERE : model[size / 2] ^ 0x5a;
	xpwrite(fd, &byte, 1, size / 2);
	/* Before the next one may overwrite it: which ones come depends on what fails. */
	if (may_fail)
		settle();
}

int main(int argc, char **argv)
{
	uint64_t nr_ops = 1000, every = 100, corrupt = 0, end = 0;
	struct statvfs vfs;
	int opt;

	rng.state = 1;
	while ((opt = getopt(argc, argv, "s:n:S:v:a:c:t:E")) != -1) {
		switch (opt) {
		case 's':
			rng.state = parse_number("-s", optarg);
			break;
		case 'n':
			nr_ops = parse_number("-n", optarg);
			break;
		case 'S':
			max_size = parse_number("-S", optarg);
			break;
		case 'v':
			every = parse_number("-v", optarg);
			break;
		case 'a':
			align = parse_number("-a", optarg);
			break;
		case 'c':
			corrupt = parse_number("-c", optarg);
			break;
		case 't':
			end = now() + parse_number("-t", optarg) * 1000000000ull;
			break;
		case 'E':
			may_fail = true;
			break;
		default:
			die("see the head of integrity.c for the options");
		}
	}
	if (optind != argc - 1)
		die("needs one file");
	path = argv[optind];
	page = sysconf(_SC_PAGESIZE);
	if (!align || max_size % page || max_size < 16 * page)
		die("the size must be a multiple of the page size, 16 pages at least, and ALIGN not 0");

	close(xopen(path, O_RDWR | O_CREAT | O_TRUNC));
	open_file();
	if (fstatvfs(fd, &vfs))
		die_errno("%s", path);
	block = vfs.f_bsize;
	model = xalloc_pages(max_size);
	next = xalloc_pages(max_size);
	scratch = xalloc_pages(max_size);
	if (may_fail) {
		past = xalloc_pages(max_size * sizeof(*past));
		if (syscall(SYS_io_setup, 1, &aio))
			die_errno("io_setup");
	}
	signal(SIGBUS, on_sigbus);
	probe_ops();

	for (op_number = 1; end ? now() < end : op_number <= nr_ops; op_number++) {
		if (op_number == corrupt)
			change_a_byte();
		run_one();
		if (every && op_number % every == 0)
			verify_all();
	}
	finish();
	return 0;
}
