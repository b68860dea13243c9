// SPDX-License-Identifier: MIT
#include "gap-tree.h"

static struct carve_mark *child_of(const struct carve_mark *mark, int side)
{
	return carve_link_get(&mark->child[side]);
}

static struct carve_mark *parent_of(const struct carve_mark *mark)
{
	return carve_link_get(&mark->parent);
}

static unsigned int height_of(const struct carve_mark *mark)
{
	return mark ? mark->height : 0;
}

static int lean_of(const struct carve_mark *mark)
{
	return (int)height_of(child_of(mark, 0)) -
	       (int)height_of(child_of(mark, 1));
}

uint32_t carve_gap_room(const struct carve_gaps *gaps,
			const struct carve_mark *mark, unsigned int alignment)
{
	uint64_t begin = gaps->base + carve_mark_end(mark);
	uint64_t skip = -begin & ((gaps->page_bytes << alignment) - 1);
	uint64_t gap = carve_mark_gap(mark);

	if (skip >= gap)
		return 0;
	return (uint32_t)((gap - skip) >> mark->page_log2);
}

/* ---- what a subtree has room for ------------------------------------------ */

/* By number @which of the alignments that the tree knows. */
static uint16_t room_at(const struct carve_gaps *gaps,
			const struct carve_mark *mark, unsigned int which)
{
	uint32_t room = mark->gap_pages ?
		carve_gap_room(gaps, mark, gaps->alignments[which]) : 0;

	return room < CARVE_GAPS_ROOM_MAX ? (uint16_t)room : CARVE_GAPS_ROOM_MAX;
}

static uint16_t room_below(const struct carve_gaps *gaps,
			   const struct carve_mark *mark, unsigned int which)
{
	uint16_t room = room_at(gaps, mark, which);

	for (int side = 0; side < 2; side++) {
		const struct carve_mark *child = child_of(mark, side);

		if (child && child->room[which] > room)
			room = child->room[which];
	}
	return room;
}

static unsigned int height_below(const struct carve_mark *mark)
{
	unsigned int left = height_of(child_of(mark, 0));
	unsigned int right = height_of(child_of(mark, 1));

	return 1 + (left > right ? left : right);
}

/* Return: whether anything is different now. */
static bool update(const struct carve_gaps *gaps, struct carve_mark *mark)
{
	unsigned int height = height_below(mark);
	bool changed = height != mark->height;

	mark->height = (uint8_t)height;
	for (unsigned int i = 0; i < gaps->alignment_count; i++) {
		uint16_t room = room_below(gaps, mark, i);

		changed |= room != mark->room[i];
		mark->room[i] = room;
	}
	return changed;
}

static void learn_below(const struct carve_gaps *gaps, struct carve_mark *mark,
			unsigned int which)
{
	if (!mark)
		return;
	learn_below(gaps, child_of(mark, 0), which);
	learn_below(gaps, child_of(mark, 1), which);
	mark->room[which] = room_below(gaps, mark, which);
}

/* Return: the number of an alignment, which the tree knows from now on. */
static unsigned int know(struct carve_gaps *gaps, unsigned int alignment)
{
	unsigned int which = 0;

	while (which < gaps->alignment_count && gaps->alignments[which] != alignment)
		which++;
	if (which == gaps->alignment_count) {
		gaps->alignments[which] = (uint8_t)alignment;
		gaps->alignment_count++;
		learn_below(gaps, gaps->root, which);
	}
	return which;
}

/* ---- balance ---------------------------------------------------------------- */

/* What points to @mark points to @other instead. */
static void replace(struct carve_gaps *gaps, struct carve_mark *mark,
		    struct carve_mark *other)
{
	struct carve_mark *parent = parent_of(mark);

	if (!parent)
		gaps->root = other;
	else
		carve_link_set(&parent->child[child_of(parent, 1) == mark],
			       other);
	if (other)
		carve_link_set(&other->parent, parent);
}

static void adopt(struct carve_mark *parent, int side, struct carve_mark *child)
{
	carve_link_set(&parent->child[side], child);
	if (child)
		carve_link_set(&child->parent, parent);
}

/* The child on @side goes up, @mark becomes its child on the other one. */
static struct carve_mark *rotate(struct carve_gaps *gaps,
				 struct carve_mark *mark, int side)
{
	struct carve_mark *up = child_of(mark, side);

	replace(gaps, mark, up);
	adopt(mark, side, child_of(up, !side));
	adopt(up, !side, mark);
	update(gaps, mark);
	update(gaps, up);
	return up;
}

/* @mark may be different: balance and update it and what is above it. */
static void settle(struct carve_gaps *gaps, struct carve_mark *mark)
{
	while (mark) {
		int lean = lean_of(mark);

		if (lean > 1 || lean < -1) {
			int side = lean < 0;
			struct carve_mark *child = child_of(mark, side);

			/* The inner grandchild is the higher one: it first. */
			if (side ? lean_of(child) > 0 : lean_of(child) < 0)
				rotate(gaps, child, !side);
			mark = rotate(gaps, mark, side);
		} else if (!update(gaps, mark)) {
			return;
		}
		mark = parent_of(mark);
	}
}

void carve_gap_tree_insert(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *lower = carve_mark_lower(mark);
	struct carve_mark *upper = carve_mark_upper(mark);

	carve_link_set(&mark->parent, NULL);
	carve_link_set(&mark->child[0], NULL);
	carve_link_set(&mark->child[1], NULL);
	mark->height = 0;
	/* Of two neighbours one has no child on the side of the other. */
	if (lower != &gaps->start && !child_of(lower, 1))
		adopt(lower, 1, mark);
	else if (upper)
		adopt(upper, 0, mark);
	else
		gaps->root = mark;
	settle(gaps, mark);
	/* It stands above, perhaps higher than anything had to be changed. */
	if (lower != &gaps->start)
		settle(gaps, lower);
}

void carve_gap_tree_remove(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *lower = carve_mark_lower(mark);
	struct carve_mark *next = carve_mark_upper(mark), *from;
	struct carve_mark *left = child_of(mark, 0), *right = child_of(mark, 1);

	if (!left || !right) {
		from = parent_of(mark);
		replace(gaps, mark, left ? left : right);
		settle(gaps, from);
	} else {
		/* The next one by address is below, and has no lower child. */
		from = parent_of(next) == mark ? next : parent_of(next);
		replace(gaps, next, child_of(next, 1));
		replace(gaps, mark, next);
		adopt(next, 0, child_of(mark, 0));
		adopt(next, 1, child_of(mark, 1));
		next->height = mark->height;
		settle(gaps, from);
		/* Its own gap is another than the one that stood here. */
		settle(gaps, next);
	}
	if (lower != &gaps->start)
		settle(gaps, lower);
}

/* ---- searching --------------------------------------------------------------- */

struct carve_mark *carve_gap_before(const struct carve_gaps *gaps,
				    uint64_t offset)
{
	const struct carve_mark *mark = gaps->root, *found = &gaps->start;

	while (mark) {
		bool above = carve_mark_offset(mark) < offset;

		if (above)
			found = mark;
		mark = carve_link_get(&mark->child[above]);
	}
	return (struct carve_mark *)found;
}

/* The lowest of a subtree that has room. */
static struct carve_mark *descend(const struct carve_gaps *gaps,
				  struct carve_mark *mark, unsigned int which,
				  uint16_t pages)
{
	for (;;) {
		struct carve_mark *child = child_of(mark, 0);

		if (child && child->room[which] >= pages)
			mark = child;
		else if (room_at(gaps, mark, which) >= pages)
			return mark;
		else
			mark = child_of(mark, 1);
	}
}

/* The lowest mark above @mark with room for @pages, or for more than are told apart. */
static struct carve_mark *find(const struct carve_gaps *gaps,
			       struct carve_mark *mark, unsigned int which,
			       uint16_t pages)
{
	struct carve_mark *from = NULL;

	if (mark == &gaps->start) {
		from = gaps->root;
	} else {
		from = child_of(mark, 1);
		while (mark && (!from || from->room[which] < pages)) {
			struct carve_mark *parent = parent_of(mark);

			from = NULL;
			if (parent && child_of(parent, 0) == mark) {
				if (room_at(gaps, parent, which) >= pages)
					return parent;
				from = child_of(parent, 1);
			}
			mark = parent;
		}
	}
	if (!from || from->room[which] < pages)
		return NULL;
	return descend(gaps, from, which, pages);
}

struct carve_mark *carve_gap_tree_search(struct carve_gaps *gaps,
					 struct carve_mark *mark,
					 unsigned int alignment, uint64_t pages)
{
	unsigned int which = know(gaps, alignment);
	uint16_t least = pages < CARVE_GAPS_ROOM_MAX ? (uint16_t)pages :
						      CARVE_GAPS_ROOM_MAX;

	do
		mark = find(gaps, mark, which, least);
	while (mark && carve_gap_room(gaps, mark, alignment) < pages);
	return mark;
}

/* ---- is it all true? ----------------------------------------------------------- */

static const char *check_one(const struct carve_gaps *gaps,
			     const struct carve_mark *mark)
{
	for (int side = 0; side < 2; side++)
		if (child_of(mark, side) && parent_of(child_of(mark, side)) != mark)
			return "gaps: a child of another parent";
	if (lean_of(mark) > 1 || lean_of(mark) < -1)
		return "gaps: out of balance";
	if (height_below(mark) != mark->height)
		return "gaps: wrong height";
	for (unsigned int i = 0; i < gaps->alignment_count; i++)
		if (room_below(gaps, mark, i) != mark->room[i])
			return "gaps: wrong room";
	return NULL;
}

static const char *check(const struct carve_gaps *gaps,
			 const struct carve_mark *mark,
			 const struct carve_mark **last, uint64_t *count)
{
	const char *wrong;

	if (!mark)
		return NULL;
	wrong = check(gaps, child_of(mark, 0), last, count);
	if (wrong)
		return wrong;
	if (*last && carve_mark_upper(*last) != mark)
		return "gaps: the tree and the neighbours disagree";
	*last = mark;
	++*count;
	wrong = check(gaps, child_of(mark, 1), last, count);
	return wrong ? wrong : check_one(gaps, mark);
}

const char *carve_gap_tree_check(const struct carve_gaps *gaps)
{
	const struct carve_mark *last = &gaps->start;
	uint64_t count = 0;
	const char *wrong;

	if (gaps->root && parent_of(gaps->root))
		return "gaps: a root with a parent";
	wrong = check(gaps, gaps->root, &last, &count);
	if (!wrong && count != gaps->count)
		wrong = "gaps: a mark is not in the tree";
	return wrong;
}
