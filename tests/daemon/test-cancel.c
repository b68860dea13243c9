// SPDX-License-Identifier: MIT
/*
 * Requests that wait are forgotten: cancelled, or their clients die. No trace is
 * left of either.
 */
#include "raw.h"
#include "waiter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct daemon *daemon_full(struct carve **ret, struct carve_buffer **held)
{
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);

	*ret = client_new(daemon);
	*held = client_alloc(*ret, 16 * MIB, NULL);
	return daemon;
}

/* All that was held comes back, and everything can be had again. */
static void finish(struct daemon *daemon, struct carve *carve,
		   struct carve_buffer *held)
{
	assert_waiting_becomes(carve, 0);
	carve_buffer_unref(held);
	assert_all_clean(carve);
	carve_buffer_unref(client_alloc(carve, 16 * MIB, NULL));
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_cancel_ends_a_wait(void **state)
{
	struct waiter waiters[3];
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	int i;

	(void)state;
	daemon = daemon_full(&carve, &held);
	for (i = 0; i < 3; i++) {
		waiter_start(&waiters[i], daemon, 16 * MIB, CARVE_FOREVER);
		assert_waiting_becomes(carve, (uint32_t)i + 1);
	}
	assert_int_equal(carve_cancel(waiters[0].carve), 0);
	waiter_expect(&waiters[0], -ECANCELED);
	assert_int_equal(carve_cancel(waiters[1].carve), 0);
	waiter_expect(&waiters[1], -ECANCELED);
	assert_waiting_becomes(carve, 1);
	carve_buffer_unref(held);
	assert_int_equal(waiter_join(&waiters[2]), 0);
	finish(daemon, carve, waiters[2].buffers[0]);
}

static void test_nothing_to_cancel(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *held, *buffer;
	struct daemon *daemon;
	struct carve *carve;
	int i;

	(void)state;
	daemon = daemon_full(&carve, &held);
	assert_int_equal(carve_cancel(NULL), -EINVAL);
	request.bytes = PAGE;
	request.timeout_nsec = 20 * MSEC;
	for (i = 0; i < 20; i++) {
		assert_int_equal(carve_cancel(carve), 0);
		assert_int_equal(carve_alloc(carve, &request, &buffer), -ETIMEDOUT);
	}
	finish(daemon, carve, held);
}

static struct carve *_Atomic signalled;

static void on_signal(int number)
{
	(void)number;
	carve_cancel(signalled);
}

static void test_cancel_from_a_signal_handler(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct carve_buffer *held;
	struct waiter waiter;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	daemon = daemon_full(&carve, &held);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	waiter_start(&waiter, daemon, PAGE, CARVE_FOREVER);
	signalled = waiter.carve;
	assert_waiting_becomes(carve, 1);
	assert_int_equal(pthread_kill(waiter.thread, SIGUSR1), 0);
	waiter_expect(&waiter, -ECANCELED);
	finish(daemon, carve, held);
}

/*
 * At every moment of a round trip: memory comes and goes meanwhile. What was
 * cancelled or served is one of the two, and nothing is lost on the way.
 */
static void test_cancel_at_any_moment(void **state)
{
	struct carve_buffer *held;
	struct waiter waiter;
	struct daemon *daemon;
	struct carve *carve;
	int i, served = 0;

	(void)state;
	daemon = daemon_full(&carve, &held);
	srand(1);
	for (i = 0; i < 300; i++) {
		waiter_start(&waiter, daemon, 16 * MIB, CARVE_FOREVER);
		if (i % 2) {
			usleep((useconds_t)(rand() % 400));
			held = carve_buffer_unref(held);
		}
		/* Before it has asked there is nothing to be cancelled. */
		while (!waiter.finished) {
			usleep((useconds_t)(rand() % 200));
			assert_int_equal(carve_cancel(waiter.carve), 0);
		}
		if (waiter_join(&waiter) == 0) {
			served++;
			held = waiter.buffers[0];
		} else {
			assert_int_equal(waiter.result, -ECANCELED);
		}
		if (!held)
			held = client_alloc(carve, 16 * MIB, NULL);
	}
	print_message("# %d of 300 were served\n", served);
	finish(daemon, carve, held);
}

/* ---- without the library --------------------------------------------------- */

static int request_forever(int socket, uint64_t id, uint64_t bytes)
{
	struct {
		struct carve_wire_alloc alloc;
		struct carve_wire_alloc_item item;
	} request = {
		.alloc.header = {
			.bytes = sizeof(request), .type = CARVE_MSG_ALLOC, .id = id,
		},
		.alloc.timeout_nsec = CARVE_WIRE_FOREVER,
		.alloc.count = 1,
		.item.bytes = bytes,
	};

	return raw_send(socket, &request, sizeof(request), -1, 0);
}

static int cancel(int socket, uint64_t request)
{
	struct carve_wire_cancel message = {
		.header = { .bytes = sizeof(message), .type = CARVE_MSG_CANCEL },
		.request = request,
	};

	return raw_send(socket, &message, sizeof(message), -1, 0);
}

static void expect_reply(int socket, uint64_t id, int status)
{
	union {
		struct carve_wire_header header;
		char room[CARVE_WIRE_MAX];
	} reply;

	assert_true(raw_receive(socket, &reply, sizeof(reply), PATIENCE * 1000) > 0);
	assert_int_equal(reply.header.id, id);
	assert_int_equal(reply.header.status, status);
}

static void expect_silence(int socket)
{
	char room[CARVE_WIRE_MAX];

	assert_int_equal(raw_receive(socket, room, sizeof(room), 50), -EAGAIN);
}

/* Before its request, of another one, and twice: none of them does anything. */
static void test_cancels_without_effect(void **state)
{
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	int socket, i;

	(void)state;
	daemon = daemon_full(&carve, &held);
	socket = raw_client(daemon);
	assert_int_equal(cancel(socket, 7), 0);
	assert_int_equal(request_forever(socket, 7, PAGE), 0);
	assert_waiting_becomes(carve, 1);
	for (i = 0; i < 10; i++)
		assert_int_equal(cancel(socket, 8), 0);
	expect_silence(socket);
	assert_int_equal(cancel(socket, 7), 0);
	assert_int_equal(cancel(socket, 7), 0);
	expect_reply(socket, 7, -ECANCELED);
	expect_silence(socket);
	/* One that comes too late does not hit the next of the same number. */
	assert_int_equal(request_forever(socket, 7, PAGE), 0);
	assert_waiting_becomes(carve, 1);
	expect_silence(socket);
	close(socket);
	finish(daemon, carve, held);
}

/* More than are read in one turn: what is behind them counts all the same. */
static void test_many_cancels_at_once(void **state)
{
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	int socket, i;

	(void)state;
	daemon = daemon_full(&carve, &held);
	socket = raw_client(daemon);
	assert_int_equal(request_forever(socket, 7, PAGE), 0);
	assert_waiting_becomes(carve, 1);
	daemon_freeze(daemon);
	for (i = 0; i < 100; i++)
		assert_int_equal(cancel(socket, 8), 0);
	assert_int_equal(cancel(socket, 7), 0);
	daemon_thaw(daemon);
	expect_reply(socket, 7, -ECANCELED);
	expect_silence(socket);
	close(socket);
	finish(daemon, carve, held);
}

static double daemon_cpu_s(const struct daemon *daemon)
{
	unsigned long user, system;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)daemon->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u "
				"%*u %*u %*u %*u %lu %lu", &user, &system), 2);
	fclose(file);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* What is sent too early is served in its turn, and keeps nobody awake. */
static void test_other_messages_stay_for_later(void **state)
{
	struct carve_wire_header regions = {
		.bytes = sizeof(regions), .type = CARVE_MSG_REGIONS, .id = 3,
	};
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	double before;
	int socket;

	(void)state;
	daemon = daemon_full(&carve, &held);
	socket = raw_client(daemon);
	assert_int_equal(request_forever(socket, 2, 16 * MIB), 0);
	assert_int_equal(raw_send(socket, &regions, sizeof(regions), -1, 0), 0);
	assert_waiting_becomes(carve, 1);
	before = daemon_cpu_s(daemon);
	expect_silence(socket);
	sleep_ms(1000);
	assert_true(daemon_cpu_s(daemon) - before < 0.3);
	carve_buffer_unref(held);
	expect_reply(socket, 2, 0);
	expect_reply(socket, 3, 0);
	close(socket);
	finish(daemon, carve, NULL);
}

static void spoil_and_expect_hangup(const struct daemon *daemon,
				    struct carve *carve,
				    const struct carve_wire_cancel *message,
				    size_t bytes, size_t fds)
{
	int socket = raw_client(daemon);

	assert_int_equal(request_forever(socket, 2, 16 * MIB), 0);
	assert_waiting_becomes(carve, 1);
	assert_int_equal(raw_send(socket, message, bytes, fds ? socket : -1, fds), 0);
	raw_expect_hangup(socket);
	assert_waiting_becomes(carve, 0);
}

static void test_broken_cancels_end_the_connection(void **state)
{
	struct carve_wire_cancel good = {
		.header = { .bytes = sizeof(good), .type = CARVE_MSG_CANCEL },
		.request = 2,
	}, bad;
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;

	(void)state;
	daemon = daemon_full(&carve, &held);
	fds = daemon_fds(daemon);
	spoil_and_expect_hangup(daemon, carve, &good, sizeof(good), 1);
	spoil_and_expect_hangup(daemon, carve, &good, sizeof(good), 253);
	spoil_and_expect_hangup(daemon, carve, &good, sizeof(good.header), 0);
	bad = good;
	bad.header.bytes--;
	spoil_and_expect_hangup(daemon, carve, &bad, sizeof(bad), 0);
	bad = good;
	bad.header.status = -ECANCELED;
	spoil_and_expect_hangup(daemon, carve, &bad, sizeof(bad), 0);
	assert_fds_become(daemon, fds);
	finish(daemon, carve, held);
}

/* ---- death ----------------------------------------------------------------- */

static int ask_and_wait(void *data)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct carve *carve;

	CHILD_CHECK(carve_new(&carve, ((struct daemon *)data)->socket) == 0);
	request.bytes = 16 * MIB;
	request.timeout_nsec = CARVE_FOREVER;
	carve_alloc(carve, &request, &buffer);
	return 1;
}

static void test_death_leaves_no_trace(void **state)
{
	struct carve_buffer *held;
	struct waiter waiter;
	struct daemon *daemon;
	struct carve *carve;
	unsigned int fds;
	pid_t children[8];
	int i;

	(void)state;
	daemon = daemon_full(&carve, &held);
	fds = daemon_fds(daemon);
	for (i = 0; i < 8; i++)
		children[i] = child_start(ask_and_wait, daemon);
	assert_waiting_becomes(carve, 8);
	waiter_start(&waiter, daemon, 16 * MIB, CARVE_FOREVER);
	assert_waiting_becomes(carve, 9);
	for (i = 0; i < 8; i++) {
		assert_int_equal(kill(children[i], SIGKILL), 0);
		assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
	}
	assert_waiting_becomes(carve, 1);
	carve_buffer_unref(held);
	assert_int_equal(waiter_join(&waiter), 0);
	assert_int_equal(client_region(carve).live_bytes, 16 * MIB);
	assert_fds_become(daemon, fds);
	finish(daemon, carve, waiter.buffers[0]);
}

/* It ends for good while requests wait: clients hear of it, nothing leaks. */
static void test_the_daemon_may_end(void **state)
{
	uint64_t patience = carve_patience_nsec;
	struct carve_regions *regions;
	struct carve_buffer *held;
	struct waiter waiters[2];
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	daemon = daemon_full(&carve, &held);
	/* From the first request on. */
	carve_patience_nsec = 100000000;
	waiter_start(&waiters[0], daemon, 16 * MIB, CARVE_FOREVER);
	waiter_start(&waiters[1], daemon, 8 * MIB, PATIENCE * 1000 * MSEC);
	assert_waiting_becomes(carve, 2);
	daemon_stop(daemon);
	waiter_expect(&waiters[0], -ECONNRESET);
	waiter_expect(&waiters[1], -ECONNRESET);
	carve_buffer_unref(held);
	assert_true(carve_regions_new(carve, &regions) < 0);
	assert_int_equal(carve_cancel(carve), -EPIPE);
	carve_free(carve);
	carve_patience_nsec = patience;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_cancel_ends_a_wait),
		DAEMON_TEST(test_nothing_to_cancel),
		DAEMON_TEST(test_cancel_from_a_signal_handler),
		DAEMON_TEST(test_cancel_at_any_moment),
		DAEMON_TEST(test_cancels_without_effect),
		DAEMON_TEST(test_many_cancels_at_once),
		DAEMON_TEST(test_other_messages_stay_for_later),
		DAEMON_TEST(test_broken_cancels_end_the_connection),
		DAEMON_TEST(test_death_leaves_no_trace),
		DAEMON_TEST(test_the_daemon_may_end),
	};

	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
