// SPDX-License-Identifier: MIT
/*
 * The connection broke with the daemon: another one is made to the same path, as
 * who this client was, and what was not answered is asked again. Not for ever.
 */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* For those who wait in vain. */
#define SHORT_NSEC	(150 * PEER_MSEC)
/* For those who do not. */
#define LONG_NSEC	(300000 * PEER_MSEC)

static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * PEER_MSEC + now.tv_nsec;
}

/* ---- in the middle of a round trip ------------------------------------------- */

/* Every other request is the last thing that a daemon reads. */
static void hang_up_first(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	answer->hang_up = restart_seen.count % 2;
}

static void a_call_is_made_again_on_another_socket(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .spoil = hang_up_first };
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve *carve = restart_begin(&peer);
	struct carve_reservation *reservation;

	(void)state;
	/* Not looked at again. */
	setenv("CARVE_SOCKET", "/nowhere", 1);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(restart_regions(carve), 0);
	assert_int_equal(carve_query(carve, 0, &info), 0);
	assert_int_equal(peer.last_fds, 2);
	reservation = restart_reserve(carve);
	carve_reservation_free(reservation);
	unsetenv("CARVE_SOCKET");
	assert_int_equal(restart_seen.count, 10);
	for (unsigned int i = 0; i < 10; i += 2)
		assert_int_equal(restart_seen.ids[i], restart_seen.ids[i + 1]);
	assert_int_equal(peer.hellos, 6);
	assert_int_equal(peer.resumes, 5);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

static void hang_up_always(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	answer->hang_up = true;
}

static void what_kills_every_daemon_comes_to_an_end(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .spoil = hang_up_always };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_alloc(carve, 0), -ECONNRESET);
	assert_int_equal(restart_seen.count, 17);
	peer.spoil = NULL;
	assert_int_equal(restart_alloc(carve, 0), 0);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

/* Kept by nobody at first, then kept: two ways to lose a daemon in one call. */
static void hang_up_then_die(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count == 1) {
		answer->hang_up = true;
	} else if (restart_seen.count < 4) {
		answer->silent = true;
		peer_epoch(peer);
	}
}

/* HELLO of the second socket is the second request: it was not answered either. */
static void an_epoch_in_the_middle_of_a_greeting(void **state)
{
	struct peer peer = { .spoil = NULL };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	peer.spoil_hello = true;
	peer.spoil = hang_up_then_die;
	assert_int_equal(restart_alloc(carve, 0), 0);
	/* ALLOC; HELLO; RESUME as nobody, dropped by another epoch, and again. */
	assert_int_equal(peer.hellos, 3);
	assert_int_equal(peer.resumes, 3);
	restart_end(&peer, carve);
}

/* ---- nobody is there for a while -------------------------------------------------- */

static void *start_later(void *data)
{
	usleep(60000);
	peer_start_again(data);
	return NULL;
}

static void a_call_waits_for_the_next_daemon(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	pthread_t thread;
	uint64_t begin;

	(void)state;
	for (unsigned int i = 1; i <= 2; i++) {
		peer_kill(&peer);
		/* Once there is nothing at all, once a socket that nobody serves. */
		if (i == 1)
			unlink(peer.path);
		begin = now_nsec();
		pthread_create(&thread, NULL, start_later, &peer);
		assert_int_equal(restart_alloc(carve, 0), 0);
		/* Soon: the next try is 50 ms later at most. */
		assert_in_range(now_nsec() - begin, 59 * PEER_MSEC,
				LONG_NSEC / 2);
		pthread_join(thread, NULL);
		assert_int_equal(peer.resumes, i);
	}
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

static void a_call_does_not_wait_for_ever(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	uint64_t begin;

	(void)state;
	peer_kill(&peer);
	carve_patience_nsec = SHORT_NSEC;
	for (int i = 0; i < 2; i++) {
		begin = now_nsec();
		assert_int_equal(restart_alloc(carve, CARVE_FOREVER), -ECONNRESET);
		assert_in_range(now_nsec() - begin, SHORT_NSEC, LONG_NSEC / 2);
	}
	assert_int_equal(carve_cancel(carve), -EPIPE);
	/* One that comes later serves again. */
	carve_patience_nsec = LONG_NSEC;
	peer_start_again(&peer);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(carve_cancel(carve), 0);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

static void say_nothing(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	answer->silent = true;
}

/* Somebody listens and never answers: that is no connection. */
static void a_silent_listener_is_not_waited_for_long(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	uint64_t begin = now_nsec();

	(void)state;
	peer_kill(&peer);
	peer.spoil = say_nothing;
	peer.spoil_hello = true;
	peer_start_again(&peer);
	carve_patience_nsec = SHORT_NSEC;
	assert_int_equal(restart_alloc(carve, 0), -ECONNRESET);
	assert_in_range(now_nsec() - begin, SHORT_NSEC, LONG_NSEC / 2);
	carve_patience_nsec = LONG_NSEC;
	restart_end(&peer, carve);
}

static unsigned int hellos_left;

static void hang_up_at_hello(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type == CARVE_MSG_HELLO && hellos_left) {
		hellos_left--;
		answer->hang_up = true;
	}
}

static void a_first_connection_may_be_reset(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .spoil = hang_up_at_hello, .spoil_hello = true };
	struct carve *carve = NULL;

	(void)state;
	hellos_left = 3;
	carve = restart_begin(&peer);
	assert_int_equal(peer.hellos, 4);
	assert_int_equal(restart_alloc(carve, 0), 0);
	carve_free(carve);

	hellos_left = 1000000;
	carve_patience_nsec = SHORT_NSEC;
	carve = NULL;
	assert_int_equal(carve_new(&carve, peer.path), -ECONNRESET);
	assert_null(carve);
	carve_patience_nsec = LONG_NSEC;
	peer_stop(&peer);
	assert_int_equal(count_fds(), fds);
}

static void speak_another_version(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	answer->message.header.status = -EPROTONOSUPPORT;
	answer->length = answer->message.header.bytes =
		sizeof(answer->message.header);
}

/* A daemon of another release is no reason to wait; the old one may come back. */
static void another_version_is_told(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	peer_kill(&peer);
	peer.spoil = speak_another_version;
	peer.spoil_hello = true;
	peer_start_again(&peer);
	assert_int_equal(restart_alloc(carve, 0), -EPROTONOSUPPORT);
	peer.spoil = NULL;
	assert_int_equal(restart_alloc(carve, 0), 0);
	restart_end(&peer, carve);
}

/* ---- what else is kept -------------------------------------------------------------- */

/* It is still the daemon's when that comes back. */
static void what_is_freed_meanwhile_is_given_back_later(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct carve_reservation *one = restart_reserve(carve);
	struct carve_reservation *two = restart_reserve(carve);
	struct carve_reservation *kept = restart_reserve(carve);
	struct carve_buffer *buffer;

	(void)state;
	assert_int_equal(peer.requests, 3);
	peer_kill(&peer);
	carve_patience_nsec = 20 * PEER_MSEC;
	carve_reservation_free(one);
	carve_reservation_free(two);
	carve_patience_nsec = LONG_NSEC;
	peer_start_again(&peer);
	assert_int_equal(carve_reservation_alloc(kept, 0, NULL, 0, &buffer), 0);
	carve_buffer_unref(buffer);
	/* Two were given back, before the call. */
	assert_int_equal(peer.requests, 6);
	carve_reservation_free(kept);
	assert_int_equal(peer.requests, 7);
	restart_end(&peer, carve);
}

static void *alloc_and_wait(void *data)
{
	return (void *)(intptr_t)restart_alloc(data, CARVE_FOREVER);
}

/* Only a CANCEL ends it. */
static void wait_for_cancel(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type == CARVE_MSG_ALLOC) {
		restart_note(peer);
		while (answer->fd_count)
			close(answer->fds[--answer->fd_count]);
		answer->silent = true;
	} else if (peer->last.header.type == CARVE_MSG_CANCEL) {
		answer->silent = false;
		answer->message.header.type = CARVE_MSG_ALLOC;
		answer->message.header.id = peer->last.cancel.request;
		answer->message.header.status = -ECANCELED;
		answer->length = answer->message.header.bytes =
			sizeof(answer->message.header);
	}
}

static void a_cancel_finds_a_call_without_a_socket(void **state)
{
	struct peer peer = { .spoil = wait_for_cancel };
	struct carve *carve = restart_begin(&peer);
	pthread_t thread;
	void *r;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, alloc_and_wait, carve), 0);
	restart_await(&restart_seen.count, 1);
	peer_kill(&peer);
	usleep(20000);
	assert_int_equal(carve_cancel(carve), 0);
	assert_int_equal(peer.cancels, 0);
	peer_start_again(&peer);
	pthread_join(thread, &r);
	assert_int_equal((intptr_t)r, -ECANCELED);
	assert_int_equal(peer.cancels, 1);
	assert_int_equal(restart_seen.count, 2);
	restart_end(&peer, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_made_again_on_another_socket),
		cmocka_unit_test(what_kills_every_daemon_comes_to_an_end),
		cmocka_unit_test(an_epoch_in_the_middle_of_a_greeting),
		cmocka_unit_test(a_call_waits_for_the_next_daemon),
		cmocka_unit_test(a_call_does_not_wait_for_ever),
		cmocka_unit_test(a_silent_listener_is_not_waited_for_long),
		cmocka_unit_test(a_first_connection_may_be_reset),
		cmocka_unit_test(another_version_is_told),
		cmocka_unit_test(what_is_freed_meanwhile_is_given_back_later),
		cmocka_unit_test(a_cancel_finds_a_call_without_a_socket),
	};

	carve_patience_nsec = LONG_NSEC;
	return cmocka_run_group_tests_name("lib-reconnect", tests, NULL, NULL);
}
