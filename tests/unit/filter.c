// SPDX-License-Identifier: GPL-2.0
/* The filters: from the command line to what the programs compare. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "filter.h"
#include "mounts.h"
#include "tap.h"

static struct observe_config config;
static struct err err;

/* The options and arguments up to NULL. */
static int resolve(const char *first, ...)
{
	static char *argv[16];
	struct args args;
	va_list list;
	int argc = 0;

	va_start(list, first);
	for (; first && argc < 16; first = va_arg(list, const char *))
		argv[argc++] = (char *)first;
	va_end(list);
	memset(&config, 0, sizeof(config));
	memset(&err, 0, sizeof(err));
	if (args_parse(&args, &commands[CMD_lookups], argc, argv, &err)) {
		printf("# arguments: %s\n", err.text);
		return -2;
	}
	return filter_resolve(&config, &args, &err);
}

#define is_refused(part, what, ...) do { \
	int ret_ = resolve(__VA_ARGS__, NULL); \
	\
	ok(ret_ == -1 && err.status == STATUS_USAGE && strstr(err.text, part), "refused: %s", what) || \
		(tap_diag("said ", err.text), 0); \
} while (0)

static void simple(void)
{
	struct observe_config nothing = {};

	is_int(resolve(NULL), 0, "no filter");
	ok(!memcmp(&config, &nothing, sizeof(config)), "sets nothing");
	is_int(resolve("-o", "json", "--duration", "1s", "-v", NULL), 0, "options that filter nothing");
	ok(!memcmp(&config, &nothing, sizeof(config)), "set nothing");

	is_int(resolve("-p", "42", "--op", "dio", "--min-latency", "10us", "--errors", "-i", "131", "-c", "fio", NULL), 0, "all at once");
	is_u64(config.pid, 42, "pid");
	is_u64(config.op_mask, 1u << OP_DIO_READ | 1u << OP_DIO_WRITE, "operations");
	is_u64(config.min_latency_ns, 10000, "latency");
	is_int(config.errors, 1, "errors");
	ok(config.by_ino == 1 && config.ino == 131, "inode");
	ok(config.by_comm == 1 && !strcmp(config.comm.s, "fio"), "name");
	is_int(config.devs, 0, "no device");

	is_int(resolve("-p", "2147483647", NULL), 0, "the largest pid");
	is_u64(config.pid, 2147483647, "is taken");
	is_refused("--pid: 2147483648 is too large", "a larger one", "-p", "2147483648");
	is_refused("--pid: 4294967338 is too large", "one that would wrap to 42", "-p", "4294967338");
	is_int(resolve("-i", "18446744073709551615", NULL), 0, "the largest inode");
	is_u64(config.ino, ~0ULL, "is taken");
	is_int(resolve("-c", "123456789012345", NULL), 0, "a name of 15 characters");
	is_str(config.comm.s, "123456789012345", "is taken");
	is_refused("'1234567890123456' is too long; the kernel keeps 15 characters", "a name of 16", "-c", "1234567890123456");
}

static void devices(void)
{
	char path[300] = "", number[64];
	struct stat st;
	struct dirent *entry;
	DIR *directory;
	__u32 i, found = 0;

	is_int(resolve("-d", "/proc", NULL), 0, "a mount point");
	stat("/proc", &st);
	ok(config.devs == 1 && config.dev[0] == kernel_dev(st.st_dev), "its device");
	is_int(resolve("-d", "/proc/../proc/.", NULL), 0, "a mount point by another way");
	ok(config.devs == 1 && config.dev[0] == kernel_dev(st.st_dev), "the same device");
	snprintf(number, sizeof(number), "%u:%u", major(st.st_dev), minor(st.st_dev));
	is_int(resolve("-d", number, NULL), 0, "a mounted device by its number");
	ok(config.devs == 1 && config.dev[0] == kernel_dev(st.st_dev), "is that");
	is_refused("neither a block device nor a mount point; for one file use -f", "a directory that is no mount point", "-d",
		   "/proc/self");
	is_refused("neither a block device nor a mount point", "a character device", "-d", "/dev/null");
	is_refused("-d /nowhere/at/all: No such file or directory; give a block device, a mount point or MAJOR:MINOR", "no such path",
		   "-d", "/nowhere/at/all");
	is_refused("No such file", "a number with junk", "-d", "8:0x");
	is_refused("No such file", "half a number", "-d", "8:");
	is_refused("No such file", "three numbers", "-d", "8:0:0");
	is_refused("no such block device", "a number that is none's", "-d", "259:1048000");
	is_refused("no such block device", "a major number that is too large", "-d", "4096:0");
	is_refused("no such block device", "a minor number that is too large", "-d", "8:1048576");
	is_refused("no such block device", "numbers that would wrap", "-d", "0:4294967295");
	stat("/proc", &st);
	snprintf(number, sizeof(number), "%llu:%u", (1ULL << 32) + major(st.st_dev), minor(st.st_dev));
	is_refused("no such block device", "a major number that would wrap to a mounted one", "-d", number);
	snprintf(number, sizeof(number), "%u:%llu", major(st.st_dev), (1ULL << 32) + minor(st.st_dev));
	is_refused("no such block device", "a minor number that would wrap to a mounted one", "-d", number);
	is_refused("no such block device", "a negative number", "-d", "-1:0");

	directory = opendir("/dev");
	while (directory && !found && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		if (lstat(path, &st) || !S_ISBLK(st.st_mode))
			continue;
		snprintf(number, sizeof(number), "/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
		found = !access(number, F_OK);
	}
	if (directory)
		closedir(directory);
	if (!found) {
		printf("ok %d - a block device # SKIP there is none in /dev\n", ++tap_count);
		return;
	}
	is_int(resolve("-d", path, NULL), 0, "a block device, %s", path);
	ok(config.devs >= 1 && config.dev[0] == kernel_dev(st.st_rdev), "its number");
	i = config.devs;
	snprintf(number, sizeof(number), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	is_int(resolve("-d", number, NULL), 0, "the same by its number, %s", number);
	ok(config.devs == i && config.dev[0] == kernel_dev(st.st_rdev), "is the same");
	is_int(resolve("-f", path, NULL), 0, "the block device as a file");
	ok(config.devs == 1 && config.dev[0] == kernel_dev(st.st_rdev) && config.by_ino && config.ino == kernel_dev(st.st_rdev),
	   "its inode's number is the device's");
}

static void files(void)
{
	char path[] = "/dev/shm/filter.XXXXXX", link[64];
	struct statfs fs;
	struct stat st;
	int fd;

	is_refused("-f /nowhere/at/all: No such file or directory", "no such file", "-f", "/nowhere/at/all");
	is_refused("-f /dev/null: not a regular file, a directory or a block device", "a character device", "-f", "/dev/null");
	is_refused("Not a directory", "a path through a file", "-f", "/proc/self/mountinfo/x");
	is_refused("-f says device and inode already; leave out -d and -i", "-f and -d", "-f", "/proc", "-d", "/proc");
	is_refused("-f says device and inode already", "-f and -i", "-i", "1", "-f", "/proc");

	is_int(resolve("-f", "/proc", NULL), 0, "a directory");
	stat("/proc", &st);
	ok(config.devs == 1 && config.dev[0] == kernel_dev(st.st_dev) && config.by_ino && config.ino == st.st_ino,
	   "its device and inode, of what is mounted on it");

	/* On tmpfs st_dev is the superblock's. */
	if (statfs("/dev/shm", &fs) || fs.f_type != TMPFS_MAGIC || (fd = mkstemp(path)) < 0) {
		printf("ok %d - a regular file # SKIP /dev/shm is no tmpfs that can be written\n", ++tap_count);
		return;
	}
	fstat(fd, &st);
	is_int(resolve("-f", path, NULL), 0, "a regular file");
	ok(config.devs == 1 && config.dev[0] == kernel_dev(st.st_dev), "its device");
	ok(config.by_ino && config.ino == st.st_ino, "its inode");
	is_int(resolve("-f", path, "-p", "1", "--op", "read", NULL), 0, "with other filters");
	ok(config.devs == 1 && config.pid == 1 && config.op_mask == 1u << OP_READ, "all are set");
	snprintf(link, sizeof(link), "%s.link", path);
	if (!symlink(path, link)) {
		is_int(resolve("-f", link, NULL), 0, "a symbolic link");
		is_u64(config.ino, st.st_ino, "is followed");
		unlink(link);
	}
	close(fd);
	unlink(path);
	is_refused("No such file", "the file is gone", "-f", path);
	if (!mkfifo(path, 0600)) {
		is_refused("not a regular file", "a pipe, without waiting for it", "-f", path);
		unlink(path);
	}
}

int main(void)
{
	simple();
	devices();
	files();
	return done_testing();
}
