// SPDX-License-Identifier: MIT
/* The daemon was restarted and has forgotten what it had promised. */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static struct carve_class class = {
	.struct_size = sizeof(class), .bytes = PEER_PAGE, .count = 1,
};

static int change(struct carve_reservation *reservation)
{
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.classes = &class;
	profile.class_count = 1;
	return carve_reservation_change(reservation, &profile, NULL);
}

static int alloc_of(struct carve_reservation *reservation)
{
	struct carve_buffer *buffer = NULL;
	int r = carve_reservation_alloc(reservation, 0, NULL, 0, &buffer);

	if (r == 0)
		carve_buffer_unref(buffer);
	else
		assert_null(buffer);
	return r;
}

/* Everything about it fails without a round trip, but what it was can be read. */
static void expect_lost(struct peer *peer, struct carve_reservation *reservation)
{
	unsigned int requests = peer->requests;

	assert_int_equal(alloc_of(reservation), -ESTALE);
	assert_int_equal(change(reservation), -ESTALE);
	assert_int_equal(carve_reservation_count(reservation), 1);
	assert_int_equal(carve_reservation_get(reservation, 0)->bytes, PEER_PAGE);
	assert_null(carve_reservation_free(reservation));
	assert_int_equal(peer->requests, requests);
}

static void a_call_that_needs_what_is_lost_fails(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		struct peer peer = { 0 };
		struct carve *carve = restart_begin(&peer);
		struct carve_reservation *reservation = restart_reserve(carve);

		/* In the middle of it: it must not be sent again. */
		peer.spoil = restart_die_first;
		peer.resume_flags = CARVE_WIRE_RESUME_LOST;
		assert_int_equal(which ? change(reservation) :
				 alloc_of(reservation), -ESTALE);
		assert_int_equal(restart_seen.count, 1);
		expect_lost(&peer, reservation);
		/* A new one is as good as any. */
		peer.spoil = NULL;
		reservation = restart_reserve(carve);
		assert_int_equal(alloc_of(reservation), 0);
		assert_int_equal(change(reservation), 0);
		carve_reservation_free(reservation);
		restart_end(&peer, carve);
	}
}

static void a_call_that_needs_nothing_goes_on(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct carve_reservation *reservation = restart_reserve(carve), *new;

	(void)state;
	peer.spoil = restart_die_first;
	peer.resume_flags = CARVE_WIRE_RESUME_LOST;
	assert_int_equal(restart_alloc(carve, 0), 0);
	expect_lost(&peer, reservation);
	/* One that is being granted is of the daemon that grants it. */
	new = restart_reserve(carve);
	peer.resume_flags = 0;
	assert_int_equal(alloc_of(new), 0);
	carve_reservation_free(new);
	restart_end(&peer, carve);
}

/* Freeing finds out: nothing is left to be given back. */
static void freeing_may_be_what_finds_out(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct carve_reservation *reservation = restart_reserve(carve);

	(void)state;
	peer.spoil = restart_die_first;
	peer.resume_flags = CARVE_WIRE_RESUME_LOST;
	assert_null(carve_reservation_free(reservation));
	assert_int_equal(restart_seen.count, 1);
	restart_end(&peer, carve);
}

static unsigned int calls;

static void count_calls(const struct carve_pressure *pressure, void *data)
{
	(void)pressure;
	(void)data;
	calls++;
}

static void tell_pressure(struct peer *peer)
{
	struct carve_wire_pressure pressure = {
		.header.bytes = sizeof(pressure),
		.header.type = CARVE_MSG_PRESSURE,
		.region = "a",
		.wanted_bytes = 1,
	};

	assert_true(send(peer->socket, &pressure, sizeof(pressure), 0) > 0);
}

/* Poll and dispatch until something is said. Return: what. */
static int next_word(struct carve *carve)
{
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	int r = 0;

	for (int i = 0; r == 0 && i < 100; i++) {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		r = carve_dispatch(carve);
	}
	return r;
}

static void die_but_not_of_watch(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type != CARVE_MSG_WATCH)
		restart_die_first(peer, answer);
}

static void an_idle_client_hears_of_it_once(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	struct carve_reservation *reservation = restart_reserve(carve);

	(void)state;
	assert_int_equal(carve_watch_pressure(carve, count_calls, NULL), 0);
	assert_int_equal(peer.watches, 1);
	peer.resume_flags = CARVE_WIRE_RESUME_LOST;
	peer_epoch(&peer);
	assert_int_equal(next_word(carve), -ESTALE);
	assert_int_equal(carve_dispatch(carve), 0);
	restart_await(&peer.watches, 2);
	expect_lost(&peer, reservation);

	/* Also of what a call found out; and then of all else. */
	reservation = restart_reserve(carve);
	peer.spoil = die_but_not_of_watch;
	restart_seen.count = 0;
	assert_int_equal(restart_regions(carve), 0);
	assert_int_equal(peer.watches, 3);
	peer.spoil = NULL;
	calls = 0;
	tell_pressure(&peer);
	assert_int_equal(poll(&pollfd, 1, 0), 1);
	assert_int_equal(carve_dispatch(carve), -ESTALE);
	assert_int_equal(calls, 0);
	assert_int_equal(poll(&pollfd, 1, 0), 1);
	assert_int_equal(carve_dispatch(carve), 1);
	assert_int_equal(calls, 1);
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	expect_lost(&peer, reservation);
	restart_end(&peer, carve);
}

/* Who has reserved nothing, or has freed it, has lost nothing. */
static void who_has_nothing_loses_nothing(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	carve_reservation_free(restart_reserve(carve));
	peer.spoil = restart_die_first;
	restart_seen.count = 0;
	peer.resume_flags = CARVE_WIRE_RESUME_LOST;
	assert_int_equal(restart_regions(carve), 0);
	assert_int_equal(carve_dispatch(carve), 0);
	restart_end(&peer, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_needs_what_is_lost_fails),
		cmocka_unit_test(a_call_that_needs_nothing_goes_on),
		cmocka_unit_test(freeing_may_be_what_finds_out),
		cmocka_unit_test(an_idle_client_hears_of_it_once),
		cmocka_unit_test(who_has_nothing_loses_nothing),
	};

	return cmocka_run_group_tests_name("lib-lost", tests, NULL, NULL);
}
