// SPDX-License-Identifier: MIT
/* A system that fails in the middle of a call, and fork() at any time. */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the next recvmsg() of this thread answers; 0 for what the kernel does. */
static _Thread_local int receive_error;

/* Takes the place of the C library's, for the library under test, too. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (receive_error) {
		errno = receive_error;
		receive_error = 0;
		return -1;
	}
	return syscall(SYS_recvmsg, fd, msg, flags);
}

/* What sendmsg() of this thread answers @send_errors times, after @send_good. */
static _Thread_local int send_error;
static _Thread_local unsigned int send_good, send_errors;

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (send_errors && send_good-- == 0) {
		send_good = 0;
		send_errors--;
		errno = send_error;
		return -1;
	}
	return syscall(SYS_sendmsg, fd, msg, flags);
}

/* The socket is the same all the time: what is reserved is not lost. */
static void there_is_room_again_on_the_way_to_the_next_daemon(void **state)
{
	static const int errors[] = { ENOMEM, ENOBUFS, EINTR, EAGAIN };
	struct carve_reservation *reservation;
	struct carve *carve;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct peer peer = { 0 };

		carve = restart_begin(&peer);
		reservation = restart_reserve(carve);
		peer.spoil = restart_die_first;
		send_error = errors[i];
		send_good = 1;
		send_errors = 5;
		assert_int_equal(restart_regions(carve), 0);
		assert_int_equal(send_errors, 0);
		assert_int_equal(peer.hellos, 1);
		assert_int_equal(peer.resumes, 1);
		peer.spoil = NULL;
		carve_reservation_free(reservation);
		restart_end(&peer, carve);
	}
}

static _Atomic unsigned int given_back, asked;

static void count_reserves(struct peer *peer, struct peer_answer *answer)
{
	const struct carve_wire_reserve *reserve = &peer->last.reserve;

	if (reserve->header.type != CARVE_MSG_RESERVE)
		return;
	if (reserve->reservation && !reserve->count)
		given_back++;
	if (reserve->reservation || reserve->count)
		return;
	/* That it was granted, the first time. */
	asked++;
	answer->message.reserve.count = 1;
	answer->message.reserve.classes[0] = (struct carve_wire_class){
		.bytes = PEER_PAGE, .count = 2,
	};
	answer->length = answer->message.header.bytes =
		sizeof(answer->message.reserve) +
		sizeof(answer->message.reserve.classes[0]);
}

static void die_of_it(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type != CARVE_MSG_RESERVE)
		return;
	answer->silent = true;
	peer->spoil = count_reserves;
	peer_epoch(peer);
}

static void what_cannot_be_said_again_is_asked_for(void **state)
{
	const struct carve_class class = {
		.struct_size = sizeof(class), .bytes = PEER_PAGE, .count = 2,
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation = NULL;
	struct peer peer = { .spoil = die_of_it };
	struct carve *carve = restart_begin(&peer);

	(void)state;
	given_back = asked = 0;
	profile.classes = &class;
	profile.class_count = 1;
	/* RESERVE, RESUME, and then RESERVE again. */
	send_error = ENOBUFS;
	send_good = 2;
	send_errors = 1;
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -ENOMEM);
	assert_int_equal(send_errors, 0);
	assert_null(reservation);
	assert_int_equal(restart_regions(carve), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(given_back, 1);
	assert_int_equal(peer.hellos, 1);
	restart_end(&peer, carve);
}

/* By the next call, or by who has none but an event loop. */
static void what_cannot_be_given_back_is_later(void **state)
{
	(void)state;
	for (int loop = 0; loop < 2; loop++) {
		struct peer peer = { .spoil = count_reserves };
		struct carve *carve = restart_begin(&peer);
		struct carve_reservation *reservation = restart_reserve(carve);
		struct pollfd pollfd = {
			.fd = loop ? carve_get_fd(carve) : -1, .events = POLLIN,
		};
		unsigned int turns = 0;

		given_back = 0;
		send_error = ENOBUFS;
		send_good = 0;
		send_errors = 3;
		carve_reservation_free(reservation);
		assert_int_equal(given_back, 0);
		for (; loop && turns < 200 && !given_back; turns++)
			if (poll(&pollfd, 1, 100) == 1)
				assert_int_equal(carve_dispatch(carve), 0);
		assert_int_equal(restart_regions(carve), 0);
		assert_int_equal(given_back, 1);
		assert_int_equal(send_errors, 0);
		assert_int_equal(peer.hellos, 1);
		restart_end(&peer, carve);
	}
}

static void an_event_loop_finds_room_again(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	unsigned int turns;

	(void)state;
	send_error = EAGAIN;
	send_good = 0;
	send_errors = 5;
	peer_epoch(&peer);
	for (turns = 0; turns < 200 && !peer.resumes; turns++)
		if (poll(&pollfd, 1, 1000) == 1)
			assert_int_equal(carve_dispatch(carve), 0);
	assert_int_equal(send_errors, 0);
	assert_int_equal(peer.hellos, 1);
	/* A try each 10 ms, and no others. */
	assert_in_range(turns, 5, 20);
	assert_int_equal(restart_regions(carve), 0);
	restart_end(&peer, carve);
}

/*
 * The reply may still come: nothing else may be taken for it, so it is asked for
 * again, on another socket.
 */
static void a_lost_reply_is_asked_for_again(void **state)
{
	static const int errors[] = { ENOMEM, EBADF, ENOBUFS };
	struct carve_regions *regions = NULL;
	struct carve *carve;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct peer peer = { 0 };

		carve = peer_connect(&peer);
		receive_error = errors[i];
		assert_int_equal(carve_regions_new(carve, &regions), 0);
		carve_regions_free(regions);
		assert_int_equal(peer.hellos, 2);
		assert_int_equal(peer.resumes, 1);
		assert_int_equal(peer.requests, 2);
		assert_null(carve_free(carve));
		peer_stop(&peer);
	}
}

static void answer_late(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	(void)answer;
	usleep(200000);
}

static void *ask(void *data)
{
	struct carve_regions *regions;
	intptr_t r = carve_regions_new(data, &regions);

	if (r == 0)
		carve_regions_free(regions);
	return (void *)r;
}

/* While another thread of the parent is in a round trip, with its lock held. */
static void a_child_may_free_what_it_may_not_use(void **state)
{
	struct peer peer = { .spoil = answer_late };
	struct carve *carve = peer_connect(&peer);
	pthread_t thread;
	int status;
	pid_t child;
	void *r;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ask, carve), 0);
	while (!peer.requests)
		usleep(1000);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(240);
		_exit(carve_free(carve) == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_join(thread, &r), 0);
	assert_int_equal((intptr_t)r, 0);
	/* The connection is the parent's alone again, and works. */
	assert_int_equal((intptr_t)ask(carve), 0);
	assert_null(carve_free(carve));
	peer_stop(&peer);
}

/* ---- carve_cancel() that does not come back ------------------------------- */

#define STUCK_MS	300

static _Thread_local bool is_stuck;
static _Atomic unsigned int stuck;

/* As when a thread of lower priority is interrupted in there. */
ssize_t send(int fd, const void *data, size_t bytes, int flags)
{
	if (is_stuck) {
		stuck++;
		poll(NULL, 0, STUCK_MS);
	}
	return syscall(SYS_sendto, fd, data, bytes, flags, NULL, 0);
}

static struct carve *cancelled;
static pthread_t canceller;

static void *cancel(void *data)
{
	(void)data;
	is_stuck = true;
	return (void *)(intptr_t)carve_cancel(cancelled);
}

static void die_while_cancelled(struct peer *peer, struct peer_answer *answer)
{
	if (peer->last.header.type != CARVE_MSG_ALLOC)
		return;
	peer->spoil = NULL;
	if (pthread_create(&canceller, NULL, cancel, NULL) == 0)
		restart_await(&stuck, 1);
	answer->hang_up = true;
}

static uint64_t thread_usec(void)
{
	struct timespec used;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used), 0);
	return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

/*
 * The socket may not be closed before that is over. Whoever waits for it leaves the
 * processor to others: of higher priority it would wait for ever.
 */
static void the_end_of_a_cancel_is_waited_for(void **state)
{
	struct peer peer = { .spoil = die_while_cancelled };
	const struct sched_param urgent = { .sched_priority = 1 };
	const struct sched_param normal = { .sched_priority = 0 };
	uint64_t usec;
	void *result;
	int r;

	(void)state;
	stuck = 0;
	cancelled = restart_begin(&peer);
	/* Where it may not: a busy machine hides who does not wait. */
	sched_setscheduler(0, SCHED_FIFO, &urgent);
	usec = thread_usec();
	r = restart_alloc(cancelled, UINT64_MAX);
	usec = thread_usec() - usec;
	sched_setscheduler(0, SCHED_OTHER, &normal);
	assert_int_equal(r, 0);
	assert_int_equal(stuck, 1);
	assert_int_equal(pthread_join(canceller, &result), 0);
	assert_int_equal((intptr_t)result, 0);
	print_message("# %u us of %u ms\n", (unsigned int)usec, STUCK_MS);
	assert_in_range(usec, 0, STUCK_MS * 1000 / 4);
	restart_end(&peer, cancelled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_again_on_the_way_to_the_next_daemon),
		cmocka_unit_test(what_cannot_be_said_again_is_asked_for),
		cmocka_unit_test(what_cannot_be_given_back_is_later),
		cmocka_unit_test(an_event_loop_finds_room_again),
		cmocka_unit_test(a_lost_reply_is_asked_for_again),
		cmocka_unit_test(a_child_may_free_what_it_may_not_use),
		cmocka_unit_test(the_end_of_a_cancel_is_waited_for),
	};

	return cmocka_run_group_tests_name("lib-faults", tests, NULL, NULL);
}
