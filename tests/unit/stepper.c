// SPDX-License-Identifier: MIT
#include "stepper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends with a second SIGSTOP: what comes behind is not looked at. */
static void child(void (*run)(void *data), void *data)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(EPERM);
	raise(SIGSTOP);
	run(data);
	raise(SIGSTOP);
	_exit(0);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

long stepper_run(void (*run)(void *data), void (*look)(void *data), void *data)
{
	pid_t pid = fork();
	long steps = 0;
	int status;

	if (pid == 0)
		child(run, data);
	status = wait_for(pid);
	if (WIFEXITED(status))
		return -EPERM;
	for (;; steps++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0) {
			end(pid);
			return -EPERM;
		}
		status = wait_for(pid);
		if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP)
			break;
		/* It ended of itself, or was about to: an assertion, or worse. */
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
			fprintf(stderr, "# status %#x after %ld instructions\n",
				(unsigned int)status, steps);
			abort();
		}
		look(data);
	}
	end(pid);
	return steps;
}
