// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/environment.h"
#include "bench/report.h"
#include "mounts.h"
#include "output.h"
#include "schema.h"

#define CPU		"/sys/devices/system/cpu/"
#define CLOCKSOURCE	"/sys/devices/system/clocksource/clocksource0/current_clocksource"

static FILE *open_below(const char *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return fopen(full, "re");
}

/* The first line of a file; empty if there is none. */
static void read_line(const char *root, const char *path, char *text, size_t size)
{
	FILE *file = open_below(root, path);

	text[0] = 0;
	if (!file)
		return;
	if (!fgets(text, size, file))
		text[0] = 0;
	text[strcspn(text, "\n")] = 0;
	fclose(file);
}

/* A file of 0 or 1; -1 if it is not there, or something else. */
static int read_flag(const char *root, const char *path)
{
	char text[16];

	read_line(root, path, text, sizeof(text));
	return !strcmp(text, "1") ? 1 : !strcmp(text, "0") ? 0 : -1;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at;

	for (at = text; (at = strstr(at, word)); at += len) {
		if ((at == text || strchr(" \t:", at[-1])) && strchr(" \t\n", at[len]))
			return true;
	}
	return false;
}

/* Those of the first CPU: "model name : ...", "flags : ...". */
static void read_cpuinfo(struct environment *environment, const char *root)
{
	FILE *file = open_below(root, "/proc/cpuinfo");
	size_t size = 0;
	char *line = NULL;

	environment->hypervisor = -1;
	while (file && getline(&line, &size, file) > 0 && *line != '\n') {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		value += strspn(value, ": \t");
		if (!strncmp(line, "model name\t", 11))
			snprintf(environment->cpu, sizeof(environment->cpu), "%.*s", (int)strcspn(value, "\n"), value);
		else if (!strncmp(line, "flags\t", 6))
			environment->hypervisor = has_word(value, "hypervisor");
	}
	free(line);
	if (file)
		fclose(file);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void read_mitigations(struct environment *environment, const char *root)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	snprintf(path, sizeof(path), "%s" CPU "vulnerabilities", root);
	dir = opendir(path);
	while (dir && environment->mitigations < MITIGATIONS_MAX && (entry = readdir(dir))) {
		unsigned int i = environment->mitigations;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(environment->mitigation[i].name, sizeof(environment->mitigation[i].name), "%.47s", entry->d_name);
		snprintf(path, sizeof(path), CPU "vulnerabilities/%s", entry->d_name);
		read_line(root, path, environment->mitigation[i].text, sizeof(environment->mitigation[i].text));
		environment->mitigations++;
	}
	if (dir)
		closedir(dir);
	/* The name is the first member. */
	qsort(environment->mitigation, environment->mitigations, sizeof(environment->mitigation[0]), by_name);
}

/* "none [mq-deadline] kyber": the one in brackets, or the only one. */
static void choose(char *text)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (close) {
		*close = 0;
		memmove(text, open + 1, close - open);
	}
}

/* A partition has the queue of its disk, which is the directory above. */
static void read_device(struct environment *environment, const char *root, __u32 dev)
{
	char path[PATH_MAX], link[PATH_MAX], number[24], part[16];
	ssize_t len;

	*put_dev(number, dev) = 0;
	snprintf(path, sizeof(path), "%s/sys/dev/block/%s", root, number);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return;
	link[len] = 0;
	snprintf(environment->device, sizeof(environment->device), "%s", basename(link));
	snprintf(path, sizeof(path), "/sys/dev/block/%s/partition", number);
	read_line(root, path, part, sizeof(part));
	snprintf(path, sizeof(path), "/sys/dev/block/%s%s/queue/scheduler", number, *part ? "/.." : "");
	read_line(root, path, environment->scheduler, sizeof(environment->scheduler));
	choose(environment->scheduler);
	snprintf(path, sizeof(path), "/sys/dev/block/%s%s/queue/rotational", number, *part ? "/.." : "");
	environment->rotational = read_flag(root, path);
	snprintf(path, sizeof(path), "/sys/dev/block/%s%s/queue/dax", number, *part ? "/.." : "");
	environment->dax = read_flag(root, path);
}

static void read_mount(struct environment *environment, const char *root, __u64 id)
{
	FILE *file = open_below(root, "/proc/self/mountinfo");
	struct mounts mounts = {};
	size_t i;

	if (!file)
		return;
	if (mounts_parse(&mounts, file))
		mounts.count = 0;
	fclose(file);
	for (i = 0; i < mounts.count; i++) {
		const struct mount *mount = &mounts.mount[i];
		struct stat st;

		if (mount->id != id)
			continue;
		snprintf(environment->filesystem, sizeof(environment->filesystem), "%s", mount->type);
		snprintf(environment->mount_options, sizeof(environment->mount_options), "%s,%s", mount->options,
			 mount->super_options);
		/* One of several devices has a number of its own; then it is the first of them. */
		if (mount->dev >> 20)
			read_device(environment, root, mount->dev);
		else if (!stat(mount->source, &st) && S_ISBLK(st.st_mode))
			read_device(environment, root, kernel_dev(st.st_rdev));
		break;
	}
	mounts_free(&mounts);
}

void environment_read(struct environment *environment, const char *root, __u64 mount)
{
	int slow;

	memset(environment, 0, sizeof(*environment));
	environment->rotational = -1;
	environment->dax = -1;
	uname(&environment->host);
	environment->time = time(NULL);
	environment->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	read_cpuinfo(environment, root);
	read_line(root, CPU "cpu0/cpufreq/scaling_governor", environment->governor, sizeof(environment->governor));
	slow = read_flag(root, CPU "intel_pstate/no_turbo");
	environment->turbo = slow >= 0 ? !slow : read_flag(root, CPU "cpufreq/boost");
	read_mitigations(environment, root);
	read_line(root, CLOCKSOURCE, environment->clocksource, sizeof(environment->clocksource));
	read_mount(environment, root, mount);
}

__u64 environment_mount_of(const char *path)
{
	struct statx stx;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &stx) || !(stx.stx_mask & STATX_MNT_ID))
		return 0;
	return stx.stx_mnt_id;
}

static char *put_text_or_null(char *p, const char *key, const char *text)
{
	return report_text(p, key, *text ? text : NULL);
}

char *environment_put(char *p, const struct environment *environment)
{
	char text[32];
	unsigned int i;
	struct tm tm;

	p = put_str(p, "{\"event\":\"environment\",\"command\":\"bench\"");
	p = report_text(p, "kernel", environment->host.release);
	p = report_text(p, "kernel_version", environment->host.version);
	p = report_text(p, "machine", environment->host.machine);
	p = put_text_or_null(p, "cpu", environment->cpu);
	p = report_number(p, "cpus", environment->cpus);
	p = put_text_or_null(p, "governor", environment->governor);
	p = report_flag(p, "turbo", environment->turbo);
	p = put_str(p, ",\"mitigations\":{");
	for (i = 0; i < environment->mitigations; i++) {
		if (i)
			*p++ = ',';
		p = put_json(p, environment->mitigation[i].name, sizeof(environment->mitigation[i].name));
		*p++ = ':';
		p = put_json(p, environment->mitigation[i].text, sizeof(environment->mitigation[i].text));
	}
	*p++ = '}';
	p = put_text_or_null(p, "clocksource", environment->clocksource);
	p = report_flag(p, "hypervisor", environment->hypervisor);
	p = put_text_or_null(p, "device", environment->device);
	p = put_text_or_null(p, "scheduler", environment->scheduler);
	p = report_flag(p, "rotational", environment->rotational);
	p = report_flag(p, "device_dax", environment->dax);
	p = put_text_or_null(p, "filesystem", environment->filesystem);
	p = put_text_or_null(p, "mount_options", environment->mount_options);
	p = report_text(p, "iomapscope", VERSION);
	gmtime_r(&environment->time, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	p = report_text(p, "time", text);
	return put_str(p, "}\n");
}
