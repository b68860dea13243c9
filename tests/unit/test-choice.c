// SPDX-License-Identifier: MIT
/*
 * Which gap is chosen, and that one is found whenever there is one;
 * test-placement-twin.c tries this with everything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "choice.h"

#define PAGE	4096ULL
#define MARKS	512

struct range {
	struct carve_gaps gaps;
	struct carve_habit habit;
	struct carve_mark marks[MARKS];
	size_t count;
};

static void start(struct range *range, uint64_t pages)
{
	memset(range, 0, sizeof(*range));
	carve_gaps_init(&range->gaps, pages * PAGE, PAGE, 0);
}

static void cover(struct range *range, uint64_t page, uint64_t pages)
{
	carve_gaps_insert(&range->gaps,
			  carve_gaps_behind(&range->gaps, page * PAGE,
					    pages * PAGE),
			  &range->marks[range->count++], page * PAGE,
			  pages * PAGE);
}

/* Return: the page that is chosen, or -1. */
static long choose(struct range *range, uint64_t pages, uint64_t alignment,
		   uint64_t end)
{
	struct carve_fit fit = {
		.bytes = pages * PAGE,
		.alignment = alignment * PAGE,
		.end = end ? end * PAGE : UINT64_MAX,
	};
	struct carve_mark *lower;
	uint64_t offset;

	if (!carve_choose(&range->gaps, &range->habit, &fit, &offset, &lower))
		return -1;
	assert_ptr_equal(lower, carve_gaps_behind(&range->gaps, offset,
						  fit.bytes));
	return (long)(offset / PAGE);
}

static void allocate(struct range *range, uint64_t page, uint64_t pages)
{
	cover(range, page, pages);
	carve_habit_allocate(&range->habit.recent, page * PAGE, pages * PAGE);
}

/* A burst of @count times @pages, all of which ended together. */
static void see_burst(struct carve_habit *habit, uint64_t count, uint64_t pages)
{
	uint64_t first = habit->recent.allocated + 1;

	for (uint64_t i = 0; i < count; i++)
		carve_habit_allocate(&habit->recent, 0, pages * PAGE);
	for (uint64_t i = 0; i < count; i++)
		carve_habit_release(habit, first + i);
}

/* What ended had been allocated together, so often that it is believed. */
static void many_end_together(struct carve_habit *habit)
{
	see_burst(habit, 400, 1);
}

static void the_gap_that_fits_exactly(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	cover(&range, 0, 10);	/* gap of 6 */
	cover(&range, 16, 10);	/* gap of 4 */
	cover(&range, 30, 10);	/* gap of 5 */
	cover(&range, 45, 55);
	assert_int_equal(choose(&range, 4, 1, 0), 26);
	assert_int_equal(choose(&range, 5, 1, 0), 40);
	assert_int_equal(choose(&range, 6, 1, 0), 10);
	assert_int_equal(choose(&range, 7, 1, 0), -1);
}

static void beside_one_of_its_size(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	cover(&range, 0, 7);	/* gap of 10 */
	cover(&range, 17, 3);	/* gap of 80 */
	assert_int_equal(choose(&range, 3, 1, 0), 14);
	assert_int_equal(choose(&range, 7, 1, 0), 7);
}

/* Small is what is less than a 128th of the range: here 1 page, but not 2. */
static void small_ones_high_large_ones_low(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 256);
	assert_int_equal(choose(&range, 2, 1, 0), 0);
	assert_int_equal(choose(&range, 1, 1, 0), 255);
	assert_int_equal(choose(&range, 1, 1, 100), 99);
	cover(&range, 0, 10);	/* gap of 1 */
	cover(&range, 11, 100);	/* gap of 3 */
	cover(&range, 114, 100);	/* gap of 3 */
	cover(&range, 217, 29);	/* gap of 10 */
	/* Rather exactly there than into a larger one above. */
	assert_int_equal(choose(&range, 1, 1, 0), 10);
	cover(&range, 10, 1);
	/* Of two alike the higher. */
	assert_int_equal(choose(&range, 1, 1, 0), 216);
	assert_int_equal(choose(&range, 2, 1, 0), 111);
}

/* Of two gaps the one whose neighbours would add less to it. */
static void between_small_neighbours(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 200);
	cover(&range, 0, 40);	/* gap of 10 */
	cover(&range, 50, 40);
	cover(&range, 90, 1);	/* gap of 10 */
	cover(&range, 101, 1);
	cover(&range, 102, 98);
	assert_int_equal(choose(&range, 9, 1, 0), 91);
}

/* A hole that is just long enough for the largest is left to one of these. */
static void room_for_the_largest_is_kept(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 200);
	cover(&range, 0, 40);	/* gap of 12 */
	cover(&range, 52, 40);	/* gap of 14 */
	cover(&range, 106, 94);
	assert_int_equal(choose(&range, 2, 1, 0), 40);
	carve_habit_allocate(&range.habit.recent, 0, 12 * PAGE);
	assert_int_equal(choose(&range, 2, 1, 0), 92);
	/* Three cost one of these in either. */
	assert_int_equal(choose(&range, 3, 1, 0), 40);
	assert_int_equal(choose(&range, 12, 1, 0), 40);
	/* What was the largest a thousand allocations ago is forgotten. */
	for (int i = 0; i < 600; i++)
		carve_habit_allocate(&range.habit.recent, 0, PAGE);
	assert_int_equal(choose(&range, 2, 1, 0), 92);
	for (int i = 0; i < 424; i++)
		carve_habit_allocate(&range.habit.recent, 0, PAGE);
	assert_int_equal(choose(&range, 2, 1, 0), 40);
}

static void a_burst_stays_together(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 120);
	cover(&range, 0, 10);	/* gap of 4, which would fit exactly */
	cover(&range, 14, 10);	/* gap of 30 */
	cover(&range, 54, 10);	/* gap of 13 */
	cover(&range, 77, 23);	/* gap of 8, as much as two are */
	cover(&range, 108, 12);
	see_burst(&range.habit, 3, 4);
	assert_int_equal(choose(&range, 4, 1, 0), 10);
	many_end_together(&range.habit);
	see_burst(&range.habit, 3, 4);
	/* Three are likely: where there is room for all, and not much more. */
	assert_int_equal(choose(&range, 4, 1, 0), 64);
	allocate(&range, 64, 4);
	assert_int_equal(choose(&range, 4, 1, 0), 68);
	allocate(&range, 68, 4);
	/* No room is left behind it: all that is likely to come is one. */
	assert_int_equal(choose(&range, 5, 1, 71), 24);
	assert_int_equal(choose(&range, 4, 1, 71), 10);
	/* Once something has ended, another burst begins. */
	carve_habit_release(&range.habit, range.habit.recent.allocated);
	many_end_together(&range.habit);
	see_burst(&range.habit, 5, 4);
	see_burst(&range.habit, 7, 4);
	range.habit.recent.cursor = 100 * PAGE;
	assert_int_equal(choose(&range, 4, 1, 0), 24);
}

/* What is small as a whole, less than a 128th of the range, lies high. */
static void a_small_burst_lies_high(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 10000);
	many_end_together(&range.habit);
	see_burst(&range.habit, 8, 4);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(choose(&range, 4, 1, 0), 9968 + 4 * i);
		allocate(&range, 9968 + 4 * i, 4);
	}
}

/* No gap has room for all of it: each goes where it spoils least. */
static void a_burst_too_long_for_any_gap(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	cover(&range, 0, 10);	/* gap of 4 */
	cover(&range, 14, 10);	/* gap of 30 */
	cover(&range, 54, 46);
	many_end_together(&range.habit);
	see_burst(&range.habit, 9, 4);
	assert_int_equal(choose(&range, 4, 1, 0), 10);
}

static void what_is_to_come_of_a_burst(void **state)
{
	static struct carve_habit habit;

	(void)state;
	memset(&habit, 0, sizeof(habit));
	assert_int_equal(carve_habit_to_come(&habit, PAGE), PAGE);
	see_burst(&habit, 8, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 32 * PAGE);
	see_burst(&habit, 4, 4);
	assert_int_equal(carve_habit_to_come(&habit, 4 * PAGE), 24 * PAGE);
	/* The first one decides, and what there was already is not to come. */
	carve_habit_allocate(&habit.recent, 0, 4 * PAGE);
	carve_habit_allocate(&habit.recent, 0, PAGE);
	assert_int_equal(carve_habit_to_come(&habit, PAGE), 19 * PAGE);
	assert_int_equal(carve_habit_to_come(&habit, 30 * PAGE), 30 * PAGE);
	carve_habit_allocate(&habit.recent, 0, 30 * PAGE);
	assert_int_equal(carve_habit_to_come(&habit, PAGE), PAGE);
	carve_habit_release(&habit, 1);
	/* Of a size that no burst began with: what bursts take on average. */
	for (int i = 0; i < 200; i++)
		see_burst(&habit, 8, 4);
	assert_in_range(carve_habit_to_come(&habit, 3 * PAGE), 31 * PAGE,
			32 * PAGE);
}

/* More kinds of bursts than are remembered: a later one takes the place. */
static void more_bursts_than_are_remembered(void **state)
{
	static struct carve_habit habit;
	uint64_t known = 0;

	(void)state;
	memset(&habit, 0, sizeof(habit));
	for (uint64_t i = 1; i <= 1000; i++) {
		see_burst(&habit, 3, i);
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

/* More gaps that are long enough but not aligned than are ever looked at. */
static void found_among_many_that_do_not_do(void **state)
{
	static struct range range;

	(void)state;
	for (uint64_t there = 0; there < 2; there++) {
		start(&range, 16 * 300);
		/* Gaps of 15 pages, each begins behind a multiple of 16. */
		for (uint64_t i = 0; i < 300; i++)
			if (!there || i != 200)
				cover(&range, 16 * i, 1);
			else
				cover(&range, 16 * i + 10, 1);
		assert_int_equal(choose(&range, 8, 16, 0), there ? 3200 : -1);
		assert_int_equal(choose(&range, 8, 16, 3207), -1);
		assert_int_equal(choose(&range, 8, 16, 3208),
				 there ? 3200 : -1);
		assert_null(carve_gaps_check(&range.gaps));
	}
}

/* Nor does it matter how many lie above the limit. */
static void found_below_a_limit(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 10 * 300);
	for (uint64_t i = 0; i < 300; i++)
		cover(&range, 10 * i, 5);
	assert_int_equal(choose(&range, 5, 1, 9), -1);
	assert_int_equal(choose(&range, 5, 1, 10), 5);
	assert_int_equal(choose(&range, 5, 1, 19), 5);
}

/* 1 GiB, and what is larger than any alignment the tree knows of. */
static void very_large_alignments(void **state)
{
	static struct range range;
	uint64_t gib = 1 << 18, large = gib / 8;

	(void)state;
	start(&range, 9 * gib);
	cover(&range, 0, 1);
	cover(&range, gib, 1);
	assert_int_equal(choose(&range, large, gib, 0), 2 * gib);
	cover(&range, 2 * gib + large - 1, 1);
	assert_int_equal(choose(&range, large, gib, 0), 3 * gib);
	assert_int_equal(choose(&range, large, 4 * gib, 0), 4 * gib);
	assert_int_equal(choose(&range, large, 8 * gib, 0), 8 * gib);
	assert_int_equal(choose(&range, large, 16 * gib, 0), -1);
	cover(&range, 8 * gib, 1);
	assert_int_equal(choose(&range, large, 8 * gib, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gap_that_fits_exactly),
		cmocka_unit_test(beside_one_of_its_size),
		cmocka_unit_test(small_ones_high_large_ones_low),
		cmocka_unit_test(between_small_neighbours),
		cmocka_unit_test(room_for_the_largest_is_kept),
		cmocka_unit_test(a_burst_stays_together),
		cmocka_unit_test(a_small_burst_lies_high),
		cmocka_unit_test(a_burst_too_long_for_any_gap),
		cmocka_unit_test(what_is_to_come_of_a_burst),
		cmocka_unit_test(more_bursts_than_are_remembered),
		cmocka_unit_test(single_ends_are_no_sessions),
		cmocka_unit_test(found_among_many_that_do_not_do),
		cmocka_unit_test(found_below_a_limit),
		cmocka_unit_test(very_large_alignments),
	};

	return cmocka_run_group_tests_name("choice", tests, NULL, NULL);
}
