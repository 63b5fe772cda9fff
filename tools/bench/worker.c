// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/worker.h"
#include "schema.h"
#include "session.h"

void worker_signals(void)
{
	static const int ours[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGPIPE };
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		signal(ours[i], SIG_DFL);
}

/* A child that is not @but, 0: there is none. */
static pid_t child_but(pid_t but)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		char path[64], line[512], *end;
		int parent, pid = atoi(entry->d_name);
		FILE *file;

		if (pid <= 0 || pid == but)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "re");
		if (!file)
			continue;
		end = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
		fclose(file);
		if (end && sscanf(end + 1, " %*c %d", &parent) == 1 && parent == getpid())
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

pid_t children_end(pid_t but)
{
	pid_t pid;

	while ((pid = child_but(but))) {
		if (kill(pid, SIGKILL))
			return pid;
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return 0;
}

int worker_start(struct worker *worker, void (*work)(const void *task, int channel), const void *task, struct err *err)
{
	pid_t parent = getpid();
	int sockets[2], pipes[2];

	*worker = (struct worker){ .pid = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return err_set(err, STATUS_FAILED, "no socket for a workload: %s", strerror(errno));
	if (pipe2(pipes, O_CLOEXEC)) {
		err_set(err, STATUS_FAILED, "no pipe for a workload: %s", strerror(errno));
		close(sockets[0]);
		close(sockets[1]);
		return -1;
	}
	worker->pid = fork();
	if (!worker->pid) {
		worker_signals();
		setpgid(0, 0);
		/* It does not outlive the tool, if that is killed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		dup2(pipes[1], STDERR_FILENO);
		close(sockets[0]);
		close(pipes[0]);
		work(task, sockets[1]);
		_exit(0);
	}
	close(sockets[1]);
	close(pipes[1]);
	worker->channel = sockets[0];
	worker->errors = pipes[0];
	if (worker->pid < 0) {
		err_set(err, STATUS_FAILED, "no process for a workload: %s", strerror(errno));
		close(worker->channel);
		close(worker->errors);
		return -1;
	}
	setpgid(worker->pid, worker->pid);
	return 0;
}

/* Takes what it says on standard error; what is too much is dropped. False at the end of it. */
static bool read_errors(struct worker *worker)
{
	char data[512];
	ssize_t got = read(worker->errors, data, sizeof(data)), i;

	for (i = 0; i < got && worker->used < sizeof(worker->text) - 1; i++)
		worker->text[worker->used++] = (unsigned char)data[i] < ' ' ? ' ' : data[i];
	return got > 0 || (got < 0 && errno == EINTR);
}

/* It is gone, or going: why. */
static void explain(struct worker *worker)
{
	int status;

	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* What it has left behind could hold the pipe; and so it is not waited for. */
	kill(-worker->pid, SIGKILL);
	worker->pid = -1;
	while (poll(&(struct pollfd){ worker->errors, POLLIN, 0 }, 1, 0) > 0 && read_errors(worker))
		;
	while (worker->used && worker->text[worker->used - 1] == ' ')
		worker->used--;
	worker->text[worker->used] = 0;
	if (WIFSIGNALED(status))
		snprintf(worker->text, sizeof(worker->text), "killed by signal %d", WTERMSIG(status));
	else if (!worker->used)
		snprintf(worker->text, sizeof(worker->text), "ended with status %d and without a word", WEXITSTATUS(status));
}

void worker_ask(struct worker *worker)
{
	/* If it is gone, worker_answer() finds that out. */
	send(worker->channel, "", 1, MSG_NOSIGNAL);
}

int worker_answer(struct worker *worker, void *answer, size_t size)
{
	while (!session_stop) {
		struct pollfd wait[2] = { { worker->channel, POLLIN, 0 }, { worker->errors, POLLIN, 0 } };
		ssize_t got;

		if (poll(wait, 2, -1) < 0)
			continue;
		/* It must never have to wait for a reader. */
		if (wait[1].revents & POLLIN)
			read_errors(worker);
		if (!wait[0].revents)
			continue;
		got = recv(worker->channel, answer, size, 0);
		if (got == (ssize_t)size)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		explain(worker);
		return -1;
	}
	return -1;
}

void worker_end(struct worker *worker)
{
	if (worker->pid > 0) {
		kill(-worker->pid, SIGKILL);
		while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	worker->pid = -1;
	/* Such as the jobs of fio, which have left its group. */
	children_end(0);
	close(worker->channel);
	close(worker->errors);
}

void worker_await(int channel)
{
	char byte;

	if (recv(channel, &byte, 1, 0) != 1)
		_exit(0);
}

void worker_tell(int channel, const void *answer, size_t size)
{
	if (send(channel, answer, size, MSG_NOSIGNAL) != (ssize_t)size)
		_exit(1);
}
