// SPDX-License-Identifier: GPL-2.0
/* When to stop, what the process may do, and the sentence of an error. */
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "caps.h"
#include "err.h"
#include "schema.h"
#include "session.h"
#include "tap.h"

static void signals(void)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP };
	size_t i;
	int ends[2];
	__u64 begin;

	session_signals();
	is_int(session_stop, 0, "not to stop yet");
	for (i = 0; i < ARRAY_SIZE(stops); i++) {
		session_stop = 0;
		raise(stops[i]);
		is_int(session_stop, 1, "signal %d stops", stops[i]);
		ok(alarm(0) > 0, "signal %d: and rings again", stops[i]);
	}
	session_stop = 0;
	if (!pipe(ends)) {
		close(ends[0]);
		ok(write(ends[1], "x", 1) < 0 && errno == EPIPE, "a closed pipe is an error, not the end");
		close(ends[1]);
	}
	is_int(session_stop, 0, "and nothing to stop for");

	session_duration(0);
	usleep(2000);
	is_int(session_stop, 0, "no duration");
	begin = monotonic_ns();
	session_duration(20000000);
	while (!session_stop && monotonic_ns() - begin < 5000000000)
		usleep(1000);
	is_int(session_stop, 1, "a duration of 20ms ends");
	ok(monotonic_ns() - begin >= 20000000, "and not before");
	alarm(0);
	session_stop = 0;
	begin = monotonic_ns();
	session_duration(1);
	while (!session_stop && monotonic_ns() - begin < 5000000000)
		usleep(1000);
	is_int(session_stop, 1, "a duration of 1ns ends");
	alarm(0);
}

/* The answer of caps_missing() with just these capabilities, from a child; NULL if they cannot be had. */
static const char *missing_with(__u64 wanted)
{
	static char text[128];
	int ends[2], status = 0;
	ssize_t n;
	pid_t child;

	if (pipe(ends))
		return NULL;
	fflush(stdout);
	child = fork();
	if (!child) {
		struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct data[2] = {
			{ .effective = wanted, .permitted = wanted }, { .effective = wanted >> 32, .permitted = wanted >> 32 },
		};
		const char *missing;

		if (syscall(SYS_capset, &header, data))
			_exit(1);
		missing = caps_missing();
		n = write(ends[1], missing ? missing : "nothing", strlen(missing ? missing : "nothing"));
		_exit(n < 0);
	}
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	waitpid(child, &status, 0);
	if (status || n < 0)
		return NULL;
	text[n] = 0;
	return text;
}

#define CAP(name) (1ULL << CAP_##name)

static void capabilities(void)
{
	pid_t child;
	int status;

	is_str(missing_with(0), "CAP_BPF and CAP_PERFMON", "no capability at all");
	if (!missing_with(CAP(SYS_ADMIN) | CAP(BPF) | CAP(PERFMON) | CAP(SYSLOG))) {
		printf("ok %d - capabilities # SKIP they are not to be had here\n", ++tap_count);
		return;
	}
	is_str(missing_with(CAP(BPF)), "CAP_PERFMON", "CAP_BPF alone");
	is_str(missing_with(CAP(PERFMON)), "CAP_BPF", "CAP_PERFMON alone");
	is_str(missing_with(CAP(BPF) | CAP(PERFMON)), "nothing", "both");
	is_str(missing_with(CAP(SYS_ADMIN)), "nothing", "CAP_SYS_ADMIN");
	is_str(missing_with(CAP(NET_ADMIN) | CAP(SYS_PTRACE)), "CAP_BPF and CAP_PERFMON", "others");

	fflush(stdout);
	child = fork();
	if (!child)
		_exit(!(!caps_missing() && !caps_drop(true) && caps_ptrace() && caps_missing() && !caps_drop(false) && !caps_ptrace()));
	waitpid(child, &status, 0);
	is_int(status, 0, "dropped capabilities are gone");
}

static void errors(void)
{
	struct err err = {};
	char text[1000];

	is_int(err_set(&err, STATUS_KERNEL, "%s %d", "one", 2), -1, "an error returns -1");
	ok(err.status == STATUS_KERNEL && !strcmp(err.text, "one 2"), "its status and sentence");
	err_set(&err, STATUS_USAGE, "'%s'", "a\nb\tc\x1b[31m\x7f");
	is_str(err.text, "'a?b?c?[31m?'", "it stays one line");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	err_set(&err, STATUS_USAGE, "%s", text);
	is_int(strlen(err.text), sizeof(err.text) - 1, "a long one is cut");
}

int main(void)
{
	signals();
	capabilities();
	errors();
	return done_testing();
}
