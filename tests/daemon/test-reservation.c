// SPDX-License-Identifier: MIT
/*
 * Reservations end to end: the guarantee, and what becomes of it when others,
 * the client itself and other processes do their worst.
 */
#include "reserving.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHERS_MAX	4096

struct others {
	struct carve *carve;
	struct carve_buffer *buffers[OTHERS_MAX];
	size_t count;
};

/* All that is free, page by page, and then every second one goes. */
static void fragment(struct others *others)
{
	struct carve_request request = CARVE_REQUEST_INIT;

	request.bytes = PAGE;
	while (others->count < OTHERS_MAX &&
	       carve_alloc(others->carve, &request,
			   &others->buffers[others->count]) == 0)
		others->count++;
	assert_refused(others->carve, PAGE);
	for (size_t i = 0; i < others->count; i += 2)
		others->buffers[i] = carve_buffer_unref(others->buffers[i]);
}

static void drop(struct others *others)
{
	while (others->count)
		carve_buffer_unref(others->buffers[--others->count]);
}

/* Thousand times all of it, whatever the others do. */
static void test_guarantee_under_fragmentation(void **state)
{
	static const struct carve_class classes[] = {
		CLASS(5 * 4096, 0, 6), CLASS(300000, 65536, 3), CLASS(4096, 0, 8),
	};
	static const size_t all[] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2,
				      2, 2, 2 };
	struct carve_buffer *buffers[17];
	static struct others others;
	struct carve_reservation *reservation;
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve *carve = client_new(daemon);

	(void)state;
	others = (struct others){ .carve = client_new(daemon) };
	reservation = reserve(carve, classes, 3);
	for (int turn = 0; turn < 1000; turn++) {
		if (turn % 100 == 0) {
			drop(&others);
			fragment(&others);
		}
		/* The last ones may still be being zeroed: that is waited for. */
		assert_int_equal(carve_reservation_alloc_many(reservation, all,
					NULL, 17, 0, buffers, NULL), 0);
		for (size_t i = 0; i < 17; i++) {
			assert_zero(buffers[i]);
			carve_buffer_unref(buffers[i]);
		}
	}
	drop(&others);
	carve_reservation_free(reservation);
	assert_all_clean(carve);
	carve_free(others.carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* Closed here, but a copy of the descriptor lives elsewhere: it counts. */
static void test_what_others_hold_counts(void **state)
{
	static const struct carve_class classes[] = { CLASS(64 * 1024, 0, 2) };
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_buffer *buffers[3];
	struct carve_reservation *reservation;
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	size_t index = 0;
	int64_t start;
	int copy, pair[2];

	(void)state;
	reservation = reserve(carve, classes, 1);
	take_slot(reservation, 0, &buffers[0]);
	take_slot(reservation, 0, &buffers[1]);
	/* Under way in a socket: nobody has it, and yet it is alive. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(send_fd(pair[0], carve_buffer_get_fd(buffers[0])), 0);
	carve_buffer_unref(buffers[0]);
	assert_int_equal(carve_reservation_alloc_many(reservation, &index, NULL,
				1, 0, &buffers[2], &refusal), -ENOSPC);
	assert_int_equal(refusal.reason, CARVE_REFUSED_CLASS);
	assert_int_equal(refusal.own_limit, 2);
	assert_int_equal(refusal.wanted_bytes, 64 * KIB);
	assert_int_equal(refusal.live_bytes, 128 * KIB);
	start = now_ms();
	assert_int_equal(carve_reservation_alloc(reservation, 0, NULL,
				100 * MSEC, &buffers[2]), -ETIMEDOUT);
	assert_true(now_ms() - start >= 100);
	copy = receive_fd(pair[1]);
	assert_true(copy >= 0);
	close(copy);
	take_slot(reservation, 0, &buffers[2]);
	carve_reservation_free(reservation);
	/* Buffers outlive their reservation, and their connection. */
	carve_free(carve);
	carve = client_new(daemon);
	assert_int_equal(client_region(carve).live_bytes, 128 * KIB);
	assert_int_equal(client_region(carve).reserved_bytes, 0);
	carve_buffer_unref(buffers[1]);
	carve_buffer_unref(buffers[2]);
	assert_all_clean(carve);
	carve_free(carve);
	close(pair[0]);
	close(pair[1]);
	daemon_stop(daemon);
}

struct closing {
	struct carve_buffer *buffer;
	int after_ms;
};

static void *close_later(void *data)
{
	struct closing *closing = data;

	sleep_ms(closing->after_ms);
	carve_buffer_unref(closing->buffer);
	return NULL;
}

/* With a deadline it waits for one of its own, and for nothing else. */
static void test_waits_for_its_own_buffers(void **state)
{
	static const struct carve_class classes[] = { CLASS(1 << 20, 0, 1) };
	struct closing closing = { .after_ms = 50 };
	struct carve_reservation *reservation;
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_buffer *buffer;
	pthread_t thread;

	(void)state;
	reservation = reserve(carve, classes, 1);
	for (int i = 0; i < 20; i++) {
		take_slot(reservation, 0, &closing.buffer);
		assert_int_equal(pthread_create(&thread, NULL, close_later,
						&closing), 0);
		assert_int_equal(carve_reservation_alloc(reservation, 0, NULL,
					CARVE_FOREVER, &buffer), 0);
		pthread_join(thread, NULL);
		carve_buffer_unref(buffer);
		closing.after_ms = i % 5;
	}
	carve_reservation_free(reservation);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

static int hold_and_wait(void *data)
{
	const struct daemon *daemon = data;
	static const struct carve_class classes[] = { CLASS(1 << 20, 0, 3) };
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation;
	struct carve_buffer *buffer;
	struct carve *carve;

	profile.classes = classes;
	profile.class_count = 1;
	CHILD_CHECK(carve_new(&carve, daemon->socket) == 0);
	CHILD_CHECK(carve_reserve(carve, &profile, &reservation, NULL) == 0);
	CHILD_CHECK(carve_reservation_alloc(reservation, 0, "held", 0,
					    &buffer) == 0);
	pause();
	return 0;
}

static void test_ends_with_its_client(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_reservations *list;
	pid_t child;

	(void)state;
	child = child_start(hold_and_wait, daemon);
	assert_reserved_becomes(carve, 2 * MIB);
	list = reservations(carve, 1);
	assert_int_equal(carve_reservations_get(list, 0)->pid, child);
	assert_int_equal(carve_reservations_get(list, 0)->live, 1);
	assert_int_equal(carve_reservations_get(list, 0)->slots, 3);
	assert_int_equal(carve_reservations_get(list, 0)->bytes, 3 * MIB);
	assert_int_equal(carve_reservations_get(list, 0)->live_bytes, 1 * MIB);
	assert_null(carve_reservations_get(list, 1));
	carve_reservations_free(list);
	assert_refused(carve, 2 * MIB);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_all_clean(carve);
	carve_reservations_free(reservations(carve, 0));
	carve_free(carve);
	daemon_stop(daemon);
}

/* A list of more than one page, and of two regions. */
static void test_lists_all(void **state)
{
	static const struct carve_class classes[] = { CLASS(4096, 0, 2) };
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservations_of[64], *more;
	struct daemon *daemon = daemon_start("--simulate", "4M", "--region", "a",
					     "--region", "b", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_reservations *list;
	char name[32];

	(void)state;
	profile.classes = classes;
	profile.class_count = 1;
	profile.name = name;
	for (int i = 0; i < 64; i++) {
		profile.region = i % 3 ? "a" : "b";
		snprintf(name, sizeof(name), "number %d", i);
		assert_int_equal(carve_reserve(carve, &profile,
					       &reservations_of[i], NULL), 0);
	}
	/* One connection may not have any number of them. */
	assert_int_equal(carve_reserve(carve, &profile, &more, NULL), -EBUSY);
	list = reservations(carve, 64);
	for (size_t i = 0; i < 64; i++) {
		const struct carve_reservation_info *info =
			carve_reservations_get(list, i);

		snprintf(name, sizeof(name), "number %zu", i);
		assert_string_equal(info->name, name);
		assert_string_equal(info->region, i % 3 ? "a" : "b");
		assert_int_equal(info->flags, CARVE_RESERVATION_KNOWN);
		carve_reservation_free(reservations_of[i]);
	}
	carve_reservations_free(list);
	carve_reservations_free(reservations(carve, 0));
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_guarantee_under_fragmentation),
		DAEMON_TEST(test_what_others_hold_counts),
		DAEMON_TEST(test_waits_for_its_own_buffers),
		DAEMON_TEST(test_ends_with_its_client),
		DAEMON_TEST(test_lists_all),
	};

	return cmocka_run_group_tests_name("reservation", tests, NULL, NULL);
}
