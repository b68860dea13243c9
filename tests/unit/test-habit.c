// SPDX-License-Identifier: MIT
/*
 * What is learned of sizes, bursts and sessions; test-choice.c tries what is made
 * of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "habits.h"

/* Sixteen, however often each came; the one that has not come for longest goes. */
static void the_last_sizes_are_known(void **state)
{
	static struct carve_recent recent;

	(void)state;
	memset(&recent, 0, sizeof(recent));
	assert_false(carve_habit_knows(&recent, PAGE));
	for (uint64_t i = 1; i <= 16; i++)
		carve_habit_allocate(&recent, 0, i * PAGE);
	for (int i = 0; i < 100; i++)
		carve_habit_allocate(&recent, 0, PAGE);
	for (uint64_t i = 1; i <= 16; i++)
		assert_true(carve_habit_knows(&recent, i * PAGE));
	carve_habit_allocate(&recent, 0, 17 * PAGE);
	assert_false(carve_habit_knows(&recent, 2 * PAGE));
	assert_true(carve_habit_knows(&recent, PAGE));
	assert_true(carve_habit_knows(&recent, 3 * PAGE));
	assert_true(carve_habit_knows(&recent, 17 * PAGE));
}

/* Nothing is expected until bursts of a kind have been alike some times. */
static void bursts_have_to_be_alike(void **state)
{
	static struct carve_habit habit;

	(void)state;
	memset(&habit, 0, sizeof(habit));
	for (int i = 0; i < 5; i++) {
		assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 0);
		see_burst(&habit, 8, 4);
	}
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 32 * PAGE);
	/* A quarter more is alike, half of it is not. */
	see_burst(&habit, 10, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 36 * PAGE);
	see_burst(&habit, 4, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 0);
	for (int i = 0; i < 4; i++) {
		see_burst(&habit, 8, 4);
		assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 0);
	}
	see_burst(&habit, 8, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 32 * PAGE);
	assert_int_equal(carve_habit_to_come(&habit, 3 * PAGE), 0);
	/* However long they had been alike. */
	see_bursts(&habit, 8, 4);
	see_burst(&habit, 100, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 0);
}

static void what_is_to_come_of_a_burst(void **state)
{
	static struct carve_habit habit;

	(void)state;
	memset(&habit, 0, sizeof(habit));
	see_bursts(&habit, 8, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 32 * PAGE);
	/* The first one decides, and what there was already is not to come. */
	carve_habit_allocate(&habit.recent, 0, 4 * PAGE);
	carve_habit_allocate(&habit.recent, 0, PAGE);
	assert_int_equal(carve_habit_to_come(&habit, PAGE), 27 * PAGE);
	assert_int_equal(carve_habit_to_come(&habit, 30 * PAGE), 30 * PAGE);
	carve_habit_allocate(&habit.recent, 0, 30 * PAGE);
	assert_int_equal(carve_habit_to_come(&habit, PAGE), PAGE);
}

/* More kinds of bursts than are remembered: a later one takes the place. */
static void more_bursts_than_are_remembered(void **state)
{
	static struct carve_habit habit;
	uint64_t known = 0;

	(void)state;
	memset(&habit, 0, sizeof(habit));
	for (uint64_t i = 1; i <= 1000; i++) {
		see_bursts(&habit, 3, i);
		assert_int_equal(carve_habit_to_come(&habit, i * PAGE),
				 3 * i * PAGE);
	}
	for (uint64_t i = 1; i <= 1000; i++)
		known += carve_habit_to_come(&habit, i * PAGE) == 3 * i * PAGE;
	assert_in_range(known, CARVE_HABIT_BURSTS / 2,
			CARVE_HABIT_BURSTS + 2);
}

static void single_ends_are_no_sessions(void **state)
{
	struct carve_habit habit = { 0 };
	uint32_t many;

	(void)state;
	many_end_together(&habit);
	many = habit.together;
	assert_true(many > 60000 && many <= 65536);
	/* An allocation after each end: nothing ends together. */
	for (int i = 0; i < 400; i++)
		carve_habit_release(&habit,
				    carve_habit_allocate(&habit.recent, 0,
							 PAGE));
	assert_true(habit.together < 5000);
	/* One end after the other, but of what is unrelated. */
	for (uint64_t i = 0; i < 400; i++)
		carve_habit_release(&habit, 1000 + 7 * (i * 37 % 400));
	assert_true(habit.together < 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_sizes_are_known),
		cmocka_unit_test(bursts_have_to_be_alike),
		cmocka_unit_test(what_is_to_come_of_a_burst),
		cmocka_unit_test(more_bursts_than_are_remembered),
		cmocka_unit_test(single_ends_are_no_sessions),
	};

	return cmocka_run_group_tests_name("habit", tests, NULL, NULL);
}
