// SPDX-License-Identifier: GPL-2.0
/*
 * bench --list
 * bench DIRECTORIES WORKLOAD...
 *
 * Instructions per operation, in a guest whose clock counts instructions (QEMU's -icount shift=0). DIRECTORIES are where the file
 * systems are mounted: --ram DIR, --dax DIR. Prints one JSON object a workload, a failed one included. tests/perf/run is
 * the way to call it, docs/perf.md tells what the figures mean.
 *
 * A round is n operations. It begins right after a tick of the timer, with nothing else left to run, and is sized to end
 * before the next one, so that it holds the operations and nothing else. After a warm-up, rounds are repeated until the two
 * cheapest agree to AGREE; the cheapest is the result.
 *
 * A new workload is a run function and a row of the table. Each runs in a process of its own, in an empty directory
 * on the file system that it asks for; whatever goes wrong in it is fatal to it alone.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK		4096
#define FILE_SIZE	(4 << 20)
#define BIG_WRITE	(1 << 20)
#define EXTENTS		1000
#define UNSHARE_LEN	(64 << 10)
#define ALIGN		(4 << 20)	/* at least two huge pages */

#define AGREE		1000		/* the two cheapest rounds differ by at most 1/AGREE */
#define MIN_ROUNDS	16
#define MAX_ROUNDS	64

enum place { RAM, DAX, PLACES };
static const char * const place_options[PLACES] = { "--ram", "--dax" };

struct workload {
	const char *name;
	enum place place;
	unsigned int n;			/* operations a round: 2 to 3 million instructions on a stock kernel */
	void (*setup)(void);		/* once */
	void (*prepare)(void);		/* before each round, not measured */
	void (*run)(unsigned int n);	/* measured */
};

/* What the set-up leaves for the rounds: the file that they work on, and memory. */
static int fd, source;
static char *memory, *map;
static struct fiemap *fiemap;

static off_t block_at(unsigned int i)
{
	return (off_t)i % (FILE_SIZE / BLOCK) * BLOCK;
}

/* Set-ups: "file" is written and on the device, memory holds one BIG_WRITE. */

static int written_file(const char *name, int flags)
{
	int file = xopen(name, O_RDWR | O_CREAT | O_TRUNC);
	size_t pos;

	if (fallocate(file, 0, 0, FILE_SIZE))
		die_errno("%s: fallocate", name);
	for (pos = 0; pos < FILE_SIZE; pos += BIG_WRITE)
		xpwrite(file, memory, BIG_WRITE, pos);
	if (fsync(file))
		die_errno("%s: fsync", name);
	close(file);
	return xopen(name, O_RDWR | flags);
}

static void setup_file(void)
{
	fd = written_file("file", 0);
}

static void setup_direct(void)
{
	fd = written_file("file", O_DIRECT);
}

static void setup_extents(void)
{
	unsigned int i;

	fd = xopen("file", O_RDWR | O_CREAT | O_TRUNC);
	if (ftruncate(fd, EXTENTS * 2 * BLOCK))
		die_errno("size");
	for (i = 0; i < EXTENTS; i++)
		xpwrite(fd, memory, BLOCK, (off_t)i * 2 * BLOCK);
	if (fsync(fd))
		die_errno("fsync");
	fiemap = calloc(1, sizeof(*fiemap) + EXTENTS * sizeof(fiemap->fm_extents[0]));
	if (!fiemap)
		die_errno("memory");
}

/* A mapping of the file whose address is the file's position plus @skew, modulo the size of a huge page. */
static void map_file(size_t skew)
{
	char *room = mmap(NULL, FILE_SIZE + 2 * ALIGN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		die_errno("address space");
	room = (char *)(((uintptr_t)room + ALIGN - 1) / ALIGN * ALIGN + skew);
	map = mmap(room, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (map == MAP_FAILED)
		die_errno("mmap");
}

static void setup_mapped(void)
{
	setup_file();
	map_file(0);
}

static void setup_mapped_by_pages(void)
{
	setup_file();
	map_file(BLOCK);
}

static void setup_unshare(void)
{
	source = written_file("source", 0);
	fd = xopen("file", O_RDWR | O_CREAT | O_TRUNC);
}

/* Preparations. */

static void clean(void)
{
	if (fdatasync(fd))
		die_errno("fdatasync");
}

static void drop_cache(void)
{
	int err;

	clean();
	err = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (err) {
		errno = err;
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
		if (pwrite(fd, memory, BLOCK, block_at(i)) != BLOCK)
			die_errno("pwrite");
}

static void run_read(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (pread(fd, memory, BLOCK, block_at(i)) != BLOCK)
			die_errno("pread");
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

static void write_and_writeback(off_t pos, size_t len)
{
	if (pwrite(fd, memory, len, pos) != (ssize_t)len)
		die_errno("pwrite");
	if (sync_file_range(fd, pos, len, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER))
		die_errno("sync_file_range");
}

/* Copying is nine tenths of it. */
static void run_write_writeback(unsigned int n)
{
	while (n--)
		write_and_writeback(0, BIG_WRITE);
}

static void run_writeback_4k(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		write_and_writeback(block_at(i), BLOCK);
}

static void run_unshare(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (fallocate(fd, FALLOC_FL_UNSHARE_RANGE, (off_t)i * UNSHARE_LEN, UNSHARE_LEN))
			die_errno("FALLOC_FL_UNSHARE_RANGE");
}

/* No round may go over a file's end: n is at most FILE_SIZE / BLOCK where each block can be used once, such as for faults. */
static const struct workload workloads[] = {
	{ "seek",		RAM, 2500,	setup_file,		NULL,		run_seek },
	{ "fiemap",		RAM, 1,		setup_extents,		NULL,		run_fiemap },
	{ "overwrite",		RAM, 700,	setup_file,		NULL,		run_write },
	{ "cached_read",	RAM, 1200,	setup_file,		NULL,		run_read },
	{ "ram_read",		RAM, 768,	setup_file,		drop_cache,	run_read },
	{ "mkwrite",		RAM, 768,	setup_mapped,		clean,		run_write_fault },
	{ "write_writeback",	RAM, 6,		setup_file,		NULL,		run_write_writeback },
	{ "writeback_4k",	RAM, 200,	setup_file,		NULL,		run_writeback_4k },
	{ "dio_read_4k",	RAM, 450,	setup_direct,		NULL,		run_read },
	{ "dio_write_4k",	RAM, 400,	setup_direct,		NULL,		run_write },
	{ "dax_fault_pte",	DAX, 512,	setup_mapped_by_pages,	unmap_pages,	run_read_fault },
	{ "unshare",		RAM, 20,	setup_unshare,		reflink,	run_unshare },
};

#define COUNT ((int)(sizeof(workloads) / sizeof(workloads[0])))

/* The measurement. */

/* Counts one a nanosecond of guest time, which is one an instruction, without a system call and without calibration. */
static inline uint64_t now(void)
{
	return __builtin_ia32_rdtsc();
}

/* The number of the timer's tick: a clock that moves at ticks only. */
static uint64_t tick_now(void)
{
	static struct timespec tick;
	struct timespec ts;

	if (!tick.tv_nsec)
		clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (ts.tv_sec * 1000000000ULL + ts.tv_nsec) / tick.tv_nsec;
}

/* Returns right after a tick. The sleep lets everything run that was put off: RCU callbacks, workers, timers. */
static void await_tick(void)
{
	const struct timespec rest = { .tv_nsec = 20000000 };
	uint64_t before;

	nanosleep(&rest, NULL);
	before = tick_now();
	while (tick_now() == before)
		;
}

/* Nothing runs but this while it can, and it runs as soon as it can: no round depends on what the scheduler thinks of it. */
static void be_first(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		die_errno("sched_setscheduler");
}

/* 200,000 instructions must be that: anything else is another clock, and no figure means anything. */
static void check_clock(void)
{
	uint64_t begin, taken;
	unsigned long count = 100000;

	await_tick();
	begin = now();
	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (count) : : "cc");
	taken = now() - begin;
	if (taken < 199000 || taken > 201000)
		die("the clock does not count instructions: 200,000 of them are %" PRIu64, taken);
}

struct result {
	uint64_t best, second;
	uint64_t taken[MAX_ROUNDS];
	unsigned int rounds, ticks;	/* ticks in the cheapest round */
};

static bool settled(const struct result *r)
{
	return r->rounds >= MIN_ROUNDS && (r->second - r->best) * AGREE <= r->best;
}

/* Tells QEMU's plugin (tests/perf/insns.c) that a round begins or ends: an instruction that does nothing. */
#define MARK_BEGIN	"0x0162696f"
#define MARK_END	"0x0262696f"
#define MARK(which)	asm volatile(".byte 0x0f, 0x1f, 0x80; .long " which : : : "memory")

static uint64_t one_round(const struct workload *w, unsigned int *ticks)
{
	uint64_t begin, end, tick;

	if (w->prepare)
		w->prepare();
	await_tick();
	tick = tick_now();
	MARK(MARK_BEGIN);
	begin = now();
	w->run(w->n);
	end = now();
	MARK(MARK_END);
	*ticks = tick_now() - tick;
	return end - begin;
}

static void measure(const struct workload *w, struct result *r)
{
	unsigned int ticks;

	w->setup();
	one_round(w, &ticks);
	*r = (struct result){ .best = UINT64_MAX, .second = UINT64_MAX };
	while (!settled(r) && r->rounds < MAX_ROUNDS) {
		uint64_t taken = one_round(w, &ticks);

		r->taken[r->rounds++] = taken;
		if (taken < r->best) {
			r->second = r->best;
			r->best = taken;
			r->ticks = ticks;
		} else if (taken < r->second) {
			r->second = taken;
		}
	}
}

static void work(const struct workload *w, const char *dir)
{
	struct result r;
	unsigned int i;

	if (!dir)
		die("needs %s DIR", place_options[w->place]);
	if (chdir(dir))
		die_errno("%s", dir);
	if (mkdir(w->name, 0755) || chdir(w->name))
		die_errno("%s/%s", dir, w->name);
	memory = xalloc_pages(BIG_WRITE);
	memset(memory, 'x', BIG_WRITE);
	measure(w, &r);
	printf("{\"workload\": \"%s\", \"n\": %u, \"instructions\": %.3f, \"settled\": %s, \"ticks\": %u, \"rounds\": [",
	       w->name, w->n, (double)r.best / w->n, settled(&r) ? "true" : "false", r.ticks);
	for (i = 0; i < r.rounds; i++)
		printf("%s%" PRIu64, i ? ", " : "", r.taken[i]);
	printf("]}\n");
	fflush(stdout);
}

static void print_error(const struct workload *w, const char *text)
{
	printf("{\"workload\": \"%s\", \"error\": \"", w->name);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	printf("\"}\n");
	fflush(stdout);
}

/* Runs one workload in a process of its own; what it says on stderr is its error. */
static void run_workload(const struct workload *w, const char *dir)
{
	char text[512];
	size_t used = 0;
	ssize_t got;
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes))
		die_errno("pipe");
	pid = fork();
	if (pid < 0)
		die_errno("fork");
	if (!pid) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		work(w, dir);
		exit(0);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], text + used, sizeof(text) - 1 - used)) > 0)
		used += got;
	text[used] = 0;
	while (used && text[used - 1] == '\n')
		text[--used] = 0;
	close(pipes[0]);
	if (waitpid(pid, &status, 0) != pid)
		die_errno("waitpid");
	if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "killed by signal %d", WTERMSIG(status));
		print_error(w, text);
	} else if (WEXITSTATUS(status)) {
		print_error(w, text);
	}
}

int main(int argc, char **argv)
{
	const char *dirs[PLACES] = { NULL };
	int arg, i;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (i = 0; i < COUNT; i++)
			printf("%s\n", workloads[i].name);
		return 0;
	}
	for (arg = 1; arg + 1 < argc && argv[arg][0] == '-'; arg += 2) {
		for (i = 0; i < PLACES && strcmp(argv[arg], place_options[i]); i++)
			;
		if (i == PLACES)
			die("unknown option '%s'", argv[arg]);
		dirs[i] = argv[arg + 1];
	}
	if (arg >= argc)
		die("needs workloads; --list prints them");
	be_first();
	check_clock();
	for (; arg < argc; arg++) {
		for (i = 0; i < COUNT && strcmp(argv[arg], workloads[i].name); i++)
			;
		if (i == COUNT)
			die("unknown workload '%s'", argv[arg]);
		run_workload(&workloads[i], dirs[workloads[i].place]);
	}
	return 0;
}
