// SPDX-License-Identifier: MIT
/*
 * Requests that wait for memory that others have.
 */
#include "waiter.h"

#include <errno.h>

/* How much later than asked for an answer may come, on a busy machine. */
#define LATE_MS	(PATIENCE * 1000 / 2)

static void test_times_out_with_numbers(void **state)
{
	struct carve_buffer *held;
	struct waiter waiter;
	struct daemon *daemon;
	struct carve *carve;
	int64_t begin;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	held = client_alloc(carve, 12 * MIB, NULL);
	begin = patient_ms();
	waiter_start(&waiter, daemon, 8 * MIB, 200 * MSEC);
	waiter_expect(&waiter, -ETIMEDOUT);
	assert_true(waiter.took_ms >= 200);
	assert_true(patient_ms() - begin < 200 + LATE_MS);
	assert_int_equal(waiter.refusal.reason, CARVE_REFUSED_SPACE);
	assert_int_equal(waiter.refusal.wanted_bytes, 8 * MIB);
	assert_int_equal(waiter.refusal.region_bytes, 16 * MIB);
	assert_int_equal(waiter.refusal.live_bytes, 12 * MIB);
	assert_int_equal(waiter.refusal.own_bytes, 12 * MIB);
	assert_int_equal(waiter.refusal.free_bytes +
			 waiter.refusal.dirty_bytes, 4 * MIB);
	assert_int_equal(client_region(carve).waiting, 0);
	carve_buffer_unref(held);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* 0 is not a very short time: nothing but zeroing is waited for. */
static void test_no_timeout_is_no_wait(void **state)
{
	struct carve_buffer *held;
	struct waiter waiter;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	held = client_alloc(carve, 12 * MIB, NULL);
	waiter_start(&waiter, daemon, 8 * MIB, 0);
	waiter_expect(&waiter, -ENOSPC);
	carve_buffer_unref(held);
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_is_served_when_memory_comes_back(void **state)
{
	struct carve_buffer *held;
	struct waiter waiters[2];
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	held = client_alloc(carve, 12 * MIB, NULL);
	waiter_start(&waiters[0], daemon, 8 * MIB, CARVE_FOREVER);
	waiter_start(&waiters[1], daemon, 8 * MIB, PATIENCE * 1000 * MSEC);
	assert_waiting_becomes(carve, 2);
	assert_false(waiters[0].finished || waiters[1].finished);
	carve_buffer_unref(held);
	waiter_expect(&waiters[0], 0);
	waiter_expect(&waiters[1], 0);
	assert_all_clean(carve);
	assert_int_equal(client_region(carve).waiting, 0);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Of equal ones the oldest first. */
static void test_age_goes_first(void **state)
{
	struct waiter waiters[6];
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	int i, j;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	held = client_alloc(carve, 16 * MIB, NULL);
	for (i = 0; i < 6; i++) {
		waiter_start(&waiters[i], daemon, 16 * MIB, CARVE_FOREVER);
		assert_waiting_becomes(carve, (uint32_t)i + 1);
	}
	for (i = 0; i < 6; i++) {
		carve_buffer_unref(held);
		assert_int_equal(waiter_join(&waiters[i]), 0);
		held = waiters[i].buffers[0];
		for (j = i + 1; j < 6; j++)
			assert_false(waiters[j].finished);
	}
	carve_buffer_unref(held);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* One clock for all: the shortest first, whatever the order they came in. */
static void test_each_has_its_own_deadline(void **state)
{
	static const unsigned int timeouts_ms[] = { 700, 100, 400, 250, 550 };
	struct waiter waiters[5], patient;
	struct carve_buffer *held;
	struct daemon *daemon;
	struct carve *carve;
	int64_t begin;
	int i;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	held = client_alloc(carve, 16 * MIB, NULL);
	begin = patient_ms();
	waiter_start(&patient, daemon, 8 * MIB, CARVE_FOREVER);
	for (i = 0; i < 5; i++)
		waiter_start(&waiters[i], daemon, 8 * MIB, timeouts_ms[i] * MSEC);
	for (i = 0; i < 5; i++) {
		waiter_expect(&waiters[i], -ETIMEDOUT);
		assert_true(waiters[i].took_ms >= timeouts_ms[i]);
		assert_true(patient_ms() - begin < timeouts_ms[i] + LATE_MS);
	}
	assert_waiting_becomes(carve, 1);
	carve_buffer_unref(held);
	waiter_expect(&patient, 0);
	carve_free(carve);
	daemon_stop(daemon);
}

/* All or none, and none of them while it waits. */
static void test_many_wait_together(void **state)
{
	struct carve_buffer *held[4];
	struct waiter waiter = { .request = CARVE_REQUEST_INIT, .count = 3 };
	struct daemon *daemon;
	struct carve *carve;
	int i;

	(void)state;
	daemon = daemon_start("--simulate", "16M", NULL);
	carve = client_new(daemon);
	for (i = 0; i < 4; i++)
		held[i] = client_alloc(carve, 4 * MIB, NULL);
	waiter.request.bytes = 4 * MIB;
	waiter.request.timeout_nsec = CARVE_FOREVER;
	waiter_run(&waiter, daemon);
	assert_waiting_becomes(carve, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(client_region(carve).live_bytes,
				 (uint64_t)(4 - i) * 4 * MIB);
		assert_false(waiter.finished);
		carve_buffer_unref(held[i]);
		assert_live_becomes(carve, (i < 2 ? 3 - i : 4) * 4 * MIB);
	}
	waiter_expect(&waiter, 0);
	carve_buffer_unref(held[3]);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_times_out_with_numbers),
		DAEMON_TEST(test_no_timeout_is_no_wait),
		DAEMON_TEST(test_is_served_when_memory_comes_back),
		DAEMON_TEST(test_age_goes_first),
		DAEMON_TEST(test_each_has_its_own_deadline),
		DAEMON_TEST(test_many_wait_together),
	};

	return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
