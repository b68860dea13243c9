// SPDX-License-Identifier: MIT
/*
 * That nobody gets more than a share of the time, and everybody that share.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ration.h"

#define SECOND	1000000U
#define START	(1000ULL * SECOND)

/* Use 1 ms after the other for as long as there is any. Return: how many. */
static unsigned int use_up(struct carve_ration *ration, uid_t uid, uint64_t now)
{
	unsigned int count = 0;

	for (; carve_ration_is_left(ration, uid, now); count++)
		carve_ration_use(ration, uid, now, 1000);
	return count;
}

static void each_has_its_own(void **state)
{
	struct carve_ration ration = { 0 };

	(void)state;
	assert_int_equal(use_up(&ration, 1, START), 50);
	assert_int_equal(use_up(&ration, 2, START), 50);
	assert_int_equal(use_up(&ration, 1, START), 0);
	/* It comes back bit by bit, and all of it in a second. */
	assert_int_equal(use_up(&ration, 1, START + SECOND / 10), 5);
	assert_int_equal(use_up(&ration, 2, START + SECOND), 50);
	assert_int_equal(use_up(&ration, 1, START + 9 * SECOND), 50);
}

/* In ten seconds a user who never stops gets half of one, and the first 50 ms. */
static void nobody_gets_more_than_a_share(void **state)
{
	struct carve_ration ration = { 0 };
	unsigned int count = 0;

	(void)state;
	for (uint64_t now = START; now < START + 10 * SECOND; now += 1000)
		count += use_up(&ration, 7, now);
	assert_in_range(count, 548, 552);
}

static void all_together_have_a_limit(void **state)
{
	struct carve_ration ration = { 0 };
	unsigned int count = 0;

	(void)state;
	/* More users than there are places for. */
	for (uid_t uid = 1; uid < 1000; uid++)
		count += use_up(&ration, uid, START);
	assert_int_equal(count, 250);
	assert_false(carve_ration_is_left(&ration, 5000, START));
	assert_true(carve_ration_is_own_left(&ration, 5000, START));
	for (uint64_t now = START + 1000; now < START + 10 * SECOND; now += 1000)
		for (uid_t uid = 1; uid < 200; uid++)
			count += use_up(&ration, uid, now);
	assert_in_range(count, 2740, 2760);
}

/* One that takes long is let through, and paid for afterwards. */
static void what_was_too_much_is_paid_for(void **state)
{
	struct carve_ration ration = { 0 };

	(void)state;
	carve_ration_use(&ration, 1, START, 100000);
	assert_false(carve_ration_is_left(&ration, 1, START + SECOND));
	assert_true(carve_ration_is_left(&ration, 1, START + SECOND + 1));
	assert_true(carve_ration_is_left(&ration, 0, START));
	assert_int_equal(use_up(&ration, 0, START), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_own),
		cmocka_unit_test(nobody_gets_more_than_a_share),
		cmocka_unit_test(all_together_have_a_limit),
		cmocka_unit_test(what_was_too_much_is_paid_for),
	};

	return cmocka_run_group_tests_name("ration", tests, NULL, NULL);
}
