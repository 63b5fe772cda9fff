// SPDX-License-Identifier: GPL-2.0
/*
 * seek [-n COUNT] [-t THREADS] [-c CPU] [-o OFFSET] [-H] FILE
 *
 * Each thread calls lseek(SEEK_DATA) (SEEK_HOLE with -H) COUNT times at OFFSET, through a file of its own.
 * Each call is one lookup as long as the answer lies at OFFSET. Prints the number of calls done.
 */
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t count = 1;
static off_t offset;
static int whence = SEEK_DATA;
static const char *path;

static void *worker(void *arg)
{
	int fd = xopen(path, O_RDONLY);
	uint64_t i;

	for (i = 0; i < count; i++)
		if (lseek(fd, offset, whence) != offset)
			die_errno("%s: nothing to be found at %lld", path, (long long)offset);
	close(fd);
	return arg;
}

int main(int argc, char **argv)
{
	uint64_t threads = 1, i;
	pthread_t *tids;
	int opt;

	while ((opt = getopt(argc, argv, "n:t:c:o:H")) != -1) {
		cpu_set_t cpus;

		switch (opt) {
		case 'n':
			count = parse_number("-n", optarg);
			break;
		case 't':
			threads = parse_number("-t", optarg);
			break;
		case 'c':
			CPU_ZERO(&cpus);
			CPU_SET(parse_number("-c", optarg), &cpus);
			if (sched_setaffinity(0, sizeof(cpus), &cpus))
				die_errno("CPU %s", optarg);
			break;
		case 'o':
			offset = parse_number("-o", optarg);
			break;
		case 'H':
			whence = SEEK_HOLE;
			break;
		default:
			die("see the head of seek.c for the options");
		}
	}
	if (optind != argc - 1 || !threads)
		die("needs one file and at least one thread");
	path = argv[optind];

	if (threads == 1) {
		worker(NULL);
		printf("%" PRIu64 "\n", count);
		return 0;
	}
	tids = calloc(threads, sizeof(*tids));
	if (!tids)
		die_errno("%" PRIu64 " threads", threads);
	for (i = 0; i < threads; i++)
		if (pthread_create(&tids[i], NULL, worker, NULL))
			die("thread %" PRIu64 " does not start", i);
	for (i = 0; i < threads; i++)
		pthread_join(tids[i], NULL);
	printf("%" PRIu64 "\n", count * threads);
	return 0;
}
