// SPDX-License-Identifier: MIT
/*
 * Gaps against an array with one entry a page: where the lowest place is, for
 * any alignment, beginning and end; and which gaps the bins lead to.
 * CARVE_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gaps.h"

#define PAGE		4096ULL
#define PAGES_MAX	256
#define OPERATIONS	200000

struct model {
	struct carve_gaps gaps;
	struct carve_mark marks[PAGES_MAX];
	uint64_t base_page;
	size_t pages;
	/* The mark that covers a page, or NULL. */
	struct carve_mark *covers[PAGES_MAX];
	bool used[PAGES_MAX];
};

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static void start(struct model *model)
{
	memset(model, 0, sizeof(*model));
	model->pages = 1 + random_below(PAGES_MAX);
	/* Near a multiple of the largest alignment, too. */
	model->base_page = random_below(2) ? random_below(1 << 20) :
			   (1 << 19) - random_below(PAGES_MAX);
	carve_gaps_init(&model->gaps, model->pages * PAGE, PAGE,
			model->base_page * PAGE);
}

static bool is_free(const struct model *model, size_t page, size_t pages)
{
	if (page + pages > model->pages)
		return false;
	for (size_t i = page; i < page + pages; i++)
		if (model->covers[i])
			return false;
	return true;
}

/* Return: the page, or -1. */
static long naive_lowest(const struct model *model, const struct carve_fit *fit)
{
	size_t pages = fit->bytes / PAGE;

	for (size_t i = 0; i < model->pages; i++)
		if (is_free(model, i, pages) && (i + pages) * PAGE <= fit->end &&
		    (model->base_page + i + fit->before / PAGE) %
				    (fit->alignment / PAGE) == 0)
			return (long)i;
	return -1;
}

/* With a guard before what is aligned: whenever there is one, but any. */
static void compare_guarded(struct model *model, const struct carve_fit *fit)
{
	long expected = naive_lowest(model, fit);
	struct carve_mark *lower;
	uint64_t offset;

	if (!carve_gaps_lowest(&model->gaps, fit, &offset, &lower)) {
		assert_int_equal(expected, -1);
		return;
	}
	assert_true(expected >= 0);
	assert_ptr_equal(lower, carve_gaps_behind(&model->gaps, offset,
						  fit->bytes));
	assert_true(offset + fit->bytes <= fit->end);
	assert_int_equal((model->base_page * PAGE + offset + fit->before) &
			 (fit->alignment - 1), 0);
}

static void compare_lowest(struct model *model)
{
	struct carve_fit fit = {
		.bytes = (1 + random_below(random_below(4) ? 8 : 80)) * PAGE,
		.alignment = PAGE << random_below(random_below(4) ? 9 : 24),
		.end = random_below(3) ? UINT64_MAX :
					 random_below(model->pages * PAGE * 2),
	};
	long expected = naive_lowest(model, &fit);
	struct carve_mark *lower = NULL;
	uint64_t offset = 1;

	if (!carve_gaps_lowest(&model->gaps, &fit, &offset, &lower)) {
		assert_int_equal(expected, -1);
		assert_null(lower);
		return;
	}
	assert_int_equal(offset, (uint64_t)expected * PAGE);
	assert_ptr_equal(lower, carve_gaps_behind(&model->gaps, offset,
						  fit.bytes));
	fit.before = random_below(3) * PAGE;
	fit.bytes += fit.before;
	compare_guarded(model, &fit);
}

static void compare_behind(const struct model *model)
{
	size_t page = random_below(model->pages + 2);
	size_t pages = 1 + random_below(10);
	struct carve_mark *lower = carve_gaps_behind(&model->gaps, page * PAGE,
						     pages * PAGE);

	assert_true(is_free(model, page, pages) == (lower != NULL));
	if (lower)
		assert_true(carve_mark_end(lower) <= page * PAGE &&
			    carve_mark_end(lower) + carve_mark_gap(lower) >=
				    (page + pages) * PAGE);
}

/* Every gap that is long enough is met once, the larger bins later. */
static void compare_bins(const struct model *model)
{
	uint64_t bytes = (1 + random_below(model->pages)) * PAGE;
	struct carve_mark *mark = carve_gaps_first(&model->gaps, bytes);
	size_t met = 0, gaps = 0, run = 0;
	uint64_t largest = 0;

	for (; mark; mark = carve_gaps_after(&model->gaps, mark)) {
		uint64_t gap = carve_mark_gap(mark);

		/* Those of a bin differ by less than a sixteenth. */
		assert_true(gap + gap / 16 + PAGE > largest);
		assert_true(gap + gap / 16 + PAGE > bytes);
		largest = gap > largest ? gap : largest;
		met += gap >= bytes;
		assert_true(met <= model->pages);
	}
	for (size_t i = 0; i <= model->pages; i++) {
		if (i < model->pages && !model->covers[i]) {
			run++;
			continue;
		}
		gaps += run && run * PAGE >= bytes;
		run = 0;
	}
	assert_int_equal(met, gaps);
}

static void random_insert(struct model *model)
{
	size_t page = random_below(model->pages);
	size_t pages = 1 + random_below(random_below(6) ? 4 : 40);
	size_t number = random_below(PAGES_MAX);

	if (model->used[number] || !is_free(model, page, pages))
		return;
	/* Whatever was in there does not matter. */
	memset(&model->marks[number], 0xa5, sizeof(model->marks[number]));
	carve_gaps_insert(&model->gaps,
			  carve_gaps_behind(&model->gaps, page * PAGE,
					    pages * PAGE),
			  &model->marks[number], page * PAGE, pages * PAGE);
	model->used[number] = true;
	for (size_t i = page; i < page + pages; i++)
		model->covers[i] = &model->marks[number];
}

static void random_remove(struct model *model)
{
	struct carve_mark *mark = model->covers[random_below(model->pages)];

	if (!mark)
		return;
	carve_gaps_remove(&model->gaps, mark);
	model->used[mark - model->marks] = false;
	for (size_t i = 0; i < model->pages; i++)
		if (model->covers[i] == mark)
			model->covers[i] = NULL;
}

static void agrees_with_the_array(void **state)
{
	static struct model model;
	const char *seed = getenv("CARVE_TEST_SEED"), *wrong;

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15;
	for (long i = 0; i < OPERATIONS; i++) {
		if (i % 5000 == 0)
			start(&model);
		/* Dense for a while, then sparse. */
		if (random_below(16) < (i % 1000 < 500 ? 11U : 5U))
			random_insert(&model);
		else
			random_remove(&model);
		compare_lowest(&model);
		compare_behind(&model);
		compare_bins(&model);
		wrong = carve_gaps_check(&model.gaps);
		if (wrong)
			fail_msg("operation %ld: %s", i, wrong);
	}
}

/* The check is worth nothing unless it sees damage. */
#define LONG_GAPS	8

struct long_gaps {
	struct carve_gaps gaps;
	struct carve_mark marks[LONG_GAPS];
	uint64_t begin[LONG_GAPS];
	uint64_t pages[LONG_GAPS];
	size_t count;
};

/* All around what a mark can tell apart. */
static void start_long(struct long_gaps *model)
{
	static const uint64_t pages[LONG_GAPS] = {
		3, 65534, 65536, 65535, 131072, 65537, 70000, 1,
	};
	struct carve_mark *lower = &model->gaps.start;
	uint64_t all = 0;

	for (size_t i = 0; i < LONG_GAPS; i++)
		all += pages[i] + 1;
	memset(model, 0, sizeof(*model));
	carve_gaps_init(&model->gaps, all * PAGE, PAGE, 7 * PAGE);
	all = 0;
	for (size_t i = 0; i < LONG_GAPS; i++) {
		model->begin[i] = all;
		model->pages[i] = pages[i];
		all += pages[i];
		carve_gaps_insert(&model->gaps, lower, &model->marks[i],
				  all++ * PAGE, PAGE);
		lower = &model->marks[i];
	}
	model->count = LONG_GAPS;
}

/* Return: its first page, or UINT64_MAX. */
static uint64_t lowest_long(const struct long_gaps *model, uint64_t pages,
			    uint64_t alignment)
{
	for (size_t i = 0; i < model->count; i++) {
		uint64_t skip = -(7 + model->begin[i]) & (alignment - 1);

		if (skip + pages <= model->pages[i])
			return model->begin[i] + skip;
	}
	return UINT64_MAX;
}

static void compare_long(struct long_gaps *model, uint64_t pages,
			 uint64_t alignment)
{
	const struct carve_fit fit = {
		.bytes = pages * PAGE, .alignment = alignment * PAGE,
		.end = UINT64_MAX,
	};
	uint64_t expected = lowest_long(model, pages, alignment), offset;
	struct carve_mark *lower;

	if (carve_gaps_lowest(&model->gaps, &fit, &offset, &lower))
		assert_int_equal(offset / PAGE, expected);
	else
		assert_true(expected == UINT64_MAX);
}

static void longer_than_is_told_apart(void **state)
{
	static struct long_gaps model;
	uint64_t largest;

	(void)state;
	start_long(&model);
	for (; model.count; model.count--) {
		for (uint64_t pages = 65530; pages < 65540; pages++)
			for (unsigned int log2 = 0; log2 < 19; log2++)
				compare_long(&model, pages, 1ULL << log2);
		compare_long(&model, 70000, 1);
		compare_long(&model, 131072, 1);
		compare_long(&model, 131073, 1);
		largest = 0;
		for (size_t i = 0; i < model.count; i++)
			if (model.pages[i] > largest)
				largest = model.pages[i];
		assert_int_equal(carve_gaps_largest(&model.gaps) / PAGE, largest);
		assert_null(carve_gaps_check(&model.gaps));
		/* The last gap goes to the one before it. */
		if (model.count == 1)
			break;
		carve_gaps_remove(&model.gaps, &model.marks[model.count - 2]);
		model.pages[model.count - 2] += 1 + model.pages[model.count - 1];
	}
}

static void the_check_sees_damage(void **state)
{
	static struct carve_mark marks[4];
	static struct carve_gaps gaps;
	struct carve_mark *child;

	(void)state;
	for (int way = 0; way < 10; way++) {
		carve_gaps_init(&gaps, 64 * PAGE, PAGE, 0);
		for (size_t i = 0; i < 4; i++)
			carve_gaps_insert(&gaps,
					  carve_gaps_behind(&gaps, (8 * i + 3) *
							    PAGE, PAGE),
					  &marks[i], (8 * i + 3) * PAGE, PAGE);
		assert_null(carve_gaps_check(&gaps));
		switch (way) {
		case 0:
			marks[1].gap_pages++;
			break;
		case 1:
			marks[2].upper_pages++;
			break;
		case 2:
			gaps.root->room--;
			break;
		case 3:
			gaps.root->height++;
			break;
		case 4:
			gaps.gap_bytes += PAGE;
			break;
		case 5:
			gaps.count--;
			break;
		case 6:
			gaps.parts[0] ^= 4;
			break;
		case 7:
			gaps.bins[0][7] = NULL;
			break;
		case 8:
			carve_link_set(&marks[3].lower, &marks[1]);
			break;
		case 9:
			child = carve_link_get(&gaps.root->child[0]);
			carve_link_set(&child->parent, NULL);
			break;
		}
		assert_non_null(carve_gaps_check(&gaps));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_array),
		cmocka_unit_test(longer_than_is_told_apart),
		cmocka_unit_test(the_check_sees_damage),
	};

	return cmocka_run_group_tests_name("gaps", tests, NULL, NULL);
}
