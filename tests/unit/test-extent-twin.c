// SPDX-License-Identifier: MIT
/*
 * The driver's extent table against a deliberately naive twin: an array with
 * one entry a page. Both get the same random operations and must agree about
 * every result, every sum and, walking from end to end, every page. Extents are
 * allocated one by one, so that the sanitizers see the table touch one that it
 * has given back, or lose one.
 *
 * CARVE_TEST_SEED repeats a run, CARVE_TEST_OPERATIONS changes its length.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "extent.h"

#define PAGES_MAX	256
#define OPERATIONS	10000000
#define ROUND		5000	/* operations on one region */

/* A clean page belongs to no extent. */
struct twin_page {
	u32 state;
	u64 owner;
	struct carve_extent *extent;
};

static struct twin_page twin[PAGES_MAX];
static size_t pages;
static u64 page;
static struct carve_table table;
static u64 random_state, next_owner;

static u64 random_below(u64 bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static u64 number(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* A range of the region: mostly short, sometimes up to all of it. */
static void random_range(size_t *ret_first, size_t *ret_count)
{
	*ret_first = random_below(pages);
	*ret_count = 1 + random_below(random_below(8) ? 8 : pages);
	if (*ret_count > pages - *ret_first)
		*ret_count = pages - *ret_first;
}

static void fill(size_t first, size_t count, struct twin_page with)
{
	for (size_t i = first; i < first + count; i++)
		twin[i] = with;
}

static size_t count_state(size_t first, size_t count, u32 state)
{
	size_t found = 0;

	for (size_t i = first; i < first + count; i++)
		found += twin[i].state == state;
	return found;
}

/* How many pages the extent of page @first has from there on. */
static size_t run_of(size_t first)
{
	size_t end = first;

	while (end < pages && twin[end].extent == twin[first].extent)
		end++;
	return end - first;
}

/* Where the extent of page @i begins. */
static size_t start_of(size_t i)
{
	while (i && twin[i - 1].extent == twin[i].extent)
		i--;
	return i;
}

/* A page of a random extent in that state, or @pages when there is none. */
static size_t pick(u32 state)
{
	size_t from = random_below(pages);

	for (size_t i = 0; i < pages; i++)
		if (twin[(from + i) % pages].state == state)
			return start_of((from + i) % pages);
	return pages;
}

static void same_extent(const struct carve_extent *extent, size_t first)
{
	char name[CARVE_NAME_LEN];

	snprintf(name, sizeof(name), "%llu", (unsigned long long)twin[first].owner);
	assert_ptr_equal(extent, twin[first].extent);
	assert_int_equal(extent->offset, first * page);
	assert_int_equal(extent->bytes, run_of(first) * page);
	assert_int_equal(extent->state, twin[first].state);
	assert_int_equal(extent->owner[0], twin[first].owner);
	assert_int_equal(extent->owner[1], ~twin[first].owner);
	assert_string_equal(extent->name, name);
}

static void same_sums(void)
{
	size_t live = 0, dirty = 0, count = 0;

	for (size_t i = 0; i < pages; i++) {
		live += twin[i].state == CARVE_STATE_LIVE;
		dirty += twin[i].state == CARVE_STATE_DIRTY;
		count += twin[i].state == CARVE_STATE_LIVE &&
			 (!i || twin[i - 1].extent != twin[i].extent);
	}
	assert_int_equal(table.live_bytes, live * page);
	assert_int_equal(table.dirty_bytes, dirty * page);
	assert_int_equal(table.live_count, count);
	assert_int_equal(table.bytes, pages * page);
	assert_int_equal(table.page_bytes, page);
}

/* From the first extent to the last: the twin's runs, and no other. */
static void same_walk(void)
{
	struct carve_extent *next = carve_table_first(&table, 0);

	for (size_t i = 0; i < pages; i += run_of(i)) {
		if (!twin[i].extent)
			continue;
		assert_non_null(next);
		same_extent(next, i);
		assert_true(rb_is_ranked(&next->node));
		next = carve_table_next(next);
	}
	assert_null(next);
}

static int twin_check(u64 offset, u64 bytes)
{
	unsigned __int128 end = (unsigned __int128)offset + bytes;

	if (!bytes || offset % page || bytes % page || end >> 64)
		return -EINVAL;
	return end > pages * page ? -ERANGE : 0;
}

/* A value that may be anything, but likes the edges. */
static u64 random_value(void)
{
	u64 value = random_below(pages + 2) * page;

	switch (random_below(6)) {
	case 0: value = -value; break;
	case 1: value += UINT64_C(1) << random_below(64); break;
	case 2: value -= random_below(2) * page; break;
	case 3: value = UINT64_C(1) << random_below(64); break;
	}
	return random_below(4) ? value : value + random_below(3) - 1;
}

static void check(void)
{
	u64 offset = random_value(), bytes = random_value();

	assert_int_equal(carve_table_check(&table, offset, bytes),
			 twin_check(offset, bytes));
}

static void insert(void)
{
	struct carve_extent *extent = calloc(1, sizeof(*extent));
	size_t first, count;
	int expected;

	assert_non_null(extent);
	random_range(&first, &count);
	extent->offset = first * page;
	extent->bytes = count * page;
	extent->owner[0] = ++next_owner;
	extent->owner[1] = ~next_owner;
	extent->state = random_below(4) ? CARVE_STATE_LIVE : CARVE_STATE_DIRTY;
	snprintf(extent->name, sizeof(extent->name), "%llu",
		 (unsigned long long)next_owner);
	expected = count_state(first, count, 0) == count ? 0 : -EBUSY;
	assert_int_equal(carve_table_insert(&table, extent), expected);
	if (expected)
		free(extent);
	else
		fill(first, count, (struct twin_page){ extent->state, next_owner,
						       extent });
}

static void forget(size_t first, size_t count)
{
	fill(first, count, (struct twin_page){ 0 });
}

static void remove_one(void)
{
	size_t first = pick(random_below(2) ? CARVE_STATE_LIVE : CARVE_STATE_DIRTY);
	struct carve_extent *extent;

	if (first == pages)
		return;
	extent = twin[first].extent;
	forget(first, run_of(first));
	carve_table_remove(&table, extent);
	free(extent);
}

static void release(void)
{
	size_t first = pick(CARVE_STATE_LIVE), count;

	if (first == pages)
		return;
	count = run_of(first);
	carve_table_release(&table, twin[first].extent);
	for (size_t i = first; i < first + count; i++)
		twin[i].state = CARVE_STATE_DIRTY;
}

static void has_live(void)
{
	size_t first, count;

	random_range(&first, &count);
	assert_int_equal(carve_table_has_live(&table, first * page, count * page),
			 count_state(first, count, CARVE_STATE_LIVE) != 0);
}

static void first(void)
{
	u64 offset = random_below(4) ? random_below((pages + 1) * page) :
				       random_value();
	size_t i = offset / page < pages ? offset / page : pages;
	struct carve_extent *found = carve_table_first(&table, offset);

	while (i < pages && !twin[i].extent)
		i++;
	if (i == pages)
		assert_null(found);
	else
		same_extent(found, start_of(i));
}

/* The first pages of a dirty extent, some or all. */
static void clean(size_t first)
{
	size_t run = run_of(first);
	size_t count = random_below(2) ? run : 1 + random_below(run);
	struct carve_extent *extent = twin[first].extent, *rest;

	forget(first, count);
	rest = carve_table_clean(&table, extent, count * page);
	assert_ptr_equal(rest, count == run ? extent : NULL);
	free(rest);
}

static void clean_any(void)
{
	size_t first = pick(CARVE_STATE_DIRTY);

	if (first != pages)
		clean(first);
}

/* As a scrub does it, over live pages too; its zeroing may also fail. */
static void dirty(void)
{
	struct carve_extent *spare = calloc(1, sizeof(*spare)), *kept = spare;
	struct carve_extent *found;
	size_t i, end;

	assert_non_null(spare);
	random_range(&i, &end);
	end += i;
	found = carve_table_dirty(&table, i * page, end * page, &spare);
	while (i < end && twin[i].state != CARVE_STATE_DIRTY)
		i++;
	if (i == end) {
		assert_null(found);
		assert_ptr_equal(spare, kept);
	} else if (start_of(i) == i) {
		assert_ptr_equal(found, twin[i].extent);
		assert_ptr_equal(spare, kept);
	} else {
		assert_ptr_equal(found, kept);
		assert_null(spare);
		fill(i, run_of(i), (struct twin_page){ CARVE_STATE_DIRTY,
						       twin[i].owner, kept });
	}
	free(spare);
	if (i < end && random_below(4))
		clean(i);
}

static void start(void)
{
	static const u64 sizes[] = { 4096, 16384, 65536 };

	memset(twin, 0, sizeof(twin));
	pages = 1 + random_below(random_below(4) ? 64 : PAGES_MAX);
	page = sizes[random_below(3)];
	carve_table_init(&table, pages * page, page);
}

static void end(void)
{
	struct carve_extent *extent;

	while ((extent = carve_table_first(&table, 0))) {
		forget(extent->offset / page, extent->bytes / page);
		carve_table_remove(&table, extent);
		free(extent);
		same_sums();
	}
	assert_int_equal(count_state(0, pages, 0), pages);
}

static void agrees_with_the_naive_twin(void **state)
{
	static void (*const operations[])(void) = {
		insert, insert, insert, insert, insert, release, release,
		remove_one, clean_any, dirty, dirty, dirty, check, has_live, first,
	};
	u64 seed = number("CARVE_TEST_SEED", time(NULL));
	u64 count = number("CARVE_TEST_OPERATIONS", OPERATIONS);

	(void)state;
	printf("# CARVE_TEST_SEED=%llu CARVE_TEST_OPERATIONS=%llu\n",
	       (unsigned long long)seed, (unsigned long long)count);
	fflush(stdout);
	/* Neighbouring seeds have to go different ways, and none may be 0. */
	random_state = (seed + 1) * 0x9e3779b97f4a7c15 | 1;
	for (u64 i = 0; i < count; i++) {
		if (i % ROUND == 0) {
			if (i)
				end();
			start();
		}
		operations[random_below(sizeof(operations) /
					sizeof(operations[0]))]();
		same_sums();
		if (i % 4 == 0)
			same_walk();
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_naive_twin),
	};

	return cmocka_run_group_tests_name("extent-twin", tests, NULL, NULL);
}
