// SPDX-License-Identifier: MIT
/*
 * Placement against a deliberately naive twin: an array with one entry a page,
 * searched from end to end. Both get the same random operations and must
 * agree about every offset, refusal and figure. CARVE_TEST_SEED repeats a run.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "placement.h"

#define PAGE		4096ULL
#define PAGES_MAX	192
#define OPERATIONS	1200000

/* Page states of the twin; a live or dirty page also knows its extent. */
struct twin {
	size_t pages;
	uint64_t base_page;
	enum carve_extent_state state[PAGES_MAX];
	size_t extent[PAGES_MAX];
};

struct pair {
	struct carve_placement placement;
	struct twin twin;
	struct carve_extent extents[PAGES_MAX];
};

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static void start(struct pair *pair, size_t pages, uint64_t base_page)
{
	memset(pair, 0, sizeof(*pair));
	pair->twin.pages = pages;
	pair->twin.base_page = base_page;
	carve_placement_init(&pair->placement, pages * PAGE, PAGE,
			     base_page * PAGE);
}

static bool twin_usable(const struct twin *twin, size_t page, bool dirty_too)
{
	return twin->state[page] == CARVE_EXTENT_NONE ||
	       (dirty_too && twin->state[page] == CARVE_EXTENT_DIRTY);
}

/* Is what lies behind the guard aligned? */
static bool twin_aligned(const struct twin *twin, size_t page,
			 const struct carve_wish *wish)
{
	return !((twin->base_page + page + wish->before / PAGE) %
		 (wish->alignment / PAGE));
}

/* Best fit by trying everything. Return: the first page, or -1. */
static long twin_find(const struct twin *twin, const struct carve_wish *wish,
		      bool dirty_too)
{
	size_t pages = wish->bytes / PAGE;
	long best = -1;
	size_t best_run = SIZE_MAX;

	for (size_t begin = 0; begin < twin->pages;) {
		size_t end = begin, at;

		while (end < twin->pages && twin_usable(twin, end, dirty_too))
			end++;
		for (at = begin; at < end; at++)
			if (twin_aligned(twin, at, wish))
				break;
		if (at + pages <= end && end - begin < best_run &&
		    (!wish->limit ||
		     (twin->base_page + at + pages) * PAGE <= wish->limit)) {
			best = (long)at;
			best_run = end - begin;
		}
		begin = end + 1;
	}
	return best;
}

static void twin_set(struct twin *twin, size_t page, size_t pages,
		     size_t extent, enum carve_extent_state state)
{
	for (size_t i = page; i < page + pages; i++) {
		twin->state[i] = state;
		twin->extent[i] = extent;
	}
}

static size_t unused_extent(const struct pair *pair)
{
	size_t i = random_below(PAGES_MAX);

	/* One extent a page: there is always one left. */
	while (pair->extents[i].state != CARVE_EXTENT_NONE)
		i = (i + 1) % PAGES_MAX;
	return i;
}

static struct carve_extent *pick(struct pair *pair,
				 enum carve_extent_state state)
{
	size_t start = random_below(PAGES_MAX);

	for (size_t i = 0; i < PAGES_MAX; i++) {
		struct carve_extent *extent =
			&pair->extents[(start + i) % PAGES_MAX];

		if (extent->state == state)
			return extent;
	}
	return NULL;
}

static void mark_twin(struct pair *pair, const struct carve_extent *extent,
		      enum carve_extent_state state)
{
	twin_set(&pair->twin, carve_extent_offset(extent) / PAGE,
		 carve_extent_bytes(extent) / PAGE,
		 (size_t)(extent - pair->extents), state);
}

static void same_figures(const struct pair *pair)
{
	struct carve_figures figures = carve_placement_figures(&pair->placement);
	const struct twin *twin = &pair->twin;
	uint64_t pages[CARVE_EXTENT_HELD + 1] = { 0 }, largest = 0, run = 0;
	struct carve_extent *next = carve_placement_next(&pair->placement, 0);

	for (size_t i = 0; i < twin->pages; i++) {
		pages[twin->state[i]]++;
		run = twin->state[i] == CARVE_EXTENT_NONE ? run + 1 : 0;
		largest = run > largest ? run : largest;
		if (twin->state[i] == CARVE_EXTENT_NONE ||
		    (i && twin->extent[i - 1] == twin->extent[i] &&
		     twin->state[i - 1] == twin->state[i]))
			continue;
		/* The walk by address meets exactly the twin's extents. */
		assert_ptr_equal(next, &pair->extents[twin->extent[i]]);
		assert_int_equal(next->state, twin->state[i]);
		assert_int_equal(carve_extent_offset(next), i * PAGE);
		next = carve_placement_next(&pair->placement,
					    carve_extent_offset(next) +
						    carve_extent_bytes(next));
	}
	assert_null(next);
	assert_int_equal(figures.bytes, twin->pages * PAGE);
	assert_int_equal(figures.clean, pages[CARVE_EXTENT_NONE] * PAGE);
	assert_int_equal(figures.live, pages[CARVE_EXTENT_LIVE] * PAGE);
	assert_int_equal(figures.reserved, pages[CARVE_EXTENT_RESERVED] * PAGE);
	assert_int_equal(figures.dirty, (pages[CARVE_EXTENT_DIRTY] +
					 pages[CARVE_EXTENT_HELD]) * PAGE);
	assert_int_equal(figures.largest, largest * PAGE);
}

/* What the twin would do with these wishes, on a copy of it. */
static int twin_allocate(struct twin *twin, const struct carve_wish *wishes,
			 const size_t *numbers, size_t count, bool dirty_too,
			 long *pages)
{
	for (size_t i = 0; i < count; i++) {
		pages[i] = twin_find(twin, &wishes[i], dirty_too);
		if (pages[i] < 0)
			return (int)i;
		twin_set(twin, (size_t)pages[i], wishes[i].bytes / PAGE,
			 numbers[i], CARVE_EXTENT_LIVE);
	}
	return -1;
}

static void random_allocate(struct pair *pair)
{
	size_t count = 1 + (random_below(4) ? 0 : random_below(6));
	struct carve_wish wishes[8];
	struct carve_extent *extents[8];
	size_t numbers[8], index = SIZE_MAX;
	long pages[8];
	struct twin clean = pair->twin, dirty = pair->twin;

	if (pair->placement.used.count + count > PAGES_MAX)
		return;
	for (size_t i = 0; i < count; i++) {
		wishes[i].bytes = (1 + random_below(random_below(8) ? 6 : 60)) *
				  PAGE;
		wishes[i].alignment = PAGE << (random_below(3) ? 0 :
							random_below(7));
		/* Below, inside and above the region, not at pages only. */
		wishes[i].limit = random_below(4) ? 0 :
			pair->twin.base_page * PAGE +
			random_below((pair->twin.pages + 8) * PAGE) - 4 * PAGE;
		wishes[i].before = random_below(3) ? 0 :
			random_below(wishes[i].bytes / PAGE + 1) * PAGE;
		do {
			numbers[i] = unused_extent(pair);
			for (size_t j = 0; j < i; j++)
				if (numbers[j] == numbers[i])
					numbers[i] = PAGES_MAX;
		} while (numbers[i] == PAGES_MAX);
		extents[i] = &pair->extents[numbers[i]];
	}

	bool would_fit = carve_placement_would_fit(&pair->placement, wishes,
						   count, &index);
	int failed = twin_allocate(&dirty, wishes, numbers, count, true, pages);

	assert_int_equal(would_fit, failed < 0);
	if (!would_fit)
		assert_int_equal(index, failed);

	index = SIZE_MAX;
	failed = twin_allocate(&clean, wishes, numbers, count, false,
				   pages);
	int r = carve_placement_allocate(&pair->placement, extents, wishes,
					 count, &index);

	if (failed >= 0) {
		assert_int_equal(r, -ENOSPC);
		assert_int_equal(index, failed);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(index, SIZE_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(carve_extent_offset(extents[i]),
				 (uint64_t)pages[i] * PAGE);
		assert_int_equal(carve_extent_bytes(extents[i]),
				 wishes[i].bytes);
	}
	pair->twin = clean;
}

/* Anywhere, out of the region and onto other extents too. */
static void random_insert(struct pair *pair)
{
	struct twin *twin = &pair->twin;
	size_t number = unused_extent(pair);
	size_t page = random_below(twin->pages + 8);
	size_t pages = random_below(12);
	enum carve_extent_state state = 1 + random_below(CARVE_EXTENT_HELD);
	int expected = 0;

	if (pair->placement.used.count == PAGES_MAX)
		return;
	for (size_t i = page; i < page + pages && i < twin->pages; i++)
		if (twin->state[i] != CARVE_EXTENT_NONE)
			expected = -EBUSY;
	if (page + pages > twin->pages)
		expected = -ERANGE;
	if (!pages)
		expected = -EINVAL;
	assert_int_equal(carve_placement_insert(&pair->placement,
						&pair->extents[number],
						page * PAGE, pages * PAGE,
						state),
			 expected);
	if (!expected)
		twin_set(twin, page, pages, number, state);
}

static void random_end(struct pair *pair)
{
	struct carve_extent *extent;
	unsigned int way = random_below(8);

	extent = pick(pair, way < 4 ? CARVE_EXTENT_LIVE : CARVE_EXTENT_DIRTY);
	if (!extent)
		return;
	if (way == 0) {
		mark_twin(pair, extent, CARVE_EXTENT_NONE);
		carve_placement_undo(&pair->placement, extent);
	} else if (way < 4) {
		mark_twin(pair, extent, CARVE_EXTENT_DIRTY);
		carve_placement_release(&pair->placement, extent);
	} else {
		mark_twin(pair, extent, CARVE_EXTENT_NONE);
		carve_placement_clean(&pair->placement, extent);
	}
}

/* All that may become of something, of which the twin knows no rule. */
static void random_turn(struct pair *pair)
{
	static const enum carve_extent_state turns[][2] = {
		{ CARVE_EXTENT_LIVE, CARVE_EXTENT_RESERVED },
		{ CARVE_EXTENT_RESERVED, CARVE_EXTENT_LIVE },
		{ CARVE_EXTENT_LIVE, CARVE_EXTENT_HELD },
		{ CARVE_EXTENT_HELD, CARVE_EXTENT_RESERVED },
		{ CARVE_EXTENT_HELD, CARVE_EXTENT_DIRTY },
		{ CARVE_EXTENT_DIRTY, CARVE_EXTENT_HELD },
		{ CARVE_EXTENT_RESERVED, CARVE_EXTENT_NONE },
	};
	size_t turn = random_below(sizeof(turns) / sizeof(turns[0]));
	struct carve_extent *extent = pick(pair, turns[turn][0]);

	if (!extent)
		return;
	mark_twin(pair, extent, turns[turn][1]);
	if (turns[turn][1] == CARVE_EXTENT_NONE)
		carve_placement_undo(&pair->placement, extent);
	else
		carve_placement_turn(&pair->placement, extent, turns[turn][1]);
}

/* One after the other until none fits; nothing of it may stay. */
static void random_trial(struct pair *pair)
{
	struct carve_wish wish = {
		.bytes = (1 + random_below(8)) * PAGE,
		.alignment = PAGE << random_below(4),
	};
	struct carve_extent trials[8] = { 0 };
	struct twin twin = pair->twin;
	size_t placed = 0;

	for (; placed < 8; placed++) {
		long page = twin_find(&twin, &wish, true);

		assert_int_equal(carve_placement_trial(&pair->placement,
						       &trials[placed], &wish),
				 page >= 0);
		if (page < 0)
			break;
		twin_set(&twin, (size_t)page, wish.bytes / PAGE, 0,
			 CARVE_EXTENT_LIVE);
	}
	while (placed)
		carve_placement_trial_end(&pair->placement, &trials[--placed]);
}

static void agrees_with_the_naive_twin(void **state)
{
	static struct pair pair;
	const char *seed = getenv("CARVE_TEST_SEED");

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15;
	for (long i = 0; i < OPERATIONS; i++) {
		/* Now and then another region, of another size and base. */
		if (i % 20000 == 0)
			start(&pair, 1 + random_below(PAGES_MAX),
			      random_below(2) ? 0 : random_below(1 << 20));

		unsigned int what = random_below(40);

		if (what < 15)
			random_allocate(&pair);
		else if (what < 31)
			random_end(&pair);
		else if (what < 38)
			random_turn(&pair);
		else if (what < 39)
			random_trial(&pair);
		else
			random_insert(&pair);
		if (i % 8)
			continue;
		same_figures(&pair);

		const char *wrong = carve_placement_check(&pair.placement);

		if (wrong)
			fail_msg("operation %ld: %s", i, wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_naive_twin),
	};

	return cmocka_run_group_tests_name("placement-twin", tests, NULL, NULL);
}
