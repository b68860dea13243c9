// SPDX-License-Identifier: MIT
/*
 * The guarantee of reservations against an adversary: others fill, comb and
 * fragment all the rest, profiles change under living buffers, clients die at
 * any moment, the scrubber is as late as it likes. What is alive is counted
 * here, apart from what is tested. CARVE_TEST_SEED repeats a run, CARVE_STEPS
 * says how many operations.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "slots-world.h"

#define STEPS		10000000ULL
#define WORLDS		64

static struct { uint64_t takes, waits, grants, refusals, laters, in_vain; } seen;

static struct thing *of_slot(struct carve_slot *slot)
{
	return carve_container_of(slot, struct thing, slot);
}

/* ---- the guarantee -------------------------------------------------------- */

static bool same_kind(const struct carve_kind *a, const struct carve_kind *b)
{
	return a->wish.bytes == b->wish.bytes &&
	       a->wish.alignment == b->wish.alignment &&
	       a->wish.limit == b->wish.limit &&
	       a->wish.before == b->wish.before &&
	       a->wish.after == b->wish.after;
}

/* Alive anywhere, whether its reservation still knows of it or not. */
static size_t count_alive(int reservation, const struct carve_kind *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < world.live.count; i++) {
		const struct thing *thing = world.live.items[i];

		count += thing->reservation == reservation &&
			 same_kind(&thing->kind, kind);
	}
	return count;
}

/* The scrubber does the reservation's own before all else. */
static bool scrub_own(int reservation, size_t class)
{
	for (size_t i = 0; i < world.dirty.count; i++) {
		struct thing *thing = world.dirty.items[i];

		if (thing->slot.owner == &world.slots[reservation] &&
		    thing->slot.class == class) {
			scrub(thing);
			return true;
		}
	}
	return false;
}

static struct thing *take(int reservation, size_t class)
{
	struct carve_slots *slots = &world.slots[reservation];
	struct carve_slot *slot = carve_slots_take(slots, class);
	struct thing *thing;

	if (!slot && scrub_own(reservation, class)) {
		slot = carve_slots_take(slots, class);
		if (!slot)
			fail_msg("nothing in a class whose slot was zeroed");
		seen.waits++;
	}
	if (!slot)
		return NULL;
	thing = of_slot(slot);
	assert_int_equal(thing->extent.state, CARVE_EXTENT_LIVE);
	thing->reservation = reservation;
	thing->kind = slots->classes[class].kind;
	push(&world.live, thing);
	seen.takes++;
	return thing;
}

/* Is there a second class of this kind, so that their buffers are confused? */
static bool is_alone(const struct carve_slots *slots, size_t class)
{
	for (size_t i = 0; i < slots->class_count; i++)
		if (i != class && same_kind(&slots->classes[i].kind,
					    &slots->classes[class].kind))
			return false;
	return true;
}

static void must_take(int reservation, size_t class)
{
	const struct carve_slots *slots = &world.slots[reservation];
	const struct carve_kind *kind = &slots->classes[class].kind;
	size_t alive = count_alive(reservation, kind);

	if (!take(reservation, class) && alive < kind->count &&
	    is_alone(slots, class))
		fail_msg("refused with %zu of %zu alive", alive, kind->count);
}

/* All of it at once, which is what was promised. */
static void must_take_all(int reservation)
{
	struct carve_slots *slots = &world.slots[reservation];

	for (size_t i = 0; i < slots->class_count; i++) {
		while (take(reservation, i))
			world.steps++;
		assert_int_equal(slots->classes[i].live_count,
				 slots->classes[i].kind.count);
		assert_true(count_alive(reservation, &slots->classes[i].kind) >=
			    slots->classes[i].kind.count);
	}
}

/* ---- profiles ------------------------------------------------------------- */

static struct carve_kind random_kind(void)
{
	/* A class comes from a small number of them, so that they meet again. */
	static const uint64_t pages[] = { 1, 2, 3, 8, 12, 17 };
	uint64_t before = random_below(4) ? 0 : PAGE;
	uint64_t after = random_below(4) ? 0 : 2 * PAGE;

	return (struct carve_kind){
		.wish.bytes = pages[random_below(6)] * PAGE + before + after,
		.wish.alignment = PAGE << (random_below(3) ? 0 : random_below(6)),
		.wish.limit = random_below(5) ? 0 : world.placement.base +
			      (1 + random_below(2)) * world.pages / 2 * PAGE,
		.wish.before = before,
		.wish.after = after,
		.count = 1 + random_below(COUNT_MAX),
	};
}

static size_t random_profile(const struct carve_slots *slots,
			     struct carve_kind *kinds)
{
	size_t count = 0;

	if (random_below(8) == 0)
		return 0;
	/* The present one, in another order, with other counts. */
	for (size_t i = slots->class_count; i--;) {
		if (count == CLASSES || random_below(3) == 0)
			continue;
		kinds[count] = slots->classes[i].kind;
		if (random_below(2))
			kinds[count].count = 1 + random_below(COUNT_MAX);
		count++;
	}
	for (size_t more = random_below(4); more && count < CLASSES; more--)
		kinds[count++] = random_kind();
	return count;
}

struct shot {
	uint64_t offset;
	enum carve_extent_state state;
	struct carve_slots *owner;
	size_t class;
};

static void shoot(struct shot *shots)
{
	for (size_t i = 0; i < THINGS; i++)
		shots[i] = (struct shot){
			carve_extent_offset(&world.things[i].extent),
			world.things[i].extent.state,
			world.things[i].slot.owner,
			world.things[i].slot.class,
		};
}

/* After a failure nothing may differ, after a success no buffer has moved. */
static void compare(const struct shot *shots, int r)
{
	for (size_t i = 0; i < THINGS; i++) {
		const struct thing *thing = &world.things[i];
		enum carve_extent_state state = thing->extent.state;

		if (r < 0)
			assert_int_equal(state, shots[i].state);
		if (shots[i].state == CARVE_EXTENT_LIVE)
			assert_int_equal(state, CARVE_EXTENT_LIVE);
		if (state != CARVE_EXTENT_NONE &&
		    shots[i].state != CARVE_EXTENT_NONE)
			assert_int_equal(carve_extent_offset(&thing->extent),
					 shots[i].offset);
		if (r == 0)
			continue;
		assert_ptr_equal(thing->slot.owner, shots[i].owner);
		if (shots[i].owner)
			assert_int_equal(thing->slot.class, shots[i].class);
	}
}

static int change(int reservation, const struct carve_kind *kinds, size_t count)
{
	struct carve_slots *slots = &world.slots[reservation];
	static struct shot shots[THINGS];
	struct carve_slot_list fresh, left;
	struct carve_slot *slot;
	size_t missing = carve_slots_missing(slots, kinds, count);
	size_t index = SIZE_MAX;
	int r;

	if (missing > world.spare.count)
		return -ENOMEM;
	TAILQ_INIT(&fresh);
	TAILQ_INIT(&left);
	for (size_t i = 0; i < missing; i++) {
		struct thing *thing = world.spare.items[world.spare.count - 1];

		pull(&world.spare, thing);
		TAILQ_INSERT_TAIL(&fresh, &thing->slot, link);
	}
	shoot(shots);
	r = carve_slots_change(slots, kinds, count, &fresh, &left, &index);
	compare(shots, r);
	assert_true(r < 0 ? index < count : TAILQ_EMPTY(&fresh));
	while ((slot = TAILQ_FIRST(&fresh))) {
		TAILQ_REMOVE(&fresh, slot, link);
		push(&world.spare, of_slot(slot));
	}
	while ((slot = TAILQ_FIRST(&left))) {
		TAILQ_REMOVE(&left, slot, link);
		assert_null(slot->owner);
		if (slot->extent->state == CARVE_EXTENT_NONE)
			push(&world.spare, of_slot(slot));
	}
	return r;
}

static bool has_dirty(const struct carve_slots *slots)
{
	for (size_t i = 0; i < slots->class_count; i++)
		if (slots->classes[i].dirty_count)
			return true;
	return false;
}

static void random_change(int reservation)
{
	struct carve_kind kinds[CLASSES] = { 0 };
	struct carve_slots *slots = &world.slots[reservation];
	size_t count = random_profile(slots, kinds);
	bool own_dirty = has_dirty(slots);
	int r = change(reservation, kinds, count);

	if (!count)
		assert_int_equal(r, 0);
	if (r == -EAGAIN && !own_dirty && random_below(2)) {
		/* It was said that this probably helps. */
		scrub_all();
		r = change(reservation, kinds, count);
		assert_true(r == 0 || r == -ENOSPC);
		seen.laters++;
		seen.in_vain += r < 0;
	}
	if (r == 0 && count) {
		assert_int_equal(slots->class_count, count);
		for (size_t i = 0; i < count; i++) {
			assert_true(same_kind(&slots->classes[i].kind, &kinds[i]));
			assert_int_equal(slots->classes[i].kind.count,
					 kinds[i].count);
		}
		seen.grants++;
		if (random_below(4) == 0)
			must_take_all(reservation);
	} else if (r < 0) {
		seen.refusals++;
	}
}

/* ---- the run -------------------------------------------------------------- */

static void step(void)
{
	int reservation = (int)random_below(RESERVATIONS);
	const struct carve_slots *slots = &world.slots[reservation];
	unsigned int what = random_below(256);

	world.steps++;
	if (what < 70) {
		other_allocates(1 + random_below(random_below(8) ? 6 : 60),
				1ULL << (random_below(4) ? 0 : random_below(6)));
	} else if (what < 130) {
		if (world.live.count)
			kill_buffer(world.live.items[random_below(world.live.count)]);
	} else if (what < 185) {
		if (world.dirty.count)
			scrub(world.dirty.items[random_below(world.dirty.count)]);
	} else if (what < 245) {
		if (slots->class_count)
			must_take(reservation, random_below(slots->class_count));
	} else if (what < 251) {
		struct thing *thing = slots->class_count ?
			take(reservation, random_below(slots->class_count)) : NULL;

		if (thing) {
			pull(&world.live, thing);
			carve_slot_put_back(&thing->slot);
		}
	} else if (what < 254) {
		if (random_below(4) == 0)
			random_change(reservation);
	} else if (random_below(16) == 0) {
		comb();
	} else if (random_below(64) == 0) {
		must_take_all(reservation);
	}
}

static void look(uint64_t turn)
{
	const char *wrong = carve_slots_check(&world.slots[turn % RESERVATIONS]);
	struct carve_figures figures = carve_placement_figures(&world.placement);

	if (!wrong && turn % 64 == 0)
		wrong = carve_placement_check(&world.placement);
	if (wrong)
		fail_msg("operation %llu: %s", (unsigned long long)world.steps, wrong);
	assert_int_equal(figures.live_count, world.live.count);
	assert_int_equal(figures.dirty_count, world.dirty.count);
}

/* Nothing may be left of all this. */
static void finish(void)
{
	for (int i = 0; i < RESERVATIONS; i++)
		assert_int_equal(change(i, NULL, 0), 0);
	while (world.live.count)
		kill_buffer(world.live.items[0]);
	scrub_all();
	assert_int_equal(world.spare.count, THINGS);
	assert_int_equal(carve_placement_figures(&world.placement).clean,
			 world.pages * PAGE);
	assert_null(carve_placement_check(&world.placement));
}

static void the_guarantee_holds(void **state)
{
	const char *seed = getenv("CARVE_TEST_SEED");
	const char *wanted = getenv("CARVE_STEPS");
	uint64_t total = wanted ? strtoull(wanted, NULL, 0) : STEPS;

	(void)state;
	for (uint64_t i = 0; i < WORLDS; i++) {
		random_seed((seed ? strtoull(seed, NULL, 0) : 1) *
			    0x9e3779b97f4a7c15 + i * 0xd1b54a32d192ed03);
		world_start();
		for (uint64_t turn = 0; world.steps < total / WORLDS * (i + 1); turn++) {
			step();
			if (turn % 8 == 0)
				look(turn / 8);
		}
		finish();
	}
	print_message("# %llu operations: %llu taken, %llu of them had to be "
		      "zeroed first, %llu granted, %llu refused, %llu waited "
		      "for the scrubber (%llu in vain), %llu deaths\n",
		      (unsigned long long)world.steps, (unsigned long long)seen.takes,
		      (unsigned long long)seen.waits,
		      (unsigned long long)seen.grants,
		      (unsigned long long)seen.refusals,
		      (unsigned long long)seen.laters,
		      (unsigned long long)seen.in_vain,
		      (unsigned long long)world.deaths);
	/* The adversary has to have been one. */
	assert_true(seen.takes > total / 50 && seen.waits > total / 1000);
	assert_true(seen.grants > total / 5000);
	assert_true(seen.refusals > total / 50000);
	assert_true(seen.in_vain < seen.laters / 4 + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guarantee_holds),
	};

	return cmocka_run_group_tests_name("slots-adversary", tests, NULL, NULL);
}
