// SPDX-License-Identifier: GPL-2.0
/*
 * integrity [-s SEED] [-n OPS] [-S SIZE] [-v EVERY] [-a ALIGN] [-c OP] FILE
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
 *
 * Prints the count of each operation (or that it is not there), then "digest 0x..." over the file's bytes as
 * they were read back at the end, its size and the counts. On a mismatch prints where, what, and the last
 * operations, and exits with 1.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HISTORY		24
#define HISTORY_LEN	96

static const char *path;
static int fd = -1, direct_fd = -1;
static uint64_t max_size = 512 << 10, align = 512, block, page;
static uint64_t op_number;
static struct rng rng;

static uint8_t *model;		/* max_size bytes; all zero from size on */
static uint64_t size;
static uint8_t *scratch;	/* max_size bytes, page aligned */

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

/* @got holds @len bytes that were read at @pos. */
static void check(const char *what, const uint8_t *got, uint64_t pos, uint64_t len)
{
	uint64_t i, wrong = 0, first = 0;

	if (!memcmp(got, model + pos, len))
		return;
	for (i = 0; i < len; i++)
		if (got[i] != model[pos + i] && !wrong++)
			first = i;
	bad("%s: offset 0x%" PRIx64 " expected 0x%02x got 0x%02x (%" PRIu64 " wrong bytes of %" PRIu64 ")",
	    what, pos + first, model[pos + first], got[first], wrong, len);
}

/* Not a mismatch of data, but as wrong: the file system refused what it must do. */
static void refused(const char *what)
{
	bad("%s failed: %s", what, strerror(errno));
}

/* Bytes that are never zero, so that a hole can never pass for data, different for each operation. */
static void fill(uint8_t *buf, uint64_t pos, uint64_t len)
{
	uint64_t i;

	for (i = 0; i < len; i++)
		buf[i] = (op_number * 31 + (pos + i) * 7 + ((pos + i) >> 9)) % 255 + 1;
}

static void set_size(uint64_t new_size)
{
	if (new_size < size)
		memset(model + new_size, 0, size - new_size);
	size = new_size;
}

static void wrote(const uint8_t *buf, uint64_t pos, uint64_t len)
{
	if (pos + len > size)
		set_size(pos + len);
	memcpy(model + pos, buf, len);
}

static void open_file(void)
{
	fd = xopen(path, O_RDWR);
	direct_fd = xopen(path, O_RDWR | O_DIRECT);
}

static void close_file(void)
{
	close(fd);
	close(direct_fd);
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

static void read_and_check(int from, const char *what, uint64_t pos, uint64_t len)
{
	uint64_t expect = pos >= size ? 0 : len < size - pos ? len : size - pos;
	ssize_t got = pread(from, scratch, len, pos);

	if (got < 0)
		refused(what);
	if ((uint64_t)got != expect)
		bad("%s of %" PRIu64 " at 0x%" PRIx64 " returned %zd, not %" PRIu64, what, len, pos, got,
		    expect);
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
	ssize_t done;

	note("%s 0x%" PRIx64 " +0x%" PRIx64, what, pos, len);
	fill(scratch, pos, len);
	done = pwrite(to, scratch, len, pos);
	if (done < 0)
		refused(what);
	if ((uint64_t)done != len)
		bad("%s of %" PRIu64 " at 0x%" PRIx64 " returned %zd", what, len, pos, done);
	wrote(scratch, pos, len);
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

static bool op_direct_read(void)
{
	uint64_t pos, len;

	return pick(max_size, align, max_size / 8, &pos, &len) &&
	       do_read_from(direct_fd, "direct_read", pos, len);
}

static bool op_direct_write(void)
{
	uint64_t pos, len;

	return pick(max_size, align, max_size / 8, &pos, &len) &&
	       do_write_to(direct_fd, "direct_write", pos, len);
}

static uint8_t *map_range(uint64_t pos, uint64_t len, int prot, uint64_t *map_pos, uint64_t *map_len)
{
	uint8_t *map;

	*map_pos = pos & ~(page - 1);
	*map_len = ((pos + len + page - 1) & ~(page - 1)) - *map_pos;
	map = mmap(NULL, *map_len, prot, MAP_SHARED, fd, *map_pos);
	if (map == MAP_FAILED)
		refused("mmap");
	return map;
}

static bool op_map_read(void)
{
	uint64_t pos, len, map_pos, map_len, i;
	uint8_t *map;

	if (!pick_bytes(size, max_size / 8, &pos, &len))
		return false;
	note("map_read 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	map = map_range(pos, len, PROT_READ, &map_pos, &map_len);
	check("map_read", map + (pos - map_pos), pos, len);
	/* What the last page has beyond the end of the file must read as zeroes. */
	for (i = size - map_pos; i < map_len; i++)
		if (map[i])
			bad("map_read: 0x%02x beyond the end, at 0x%" PRIx64, map[i], map_pos + i);
	munmap(map, map_len);
	return true;
}

static bool op_map_write(void)
{
	uint64_t pos, len, map_pos, map_len;
	uint8_t *map;
	int sync;

	if (!pick_bytes(size, max_size / 8, &pos, &len))
		return false;
	sync = rng_below(&rng, 3) == 0;
	note("map_write 0x%" PRIx64 " +0x%" PRIx64 "%s", pos, len, sync ? " msync" : "");
	map = map_range(pos, len, PROT_READ | PROT_WRITE, &map_pos, &map_len);
	fill(map + (pos - map_pos), pos, len);
	wrote(map + (pos - map_pos), pos, len);
	if (sync && msync(map, map_len, MS_SYNC))
		refused("msync");
	munmap(map, map_len);
	return true;
}

static bool do_truncate(uint64_t new_size)
{
	note("truncate 0x%" PRIx64 " -> 0x%" PRIx64, size, new_size);
	if (ftruncate(fd, new_size))
		refused("truncate");
	set_size(new_size);
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

static void do_fallocate(const char *what, int mode, uint64_t pos, uint64_t len)
{
	note("%s%s 0x%" PRIx64 " +0x%" PRIx64, what,
	     mode & FALLOC_FL_KEEP_SIZE ? " keep_size" : "", pos, len);
	if (fallocate(fd, mode, pos, len))
		refused(what);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && pos + len > size)
		set_size(pos + len);
}

static int keep_size(void)
{
	return rng_below(&rng, 2) ? FALLOC_FL_KEEP_SIZE : 0;
}

static void zeroed(uint64_t pos, uint64_t len)
{
	if (pos < size)
		memset(model + pos, 0, len < size - pos ? len : size - pos);
}

static bool op_allocate(void)
{
	uint64_t pos, len;
	int mode = keep_size();

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("allocate", mode, pos, len);
	return true;
}

static bool op_punch(void)
{
	uint64_t pos, len;

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, len);
	zeroed(pos, len);
	return true;
}

static bool op_zero(void)
{
	uint64_t pos, len;
	int mode = keep_size();

	if (!pick_bytes(max_size, max_size / 8, &pos, &len))
		return false;
	do_fallocate("zero", FALLOC_FL_ZERO_RANGE | mode, pos, len);
	zeroed(pos, len);
	return true;
}

static bool op_collapse(void)
{
	uint64_t pos, len;

	/* The range must end before the file does. */
	if (!size || !pick(size - 1, block, max_size / 16, &pos, &len))
		return false;
	note("collapse 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, pos, len))
		refused("collapse");
	memmove(model + pos, model + pos + len, size - pos - len);
	set_size(size - len);
	return true;
}

static bool op_insert(void)
{
	uint64_t pos, len, room = max_size - size;

	if (!size || !pick(room, block, max_size / 16, &pos, &len))
		return false;
	pos = rng_below(&rng, (size + block - 1) / block) * block;
	note("insert 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	if (fallocate(fd, FALLOC_FL_INSERT_RANGE, pos, len))
		refused("insert");
	memmove(model + pos + len, model + pos, size - pos);
	memset(model + pos, 0, len);
	size += len;
	return true;
}

static bool op_fsync(void)
{
	bool data = rng_below(&rng, 2);

	note(data ? "fdatasync" : "fsync");
	if (data ? fdatasync(fd) : fsync(fd))
		refused("fsync");
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

static void copied(uint64_t from, uint64_t to, uint64_t len)
{
	wrote(model + from, to, len);
}

static bool op_copy(void)
{
	uint64_t from, to, len, left;
	off_t in, out;

	if (!pick_pair(1, &from, &to, &len))
		return false;
	note("copy 0x%" PRIx64 " +0x%" PRIx64 " -> 0x%" PRIx64, from, len, to);
	in = from;
	out = to;
	for (left = len; left; ) {
		ssize_t done = copy_file_range(fd, &in, fd, &out, left, 0);

		if (done < 0)
			refused("copy_file_range");
		if (!done)
			bad("copy_file_range stopped %" PRIu64 " bytes before the end", left);
		left -= done;
	}
	copied(from, to, len);
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
	if (ioctl(fd, FICLONERANGE, &range))
		refused("clone");
	copied(from, to, len);
	return true;
}

static void drop_cache(uint64_t pos, uint64_t len)
{
	int err = posix_fadvise(fd, pos, len, POSIX_FADV_DONTNEED);

	if (err)
		die("fadvise: %s", strerror(err));
}

static bool op_drop(void)
{
	uint64_t pos, len;

	if (!pick(max_size, page, max_size, &pos, &len))
		return false;
	note("drop 0x%" PRIx64 " +0x%" PRIx64, pos, len);
	if (rng_below(&rng, 2) && fdatasync(fd))
		refused("fdatasync");
	drop_cache(pos, len);
	return true;
}

static bool op_reopen(void)
{
	note("reopen");
	close_file();
	open_file();
	return true;
}

/* Walks the whole file by SEEK_DATA and SEEK_HOLE: what is said to be a hole must be zero in the model. */
static bool op_seek(void)
{
	off_t pos = 0;
	uint64_t i;

	note("seek");
	while ((uint64_t)pos < size) {
		off_t data = lseek(fd, pos, SEEK_DATA), hole;

		if (data < 0 && errno != ENXIO)
			refused("SEEK_DATA");
		if (data < 0)
			data = size;
		if (data < pos || (uint64_t)data > size)
			bad("SEEK_DATA at 0x%llx says 0x%llx", (long long)pos, (long long)data);
		for (i = pos; i < (uint64_t)data; i++)
			if (model[i])
				bad("SEEK_DATA at 0x%llx says 0x%llx, but there is data at 0x%" PRIx64,
				    (long long)pos, (long long)data, i);
		if ((uint64_t)data == size)
			return true;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			refused("SEEK_HOLE");
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

/* Asks the file system once what it can do, so that an operation that is there must then always work. */
static void probe_ops(void)
{
	struct file_clone_range range = { .src_fd = fd, .src_length = block, .dest_offset = 2 * block };
	unsigned int i;
	int ret;

	if (ftruncate(fd, 4 * block))
		die_errno("%s: truncate", path);
	for (i = 0; i < NR_OPS; i++) {
		if (ops[i].probe_mode == -1)
			continue;
		if (ops[i].probe_mode == -2)
			ret = ioctl(fd, FICLONERANGE, &range);
		else
			ret = fallocate(fd, ops[i].probe_mode, block, block);
		if (ret && errno != EOPNOTSUPP && errno != ENOTTY)
			die_errno("%s: %s", path, ops[i].name);
		ops[i].absent = ret;
	}
	if (ftruncate(fd, 0))
		die_errno("%s: truncate", path);
}

static void verify_all(void)
{
	struct stat st;

	if (fstat(fd, &st))
		die_errno("%s", path);
	if ((uint64_t)st.st_size != size)
		bad("the size is %lld, not %" PRIu64, (long long)st.st_size, size);
	read_and_check(fd, "whole file", 0, max_size);
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

	if (fsync(fd))
		refused("fsync");
	drop_cache(0, 0);
	op_reopen();
	verify_all();
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
	printf("digest 0x%016" PRIx64 "\n", hash);
}

static void change_a_byte(void)
{
	uint8_t byte;

	if (!size && ftruncate(fd, size = 1))
		die_errno("%s: truncate", path);
	byte = model[size / 2] ^ 0x5a;
	xpwrite(fd, &byte, 1, size / 2);
}

int main(int argc, char **argv)
{
	uint64_t nr_ops = 1000, every = 100, corrupt = 0;
	struct statvfs vfs;
	int opt;

	rng.state = 1;
	while ((opt = getopt(argc, argv, "s:n:S:v:a:c:")) != -1) {
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
	scratch = xalloc_pages(max_size);
	probe_ops();

	for (op_number = 1; op_number <= nr_ops; op_number++) {
		if (op_number == corrupt)
			change_a_byte();
		run_one();
		if (every && op_number % every == 0)
			verify_all();
	}
	finish();
	return 0;
}
