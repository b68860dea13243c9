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
#include "habits.h"

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

/* Of sizes that come again the largest gather at the bottom, the others at the top. */
static void known_sizes_from_both_ends(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	assert_int_equal(choose(&range, 3, 1, 0), 0);
	carve_habit_allocate(&range.habit.recent, 0, 3 * PAGE);
	carve_habit_allocate(&range.habit.recent, 0, 8 * PAGE);
	assert_int_equal(choose(&range, 3, 1, 0), 97);
	assert_int_equal(choose(&range, 8, 1, 0), 0);
	assert_int_equal(choose(&range, 8, 1, 70), 0);
	/* Without cutting eight in two. */
	assert_int_equal(choose(&range, 3, 1, 67), 64);
	assert_int_equal(choose(&range, 3, 1, 70), 0);
	/* The gap that is nearest to its end, not the smallest. */
	cover(&range, 10, 2);	/* gap of 9 */
	cover(&range, 21, 1);	/* gap of 20 */
	cover(&range, 42, 1);
	assert_int_equal(choose(&range, 8, 1, 0), 0);
	assert_int_equal(choose(&range, 3, 1, 42), 39);
}

static void known_sizes_beside_their_like(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	cover(&range, 0, 30);	/* gap of 8, room for one of the largest */
	cover(&range, 38, 5);	/* gap of 7 */
	cover(&range, 50, 30);	/* gap of 6 */
	cover(&range, 86, 7);	/* gap of 3, exactly */
	cover(&range, 96, 4);
	carve_habit_allocate(&range.habit.recent, 0, 5 * PAGE);
	carve_habit_allocate(&range.habit.recent, 0, 3 * PAGE);
	carve_habit_allocate(&range.habit.recent, 0, 8 * PAGE);
	assert_int_equal(choose(&range, 3, 1, 0), 93);
	assert_int_equal(choose(&range, 3, 1, 95), 83);
	/* Half of the range nearer to its end, and yet. */
	assert_int_equal(choose(&range, 5, 1, 0), 43);
	assert_int_equal(choose(&range, 3, 1, 45), 35);
}

/* Most of the range away, but nothing is left over. */
static void known_sizes_where_they_fit_exactly(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	cover(&range, 0, 10);	/* gap of 5 */
	cover(&range, 15, 15);	/* gap of 70 */
	carve_habit_allocate(&range.habit.recent, 0, 5 * PAGE);
	carve_habit_allocate(&range.habit.recent, 0, 8 * PAGE);
	assert_int_equal(choose(&range, 5, 1, 0), 10);
	cover(&range, 10, 5);
	assert_int_equal(choose(&range, 5, 1, 0), 95);
}

/* In sessions, too, what follows a buffer is placed by itself until it is a habit. */
static void no_burst_without_a_habit(void **state)
{
	static struct range range;

	(void)state;
	start(&range, 100);
	many_end_together(&range.habit);
	assert_true(carve_habit_in_sessions(&range.habit));
	allocate(&range, 40, 4);
	assert_int_equal(choose(&range, 3, 1, 0), 0);
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
	see_bursts(&range.habit, 3, 4);
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
	see_bursts(&range.habit, 6, 4);
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
	see_bursts(&range.habit, 8, 4);
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
	see_bursts(&range.habit, 9, 4);
	assert_int_equal(choose(&range, 4, 1, 0), 10);
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
		cmocka_unit_test(known_sizes_from_both_ends),
		cmocka_unit_test(known_sizes_beside_their_like),
		cmocka_unit_test(known_sizes_where_they_fit_exactly),
		cmocka_unit_test(no_burst_without_a_habit),
		cmocka_unit_test(a_burst_stays_together),
		cmocka_unit_test(a_small_burst_lies_high),
		cmocka_unit_test(a_burst_too_long_for_any_gap),
		cmocka_unit_test(found_among_many_that_do_not_do),
		cmocka_unit_test(found_below_a_limit),
		cmocka_unit_test(very_large_alignments),
	};

	return cmocka_run_group_tests_name("choice", tests, NULL, NULL);
}
