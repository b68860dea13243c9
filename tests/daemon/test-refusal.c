// SPDX-License-Identifier: MIT
/*
 * What a refusal says.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * The first of two fits as soon as it is zeroed, the second never does beside
 * it: that one is to blame, however much is clean by then.
 */
static void test_blames_what_cannot_fit(void **state)
{
	struct carve_request requests[2] = { CARVE_REQUEST_INIT, CARVE_REQUEST_INIT };
	struct carve_buffer *buffers[2];
	struct carve_refusal refusal;
	struct daemon *daemon;
	struct carve *carve;
	int i;

	(void)state;
	daemon = daemon_start("--simulate", "64M", NULL);
	carve = client_new(daemon);
	requests[0].bytes = 40 * MIB;
	requests[1].bytes = 50 * MIB;
	for (i = 0; i < 20; i++) {
		/* Dirty from now on, for some milliseconds. */
		carve_buffer_unref(client_alloc(carve, 40 * MIB, NULL));
		refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
		assert_int_equal(carve_alloc_many(carve, requests, 2, buffers,
						  &refusal), -ENOSPC);
		assert_int_equal(refusal.index, 1);
		assert_int_equal(refusal.wanted_bytes, 50 * MIB);
	}
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* What the device says that no caller could make anything of. */
static void test_strange_errors_are_io_errors(void **state)
{
	struct carve_request request = CARVE_REQUEST_INIT;
	struct carve_buffer *buffer;
	struct rlimit before, low;
	struct daemon *daemon;
	struct carve *carve;

	(void)state;
	/* No memfd of the daemon's may be larger: EFBIG. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	low = (struct rlimit){ 1 * MIB, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	daemon = daemon_start("--simulate", "4M", NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	carve = client_new(daemon);
	request.bytes = 2 * MIB;
	assert_int_equal(carve_alloc(carve, &request, &buffer), -EIO);
	carve_buffer_unref(client_alloc(carve, 1 * MIB, NULL));
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_blames_what_cannot_fit),
		DAEMON_TEST(test_strange_errors_are_io_errors),
	};

	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
