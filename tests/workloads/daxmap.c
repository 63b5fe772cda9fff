// SPDX-License-Identifier: GPL-2.0
/*
 * daxmap DIR	map files of DIR, on a file system with fsdax, touch known parts of them, and print what the
 *		process can find out about its mappings and faults from /proc
 *
 * For each mapping:
 *
 *	section NAME start ADDRESS length BYTES ino N reads N writes N
 *	counters pgfault N pgmajfault N thp_file_mapped N minflt N majflt N page_tables_kb N
 *	run ADDRESS PAGES PFN		present pages, of ascending frames (/proc/self/pagemap)
 *	huge ADDRESS END present|zero	what is mapped by huge pages (PAGEMAP_SCAN)
 *	huge unknown			instead, on a kernel before 6.7, which has no PAGEMAP_SCAN
 *	smaps KEY KILOBYTES
 *
 * The counters are differences over the touching alone: pgfault to thp_file_mapped from /proc/vmstat, which are the
 * whole system's, minflt and majflt from getrusage(), page_tables_kb is VmPTE. Nothing but the mapping faults while
 * they are taken, in this process.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE	4096UL
#define HUGE	(2UL << 20)

/* <linux/fs.h> has these from 6.7 on. */
struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN		_IOWR('f', 16, struct scan_arg)
#define IS_PRESENT	(1 << 3)
#define IS_PFNZERO	(1 << 5)
#define IS_HUGE		(1 << 6)
#define REGIONS		1024

/* All mappings are in one GiB, so that none of them needs a page table above the lowest. */
#define ARENA	((char *)(1UL << 40))
#define GIB	(1UL << 30)

struct snapshot {
	uint64_t pgfault, pgmajfault, thp_file_mapped, minflt, majflt, page_tables;
};

static const char *directory;
static char *arena_next = ARENA;
static char text[1 << 16];
static struct scan_region regions[REGIONS];
static char block[1 << 20];

static void slurp(const char *path)
{
	int fd = xopen(path, O_RDONLY);
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	if (got < 0 || len == sizeof(text) - 1)
		die("cannot read %s", path);
	text[len] = 0;
	close(fd);
}

/* The number behind @key at the begin of a line of text. */
static uint64_t value(const char *key)
{
	const char *at = text;
	size_t len = strlen(key);

	while (at && strncmp(at, key, len)) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		die("no '%s'", key);
	return strtoull(at + len, NULL, 10);
}

static void take_vmstat(struct snapshot *s)
{
	slurp("/proc/vmstat");
	s->pgfault = value("pgfault ");
	s->pgmajfault = value("pgmajfault ");
	s->thp_file_mapped = value("thp_file_mapped ");
}

static void take_own(struct snapshot *s)
{
	struct rusage usage;

	slurp("/proc/self/status");
	s->page_tables = value("VmPTE:");
	if (getrusage(RUSAGE_SELF, &usage))
		die_errno("getrusage");
	s->minflt = usage.ru_minflt;
	s->majflt = usage.ru_majflt;
}

static int make(const char *name, off_t size, bool data)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = xopen(path, O_RDWR | O_CREAT);
	if (ftruncate(fd, size) || (data && fallocate(fd, 0, 0, size)))
		die_errno("%s", path);
	for (off_t pos = 0; data && pos < size; pos += sizeof(block))
		xpwrite(fd, block, size - pos < (off_t)sizeof(block) ? (size_t)(size - pos) : sizeof(block), pos);
	fsync(fd);
	return fd;
}

/* @colour pages beside an address that suits huge pages. */
static char *map(int fd, size_t len, int flags, unsigned int colour)
{
	char *at = arena_next + colour * PAGE;

	arena_next = (char *)(((uintptr_t)at + len + HUGE - 1) & ~(HUGE - 1));
	if (arena_next > ARENA + GIB)
		die("the arena is too small");
	if (mmap(at, len, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, fd, 0) != at)
		die_errno("mmap");
	return at;
}

static void print_pages(const char *start, size_t len)
{
	uint64_t entries[512], first = 0, expected = 0, count = 0, i, done;
	int fd = xopen("/proc/self/pagemap", O_RDONLY);
	uintptr_t page = (uintptr_t)start / PAGE, at = 0;

	for (done = 0; done < len / PAGE; done += i) {
		size_t want = len / PAGE - done < 512 ? len / PAGE - done : 512;

		if (pread(fd, entries, want * 8, (page + done) * 8) != (ssize_t)want * 8)
			die_errno("/proc/self/pagemap");
		for (i = 0; i < want; i++) {
			uint64_t pfn = entries[i] & ((1ULL << 55) - 1);
			bool present = entries[i] >> 63;

			if (count && (!present || pfn != expected)) {
				printf("run %#" PRIx64 " %" PRIu64 " %#" PRIx64 "\n", (uint64_t)at * PAGE, count, first);
				count = 0;
			}
			if (present && !count) {
				at = page + done + i;
				first = pfn;
			}
			count += present;
			expected = pfn + 1;
		}
	}
	if (count)
		printf("run %#" PRIx64 " %" PRIu64 " %#" PRIx64 "\n", (uint64_t)at * PAGE, count, first);
	close(fd);
}

static void print_huge(const char *start, size_t len)
{
	struct scan_arg arg = {
		.size = sizeof(arg), .start = (uintptr_t)start, .end = (uintptr_t)start + len,
		.vec = (uintptr_t)regions, .vec_len = REGIONS, .category_mask = IS_HUGE | IS_PRESENT,
		.return_mask = IS_HUGE | IS_PRESENT | IS_PFNZERO,
	};
	int fd = xopen("/proc/self/pagemap", O_RDONLY);
	int found = ioctl(fd, SCAN, &arg);

	if (found < 0 && errno == ENOTTY) {
		puts("huge unknown");
		close(fd);
		return;
	}
	if (found < 0 || arg.walk_end != arg.end)
		die_errno("PAGEMAP_SCAN");
	for (int i = 0; i < found; i++)
		printf("huge %#" PRIx64 " %#" PRIx64 " %s\n", regions[i].start, regions[i].end,
		       regions[i].categories & IS_PFNZERO ? "zero" : "present");
	close(fd);
}

static void print_smaps(const char *start)
{
	static const char *const keys[] = {
		"Rss:", "Shared_Clean:", "Private_Clean:", "Private_Dirty:", "Anonymous:", "FilePmdMapped:", "KernelPageSize:",
		"MMUPageSize:", "THPeligible:",
	};
	char head[32], *at;

	slurp("/proc/self/smaps");
	snprintf(head, sizeof(head), "%lx-", (uintptr_t)start);
	at = !strncmp(text, head, strlen(head)) ? text : NULL;
	if (!at) {
		head[0] = '\n';
		snprintf(head + 1, sizeof(head) - 1, "%lx-", (uintptr_t)start);
		at = strstr(text, head);
	}
	if (!at)
		die("no mapping at %p in smaps", start);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *key = strstr(at, keys[i]);

		if (!key)
			die("no %s in smaps", keys[i]);
		printf("smaps %.*s %llu\n", (int)strlen(keys[i]) - 1, keys[i],
		       strtoull(key + strlen(keys[i]), NULL, 10));
	}
}

/* Reads every @read_step-th unit, then writes every @write_step-th. */
static void section(const char *name, int fd, size_t len, int flags, unsigned int colour, size_t unit,
		    unsigned int read_step, unsigned int write_step)
{
	volatile char *at = map(fd, len, flags, colour);
	uint64_t reads = 0, writes = 0, step;
	struct snapshot before, after;
	struct stat status;

	fstat(fd, &status);
	take_vmstat(&before);
	take_own(&before);
	for (step = 0; read_step && step < len / unit; step += read_step, reads++)
		(void)at[step * unit + 8];
	for (step = 0; write_step && step < len / unit; step += write_step, writes++)
		at[step * unit + 16] = 'w';
	take_own(&after);
	take_vmstat(&after);
	printf("section %s start %#lx length %zu ino %lu reads %" PRIu64 " writes %" PRIu64 "\n", name, (uintptr_t)at,
	       len, (unsigned long)status.st_ino, reads, writes);
	printf("counters pgfault %" PRIu64 " pgmajfault %" PRIu64 " thp_file_mapped %" PRIu64 " minflt %" PRIu64
	       " majflt %" PRIu64 " page_tables_kb %" PRIu64 "\n",
	       after.pgfault - before.pgfault, after.pgmajfault - before.pgmajfault,
	       after.thp_file_mapped - before.thp_file_mapped, after.minflt - before.minflt,
	       after.majflt - before.majflt, after.page_tables - before.page_tables);
	print_pages((char *)at, len);
	print_huge((char *)at, len);
	print_smaps((char *)at);
}

int main(int argc, char **argv)
{
	static char out[1 << 20];
	struct snapshot warm;
	int small, huge;

	if (argc != 2)
		die("usage: daxmap DIR");
	directory = argv[1];
	memset(block, 'd', sizeof(block));
	memset(text, 1, sizeof(text));
	memset(regions, 1, sizeof(regions));
	memset(out, 1, sizeof(out));
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	take_vmstat(&warm);
	take_own(&warm);
	/* The page tables above those that the mappings have each for itself. */
	*map(-1, PAGE, MAP_PRIVATE | MAP_ANONYMOUS, 0) = 1;

	small = make("small", 1000 * PAGE, true);
	huge = make("huge", 20 * HUGE, true);
	section("small", small, 1000 * PAGE, MAP_SHARED, 1, PAGE, 1, 3);
	section("small_aligned", small, 1000 * PAGE, MAP_SHARED, 0, PAGE, 2, 0);
	section("huge", huge, 20 * HUGE, MAP_SHARED, 0, HUGE, 2, 3);
	section("huge_every_page", huge, 4 * HUGE, MAP_SHARED, 0, PAGE, 1, 1);
	section("huge_as_small", huge, 3 * HUGE, MAP_SHARED, 7, PAGE, 5, 7);
	section("hole", make("hole", 4 * HUGE, false), 4 * HUGE, MAP_SHARED, 3, PAGE, 9, 0);
	section("huge_hole", make("huge_hole", 8 * HUGE, false), 8 * HUGE, MAP_SHARED, 0, HUGE, 1, 0);
	section("allocated", make("allocated", 3 * HUGE, false), 3 * HUGE, MAP_SHARED, 3, PAGE, 0, 7);
	section("huge_allocated", make("huge_allocated", 6 * HUGE, false), 6 * HUGE, MAP_SHARED, 0, HUGE, 0, 1);
	section("hole_then_written", make("hole_then_written", HUGE, false), HUGE, MAP_SHARED, 1, PAGE, 2, 3);
	/* Not both on one page: the copy of a page that is mapped is not made by fsdax. */
	section("private_read", small, 1000 * PAGE, MAP_PRIVATE, 2, PAGE, 3, 0);
	section("private_written", small, 1000 * PAGE, MAP_PRIVATE, 2, PAGE, 0, 2);
	section("private_hole", make("private_hole", HUGE, false), HUGE, MAP_PRIVATE, 0, PAGE, 0, 4);
	return 0;
}
