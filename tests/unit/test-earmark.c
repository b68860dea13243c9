// SPDX-License-Identifier: MIT
/*
 * Earmarks: nobody is let into the windows, nothing of the region changes, and a
 * request that has one is served after a bounded number of bytes came back, with
 * an adversary on either side. CARVE_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "earmark.h"

#define PAGE		4096ULL
#define PAGES		256ULL
#define ROUNDS		4000
#define MANY		6

static struct carve_survey survey;
static struct carve_earmark earmark;

/* A region whose buffers are one structure each. */
static struct carve_placement placement;
static struct carve_extent extents[PAGES + 1];

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static void start(void)
{
	memset(extents, 0, sizeof(extents));
	carve_placement_init(&placement, PAGES * PAGE, PAGE, 0);
}

static struct carve_extent *unused(void)
{
	size_t i = 0;

	while (extents[i].state != CARVE_EXTENT_NONE)
		i++;
	return &extents[i];
}

static struct carve_extent *place(uint64_t bytes)
{
	struct carve_wish wish = { .bytes = bytes, .alignment = PAGE };
	struct carve_extent *extent = unused();
	size_t index;

	if (carve_placement_allocate(&placement, &extent, &wish, 1, &index) < 0)
		return NULL;
	return extent;
}

static struct carve_extent *place_outside(uint64_t bytes)
{
	struct carve_extent *extent;

	carve_earmark_shut(&earmark, &placement);
	extent = place(bytes);
	carve_earmark_open(&earmark, &placement);
	return extent;
}

static void look(void)
{
	const struct carve_extent *extent;
	uint64_t from = 0;

	carve_survey_init(&survey, PAGES * PAGE, PAGE, 0);
	while ((extent = carve_placement_next(&placement, from))) {
		from = carve_extent_offset(extent) + carve_extent_bytes(extent);
		if (extent->state == CARVE_EXTENT_LIVE)
			carve_survey_add(&survey, carve_extent_offset(extent),
					 carve_extent_bytes(extent), 0);
	}
}

static bool inside(uint64_t offset, uint64_t bytes)
{
	for (size_t i = 0; i < earmark.count; i++)
		if (offset < earmark.spans[i].offset + earmark.spans[i].bytes &&
		    offset + bytes > earmark.spans[i].offset)
			return true;
	return false;
}

static void fill_at_random(void)
{
	for (size_t i = 0; i < 60; i++) {
		struct carve_extent *extent = place((1 + random_below(9)) * PAGE);

		if (!extent)
			break;
	}
	for (size_t i = 0; i < PAGES; i++) {
		if (extents[i].state != CARVE_EXTENT_LIVE || random_below(2))
			continue;
		carve_placement_release(&placement, &extents[i]);
		if (random_below(2))
			carve_placement_clean(&placement, &extents[i]);
	}
}

/* Return: the largest run of pages outside that is clean, or not live. */
static uint64_t largest_outside(bool dirty_too)
{
	bool busy[PAGES] = { false };
	const struct carve_extent *extent;
	uint64_t from = 0, run = 0, best = 0;

	while ((extent = carve_placement_next(&placement, from))) {
		uint64_t page = carve_extent_offset(extent) / PAGE;

		from = carve_extent_offset(extent) + carve_extent_bytes(extent);
		for (; page < from / PAGE; page++)
			busy[page] = !dirty_too ||
				     extent->state == CARVE_EXTENT_LIVE;
	}
	for (uint64_t page = 0; page < PAGES; page++) {
		run = busy[page] || inside(page * PAGE, PAGE) ? 0 : run + 1;
		best = run > best ? run : best;
	}
	return best;
}

static void nobody_is_let_in(void **state)
{
	struct carve_wish wishes[MANY], wish = { .alignment = PAGE };
	size_t count, index;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct carve_figures before, after;
		struct carve_extent *extent;
		const char *wrong;
		uint64_t clean, all;

		start();
		fill_at_random();
		count = 1 + random_below(MANY);
		for (size_t i = 0; i < count; i++)
			wishes[i] = (struct carve_wish){
				.bytes = (1 + random_below(40)) * PAGE,
				.alignment = PAGE << random_below(4),
			};
		look();
		earmark.count = 0;
		if (carve_survey_find_all(&survey, wishes, count, earmark.spans,
					  NULL))
			earmark.count = count;
		clean = largest_outside(false);
		all = largest_outside(true);
		before = carve_placement_figures(&placement);

		/* Exactly what is left outside can be had there. */
		wish.bytes = (clean + 1) * PAGE;
		assert_null(place_outside(wish.bytes));
		wish.bytes = (all + 1) * PAGE;
		carve_earmark_shut(&earmark, &placement);
		assert_false(carve_placement_would_fit(&placement, &wish, 1, &index));
		wish.bytes = all * PAGE;
		if (all)
			assert_true(carve_placement_would_fit(&placement, &wish, 1,
							      &index));
		carve_earmark_open(&earmark, &placement);
		wrong = carve_placement_check(&placement);
		if (wrong)
			fail_msg("round %d: %s", round, wrong);
		after = carve_placement_figures(&placement);
		assert_memory_equal(&before, &after, sizeof(before));
		if (!clean)
			continue;
		extent = place_outside(clean * PAGE);
		assert_non_null(extent);
		assert_false(inside(carve_extent_offset(extent),
				    carve_extent_bytes(extent)));
	}
}

/* The owner is put there as soon as all of it is clean, and not before. */
static void its_owner_gets_it(void **state)
{
	struct carve_wish wishes[MANY];
	struct carve_extent *places[MANY];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		bool ready = true;
		size_t i, j;
		int r;

		start();
		fill_at_random();
		for (i = 0; i < MANY; i++)
			wishes[i] = (struct carve_wish){
				.bytes = (1 + random_below(24)) * PAGE,
				.alignment = PAGE,
			};
		look();
		if (!carve_survey_find_all(&survey, wishes, MANY, earmark.spans, NULL))
			continue;
		earmark.count = MANY;
		for (i = 0; i < PAGES; i++)
			ready &= extents[i].state == CARVE_EXTENT_NONE ||
				 !inside(carve_extent_offset(&extents[i]),
					 carve_extent_bytes(&extents[i]));
		for (i = j = 0; i < MANY; i++) {
			while (extents[j].state != CARVE_EXTENT_NONE)
				j++;
			places[i] = &extents[j++];
		}
		r = carve_earmark_place(&earmark, &placement, places);
		assert_int_equal(r == 0, ready);
		for (i = 0; i < MANY && ready; i++)
			assert_int_equal(carve_extent_offset(places[i]),
					 earmark.spans[i].offset);
		assert_null(carve_placement_check(&placement));
	}
}

/* ---- starvation, in bytes given back ---------------------------------------- */

enum { BIG = PAGES / 2 };

static struct carve_extent *pick(bool from_inside)
{
	size_t first = random_below(PAGES);

	for (size_t i = 0; i < PAGES; i++) {
		struct carve_extent *extent = &extents[(first + i) % PAGES];

		if (extent->state == CARVE_EXTENT_LIVE &&
		    from_inside == inside(carve_extent_offset(extent),
					  carve_extent_bytes(extent)))
			return extent;
	}
	return NULL;
}

/*
 * Small buffers come and go without end, and what is free is taken again at once.
 * Which one goes is the adversary's choice: one in eight has to be one that is in
 * the way, since films end.
 *
 * Return: bytes given back until the big one was served, or UINT64_MAX.
 */
static uint64_t starve_a_big_one(bool earmarked, uint64_t small_pages)
{
	struct carve_wish wish = { .bytes = BIG * PAGE, .alignment = PAGE };
	struct carve_extent *owner, *victim;
	uint64_t given_back = 0;

	start();
	earmark.count = 0;
	while (place(small_pages * PAGE))
		;
	look();
	if (earmarked &&
	    carve_survey_find_all(&survey, &wish, 1, earmark.spans, NULL))
		earmark.count = 1;
	for (int step = 0; step < 20000; step++) {
		victim = pick(earmarked && step % 8 == 7);
		if (!victim)
			continue;
		given_back += carve_extent_bytes(victim);
		carve_placement_release(&placement, victim);
		carve_placement_clean(&placement, victim);
		owner = unused();
		if ((earmarked && carve_earmark_place(&earmark, &placement,
						      &owner) == 0) ||
		    place(BIG * PAGE))
			return given_back;
		while (place_outside(small_pages * PAGE))
			;
	}
	return UINT64_MAX;
}

static void a_big_one_is_served(void **state)
{
	(void)state;
	for (uint64_t pages = 1; pages <= 8; pages *= 2) {
		uint64_t without = starve_a_big_one(false, pages);
		uint64_t with = starve_a_big_one(true, pages);

		print_message("# buffers of %llu pages: served after %.1f times "
			      "its size came back, and %s without an earmark\n",
			      (unsigned long long)pages,
			      (double)with / (double)(BIG * PAGE),
			      without == UINT64_MAX ? "never" : "also");
		assert_int_equal(without, UINT64_MAX);
		/* One in eight is inside: eight times its size, and a rest. */
		assert_true(with <= 9 * BIG * PAGE);
	}
}

/* The other side: all that is outside of the windows stays usable. */
static void small_ones_go_on(void **state)
{
	struct carve_wish wish = { .bytes = BIG * PAGE, .alignment = PAGE };
	uint64_t served = 0;

	(void)state;
	start();
	for (size_t i = 0; i < PAGES; i++)
		assert_non_null(place(PAGE));
	look();
	assert_true(carve_survey_find_all(&survey, &wish, 1, earmark.spans, NULL));
	earmark.count = 1;
	for (int step = 0; step < 20000; step++) {
		struct carve_extent *extent = &extents[random_below(PAGES)];

		if (extent->state != CARVE_EXTENT_LIVE)
			continue;
		if (inside(carve_extent_offset(extent), PAGE))
			continue;
		carve_placement_release(&placement, extent);
		carve_placement_clean(&placement, extent);
		assert_non_null(place_outside(PAGE));
		served++;
	}
	assert_true(served > 5000);
	assert_int_equal(carve_placement_figures(&placement).live, PAGES * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_let_in),
		cmocka_unit_test(its_owner_gets_it),
		cmocka_unit_test(a_big_one_is_served),
		cmocka_unit_test(small_ones_go_on),
	};
	const char *seed = getenv("CARVE_TEST_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15;
	return cmocka_run_group_tests_name("earmark", tests, NULL, NULL);
}
