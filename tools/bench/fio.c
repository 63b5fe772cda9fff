// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/fio.h"
#include "bench/workloads.h"
#include "schema.h"

/* Where things stand in a line of the terse format 3: the error, and I/O a second and milliseconds of reads and of writes. */
#define ERROR_AT	4
#define READ_AT		7
#define WRITE_AT	48
#define FIELDS		50

#define OUTPUT_ROOM	(1 << 20)

/* Adds a job's line to @ios and @ns. False if it is none, or the job has failed. */
static bool add_job(char *line, double *ios, double *ns)
{
	double read_ms, write_ms;
	char *field[FIELDS];
	int i;

	for (i = 0; i < FIELDS; i++) {
		field[i] = strsep(&line, ";");
		if (!field[i])
			return false;
	}
	if (strcmp(field[ERROR_AT], "0"))
		return false;
	read_ms = strtod(field[READ_AT + 1], NULL);
	write_ms = strtod(field[WRITE_AT + 1], NULL);
	*ios += (strtod(field[READ_AT], NULL) * read_ms + strtod(field[WRITE_AT], NULL) * write_ms) / 1000;
	/* A job that does both does them in the same time. */
	*ns += (read_ms > write_ms ? read_ms : write_ms) * 1000000;
	return true;
}

double fio_parse(char *text)
{
	double ios = 0, ns = 0;
	bool any = false;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		/* Other lines are what fio has to say beside. */
		if (strncmp(line, "3;", 2))
			continue;
		if (!add_job(line, &ios, &ns))
			return -1;
		any = true;
	}
	if (!any)
		return -1;
	return ios > 0 ? ns / ios : NAN;
}

/* Starts fio with its output at @out. */
static pid_t start(const char *const *args, int out)
{
	pid_t pid = fork();

	if (!pid) {
		dup2(out, STDOUT_FILENO);
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	return pid;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return status;
}

int fio_check(struct err *err)
{
	const char *const args[] = { "fio", "--version", NULL };
	int pipes[2], status;
	char text[64];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return err_set(err, STATUS_FAILED, "no pipe for fio: %s", strerror(errno));
	pid = start(args, pipes[1]);
	close(pipes[1]);
	while (read(pipes[0], text, sizeof(text)) > 0)
		;
	close(pipes[0]);
	status = pid < 0 ? -1 : wait_for(pid);
	if (status)
		return err_set(err, STATUS_FAILED, "--fio: fio cannot be run; install it, or leave the option out");
	return 0;
}

double fio_round(const char *file)
{
	const char *const args[] = { "fio", "--directory=.", "--output-format=terse", "--terse-version=3", file, NULL };
	static char output[OUTPUT_ROOM];
	size_t used = 0;
	ssize_t got;
	int pipes[2], status;
	double ns;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		die_errno("pipe");
	pid = start(args, pipes[1]);
	if (pid < 0)
		die_errno("fork");
	close(pipes[1]);
	while ((got = read(pipes[0], output + used, sizeof(output) - 1 - used)) > 0)
		used += got;
	close(pipes[0]);
	output[used] = 0;
	status = wait_for(pid);
	if (status)
		die("fio has failed, status %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	ns = fio_parse(output);
	if (ns < 0)
		die("fio's output cannot be understood");
	if (isnan(ns))
		die("the jobs do no I/O, or fewer than one a second");
	return ns;
}
