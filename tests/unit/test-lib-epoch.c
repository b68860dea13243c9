// SPDX-License-Identifier: MIT
/*
 * Announcements of another daemon that are wrong, that come while nobody calls, and
 * that come in the way of a cancel or of a list.
 */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* ---- a daemon that is none ------------------------------------------------------ */

static int wrong;

static void spoil_epoch(struct peer *peer, struct carve_wire_epoch *epoch)
{
	*epoch = (struct carve_wire_epoch){
		.header.bytes = sizeof(*epoch),
		.header.type = CARVE_MSG_EPOCH,
		.epoch = peer->epoch + 1,
	};
	switch (wrong) {
	case 0:
		epoch->header.bytes--;
		break;
	case 1:
		epoch->header.id = 1;
		break;
	case 2:
		epoch->header.status = -EINVAL;
		break;
	case 3:
		epoch->epoch = peer->epoch;
		break;
	case 4:
		epoch->epoch = 0;
		break;
	}
}

/* Cases 5 and 6: cut, and with a descriptor. */
static void send_wrong_epoch(struct peer *peer)
{
	struct peer_answer answer = { .length = sizeof(struct carve_wire_epoch) };

	spoil_epoch(peer, (struct carve_wire_epoch *)answer.message.raw);
	if (wrong == 5)
		answer.message.header.bytes = answer.length -= 8;
	if (wrong == 6)
		answer.fds[answer.fd_count++] = peer_memfd(PEER_PAGE, true);
	peer_send(peer, &answer);
}

static void say_wrong_epoch(struct peer *peer, struct peer_answer *answer)
{
	while (answer->fd_count)
		close(answer->fds[--answer->fd_count]);
	answer->silent = true;
	send_wrong_epoch(peer);
}

/* The daemon counts on from the clock where it has no state, and that is set. */
static void an_epoch_may_be_a_lower_one(void **state)
{
	struct peer peer = { .epoch = 1000 };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	peer.epoch = 10;
	peer_epoch(&peer);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.hellos, 1);
	assert_int_equal(peer.resumes, 1);
	restart_end(&peer, carve);
}

static void a_wrong_epoch_ends_the_connection(void **state)
{
	unsigned int fds = count_fds();

	(void)state;
	for (wrong = 0; wrong < 7; wrong++) {
		struct peer peer = { .spoil = say_wrong_epoch };
		struct carve *carve = restart_begin(&peer);

		assert_int_equal(restart_alloc(carve, 0), -EPROTO);
		assert_int_equal(restart_alloc(carve, 0), -EPIPE);
		restart_end(&peer, carve);
		assert_int_equal(peer.resumes, 0);

		peer = (struct peer){ 0 };
		carve = restart_begin(&peer);
		send_wrong_epoch(&peer);
		assert_int_equal(carve_dispatch(carve), -EPROTO);
		assert_int_equal(carve_dispatch(carve), -EPIPE);
		restart_end(&peer, carve);
		assert_int_equal(count_fds(), fds);
	}
}

static void spoil_resume(struct peer *peer, struct peer_answer *answer)
{
	struct carve_wire_resume_reply *reply = &answer->message.resume;

	if (reply->header.type != CARVE_MSG_RESUME) {
		if (reply->header.type != CARVE_MSG_HELLO)
			restart_die_first(peer, answer);
		return;
	}
	switch (wrong) {
	case 0:
		reply->client = 0;
		break;
	case 1:
		reply->reserved = 1;
		break;
	case 2:
		reply->flags = 2;
		break;
	case 3:
		answer->length += 8;
		reply->header.bytes = answer->length;
		break;
	case 4:
		answer->length -= 8;
		reply->header.bytes = answer->length;
		break;
	case 5:
		reply->header.id++;
		break;
	case 6:
		reply->header.type = CARVE_MSG_WATCH;
		break;
	case 7:
		answer->fds[answer->fd_count++] = peer_memfd(PEER_PAGE, true);
		break;
	}
}

static void a_wrong_answer_to_resume_ends_the_connection(void **state)
{
	unsigned int fds = count_fds();

	(void)state;
	for (wrong = 0; wrong < 8; wrong++) {
		struct peer peer = { .spoil = spoil_resume, .spoil_hello = true };
		struct carve *carve = restart_begin(&peer);

		assert_int_equal(restart_alloc(carve, 0), -EPROTO);
		assert_int_equal(restart_alloc(carve, 0), -EPIPE);
		restart_end(&peer, carve);
		assert_int_equal(restart_seen.count, 1);
		assert_int_equal(count_fds(), fds);
	}
}

/* ---- cancelling ------------------------------------------------------------------ */

static void *alloc_and_wait(void *data)
{
	return (void *)(intptr_t)restart_alloc(data, CARVE_FOREVER);
}

/* Nothing is granted; whoever waits is cancelled, of the daemon that lives. */
static void wait_for_cancel(struct peer *peer, struct peer_answer *answer)
{
	static uint64_t waiting;

	if (peer->last.header.type == CARVE_MSG_ALLOC) {
		restart_note(peer);
		while (answer->fd_count)
			close(answer->fds[--answer->fd_count]);
		answer->silent = true;
		waiting = peer->last.header.id;
	} else if (peer->last.header.type == CARVE_MSG_CANCEL &&
		   restart_seen.count == 2 && peer->last.cancel.request == waiting) {
		waiting = 0;
		answer->silent = false;
		answer->message.header.type = CARVE_MSG_ALLOC;
		answer->message.header.id = peer->last.cancel.request;
		answer->message.header.status = -ECANCELED;
		answer->length = answer->message.header.bytes =
			sizeof(answer->message.header);
	}
}

static void a_cancel_reaches_the_daemon_that_lives(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		struct peer peer = { .spoil = wait_for_cancel };
		struct carve *carve = restart_begin(&peer);
		pthread_t thread;
		void *r;

		assert_int_equal(pthread_create(&thread, NULL, alloc_and_wait,
						carve), 0);
		restart_await(&restart_seen.count, 1);
		if (before) {
			assert_int_equal(carve_cancel(carve), 0);
			restart_await(&peer.cancels, 1);
		}
		peer_epoch(&peer);
		restart_await(&restart_seen.count, 2);
		if (!before)
			assert_int_equal(carve_cancel(carve), 0);
		pthread_join(thread, &r);
		assert_int_equal((intptr_t)r, -ECANCELED);
		assert_int_equal(peer.cancels, before ? 2 : 1);
		/* Of the next request nothing was said. */
		peer.spoil = NULL;
		assert_int_equal(restart_alloc(carve, CARVE_FOREVER), 0);
		restart_end(&peer, carve);
	}
}

/* ---- nobody calls ----------------------------------------------------------------- */

static void an_idle_client_resumes_in_dispatch(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		peer_epoch(&peer);
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		assert_int_equal(carve_dispatch(carve), 0);
		/* HELLO was the first. */
		restart_await(&peer.answers, i + 1);
		/* This answer may wait, for the next turn or a call. */
		if (i == 2)
			continue;
		assert_int_equal(carve_dispatch(carve), 0);
		assert_int_equal(poll(&pollfd, 1, 0), 0);
	}
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(peer.resumes, 3);
	assert_int_equal(peer.requests, 1);
	restart_end(&peer, carve);
}

/* ---- lists --------------------------------------------------------------------------- */

static unsigned int stale_left;

static void forget_cursor(struct peer *peer, struct peer_answer *answer)
{
	if (!peer->last.list.cursor || !stale_left)
		return;
	stale_left--;
	answer->message.header.status = -ESTALE;
	answer->length = answer->message.header.bytes =
		sizeof(answer->message.header);
}

static void a_list_is_begun_again(void **state)
{
	struct peer peer = {
		.spoil = forget_cursor,
		.buffers = 2 * CARVE_WIRE_LIST_MAX + 1,
		.reservations = 2 * CARVE_WIRE_LIST_MAX + 1,
	};
	struct carve *carve = restart_begin(&peer);
	struct carve_reservations *reservations = NULL;
	struct carve_buffers *buffers = NULL;

	(void)state;
	stale_left = 3;
	assert_int_equal(carve_buffers_new(carve, &buffers), 0);
	assert_int_equal(carve_buffers_count(buffers), peer.buffers);
	for (uint64_t i = 0; i < peer.buffers; i++)
		assert_int_equal(carve_buffers_get(buffers, i)->id, i + 1);
	carve_buffers_free(buffers);
	stale_left = 15;
	assert_int_equal(carve_reservations_new(carve, &reservations), 0);
	assert_int_equal(carve_reservations_count(reservations),
			 peer.reservations);
	carve_reservations_free(reservations);
	/* Not for ever. */
	stale_left = 1000;
	assert_int_equal(carve_buffers_new(carve, &buffers), -ECONNRESET);
	assert_int_equal(stale_left, 1000 - 16);
	stale_left = 0;
	assert_int_equal(restart_alloc(carve, 0), 0);
	restart_end(&peer, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_may_be_a_lower_one),
		cmocka_unit_test(a_wrong_epoch_ends_the_connection),
		cmocka_unit_test(a_wrong_answer_to_resume_ends_the_connection),
		cmocka_unit_test(a_cancel_reaches_the_daemon_that_lives),
		cmocka_unit_test(an_idle_client_resumes_in_dispatch),
		cmocka_unit_test(a_list_is_begun_again),
	};

	return cmocka_run_group_tests_name("lib-epoch", tests, NULL, NULL);
}
