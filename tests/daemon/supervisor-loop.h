/* SPDX-License-Identifier: MIT */
/* What the two halves of the supervisor say to each other. */
#ifndef CARVE_TESTS_SUPERVISOR_LOOP_H
#define CARVE_TESTS_SUPERVISOR_LOOP_H

#include "supervisor.h"

enum supervisor_op {
	SUPERVISOR_STATUS,
	SUPERVISOR_SIGNAL,
	SUPERVISOR_PROGRAM,
	SUPERVISOR_PAUSE,
	SUPERVISOR_GO_ON,
	SUPERVISOR_STORED,
	SUPERVISOR_LOSE,
	SUPERVISOR_STOP,
	SUPERVISOR_DROP,
	SUPERVISOR_RENAME,
};

/**
 * struct supervisor_command - each is answered with struct supervisor_status,
 *	SUPERVISOR_STORED with the descriptor beside it
 * @signal: for SUPERVISOR_SIGNAL
 * @text: a path, a name or the beginning of one; two names with a space between
 */
struct supervisor_command {
	enum supervisor_op op;
	int signal;
	char text[512];
};

/**
 * struct supervisor_setup - what the loop begins with; descriptors are its own
 * @program: what to start
 * @listener, @notify: sockets, bound
 * @control: commands come from here; its end is the loop's
 */
struct supervisor_setup {
	char program[512];
	const struct daemon *daemon;
	const char *const *arguments;
	int listener;
	int notify;
	int control;
};

/* Until SUPERVISOR_STOP, or the end of the test. */
void supervisor_loop(const struct supervisor_setup *setup) __attribute__((noreturn));

#endif /* CARVE_TESTS_SUPERVISOR_LOOP_H */
