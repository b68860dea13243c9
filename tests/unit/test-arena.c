// SPDX-License-Identifier: MIT
/*
 * Pieces of the arena: whole, zeroed, used again, and an end to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "arena.h"
#include "near-link.h"

#define PIECES	20000
#define KIB	1024UL

static struct {
	unsigned char *memory;
	size_t bytes;
} pieces[PIECES];

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

static void fill(size_t i)
{
	pieces[i].bytes = 1 + random_below(random_below(8) ? 400 : 3000);
	pieces[i].memory = carve_arena_new(pieces[i].bytes);
	assert_non_null(pieces[i].memory);
	assert_int_equal((uintptr_t)pieces[i].memory % 8, 0);
	for (size_t j = 0; j < pieces[i].bytes; j++)
		assert_int_equal(pieces[i].memory[j], 0);
	memset(pieces[i].memory, 1 + (int)(i % 255), pieces[i].bytes);
}

static void drop(size_t i)
{
	for (size_t j = 0; j < pieces[i].bytes; j++)
		assert_int_equal(pieces[i].memory[j], 1 + i % 255);
	carve_arena_free(pieces[i].memory, pieces[i].bytes);
	pieces[i].memory = NULL;
}

static void test_pieces_are_whole(void **state)
{
	(void)state;
	carve_arena_prepare(100 * KIB);
	for (int i = 0; i < 10 * PIECES; i++) {
		size_t at = random_below(PIECES);

		if (pieces[at].memory)
			drop(at);
		else
			fill(at);
	}
	for (size_t i = 0; i < PIECES; i++)
		if (pieces[i].memory)
			drop(i);
	carve_arena_free(NULL, 8);
}

/* What is freed is used again for what is as large, before anything else is. */
static void test_used_again(void **state)
{
	void *first = carve_arena_new(176), *second = carve_arena_new(176);

	(void)state;
	carve_arena_free(first, 176);
	carve_arena_free(second, 176);
	assert_ptr_equal(carve_arena_new(170), second);
	assert_ptr_equal(carve_arena_new(176), first);
	carve_arena_free(first, 176);
	carve_arena_free(second, 170);
}

/* Any piece can point to any other one. */
static void test_linked(void **state)
{
	struct carve_link *last = carve_arena_new(sizeof(*last)), *first = last;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct carve_link *next = carve_arena_new(100 * KIB);

		assert_non_null(next);
		carve_link_set(last, next);
		carve_link_set(next, first);
		assert_ptr_equal(carve_link_get(last), next);
		assert_ptr_equal(carve_link_get(next), first);
		last = next;
	}
	carve_link_set(last, NULL);
	assert_null(carve_link_get(last));
}

/* What there was stays usable. */
static void test_an_end(void **state)
{
	struct rlimit before, none;
	unsigned char *last = NULL, *next;
	size_t count = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_DATA, &none), 0);
	while ((next = carve_arena_new(2 * KIB))) {
		memset(next, 0xff, 2 * KIB);
		last = next;
		count++;
		assert_true(count < 200000);
	}
	assert_null(carve_arena_new(2 * KIB));
	assert_non_null(last);
	carve_arena_free(last, 2 * KIB);
	assert_ptr_equal(carve_arena_new(2 * KIB), last);
	assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_are_whole),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_linked),
		cmocka_unit_test(test_an_end),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
