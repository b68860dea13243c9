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

static uint64_t end_of(const struct carve_block *block)
{
	return block->offset + block->bytes;
}

void carve_survey_init(struct carve_survey *survey, uint64_t bytes,
		       uint64_t base)
{
	survey->bytes = bytes;
	survey->base = base;
	survey->count = 0;
	memset(survey->counts, 0, sizeof(survey->counts));
}

bool carve_survey_add(struct carve_survey *survey, uint64_t offset,
		      uint64_t bytes, uint32_t holder)
{
	assert(holder < CARVE_SURVEY_HOLDERS || holder == CARVE_SURVEY_FIXED);
	assert(bytes >> 48 == 0);
	if (survey->count == CARVE_SURVEY_BLOCKS) {
		survey->bytes = offset;
		return false;
	}
	survey->blocks[survey->count++] = (struct carve_block){
		.offset = offset,
		.bytes = bytes,
		.holder = holder,
	};
	return true;
}

static void enter(struct scan *scan)
{
	struct carve_survey *survey = scan->survey;
	const struct carve_block *block = &survey->blocks[scan->end++];

	scan->bytes += block->bytes;
	if (block->holder == CARVE_SURVEY_FIXED)
		scan->fixed++;
	else
		scan->holders += !survey->counts[block->holder]++;
}

static void leave(struct scan *scan)
{
	struct carve_survey *survey = scan->survey;
	const struct carve_block *block = &survey->blocks[scan->first++];

	scan->bytes -= block->bytes;
	if (block->holder == CARVE_SURVEY_FIXED)
		scan->fixed--;
	else
		scan->holders -= !--survey->counts[block->holder];
}

/* To a window that begins no lower than the last. Return: the bytes in it. */
static uint64_t move(struct scan *scan, uint64_t offset, uint64_t end)
{
	const struct carve_block *blocks = scan->survey->blocks;
	uint64_t bytes;

	while (scan->end < scan->survey->count &&
	       blocks[scan->end].offset < end)
		enter(scan);
	while (scan->first < scan->end && end_of(&blocks[scan->first]) <= offset)
		leave(scan);
	bytes = scan->bytes;
	if (scan->first == scan->end)
		return bytes;
	if (blocks[scan->first].offset < offset)
		bytes -= offset - blocks[scan->first].offset;
	if (end_of(&blocks[scan->end - 1]) > end)
		bytes -= end_of(&blocks[scan->end - 1]) - end;
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
		offset = i ? end_of(&survey->blocks[i - 1]) : 0;
	} else {
		offset = i < survey->count ? survey->blocks[i].offset :
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

		if (end_of(&survey->blocks[middle]) > offset)
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
	     i < survey->count && survey->blocks[i].offset < end; i++) {
		const struct carve_block *block = &survey->blocks[i];
		uint64_t from = block->offset, to = end_of(block);

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
	uint64_t end = span->offset + span->bytes;
	size_t first = carve_survey_at(survey, span->offset), last = first;
	size_t count = 0;

	while (last < survey->count && blocks[last].offset < end)
		last++;
	/* What reaches out of it on either side stays what it is. */
	if (first < last && blocks[first].offset < span->offset) {
		rest[count] = blocks[first];
		rest[count++].bytes = span->offset - blocks[first].offset;
	}
	rest[count++] = (struct carve_block){
		.offset = span->offset,
		.bytes = span->bytes,
		.holder = CARVE_SURVEY_FIXED,
	};
	if (first < last && end_of(&blocks[last - 1]) > end) {
		rest[count] = blocks[last - 1];
		rest[count].offset = end;
		rest[count++].bytes = end_of(&blocks[last - 1]) - end;
	}
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
