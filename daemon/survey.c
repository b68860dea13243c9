// SPDX-License-Identifier: MIT
#include "survey.h"

#include <assert.h>
#include <string.h>

/**
 * struct scan - a window on its way up
 * @first, @end: the blocks that it touches
 * @bytes: of all of these
 * @fixed, @holders: how many of them are fixed; how many holders they have
 */
struct scan {
	struct carve_survey *survey;
	size_t first;
	size_t end;
	uint64_t bytes;
	size_t fixed;
	size_t holders;
};

/* What a window costs, and where it is. */
struct price {
	uint64_t bytes;
	size_t holders;
	uint64_t offset;
};

void carve_survey_init(struct carve_survey *survey, uint64_t bytes,
		       uint64_t page_bytes, uint64_t base)
{
	assert(bytes / page_bytes <= UINT32_MAX);
	survey->bytes = bytes;
	survey->base = base;
	survey->page_log2 = (unsigned int)__builtin_ctzll(page_bytes);
	survey->count = 0;
	memset(survey->counts, 0, sizeof(survey->counts));
}

static struct carve_block block_of(const struct carve_survey *survey,
				   uint64_t offset, uint64_t bytes,
				   uint32_t holder)
{
	return (struct carve_block){
		.offset_pages = (uint32_t)(offset >> survey->page_log2),
		.pages = (uint32_t)(bytes >> survey->page_log2),
		.holder = (uint16_t)holder,
	};
}

bool carve_survey_add(struct carve_survey *survey, uint64_t offset,
		      uint64_t bytes, uint32_t holder)
{
	assert(holder < CARVE_SURVEY_HOLDERS || holder == CARVE_SURVEY_FIXED);
	assert(!((offset | bytes) & ((1ULL << survey->page_log2) - 1)));
	if (survey->count == CARVE_SURVEY_BLOCKS) {
		survey->bytes = offset;
		return false;
	}
	survey->blocks[survey->count++] = block_of(survey, offset, bytes, holder);
	return true;
}

static void enter(struct scan *scan)
{
	struct carve_survey *survey = scan->survey;
	const struct carve_block *block = &survey->blocks[scan->end++];

	scan->bytes += carve_block_bytes(survey, block);
	if (block->holder == CARVE_SURVEY_FIXED)
		scan->fixed++;
	else
		scan->holders += !survey->counts[block->holder]++;
}

static void leave(struct scan *scan)
{
	struct carve_survey *survey = scan->survey;
	const struct carve_block *block = &survey->blocks[scan->first++];

	scan->bytes -= carve_block_bytes(survey, block);
	if (block->holder == CARVE_SURVEY_FIXED)
		scan->fixed--;
	else
		scan->holders -= !--survey->counts[block->holder];
}

/* To a window that begins no lower than the last. Return: the bytes in it. */
static uint64_t move(struct scan *scan, uint64_t offset, uint64_t end)
{
	const struct carve_survey *survey = scan->survey;
	const struct carve_block *blocks = survey->blocks;
	uint64_t bytes, begins, ends;

	while (scan->end < survey->count &&
	       carve_block_offset(survey, &blocks[scan->end]) < end)
		enter(scan);
	while (scan->first < scan->end &&
	       carve_block_end(survey, &blocks[scan->first]) <= offset)
		leave(scan);
	bytes = scan->bytes;
	if (scan->first == scan->end)
		return bytes;
	begins = carve_block_offset(survey, &blocks[scan->first]);
	ends = carve_block_end(survey, &blocks[scan->end - 1]);
	if (begins < offset)
		bytes -= offset - begins;
	if (ends > end)
		bytes -= ends - end;
	return bytes;
}

static bool cheaper(const struct price *a, const struct price *b,
		    enum carve_survey_least least)
{
	if (least == CARVE_SURVEY_HOLDERS_IN && a->holders != b->holders)
		return a->holders < b->holders;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes;
	return a->offset < b->offset;
}

/**
 * struct way - which windows to look at
 * @behind: those that begin behind blocks, else those that end before them
 * @up: round up to the alignment, else down
 */
struct way {
	bool behind;
	bool up;
};

/* Which offset the window at this block has; false: none that is possible. */
static bool offset_at(const struct carve_survey *survey,
		      const struct carve_wish *wish, struct way way, size_t i,
		      uint64_t highest, uint64_t *ret)
{
	uint64_t mask = wish->alignment - 1, offset, odd;

	if (way.behind) {
		offset = i ? carve_block_end(survey, &survey->blocks[i - 1]) : 0;
	} else {
		offset = i < survey->count ?
				 carve_block_offset(survey, &survey->blocks[i]) :
				 highest + wish->bytes;
		if (offset < wish->bytes)
			return false;
		offset -= wish->bytes;
	}
	odd = (survey->base + wish->before + offset) & mask;
	if (way.up)
		offset += -odd & mask;
	else if (odd <= offset)
		offset -= odd;
	else
		return false;
	*ret = offset;
	return offset <= highest;
}

/* Return: was anything found that is better than @best, or the first? */
static bool scan_way(struct carve_survey *survey, const struct carve_wish *wish,
		     enum carve_survey_least least, struct way way,
		     uint64_t highest, struct price *best, bool found)
{
	struct scan scan = { .survey = survey };

	for (size_t i = 0; i <= survey->count; i++) {
		struct price price;

		if (!offset_at(survey, wish, way, i, highest, &price.offset))
			continue;
		price.bytes = move(&scan, price.offset,
				   price.offset + wish->bytes);
		price.holders = scan.holders;
		if (scan.fixed || (found && !cheaper(&price, best, least)))
			continue;
		*best = price;
		found = true;
	}
	while (scan.first < scan.end)
		leave(&scan);
	return found;
}

bool carve_survey_find(struct carve_survey *survey,
		       const struct carve_wish *wish,
		       enum carve_survey_least least, struct carve_span *ret)
{
	static const struct way ways[] = {
		{ true, true }, { true, false }, { false, false }, { false, true },
	};
	uint64_t end = survey->bytes;
	struct price best = { 0 };
	bool found = false;

	if (wish->limit) {
		if (wish->limit <= survey->base)
			return false;
		if (wish->limit - survey->base < end)
			end = wish->limit - survey->base;
	}
	if (wish->bytes > end)
		return false;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		found = scan_way(survey, wish, least, ways[i], end - wish->bytes,
				 &best, found);
	if (found)
		*ret = (struct carve_span){
			.offset = best.offset,
			.bytes = wish->bytes,
		};
	return found;
}

size_t carve_survey_at(const struct carve_survey *survey, uint64_t offset)
{
	size_t low = 0, high = survey->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (carve_block_end(survey, &survey->blocks[middle]) > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint64_t carve_survey_bytes(const struct carve_survey *survey,
			    const struct carve_span *span)
{
	uint64_t end = span->offset + span->bytes, bytes = 0;

	for (size_t i = carve_survey_at(survey, span->offset);
	     i < survey->count; i++) {
		const struct carve_block *block = &survey->blocks[i];
		uint64_t from = carve_block_offset(survey, block);
		uint64_t to = carve_block_end(survey, block);

		if (from >= end)
			break;
		from = from < span->offset ? span->offset : from;
		to = to > end ? end : to;
		bytes += to - from;
	}
	return bytes;
}

bool carve_survey_take(struct carve_survey *survey,
		       const struct carve_span *span)
{
	struct carve_block *blocks = survey->blocks, rest[3];
	uint64_t end = span->offset + span->bytes, begins, ends;
	size_t first = carve_survey_at(survey, span->offset), last = first;
	size_t count = 0;

	while (last < survey->count &&
	       carve_block_offset(survey, &blocks[last]) < end)
		last++;
	begins = first < last ? carve_block_offset(survey, &blocks[first]) : end;
	ends = first < last ? carve_block_end(survey, &blocks[last - 1]) : 0;
	/* What reaches out of it on either side stays what it is. */
	if (begins < span->offset)
		rest[count++] = block_of(survey, begins, span->offset - begins,
					 blocks[first].holder);
	rest[count++] = block_of(survey, span->offset, span->bytes,
				 CARVE_SURVEY_FIXED);
	if (ends > end)
		rest[count++] = block_of(survey, end, ends - end,
					 blocks[last - 1].holder);
	if (survey->count - (last - first) + count > CARVE_SURVEY_BLOCKS)
		return false;
	memmove(&blocks[first + count], &blocks[last],
		(survey->count - last) * sizeof(blocks[0]));
	memcpy(&blocks[first], rest, count * sizeof(blocks[0]));
	survey->count += count - (last - first);
	return true;
}

void carve_survey_drop(struct carve_survey *survey, uint32_t holder)
{
	size_t count = 0;

	for (size_t i = 0; i < survey->count; i++)
		if (survey->blocks[i].holder != holder)
			survey->blocks[count++] = survey->blocks[i];
	survey->count = count;
}
