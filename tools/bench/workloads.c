// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/workloads.h"

#define BLOCK		4096
#define FILE_SIZE	(4 << 20)
#define FILE_BLOCKS	(FILE_SIZE / BLOCK)
#define BIG		(1 << 20)
#define EXTENTS		1000
#define UNSHARE_LEN	(64 << 10)
#define READAHEAD_LEN	(64 << 10)	/* the kernel reads no more at once than the device takes as one request: 124 KiB of brd */
#define AIO_DEPTH	32
#define HUGE		(2 << 20)
#define HUGE_FILE	(32 << 20)
#define HUGE_MAPS	32		/* of the same file: so many faults do not need a large one */
#define ALIGN		(4 << 20)	/* at least two huge pages */

/* What the set-up leaves for the rounds: the file that they work on, and memory. */
static int fd, source;
static char *memory, *map;
static struct fiemap *fiemap;
static unsigned short shuffled[FILE_BLOCKS / 2];
static aio_context_t aio;
static struct iocb iocbs[AIO_DEPTH];
static char *huge_map[HUGE_MAPS];

static void message(const char *format, va_list args, int error)
{
	vfprintf(stderr, format, args);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args, 0);
	va_end(args);
	_exit(1);
}

void die_errno(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	message(format, args, error);
	va_end(args);
	_exit(1);
}

static int open_file(const char *name, int flags)
{
	int file = open(name, O_RDWR | O_CLOEXEC | flags, 0600);

	if (file < 0)
		die_errno("%s: open", name);
	return file;
}

static void write_all(int file, size_t len, off_t pos)
{
	ssize_t done = pwrite(file, memory, len, pos);

	if (done < 0)
		die_errno("pwrite");
	if (done != (ssize_t)len)
		die("pwrite: %zd bytes of %zu", done, len);
}

static off_t block_at(unsigned int i)
{
	return (off_t)i % FILE_BLOCKS * BLOCK;
}

/* Set-ups: "file" is written and on the device, memory holds one BIG. */

static void fill(int file, size_t size)
{
	size_t pos;

	if (fallocate(file, 0, 0, size))
		die_errno("fallocate");
	for (pos = 0; pos < size; pos += BIG)
		write_all(file, BIG, pos);
	if (fsync(file))
		die_errno("fsync");
}

static int written_file(const char *name, int flags)
{
	int file = open_file(name, O_CREAT | O_TRUNC);

	fill(file, FILE_SIZE);
	close(file);
	return open_file(name, flags);
}

static void setup_file(void)
{
	fd = written_file("file", 0);
}

static void setup_direct(void)
{
	fd = written_file("file", O_DIRECT);
}

static void setup_empty(void)
{
	fd = open_file("file", O_CREAT | O_TRUNC);
}

static void setup_extents(void)
{
	unsigned int i;

	setup_empty();
	if (ftruncate(fd, EXTENTS * 2 * BLOCK))
		die_errno("size");
	for (i = 0; i < EXTENTS; i++)
		write_all(fd, BLOCK, (off_t)i * 2 * BLOCK);
	if (fsync(fd))
		die_errno("fsync");
	fiemap = calloc(1, sizeof(*fiemap) + EXTENTS * sizeof(fiemap->fm_extents[0]));
	if (!fiemap)
		die_errno("memory");
}

/* A mapping of the file whose address is the file's position plus @skew, modulo the size of a huge page. */
static char *map_file(size_t size, size_t skew)
{
	char *room = mmap(NULL, size + 2 * ALIGN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *at;

	if (room == MAP_FAILED)
		die_errno("address space");
	room = (char *)(((uintptr_t)room + ALIGN - 1) / ALIGN * ALIGN + skew);
	at = mmap(room, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (at == MAP_FAILED)
		die_errno("mmap");
	return at;
}

static void setup_mapped(void)
{
	setup_file();
	map = map_file(FILE_SIZE, 0);
}

static void setup_unshare(void)
{
	source = written_file("source", 0);
	setup_empty();
}

/* Every second block, in the same random order each time: whatever becomes one piece of I/O is one block. */
static void setup_shuffled(void)
{
	uint32_t state = 1;
	unsigned int i;

	setup_file();
	for (i = 0; i < FILE_BLOCKS / 2; i++)
		shuffled[i] = 2 * i;
	for (i = FILE_BLOCKS / 2 - 1; i; i--) {
		unsigned int j;
		unsigned short block;

		state = state * 1664525 + 1013904223;
		j = (state >> 8) % (i + 1);
		block = shuffled[i];
		shuffled[i] = shuffled[j];
		shuffled[j] = block;
	}
}

static void setup_aio(void)
{
	unsigned int i;

	setup_direct();
	if (syscall(SYS_io_setup, AIO_DEPTH, &aio))
		die_errno("io_setup");
	for (i = 0; i < AIO_DEPTH; i++) {
		iocbs[i] = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = fd, .aio_nbytes = BLOCK,
					  .aio_buf = (uintptr_t)memory + i * BLOCK };
	}
}

/* The device mapper says of its devices what they are called. */
static void setup_mirror(void)
{
	char path[64];
	struct stat st;

	setup_direct();
	if (fstat(fd, &st))
		die_errno("fstat");
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/name", major(st.st_dev), minor(st.st_dev));
	if (access(path, R_OK))
		die("files here are not on a device of the device mapper: mount a file system that is on a mirror");
}

static void check_dax(void)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx))
		die_errno("statx");
	if (!(stx.stx_attributes & STATX_ATTR_DAX))
		die("files here are not served by fsdax: mount the file system with dax=always");
}

static void setup_dax(void)
{
	setup_file();
	check_dax();
}

static void setup_dax_small(void)
{
	setup_dax();
	map = map_file(FILE_SIZE, BLOCK);
}

static void unmap_huge(void)
{
	unsigned int i;

	for (i = 0; i < HUGE_MAPS; i++) {
		if (madvise(huge_map[i], HUGE_FILE, MADV_DONTNEED))
			die_errno("madvise");
	}
}

/* One fault maps all of a huge page, or it is none. */
static void check_huge(const char *at)
{
	struct rusage before, after;
	long faults;
	size_t pos;

	getrusage(RUSAGE_SELF, &before);
	for (pos = 0; pos < HUGE_FILE; pos += HUGE / 2)
		(void)*(volatile const char *)(at + pos);
	getrusage(RUSAGE_SELF, &after);
	faults = after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
	if (faults != HUGE_FILE / HUGE)
		die("%ld faults for %d huge pages: the file's extents are not aligned to 2 MiB, as with mkfs.xfs -d su=2m,sw=1",
		    faults, HUGE_FILE / HUGE);
}

static void setup_dax_huge(void)
{
	struct fsxattr attr;
	unsigned int i;

	setup_empty();
	check_dax();
	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr))
		die_errno("FS_IOC_FSGETXATTR");
	attr.fsx_xflags |= FS_XFLAG_EXTSIZE;
	attr.fsx_extsize = HUGE;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &attr))
		die_errno("an extent size of 2 MiB by FS_IOC_FSSETXATTR");
	fill(fd, HUGE_FILE);
	for (i = 0; i < HUGE_MAPS; i++)
		huge_map[i] = map_file(HUGE_FILE, 0);
	check_huge(huge_map[0]);
	unmap_huge();
}

/* Preparations. */

static void clean(void)
{
	if (fdatasync(fd))
		die_errno("fdatasync");
}

/* The log as well: how full it is decides how much of it a transaction has to write. */
static void clean_all(void)
{
	if (syncfs(fd))
		die_errno("syncfs");
}

static void drop_cache(void)
{
	int error;

	clean();
	error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (error) {
		errno = error;
		die_errno("posix_fadvise");
	}
}

static void unmap_pages(void)
{
	if (madvise(map, FILE_SIZE, MADV_DONTNEED))
		die_errno("madvise");
}

static void reflink(void)
{
	/* What is given back must be free again before it is asked for: the same blocks each time. */
	if (ftruncate(fd, 0) || syncfs(fd))
		die_errno("truncate");
	if (ioctl(fd, FICLONE, source) || syncfs(fd))
		die_errno("reflink");
}

static void empty(void)
{
	if (ftruncate(fd, 0))
		die_errno("ftruncate");
	clean();
}

/* The operations. */

static void run_seek(unsigned int n)
{
	while (n--)
		if (lseek(fd, 0, SEEK_DATA))
			die_errno("SEEK_DATA");
}

static void run_fiemap(unsigned int n)
{
	while (n--) {
		fiemap->fm_length = FIEMAP_MAX_OFFSET;
		fiemap->fm_extent_count = EXTENTS;
		if (ioctl(fd, FS_IOC_FIEMAP, fiemap))
			die_errno("FIEMAP");
		if (fiemap->fm_mapped_extents != EXTENTS)
			die("%u extents in place of %d", fiemap->fm_mapped_extents, EXTENTS);
	}
}

static void run_write(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		write_all(fd, BLOCK, block_at(i));
}

/* From the beginning on, beyond the end of a file that is empty. */
static void run_append(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		write_all(fd, BLOCK, (off_t)i * BLOCK);
}

static void read_all(size_t len, off_t pos)
{
	if (pread(fd, memory, len, pos) != (ssize_t)len)
		die_errno("pread");
}

static void run_read(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		read_all(BLOCK, block_at(i));
}

static void run_big_write(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		write_all(fd, BIG, (off_t)i * BIG % FILE_SIZE);
}

static void run_big_read(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		read_all(BIG, (off_t)i * BIG % FILE_SIZE);
}

/* A page that is still being read cannot be dropped, so what was read ahead is waited for. */
static void read_and_drop(void)
{
	off_t pos;

	for (pos = 0; pos < FILE_SIZE; pos += BIG)
		read_all(BIG, pos);
	drop_cache();
}

static void run_readahead(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (readahead(fd, (off_t)i * READAHEAD_LEN, READAHEAD_LEN))
			die_errno("readahead");
}

static void run_aio_read(unsigned int n)
{
	unsigned int done, i, batch;

	for (done = 0; done < n; done += batch) {
		struct iocb *list[AIO_DEPTH];
		struct io_event events[AIO_DEPTH];

		batch = n - done < AIO_DEPTH ? n - done : AIO_DEPTH;
		for (i = 0; i < batch; i++) {
			iocbs[i].aio_offset = block_at(done + i);
			list[i] = &iocbs[i];
		}
		if (syscall(SYS_io_submit, aio, batch, list) != batch)
			die_errno("io_submit");
		if (syscall(SYS_io_getevents, aio, batch, batch, events, NULL) != batch)
			die_errno("io_getevents");
		for (i = 0; i < batch; i++) {
			if (events[i].res != BLOCK)
				die("a read by io_submit() returned %lld", (long long)events[i].res);
		}
	}
}

static void run_write_fault(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		*(volatile char *)(map + block_at(i)) = 1;
}

static void run_read_fault(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		(void)*(volatile char *)(map + block_at(i));
}

static void run_huge_fault(unsigned int n)
{
	unsigned int i, each = HUGE_FILE / HUGE;

	for (i = 0; i < n; i++)
		(void)*(volatile char *)(huge_map[i / each] + (size_t)(i % each) * HUGE);
}

static void writeback(off_t pos, size_t len)
{
	if (sync_file_range(fd, pos, len, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
		die_errno("sync_file_range");
}

/* Copying is nine tenths of it. */
static void run_write_writeback(unsigned int n)
{
	while (n--) {
		write_all(fd, BIG, 0);
		writeback(0, BIG);
	}
}

static void run_writeback_4k(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		write_all(fd, BLOCK, block_at(i));
		writeback(block_at(i), BLOCK);
	}
}

static void run_writeback_random(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		write_all(fd, BLOCK, (off_t)shuffled[i] * BLOCK);
	writeback(0, FILE_SIZE);
}

static void run_unshare(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (fallocate(fd, FALLOC_FL_UNSHARE_RANGE, (off_t)i * UNSHARE_LEN, UNSHARE_LEN))
			die_errno("FALLOC_FL_UNSHARE_RANGE");
}

static void run_zero_range(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, block_at(i) + 512, 1024))
			die_errno("FALLOC_FL_PUNCH_HOLE");
}

static void run_truncate(unsigned int n)
{
	while (n--)
		if (ftruncate(fd, FILE_SIZE - 3000) || ftruncate(fd, FILE_SIZE - 1000))
			die_errno("ftruncate");
}

/* Where each block, or page, can be used once, as by faults, n is at most as many as there are. */
const struct workload workloads[WORKLOAD_COUNT] = {
	[WORKLOAD_seek]			= { PLACE_ANY, 2500, setup_file,	NULL,		run_seek },
	[WORKLOAD_fiemap]		= { PLACE_ANY, 1,	setup_extents,	NULL,		run_fiemap },
	[WORKLOAD_overwrite]		= { PLACE_ANY, 700,	setup_file,	NULL,		run_write },
	[WORKLOAD_cached_read]		= { PLACE_ANY, 1200, setup_file,	NULL,		run_read },
	[WORKLOAD_ram_read]		= { PLACE_ANY, 768,	setup_file,	drop_cache,	run_read },
	[WORKLOAD_mkwrite]		= { PLACE_ANY, 768,	setup_mapped,	clean,		run_write_fault },
	[WORKLOAD_write_writeback]	= { PLACE_ANY, 6,	setup_file,	NULL,		run_write_writeback },
	[WORKLOAD_writeback_4k]		= { PLACE_ANY, 200,	setup_file,	NULL,		run_writeback_4k },
	[WORKLOAD_dio_read_4k]		= { PLACE_ANY, 450,	setup_direct,	NULL,		run_read },
	[WORKLOAD_dio_write_4k]		= { PLACE_ANY, 400,	setup_direct,	NULL,		run_write },
	[WORKLOAD_dax_fault_pte]	= { PLACE_DAX, 512,	setup_dax_small, unmap_pages,	run_read_fault },
	[WORKLOAD_unshare]		= { PLACE_ANY, 20,	setup_unshare,	reflink,	run_unshare },
	[WORKLOAD_readahead]		= { PLACE_ANY, 48,	setup_file,	read_and_drop,	run_readahead },
	[WORKLOAD_append]		= { PLACE_ANY, 500,	setup_empty,	empty,		run_append },
	[WORKLOAD_zero_range]		= { PLACE_ANY, 200,	setup_file,	clean,		run_zero_range },
	[WORKLOAD_truncate]		= { PLACE_ANY, 45,	setup_file,	clean_all,	run_truncate },
	[WORKLOAD_writeback_random]	= { PLACE_ANY, 400,	setup_shuffled,	NULL,		run_writeback_random },
	[WORKLOAD_dio_read_1m]		= { PLACE_ANY, 6,	setup_direct,	NULL,		run_big_read },
	[WORKLOAD_dio_write_1m]		= { PLACE_ANY, 6,	setup_direct,	NULL,		run_big_write },
	[WORKLOAD_aio_read_32]		= { PLACE_ANY, 12 * AIO_DEPTH, setup_aio, NULL,	run_aio_read },
	[WORKLOAD_dax_read]		= { PLACE_DAX, 1000,	setup_dax,	NULL,		run_read },
	[WORKLOAD_dax_write]		= { PLACE_DAX, 700,	setup_dax,	NULL,		run_write },
	[WORKLOAD_dax_fault_pmd]	= { PLACE_DAX, 512,	setup_dax_huge,	unmap_huge,	run_huge_fault },
	[WORKLOAD_mirror_write_4k]	= { PLACE_MIRROR, 100, setup_mirror,	NULL,		run_write },
};

void workload_directory(const char *path)
{
	if (mkdir(path, 0700) || chdir(path))
		die_errno("%s", path);
}

void workload_enter(const struct workload *workload, const char *directory)
{
	workload_directory(directory);
	memory = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die_errno("memory");
	memset(memory, 'x', BIG);
	workload->setup();
}
