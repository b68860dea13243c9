// SPDX-License-Identifier: MIT
/*
 * The daemon is killed again and again under load, and nobody notices. KILLS says
 * how often, CARVE_SEED repeats a run but for its timing.
 */
#include "crash-load.h"
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define KILLS_DEFAULT	200
#define KILLS_A_CHECK	20

static const char *const arguments[] = {
	"--simulate", "64M", "--region", "main", "--region", "tight", NULL,
};

/**
 * struct run - a daemon, its supervisor and the load
 * @before: the first region, with nothing in it
 * @carve: the test's own connection
 * @ended: all was well
 */
struct run {
	struct daemon *daemon;
	struct supervisor *supervisor;
	struct crash_world *world;
	struct carve *carve;
	struct carve_region_info before;
	bool ended;
};

static struct run *present;

static void add_workers(struct crash_world *world)
{
	crash_world_add(world, CRASH_CHURN, false);
	crash_world_add(world, CRASH_CHURN, true);
	crash_world_add(world, CRASH_RESERVE, false);
	crash_world_add(world, CRASH_RESERVE, false);
	crash_world_add(world, CRASH_RESERVE, true);
	crash_world_add(world, CRASH_IDLE, false);
	crash_world_add(world, CRASH_WAIT, false);
	crash_world_add(world, CRASH_WAIT, false);
	crash_world_add(world, CRASH_WAIT, true);
	crash_world_add(world, CRASH_YIELD, false);
	crash_world_add(world, CRASH_FORWARD, false);
	crash_world_add(world, CRASH_RECEIVE, false);
	crash_world_add(world, CRASH_LOOK, false);
}

static void begin(struct run *run)
{
	const char *given = getenv("CARVE_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 0) :
				    (unsigned int)time(NULL) ^ (unsigned int)getpid();

	if (geteuid() != 0)
		skip_because("only the superuser is told where buffers lie");
	print_message("# CARVE_SEED=%u\n", seed);
	srand(seed);
	*run = (struct run){ .daemon = daemon_prepare() };
	present = run;
	run->supervisor = supervisor_start(run->daemon, arguments);
	supervisor_wait_ready(run->supervisor);
	run->carve = client_new(run->daemon);
	assert_all_clean(run->carve);
	run->before = client_region(run->carve);
	run->world = crash_world_new(run->daemon);
	add_workers(run->world);
}

/* What the daemon said last, should the test not have come to its end. */
static int clean_up(void **state)
{
	char *log, *tail;
	int lines = 40;

	crash_world_kill();
	if (present && !present->ended) {
		log = daemon_read_log(present->daemon);
		for (tail = strstr(log, "Assertion"); tail;
		     tail = strstr(tail + 1, "Assertion"))
			print_message("# %.*s\n", (int)strcspn(tail, "\n"), tail);
		for (tail = log + strlen(log); tail > log && lines; tail--)
			lines -= *tail == '\n';
		print_message("# %s\n", tail);
		free(log);
	}
	present = NULL;
	return daemon_cleanup(state);
}

/* Most deaths come while it works, some while it starts. */
static void kill_somewhere(struct run *run)
{
	if (rand() % 4) {
		supervisor_wait_ready(run->supervisor);
		usleep((useconds_t)(rand() % 120000));
	} else {
		usleep((useconds_t)(rand() % 10000));
	}
	supervisor_kill(run->supervisor);
	atomic_fetch_add(&run->world->deaths, 1);
	crash_world_reap(run->world);
	if (rand() % 3 == 0)
		crash_world_replace(run->world, (unsigned int)rand());
}

/* The map is what it was, nothing is charged, nobody waits, nothing is kept. */
static void assert_nothing_left(struct run *run)
{
	struct carve_region_info now;
	int64_t end = now_ms() + PATIENCE * 1000;

	do {
		now = client_region(run->carve);
		if (now_ms() > end)
			fail_msg("leaked: %llu bytes live in %u buffers, %llu reserved, "
				 "%llu dirty, %u clients, %u wait",
				 (unsigned long long)now.live_bytes, now.buffers,
				 (unsigned long long)now.reserved_bytes,
				 (unsigned long long)now.dirty_bytes, now.clients,
				 now.waiting);
		sleep_ms(2);
	} while (memcmp(&now, &run->before, sizeof(now)) != 0);
	/* The state, two simulated regions, and this connection. */
	while (supervisor_get_status(run->supervisor).stored != 4) {
		if (now_ms() > end)
			fail_msg("%u descriptors are stored",
				 supervisor_get_status(run->supervisor).stored);
		sleep_ms(2);
	}
}

static void print_figures(const struct run *run, const struct supervisor_status *last)
{
	const struct crash_world *world = run->world;

	print_message("# %u starts, %u deaths, %llu calls, %llu failed, %llu overlaps, "
		      "%llu spoilt, %llu appeals, %llu lost\n", last->starts,
		      world->deaths, (unsigned long long)crash_world_calls(world),
		      (unsigned long long)crash_world_failed(world),
		      (unsigned long long)world->overlaps,
		      (unsigned long long)world->spoilt,
		      (unsigned long long)world->appeals,
		      (unsigned long long)world->lost);
}

static void end(struct run *run)
{
	struct supervisor_status last;
	int status;

	supervisor_wait_ready(run->supervisor);
	crash_world_check(run->world, run->carve);
	crash_world_end(run->world);
	last = supervisor_get_status(run->supervisor);
	print_figures(run, &last);
	assert_int_equal(last.failures, 0);
	assert_int_equal(last.refused, 0);
	assert_int_equal(crash_world_failed(run->world), 0);
	assert_int_equal(run->world->overlaps, 0);
	assert_int_equal(run->world->spoilt, 0);
	/* A load that does nothing proves nothing. */
	assert_true(crash_world_calls(run->world) > 1000);
	assert_true(run->world->appeals > 0);
	assert_nothing_left(run);
	carve_free(run->carve);
	status = supervisor_stop(run->supervisor);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_log_clean(run->daemon);
	crash_world_free(run->world);
	run->ended = true;
}

static void killed_at_random(void **state)
{
	const char *given = getenv("KILLS");
	unsigned int kills = given ? (unsigned int)strtoul(given, NULL, 0) : KILLS_DEFAULT;
	static struct run run;
	unsigned int i;

	(void)state;
	begin(&run);
	for (i = 1; i <= kills; i++) {
		kill_somewhere(&run);
		if (i % KILLS_A_CHECK == 0)
			crash_world_check(run.world, run.carve);
	}
	end(&run);
}

#define CRASH_TEST(name) \
	{ #name, name, NULL, clean_up, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		CRASH_TEST(killed_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
