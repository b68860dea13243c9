// SPDX-License-Identifier: MIT
/*
 * How long one allocation takes: against the floor, in groups, among many
 * clients, among many buffers.
 */
#include "service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS		41
#define WARM_CYCLES	20
#define TURN_CYCLES	500
#define GROUP		16
#define CLIENTS		1000
#define FEW_LIVE	100
#define MANY_LIVE	50000
#define LIVE_STEP	64
#define HELD_EACH	12500

/* Both servers in one place, and all clients, which are this process, in another. */
static void put(const struct place *place, pid_t server, pid_t other)
{
	place_process(getpid(), place->client);
	place_process(server, place->server);
	place_process(other, place->server);
}

/* On two processors, if there are two. */
static void put_last(pid_t server, pid_t other)
{
	struct place places[2];
	size_t count = places_get(places);

	put(&places[count - 1], server, other);
}

/* The same of two daemons. */
static void compare(struct carve *carves[2], struct turns *turns)
{
	struct samples samples = { 0 };

	for (int i = 0; i < TURNS; i++)
		for (int which = 0; which < 2; which++) {
			cycle(carves[which], WARM_CYCLES, NULL);
			cycle(carves[which], TURN_CYCLES, &samples);
			turns_add(turns, which, &samples);
		}
	samples_free(&samples);
}

static void report_floor(const char *where, struct turns *turns, bool limited)
{
	double floor = turns_p50(turns, 0), ours = turns_p50(turns, 1);
	char name[64];

	snprintf(name, sizeof(name), "allocate and close, p50, %s", where);
	report(name, ours / floor, limited ? 1.2 : NO_LIMIT,
	       ",\"floor_us\":%.2f,\"carve_us\":%.2f", floor / 1e3, ours / 1e3);
	floor = turns_p99(turns, 0);
	ours = turns_p99(turns, 1);
	snprintf(name, sizeof(name), "allocate and close, p99, %s", where);
	report(name, ours / floor, limited ? 2 : NO_LIMIT,
	       ",\"floor_us\":%.2f,\"carve_us\":%.2f", floor / 1e3, ours / 1e3);
}

/* The first cycles after a change find nothing where it was. */
static void compare_floor(struct floor *floor, struct carve *carve,
			  struct turns *turns)
{
	struct samples samples = { 0 };

	for (int i = 0; i < TURNS; i++) {
		floor_cycle(floor, WARM_CYCLES, NULL);
		floor_cycle(floor, TURN_CYCLES, &samples);
		turns_add(turns, 0, &samples);
		cycle(carve, WARM_CYCLES, NULL);
		cycle(carve, TURN_CYCLES, &samples);
		turns_add(turns, 1, &samples);
	}
	samples_free(&samples);
}

/*
 * A media application and the daemon run on two processors, so that is the
 * place that has the limits. On one the floor loses its wake-ups, which are
 * most of it, and what is left is the bare work of both: reported as well.
 */
void measure_floor(void)
{
	struct floor *floor = floor_new();
	struct place places[2];
	struct service service;
	struct carve *carve;
	size_t count = places_get(places);

	service_start(&service, "64M", 16);
	carve = connect_to(&service);
	for (size_t i = 0; i < count; i++) {
		struct turns turns = { 0 };

		put(&places[i], floor_server(floor), service.pid);
		compare_floor(floor, carve, &turns);
		report_floor(places[i].name, &turns, i == 1);
		turns_free(&turns);
	}
	if (count < 2)
		fprintf(stderr, "allocate and close on two processors: skipped: "
			"there is but one\n");
	carve_free(carve);
	service_stop(&service);
	floor_free(floor);
	place_process(getpid(), -1);
}

static void cycle_group(struct carve *carve, size_t count,
			struct samples *samples)
{
	struct carve_request requests[GROUP];
	struct carve_buffer *buffers[GROUP];

	for (int i = 0; i < GROUP; i++) {
		requests[i] = (struct carve_request)CARVE_REQUEST_INIT;
		requests[i].bytes = (uint64_t)getpagesize();
	}
	while (count--) {
		double start = now_nsec();
		int r = carve_alloc_many(carve, requests, GROUP, buffers, NULL);

		if (r < 0)
			die("no buffers: %s", strerror(-r));
		for (int i = 0; i < GROUP; i++)
			carve_buffer_unref(buffers[i]);
		samples_add(samples, now_nsec() - start);
	}
}

void measure_many_in_one(void)
{
	struct samples samples = { 0 };
	struct place places[2];
	struct service service;
	struct carve *carve;
	size_t count = places_get(places);

	service_start(&service, "64M", 16);
	carve = connect_to(&service);
	for (size_t place = 0; place < count; place++) {
		struct turns turns = { 0 };
		char name[64];

		put(&places[place], service.pid, service.pid);
		for (int i = 0; i < TURNS; i++) {
			cycle(carve, WARM_CYCLES, NULL);
			cycle(carve, TURN_CYCLES, &samples);
			turns_add(&turns, 0, &samples);
			cycle_group(carve, TURN_CYCLES / GROUP, &samples);
			turns_add(&turns, 1, &samples);
		}
		snprintf(name, sizeof(name), "16 buffers in one round trip, %s",
			 places[place].name);
		report(name, turns_p50(&turns, 1) / turns_p50(&turns, 0),
		       place == 1 ? 6 : NO_LIMIT,
		       ",\"one_us\":%.2f,\"group_us\":%.2f",
		       turns_p50(&turns, 0) / 1e3, turns_p50(&turns, 1) / 1e3);
		turns_free(&turns);
	}
	if (count < 2)
		fprintf(stderr, "16 buffers in one round trip on two processors: "
			"skipped: there is but one\n");
	carve_free(carve);
	service_stop(&service);
	samples_free(&samples);
	place_process(getpid(), -1);
}

/* Two daemons, one of them with a thousand idle clients beside the busy one. */
void measure_clients(void)
{
	static struct carve *idle[CLIENTS - 1];
	struct turns turns = { 0 };
	struct service services[2];
	struct carve *carves[2];

	for (int i = 0; i < 2; i++) {
		service_start(&services[i], "64M", CLIENTS + 8);
		carves[i] = connect_to(&services[i]);
	}
	for (int i = 0; i < CLIENTS - 1; i++)
		idle[i] = connect_to(&services[1]);
	put_last(services[0].pid, services[1].pid);
	compare(carves, &turns);
	report("latency with 1000 clients", turns_p50(&turns, 1) /
	       turns_p50(&turns, 0), 1.2,
	       ",\"lone_us\":%.2f,\"crowd_us\":%.2f",
	       turns_p50(&turns, 0) / 1e3, turns_p50(&turns, 1) / 1e3);
	place_process(getpid(), -1);
	for (int i = 0; i < CLIENTS - 1; i++)
		carve_free(idle[i]);
	for (int i = 0; i < 2; i++) {
		carve_free(carves[i]);
		service_stop(&services[i]);
	}
	turns_free(&turns);
}

/* In a process of its own, since each may only have so many descriptors. */
static pid_t hold(const struct service *service, size_t count)
{
	struct carve_buffer **buffers = calloc(count, sizeof(*buffers));
	struct carve *carve;
	int held[2];
	pid_t child;
	char byte;

	if (!buffers || pipe(held) < 0)
		die("out of memory");
	fflush(NULL);
	child = fork();
	if (child < 0)
		die("no process");
	if (child) {
		close(held[1]);
		if (read(held[0], &byte, 1) != 1)
			die("the buffers could not be had");
		close(held[0]);
		free(buffers);
		return child;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	carve = connect_to(service);
	for (size_t i = 0; i < count; i++)
		buffers[i] = allocate(carve);
	/* Not one dense block: every so often one is missing. */
	for (size_t i = 0; i < count; i += LIVE_STEP)
		carve_buffer_unref(buffers[i]);
	if (write(held[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

void measure_live(void)
{
	static const size_t counts[2] = { FEW_LIVE, MANY_LIVE };
	struct turns turns = { 0 };
	pid_t holders[2][MANY_LIVE / HELD_EACH + 1];
	struct service services[2];
	struct carve *carves[2];
	size_t children[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		service_start(&services[i], "512M", 16);
		for (size_t left = counts[i]; left; ) {
			size_t part = left < HELD_EACH ? left : HELD_EACH;

			holders[i][children[i]++] = hold(&services[i], part);
			left -= part;
		}
		carves[i] = connect_to(&services[i]);
	}
	put_last(services[0].pid, services[1].pid);
	compare(carves, &turns);
	report("among 50000 live buffers", turns_p50(&turns, 1) /
	       turns_p50(&turns, 0), 1.3,
	       ",\"few_us\":%.2f,\"many_us\":%.2f",
	       turns_p50(&turns, 0) / 1e3, turns_p50(&turns, 1) / 1e3);
	place_process(getpid(), -1);
	for (int i = 0; i < 2; i++) {
		while (children[i]--) {
			kill(holders[i][children[i]], SIGKILL);
			waitpid(holders[i][children[i]], NULL, 0);
		}
		carve_free(carves[i]);
		service_stop(&services[i]);
	}
	turns_free(&turns);
}
