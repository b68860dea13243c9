// SPDX-License-Identifier: MIT
#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

#define GUARD_USEC	500

static void on_alarm(int signal)
{
	(void)signal;
}

int carve_guard_init(void)
{
	/* Without SA_RESTART: to interrupt is what it is for. */
	struct sigaction action = { .sa_handler = on_alarm };
	sigset_t alarm;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL) < 0)
		return -errno;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	return sigprocmask(SIG_UNBLOCK, &alarm, NULL) < 0 ? -errno : 0;
}

static void set_alarm(suseconds_t usec)
{
	/* Again and again: the first may come before there is a wait. */
	struct itimerval timer = {
		.it_interval.tv_usec = usec,
		.it_value.tv_usec = usec,
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void carve_guard_begin(void)
{
	set_alarm(GUARD_USEC);
}

void carve_guard_end(void)
{
	set_alarm(0);
}

void carve_guard_close(int socket)
{
	carve_guard_begin();
	close(socket);
	carve_guard_end();
}
