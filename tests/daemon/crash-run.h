/* SPDX-License-Identifier: MIT */
/*
 * A daemon under supervision and under load, for the tests that kill it. What
 * fails here fails the test at hand.
 */
#ifndef CARVE_TESTS_CRASH_RUN_H
#define CARVE_TESTS_CRASH_RUN_H

#include "crash-load.h"
#include "supervisor.h"

/**
 * struct crash_run - a daemon, its supervisor and the load
 * @before: the regions, with nothing in them
 * @carve: the test's own connection
 * @ended: all was well
 */
struct crash_run {
	struct daemon *daemon;
	struct supervisor *supervisor;
	struct crash_world *world;
	struct carve *carve;
	struct carve_region_info before[CRASH_REGIONS];
	bool ended;
};

/* Make the folder. @run: in static memory, for crash_run_clean_up(). */
void crash_run_prepare(struct crash_run *run);

/* Start all of it. */
void crash_run_begin(struct crash_run *run);

/* Count the end of a daemon, which is no reason for anybody to fail. */
void crash_run_note_death(struct crash_run *run);

/* Kill it, and let the service manager lose all connections meanwhile. */
void crash_run_disconnect(struct crash_run *run);

/*
 * Wait for the load to end, print the figures, and look that no call has failed and
 * that nothing is left of it.
 */
void crash_run_end(struct crash_run *run);

/* For teardown. */
int crash_run_clean_up(void **state);

#define CRASH_TEST(name) \
	{ #name, name, NULL, crash_run_clean_up, NULL }

#endif /* CARVE_TESTS_CRASH_RUN_H */
