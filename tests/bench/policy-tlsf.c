// SPDX-License-Identifier: MIT
/*
 * Two-level segregated fit (Masmano et al., 2004): holes in bins of a power of
 * two, each cut into equal parts; the first hole of the first bin in which
 * every hole is large enough, found through bit maps; last in, first out.
 */
#include "policy.h"

#include <stdlib.h>

/* Parts of a power of two, as a power of two. */
#define PARTS_LOG2	3
#define PARTS		(1U << PARTS_LOG2)
#define ROWS		48

/**
 * struct block - a hole or a buffer
 * @lower: neighbour by address
 * @upper: likewise
 * @next: in its bin; next spare block
 * @previous: in its bin
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

struct tlsf {
	uint64_t rows;
	uint32_t parts[ROWS];
	struct block *bins[ROWS][PARTS];
	struct block *spare;
	struct block **of;
	struct block *all;
};

struct bin {
	unsigned int row;
	unsigned int part;
};

static struct bin bin_of(uint64_t pages)
{
	unsigned int log2 = 63 - (unsigned int)__builtin_clzll(pages);

	if (log2 < PARTS_LOG2)
		return (struct bin){ 0, (unsigned int)pages };
	return (struct bin){
		log2 - PARTS_LOG2 + 1,
		(unsigned int)(pages >> (log2 - PARTS_LOG2)) & (PARTS - 1),
	};
}

static struct block *take_spare(struct tlsf *tlsf)
{
	struct block *block = tlsf->spare;

	tlsf->spare = block->next;
	return block;
}

static void give_spare(struct tlsf *tlsf, struct block *block)
{
	block->next = tlsf->spare;
	tlsf->spare = block;
}

static void add(struct tlsf *tlsf, struct block *block)
{
	struct bin bin = bin_of(block->pages);
	struct block **first = &tlsf->bins[bin.row][bin.part];

	block->hole = true;
	block->previous = NULL;
	block->next = *first;
	if (*first)
		(*first)->previous = block;
	*first = block;
	tlsf->rows |= 1ULL << bin.row;
	tlsf->parts[bin.row] |= 1U << bin.part;
}

static void take(struct tlsf *tlsf, struct block *block)
{
	struct bin bin = bin_of(block->pages);

	if (block->next)
		block->next->previous = block->previous;
	if (block->previous) {
		block->previous->next = block->next;
	} else {
		tlsf->bins[bin.row][bin.part] = block->next;
		if (!block->next)
			tlsf->parts[bin.row] &= ~(1U << bin.part);
		if (!tlsf->parts[bin.row])
			tlsf->rows &= ~(1ULL << bin.row);
	}
	block->hole = false;
}

static void *tlsf_begin(uint64_t pages, size_t slots)
{
	struct tlsf *tlsf = bench_new(1, sizeof(*tlsf));
	size_t count = 2 * slots + 1;

	tlsf->of = bench_new(slots, sizeof(*tlsf->of));
	tlsf->all = bench_new(count, sizeof(*tlsf->all));
	while (count--)
		give_spare(tlsf, &tlsf->all[count]);

	struct block *block = take_spare(tlsf);

	*block = (struct block){ .pages = pages };
	add(tlsf, block);
	return tlsf;
}

static void tlsf_end(void *state)
{
	struct tlsf *tlsf = state;

	free(tlsf->of);
	free(tlsf->all);
	free(tlsf);
}

/* A hole from a bin in which none is smaller than @pages. */
static struct block *find(const struct tlsf *tlsf, uint64_t pages)
{
	unsigned int log2 = 63 - (unsigned int)__builtin_clzll(pages);

	if (log2 > PARTS_LOG2)
		pages += (1ULL << (log2 - PARTS_LOG2)) - 1;

	struct bin bin = bin_of(pages);
	uint32_t parts = tlsf->parts[bin.row] >> bin.part << bin.part;

	if (!parts) {
		uint64_t rows = tlsf->rows >> bin.row >> 1 << bin.row << 1;

		if (!rows)
			return NULL;
		bin.row = (unsigned int)__builtin_ctzll(rows);
		parts = tlsf->parts[bin.row];
	}
	return tlsf->bins[bin.row][__builtin_ctz(parts)];
}

/* Cut @block at @offset; the upper part is a hole. */
static struct block *split(struct tlsf *tlsf, struct block *block,
			   uint64_t offset)
{
	struct block *upper = take_spare(tlsf);

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
	return upper;
}

static bool tlsf_alloc(void *state, size_t slot, uint64_t pages,
		       uint64_t alignment)
{
	struct tlsf *tlsf = state;
	struct block *block = find(tlsf, pages + alignment - 1);
	uint64_t offset;

	if (!block)
		return false;
	take(tlsf, block);
	offset = (block->offset + alignment - 1) & ~(alignment - 1);
	if (offset > block->offset) {
		struct block *upper = split(tlsf, block, offset);

		add(tlsf, block);
		block = upper;
	}
	if (pages < block->pages)
		add(tlsf, split(tlsf, block, offset + pages));
	tlsf->of[slot] = block;
	return true;
}

/* @block and the one above it are one; both are in no bin. */
static void join(struct tlsf *tlsf, struct block *block)
{
	struct block *upper = block->upper;

	block->pages += upper->pages;
	block->upper = upper->upper;
	if (block->upper)
		block->upper->lower = block;
	give_spare(tlsf, upper);
}

static void tlsf_free(void *state, size_t slot)
{
	struct tlsf *tlsf = state;
	struct block *block = tlsf->of[slot];

	if (block->upper && block->upper->hole) {
		take(tlsf, block->upper);
		join(tlsf, block);
	}
	if (block->lower && block->lower->hole) {
		block = block->lower;
		take(tlsf, block);
		join(tlsf, block);
	}
	add(tlsf, block);
}

const struct bench_policy bench_tlsf = {
	.name = "tlsf",
	.about = "two-level segregated fit, eight bins a power of two",
	.begin = tlsf_begin,
	.end = tlsf_end,
	.alloc = tlsf_alloc,
	.free = tlsf_free,
};
