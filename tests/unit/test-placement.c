// SPDX-License-Identifier: MIT
/*
 * Placement at its edges; test-placement-twin.c tries everything else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "placement.h"

#define PAGE	4096ULL

struct region {
	struct carve_placement placement;
	struct carve_extent extents[4];
};

static void start(struct region *region, size_t pages, uint64_t base_page)
{
	memset(region, 0, sizeof(*region));
	carve_placement_init(&region->placement, pages * PAGE, PAGE,
			     base_page * PAGE);
}

static int one(struct region *region, size_t extent, uint64_t bytes,
	       uint64_t alignment)
{
	struct carve_extent *extents[] = { &region->extents[extent] };
	struct carve_wish wish = { .bytes = bytes, .alignment = alignment };
	size_t index;

	return carve_placement_allocate(&region->placement, extents, &wish, 1,
					&index);
}

static void a_region_of_one_page(void **state)
{
	static struct region region;

	(void)state;
	start(&region, 1, 3);
	assert_int_equal(one(&region, 0, 2 * PAGE, PAGE), -ENOSPC);
	assert_int_equal(one(&region, 0, PAGE, 2 * PAGE), -ENOSPC);
	assert_int_equal(one(&region, 0, PAGE, PAGE), 0);
	assert_int_equal(one(&region, 1, PAGE, PAGE), -ENOSPC);
	assert_null(carve_placement_check(&region.placement));
	carve_placement_release(&region.placement, &region.extents[0]);
	assert_int_equal(one(&region, 1, PAGE, PAGE), -ENOSPC);
	carve_placement_clean(&region.placement, &region.extents[0]);
	assert_int_equal(one(&region, 1, PAGE, PAGE), 0);
	assert_null(carve_placement_check(&region.placement));
}

static void alignment_is_of_the_physical_address(void **state)
{
	static struct region region;

	(void)state;
	start(&region, 64, 5);
	assert_int_equal(one(&region, 0, PAGE, 16 * PAGE), 0);
	assert_int_equal(carve_extent_offset(&region.extents[0]), 11 * PAGE);
	assert_true(carve_placement_possible(&region.placement,
		&(struct carve_wish){ 53 * PAGE, 16 * PAGE, 0, 0, 0 }));
	assert_false(carve_placement_possible(&region.placement,
		&(struct carve_wish){ 54 * PAGE, 16 * PAGE, 0, 0, 0 }));
	assert_false(carve_placement_possible(&region.placement,
		&(struct carve_wish){ PAGE, 1ULL << 30, 0, 0, 0 }));
}

static void a_limit_is_of_the_physical_address(void **state)
{
	static struct region region;
	struct carve_extent *extents[] = { &region.extents[0] };
	struct carve_wish wish = { 4 * PAGE, PAGE, 9 * PAGE - 1, 0, 0 };
	size_t index;

	(void)state;
	start(&region, 64, 5);
	assert_false(carve_placement_possible(&region.placement, &wish));
	assert_int_equal(carve_placement_allocate(&region.placement, extents,
						  &wish, 1, &index), -ENOSPC);
	assert_false(carve_placement_would_fit(&region.placement, &wish, 1,
					       &index));
	wish.limit = 5 * PAGE;
	assert_false(carve_placement_possible(&region.placement, &wish));
	wish.limit = 1;
	assert_false(carve_placement_possible(&region.placement, &wish));
	wish.limit = 9 * PAGE;
	assert_true(carve_placement_possible(&region.placement, &wish));
	assert_int_equal(carve_placement_allocate(&region.placement, extents,
						  &wish, 1, &index), 0);
	assert_int_equal(carve_extent_offset(extents[0]), 0);
	extents[0] = &region.extents[1];
	assert_int_equal(carve_placement_allocate(&region.placement, extents,
						  &wish, 1, &index), -ENOSPC);
	assert_null(carve_placement_check(&region.placement));
}

/* Sums near 2^64 must not come out small. */
static void the_end_of_the_address_space(void **state)
{
	static struct region region;
	uint64_t last = UINT64_MAX & ~(PAGE - 1);

	(void)state;
	start(&region, 8, (last >> 12) - 7);
	assert_false(carve_placement_possible(&region.placement,
		&(struct carve_wish){ last, PAGE, 0, 0, 0 }));
	assert_int_equal(one(&region, 0, last, PAGE), -ENOSPC);
	assert_int_equal(one(&region, 0, PAGE, 1ULL << 63), -ENOSPC);
	assert_int_equal(carve_placement_insert(&region.placement,
						&region.extents[0], last, PAGE,
						CARVE_EXTENT_LIVE), -ERANGE);
	assert_int_equal(carve_placement_insert(&region.placement,
						&region.extents[0], PAGE, last,
						CARVE_EXTENT_LIVE), -ERANGE);
	assert_int_equal(carve_placement_insert(&region.placement,
						&region.extents[0], 1, PAGE,
						CARVE_EXTENT_LIVE), -EINVAL);
	assert_int_equal(one(&region, 0, 8 * PAGE, PAGE), 0);
	assert_null(carve_placement_check(&region.placement));
}

static void none_of_many_when_one_does_not_fit(void **state)
{
	static struct region region;
	struct carve_extent *extents[3];
	struct carve_wish wishes[3] = {
		{ 3 * PAGE, PAGE, 0, 0, 0 }, { 4 * PAGE, PAGE, 0, 0, 0 },
		{ 2 * PAGE, PAGE, 0, 0, 0 },
	};
	struct carve_habit habit;
	size_t index = 0;

	(void)state;
	start(&region, 8, 0);
	for (size_t i = 0; i < 3; i++)
		extents[i] = &region.extents[i];
	habit = region.placement.habit;
	assert_int_equal(carve_placement_allocate(&region.placement, extents,
						  wishes, 3, &index), -ENOSPC);
	assert_int_equal(index, 2);
	assert_memory_equal(&region.placement.habit, &habit, sizeof(habit));
	assert_int_equal(carve_placement_figures(&region.placement).clean,
			 8 * PAGE);
	assert_null(carve_placement_check(&region.placement));
	assert_int_equal(carve_placement_allocate(&region.placement, extents,
						  wishes, 2, &index), 0);
	assert_int_equal(carve_placement_figures(&region.placement).live,
			 7 * PAGE);
}

/* Bursts of four buffers of @pages pages, each of which ends together. */
static void see_bursts(struct region *region, uint64_t pages)
{
	for (int i = 0; i < 400; i++) {
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(one(region, k, pages * PAGE, PAGE), 0);
		for (size_t k = 0; k < 4; k++) {
			carve_placement_release(&region->placement,
						&region->extents[k]);
			carve_placement_clean(&region->placement,
					      &region->extents[k]);
		}
	}
}

static uint64_t page_of(const struct region *region, size_t extent)
{
	return carve_extent_offset(&region->extents[extent]) / PAGE;
}

/* Into a gap for all, beside each other, though one of its own would fit each. */
static void a_burst_lies_in_one_piece(void **state)
{
	static struct region region;
	static struct carve_extent others[3];
	struct carve_extent *extents[4];
	struct carve_wish wishes[4];
	size_t index;

	(void)state;
	start(&region, 100, 0);
	see_bursts(&region, 4);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(carve_placement_insert(&region.placement,
			&others[i], (4 + 5 * i) * PAGE, PAGE,
			CARVE_EXTENT_LIVE), 0);
	for (size_t i = 0; i < 4; i++) {
		extents[i] = &region.extents[i];
		wishes[i] = (struct carve_wish){ 4 * PAGE, PAGE, 0, 0, 0 };
	}
	assert_int_equal(carve_placement_allocate(&region.placement, extents,
						  wishes, 4, &index), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(page_of(&region, i), 15 + 4 * i);
}

/* What was there before a restart, and what was undone, is of no burst. */
static void what_is_no_burst(void **state)
{
	static struct region region;
	const struct carve_habit *habit = &region.placement.habit;

	(void)state;
	start(&region, 100, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(carve_placement_insert(&region.placement,
			&region.extents[i], 10 * i * PAGE, 4 * PAGE,
			CARVE_EXTENT_LIVE), 0);
	assert_int_equal(one(&region, 3, 4 * PAGE, PAGE), 0);
	assert_int_equal(habit->recent.bytes, 4 * PAGE);
	carve_placement_release(&region.placement, &region.extents[0]);
	carve_placement_clean(&region.placement, &region.extents[0]);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(one(&region, 0, 4 * PAGE, PAGE), 0);
		carve_placement_undo(&region.placement, &region.extents[0]);
	}
	assert_int_equal(one(&region, 0, 4 * PAGE, PAGE), 0);
	assert_int_equal(habit->recent.bytes, 4 * PAGE);
}

/* The check is worth nothing unless it sees damage. */
static void the_check_sees_damage(void **state)
{
	static struct region region;

	(void)state;
	for (int way = 0; way < 6; way++) {
		start(&region, 16, 0);
		assert_int_equal(one(&region, 0, 2 * PAGE, PAGE), 0);
		assert_int_equal(one(&region, 1, 2 * PAGE, PAGE), 0);
		assert_null(carve_placement_check(&region.placement));
		switch (way) {
		case 0:
			region.extents[0].used.pages++;
			break;
		case 1:
			region.extents[1].held.offset_pages--;
			break;
		case 2:
			region.extents[1].state = CARVE_EXTENT_DIRTY;
			break;
		case 3:
			region.placement.used.gap_bytes -= PAGE;
			break;
		case 4:
			region.placement.used.root->height = 7;
			break;
		case 5:
			region.placement.used.rows = 0;
			break;
		}
		assert_non_null(carve_placement_check(&region.placement));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_region_of_one_page),
		cmocka_unit_test(alignment_is_of_the_physical_address),
		cmocka_unit_test(a_limit_is_of_the_physical_address),
		cmocka_unit_test(the_end_of_the_address_space),
		cmocka_unit_test(none_of_many_when_one_does_not_fit),
		cmocka_unit_test(a_burst_lies_in_one_piece),
		cmocka_unit_test(what_is_no_burst),
		cmocka_unit_test(the_check_sees_damage),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
