// SPDX-License-Identifier: MIT
#include "slots-world.h"

#include <string.h>

struct world world;
static uint64_t random_state;

void random_seed(uint64_t seed)
{
	random_state = seed | !seed;
}

uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

void push(struct heap *heap, struct thing *thing)
{
	thing->at = heap->count;
	heap->items[heap->count++] = thing;
}

void pull(struct heap *heap, struct thing *thing)
{
	struct thing *last = heap->items[--heap->count];

	heap->items[thing->at] = last;
	last->at = thing->at;
}

void world_start(void)
{
	uint64_t steps = world.steps, deaths = world.deaths;

	memset(&world, 0, sizeof(world));
	world.steps = steps;
	world.deaths = deaths;
	world.pages = 48 + random_below(random_below(2) ? 400 : 4000);
	carve_placement_init(&world.placement, world.pages * PAGE, PAGE,
			     random_below(1 << 16) * PAGE);
	for (int i = 0; i < RESERVATIONS; i++)
		carve_slots_init(&world.slots[i], &world.placement);
	for (int i = 0; i < THINGS; i++) {
		world.things[i].slot.extent = &world.things[i].extent;
		push(&world.spare, &world.things[i]);
	}
}

bool other_allocates(uint64_t pages, uint64_t alignment_pages)
{
	struct carve_wish wish = {
		.bytes = pages * PAGE, .alignment = alignment_pages * PAGE,
	};
	struct carve_extent *extent;
	struct thing *thing;
	size_t index;

	/* Enough stays for one whole reservation. */
	if (world.spare.count <= CLASSES * COUNT_MAX)
		return false;
	thing = world.spare.items[world.spare.count - 1];
	extent = &thing->extent;
	if (carve_placement_allocate(&world.placement, &extent, &wish, 1,
				     &index) < 0)
		return false;
	pull(&world.spare, thing);
	thing->reservation = -1;
	push(&world.live, thing);
	return true;
}

void kill_buffer(struct thing *thing)
{
	pull(&world.live, thing);
	if (thing->slot.owner)
		carve_slot_release(&thing->slot);
	else
		carve_placement_release(&world.placement, &thing->extent);
	push(&world.dirty, thing);
	world.deaths++;
}

void scrub(struct thing *thing)
{
	pull(&world.dirty, thing);
	if (thing->slot.owner) {
		carve_slot_clean(&thing->slot);
		return;
	}
	carve_placement_clean(&world.placement, &thing->extent);
	push(&world.spare, thing);
}

void scrub_all(void)
{
	while (world.dirty.count)
		scrub(world.dirty.items[0]);
}

void comb(void)
{
	uint64_t big = 1 + random_below(24), every = 1 + random_below(4);

	for (uint64_t pages = big; pages; pages /= 2)
		while (other_allocates(pages, 1))
			world.steps++;
	for (size_t i = 0; i < world.live.count; i += every)
		if (world.live.items[i]->reservation < 0 && random_below(8)) {
			kill_buffer(world.live.items[i]);
			world.steps++;
		}
}
