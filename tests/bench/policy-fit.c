// SPDX-License-Identifier: MIT
/*
 * First, best, next and worst fit over blocks with boundary tags (Knuth, The
 * Art of Computer Programming 1, 2.5): a list of all blocks by address, one of
 * the holes among them, also by address, and a linear search.
 */
#include "policy.h"

#include <stdlib.h>

/**
 * struct block - a hole or a buffer
 * @lower: neighbour by address, NULL at the edge of the region
 * @upper: likewise
 * @next: next hole by address; next spare block
 * @previous: previous hole by address
 */
struct block {
	uint64_t offset;
	uint64_t pages;
	bool hole;
	struct block *lower;
	struct block *upper;
	struct block *next;
	struct block *previous;
};

/**
 * struct blocks - a region
 * @holes: the lowest
 * @spare: blocks not in use
 * @last: end of the last buffer placed, for next fit
 * @of: the block of each slot
 * @all: as many as there can be: a hole around each buffer
 */
struct blocks {
	struct block *holes;
	struct block *spare;
	uint64_t last;
	struct block **of;
	struct block *all;
};

static struct block *take_spare(struct blocks *blocks)
{
	struct block *block = blocks->spare;

	blocks->spare = block->next;
	return block;
}

static void give_spare(struct blocks *blocks, struct block *block)
{
	block->next = blocks->spare;
	blocks->spare = block;
}

static void *fit_begin(uint64_t pages, size_t slots)
{
	struct blocks *blocks = bench_new(1, sizeof(*blocks));
	size_t count = 2 * slots + 1;

	blocks->of = bench_new(slots, sizeof(*blocks->of));
	blocks->all = bench_new(count, sizeof(*blocks->all));
	while (count--)
		give_spare(blocks, &blocks->all[count]);
	blocks->holes = take_spare(blocks);
	*blocks->holes = (struct block){ .pages = pages, .hole = true };
	return blocks;
}

static void fit_end(void *state)
{
	struct blocks *blocks = state;

	free(blocks->of);
	free(blocks->all);
	free(blocks);
}

static void link_hole(struct blocks *blocks, struct block *block)
{
	struct block *lower = block->lower;

	while (lower && !lower->hole)
		lower = lower->lower;
	block->hole = true;
	block->previous = lower;
	block->next = lower ? lower->next : blocks->holes;
	*(lower ? &lower->next : &blocks->holes) = block;
	if (block->next)
		block->next->previous = block;
}

static void unlink_hole(struct blocks *blocks, struct block *block)
{
	*(block->previous ? &block->previous->next : &blocks->holes) =
		block->next;
	if (block->next)
		block->next->previous = block->previous;
	block->hole = false;
}

/* Cut the hole @block at @offset; the upper part is a block of its own. */
static struct block *split(struct blocks *blocks, struct block *block,
			   uint64_t offset)
{
	struct block *upper = take_spare(blocks);

	*upper = (struct block){
		.offset = offset,
		.pages = block->offset + block->pages - offset,
		.lower = block,
		.upper = block->upper,
	};
	if (upper->upper)
		upper->upper->lower = upper;
	block->upper = upper;
	block->pages = offset - block->offset;
	link_hole(blocks, upper);
	return upper;
}

/* The hole above @block, if there is one, becomes part of it. */
static void join(struct blocks *blocks, struct block *block)
{
	struct block *upper = block->upper;

	if (!upper || !upper->hole)
		return;
	unlink_hole(blocks, upper);
	block->pages += upper->pages;
	block->upper = upper->upper;
	if (block->upper)
		block->upper->lower = block;
	give_spare(blocks, upper);
}

static void put(struct blocks *blocks, size_t slot, struct block *block,
		uint64_t offset, uint64_t pages)
{
	if (offset > block->offset)
		block = split(blocks, block, offset);
	if (pages < block->pages)
		split(blocks, block, offset + pages);
	unlink_hole(blocks, block);
	blocks->of[slot] = block;
	blocks->last = offset + pages;
}

static void fit_free(void *state, size_t slot)
{
	struct blocks *blocks = state;
	struct block *block = blocks->of[slot];

	link_hole(blocks, block);
	join(blocks, block);
	if (block->lower && block->lower->hole)
		join(blocks, block->lower);
}

/* The lowest place in @block at @from or above. */
static bool fits(const struct block *block, uint64_t from, uint64_t pages,
		 uint64_t alignment, uint64_t *ret_offset)
{
	uint64_t begin = from > block->offset ? from : block->offset;
	uint64_t offset = (begin + alignment - 1) & ~(alignment - 1);

	if (offset + pages > block->offset + block->pages)
		return false;
	*ret_offset = offset;
	return true;
}

static bool first_from(struct blocks *blocks, uint64_t from, size_t slot,
		       uint64_t pages, uint64_t alignment)
{
	uint64_t offset;

	for (struct block *block = blocks->holes; block; block = block->next)
		if (fits(block, from, pages, alignment, &offset)) {
			put(blocks, slot, block, offset, pages);
			return true;
		}
	return false;
}

static bool first_alloc(void *state, size_t slot, uint64_t pages,
			uint64_t alignment)
{
	return first_from(state, 0, slot, pages, alignment);
}

/* Where the last search ended, and then from the beginning. */
static bool next_alloc(void *state, size_t slot, uint64_t pages,
		       uint64_t alignment)
{
	struct blocks *blocks = state;

	return first_from(blocks, blocks->last, slot, pages, alignment) ||
	       first_from(blocks, 0, slot, pages, alignment);
}

static bool extreme(struct blocks *blocks, bool smallest, size_t slot,
		    uint64_t pages, uint64_t alignment)
{
	struct block *found = NULL;
	uint64_t offset, at = 0;

	for (struct block *block = blocks->holes; block; block = block->next) {
		if (!fits(block, 0, pages, alignment, &offset) ||
		    (found && (smallest ? block->pages >= found->pages :
					  block->pages <= found->pages)))
			continue;
		found = block;
		at = offset;
	}
	if (found)
		put(blocks, slot, found, at, pages);
	return found;
}

static bool best_alloc(void *state, size_t slot, uint64_t pages,
		       uint64_t alignment)
{
	return extreme(state, true, slot, pages, alignment);
}

static bool worst_alloc(void *state, size_t slot, uint64_t pages,
			uint64_t alignment)
{
	return extreme(state, false, slot, pages, alignment);
}

#define FIT(which, what)				\
	const struct bench_policy bench_##which = {	\
		.name = #which,				\
		.about = what,				\
		.begin = fit_begin,			\
		.end = fit_end,				\
		.alloc = which##_alloc,			\
		.free = fit_free,			\
	}

FIT(first, "the lowest hole that is large enough");
FIT(best, "the smallest hole that is large enough, the lowest of equals");
FIT(next, "as first fit, but from where the last buffer was placed");
FIT(worst, "the largest hole");
