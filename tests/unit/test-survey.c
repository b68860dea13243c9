// SPDX-License-Identifier: MIT
/*
 * What stands in the way, against a naive twin: an array with one entry a page,
 * every position and every set of holders tried. CARVE_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "survey.h"

#define PAGE		4096ULL
#define PAGES_MAX	64
#define HOLDERS		6
#define ROUNDS		60000
#define MANY		5

/* Page states of the twin besides holders. */
enum { FREE = -1, FIXED = -2 };

struct twin {
	size_t pages;
	uint64_t base_page;
	int page[PAGES_MAX];
};

static struct carve_survey survey;

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static void make_region(struct twin *twin)
{
	size_t pages = 1 + random_below(PAGES_MAX), at = 0;
	uint64_t fullness = 1 + random_below(8);

	twin->pages = pages;
	twin->base_page = random_below(64);
	carve_survey_init(&survey, pages * PAGE, PAGE, twin->base_page * PAGE);
	while (at < pages) {
		size_t end = at + 1 + random_below(random_below(4) ? 4 : 16);
		int what = FREE;

		end = end > pages ? pages : end;
		if (random_below(8) < fullness)
			what = random_below(12) ? (int)random_below(HOLDERS) : FIXED;
		if (what != FREE)
			assert_true(carve_survey_add(&survey, at * PAGE,
				(end - at) * PAGE, what == FIXED ?
				CARVE_SURVEY_FIXED : (uint32_t)what));
		while (at < end)
			twin->page[at++] = what;
	}
}

static void make_wish(const struct twin *twin, struct carve_wish *wish)
{
	*wish = (struct carve_wish){
		.bytes = (1 + random_below(random_below(3) ? 8 : 40)) * PAGE,
		.alignment = PAGE << (random_below(3) ? 0 : random_below(6)),
		.before = random_below(4) ? 0 : random_below(4) * PAGE,
	};
	if (!random_below(4))
		wish->limit = (twin->base_page + random_below(twin->pages + 4)) * PAGE;
}

static bool possible(const struct twin *twin, const struct carve_wish *wish,
		     size_t page)
{
	uint64_t address = (twin->base_page + page) * PAGE;

	if ((page * PAGE + wish->bytes) / PAGE > twin->pages)
		return false;
	if ((address + wish->before) % wish->alignment)
		return false;
	return !wish->limit || address + wish->bytes <= wish->limit;
}

/* Return: bytes in use at this place, or UINT64_MAX. */
static uint64_t twin_bytes(const struct twin *twin, const struct carve_wish *wish,
			   size_t page)
{
	uint64_t bytes = 0;
	size_t i;

	if (!possible(twin, wish, page))
		return UINT64_MAX;
	for (i = page; i < page + wish->bytes / PAGE; i++) {
		if (twin->page[i] == FIXED)
			return UINT64_MAX;
		bytes += twin->page[i] == FREE ? 0 : PAGE;
	}
	return bytes;
}

static uint64_t twin_least_bytes(const struct twin *twin,
				 const struct carve_wish *wish)
{
	uint64_t least = UINT64_MAX;
	size_t page;

	for (page = 0; page < twin->pages; page++) {
		uint64_t bytes = twin_bytes(twin, wish, page);

		least = bytes < least ? bytes : least;
	}
	return least;
}

static bool fits_without(const struct twin *twin, const struct carve_wish *wish,
			 unsigned int gone)
{
	size_t page, i;

	for (page = 0; page < twin->pages; page++) {
		if (!possible(twin, wish, page))
			continue;
		for (i = page; i < page + wish->bytes / PAGE; i++)
			if (twin->page[i] == FIXED ||
			    (twin->page[i] >= 0 && !(gone & 1U << twin->page[i])))
				break;
		if (i == page + wish->bytes / PAGE)
			return true;
	}
	return false;
}

/* Every set there is. Return: the size of the smallest, or -1. */
static int twin_least_holders(const struct twin *twin,
			      const struct carve_wish *wish)
{
	unsigned int set;
	int least = -1;

	for (set = 0; set < 1U << HOLDERS; set++) {
		int size = __builtin_popcount(set);

		if ((least < 0 || size < least) && fits_without(twin, wish, set))
			least = size;
	}
	return least;
}

static void one_wish_is_exact(void **state)
{
	struct carve_span span, spans[1];
	bool needed[CARVE_SURVEY_HOLDERS];
	struct carve_wish wish;
	struct twin twin;
	unsigned int set, found = 0, i, round;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		make_region(&twin);
		make_wish(&twin, &wish);

		uint64_t least = twin_least_bytes(&twin, &wish);
		bool is = carve_survey_find(&survey, &wish, CARVE_SURVEY_BYTES,
					    &span);

		assert_int_equal(is, least != UINT64_MAX);
		if (is) {
			assert_int_equal(span.bytes, wish.bytes);
			assert_int_equal(twin_bytes(&twin, &wish,
						    span.offset / PAGE), least);
			assert_int_equal(carve_survey_bytes(&survey, &span), least);
		}
		is = carve_survey_find_all(&survey, &wish, 1, spans, needed);
		assert_int_equal(is, least != UINT64_MAX);
		if (!is)
			continue;
		for (i = set = 0; i < HOLDERS; i++)
			set |= needed[i] ? 1U << i : 0;
		assert_true(fits_without(&twin, &wish, set));
		assert_int_equal(__builtin_popcount(set),
				 twin_least_holders(&twin, &wish));
		found += set != 0;
	}
	/* It was about something. */
	assert_true(found > ROUNDS / 5);
}

/* They are enough, even where they are not the fewest. */
static void many_wishes_find_room(void **state)
{
	bool needed[CARVE_SURVEY_HOLDERS];
	struct carve_wish wishes[MANY];
	struct carve_span spans[MANY];
	struct twin twin;
	unsigned int i, j, round, found = 0;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		bool by_holders = round % 2;

		make_region(&twin);
		for (i = 0; i < MANY; i++)
			make_wish(&twin, &wishes[i]);
		if (!carve_survey_find_all(&survey, wishes, MANY, spans,
					   by_holders ? needed : NULL))
			continue;
		found++;
		for (i = 0; i < MANY; i++) {
			size_t page = spans[i].offset / PAGE;

			assert_true(possible(&twin, &wishes[i], page));
			assert_int_equal(spans[i].bytes, wishes[i].bytes);
			for (j = 0; j < wishes[i].bytes / PAGE; j++) {
				int what = twin.page[page + j];

				assert_int_not_equal(what, FIXED);
				assert_true(what == FREE || !by_holders ||
					    needed[what]);
				/* And nobody else lies there. */
				twin.page[page + j] = FIXED;
			}
		}
	}
	assert_true(found > ROUNDS / 10);
}

/* What there is no room for is not looked at; it takes no longer. */
static void the_picture_has_an_end(void **state)
{
	struct carve_wish wish = { .bytes = 2 * PAGE, .alignment = PAGE };
	struct carve_span span;
	uint64_t i;

	(void)state;
	carve_survey_init(&survey, 1ULL << 40, PAGE, 0);
	for (i = 0; i < CARVE_SURVEY_BLOCKS; i++)
		assert_true(carve_survey_add(&survey, 2 * i * PAGE, PAGE, i % 7));
	assert_false(carve_survey_add(&survey, 2 * i * PAGE, PAGE, 0));
	assert_true(carve_survey_find(&survey, &wish, CARVE_SURVEY_BYTES, &span));
	assert_int_equal(carve_survey_bytes(&survey, &span), PAGE);
	assert_true(span.offset + span.bytes <= 2 * i * PAGE);
	span = (struct carve_span){ 11 * PAGE, PAGE };
	assert_false(carve_survey_take(&survey, &span));
	wish.bytes = 2 * i * PAGE;
	assert_true(carve_survey_find(&survey, &wish, CARVE_SURVEY_HOLDERS_IN, &span));
	wish.bytes += PAGE;
	assert_false(carve_survey_find(&survey, &wish, CARVE_SURVEY_BYTES, &span));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_wish_is_exact),
		cmocka_unit_test(many_wishes_find_room),
		cmocka_unit_test(the_picture_has_an_end),
	};
	const char *seed = getenv("CARVE_TEST_SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15;
	return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
