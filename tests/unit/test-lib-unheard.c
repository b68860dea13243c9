// SPDX-License-Identifier: MIT
/*
 * A reservation may have been granted by a daemon whose answer nobody waited for
 * any more: the next one is asked.
 */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHORT_NSEC	(30 * PEER_MSEC)
#define LONG_NSEC	(300000 * PEER_MSEC)

/* What the peer granted by which request, and what it holds still. */
static struct {
	uint64_t made_by;
	_Atomic bool held;
	_Atomic unsigned int asked;
	_Atomic unsigned int given_back;
	_Atomic unsigned int others;
	unsigned int deaths;
	struct peer_answer answer;
} granted;

static void grant(struct peer *peer, const struct peer_answer *answer)
{
	granted.made_by = peer->last.header.id;
	granted.held = true;
	granted.answer = *answer;
}

/* As the daemon does it: what it knows by its id is answered again. */
static void answer_as_granted(struct peer *peer, struct peer_answer *answer)
{
	const struct carve_wire_reserve *reserve = &peer->last.reserve;

	if (reserve->header.type != CARVE_MSG_RESERVE) {
		granted.others++;
	} else if (reserve->reservation && !reserve->count) {
		granted.given_back++;
		granted.held = false;
	} else if (reserve->count || reserve->flags) {
		granted.others++;
		if (granted.deaths) {
			grant(peer, answer);
			answer->hang_up = true;
			granted.deaths--;
		}
	} else {
		granted.asked++;
		/* Before anything else, and for nothing that could be granted. */
		if (granted.others || reserve->reservation ||
		    reserve->timeout_nsec)
			abort();
		if (granted.held && granted.made_by == reserve->header.id) {
			*answer = granted.answer;
			return;
		}
		answer->message.header.status = -ENOENT;
		answer->length = answer->message.header.bytes =
			sizeof(answer->message.header);
	}
}

static void grant_and_die(struct peer *peer, struct peer_answer *answer)
{
	grant(peer, answer);
	answer->hang_up = true;
	shutdown(peer->listener, SHUT_RDWR);
}

static void die(struct peer *peer, struct peer_answer *answer)
{
	answer->hang_up = true;
	shutdown(peer->listener, SHUT_RDWR);
}

static struct carve *begin(struct peer *peer)
{
	memset(&granted, 0, sizeof(granted));
	return restart_begin(peer);
}

/* The next daemon, which knows what the last one has granted. */
static void come_back(struct peer *peer)
{
	peer_kill(peer);
	carve_patience_nsec = LONG_NSEC;
	peer->spoil = answer_as_granted;
	peer_start_again(peer);
}

static int reserve(struct carve *carve, struct carve_reservation **ret)
{
	const struct carve_class class = {
		.struct_size = sizeof(class), .bytes = PEER_PAGE, .count = 2,
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.classes = &class;
	profile.class_count = 1;
	return carve_reserve(carve, &profile, ret, NULL);
}

static int change(struct carve_reservation *reservation)
{
	const struct carve_class class = {
		.struct_size = sizeof(class), .bytes = 3 * PEER_PAGE, .count = 5,
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.classes = &class;
	profile.class_count = 1;
	return carve_reservation_change(reservation, &profile, NULL);
}

static void what_nobody_heard_of_is_given_back(void **state)
{
	unsigned int fds = count_fds();

	(void)state;
	for (int claim = 0; claim < 2; claim++) {
		struct peer peer = { .spoil = grant_and_die };
		struct carve_reservation *reservation = NULL;
		struct carve *carve = begin(&peer);

		carve_patience_nsec = SHORT_NSEC;
		assert_int_equal(claim ? carve_reservation_claim(carve, "film", 0,
								 &reservation) :
				 reserve(carve, &reservation), -ECONNRESET);
		assert_null(reservation);
		come_back(&peer);
		assert_int_equal(restart_alloc(carve, 0), 0);
		assert_int_equal(granted.asked, 1);
		assert_int_equal(granted.given_back, 1);
		/* Once. */
		peer_kill(&peer);
		peer_start_again(&peer);
		assert_int_equal(restart_alloc(carve, 0), 0);
		assert_int_equal(granted.asked, 1);
		assert_int_equal(granted.given_back, 1);
		restart_end(&peer, carve);
	}
	assert_int_equal(count_fds(), fds);
}

static void what_was_not_granted_is_not_given_back(void **state)
{
	struct peer peer = { .spoil = die };
	struct carve_reservation *reservation = NULL;
	struct carve *carve = begin(&peer);

	(void)state;
	carve_patience_nsec = SHORT_NSEC;
	assert_int_equal(reserve(carve, &reservation), -ECONNRESET);
	come_back(&peer);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(granted.asked, 1);
	assert_int_equal(granted.given_back, 0);
	restart_end(&peer, carve);
}

static void what_was_never_sent_is_not_asked_for(void **state)
{
	struct peer peer = { 0 };
	struct carve_reservation *reservation = NULL;
	struct carve *carve = begin(&peer);

	(void)state;
	peer_kill(&peer);
	carve_patience_nsec = SHORT_NSEC;
	/* The first one finds out that the socket is gone, the second has none. */
	assert_int_equal(restart_alloc(carve, 0), -ECONNRESET);
	assert_int_equal(reserve(carve, &reservation), -ECONNRESET);
	carve_patience_nsec = LONG_NSEC;
	peer.spoil = answer_as_granted;
	peer_start_again(&peer);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(granted.asked, 0);
	restart_end(&peer, carve);
}

/* Also by an event loop; and when the daemon that is asked dies of it. */
static void ask_and_die(struct peer *peer, struct peer_answer *answer)
{
	answer_as_granted(peer, answer);
	if (granted.asked == 1) {
		answer->hang_up = true;
		peer->spoil = answer_as_granted;
	}
}

static void an_event_loop_asks_too(void **state)
{
	struct peer peer = { .spoil = grant_and_die };
	struct carve_reservation *reservation = NULL;
	struct carve *carve = begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };

	(void)state;
	carve_patience_nsec = SHORT_NSEC;
	assert_int_equal(reserve(carve, &reservation), -ECONNRESET);
	peer_kill(&peer);
	carve_patience_nsec = LONG_NSEC;
	peer.spoil = ask_and_die;
	peer_start_again(&peer);
	while (!granted.given_back) {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		assert_int_equal(carve_dispatch(carve), 0);
	}
	assert_int_equal(granted.asked, 2);
	restart_end(&peer, carve);
}

static void too_many_deaths_are_asked_about(void **state)
{
	struct peer peer = { .spoil = answer_as_granted };
	struct carve_reservation *reservation = NULL;
	struct carve *carve = begin(&peer);

	(void)state;
	granted.deaths = 17;
	assert_int_equal(reserve(carve, &reservation), -ECONNRESET);
	assert_int_equal(granted.others, 17);
	granted.others = 0;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(granted.asked, 1);
	assert_int_equal(granted.given_back, 1);
	restart_end(&peer, carve);
}

/* Which of the two is it now? Its next buffer is of that size. */
static void a_change_holds_as_the_daemon_has_it(void **state)
{
	(void)state;
	for (int done = 0; done < 2; done++) {
		struct peer peer = { 0 };
		struct carve *carve = begin(&peer);
		struct carve_reservation *reservation = restart_reserve(carve);
		struct carve_buffer *buffer = NULL;
		uint64_t bytes = done ? 3 * PEER_PAGE : PEER_PAGE;

		carve_patience_nsec = SHORT_NSEC;
		peer.spoil = done ? grant_and_die : die;
		assert_int_equal(change(reservation), -ECONNRESET);
		peer.class_bytes[0] = bytes;
		come_back(&peer);
		assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0,
							 &buffer), 0);
		assert_int_equal(carve_buffer_get_bytes(buffer), bytes);
		carve_buffer_unref(buffer);
		assert_int_equal(granted.asked, 1);
		assert_int_equal(granted.given_back, 0);
		assert_int_equal(carve_reservation_get(reservation, 0)->bytes,
				 bytes);
		carve_reservation_free(reservation);
		assert_int_equal(granted.given_back, 1);
		restart_end(&peer, carve);
	}
}

/* Freed before anybody could be asked: nobody needs to be. */
static void a_change_of_what_is_freed_is_forgotten(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = begin(&peer);
	struct carve_reservation *reservation = restart_reserve(carve);

	(void)state;
	carve_patience_nsec = SHORT_NSEC;
	peer.spoil = grant_and_die;
	assert_int_equal(change(reservation), -ECONNRESET);
	carve_reservation_free(reservation);
	come_back(&peer);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(granted.asked, 0);
	assert_int_equal(granted.given_back, 1);
	restart_end(&peer, carve);
}

/* A daemon that answers anything: the number is another, there is no class. */
static void answer_nonsense(struct peer *peer, struct peer_answer *answer)
{
	answer_as_granted(peer, answer);
	if (peer->last.header.type != CARVE_MSG_RESERVE)
		return;
	if (granted.deaths == 0)
		answer->message.reserve.reservation++;
	else if (granted.deaths == 1)
		answer->message.reserve.classes[0].count = 0;
	else
		answer->message.reserve.count = 0;
}

static void nonsense_ends_the_connection(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < 3; kind++) {
		struct peer peer = { 0 };
		struct carve *carve = begin(&peer);
		struct carve_reservation *reservation = restart_reserve(carve);
		struct carve_buffer *buffer = NULL;

		carve_patience_nsec = SHORT_NSEC;
		peer.spoil = grant_and_die;
		assert_int_equal(change(reservation), -ECONNRESET);
		peer_kill(&peer);
		carve_patience_nsec = LONG_NSEC;
		granted.deaths = kind;
		peer.spoil = answer_nonsense;
		peer_start_again(&peer);
		assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0,
							 &buffer), -EPROTO);
		assert_null(buffer);
		assert_int_equal(restart_alloc(carve, 0), -EPIPE);
		assert_int_equal(carve_reservation_get(reservation, 0)->bytes,
				 PEER_PAGE);
		carve_reservation_free(reservation);
		restart_end(&peer, carve);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_heard_of_is_given_back),
		cmocka_unit_test(what_was_not_granted_is_not_given_back),
		cmocka_unit_test(what_was_never_sent_is_not_asked_for),
		cmocka_unit_test(an_event_loop_asks_too),
		cmocka_unit_test(too_many_deaths_are_asked_about),
		cmocka_unit_test(a_change_holds_as_the_daemon_has_it),
		cmocka_unit_test(a_change_of_what_is_freed_is_forgotten),
		cmocka_unit_test(nonsense_ends_the_connection),
	};

	carve_patience_nsec = LONG_NSEC;
	return cmocka_run_group_tests_name("lib-unheard", tests, NULL, NULL);
}
