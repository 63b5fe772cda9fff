// SPDX-License-Identifier: GPL-2.0
/* Which directory is which container's, and where cgroup2 is mounted. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "tap.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee"
#define C "cafe456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D "dada456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define E "eeee456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define F "f00d456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char root[] = "/tmp/cgroup.XXXXXX";
static struct err err;

static void make(const char *path)
{
	char part[PATH_MAX];
	size_t i;

	for (i = 1; i <= strlen(path); i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%s/%.*s", root, (int)i, path);
		if (mkdir(part, 0700) && errno != EEXIST)
			printf("# mkdir %s: %s\n", part, strerror(errno));
	}
}

static void found(const char *name, const char *expected)
{
	char path[PATH_MAX] = "";

	err.text[0] = 0;
	if (!is_int(container_find(root, name, path, sizeof(path), &err), 0, "%.20s is found", name))
		tap_diag("said ", err.text);
	is_str(strlen(path) > strlen(root) ? path + strlen(root) + 1 : "", expected, "%.20s: where it is", name);
}

static void refused(const char *name, const char *part)
{
	char path[PATH_MAX];
	int ret = container_find(root, name, path, sizeof(path), &err);

	ok(ret == -1 && err.status == STATUS_USAGE && strstr(err.text, part), "%.20s: refused with '%s'", name, part) ||
		(tap_diag("said ", err.text), 0);
}

static void containers(void)
{
	if (!mkdtemp(root)) {
		ok(false, "a directory");
		return;
	}
	make("system.slice/docker-" A ".scope");
	make("system.slice/docker-" A ".scope/init.scope");
	make("system.slice/ssh.service");
	make("machine.slice/libpod-" B ".scope/container");
	make("machine.slice/libpod-conmon-" B ".scope");
	make("machine.slice/machine-web\\x2dserver.scope/payload");
	make("machine.slice/systemd-nspawn@box.service");
	make("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/cri-containerd-" C ".scope");
	make("kubepods.slice/crio-" D ".scope");
	make("kubepods.slice/crio-conmon-" D ".scope");
	make("docker/" E);
	make("docker/buildx");
	make("libpod_parent/libpod-" F);
	make("lxc.payload.alpine");
	make("lxc.monitor.alpine");
	make("lxc/old");
	make("user.slice/machine-.scope");
	make("user.slice/docker-0123.scope");

	found(A, "system.slice/docker-" A ".scope");
	found(B, "machine.slice/libpod-" B ".scope");
	found("cafe", "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/cri-containerd-" C ".scope");
	found("dada456789ab", "kubepods.slice/crio-" D ".scope");
	found("e", "docker/" E);
	found(F, "libpod_parent/libpod-" F);
	found("web-server", "machine.slice/machine-web\\x2dserver.scope");
	found("box", "machine.slice/systemd-nspawn@box.service");
	found("alpine", "lxc.payload.alpine");
	found("old", "lxc/old");

	refused("0123456789abcdef", "2 containers match");
	refused("0", "give more of the id, or --cgroup");
	refused("alp", "no such container below /tmp/cgroup.");
	refused("web", "no such container");
	refused("ssh", "no such container");
	refused("init", "no such container");
	refused("conmon", "no such container");
	refused("buildx", "no such container");
	refused("docker", "no such container");
	refused(A "0", "no such container");
	refused("..", "no such container");
	refused("/", "no such container");
}

static void mounted(void)
{
	static const char text[] =
		"1 0 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n2 1 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		"3 1 0:41 /part /jail rw - cgroup2 cgroup2 rw\n4 1 0:41 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		"5 1 0:41 / /again rw - cgroup2 cgroup2 rw\n";
	static const char *const points[] = { "/sys/fs/cgroup/unified", "/jail", NULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points); i++) {
		char part[sizeof(text)];
		struct mounts mounts;
		FILE *file;
		char *end;

		/* All of it, up to the second mount of cgroup2, up to the first. */
		snprintf(part, sizeof(part), "%s", text);
		end = i == 1 ? strstr(part, "4 1 0:41") : i == 2 ? strstr(part, "3 1 0:41") : NULL;
		if (end)
			*end = 0;
		file = fmemopen(part, strlen(part), "r");
		is_int(mounts_parse(&mounts, file), 0, "a mount table");
		fclose(file);
		is_str(cgroup_mount(&mounts), points[i], "its cgroup2 is %s", points[i] ? points[i] : "nowhere");
		mounts_free(&mounts);
	}
}

static void options_of_it(void)
{
	static struct {
		const char *option, *value, *part;
	} wrong[] = {
		{ "--cgroup", "/proc", "no such cgroup of version 2" },
		{ "--cgroup", "no/such/cgroup", "no such cgroup of version 2" },
		{ "--container", "nothing-of-this-name", "no such container below" },
	};
	char *both[] = { "--cgroup", "/", "--container", "x" };
	struct args args;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		char *argv[] = { (char *)wrong[i].option, (char *)wrong[i].value };

		args_parse(&args, &commands[CMD_lookups], 2, argv, &err);
		is_int(cgroup_open(&args, &err), -1, "%s %s", wrong[i].option, wrong[i].value);
		ok(err.status == STATUS_USAGE && (strstr(err.text, wrong[i].part) || strstr(err.text, "no cgroup2 file system")), "why: %s", err.text);
	}
	args_parse(&args, &commands[CMD_lookups], 4, both, &err);
	is_int(cgroup_open(&args, &err), -1, "--cgroup and --container");
	has(err.text, "leave out --cgroup", "why");
}

int main(void)
{
	char command[64];

	containers();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	is_int(system(command), 0, "cleared away");
	mounted();
	options_of_it();
	return done_testing();
}
