// SPDX-License-Identifier: MIT
/*
 * Slots at their edges; test-slots-adversary.c tries everything else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "slots.h"

#define PAGE	4096ULL
#define SLOTS	12

struct region {
	struct carve_placement placement;
	struct carve_slots slots;
	struct carve_extent extents[SLOTS];
	struct carve_slot each[SLOTS];
	struct carve_extent other;
	struct carve_slot_list fresh;
	struct carve_slot_list left;
};

static void start(struct region *region, size_t pages)
{
	memset(region, 0, sizeof(*region));
	carve_placement_init(&region->placement, pages * PAGE, PAGE, 0);
	carve_slots_init(&region->slots, &region->placement);
	TAILQ_INIT(&region->fresh);
	TAILQ_INIT(&region->left);
	for (size_t i = 0; i < SLOTS; i++) {
		region->each[i].extent = &region->extents[i];
		TAILQ_INSERT_TAIL(&region->fresh, &region->each[i], link);
	}
}

static struct carve_kind kind(size_t pages, size_t count)
{
	return (struct carve_kind){
		.wish = { .bytes = pages * PAGE, .alignment = PAGE },
		.count = count,
	};
}

static int change(struct region *region, const struct carve_kind *kinds,
		  size_t count)
{
	size_t index;
	int r = carve_slots_change(&region->slots, kinds, count, &region->fresh,
				   &region->left, &index);

	assert_null(carve_slots_check(&region->slots));
	assert_null(carve_placement_check(&region->placement));
	return r;
}

static void fill(struct region *region, size_t pages)
{
	struct carve_extent *extents[] = { &region->other };
	struct carve_wish wish = { .bytes = pages * PAGE, .alignment = PAGE };
	size_t index;

	assert_int_equal(carve_placement_allocate(&region->placement, extents,
						  &wish, 1, &index), 0);
}

/* The new slots may lie where the old, empty ones were, and only there. */
static void empty_slots_make_room_for_the_new_ones(void **state)
{
	static struct region region;
	struct carve_kind small = kind(1, 8), big = kind(4, 2), more = kind(4, 3);

	(void)state;
	start(&region, 10);
	assert_int_equal(change(&region, &small, 1), 0);
	fill(&region, 2);
	assert_int_equal(change(&region, &more, 1), -ENOSPC);
	assert_int_equal(region.slots.classes[0].empty_count, 8);
	assert_int_equal(change(&region, &big, 1), 0);
	assert_int_equal(change(&region, NULL, 0), 0);
	assert_int_equal(carve_placement_figures(&region.placement).clean,
			 8 * PAGE);
}

/* What its own dropped buffers leave behind is waited for, not refused. */
static void own_dirty_slots_are_waited_for(void **state)
{
	static struct region region;
	struct carve_kind small = kind(1, 8), big = kind(8, 1);
	struct carve_slot *slot;

	(void)state;
	start(&region, 8);
	assert_int_equal(change(&region, &small, 1), 0);
	slot = carve_slots_take(&region.slots, 0);
	assert_int_equal(change(&region, &big, 1), -ENOSPC);
	carve_slot_release(slot);
	assert_int_equal(change(&region, &big, 1), -EAGAIN);
	carve_slot_clean(slot);
	assert_int_equal(change(&region, &big, 1), 0);
}

/* To fewer and back while all are alive: those that left stay buffers. */
static void living_buffers_outlive_the_profile(void **state)
{
	static struct region region;
	struct carve_kind four = kind(1, 4), two = kind(1, 2);
	struct carve_slot *slots[4];
	struct carve_slot *slot;
	size_t count = 0;

	(void)state;
	start(&region, 6);
	assert_int_equal(change(&region, &four, 1), 0);
	for (size_t i = 0; i < 4; i++)
		slots[i] = carve_slots_take(&region.slots, 0);
	assert_null(carve_slots_take(&region.slots, 0));
	assert_int_equal(change(&region, &two, 1), 0);
	TAILQ_FOREACH(slot, &region.left, link) {
		assert_int_equal(slot->extent->state, CARVE_EXTENT_LIVE);
		count++;
	}
	assert_int_equal(count, 2);
	assert_null(carve_slots_take(&region.slots, 0));
	/* There are two pages besides. */
	assert_int_equal(change(&region, &four, 1), 0);
	assert_int_equal(carve_slots_missing(&region.slots, &four, 1), 0);
	assert_int_equal(carve_slots_count(&region.slots, true), 2);
	assert_int_equal(carve_slots_bytes(&region.slots, false), 4 * PAGE);
	assert_int_equal(carve_placement_figures(&region.placement).live_count,
			 4);
	for (size_t i = 0; i < 4; i++)
		if (!slots[i]->owner)
			carve_placement_release(&region.placement,
						slots[i]->extent);
	assert_non_null(carve_slots_take(&region.slots, 0));
	assert_non_null(carve_slots_take(&region.slots, 0));
	assert_null(carve_slots_take(&region.slots, 0));
}

/* A reservation of everything, while somebody waits for exactly that. */
static void held_memory_is_nobody_elses(void **state)
{
	static struct region region;
	struct carve_kind all = kind(8, 1);
	struct carve_wish wish = { .bytes = PAGE, .alignment = PAGE };
	struct carve_slot *slot;
	size_t index;

	(void)state;
	start(&region, 8);
	assert_int_equal(change(&region, &all, 1), 0);
	assert_int_equal(carve_placement_figures(&region.placement).largest, 0);
	slot = carve_slots_take(&region.slots, 0);
	carve_slot_release(slot);
	assert_int_equal(carve_placement_figures(&region.placement).dirty,
			 8 * PAGE);
	assert_false(carve_placement_would_fit(&region.placement, &wish, 1,
					       &index));
	assert_int_equal(change(&region, NULL, 0), 0);
	assert_true(carve_placement_would_fit(&region.placement, &wish, 1,
					      &index));
}

/* The invariant's check has to see what breaks it. */
/* Neither those that are there nor those that did not all fit. */
static void slots_are_no_burst(void **state)
{
	static struct region region;
	struct carve_kind two = kind(6, 2), three = kind(6, 3);
	struct carve_habit before;

	(void)state;
	start(&region, 20);
	fill(&region, 4);
	before = region.placement.habit;
	assert_int_equal(change(&region, &two, 1), 0);
	assert_int_equal(region.placement.habit.recent.allocated,
			 before.recent.allocated + 2);
	before.recent.allocated += 2;
	assert_memory_equal(&region.placement.habit, &before, sizeof(before));

	/* Room for all of them, but not in one piece for the third. */
	start(&region, 20);
	assert_int_equal(carve_placement_insert(&region.placement,
			&region.other, 9 * PAGE, PAGE, CARVE_EXTENT_LIVE), 0);
	before = region.placement.habit;
	assert_int_equal(change(&region, &three, 1), -ENOSPC);
	before.recent.allocated += 2;
	assert_memory_equal(&region.placement.habit, &before, sizeof(before));
}

static void the_check_sees_damage(void **state)
{
	static struct region region;
	struct carve_kind two = kind(2, 2);
	struct carve_slots *slots = &region.slots;
	struct carve_slot *slot;

	(void)state;
	start(&region, 8);
	assert_int_equal(change(&region, &two, 1), 0);
	slot = carve_slots_take(slots, 0);
	slots->classes[0].kind.count++;
	assert_non_null(carve_slots_check(slots));
	slots->classes[0].kind.count--;
	slots->classes[0].kind.wish.bytes++;
	assert_non_null(carve_slots_check(slots));
	slots->classes[0].kind.wish.bytes--;
	slots->classes[0].kind.wish.alignment = 8 * PAGE;
	assert_non_null(carve_slots_check(slots));
	slots->classes[0].kind.wish.alignment = PAGE;
	slots->classes[0].kind.wish.limit = PAGE;
	assert_non_null(carve_slots_check(slots));
	slots->classes[0].kind.wish.limit = 0;
	carve_placement_turn(&region.placement, slot->extent,
			     CARVE_EXTENT_HELD);
	assert_non_null(carve_slots_check(slots));
	carve_placement_turn(&region.placement, slot->extent,
			     CARVE_EXTENT_RESERVED);
	assert_non_null(carve_slots_check(slots));
	carve_placement_undo(&region.placement, slot->extent);
	assert_non_null(carve_slots_check(slots));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_slots_make_room_for_the_new_ones),
		cmocka_unit_test(own_dirty_slots_are_waited_for),
		cmocka_unit_test(living_buffers_outlive_the_profile),
		cmocka_unit_test(held_memory_is_nobody_elses),
		cmocka_unit_test(slots_are_no_burst),
		cmocka_unit_test(the_check_sees_damage),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
