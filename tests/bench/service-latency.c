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

#define ROUNDS		20
#define CYCLES		1000
#define GROUP		16
#define CLIENTS		1000
#define FEW_LIVE	100
#define MANY_LIVE	50000
#define LIVE_STEP	64
#define HELD_EACH	12500

void measure_floor(void)
{
	struct floor *floor = floor_new();
	struct samples least = { 0 }, ours = { 0 };
	struct service service;
	struct carve *carve;

	service_start(&service, "64M", 16);
	carve = connect_to(&service);
	cycle(carve, CYCLES, NULL);
	floor_cycle(floor, CYCLES, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		floor_cycle(floor, CYCLES, &least);
		cycle(carve, CYCLES, &ours);
	}
	report("allocate and close, p50", samples_at(&ours, 0.5) /
	       samples_at(&least, 0.5), 1.2,
	       ",\"floor_us\":%.2f,\"carve_us\":%.2f",
	       samples_at(&least, 0.5) / 1e3, samples_at(&ours, 0.5) / 1e3);
	report("allocate and close, p99", samples_at(&ours, 0.99) /
	       samples_at(&least, 0.99), 2,
	       ",\"floor_us\":%.2f,\"carve_us\":%.2f",
	       samples_at(&least, 0.99) / 1e3, samples_at(&ours, 0.99) / 1e3);
	carve_free(carve);
	service_stop(&service);
	floor_free(floor);
	samples_free(&least);
	samples_free(&ours);
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
	struct samples one = { 0 }, group = { 0 };
	struct service service;
	struct carve *carve;

	service_start(&service, "64M", 16);
	carve = connect_to(&service);
	cycle(carve, CYCLES, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		cycle(carve, CYCLES, &one);
		cycle_group(carve, CYCLES / GROUP, &group);
	}
	report("16 buffers in one round trip", samples_at(&group, 0.5) /
	       samples_at(&one, 0.5), 6, ",\"one_us\":%.2f,\"group_us\":%.2f",
	       samples_at(&one, 0.5) / 1e3, samples_at(&group, 0.5) / 1e3);
	carve_free(carve);
	service_stop(&service);
	samples_free(&one);
	samples_free(&group);
}

/* Two daemons, one of them with a thousand idle clients beside the busy one. */
void measure_clients(void)
{
	static struct carve *idle[CLIENTS - 1];
	struct samples lone = { 0 }, crowd = { 0 };
	struct service services[2];
	struct carve *carves[2];

	for (int i = 0; i < 2; i++) {
		service_start(&services[i], "64M", CLIENTS + 8);
		carves[i] = connect_to(&services[i]);
	}
	for (int i = 0; i < CLIENTS - 1; i++)
		idle[i] = connect_to(&services[1]);
	cycle(carves[0], CYCLES, NULL);
	cycle(carves[1], CYCLES, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		cycle(carves[0], CYCLES, &lone);
		cycle(carves[1], CYCLES, &crowd);
	}
	report("latency with 1000 clients", samples_at(&crowd, 0.5) /
	       samples_at(&lone, 0.5), 1.2,
	       ",\"lone_us\":%.2f,\"crowd_us\":%.2f",
	       samples_at(&lone, 0.5) / 1e3, samples_at(&crowd, 0.5) / 1e3);
	for (int i = 0; i < CLIENTS - 1; i++)
		carve_free(idle[i]);
	for (int i = 0; i < 2; i++) {
		carve_free(carves[i]);
		service_stop(&services[i]);
	}
	samples_free(&lone);
	samples_free(&crowd);
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
	struct samples samples[2] = { { 0 }, { 0 } };
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
		cycle(carves[i], CYCLES, NULL);
	}
	for (int i = 0; i < ROUNDS; i++) {
		cycle(carves[0], CYCLES, &samples[0]);
		cycle(carves[1], CYCLES, &samples[1]);
	}
	report("among 50000 live buffers", samples_at(&samples[1], 0.5) /
	       samples_at(&samples[0], 0.5), 1.3,
	       ",\"few_us\":%.2f,\"many_us\":%.2f",
	       samples_at(&samples[0], 0.5) / 1e3,
	       samples_at(&samples[1], 0.5) / 1e3);
	for (int i = 0; i < 2; i++) {
		while (children[i]--) {
			kill(holders[i][children[i]], SIGKILL);
			waitpid(holders[i][children[i]], NULL, 0);
		}
		carve_free(carves[i]);
		service_stop(&services[i]);
		samples_free(&samples[i]);
	}
}
