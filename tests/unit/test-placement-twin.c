// SPDX-License-Identifier: MIT
/*
 * Placement against a deliberately naive twin: an array with one entry a page,
 * searched from end to end. Both get the same random operations. Where to put
 * an extent is for placement to choose; the twin says whether it may be there,
 * and whether there was really no place when something was refused. All figures
 * and invariants are checked after every operation. CARVE_TEST_SEED repeats a
 * run.
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
#define OPERATIONS	600000

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

static bool twin_fits(const struct twin *twin, const struct carve_wish *wish,
		      size_t page, bool dirty_too)
{
	size_t end = page + wish->bytes / PAGE;

	if (end > twin->pages ||
	    (twin->base_page + page + wish->before / PAGE) %
		    (wish->alignment / PAGE) ||
	    (wish->limit && (twin->base_page + end) * PAGE > wish->limit))
		return false;
	for (; page < end; page++)
		if (!twin_usable(twin, page, dirty_too))
			return false;
	return true;
}

/* Whether there is any place for it, by trying them all. */
static bool twin_has_room(const struct twin *twin,
			  const struct carve_wish *wish, bool dirty_too)
{
	for (size_t page = 0; page < twin->pages; page++)
		if (twin_fits(twin, wish, page, dirty_too))
			return true;
	return false;
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

/* The live one that was allocated nearest to what was released last. */
static struct carve_extent *pick_together(struct pair *pair)
{
	int64_t released = (int64_t)pair->placement.habit.released;
	struct carve_extent *found = NULL;

	for (size_t i = 0; i < PAGES_MAX; i++) {
		struct carve_extent *extent = &pair->extents[i];

		if (extent->state == CARVE_EXTENT_LIVE &&
		    (!found || llabs((int64_t)extent->number - released) <
			       llabs((int64_t)found->number - released)))
			found = extent;
	}
	return found;
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

static size_t random_wishes(const struct pair *pair, struct carve_wish *wishes)
{
	size_t count = 1 + (random_below(4) ? 0 : random_below(6));

	for (size_t i = 0; i < count; i++) {
		/* Some sizes come again and again. */
		wishes[i].bytes = (1 + random_below(random_below(8) ? 6 : 60)) *
				  PAGE;
		/* Up to 1 MiB, and beyond what the region has. */
		wishes[i].alignment = PAGE << (random_below(3) ? 0 :
			random_below(random_below(9) ? 9 : 40));
		/* Below, inside and above the region, not at pages only. */
		wishes[i].limit = random_below(4) ? 0 :
			pair->twin.base_page * PAGE +
			random_below((pair->twin.pages + 8) * PAGE) - 4 * PAGE;
		wishes[i].before = random_below(3) ? 0 :
			random_below(wishes[i].bytes / PAGE + 1) * PAGE;
	}
	return count;
}

/* Different extents that are in no region. */
static bool unused_extents(struct pair *pair, struct carve_extent **extents,
			   size_t count)
{
	if (pair->placement.used.count + count > PAGES_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		bool again;

		do {
			again = false;
			extents[i] = &pair->extents[unused_extent(pair)];
			for (size_t j = 0; j < i; j++)
				again |= extents[j] == extents[i];
		} while (again);
	}
	return true;
}

/*
 * One wish fits exactly if there is a place for it. What many do depends on
 * where the first ones go, but the first one always has to have a place.
 */
static void compare_would_fit(struct pair *pair,
			      const struct carve_wish *wishes, size_t count)
{
	const struct carve_habit habit = pair->placement.habit;
	size_t index = SIZE_MAX;
	bool fits = carve_placement_would_fit(&pair->placement, wishes, count,
					      &index);

	assert_memory_equal(&pair->placement.habit, &habit, sizeof(habit));
	assert_true(fits == (index == SIZE_MAX));
	if (count == 1 || (!fits && index == 0))
		assert_true(fits == twin_has_room(&pair->twin, wishes, true));
	for (size_t i = 0; i < (fits ? count : index); i++)
		assert_true(twin_has_room(&pair->twin, &wishes[i], true));
}

static void random_allocate(struct pair *pair)
{
	struct carve_extent *extents[8];
	struct carve_wish wishes[8];
	size_t count = random_wishes(pair, wishes), index = SIZE_MAX;

	if (!unused_extents(pair, extents, count))
		return;
	for (size_t i = 0; i < count; i++) {
		static struct twin empty;

		empty.pages = pair->twin.pages;
		empty.base_page = pair->twin.base_page;
		assert_true(carve_placement_possible(&pair->placement,
						     &wishes[i]) ==
			    twin_has_room(&empty, &wishes[i], false));
	}
	compare_would_fit(pair, wishes, count);
	if (carve_placement_allocate(&pair->placement, extents, wishes, count,
				     &index) < 0) {
		assert_in_range(index, 0, count - 1);
		if (index == 0)
			assert_false(twin_has_room(&pair->twin, wishes, false));
		for (size_t i = 0; i < count; i++)
			assert_int_equal(extents[i]->state, CARVE_EXTENT_NONE);
		return;
	}
	assert_int_equal(index, SIZE_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(carve_extent_bytes(extents[i]),
				 wishes[i].bytes);
		assert_true(twin_fits(&pair->twin, &wishes[i],
				      carve_extent_offset(extents[i]) / PAGE,
				      false));
		mark_twin(pair, extents[i], CARVE_EXTENT_LIVE);
	}
}

/* Anywhere, out of the region and onto other extents too. */
static void random_insert(struct pair *pair)
{
	struct twin *twin = &pair->twin;
	size_t page = random_below(twin->pages + 8), number;
	size_t pages = random_below(12);
	enum carve_extent_state state = 1 + random_below(CARVE_EXTENT_HELD);
	int expected = 0;

	if (pair->placement.used.count == PAGES_MAX)
		return;
	number = unused_extent(pair);
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

/* Sessions: what was allocated together is released together, then cleaned. */
static void random_session_end(struct pair *pair)
{
	struct carve_extent *extent;

	for (size_t count = 4 + random_below(12); count--;) {
		extent = pick_together(pair);
		if (!extent)
			return;
		mark_twin(pair, extent, CARVE_EXTENT_DIRTY);
		carve_placement_release(&pair->placement, extent);
	}
	while (random_below(64) &&
	       (extent = pick(pair, CARVE_EXTENT_DIRTY)) != NULL) {
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
	static struct carve_extent trials[8];
	struct twin twin = pair->twin;
	size_t placed = 0;

	for (; placed < 8; placed++) {
		size_t page;

		if (!carve_placement_trial(&pair->placement, &trials[placed],
					   &wish)) {
			assert_false(twin_has_room(&twin, &wish, true));
			break;
		}
		page = trials[placed].held.offset_pages;
		assert_true(twin_fits(&twin, &wish, page, true));
		twin_set(&twin, page, wish.bytes / PAGE, 0, CARVE_EXTENT_LIVE);
	}
	while (placed)
		carve_placement_trial_end(&pair->placement, &trials[--placed]);
}

static void agrees_with_the_naive_twin(void **state)
{
	static struct pair pair;
	bool sessions = false;
	long ways[2] = { 0 };
	const char *seed = getenv("CARVE_TEST_SEED");

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15;
	for (long i = 0; i < OPERATIONS; i++) {
		/* Now and then another region, of another size and base. */
		if (i % 20000 == 0) {
			start(&pair, 1 + random_below(PAGES_MAX),
			      random_below(2) ? 0 : random_below(1 << 20));
			sessions = !sessions;
		}
		ways[pair.placement.habit.together > 65536 / 4 * 3]++;

		unsigned int what = random_below(40);

		if (what < 15)
			random_allocate(&pair);
		else if (sessions ? what < 17 : what < 31)
			sessions ? random_session_end(&pair) :
				   random_end(&pair);
		else if (what < 31)
			random_allocate(&pair);
		else if (what < 33)
			random_insert(&pair);
		else if (what < 34)
			random_trial(&pair);
		else if (!sessions || !random_below(16))
			random_turn(&pair);
		same_figures(&pair);

		const char *wrong = carve_placement_check(&pair.placement);

		if (wrong)
			fail_msg("operation %ld: %s", i, wrong);
	}
	/* Both ways to choose a place were taken. */
	assert_true(ways[0] > OPERATIONS / 32 && ways[1] > OPERATIONS / 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_naive_twin),
	};

	return cmocka_run_group_tests_name("placement-twin", tests, NULL, NULL);
}
