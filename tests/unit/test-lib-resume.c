// SPDX-License-Identifier: MIT
/*
 * Another daemon serves the connection that was kept: it says its epoch, and what
 * was not answered is asked again. Callers notice nothing.
 */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- in the middle of a round trip ------------------------------------------ */

static void ignore(const struct carve_pressure *pressure, void *data)
{
	(void)pressure;
	(void)data;
}

static void every_call_is_made_again(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .spoil = restart_die_first, .buffers = 5, .reservations = 5 };
	struct carve *carve = restart_begin(&peer);
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_reservations *reservations;
	struct carve_reservation *reservation;
	struct carve_buffers *buffers;
	struct carve_buffer *buffer;

	(void)state;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(restart_regions(carve), 0);
	/* The descriptor goes with it again. */
	assert_int_equal(carve_query(carve, 0, &info), 0);
	assert_int_equal(peer.last_fds, 2);
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	assert_int_equal(carve_buffers_count(buffers), 5);
	carve_buffers_free(buffers);
	assert_int_equal(carve_reservations_new(carve, &reservations), 0);
	carve_reservations_free(reservations);
	reservation = restart_reserve(carve);
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL, 0, &buffer), 0);
	carve_buffer_unref(buffer);
	carve_reservation_free(reservation);
	assert_int_equal(carve_watch_pressure(carve, ignore, NULL), 0);

	assert_int_equal(restart_seen.count, 18);
	for (unsigned int i = 0; i < restart_seen.count; i += 2) {
		assert_int_equal(restart_seen.ids[i], restart_seen.ids[i + 1]);
		if (i)
			assert_true(restart_seen.ids[i] > restart_seen.ids[i - 1]);
	}
	/* As who it was: answer_resume() looks at the secret. */
	assert_int_equal(peer.resumes, 9);
	assert_int_equal(peer.hellos, 1);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

/* Two daemons die before the first RESUME is read; that one is dropped. */
static void die_twice(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count > 1)
		return;
	answer->silent = true;
	peer_epoch(peer);
	peer_epoch(peer);
}

static void a_newer_epoch_takes_the_place_of_one(void **state)
{
	struct peer peer = { .spoil = die_twice };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.resumes, 2);
	assert_int_equal(restart_seen.count, 2);
	restart_end(&peer, carve);
}

static void tell_pressure(struct peer *peer, uint64_t bytes)
{
	struct carve_wire_pressure pressure = {
		.header.bytes = sizeof(pressure),
		.header.type = CARVE_MSG_PRESSURE,
		.region = "a",
		.wanted_bytes = bytes,
	};

	send(peer->socket, &pressure, sizeof(pressure), MSG_NOSIGNAL);
}

/* The daemon that read RESUME dies, too; and in between somebody waits. */
static void die_at_resume(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type == CARVE_MSG_HELLO ||
	    peer->last.header.type == CARVE_MSG_WATCH)
		return;
	restart_note(peer);
	if (peer->last.header.type == CARVE_MSG_RESUME ? restart_seen.count == 2 :
							 restart_seen.count == 1) {
		answer->silent = true;
		tell_pressure(peer, restart_seen.count);
		peer_epoch(peer);
	}
	tell_pressure(peer, 9);
}

static unsigned int told;

static void note_pressure(const struct carve_pressure *pressure, void *data)
{
	(void)data;
	told = (unsigned int)pressure->wanted_bytes;
}

static void other_messages_come_before_the_answer(void **state)
{
	struct peer peer = { .spoil = die_at_resume, .spoil_hello = true };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(carve_watch_pressure(carve, note_pressure, NULL), 0);
	assert_int_equal(restart_alloc(carve, 0), 0);
	/* ALLOC, RESUME, RESUME, ALLOC. */
	assert_int_equal(restart_seen.count, 4);
	assert_int_equal(restart_seen.ids[0], restart_seen.ids[3]);
	told = 0;
	assert_int_equal(carve_dispatch(carve), 1);
	assert_int_equal(told, 9);
	assert_int_equal(peer.watches, 1);
	restart_end(&peer, carve);
}

/* ---- behind an answer --------------------------------------------------------- */

static void answer_and_die(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count != 1)
		return;
	peer_send(peer, answer);
	peer_epoch(peer);
	answer->silent = true;
}

static void an_answer_before_the_epoch_counts(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .spoil = answer_and_die };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(restart_seen.count, 1);
	assert_int_equal(peer.resumes, 0);
	/* This one was sent to nobody: the peer drops what it reads before RESUME. */
	peer.spoil = restart_die_first;
	restart_seen.count = 1;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.resumes, 1);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

/* The last words of a daemon: buffers, the next one's epoch, and its end. */
static void answer_and_die_twice(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count != 1)
		return;
	peer_send(peer, answer);
	peer_epoch(peer);
	answer->hang_up = true;
}

static void an_answer_before_the_end_counts(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { .spoil = answer_and_die_twice };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(restart_seen.count, 1);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.hellos, 2);
	assert_int_equal(peer.resumes, 1);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

/* A daemon that cannot go on with this connection may with another. */
static void refuse_resume(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type == CARVE_MSG_HELLO)
		return;
	if (peer->last.header.type != CARVE_MSG_RESUME) {
		restart_die_first(peer, answer);
	} else if (peer->resumes == 1) {
		answer->message.header.status = -ENOMEM;
		answer->length = answer->message.header.bytes =
			sizeof(answer->message.header);
	}
}

static void a_refused_resume_is_tried_on_another_socket(void **state)
{
	struct peer peer = { .spoil = refuse_resume, .spoil_hello = true };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.resumes, 2);
	assert_int_equal(peer.hellos, 2);
	restart_end(&peer, carve);
}

/* ---- limits --------------------------------------------------------------------- */

static void die_always(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	while (answer->fd_count)
		close(answer->fds[--answer->fd_count]);
	answer->silent = true;
	peer_epoch(peer);
}

static void what_kills_every_daemon_comes_to_an_end(void **state)
{
	struct peer peer = { .spoil = die_always };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_regions(carve), -ECONNRESET);
	assert_int_equal(restart_seen.count, 17);
	/* One that waits may see many die of something else. */
	restart_seen.count = 0;
	assert_int_equal(restart_alloc(carve, CARVE_FOREVER), -ECONNRESET);
	assert_int_equal(restart_seen.count, 1001);
	/* That was no fault of the connection. */
	peer.spoil = NULL;
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.hellos, 1);
	restart_end(&peer, carve);
}

static void die_slowly(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count % 2 == 0)
		return;
	answer->silent = true;
	usleep(30000);
	peer_epoch(peer);
}

static void a_timeout_goes_on(void **state)
{
	static const uint64_t second = 1000 * PEER_MSEC;
	struct peer peer = { .spoil = die_slowly };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(restart_alloc(carve, second), 0);
	assert_int_equal(restart_seen.timeouts[0], second);
	assert_in_range(restart_seen.timeouts[1], 1, second - 30 * PEER_MSEC);
	/* None, and no end, stay what they are; what is over is not "do not wait". */
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(restart_seen.timeouts[3], 0);
	assert_int_equal(restart_alloc(carve, CARVE_FOREVER), 0);
	assert_int_equal(restart_seen.timeouts[5], CARVE_WIRE_FOREVER);
	assert_int_equal(restart_alloc(carve, PEER_MSEC), 0);
	assert_int_equal(restart_seen.timeouts[7], 1);
	restart_end(&peer, carve);
}

/* ---- a greeting ------------------------------------------------------------------- */

static void die_of_hello(struct peer *peer, struct peer_answer *answer)
{
	restart_note(peer);
	if (restart_seen.count != 1)
		return;
	answer->silent = true;
	peer_epoch(peer);
}

/* Nobody has a number yet: RESUME says so, and HELLO follows. */
static void a_greeting_is_said_again(void **state)
{
	struct peer peer = { .spoil = die_of_hello, .spoil_hello = true };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	assert_int_equal(peer.hellos, 2);
	assert_int_equal(peer.resumes, 1);
	assert_int_equal(restart_alloc(carve, 0), 0);
	restart_end(&peer, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_is_made_again),
		cmocka_unit_test(a_newer_epoch_takes_the_place_of_one),
		cmocka_unit_test(other_messages_come_before_the_answer),
		cmocka_unit_test(an_answer_before_the_epoch_counts),
		cmocka_unit_test(an_answer_before_the_end_counts),
		cmocka_unit_test(a_refused_resume_is_tried_on_another_socket),
		cmocka_unit_test(what_kills_every_daemon_comes_to_an_end),
		cmocka_unit_test(a_timeout_goes_on),
		cmocka_unit_test(a_greeting_is_said_again),
	};

	return cmocka_run_group_tests_name("lib-resume", tests, NULL, NULL);
}
