/* SPDX-License-Identifier: MIT */
/*
 * What gaps.h and gap-tree.h are made of.
 */
#ifndef CARVE_DAEMON_MARK_H
#define CARVE_DAEMON_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "near-link.h"

/* Alignments of 1 to 2^18 pages: with pages of 4 KiB up to 1 GiB. */
#define CARVE_GAPS_ALIGNMENTS	19

/* Bins: a row for each power of two of pages, cut into equal parts. */
#define CARVE_GAPS_PARTS_LOG2	4
#define CARVE_GAPS_PARTS	(1U << CARVE_GAPS_PARTS_LOG2)
#define CARVE_GAPS_ROWS		(32 - CARVE_GAPS_PARTS_LOG2 + 1)

/* Room for more pages than this is not told apart: 256 MiB of pages of 4 KiB. */
#define CARVE_GAPS_ROOM_MAX	UINT16_MAX

/*
 * Alignment to 2^n pages costs any gap 2^n - 1 of them at most, so that takes n
 * bits to say, and 16 from 2^16 pages on. Of 1 to 15 two each share a word.
 */
#define CARVE_GAPS_LOSSES	11

/**
 * struct carve_mark - a covered part and the gap behind it
 * @offset_pages: its first page; see carve_mark_offset()
 * @pages: length
 * @gap_pages: from the end of this mark to the next one
 * @upper_pages: length of the next one; 0 at the end of the range
 * @parent: private; in the tree by address
 * @child: private; below and above
 * @lower: the mark before this one; NULL before the one at the start
 * @upper: the mark after this one; NULL behind the last
 * @next: private; a gap of the same bin
 * @previous: private; likewise
 * @room: private; pages that fit somewhere in the subtree, CARVE_GAPS_ROOM_MAX at
 *	most
 * @losses: private; how many fewer that are, for each alignment the tree knows of
 * @height: private; of the subtree
 * @page_log2: how large a page is
 */
struct carve_mark {
	uint32_t offset_pages;
	uint32_t pages;
	uint32_t gap_pages;
	uint32_t upper_pages;
	struct carve_link parent;
	struct carve_link child[2];
	struct carve_link lower;
	struct carve_link upper;
	struct carve_link next;
	struct carve_link previous;
	uint16_t room;
	uint16_t losses[CARVE_GAPS_LOSSES];
	uint8_t height;
	uint8_t page_log2;
} __attribute__((aligned(8)));

_Static_assert(sizeof(struct carve_mark) == 72, "a buffer has two of these");

static inline uint64_t carve_mark_offset(const struct carve_mark *mark)
{
	return (uint64_t)mark->offset_pages << mark->page_log2;
}

static inline uint64_t carve_mark_bytes(const struct carve_mark *mark)
{
	return (uint64_t)mark->pages << mark->page_log2;
}

static inline uint64_t carve_mark_gap(const struct carve_mark *mark)
{
	return (uint64_t)mark->gap_pages << mark->page_log2;
}

static inline uint64_t carve_mark_upper_bytes(const struct carve_mark *mark)
{
	return (uint64_t)mark->upper_pages << mark->page_log2;
}

/* Where its gap begins. */
static inline uint64_t carve_mark_end(const struct carve_mark *mark)
{
	return carve_mark_offset(mark) + carve_mark_bytes(mark);
}

static inline struct carve_mark *carve_mark_lower(const struct carve_mark *mark)
{
	return carve_link_get(&mark->lower);
}

static inline struct carve_mark *carve_mark_upper(const struct carve_mark *mark)
{
	return carve_link_get(&mark->upper);
}

/**
 * struct carve_gaps - all gaps of a range
 * @bytes: length of the range
 * @page_bytes: what everything is a multiple of, a power of two
 * @base: address of the range's first byte; base + offset is what is aligned
 * @gap_bytes: sum of all gaps
 * @count: number of marks
 * @start: the empty mark before all others
 * @root: of the tree of all marks but @start
 * @alignments: log2 of those the tree knows of, in pages; the first is 0
 * @alignment_count: how many these are
 * @rows: which rows have a gap
 * @parts: which parts of a row have one
 * @bins: the gap that came last, of each bin
 *
 * Points into itself: not to be moved or copied after carve_gaps_init(). And all
 * its marks have to be near it; see near-link.h.
 */
struct carve_gaps {
	uint64_t bytes;
	uint64_t page_bytes;
	uint64_t base;
	uint64_t gap_bytes;
	uint64_t count;
	struct carve_mark start;
	struct carve_mark *root;
	uint8_t alignments[CARVE_GAPS_ALIGNMENTS];
	uint8_t alignment_count;
	uint32_t rows;
	uint16_t parts[CARVE_GAPS_ROWS];
	struct carve_mark *bins[CARVE_GAPS_ROWS][CARVE_GAPS_PARTS];
};

#endif /* CARVE_DAEMON_MARK_H */
