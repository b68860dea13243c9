/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, for long: the load of the crash tests, clients that allocate
 * and close as fast as they can, and all that may go wrong besides. What fails here
 * fails the test at hand.
 */
#ifndef CARVE_TESTS_SOAK_H
#define CARVE_TESTS_SOAK_H

#include "crash-run.h"

/* ---- soak-fault.c: what goes wrong ----------------------------------------- */

enum soak_fault {
	SOAK_KILL,		/* SIGKILL while it works, or while it starts */
	SOAK_DISCONNECT,	/* the same, and all connections are lost */
	SOAK_RESTART,		/* SIGTERM, and another one */
	SOAK_RELOAD,		/* another configuration, and back */
	SOAK_CLIENT,		/* a client is killed */
	SOAK_HOSTILE,		/* peers that lie, babble, do not read */
	SOAK_FULL,		/* no descriptors */
	SOAK_FAULTS
};

/* The first of these that leaves the daemon alive. */
#define SOAK_MILD	SOAK_RELOAD

extern const char *const soak_fault_names[SOAK_FAULTS];

/* One of it, under load; when it returns it is over. */
void soak_fault(struct crash_run *run, enum soak_fault fault);

/* Let the load work. */
void soak_work(struct crash_run *run, int ms);

/* ---- soak-map.c: what there is --------------------------------------------- */

/**
 * soak_map() - all that the daemon tells of its regions, as text
 * @carve: the superuser's connection
 *
 * A line for each region's figures, extent, hole between extents, and reservation.
 *
 * Return: to be freed.
 */
char *soak_map(struct carve *carve);

/* Wait for @map to come back; else print the lines that differ, and fail. */
void soak_map_expect(struct carve *carve, const char *map);

/**
 * struct soak_size - what a daemon has of the machine
 * @anon_kib: RssAnon, in KiB
 * @fds: open descriptors
 * @stored: descriptors that the service manager keeps for it
 */
struct soak_size {
	unsigned long anon_kib;
	unsigned int fds;
	unsigned int stored;
};

struct soak_size soak_size(struct crash_run *run);

/* Of one daemon: not grown since. Descriptors may take a moment to go. */
void soak_size_expect(struct crash_run *run, const struct soak_size *before);

#endif /* CARVE_TESTS_SOAK_H */
