/* SPDX-License-Identifier: MIT */
/*
 * A supervised daemon and clients without the library that live through its deaths.
 */
#ifndef CARVE_TESTS_RESTARTING_H
#define CARVE_TESTS_RESTARTING_H

#include "session.h"
#include "supervisor.h"

/**
 * struct restarting - a daemon that is started again whenever it ends
 */
struct restarting {
	struct daemon *daemon;
	struct supervisor *supervisor;
};

/* Started with these arguments, NULL at the end, and ready. */
struct restarting restarting_start(const char *const *arguments);

/* It ends in order, and nothing went wrong in any of the daemons. */
void restarting_end(struct restarting *restarting);

#endif /* CARVE_TESTS_RESTARTING_H */
