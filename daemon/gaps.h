/* SPDX-License-Identifier: MIT */
/*
 * The gaps between marks in a range of bytes. A mark covers part of the range
 * and remembers the gap behind it, up to the next mark; an empty mark at the
 * start of the range has the gap before the first real one. So there are never
 * more gaps than marks, gaps join by themselves when a mark goes, and nothing
 * is ever allocated.
 *
 * Two indexes: a tree by address that knows for every alignment how much fits
 * somewhere in a subtree, which finds a place whenever there is one; and bins
 * of gaps of about one size.
 */
#ifndef CARVE_DAEMON_GAPS_H
#define CARVE_DAEMON_GAPS_H

#include "mark.h"

/**
 * struct carve_fit - what is looked for
 * @bytes: length, whole pages, more than 0
 * @alignment: of base + offset + before; a power of two, at least a page
 * @before: part of it at its start, whole pages
 * @end: what it may reach up to, in the range's offsets; UINT64_MAX is no limit
 */
struct carve_fit {
	uint64_t bytes;
	uint64_t alignment;
	uint64_t before;
	uint64_t end;
};

/* One gap of @bytes: whole pages, not 0, less than 2^32 - 1 of them. */
void carve_gaps_init(struct carve_gaps *gaps, uint64_t bytes,
		     uint64_t page_bytes, uint64_t base);

/**
 * carve_gaps_place() - does @fit fit into the gap behind @mark?
 * @high: as high as possible there, not as low
 * @ret_offset: where it would begin
 */
bool carve_gaps_place(const struct carve_gaps *gaps,
		      const struct carve_mark *mark,
		      const struct carve_fit *fit, bool high,
		      uint64_t *ret_offset);

/**
 * carve_gaps_lowest() - the lowest place for @fit
 *
 * @ret_lower: the mark that it is behind
 *
 * Finds one whenever there is one; with @fit->before that is not aligned itself
 * maybe not the lowest, and when there is hardly room in O(log n) for each gap that
 * takes what is aligned and not what stands before it. Else O(log n), and once O(n)
 * for each alignment, when it is new; see carve_gap_tree_search(). Beyond
 * CARVE_GAPS_ALIGNMENTS, O(log n) for each multiple of the alignment in the range.
 */
bool carve_gaps_lowest(struct carve_gaps *gaps, const struct carve_fit *fit,
		       uint64_t *ret_offset, struct carve_mark **ret_lower);

/**
 * carve_gaps_first() - the first gap of the bin that gaps of @bytes are in,
 *	or of the next bin that has any
 *
 * With carve_gaps_after() this meets all gaps that are long enough, and those
 * of the first bin that may not be: by bin, and the last to come first.
 */
struct carve_mark *carve_gaps_first(const struct carve_gaps *gaps,
				    uint64_t bytes);

/* The gap that comes after the one of @mark, or NULL. O(1) */
struct carve_mark *carve_gaps_after(const struct carve_gaps *gaps,
				    const struct carve_mark *mark);

/*
 * The mark behind which all of [offset, offset + bytes) lies in a gap, or NULL.
 * @bytes more than 0. O(log n)
 */
struct carve_mark *carve_gaps_behind(const struct carve_gaps *gaps,
				     uint64_t offset, uint64_t bytes);

/* Cover [offset, offset + bytes), which lies in the gap behind @lower. */
void carve_gaps_insert(struct carve_gaps *gaps, struct carve_mark *lower,
		       struct carve_mark *mark, uint64_t offset,
		       uint64_t bytes);

/**
 * carve_gaps_within() - the first part of [from, end) that lies in a gap
 *
 * O(log n) for the last mark that begins before @from, O(1) for each mark from
 * there on that reaches to the next one without a gap.
 */
bool carve_gaps_within(const struct carve_gaps *gaps, uint64_t from,
		       uint64_t end, uint64_t *ret_offset, uint64_t *ret_bytes);

/* Uncover what @mark covered; its offset and bytes stay readable. O(log n) */
void carve_gaps_remove(struct carve_gaps *gaps, struct carve_mark *mark);

/*
 * The longest gap, 0 when there is none. O(1); of more than CARVE_GAPS_ROOM_MAX pages,
 * O(gaps of about that size).
 */
uint64_t carve_gaps_largest(const struct carve_gaps *gaps);

/* The first mark that begins at @offset or behind it, or NULL. O(log n) */
struct carve_mark *carve_gaps_next(const struct carve_gaps *gaps,
				   uint64_t offset);

/* Is everything said above true? O(n). Return: NULL, or what is wrong. */
const char *carve_gaps_check(const struct carve_gaps *gaps);

#endif /* CARVE_DAEMON_GAPS_H */
