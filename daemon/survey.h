/* SPDX-License-Identifier: MIT */
/*
 * What stands in the way of a request: a picture of a region, taken once, in
 * which windows are looked for. Pure: no system call, no clock, no allocation.
 *
 * A window is where a wish would lie were some of the memory that is in use now
 * given back. Where is that the least? A sum of what lies in a window changes its
 * slope only where one of its ends meets an end of a block, so only those places,
 * and what alignment makes of them, are looked at: O(blocks) for each wish, and
 * exact.
 */
#ifndef CARVE_DAEMON_SURVEY_H
#define CARVE_DAEMON_SURVEY_H

#include "placement.h"

/*
 * Blocks in one picture; what lies behind them is not looked at. So a region that
 * is full of single pages costs no more than this.
 */
#define CARVE_SURVEY_BLOCKS	16384

/* Numbers of holders; whoever has more to tell apart lumps the rest together. */
#define CARVE_SURVEY_HOLDERS	256

/* Of a block that does not go, whoever gives back what. */
#define CARVE_SURVEY_FIXED	UINT16_MAX

/**
 * struct carve_block - memory in use; ten bytes, as there are so many
 * @offset_pages, @pages: where
 * @holder: who has it, below CARVE_SURVEY_HOLDERS; or CARVE_SURVEY_FIXED
 */
struct carve_block {
	uint32_t offset_pages;
	uint32_t pages;
	uint16_t holder;
} __attribute__((packed, aligned(2)));

/**
 * struct carve_span - a part of a region
 */
struct carve_span {
	uint64_t offset;
	uint64_t bytes;
};

/**
 * struct carve_survey - the picture
 * @bytes: size of the region, or of what of it there was room for
 * @base: physical address of its first byte
 * @page_log2: of what everything is a multiple
 * @blocks: @count blocks by address, without overlaps; whatever is in none is free
 *	or will be soon
 * @counts: private, all zeros between calls
 */
struct carve_survey {
	uint64_t bytes;
	uint64_t base;
	unsigned int page_log2;
	size_t count;
	struct carve_block blocks[CARVE_SURVEY_BLOCKS];
	uint32_t counts[CARVE_SURVEY_HOLDERS];
};

static inline uint64_t carve_block_offset(const struct carve_survey *survey,
					  const struct carve_block *block)
{
	return (uint64_t)block->offset_pages << survey->page_log2;
}

static inline uint64_t carve_block_bytes(const struct carve_survey *survey,
					 const struct carve_block *block)
{
	return (uint64_t)block->pages << survey->page_log2;
}

static inline uint64_t carve_block_end(const struct carve_survey *survey,
				       const struct carve_block *block)
{
	return carve_block_offset(survey, block) +
	       carve_block_bytes(survey, block);
}

/* Start a picture without blocks. @bytes: less than 2^32 pages of @page_bytes. */
void carve_survey_init(struct carve_survey *survey, uint64_t bytes,
		       uint64_t page_bytes, uint64_t base);

/**
 * carve_survey_add() - one more block, behind all others
 *
 * Return: false when there is no room: the picture ends before it.
 */
bool carve_survey_add(struct carve_survey *survey, uint64_t offset,
		      uint64_t bytes, uint32_t holder);

/**
 * enum carve_survey_least - what a window is to have least of
 * @CARVE_SURVEY_BYTES: bytes in use
 * @CARVE_SURVEY_HOLDERS_IN: different holders; of equal ones, bytes
 */
enum carve_survey_least {
	CARVE_SURVEY_BYTES,
	CARVE_SURVEY_HOLDERS_IN,
};

/**
 * carve_survey_find() - the best window for a wish, or one of the best
 * @ret: where; it touches no block that is fixed
 *
 * Return: false when there is none.
 */
bool carve_survey_find(struct carve_survey *survey,
		       const struct carve_wish *wish,
		       enum carve_survey_least least, struct carve_span *ret);

/* The index of the first block that reaches behind @offset, or the count. */
size_t carve_survey_at(const struct carve_survey *survey, uint64_t offset);

/* Bytes in use in @span. */
uint64_t carve_survey_bytes(const struct carve_survey *survey,
			    const struct carve_span *span);

/**
 * carve_survey_take() - from now on all of @span is one fixed block
 *
 * Return: false when there is no room for one more block; nothing has changed.
 */
bool carve_survey_take(struct carve_survey *survey,
		       const struct carve_span *span);

/* From now on @holder has nothing. */
void carve_survey_drop(struct carve_survey *survey, uint32_t holder);

/* Wishes that one call finds windows for. */
#define CARVE_SURVEY_MANY	1024

/**
 * carve_survey_find_all() - windows for several wishes, without overlaps
 * @wishes: @count wishes, 1 or more
 * @spans: room for @count windows
 * @needed: NULL for the fewest bytes in use; else the fewest holders, and room for
 *	CARVE_SURVEY_HOLDERS marks of who they are
 *
 * The largest first, each where it is best beside those before it. So for one
 * wish it is the best there is, for several it may not be. The picture is used
 * up. At most about CARVE_SURVEY_WORK steps.
 *
 * Return: false when there are none, or it would take too long.
 */
bool carve_survey_find_all(struct carve_survey *survey,
			   const struct carve_wish *wishes, size_t count,
			   struct carve_span *spans, bool *needed);

/* About 20 ns each: the event loop stands still for 10 ms at most. */
#define CARVE_SURVEY_WORK	(1U << 19)

#endif /* CARVE_DAEMON_SURVEY_H */
