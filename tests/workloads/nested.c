// SPDX-License-Identifier: GPL-2.0
/*
 * nested [-t THREADS] [-n WRITES] DIRECTORY
 *
 * Operations inside operations: each thread write()s from a mapping of a file on the same file system whose
 * pages are not in memory, so that the page fault inside the write does lookups of its own. Meanwhile the
 * main thread moves the threads from CPU to CPU. Half of the writes overwrite a file of which nothing is in
 * memory either, so that they read before they write.
 * Prints "writes N".
 */
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK	32768
#define UNALIGN	100	/* makes a write partial pages, which have to be read first */

static uint64_t writes = 100;
static const char *dir;
static atomic_uint running;

struct worker {
	pthread_t thread;
	unsigned int number;
};

static void drop(int fd)
{
	int err;

	if (fsync(fd))
		die_errno("fsync");
	err = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (err)
		die("fadvise: %s", strerror(err));
}

static int new_file(const char *kind, unsigned int number)
{
	char path[PATH_MAX], data[CHUNK];
	unsigned int i;
	int fd;

	snprintf(path, sizeof(path), "%s/nested-%s-%u", dir, kind, number);
	fd = xopen(path, O_RDWR | O_CREAT | O_TRUNC);
	for (i = 0; i < 4; i++) {
		memset(data, 'a' + (number + i) % 26, sizeof(data));
		xpwrite(fd, data, sizeof(data), (off_t)i * CHUNK);
	}
	return fd;
}

static void *work(void *arg)
{
	struct worker *self = arg;
	int from = new_file("from", self->number), to = new_file("to", self->number);
	uint64_t i;

	for (i = 0; i < writes; i++) {
		off_t pos = (off_t)(i % 4) * CHUNK;
		char *map;

		drop(from);
		if (i % 2)
			drop(to);
		map = mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, from, pos);
		if (map == MAP_FAILED)
			die_errno("mmap");
		xpwrite(to, map, CHUNK - UNALIGN, pos + UNALIGN);
		munmap(map, CHUNK);
	}
	close(from);
	close(to);
	running--;
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t threads = 8, i, turn = 0;
	struct worker *workers;
	cpu_set_t all;
	int opt, cpus;

	while ((opt = getopt(argc, argv, "t:n:")) != -1) {
		if (opt == 't')
			threads = parse_number("-t", optarg);
		else if (opt == 'n')
			writes = parse_number("-n", optarg);
		else
			die("needs [-t THREADS] [-n WRITES] DIRECTORY");
	}
	if (optind != argc - 1 || !threads)
		die("needs one directory and at least one thread");
	dir = argv[optind];
	if (sched_getaffinity(0, sizeof(all), &all))
		die_errno("CPUs");
	cpus = CPU_COUNT(&all);

	workers = calloc(threads, sizeof(*workers));
	if (!workers)
		die_errno("%" PRIu64 " threads", threads);
	running = threads;
	for (i = 0; i < threads; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("thread %" PRIu64 " does not start", i);
	}
	while (running) {
		for (i = 0; i < threads && cpus > 1; i++) {
			int nth = (turn + i) % cpus, cpu = -1;
			cpu_set_t one;

			do {
				cpu++;
				nth -= CPU_ISSET(cpu, &all);
			} while (nth >= 0);
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			/* Fails for a thread that has ended: no matter. */
			pthread_setaffinity_np(workers[i].thread, sizeof(one), &one);
		}
		turn++;
		usleep(500);
	}
	for (i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	printf("writes %" PRIu64 "\n", threads * writes);
	return 0;
}
