// SPDX-License-Identifier: MIT
/*
 * Binary buddy: sizes are rounded up to a power of two, and a block joins only
 * the one it was split from. A region that is no power of two begins as the
 * largest blocks that it holds.
 */
#include "policy.h"

#include <stdlib.h>

#define ORDERS		48
#define NOTHING		UINT64_MAX
#define NOT_FREE	255

/**
 * struct buddy - a region
 * @free: first free block of each order, or NOTHING
 * @order: of the free block that begins at a page, or NOT_FREE
 * @next: free block of the same order after the one that begins at a page
 * @previous: the one before
 * @at: first page of each slot
 * @slot_order: order of each slot's block
 */
struct buddy {
	uint64_t pages;
	uint64_t free[ORDERS];
	uint8_t *order;
	uint64_t *next;
	uint64_t *previous;
	uint64_t *at;
	uint8_t *slot_order;
};

static void add(struct buddy *buddy, uint64_t page, unsigned int order)
{
	uint64_t next = buddy->free[order];

	buddy->order[page] = (uint8_t)order;
	buddy->next[page] = next;
	buddy->previous[page] = NOTHING;
	if (next != NOTHING)
		buddy->previous[next] = page;
	buddy->free[order] = page;
}

static void take(struct buddy *buddy, uint64_t page)
{
	uint64_t next = buddy->next[page], previous = buddy->previous[page];

	if (previous == NOTHING)
		buddy->free[buddy->order[page]] = next;
	else
		buddy->next[previous] = next;
	if (next != NOTHING)
		buddy->previous[next] = previous;
	buddy->order[page] = NOT_FREE;
}

static void *buddy_begin(uint64_t pages, size_t slots)
{
	struct buddy *buddy = bench_new(1, sizeof(*buddy));
	uint64_t page = 0;

	buddy->pages = pages;
	buddy->order = bench_new(pages, sizeof(*buddy->order));
	buddy->next = bench_new(pages, sizeof(*buddy->next));
	buddy->previous = bench_new(pages, sizeof(*buddy->previous));
	buddy->at = bench_new(slots, sizeof(*buddy->at));
	buddy->slot_order = bench_new(slots, sizeof(*buddy->slot_order));
	for (uint64_t i = 0; i < pages; i++)
		buddy->order[i] = NOT_FREE;
	for (size_t i = 0; i < ORDERS; i++)
		buddy->free[i] = NOTHING;
	for (unsigned int order = ORDERS; order--;)
		if (pages >> order & 1) {
			add(buddy, page, order);
			page += 1ULL << order;
		}
	return buddy;
}

static void buddy_end(void *state)
{
	struct buddy *buddy = state;

	free(buddy->order);
	free(buddy->next);
	free(buddy->previous);
	free(buddy->at);
	free(buddy->slot_order);
	free(buddy);
}

static bool buddy_alloc(void *state, size_t slot, uint64_t pages,
			uint64_t alignment)
{
	struct buddy *buddy = state;
	uint64_t room = pages > alignment ? pages : alignment;
	unsigned int order = 0, from;

	while (1ULL << order < room)
		order++;
	for (from = order; from < ORDERS; from++)
		if (buddy->free[from] != NOTHING)
			break;
	if (from == ORDERS)
		return false;

	uint64_t page = buddy->free[from];

	take(buddy, page);
	while (from > order) {
		from--;
		add(buddy, page + (1ULL << from), from);
	}
	buddy->at[slot] = page;
	buddy->slot_order[slot] = (uint8_t)order;
	return true;
}

static void buddy_free(void *state, size_t slot)
{
	struct buddy *buddy = state;
	uint64_t page = buddy->at[slot];
	unsigned int order = buddy->slot_order[slot];

	for (;; order++) {
		uint64_t other = page ^ 1ULL << order;

		if (other >= buddy->pages || buddy->order[other] != order)
			break;
		take(buddy, other);
		page &= ~(1ULL << order);
	}
	add(buddy, page, order);
}

const struct bench_policy bench_buddy = {
	.name = "buddy",
	.about = "binary buddy",
	.begin = buddy_begin,
	.end = buddy_end,
	.alloc = buddy_alloc,
	.free = buddy_free,
};
