// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "session.h"

volatile sig_atomic_t session_stop;

/* Rings on every second: a write that blocks just after the flag was tested is interrupted all the same. */
static void on_signal(int signal)
{
	(void)signal;
	session_stop = 1;
	alarm(1);
}

void session_signals(void)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		sigaction(stops[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

void session_duration(__u64 ns)
{
	struct itimerval timer = {};

	if (!ns)
		return;
	timer.it_value.tv_sec = ns / 1000000000;
	timer.it_value.tv_usec = ns % 1000000000 / 1000;
	if (!timer.it_value.tv_sec && !timer.it_value.tv_usec)
		timer.it_value.tv_usec = 1;
	setitimer(ITIMER_REAL, &timer, NULL);
}

__u64 monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}
