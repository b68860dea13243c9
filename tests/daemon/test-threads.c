// SPDX-License-Identifier: MIT
/*
 * Threads that share one connection.
 */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* A list of several replies. */
#define BUFFERS	100
#define ROUNDS	200

static void *list_again_and_again(void *data)
{
	struct carve_buffers *buffers;
	intptr_t r = 0;
	int i;

	for (i = 0; i < ROUNDS && r == 0; i++) {
		r = carve_buffers_new(data, &buffers);
		if (r < 0)
			break;
		if (carve_buffers_count(buffers) != BUFFERS)
			r = -ERANGE;
		carve_buffers_free(buffers);
	}
	return (void *)r;
}

/* A list is one question, however many replies it takes. */
static void test_lists_do_not_mix(void **state)
{
	struct carve_buffer *buffers[BUFFERS];
	struct daemon *daemon;
	struct carve *carve;
	pthread_t threads[2];
	void *r[2];
	int i;

	(void)state;
	daemon = daemon_start("--simulate", "1M", NULL);
	carve = client_new(daemon);
	for (i = 0; i < BUFFERS; i++)
		buffers[i] = client_alloc(carve, PAGE, "one of many");
	assert_live_becomes(carve, BUFFERS * PAGE);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						list_again_and_again, carve), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], &r[i]), 0);
	assert_int_equal((intptr_t)r[0], 0);
	assert_int_equal((intptr_t)r[1], 0);
	for (i = 0; i < BUFFERS; i++)
		carve_buffer_unref(buffers[i]);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_lists_do_not_mix),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
