// SPDX-License-Identifier: MIT
/*
 * soak: a mixed load with faults, which ends with the exact map that it started
 * from, and with a daemon that has not grown. In the environment: T, seconds, and
 * CYCLES, buffers allocated and closed, both of which have to be reached (one alone
 * may be given; 600 seconds); CARVE_SEED repeats a run but for its timing;
 * SOAK_LEAK=1 keeps a buffer, and so it has to fail.
 */
#include "soak.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_DEFAULT	600
#define CYCLERS		4
#define REST_MS		2

/* Deaths of the daemon for so many percent; afterwards one has to stay as it is. */
#define DEADLY_PERCENT	60
#define MEASURE_PERCENT	65

#define REPORT_MS	10000
#define TURN_MS		1500
#define TURNS_A_CHECK	8

static struct soak {
	struct crash_run run;
	uint64_t seconds;
	uint64_t cycles;
	int64_t begin_ms;
	int64_t report_ms;
	unsigned int faults[SOAK_FAULTS];
	unsigned int checks;
} soak;

static uint64_t number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	uint64_t value;

	if (!text || !*text)
		return 0;
	value = strtoull(text, &end, 10);
	if (*end || !value)
		fail_msg("%s=%s is no number above 0", name, text);
	return value;
}

static void print_progress(const char *what)
{
	const struct crash_world *world = soak.run.world;
	double seconds = (double)(now_ms() - soak.begin_ms) / 1000;

	print_message("# %s%.0f s, %llu cycles (%.0f/s), %llu calls, %u deaths, %llu refused "
		      "without descriptors, failures %llu\n", what, seconds,
		      (unsigned long long)crash_world_cycles(world),
		      (double)crash_world_cycles(world) / seconds,
		      (unsigned long long)crash_world_calls(world), world->deaths,
		      (unsigned long long)world->busy,
		      (unsigned long long)crash_world_failed(world));
	fflush(stdout);
}

/* Of what was asked for; both have to be reached. */
static unsigned int done_percent(void)
{
	uint64_t seconds = (uint64_t)(now_ms() - soak.begin_ms) / 1000;
	uint64_t cycles = crash_world_cycles(soak.run.world);
	uint64_t percent = 100;

	if (soak.seconds && seconds * 100 / soak.seconds < percent)
		percent = seconds * 100 / soak.seconds;
	if (soak.cycles && cycles * 100 / soak.cycles < percent)
		percent = cycles * 100 / soak.cycles;
	return (unsigned int)percent;
}

static void check_books(void)
{
	crash_world_check(soak.run.world, soak.run.carve);
	soak.checks++;
}

/* Faults from @first on, until so much is done. */
static void go_on_until(unsigned int percent, enum soak_fault first)
{
	enum soak_fault fault;

	for (unsigned int turn = 1; done_percent() < percent; turn++) {
		soak_work(&soak.run, rand() % TURN_MS);
		fault = first + (enum soak_fault)rand() % (SOAK_FAULTS - first);
		soak_fault(&soak.run, fault);
		soak.faults[fault]++;
		if (turn % TURNS_A_CHECK == 0)
			check_books();
		if (crash_world_failed(soak.run.world))
			fail_msg("a call has failed");
		if (now_ms() > soak.report_ms) {
			soak.report_ms = now_ms() + REPORT_MS;
			print_progress("");
		}
	}
}

/* With all clients there, and without a buffer. */
static struct soak_size size_when_empty(const struct soak_size *before)
{
	struct soak_size size;

	crash_world_empty(soak.run.world);
	while (client_region(soak.run.carve).dirty_bytes)
		sleep_ms(5);
	if (before)
		soak_size_expect(&soak.run, before);
	size = soak_size(&soak.run);
	crash_world_go_on(soak.run.world);
	return size;
}

static void begin(void)
{
	soak.seconds = number("T");
	soak.cycles = number("CYCLES");
	if (!soak.seconds && !soak.cycles)
		soak.seconds = SECONDS_DEFAULT;
	crash_run_prepare(&soak.run);
	crash_run_start(&soak.run);
	soak.run.world->rest_ms = REST_MS;
}

static void add_load(void)
{
	soak.begin_ms = now_ms();
	soak.report_ms = soak.begin_ms + REPORT_MS;
	for (int i = 0; i < CYCLERS; i++)
		crash_world_add(soak.run.world, CRASH_CYCLE, i == 0);
	crash_run_load(&soak.run);
}

static void print_figures(void)
{
	print_progress("all: ");
	for (int i = 0; i < SOAK_FAULTS; i++)
		print_message("# %u %s\n", soak.faults[i], soak_fault_names[i]);
	print_message("# the books were compared %u times\n", soak.checks);
}

/* Somebody else's, which outlives the load. */
static struct carve_buffer *leak(void)
{
	if (!getenv("SOAK_LEAK"))
		return NULL;
	return client_alloc(soak.run.carve, PAGE, "leaked on purpose");
}

static void same_map_afterwards(void **state)
{
	struct carve_buffer *leaked;
	struct soak_size alone, size;
	char *map;

	(void)state;
	begin();
	map = soak_map(soak.run.carve);
	alone = soak_size(&soak.run);
	add_load();
	go_on_until(DEADLY_PERCENT, SOAK_KILL);
	go_on_until(MEASURE_PERCENT, SOAK_MILD);
	size = size_when_empty(NULL);
	go_on_until(100, SOAK_MILD);
	size_when_empty(&size);
	check_books();
	print_figures();
	crash_run_unload(&soak.run);
	leaked = leak();
	soak_map_expect(soak.run.carve, map);
	carve_buffer_unref(leaked);
	alone.anon_kib = size.anon_kib;
	soak_size_expect(&soak.run, &alone);
	free(map);
	crash_run_stop(&soak.run);
}

int main(void)
{
	const struct CMUnitTest tests[] = { CRASH_TEST(same_map_afterwards) };

	return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
