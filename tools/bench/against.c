// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/against.h"
#include "bench/worker.h"
#include "schema.h"
#include "session.h"

#define BUSY_MAX_NS	10000000000ULL	/* how long it may take to become idle */
#define IDLE_PART	10		/* idle: at most 1/IDLE_PART of a CPU */
#define STOP_MAX_NS	5000000000ULL
#define STOP_STEP_NS	5000000ULL

static void sleep_ns(__u64 ns)
{
	const struct timespec rest = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	nanosleep(&rest, NULL);
}

/* The time on CPUs of the processes of a group and of their children that have ended, in ns. */
static __u64 cpu_time(pid_t group)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	__u64 ticks = 0;

	while (dir && (entry = readdir(dir))) {
		unsigned long times[4];
		char path[64], line[512], *end;
		size_t len;
		FILE *file;
		int of;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/stat", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		len = fread(line, 1, sizeof(line) - 1, file);
		fclose(file);
		line[len] = 0;
		/* The name before may hold anything. */
		end = strrchr(line, ')');
		if (end && sscanf(end + 1, " %*c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &of, &times[0],
				  &times[1], &times[2], &times[3]) == 5 && of == group)
			ticks += times[0] + times[1] + times[2] + times[3];
	}
	if (dir)
		closedir(dir);
	return ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}

/* The last line that is not empty of what it has said. */
static void last_words(int errors, char *words, size_t size)
{
	off_t length = lseek(errors, 0, SEEK_END);
	off_t from = length > (off_t)size - 1 ? length - (off_t)size + 1 : 0;
	ssize_t got = pread(errors, words, size - 1, from);
	char *line;

	if (got < 0)
		got = 0;
	while (got && isspace((unsigned char)words[got - 1]))
		got--;
	words[got] = 0;
	line = strrchr(words, '\n');
	if (line)
		memmove(words, line + 1, strlen(line));
}

int against_check(struct against *against, struct err *err)
{
	siginfo_t info = {};
	char words[256];

	if (waitid(P_PID, against->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return 0;
	last_words(against->errors, words, sizeof(words));
	return err_set(err, STATUS_FAILED, "the command of --against ended by itself, %s %d%s%s",
		       info.si_code == CLD_EXITED ? "with status" : "killed by signal", info.si_status, *words ? ": " : "", words);
}

static int settle(struct against *against, struct err *err)
{
	__u64 waited = 0, before, window = against->settle_ns / 2 + 1;
	bool idle = false;

	while (waited < against->settle_ns || !(idle || against->never_idle)) {
		if (waited >= against->settle_ns && waited >= BUSY_MAX_NS) {
			against->never_idle = true;
			break;
		}
		before = cpu_time(against->pid);
		sleep_ns(window);
		if (session_stop)
			return -1;
		if (against_check(against, err))
			return -1;
		idle = (cpu_time(against->pid) - before) * IDLE_PART <= window;
		waited += window;
	}
	return 0;
}

int against_start(struct against *against, struct err *err)
{
	against->errors = memfd_create("against", MFD_CLOEXEC);
	if (against->errors < 0)
		return err_set(err, STATUS_FAILED, "no memory for what the command of --against says: %s", strerror(errno));
	against->pid = fork();
	if (!against->pid) {
		int null = open("/dev/null", O_RDWR);

		worker_signals();
		setpgid(0, 0);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(against->errors, STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", against->command, NULL);
		_exit(127);
	}
	if (against->pid < 0) {
		err_set(err, STATUS_FAILED, "no process for the command of --against: %s", strerror(errno));
		against->pid = 0;
		close(against->errors);
		return -1;
	}
	setpgid(against->pid, against->pid);
	return settle(against, err);
}

/* Waits for the children in its group, the adopted ones included, for so long. Whether all have ended. */
static bool reap(pid_t group, __u64 ns)
{
	__u64 until = monotonic_ns() + ns;
	pid_t pid;

	for (;;) {
		pid = waitpid(-group, NULL, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid > 0)
			continue;
		if (monotonic_ns() >= until)
			return false;
		sleep_ns(STOP_STEP_NS);
	}
}

int against_stop(struct against *against, pid_t worker, struct err *err)
{
	pid_t left;

	if (!against->pid)
		return 0;
	kill(-against->pid, SIGINT);
	if (!reap(against->pid, STOP_MAX_NS))
		kill(-against->pid, SIGKILL);
	against->pid = 0;
	close(against->errors);
	left = children_end(worker);
	if (left)
		return err_set(err, STATUS_FAILED, "process %d of the command of --against cannot be stopped: %s; if it is another user's, be that user",
			       (int)left, strerror(errno));
	return 0;
}
