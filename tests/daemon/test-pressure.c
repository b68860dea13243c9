// SPDX-License-Identifier: MIT
/*
 * Who waits for memory makes others give back what they can do without.
 */
#include "raw.h"
#include "reserving.h"
#include "waiter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CACHED 12

/* As in daemon/appeal.h. */
#define APPEAL_MS 1000

/* A cache of pictures, say: what is in it could be decoded again. */
struct cache {
	struct carve *carve;
	struct carve_buffer *buffers[CACHED];
	unsigned int count;
	unsigned int calls;
	uint64_t wanted_bytes;
	char region[32];
};

static void on_pressure(const struct carve_pressure *pressure, void *data)
{
	struct cache *cache = data;
	uint64_t bytes = 0;

	cache->calls++;
	cache->wanted_bytes = pressure->wanted_bytes;
	strcpy(cache->region, pressure->region);
	while (cache->count && bytes < pressure->wanted_bytes) {
		struct carve_buffer *buffer = cache->buffers[--cache->count];

		bytes += carve_buffer_get_bytes(buffer);
		carve_buffer_unref(buffer);
	}
}

static void note_pressure(const struct carve_pressure *pressure, void *data)
{
	struct cache *cache = data;

	cache->calls++;
	cache->wanted_bytes = pressure->wanted_bytes;
}

/* Everything in it is its own: 12 of 16 MiB. */
static void cache_fill(struct cache *cache, const struct daemon *daemon)
{
	*cache = (struct cache){ .carve = client_new(daemon) };
	for (; cache->count < CACHED; cache->count++)
		cache->buffers[cache->count] = client_alloc(cache->carve, 1 * MIB,
							    "cache");
}

static void cache_empty(struct cache *cache)
{
	while (cache->count)
		carve_buffer_unref(cache->buffers[--cache->count]);
	carve_free(cache->carve);
}

/* Return: what carve_dispatch() returned, or 0 when nothing came in time. */
static int dispatch(struct carve *carve, int timeout_ms)
{
	struct pollfd pollfd = { .fd = carve_get_fd(carve), .events = POLLIN };

	assert_true(pollfd.fd >= 0);
	return patient_poll(&pollfd, 1, timeout_ms) == 1 ? carve_dispatch(carve) : 0;
}

static void test_a_cache_lets_a_waiter_through(void **state)
{
	struct waiter waiter;
	struct daemon *daemon;
	struct cache cache;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	cache_fill(&cache, daemon);
	assert_live_becomes(cache.carve, 12 * MIB);
	assert_int_equal(carve_watch_pressure(cache.carve, on_pressure, &cache), 0);
	assert_int_equal(dispatch(cache.carve, 200), 0);
	waiter_start(&waiter, daemon, 8 * MIB, PATIENCE * 1000 * MSEC);
	assert_int_equal(dispatch(cache.carve, PATIENCE * 1000), 1);
	assert_int_equal(cache.calls, 1);
	/* Four are free. */
	assert_int_equal(cache.wanted_bytes, 4 * MIB);
	assert_string_equal(cache.region, client_region(cache.carve).label);
	assert_int_equal(cache.count, 8);
	/* Should they not lie together, it is asked for more. */
	while (!waiter.finished)
		dispatch(cache.carve, 10);
	waiter_expect(&waiter, 0);
	/* What was said before it was served; and nobody waits any more. */
	while (dispatch(cache.carve, 0) > 0)
		;
	assert_int_equal(dispatch(cache.carve, 2 * APPEAL_MS), 0);
	cache_empty(&cache);
	daemon_stop(daemon);
}

/* A cache that gives back what is of no use is asked once more. */
static void test_pressure_goes_on(void **state)
{
	struct waiter waiter;
	struct daemon *daemon;
	struct cache cache;
	unsigned int calls;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	cache_fill(&cache, daemon);
	assert_int_equal(carve_watch_pressure(cache.carve, note_pressure, &cache), 0);
	waiter_start(&waiter, daemon, 16 * MIB, PATIENCE * 1000 * MSEC);
	for (calls = 1; calls <= CACHED; calls++) {
		assert_int_equal(dispatch(cache.carve, PATIENCE * 1000), 1);
		assert_int_equal(cache.wanted_bytes, cache.count * MIB);
		while (cache.count > CACHED - 4 * calls && cache.count)
			carve_buffer_unref(cache.buffers[--cache.count]);
		if (!cache.count)
			break;
	}
	waiter_expect(&waiter, 0);
	assert_int_equal(cache.calls, 3);
	cache_empty(&cache);
	daemon_stop(daemon);
}

/*
 * The first in the queue wants what lies on both sides of a reservation, so
 * nobody can help it; the next one is helped all the same.
 */
static void test_what_is_hopeless_silences_nobody(void **state)
{
	const struct carve_class class = CLASS(4 * MIB, 0, 1);
	struct carve_reservation *reservation;
	struct waiter hopeless, waiter;
	struct carve_buffer *pad;
	struct daemon *daemon;
	struct carve *carve;
	struct cache cache;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	pad = client_alloc(carve, 2 * MIB, NULL);
	reservation = reserve(carve, &class, 1);
	cache = (struct cache){ .carve = client_new(daemon), .count = 1 };
	cache.buffers[0] = client_alloc(cache.carve, 10 * MIB, "cache");
	carve_buffer_unref(pad);
	assert_live_becomes(carve, 10 * MIB);
	assert_int_equal(carve_watch_pressure(cache.carve, on_pressure, &cache), 0);
	waiter_start(&hopeless, daemon, 13 * MIB, CARVE_FOREVER);
	assert_waiting_becomes(carve, 1);
	assert_int_equal(dispatch(cache.carve, 200), 0);
	waiter_start(&waiter, daemon, 8 * MIB, CARVE_FOREVER);
	assert_int_equal(dispatch(cache.carve, PATIENCE * 1000), 1);
	waiter_expect(&waiter, 0);
	assert_int_equal(carve_cancel(hopeless.carve), 0);
	waiter_expect(&hopeless, -ECANCELED);
	carve_reservation_free(reservation);
	carve_free(carve);
	cache_empty(&cache);
	daemon_stop(daemon);
}

static void test_no_pressure_without_need(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct daemon *daemon;
	struct carve *carve;
	struct cache cache;
	int i;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	cache_fill(&cache, daemon);
	carve = client_new(daemon);
	assert_int_equal(carve_watch_pressure(cache.carve, on_pressure, &cache), 0);
	/* Who does not wait for others troubles nobody, and zeroing is no need. */
	request.bytes = 8 * MIB;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -ENOSPC);
	for (i = 0; i < 20; i++)
		carve_buffer_unref(client_alloc(carve, 4 * MIB, NULL));
	assert_int_equal(dispatch(cache.carve, 200), 0);
	/* Nor does it hear of it who does not want to any more. */
	assert_int_equal(carve_watch_pressure(cache.carve, NULL, NULL), 0);
	request.timeout_nsec = 300 * MSEC;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -ETIMEDOUT);
	assert_int_equal(dispatch(cache.carve, 0), 0);
	assert_int_equal(cache.calls, 0);
	carve_free(carve);
	cache_empty(&cache);
	daemon_stop(daemon);
}

static void *ask_until_deadline(void *data)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;

	request.bytes = 8 * MIB;
	request.timeout_nsec = 2500 * MSEC;
	return carve_alloc(data, &request, &buffer) == -ETIMEDOUT ? data : NULL;
}

/* The same connection waits on one thread and is told on another. */
static void test_own_wait_does_not_deafen(void **state)
{
	struct daemon *daemon;
	struct cache cache;
	pthread_t thread;
	void *result;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	cache_fill(&cache, daemon);
	assert_int_equal(carve_watch_pressure(cache.carve, note_pressure, &cache), 0);
	assert_int_equal(pthread_create(&thread, NULL, ask_until_deadline,
					cache.carve), 0);
	/* The thread takes the message in, and this one hears of it. */
	for (int64_t end = patient_ms() + PATIENCE * 1000; !cache.calls;) {
		assert_true(patient_ms() < end);
		assert_true(dispatch(cache.carve, 2000) >= 0);
	}
	assert_int_equal(cache.wanted_bytes, 4 * MIB);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, cache.carve);
	cache_empty(&cache);
	daemon_stop(daemon);
}

/* ---- without the library --------------------------------------------------- */

static int watch(int socket, uint32_t flags, uint32_t reserved)
{
	struct carve_wire_watch message = {
		.header = { .bytes = sizeof(message), .type = CARVE_MSG_WATCH,
			    .id = 9 },
		.flags = flags,
		.reserved = reserved,
	};

	return raw_send(socket, &message, sizeof(message), -1, 0);
}

static bool is_told(int socket, int timeout_ms)
{
	struct carve_wire_pressure message;
	ssize_t n = raw_receive(socket, &message, sizeof(message), timeout_ms);

	if (n == -EAGAIN)
		return false;
	assert_int_equal(n, sizeof(message));
	assert_int_equal(message.header.type, CARVE_MSG_PRESSURE);
	assert_int_equal(message.header.id, 0);
	return true;
}

/* One unread message is enough, however long it stays there. */
static void test_one_unread_message(void **state)
{
	struct carve_wire_header reply;
	struct waiter waiter;
	struct daemon *daemon;
	struct cache cache;
	int socket;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	cache_fill(&cache, daemon);
	socket = raw_client(daemon);
	assert_int_equal(watch(socket, CARVE_WIRE_WATCH_PRESSURE, 0), 0);
	assert_int_equal(raw_receive(socket, &reply, sizeof(reply), PATIENCE * 1000),
			 sizeof(reply));
	assert_int_equal(reply.status, 0);
	waiter_start(&waiter, daemon, 8 * MIB, PATIENCE * 1000 * MSEC);
	assert_waiting_becomes(cache.carve, 1);
	sleep_ms(3 * APPEAL_MS);
	/* Not while it looks, or the next one might be there already. */
	daemon_freeze(daemon);
	assert_true(is_told(socket, 0));
	assert_false(is_told(socket, 0));
	daemon_thaw(daemon);
	/* Now that it is read there may be another one. */
	assert_true(is_told(socket, PATIENCE * 1000));
	assert_int_equal(carve_cancel(waiter.carve), 0);
	waiter_expect(&waiter, -ECANCELED);
	close(socket);
	cache_empty(&cache);
	daemon_stop(daemon);
}

static void test_broken_watches_end_the_connection(void **state)
{
	struct daemon *daemon;
	int socket;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	socket = raw_client(daemon);
	assert_int_equal(watch(socket, CARVE_WIRE_WATCH_PRESSURE << 1, 0), 0);
	raw_expect_hangup(socket);
	socket = raw_client(daemon);
	assert_int_equal(watch(socket, 0, 1), 0);
	raw_expect_hangup(socket);
	daemon_stop(daemon);
}

/* At first there may be another one soon; then it is told, once a second. */
static void test_the_end_of_the_daemon_is_dispatched(void **state)
{
	uint64_t patience = carve_patience_nsec;
	struct pollfd pollfd = { .events = POLLIN };
	struct daemon *daemon;
	struct carve *carve;
	int wakes = 0, r;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	assert_int_equal(carve_dispatch(NULL), -EINVAL);
	assert_int_equal(carve_get_fd(NULL), -EINVAL);
	assert_int_equal(carve_dispatch(carve), 0);
	pollfd.fd = carve_get_fd(carve);
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	carve_patience_nsec = 2000 * MSEC;
	daemon_stop(daemon);
	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	assert_int_equal(carve_dispatch(carve), 0);
	do {
		assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
		r = carve_dispatch(carve);
		wakes++;
	} while (r == 0);
	assert_int_equal(r, -EPIPE);
	/* Not a busy loop: 1, 2, 4 ... 50, 50 ... ms. */
	assert_in_range(wakes, 2, 60);
	assert_int_equal(carve_dispatch(carve), -EPIPE);
	assert_int_equal(patient_poll(&pollfd, 1, PATIENCE * 1000), 1);
	assert_int_equal(carve_get_fd(carve), pollfd.fd);
	carve_free(carve);
	carve_patience_nsec = patience;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_a_cache_lets_a_waiter_through),
		DAEMON_TEST(test_pressure_goes_on),
		DAEMON_TEST(test_what_is_hopeless_silences_nobody),
		DAEMON_TEST(test_no_pressure_without_need),
		DAEMON_TEST(test_own_wait_does_not_deafen),
		DAEMON_TEST(test_one_unread_message),
		DAEMON_TEST(test_broken_watches_end_the_connection),
		DAEMON_TEST(test_the_end_of_the_daemon_is_dispatched),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
