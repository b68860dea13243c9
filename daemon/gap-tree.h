/* SPDX-License-Identifier: MIT */
/*
 * The tree of gaps: marks by address, balanced as Adelson-Velsky and Landis
 * do it. Every mark knows the most pages that fit somewhere in its subtree, for
 * some alignments. Neighbours by address are linked, so nothing searches for the
 * place of a mark; what changes goes up only as far as it makes a difference.
 */
#ifndef CARVE_DAEMON_GAP_TREE_H
#define CARVE_DAEMON_GAP_TREE_H

#include "mark.h"

/* Pages that fit into the gap behind @mark at 2^@alignment pages. */
uint32_t carve_gap_room(const struct carve_gaps *gaps,
			const struct carve_mark *mark, unsigned int alignment);

/* The last mark that begins before @offset, or the one at the start. */
struct carve_mark *carve_gap_before(const struct carve_gaps *gaps,
				    uint64_t offset);

/*
 * @mark goes in. It is linked with its neighbours already, and its gap and
 * that of the mark before it are what they will be.
 */
void carve_gap_tree_insert(struct carve_gaps *gaps, struct carve_mark *mark);

/*
 * @mark goes out. It is still linked with its neighbours, and the gap of the
 * mark before it is what it will be.
 */
void carve_gap_tree_remove(struct carve_gaps *gaps, struct carve_mark *mark);

/*
 * The lowest mark above @mark with room for @pages at 2^@alignment pages, or NULL.
 *
 * O(log n) up to CARVE_GAPS_ROOM_MAX pages; for more, so much for each gap in the
 * range that is longer, of which there are few. The first wish with an alignment
 * costs O(n), once.
 */
struct carve_mark *carve_gap_tree_search(struct carve_gaps *gaps,
					 struct carve_mark *mark,
					 unsigned int alignment,
					 uint64_t pages);

/* Return: NULL, or what is wrong, in words. */
const char *carve_gap_tree_check(const struct carve_gaps *gaps);

#endif /* CARVE_DAEMON_GAP_TREE_H */
