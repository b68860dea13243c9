// SPDX-License-Identifier: MIT
/*
 * What rules say about reservations: their own limit, what counts where, and
 * free memory that is kept for others.
 */
#include "as-user.h"
#include "reserving.h"

#include <errno.h>

#define USER	1234

static int try(struct carve *carve, uint32_t count, uint64_t bytes,
	       struct carve_reservation **ret)
{
	const struct carve_class class = CLASS(bytes, 0, count);
	struct carve_profile profile = CARVE_PROFILE_INIT;

	profile.classes = &class;
	profile.class_count = 1;
	refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	return carve_reserve(carve, &profile, ret, &refusal);
}

static int alter(struct carve_reservation *reservation, uint32_t count,
		 uint64_t bytes)
{
	const struct carve_class class = CLASS(bytes, 0, count);

	return change(reservation, &class, 1);
}

/* 3 MiB may be reserved, and 1 MiB be in two buffers besides. */
static int has_limits_apart(struct carve *carve, struct scene *scene)
{
	struct carve_reservation *reservation, *more;
	struct carve_buffer *buffers[3], *ordinary, *another;
	size_t index = 0;

	(void)scene;
	CHILD_CHECK(try(carve, 4, MIB, &reservation) == -EDQUOT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_RESERVED);
	CHILD_CHECK(refusal.own_bytes == 0 && refusal.own_limit == 3 * MIB);
	CHILD_CHECK(try(carve, 3, MIB, &reservation) == 0);
	CHILD_CHECK(try(carve, 1, PAGE, &more) == -EDQUOT);
	CHILD_CHECK(refusal.own_bytes == 3 * MIB);
	/* Larger, the same by another size, and smaller. */
	CHILD_CHECK(alter(reservation, 7, 512 * KIB) == -EDQUOT);
	CHILD_CHECK(alter(reservation, 6, 512 * KIB) == 0);
	CHILD_CHECK(alter(reservation, 3, 512 * KIB) == 0);
	CHILD_CHECK(alter(reservation, 3, MIB) == 0);

	/* Buffers of the reservation are no ordinary ones. */
	for (int i = 0; i < 3; i++)
		CHILD_CHECK(carve_reservation_alloc(reservation, 0, NULL, 0,
						    &buffers[i]) == 0);
	CHILD_CHECK(take(carve, MIB, &ordinary) == 0);
	CHILD_CHECK(take(carve, PAGE, &another) == -EDQUOT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_BYTES);
	carve_buffer_unref(ordinary);

	/* When it ends they are, and who is beyond the limits gets no new one. */
	carve_reservation_free(reservation);
	CHILD_CHECK(take(carve, PAGE, &another) == -EDQUOT);
	CHILD_CHECK(try(carve, 1, PAGE, &reservation) == -EDQUOT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_BYTES);
	drop_all(buffers, 3);
	CHILD_CHECK(try(carve, 3, MIB, &reservation) == 0);
	CHILD_CHECK(carve_reservation_alloc(reservation, 0, NULL, 0,
					    &buffers[0]) == 0);
	/* The numbers of one refusal are not those of the one before. */
	CHILD_CHECK(take(carve, 2 * MIB, &another) == -EDQUOT);
	CHILD_CHECK(refusal.own_bytes == 0);
	for (int i = 1; i < 3; i++)
		CHILD_CHECK(carve_reservation_alloc(reservation, 0, NULL, 0,
						    &buffers[i]) == 0);
	CHILD_CHECK(carve_reservation_alloc_many(reservation, &index, NULL, 1, 0,
						 &another, &refusal) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_CLASS);
	CHILD_CHECK(refusal.own_bytes == 3 * MIB && refusal.own_limit == 3);
	drop_all(buffers, 3);
	carve_reservation_free(reservation);
	return 0;
}

static void test_limits_of_a_rule(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule r]\nuid=1234\nmax-reserved=3M\nmax-bytes=1M\n"
		    "max-buffers=2\n");
	do_as(&scene, USER, has_limits_apart);
	scene_end(&scene);
}

/* However much came free, it would not be allowed. */
static int does_not_wait_in_vain(struct carve *carve, struct scene *scene)
{
	const struct carve_class large = CLASS(MIB, 0, 4), own = CLASS(MIB, 0, 2);
	const struct carve_class kept = CLASS(MIB, 0, 3);
	struct carve_profile profile = CARVE_PROFILE_INIT;
	struct carve_reservation *reservation, *more;

	(void)scene;
	profile.class_count = 1;
	profile.classes = &own;
	CHILD_CHECK(carve_reserve(carve, &profile, &reservation, NULL) == 0);
	profile.timeout_nsec = CARVE_FOREVER;
	profile.classes = &large;
	refusal = (struct carve_refusal)CARVE_REFUSAL_INIT;
	CHILD_CHECK(carve_reserve(carve, &profile, &more, &refusal) == -EDQUOT);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_RESERVED);
	CHILD_CHECK(refusal.own_bytes == 2 * MIB && refusal.own_limit == 3 * MIB);
	CHILD_CHECK(carve_reservation_change(reservation, &profile, &refusal) ==
		    -EDQUOT);
	carve_reservation_free(reservation);
	profile.classes = &kept;
	CHILD_CHECK(carve_reserve(carve, &profile, &more, &refusal) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_KEPT);
	return 0;
}

static void test_nobody_waits_in_vain(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[rule r]\nuid=1234\nmax-reserved=3M\n"
		    "[region main]\nkeep-for-priority=10:6M\n");
	do_as(&scene, USER, does_not_wait_in_vain);
	scene_end(&scene);
}

/* Of 8 MiB 2 stay free for high priority; what is reserved already is had. */
static int leaves_what_is_kept(struct carve *carve, struct scene *scene)
{
	struct carve_reservation *reservation;
	struct carve_buffer *all, *buffer;

	(void)scene;
	CHILD_CHECK(try(carve, 7, MIB, &reservation) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_KEPT);
	CHILD_CHECK(try(carve, 4, MIB, &reservation) == 0);
	CHILD_CHECK(take(carve, 2 * MIB, &all) == 0);
	CHILD_CHECK(take(carve, PAGE, &buffer) == -ENOSPC);
	CHILD_CHECK(refusal.reason == CARVE_REFUSED_KEPT);
	CHILD_CHECK(alter(reservation, 5, MIB) == -ENOSPC);
	/* It gives up as much as it takes. */
	CHILD_CHECK(alter(reservation, 2, 2 * MIB) == 0);
	for (int i = 0; i < 100; i++) {
		CHILD_CHECK(carve_reservation_alloc(reservation, 0, NULL, 0,
						    &buffer) == 0);
		carve_buffer_unref(buffer);
	}
	carve_buffer_unref(all);
	carve_reservation_free(reservation);
	return 0;
}

static void test_free_memory_is_kept(void **state)
{
	struct scene scene;

	(void)state;
	scene_start(&scene, "[region main]\nkeep-for-priority=10:2M\n");
	do_as(&scene, USER, leaves_what_is_kept);
	scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_limits_of_a_rule),
		DAEMON_TEST(test_nobody_waits_in_vain),
		DAEMON_TEST(test_free_memory_is_kept),
	};

	return cmocka_run_group_tests_name("rules-reserved", tests, NULL, NULL);
}
