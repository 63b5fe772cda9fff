/* SPDX-License-Identifier: GPL-2.0 */
/* Where a measurement was made, as far as this machine tells. */
#ifndef IOMAPSCOPE_BENCH_ENVIRONMENT_H
#define IOMAPSCOPE_BENCH_ENVIRONMENT_H

#include <time.h>
#include <sys/utsname.h>
#include <linux/types.h>

#define MITIGATIONS_MAX 64

/* What is unknown is an empty text, or below 0. */
struct environment {
	struct utsname host;
	char cpu[128];
	long cpus;
	char governor[32];
	int turbo;
	struct {
		char name[48], text[256];
	} mitigation[MITIGATIONS_MAX];		/* sorted by name */
	unsigned int mitigations;
	char clocksource[32];
	int hypervisor;
	char device[64], scheduler[32];
	int rotational, dax;
	char filesystem[32], mount_options[2048];
	time_t time;
};

/*
 * Fills in what there is. /proc and /sys are looked for below @root, "" for the system's own. @mount: the id of the mount whose
 * device and file system are meant.
 */
void environment_read(struct environment *environment, const char *root, __u64 mount);

/* The id of the mount that @path is on; 0 if the kernel does not tell. */
__u64 environment_mount_of(const char *path);

/* One line of JSON. */
char *environment_put(char *p, const struct environment *environment);

#endif
