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
 * @by_hand: without supervisor, at --socket; set between crash_run_prepare() and
 *	crash_run_begin()
 * @ended: all was well
 */
struct crash_run {
	struct daemon *daemon;
	struct supervisor *supervisor;
	struct crash_world *world;
	struct carve *carve;
	struct carve_region_info before[CRASH_REGIONS];
	bool by_hand;
	bool ended;
};

/* Make the folder. @run: in static memory, for crash_run_clean_up(). */
void crash_run_prepare(struct crash_run *run);

/* Start all but the load; the load; or all of it. */
void crash_run_start(struct crash_run *run);
void crash_run_load(struct crash_run *run);
void crash_run_begin(struct crash_run *run);

/* Its configuration, and more. */
void crash_run_configure(const struct crash_run *run, const char *more);

/* The same daemon as at first, one that was started by hand. */
void crash_run_kill_by_hand(struct crash_run *run);

/* Count the end of a daemon, which is no reason for anybody to fail. */
void crash_run_note_death(struct crash_run *run);

/* Kill it, and let the service manager lose all connections meanwhile. */
void crash_run_disconnect(struct crash_run *run);

/* The same, and whoever may die does so before the next one starts. */
void crash_run_orphan(struct crash_run *run);

/*
 * Wait for the load to end, print the figures, and look that no call has failed and
 * that nothing is left of it; end the daemon; or both.
 */
void crash_run_unload(struct crash_run *run);
void crash_run_stop(struct crash_run *run);
void crash_run_end(struct crash_run *run);

/* For teardown. */
int crash_run_clean_up(void **state);

#define CRASH_TEST(name) \
	{ #name, name, NULL, crash_run_clean_up, NULL }

#endif /* CARVE_TESTS_CRASH_RUN_H */
