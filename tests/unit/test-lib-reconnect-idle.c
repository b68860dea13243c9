// SPDX-License-Identifier: MIT
/* The connection broke while nobody called, or under the calls of many. */
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHORT_NSEC	(400 * PEER_MSEC)
#define LONG_NSEC	(300000 * PEER_MSEC)
/* Less than that: who waits in carve_dispatch() at all waits for so long. */
#define DISPATCH_NSEC	(350 * PEER_MSEC)

/* An event loop that is kept busy makes thousands. */
#define BUSY_TURNS	200

static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * PEER_MSEC + now.tv_nsec;
}

/* How often this thread has waited for something. */
static long waits(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/* It takes long only where the machine had no time for this thread. */
static int dispatch(struct carve *carve)
{
	uint64_t begin = now_nsec();
	long before = waits();
	int r = carve_dispatch(carve);

	assert_true(now_nsec() - begin < DISPATCH_NSEC || waits() == before);
	return r;
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

/* An event loop, until the peer has answered so many WATCHes. Return: turns. */
static unsigned int loop(struct carve *carve, struct peer *peer,
			 unsigned int watches)
{
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	unsigned int turns = 0;

	while (peer->watches < watches) {
		if (poll(&pollfd, 1, 10) == 0)
			continue;
		assert_int_equal(dispatch(carve), 0);
		turns++;
	}
	return turns;
}

static void *start_later(void *data)
{
	usleep(200000);
	peer_start_again(data);
	return NULL;
}

/* The descriptor stays the same, and what arrives on the new socket is seen. */
static void an_event_loop_finds_the_next_daemon(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	unsigned int turns;
	pthread_t thread;

	(void)state;
	assert_int_equal(carve_watch_pressure(carve, count_calls, NULL), 0);
	for (unsigned int i = 1; i <= 2; i++) {
		peer_kill(&peer);
		pthread_create(&thread, NULL, start_later, &peer);
		turns = loop(carve, &peer, i + 1);
		/* Pauses of 1, 1, 2, 4 ... 50, 50 ms, and the greeting. */
		assert_in_range(turns, 2, BUSY_TURNS);
		pthread_join(thread, NULL);
		restart_await(&peer.answers, 1 + 4 * i);
		dispatch(carve);
		assert_int_equal(poll(&pollfd, 1, 100), 0);

		assert_int_equal(carve_get_fd(carve), pollfd.fd);
		calls = 0;
		tell_pressure(&peer);
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		assert_int_equal(dispatch(carve), 1);
		assert_int_equal(calls, 1);
		assert_int_equal(restart_alloc(carve, 0), 0);
		assert_int_equal(peer.resumes, i);
	}
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

static void say_nothing(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	answer->silent = true;
}

/* Whatever the daemon does: nothing, not answer, hang up at once. */
static void dispatch_waits_for_nothing(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	int r = 0;

	(void)state;
	/* No descriptor was asked for: it is called now and then. */
	carve_patience_nsec = SHORT_NSEC;
	peer_kill(&peer);
	assert_int_equal(dispatch(carve), 0);
	for (int i = 0; i < 1000 && r == 0; i++) {
		usleep(10000);
		r = dispatch(carve);
	}
	assert_int_equal(r, -EPIPE);
	peer.spoil = say_nothing;
	peer.spoil_hello = true;
	peer_start_again(&peer);
	for (int i = 0; i < 10; i++)
		assert_int_equal(dispatch(carve), -EPIPE);
	carve_patience_nsec = LONG_NSEC;
	peer_kill(&peer);
	assert_int_equal(dispatch(carve), 0);
	carve_free(carve);
	unlink(peer.path);
	rmdir(peer.dir);
}

/* Where connecting would wait for a place among those who have connected. */
static void dispatch_does_not_queue(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	int queued[16], count = 0;

	(void)state;
	peer_kill(&peer);
	unlink(peer.path);
	strcpy(address.sun_path, peer.path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	do
		queued[count] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	while (connect(queued[count++], (struct sockaddr *)&address,
		       sizeof(address)) == 0 && count < 16);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(dispatch(carve), 0);
	carve_patience_nsec = 20 * PEER_MSEC;
	assert_int_equal(restart_alloc(carve, 0), -ECONNRESET);
	carve_patience_nsec = LONG_NSEC;
	while (count)
		close(queued[--count]);
	close(listener);
	carve_free(carve);
	unlink(peer.path);
	rmdir(peer.dir);
}

/* Also when nobody comes for long: told, and woken up once a second. */
static void an_event_loop_is_not_kept_busy(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	unsigned int turns = 0;
	uint64_t begin = 0;
	int r = 0;

	(void)state;
	carve_patience_nsec = SHORT_NSEC;
	peer_kill(&peer);
	for (; r == 0; turns++) {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		begin = now_nsec();
		r = dispatch(carve);
	}
	assert_int_equal(r, -EPIPE);
	assert_in_range(turns, 2, BUSY_TURNS);
	assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
	assert_true(now_nsec() - begin >= 900 * PEER_MSEC);
	/* One that is back is found then. */
	peer_start_again(&peer);
	r = dispatch(carve);
	assert_true(r == 0 || r == -EPIPE);
	restart_await(&peer.hellos, 2);
	carve_patience_nsec = LONG_NSEC;
	restart_end(&peer, carve);
}

static _Atomic bool stop;

static void *alloc_in_vain(void *data)
{
	intptr_t r = restart_alloc(data, 0);

	stop = true;
	return (void *)r;
}

/* While a call of another thread looks for the daemon, it leaves that to it. */
static void an_event_loop_goes_on_where_a_call_gave_up(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	unsigned int turns = 0;
	pthread_t thread;
	void *r;

	(void)state;
	carve_patience_nsec = SHORT_NSEC;
	peer_kill(&peer);
	stop = false;
	pthread_create(&thread, NULL, alloc_in_vain, carve);
	/* Until the call has found out, and holds the connection. */
	usleep(50000);
	for (; !stop; turns++) {
		poll(&pollfd, 1, 10);
		dispatch(carve);
	}
	assert_in_range(turns, 2, BUSY_TURNS);
	pthread_join(thread, &r);
	assert_int_equal((intptr_t)r, -ECONNRESET);
	peer_start_again(&peer);
	while (peer.resumes == 0) {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		dispatch(carve);
	}
	carve_patience_nsec = LONG_NSEC;
	restart_end(&peer, carve);
}

static void hang_up(struct peer *peer, struct peer_answer *answer)
{
	(void)peer;
	answer->hang_up = true;
}

/* Nor by one who accepts, reads HELLO and hangs up: it has no place left, say. */
static void an_event_loop_is_not_kept_busy_by_a_doorman(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	unsigned int turns = 0;
	int r = 0;

	(void)state;
	carve_patience_nsec = SHORT_NSEC;
	peer_kill(&peer);
	peer.spoil = hang_up;
	peer.spoil_hello = true;
	peer_start_again(&peer);
	for (; r == 0; turns++) {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		r = dispatch(carve);
	}
	assert_int_equal(r, -EPIPE);
	assert_in_range(turns, 2, BUSY_TURNS);
	assert_in_range(peer.hellos, 2, BUSY_TURNS);
	/* A place is free: found at the next turn. */
	peer.spoil = NULL;
	for (turns = 0; peer.resumes == 0; turns++) {
		assert_int_equal(patient_poll(&pollfd, 1, 60000), 1);
		dispatch(carve);
	}
	assert_in_range(turns, 1, BUSY_TURNS);
	carve_patience_nsec = LONG_NSEC;
	restart_end(&peer, carve);
}

/* A child that has a copy of the old socket keeps nobody busy either. */
static void a_child_does_not_hold_the_old_socket(void **state)
{
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		pause();
		_exit(0);
	}
	peer_kill(&peer);
	peer_start_again(&peer);
	assert_int_equal(restart_alloc(carve, 0), 0);
	assert_int_equal(carve_dispatch(carve), 0);
	assert_int_equal(poll(&pollfd, 1, 50), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	restart_end(&peer, carve);
}

/* ---- many threads ----------------------------------------------------------------- */

#define THREADS		8
#define RESTARTS	40

static void *call_until_stopped(void *data)
{
	struct carve *carve = data;
	struct carve_request requests[3] = {
		CARVE_REQUEST_INIT, CARVE_REQUEST_INIT, CARVE_REQUEST_INIT,
	};
	struct carve_buffer_info info = CARVE_BUFFER_INFO_INIT;
	struct carve_buffer *buffers[3];
	uintptr_t rounds = 0;

	for (; !stop; rounds++) {
		for (unsigned int i = 0; i < 3; i++) {
			requests[i].bytes = (rounds % 7 + i + 1) * PEER_PAGE;
			requests[i].timeout_nsec = rounds % 2 ? CARVE_FOREVER : 0;
		}
		if (carve_alloc_many(carve, requests, 3, buffers, NULL) < 0)
			return NULL;
		for (unsigned int i = 0; i < 3; i++) {
			if (carve_buffer_get_bytes(buffers[i]) !=
			    requests[i].bytes)
				return NULL;
			carve_buffer_unref(buffers[i]);
		}
		if (carve_query(carve, 0, &info) < 0 ||
		    restart_regions(carve) < 0)
			return NULL;
	}
	return (void *)(rounds + 1);
}

static void *dispatch_until_stopped(void *data)
{
	struct pollfd pollfd = { .fd = carve_get_fd(data), .events = POLLIN };

	while (!stop) {
		poll(&pollfd, 1, 10);
		if (carve_dispatch(data) < 0)
			return NULL;
	}
	return data;
}

/* Killed at any moment: in a call of this thread or that, or between two. */
static void threads_share_what_restarts(void **state)
{
	unsigned int fds = count_fds();
	struct peer peer = { 0 };
	struct carve *carve = restart_begin(&peer);
	pthread_t threads[THREADS + 1];
	unsigned int resumes;
	void *r;

	(void)state;
	stop = false;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, call_until_stopped, carve);
	pthread_create(&threads[THREADS], NULL, dispatch_until_stopped, carve);
	for (int i = 0; i < RESTARTS; i++) {
		usleep(1000 + i * 117 % 5000);
		peer_kill(&peer);
		if (i % 4 == 0)
			usleep(i * 211 % 9000);
		resumes = peer.resumes;
		peer_start_again(&peer);
		/* Every other one dies before it was seen. */
		if (i % 2)
			restart_await(&peer.resumes, resumes + 1);
	}
	usleep(20000);
	stop = true;
	for (int i = 0; i <= THREADS; i++) {
		pthread_join(threads[i], &r);
		assert_non_null(r);
	}
	assert_true(peer.resumes >= RESTARTS / 2);
	assert_true(peer.requests > RESTARTS);
	restart_end(&peer, carve);
	assert_int_equal(count_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_loop_finds_the_next_daemon),
		cmocka_unit_test(dispatch_waits_for_nothing),
		cmocka_unit_test(dispatch_does_not_queue),
		cmocka_unit_test(an_event_loop_is_not_kept_busy),
		cmocka_unit_test(an_event_loop_is_not_kept_busy_by_a_doorman),
		cmocka_unit_test(an_event_loop_goes_on_where_a_call_gave_up),
		cmocka_unit_test(a_child_does_not_hold_the_old_socket),
		cmocka_unit_test(threads_share_what_restarts),
	};

	carve_patience_nsec = LONG_NSEC;
	return cmocka_run_group_tests_name("lib-reconnect-idle", tests, NULL,
					   NULL);
}
