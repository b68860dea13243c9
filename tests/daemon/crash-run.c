// SPDX-License-Identifier: MIT
#include "crash-run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define CONFIG	"[reservation film]\nuid=0\nclass=4 x 512K\nclass=2 x 4K\n"

static const char *const arguments[] = {
	"--simulate", "64M", "--region", "main", "--region", "tight", NULL,
};

static struct crash_run *present;

void crash_run_load(struct crash_run *run)
{
	struct crash_world *world = run->world;

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
	crash_world_add(world, CRASH_CLAIM, true);
}

static void take_regions(struct carve *carve, struct carve_region_info *ret)
{
	struct carve_regions *regions;

	assert_int_equal(carve_regions_new(carve, &regions), 0);
	for (size_t i = 0; i < CRASH_REGIONS; i++)
		ret[i] = *carve_regions_get(regions, i);
	carve_regions_free(regions);
}

void crash_run_prepare(struct crash_run *run)
{
	if (geteuid() != 0)
		skip_because("only the superuser is told where buffers lie");
	*run = (struct crash_run){ .daemon = daemon_prepare() };
	present = run;
	crash_run_configure(run, "");
}

void crash_run_configure(const struct crash_run *run, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), "%s%s", CONFIG, more);
	daemon_configure(run->daemon, text);
}

static void start(struct crash_run *run)
{
	if (run->by_hand) {
		daemon_start_again(run->daemon, arguments);
		return;
	}
	run->supervisor = supervisor_start(run->daemon, arguments);
	supervisor_wait_ready(run->supervisor);
}

void crash_run_kill_by_hand(struct crash_run *run)
{
	assert_int_equal(kill(run->daemon->pid, SIGKILL), 0);
	daemon_wait(run->daemon);
	crash_run_note_death(run);
	daemon_start_again(run->daemon, arguments);
}

void crash_run_start(struct crash_run *run)
{
	const char *given = getenv("CARVE_SEED");
	unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 0) :
				    (unsigned int)time(NULL) ^ (unsigned int)getpid();

	print_message("# CARVE_SEED=%u\n", seed);
	srand(seed);
	start(run);
	run->carve = client_new(run->daemon);
	do
		take_regions(run->carve, run->before);
	while (run->before[CRASH_ROOMY].dirty_bytes || run->before[CRASH_TIGHT].dirty_bytes ||
	       !run->before[CRASH_ROOMY].reserved_bytes);
	run->world = crash_world_new(run->daemon);
	run->world->outside = run->by_hand;
}

void crash_run_begin(struct crash_run *run)
{
	crash_run_start(run);
	crash_run_load(run);
}

void crash_run_note_death(struct crash_run *run)
{
	atomic_fetch_add(&run->world->deaths, 1);
	crash_world_reap(run->world);
	if (rand() % 3 == 0)
		crash_world_replace(run->world, (unsigned int)rand());
}

void crash_run_disconnect(struct crash_run *run)
{
	supervisor_pause(run->supervisor);
	supervisor_lose(run->supervisor, "client-");
	crash_run_note_death(run);
	supervisor_go_on(run->supervisor);
}

void crash_run_orphan(struct crash_run *run)
{
	supervisor_pause(run->supervisor);
	supervisor_lose(run->supervisor, "client-");
	crash_run_note_death(run);
	for (unsigned int i = 0; i < run->world->count; i++)
		crash_world_replace(run->world, i);
	supervisor_go_on(run->supervisor);
}

/* What the daemon said last, should the test not have come to its end. */
int crash_run_clean_up(void **state)
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

static void print_buffers(struct carve *carve)
{
	const struct carve_buffer_info *info;
	struct carve_buffers *buffers;

	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	for (size_t i = 0; (info = carve_buffers_get(buffers, i)); i++)
		print_message("# %s %llu+%llu: buffer %llu \"%s\" of pid %d%s\n",
			      info->region, (unsigned long long)info->offset,
			      (unsigned long long)info->bytes,
			      (unsigned long long)info->id, info->name, (int)info->pid,
			      info->flags & CARVE_BUFFER_DIRTY ? ", dirty" : "");
	carve_buffers_free(buffers);
}

static void fail_leaked(struct carve *carve, const struct carve_region_info *now)
{
	print_buffers(carve);
	for (size_t i = 0; i < CRASH_REGIONS; i++)
		print_message("# %s: %llu bytes live in %u buffers, %llu reserved, %llu "
			      "dirty, largest %llu, %u clients, %u wait\n", now[i].label,
			      (unsigned long long)now[i].live_bytes, now[i].buffers,
			      (unsigned long long)now[i].reserved_bytes,
			      (unsigned long long)now[i].dirty_bytes,
			      (unsigned long long)now[i].largest_bytes,
			      now[i].clients, now[i].waiting);
	fail_msg("something is left");
}

/* A load that does nothing proves nothing. */
static void await_load(struct crash_run *run)
{
	int64_t end = patient_ms() + PATIENCE * 1000;

	while (crash_world_calls(run->world) <= 1000 || !run->world->appeals) {
		crash_world_reap(run->world);
		if (patient_ms() > end)
			fail_msg("%llu calls, %llu appeals",
				 (unsigned long long)crash_world_calls(run->world),
				 (unsigned long long)run->world->appeals);
		sleep_ms(2);
	}
}

/* The map is what it was, nothing is charged, nobody waits, nothing is kept. */
static void assert_nothing_left(struct crash_run *run)
{
	struct carve_region_info now[CRASH_REGIONS];
	int64_t end = patient_ms() + PATIENCE * 1000;

	do {
		take_regions(run->carve, now);
		if (patient_ms() > end)
			fail_leaked(run->carve, now);
		sleep_ms(2);
	} while (memcmp(now, run->before, sizeof(now)) != 0);
	if (run->by_hand)
		return;
	/* The state, two simulated regions, and this connection. */
	while (supervisor_get_status(run->supervisor).stored != 4) {
		if (patient_ms() > end)
			fail_msg("%u descriptors are stored",
				 supervisor_get_status(run->supervisor).stored);
		sleep_ms(2);
	}
}

static void print_figures(const struct crash_run *run, const struct supervisor_status *last)
{
	const struct crash_world *world = run->world;

	print_message("# %u starts, %u deaths, %llu calls, %llu failed, %llu overlaps, "
		      "%llu spoilt, %llu appeals, %llu lost, slowest %lld ms\n", last->starts,
		      world->deaths, (unsigned long long)crash_world_calls(world),
		      (unsigned long long)crash_world_failed(world),
		      (unsigned long long)world->overlaps,
		      (unsigned long long)world->spoilt,
		      (unsigned long long)world->appeals,
		      (unsigned long long)world->lost,
		      (long long)crash_world_slowest_ms(world));
}

void crash_run_unload(struct crash_run *run)
{
	struct supervisor_status last = { 0 };

	await_load(run);
	if (!run->by_hand) {
		supervisor_wait_ready(run->supervisor);
		crash_world_check(run->world, run->carve);
		last = supervisor_get_status(run->supervisor);
	}
	crash_world_end(run->world);
	print_figures(run, &last);
	assert_int_equal(last.failures, 0);
	assert_int_equal(last.refused, 0);
	assert_int_equal(crash_world_failed(run->world), 0);
	assert_int_equal(run->world->overlaps, 0);
	assert_int_equal(run->world->spoilt, 0);
	assert_nothing_left(run);
}

void crash_run_stop(struct crash_run *run)
{
	int status;

	carve_free(run->carve);
	if (run->by_hand) {
		daemon_stop(run->daemon);
	} else {
		status = supervisor_stop(run->supervisor);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_log_clean(run->daemon);
	}
	crash_world_free(run->world);
	run->ended = true;
}

void crash_run_end(struct crash_run *run)
{
	crash_run_unload(run);
	crash_run_stop(run);
}
