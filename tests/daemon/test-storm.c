// SPDX-License-Identifier: MIT
/*
 * Everything that waits at once: sizes, timeouts, several buffers a request,
 * reservations, cancels and connections that end at any moment. Afterwards
 * nothing is left of it. CARVE_TEST_SEED repeats a run, but for its timing.
 */
#include "waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS		12
#define STEPS		150
#define HELD		8

struct client {
	const struct daemon *daemon;
	unsigned int seed;
	_Atomic bool waits;
	struct carve *carve;
	struct carve_buffer *held[HELD];
	unsigned int served, refused, cancelled;
	pthread_t thread;
};

static unsigned int below(struct client *client, unsigned int bound)
{
	return (unsigned int)rand_r(&client->seed) % bound;
}

static void count(struct client *client, int r)
{
	if (r == 0)
		client->served++;
	else if (r == -ECANCELED)
		client->cancelled++;
	else if (r == -ENOSPC || r == -ETIMEDOUT || r == -EDQUOT)
		client->refused++;
	else
		fail_msg("an answer of %d", r);
}

static void allocate(struct client *client)
{
	static const uint64_t timeouts[] = {
		0, 1, 3 * MSEC, 30 * MSEC, 200 * MSEC, CARVE_FOREVER,
	};
	struct carve_request requests[3];
	struct carve_buffer *buffers[3] = { NULL };
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	unsigned int i, n = 1 + below(client, 3);
	uint64_t timeout = timeouts[below(client, 6)];
	int r;

	for (i = 0; i < n; i++) {
		requests[i] = (struct carve_request)CARVE_REQUEST_INIT;
		requests[i].bytes = (1 + below(client, below(client, 4) ? 64 : 700)) * PAGE;
		requests[i].alignment = PAGE << below(client, 4);
		requests[i].timeout_nsec = timeout;
	}
	client->waits = true;
	r = carve_alloc_many(client->carve, requests, n, buffers, &refusal);
	client->waits = false;
	count(client, r);
	if (r < 0)
		return;
	for (i = 0; i < n; i++) {
		struct carve_buffer **place = &client->held[below(client, HELD)];

		carve_buffer_unref(*place);
		*place = buffers[i];
	}
}

static void reserve(struct client *client)
{
	struct carve_class class = CARVE_CLASS_INIT;
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	struct carve_buffer *buffer;
	int r;

	class.count = 1 + below(client, 4);
	class.bytes = (1 + below(client, 80)) * PAGE;
	profile.class_count = 1;
	profile.classes = &class;
	profile.timeout_nsec = below(client, 2) ? 0 : 20 * MSEC;
	client->waits = true;
	r = carve_reserve(client->carve, &profile, &reservation, NULL);
	client->waits = false;
	count(client, r);
	if (r < 0)
		return;
	/* The promise holds in the middle of all this. */
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0, &buffer), 0);
	carve_buffer_unref(buffer);
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0, &buffer), 0);
	if (below(client, 2)) {
		carve_reservation_free(reservation);
		carve_buffer_unref(buffer);
	} else {
		carve_buffer_unref(buffer);
		carve_reservation_free(reservation);
	}
}

static void *run(void *data)
{
	struct client *client = data;
	unsigned int i;

	for (i = 0; i < STEPS; i++) {
		struct carve_buffer **place = &client->held[below(client, HELD)];

		switch (below(client, 6)) {
		case 0:
			reserve(client);
			break;
		case 1:
		case 2:
			*place = carve_buffer_unref(*place);
			break;
		default:
			/* Who waits with its hands full may wait for itself. */
			if (below(client, 3) == 0)
				for (place = client->held; place < client->held + HELD; place++)
					*place = carve_buffer_unref(*place);
			allocate(client);
		}
	}
	for (i = 0; i < HELD; i++)
		carve_buffer_unref(client->held[i]);
	return NULL;
}

static void start(struct client *client, const struct daemon *daemon,
		  unsigned int seed)
{
	*client = (struct client){ .daemon = daemon, .seed = seed };
	client->carve = client_new(daemon);
	assert_int_equal(pthread_create(&client->thread, NULL, run, client), 0);
}

static void *cancel_all(void *data)
{
	struct client *clients = data;
	unsigned int i;

	for (;;) {
		for (i = 0; i < CLIENTS; i++)
			if (clients[i].waits)
				carve_cancel(clients[i].carve);
		usleep(20000);
		pthread_testcancel();
	}
	return NULL;
}

static void test_nothing_is_left_of_a_storm(void **state)
{
	const char *text = getenv("CARVE_TEST_SEED");
	unsigned int seed = text ? (unsigned int)strtoul(text, NULL, 0) :
				   (unsigned int)time(NULL);
	unsigned int served = 0, refused = 0, cancelled = 0, i;
	struct client clients[CLIENTS];
	struct daemon *daemon;
	struct carve *carve;
	pthread_t canceller;
	unsigned int fds;

	(void)state;
	print_message("# CARVE_TEST_SEED=%u\n", seed);
	daemon = daemon_start("--simulate", "4M", NULL);
	carve = client_new(daemon);
	fds = daemon_fds(daemon);
	for (i = 0; i < CLIENTS; i++)
		start(&clients[i], daemon, seed + i);
	assert_int_equal(pthread_create(&canceller, NULL, cancel_all, clients), 0);
	for (i = 0; i < CLIENTS; i++) {
		assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
		served += clients[i].served;
		refused += clients[i].refused;
		cancelled += clients[i].cancelled;
	}
	pthread_cancel(canceller);
	pthread_join(canceller, NULL);
	for (i = 0; i < CLIENTS; i++)
		carve_free(clients[i].carve);
	print_message("# %u served, %u refused, %u cancelled\n", served, refused,
		      cancelled);
	assert_true(served > 100 && refused > 10);
	assert_waiting_becomes(carve, 0);
	assert_all_clean(carve);
	assert_fds_become(daemon, fds);
	/* And all of it can be had again. */
	carve_buffer_unref(client_alloc(carve, 4 * MIB, NULL));
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_nothing_is_left_of_a_storm),
	};

	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
