// SPDX-License-Identifier: MIT
/*
 * Reservations of the configuration that are pending when it is read again: they
 * are asked for as they are named now, before everybody else.
 */
#include "standing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALLER	"[reservation film]\nuid=%u\nclass=1 x 64K\n"
#define LARGER	"[reservation film]\nuid=%u\nclass=1 x 4M\n"
#define TOO_LARGE	"[reservation film]\nuid=%u\nclass=1 x 16M\n"

/* One that somebody waits to claim, and does not fit beside 7 MiB. */
static struct daemon *start_pending(struct carve **carve,
				    struct carve_buffer **buffer,
				    pthread_t *thread)
{
	struct daemon *daemon = standing_start("");

	*carve = client_new(daemon);
	*buffer = client_alloc(*carve, 7 * MIB, NULL);
	standing_reload(daemon, FILM);
	*thread = standing_claim_later(daemon);
	assert_waiting_becomes(*carve, 2);
	assert_true(standing_only_one(*carve).flags & CARVE_RESERVATION_PENDING);
	return daemon;
}

static void end(struct daemon *daemon, struct carve *carve)
{
	standing_reload(daemon, "");
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_smaller_it_fits(void **state)
{
	struct carve_buffer *buffer;
	struct carve *carve;
	pthread_t thread;
	struct daemon *daemon = start_pending(&carve, &buffer, &thread);

	(void)state;
	standing_reload(daemon, SMALLER);
	assert_int_equal(standing_claimed(thread), 0);
	assert_int_equal(standing_only_one(carve).bytes, 64 * KIB);
	assert_int_equal(client_region(carve).reserved_bytes, 64 * KIB);
	assert_waiting_becomes(carve, 0);
	carve_buffer_unref(buffer);
	end(daemon, carve);
}

static void test_larger_it_goes_on_waiting(void **state)
{
	struct carve_buffer *buffer;
	struct carve *carve;
	pthread_t thread;
	struct daemon *daemon = start_pending(&carve, &buffer, &thread);

	(void)state;
	standing_reload(daemon, LARGER);
	assert_int_equal(standing_only_one(carve).bytes, 4 * MIB);
	assert_true(standing_only_one(carve).flags & CARVE_RESERVATION_PENDING);
	assert_waiting_becomes(carve, 2);
	/* And once more, for another owner: then it is not the claimer's. */
	standing_reload(daemon, "[reservation film]\nuid=4321\nclass=1 x 2M\n");
	assert_int_equal(standing_claimed(thread), -EACCES);
	standing_reload(daemon, LARGER);
	thread = standing_claim_later(daemon);
	assert_waiting_becomes(carve, 2);
	carve_buffer_unref(buffer);
	assert_int_equal(standing_claimed(thread), 0);
	assert_reserved_becomes(carve, 4 * MIB);
	end(daemon, carve);
}

static void test_too_large_it_goes(void **state)
{
	struct carve_buffer *buffer;
	struct carve *carve;
	pthread_t thread;
	struct daemon *daemon = start_pending(&carve, &buffer, &thread);
	char *log;

	(void)state;
	standing_reload(daemon, TOO_LARGE);
	assert_int_equal(standing_claimed(thread), -ENOENT);
	carve_reservations_free(reservations(carve, 0));
	assert_waiting_becomes(carve, 0);
	log = daemon_read_log(daemon);
	assert_non_null(strstr(log, "there is no reservation film: region main "
			       "cannot have it"));
	free(log);
	carve_buffer_unref(buffer);
	end(daemon, carve);
}

static void test_another_region(void **state)
{
	static const char *const arguments[] = {
		"--simulate", "8M", "--region", "one", "--region", "two", NULL,
	};
	struct daemon *daemon = daemon_prepare();
	struct carve_reservation_info info;
	struct carve_buffer *buffer;
	struct carve *carve;
	pthread_t thread;

	(void)state;
	daemon_configure(daemon, "");
	daemon_start_again(daemon, arguments);
	carve = client_new(daemon);
	buffer = client_alloc(carve, 7 * MIB, NULL);
	standing_reload(daemon, FILM "region=one\n");
	thread = standing_claim_later(daemon);
	assert_waiting_becomes(carve, 2);
	assert_string_equal(standing_only_one(carve).region, "one");
	standing_reload(daemon, FILM "region=two\n");
	assert_int_equal(standing_claimed(thread), 0);
	info = standing_only_one(carve);
	assert_string_equal(info.region, "two");
	assert_int_equal(info.bytes, FILM_BYTES);
	assert_waiting_becomes(carve, 0);
	assert_int_equal(client_region(carve).reserved_bytes, 0);
	carve_buffer_unref(buffer);
	end(daemon, carve);
}

/* ---- others ------------------------------------------------------------------- */

static bool is_pending(struct carve *carve, size_t i)
{
	struct carve_reservations *list = reservations(carve, 2);
	bool pending = carve_reservations_get(list, i)->flags &
		       CARVE_RESERVATION_PENDING;

	carve_reservations_free(list);
	return pending;
}

/*
 * What one reservation gives up goes to the two in its place, and not to whoever
 * waits, although the first is granted before the second is asked for.
 */
static void test_nobody_gets_between(void **state)
{
	struct daemon *daemon = standing_start("[reservation old]\nuid=%u\n"
					       "class=1 x 4M\n");
	struct carve *carve = client_new(daemon);
	struct carve_buffer *buffer;
	struct waiter waiter;

	(void)state;
	assert_reserved_becomes(carve, 4 * MIB);
	buffer = client_alloc(carve, 4 * MIB, NULL);
	waiter_start(&waiter, daemon, 2 * MIB, CARVE_FOREVER);
	assert_waiting_becomes(carve, 1);
	standing_reload(daemon, "[reservation a]\nuid=0\nclass=1 x 2M\n"
			"[reservation b]\nuid=0\nclass=1 x 2M\n");
	assert_false(is_pending(carve, 0));
	assert_false(is_pending(carve, 1));
	assert_waiting_becomes(carve, 1);
	carve_buffer_unref(buffer);
	waiter_expect(&waiter, 0);
	end(daemon, carve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_smaller_it_fits),
		DAEMON_TEST(test_larger_it_goes_on_waiting),
		DAEMON_TEST(test_too_large_it_goes),
		DAEMON_TEST(test_another_region),
		DAEMON_TEST(test_nobody_gets_between),
	};

	return cmocka_run_group_tests_name("standing-reload", tests, NULL, NULL);
}
