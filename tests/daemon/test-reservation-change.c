// SPDX-License-Identifier: MIT
/*
 * Other profiles in the place of the present one, under living buffers; what is
 * refused leaves everything as it was; what waits leaves no trace.
 */
#include "reserving.h"

#include <errno.h>
#include <string.h>

/* Of any machine. */
#define PAGE_MOST	65536

/* 720p and 1080p in NV12, as a player switches between them. */
#define SMALL	CLASS(1280 * 720 * 3 / 2, 4096, 6)
#define LARGE	CLASS(1920 * 1088 * 3 / 2, 4096, 6)

/*
 * The film goes from one resolution to the other and back: pictures on the
 * screen live on while new ones are filled.
 */
static void test_switches_resolution(void **state)
{
	static const struct carve_class small[] = { SMALL }, large[] = { LARGE };
	struct carve_reservation *reservation;
	struct daemon *daemon = daemon_start("--simulate", "48M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_buffer *screen[2], *fresh[6];

	(void)state;
	reservation = reserve(carve, small, 1);
	for (int turn = 0; turn < 1000; turn++) {
		const struct carve_class *next = turn % 2 ? small : large;

		take_slot(reservation, 0, &screen[0]);
		take_slot(reservation, 0, &screen[1]);
		assert_int_equal(change(reservation, next, 1), 0);
		assert_int_equal(carve_reservation_get(reservation, 0)->bytes,
				 (next->bytes + PAGE - 1) & ~(PAGE - 1));
		take_slots(reservation, 0, fresh, 6);
		drop_all(screen, 2);
		drop_all(fresh, 6);
	}
	carve_reservation_free(reservation);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* A new buffer may get the very place of an old one, and be as large. */
static void test_same_place_and_size(void **state)
{
	static const struct carve_class before[] = { CLASS(16 * PAGE_MOST, 0, 2) };
	static const struct carve_class after[] = {
		CLASS(16 * PAGE_MOST, 2 * PAGE_MOST, 2),
	};
	struct daemon *daemon = daemon_start("--simulate", "16M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_reservation *reservation = reserve(carve, before, 1);
	struct carve_buffer *buffers[2];

	(void)state;
	for (int turn = 0; turn < 4; turn++) {
		assert_int_equal(change(reservation, turn % 2 ? before : after, 1), 0);
		carve_reservations_free(reservations(carve, 1));
	}
	take_slots(reservation, 0, buffers, 2);
	drop_all(buffers, 2);
	carve_reservation_free(reservation);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

struct shot {
	struct carve_region_info region;
	struct carve_reservation_info reservation;
};

static struct shot shoot(struct carve *carve)
{
	struct carve_reservations *list = reservations(carve, 1);
	struct shot shot = { .region = client_region(carve),
			     .reservation = *carve_reservations_get(list, 0) };

	carve_reservations_free(list);
	return shot;
}

/* Everything about it but what has just been zeroed. */
static void assert_same(const struct shot *before, const struct shot *now)
{
	assert_int_equal(before->reservation.bytes, now->reservation.bytes);
	assert_int_equal(before->reservation.slots, now->reservation.slots);
	assert_int_equal(before->reservation.live, now->reservation.live);
	assert_int_equal(before->region.live_bytes, now->region.live_bytes);
	assert_int_equal(before->region.reserved_bytes,
			 now->region.reserved_bytes);
	assert_int_equal(before->region.free_bytes, now->region.free_bytes);
	assert_int_equal(before->region.largest_bytes,
			 now->region.largest_bytes);
}

static void test_refusal_changes_nothing(void **state)
{
	static const struct carve_class now[] = {
		CLASS(1 << 20, 0, 3), CLASS(4096, 0, 4),
	};
	/* The first class fits in any case, and the second never. */
	static const struct carve_class much[] = {
		CLASS(64 * 1024, 0, 2), CLASS(7 << 20, 0, 1), CLASS(4096, 0, 8),
	};
	static const struct carve_class wrong[] = { CLASS(9 << 20, 0, 1) };
	struct carve_refusal refusal = CARVE_REFUSAL_INIT;
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_reservation *reservation = reserve(carve, now, 2), *more;
	struct carve_buffer *buffers[4];
	struct shot before, after;

	(void)state;
	take_slot(reservation, 0, &buffers[0]);
	take_slot(reservation, 1, &buffers[1]);
	before = shoot(carve);
	profile.classes = much;
	profile.class_count = 3;
	assert_int_equal(carve_reservation_change(reservation, &profile,
						  &refusal), -ENOSPC);
	assert_int_equal(refusal.index, 1);
	assert_int_equal(refusal.reason, CARVE_REFUSED_SPACE);
	assert_int_equal(refusal.wanted_bytes, 7 * MIB);
	assert_int_equal(refusal.reserved_bytes, 2 * MIB + 3 * PAGE);
	assert_int_equal(change(reservation, wrong, 1), -ERANGE);
	assert_int_equal(carve_reserve(carve, &profile, &more, NULL), -ENOSPC);
	after = shoot(carve);
	assert_same(&before, &after);
	assert_int_equal(carve_reservation_count(reservation), 2);
	assert_int_equal(carve_reservation_get(reservation, 0)->bytes, 1 * MIB);
	take_slots(reservation, 0, &buffers[2], 2);
	drop_all(buffers, 4);
	carve_reservation_free(reservation);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

static void test_mistakes_are_told(void **state)
{
	static const struct {
		struct carve_class class;
		int result;
	} cases[] = {
		{ CLASS(0, 0, 1), -EINVAL }, { CLASS(4096, 0, 0), -EINVAL },
		{ CLASS(4096, 3, 1), -EINVAL }, { CLASS(4096, 0, 1025), -EINVAL },
		{ CLASS(4096, 1ULL << 31, 1), -ERANGE },
		{ CLASS(5 << 20, 0, 1), -ERANGE },
		{ CLASS(UINT64_MAX, 0, 1), -EOVERFLOW },
		{ { .struct_size = sizeof(struct carve_class), .bytes = 4096,
		    .count = 1, .guard_before = 4096 }, -EOPNOTSUPP },
		{ { .struct_size = sizeof(struct carve_class), .bytes = 4096,
		    .count = 1, .guard_after = 1 }, -EINVAL },
		{ { .struct_size = 8, .bytes = 4096, .count = 1 }, -EINVAL },
		{ CLASS(4096, 0, 1024), 0 },
	};
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct daemon *daemon = daemon_start("--simulate", "4M", NULL);
	struct carve *carve = client_new(daemon);
	struct carve_reservation *reservation;
	struct carve_buffer *buffer;

	(void)state;
	profile.class_count = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		profile.classes = &cases[i].class;
		reservation = NULL;
		assert_int_equal(carve_reserve(carve, &profile, &reservation,
					       NULL), cases[i].result);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			assert_null(reservation);
	}
	assert_int_equal(carve_reservation_alloc(reservation, 1, NULL, 0,
						 &buffer), -EINVAL);
	assert_int_equal(carve_reservation_alloc(reservation, 0, "a\nb", 0,
						 &buffer), -EINVAL);
	carve_reservation_free(reservation);
	profile.region = "nowhere";
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -ENOENT);
	profile.region = NULL;
	profile.name = "a\nb";
	assert_int_equal(carve_reserve(carve, &profile, &reservation, NULL),
			 -EINVAL);
	assert_int_equal(carve_reservation_claim(carve, "nobody's", 0,
						 &reservation), -ENOENT);
	assert_all_clean(carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- waiting ------------------------------------------------------------- */

struct asking {
	struct carve *carve;
	uint64_t timeout_nsec;
	struct carve_reservation *reservation;
	struct carve_refusal refusal;
	int result;
	pthread_t thread;
};

static void *ask(void *data)
{
	static const struct carve_class classes[] = { CLASS(3 << 20, 0, 2) };
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct asking *asking = data;

	profile.classes = classes;
	profile.class_count = 1;
	profile.timeout_nsec = asking->timeout_nsec;
	asking->refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	asking->result = carve_reserve(asking->carve, &profile,
				       &asking->reservation, &asking->refusal);
	return NULL;
}

static void start(struct asking *asking, struct carve *carve)
{
	assert_int_equal(pthread_create(&asking->thread, NULL, ask, asking), 0);
	for (int64_t end = patient_ms() + PATIENCE * 1000;
	     client_region(carve).waiting != 1; sleep_ms(1))
		assert_true(patient_ms() < end);
}

static void finish(struct asking *asking, int result)
{
	join_soon(asking->thread);
	assert_int_equal(asking->result, result);
}

static void test_waits_until_all_of_it_fits(void **state)
{
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve *carve = client_new(daemon);
	struct asking asking = { .carve = client_new(daemon) };
	struct carve_buffer *low, *high;
	int64_t begin;

	(void)state;
	low = client_alloc(carve, 3 * MIB, NULL);
	high = client_alloc(carve, 1 * MIB, NULL);

	/* In vain, and nothing of it stays; long enough to be seen. */
	asking.timeout_nsec = 2000 * MSEC;
	begin = now_ms();
	start(&asking, carve);
	finish(&asking, -ETIMEDOUT);
	assert_true(now_ms() - begin >= 2000);
	assert_int_equal(asking.refusal.wanted_bytes, 3 * MIB);
	assert_int_equal(asking.refusal.live_bytes, 4 * MIB);
	assert_int_equal(client_region(carve).reserved_bytes, 0);
	carve_reservations_free(reservations(carve, 0));

	/* Taken back. */
	asking.timeout_nsec = CARVE_FOREVER;
	start(&asking, carve);
	carve_reservations_free(reservations(carve, 0));
	assert_int_equal(carve_cancel(asking.carve), 0);
	finish(&asking, -ECANCELED);
	assert_int_equal(client_region(carve).waiting, 0);

	/* Served, as soon as the other gives back enough. */
	start(&asking, carve);
	carve_buffer_unref(low);
	finish(&asking, 0);
	assert_int_equal(client_region(carve).reserved_bytes, 6 * MIB);
	carve_reservation_free(asking.reservation);

	/* And its client may go while it waits. */
	low = client_alloc(carve, 3 * MIB, NULL);
	carve_buffer_unref(low);
	carve_buffer_unref(high);
	assert_all_clean(carve);
	carve_free(asking.carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* What a smaller profile gives up goes to who waits for it, at once. */
static void test_shrinking_lets_others_through(void **state)
{
	static const struct carve_class large[] = { CLASS(6 << 20, 0, 1) };
	static const struct carve_class small[] = { CLASS(1 << 20, 0, 1) };
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct carve *carve = client_new(daemon);
	struct asking asking = { .carve = client_new(daemon),
				 .timeout_nsec = CARVE_FOREVER };
	struct carve_reservation *reservation = reserve(carve, large, 1);

	(void)state;
	start(&asking, carve);
	assert_int_equal(change(reservation, small, 1), 0);
	finish(&asking, 0);
	carve_reservation_free(asking.reservation);
	/* And so does giving it back. */
	assert_int_equal(change(reservation, large, 1), 0);
	start(&asking, carve);
	carve_reservation_free(reservation);
	finish(&asking, 0);
	carve_reservation_free(asking.reservation);
	assert_all_clean(carve);
	carve_free(asking.carve);
	carve_free(carve);
	daemon_stop(daemon);
}

/* ---- threads -------------------------------------------------------------- */

struct working {
	struct carve *carve;
	struct carve_reservation *reservation;
	_Atomic bool stop;
};

/*
 * Whatever class 0 is at the moment: the size has to be that one's, which the
 * library checks, or there is another profile by then.
 */
static void *use(void *data)
{
	struct working *working = data;

	while (!working->stop) {
		struct carve_buffer *buffer;
		int r = carve_reservation_alloc(working->reservation, 0, NULL, 0,
						&buffer);

		if (r == 0)
			carve_buffer_unref(buffer);
		else if (r != -ENOSPC)
			return (void *)(intptr_t)r;
	}
	return NULL;
}

static void test_changes_beside_threads(void **state)
{
	static const struct carve_class one[] = { CLASS(64 * 1024, 0, 4) };
	static const struct carve_class other[] = {
		CLASS(4096, 0, 8), CLASS(64 * 1024, 0, 2),
	};
	struct daemon *daemon = daemon_start("--simulate", "8M", NULL);
	struct working working = { .carve = client_new(daemon) };
	struct carve *carve = client_new(daemon);
	pthread_t threads[3];
	void *result;

	(void)state;
	working.reservation = reserve(working.carve, one, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use,
						&working), 0);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(change(working.reservation, i % 2 ? one : other,
					i % 2 ? 1 : 2), 0);
		carve_reservations_free(reservations(working.carve, 1));
	}
	working.stop = true;
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		assert_null(result);
	}
	carve_reservation_free(working.reservation);
	assert_all_clean(carve);
	carve_free(working.carve);
	carve_free(carve);
	daemon_stop(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_switches_resolution),
		DAEMON_TEST(test_same_place_and_size),
		DAEMON_TEST(test_refusal_changes_nothing),
		DAEMON_TEST(test_mistakes_are_told),
		DAEMON_TEST(test_waits_until_all_of_it_fits),
		DAEMON_TEST(test_shrinking_lets_others_through),
		DAEMON_TEST(test_changes_beside_threads),
	};

	return cmocka_run_group_tests_name("reservation-change", tests, NULL, NULL);
}
