// SPDX-License-Identifier: MIT
/*
 * The daemon is killed again and again under load, and nobody notices. KILLS says
 * how often, CARVE_SEED repeats a run but for its timing.
 */
#include "crash-run.h"

#include <stdlib.h>

#define KILLS_DEFAULT	200
#define KILLS_A_CHECK	20

/* Most deaths come while it works, some while it starts. */
static void kill_somewhere(struct crash_run *run)
{
	if (rand() % 4) {
		supervisor_wait_ready(run->supervisor);
		usleep((useconds_t)(rand() % 120000));
	} else {
		usleep((useconds_t)(rand() % 10000));
	}
	supervisor_kill(run->supervisor);
	crash_run_note_death(run);
}

static unsigned int kills(void)
{
	const char *given = getenv("KILLS");

	return given ? (unsigned int)strtoul(given, NULL, 0) : KILLS_DEFAULT;
}

static void killed_at_random(void **state)
{
	static struct crash_run run;
	unsigned int i;

	(void)state;
	crash_run_prepare(&run);
	crash_run_begin(&run);
	for (i = 1; i <= kills(); i++) {
		kill_somewhere(&run);
		if (i % KILLS_A_CHECK == 0)
			crash_world_check(run.world, run.carve);
	}
	crash_run_end(&run);
}

/* As without a store: the clients connect anew, and have what they had. */
static void killed_and_disconnected(void **state)
{
	static struct crash_run run;
	unsigned int i;

	(void)state;
	crash_run_prepare(&run);
	crash_run_begin(&run);
	for (i = 1; i <= kills() / 4; i++) {
		supervisor_wait_ready(run.supervisor);
		usleep((useconds_t)(rand() % 100000));
		if (i % 2)
			crash_run_disconnect(&run);
		else
			kill_somewhere(&run);
		if (i % KILLS_A_CHECK == 0)
			crash_world_check(run.world, run.carve);
	}
	crash_run_end(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CRASH_TEST(killed_at_random),
		CRASH_TEST(killed_and_disconnected),
	};

	cmocka_set_test_filter(getenv("CARVE_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
