/* SPDX-License-Identifier: MIT */
/*
 * What gaps.h and gap-tree.h are made of.
 */
#ifndef CARVE_DAEMON_MARK_H
#define CARVE_DAEMON_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Alignments of 1 to 2^18 pages: with pages of 4 KiB up to 1 GiB. */
#define CARVE_GAPS_ALIGNMENTS	19

/* Bins: a row for each power of two of pages, cut into equal parts. */
#define CARVE_GAPS_PARTS_LOG2	4
#define CARVE_GAPS_PARTS	(1U << CARVE_GAPS_PARTS_LOG2)
#define CARVE_GAPS_ROWS		(32 - CARVE_GAPS_PARTS_LOG2 + 1)

/**
 * struct carve_mark - a covered part and the gap behind it
 * @offset: first byte
 * @bytes: length
 * @gap: bytes between the end of this mark and the next one
 * @parent: private; in the tree by address
 * @child: private; below and above
 * @height: private; of the subtree
 * @room: private; pages that fit somewhere in the subtree, by alignment
 * @upper_bytes: length of the next one; 0 at the end of the range
 * @lower: the mark before this one; NULL before the one at the start
 * @upper: the mark after this one; NULL behind the last
 * @next: private; a gap of the same bin
 * @previous: private; likewise
 *
 * What a walk through the tree needs lies together, in one cache line.
 */
struct carve_mark {
	uint64_t offset;
	uint64_t bytes;
	uint64_t gap;
	struct carve_mark *parent;
	struct carve_mark *child[2];
	uint32_t height;
	uint32_t room[CARVE_GAPS_ALIGNMENTS];
	uint64_t upper_bytes;
	struct carve_mark *lower;
	struct carve_mark *upper;
	struct carve_mark *next;
	struct carve_mark *previous;
};

/**
 * struct carve_gaps - all gaps of a range
 * @bytes: length of the range
 * @page_bytes: what everything is a multiple of, a power of two
 * @base: address of the range's first byte; base + offset is what is aligned
 * @gap_bytes: sum of all gaps
 * @count: number of marks
 * @start: the empty mark before all others
 * @root: of the tree of all marks but @start
 * @alignments: which ones the tree knows of
 * @rows: which rows have a gap
 * @parts: which parts of a row have one
 * @bins: the gap that came last, of each bin
 *
 * Points into itself: not to be moved or copied after carve_gaps_init().
 */
struct carve_gaps {
	uint64_t bytes;
	uint64_t page_bytes;
	uint64_t base;
	uint64_t gap_bytes;
	uint64_t count;
	struct carve_mark start;
	struct carve_mark *root;
	uint32_t alignments;
	uint32_t rows;
	uint16_t parts[CARVE_GAPS_ROWS];
	struct carve_mark *bins[CARVE_GAPS_ROWS][CARVE_GAPS_PARTS];
};

#endif /* CARVE_DAEMON_MARK_H */
