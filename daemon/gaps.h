/* SPDX-License-Identifier: MIT */
/*
 * The gaps between marks in a range of bytes. A mark covers part of the range
 * and remembers the gap behind it, up to the next mark; an empty mark at the
 * start of the range has the gap before the first real one. So there are never
 * more gaps than marks, gaps join by themselves when a mark goes, and nothing
 * is ever allocated.
 */
#ifndef CARVE_DAEMON_GAPS_H
#define CARVE_DAEMON_GAPS_H

#include "tree.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * struct carve_mark - a covered part and the gap behind it
 * @offset: first byte
 * @bytes: length
 * @gap: bytes between the end of this mark and the next one
 * @by_offset: private
 * @by_gap: private, in the tree only while there is a gap
 */
struct carve_mark {
	uint64_t offset;
	uint64_t bytes;
	uint64_t gap;
	struct carve_tree_node by_offset;
	struct carve_tree_node by_gap;
};

/**
 * struct carve_gaps - all gaps of a range
 * @bytes: length of the range
 * @gap_bytes: sum of all gaps
 * @count: number of marks
 * @start: the empty mark before all others
 * @by_offset: all marks but @start
 * @by_gap: marks with a gap, by (gap, offset)
 *
 * Points into itself: not to be moved or copied after carve_gaps_init().
 */
struct carve_gaps {
	uint64_t bytes;
	uint64_t gap_bytes;
	uint64_t count;
	struct carve_mark start;
	struct carve_tree_node *by_offset;
	struct carve_tree_node *by_gap;
};

/**
 * struct carve_fit - what is looked for
 * @bytes: length, more than 0
 * @alignment: a power of two
 * @base: address of the range's first byte; base + offset is what is aligned
 * @end: what it may reach up to, in the range's offsets; UINT64_MAX is no limit
 */
struct carve_fit {
	uint64_t bytes;
	uint64_t alignment;
	uint64_t base;
	uint64_t end;
};

/* One gap of @bytes. */
void carve_gaps_init(struct carve_gaps *gaps, uint64_t bytes);

/**
 * carve_gaps_find() - the smallest gap that @fit fits into, lowest first
 * @ret_offset: where it would begin there: as low as its alignment allows
 *
 * O(log n + gaps that are long enough, but not for this alignment and end).
 */
bool carve_gaps_find(const struct carve_gaps *gaps, const struct carve_fit *fit,
		     uint64_t *ret_offset);

/* Does all of [offset, offset + bytes) lie in a gap? @bytes more than 0. */
bool carve_gaps_covers(const struct carve_gaps *gaps, uint64_t offset,
		       uint64_t bytes);

/**
 * carve_gaps_within() - the first part of [from, end) that lies in a gap
 *
 * O(log n) for each mark that reaches to the next one without a gap, from the last
 * one that begins before @from on.
 */
bool carve_gaps_within(const struct carve_gaps *gaps, uint64_t from,
		       uint64_t end, uint64_t *ret_offset, uint64_t *ret_bytes);

/* Cover [offset, offset + bytes), which lies in a gap. */
void carve_gaps_insert(struct carve_gaps *gaps, struct carve_mark *mark,
		       uint64_t offset, uint64_t bytes);

/* Uncover what @mark covered; its offset and bytes stay readable. */
void carve_gaps_remove(struct carve_gaps *gaps, struct carve_mark *mark);

/* The longest gap, 0 when there is none. O(log n) */
uint64_t carve_gaps_largest(const struct carve_gaps *gaps);

/* The first mark that begins at @offset or behind it, or NULL. O(log n) */
struct carve_mark *carve_gaps_next(const struct carve_gaps *gaps,
				   uint64_t offset);

/* Is everything said above true? O(n). Return: NULL, or what is wrong. */
const char *carve_gaps_check(const struct carve_gaps *gaps);

#endif /* CARVE_DAEMON_GAPS_H */
