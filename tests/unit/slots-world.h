/* SPDX-License-Identifier: MIT */
/*
 * A region with buffers, dirty memory and reservations in it, for the tests of
 * slots: what there is, and what everybody but the reservations does.
 */
#ifndef CARVE_TESTS_SLOTS_WORLD_H
#define CARVE_TESTS_SLOTS_WORLD_H

#include "slots.h"

#define PAGE		4096ULL
#define RESERVATIONS	4
#define THINGS		1400
#define CLASSES		6
#define COUNT_MAX	9

/**
 * struct thing - a buffer, a slot, or dirty memory
 * @at: its place in the heap it is in
 * @reservation: from which it was taken, negative for none
 * @kind: what it was taken as
 */
struct thing {
	struct carve_extent extent;
	struct carve_slot slot;
	size_t at;
	int reservation;
	struct carve_kind kind;
};

struct heap {
	struct thing *items[THINGS];
	size_t count;
};

/**
 * struct world - a region
 * @spare: things that are nothing now
 * @live: buffers, in slots or not
 * @dirty: dirty memory, of slots or not
 * @steps: operations so far, in all worlds
 * @deaths: buffers that died, in all worlds
 */
struct world {
	struct carve_placement placement;
	struct carve_slots slots[RESERVATIONS];
	struct thing things[THINGS];
	struct heap spare;
	struct heap live;
	struct heap dirty;
	size_t pages;
	uint64_t steps;
	uint64_t deaths;
};

extern struct world world;

void random_seed(uint64_t seed);
uint64_t random_below(uint64_t bound);

void push(struct heap *heap, struct thing *thing);
void pull(struct heap *heap, struct thing *thing);

/* Another one, of random size, all clean; @steps and @deaths go on. */
void world_start(void);

/* Somebody without a reservation. Return: did it fit? */
bool other_allocates(uint64_t pages, uint64_t alignment_pages);

/* A buffer dies, in a slot or not. */
void kill_buffer(struct thing *thing);

/* Dirty memory is zeroed, of a slot or not. */
void scrub(struct thing *thing);
void scrub_all(void);

/* Everything that is free is taken to the last page; then every so many-th goes. */
void comb(void);

#endif /* CARVE_TESTS_SLOTS_WORLD_H */
