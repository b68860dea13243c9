// SPDX-License-Identifier: MIT
#include "gap-tree.h"

static uint32_t height_of(const struct carve_mark *mark)
{
	return mark ? mark->height : 0;
}

static int lean_of(const struct carve_mark *mark)
{
	return (int)height_of(mark->child[0]) - (int)height_of(mark->child[1]);
}

uint32_t carve_gap_room(const struct carve_gaps *gaps,
			const struct carve_mark *mark, unsigned int alignment)
{
	uint64_t begin = gaps->base + mark->offset + mark->bytes;
	uint64_t skip = -begin & ((gaps->page_bytes << alignment) - 1);

	if (skip >= mark->gap)
		return 0;
	return (uint32_t)((mark->gap - skip) / gaps->page_bytes);
}

/* Return: whether the room of @mark's subtree is different now. */
static bool update_room(const struct carve_gaps *gaps, struct carve_mark *mark,
			unsigned int alignment)
{
	uint32_t room = mark->gap ? carve_gap_room(gaps, mark, alignment) : 0;

	for (int side = 0; side < 2; side++)
		if (mark->child[side] &&
		    mark->child[side]->room[alignment] > room)
			room = mark->child[side]->room[alignment];
	if (room == mark->room[alignment])
		return false;
	mark->room[alignment] = room;
	return true;
}

/* Return: whether anything is different now. */
static bool update(const struct carve_gaps *gaps, struct carve_mark *mark)
{
	uint32_t left = height_of(mark->child[0]);
	uint32_t right = height_of(mark->child[1]);
	uint32_t height = 1 + (left > right ? left : right);
	bool changed = height != mark->height;

	mark->height = height;
	for (uint32_t left_over = gaps->alignments; left_over;
	     left_over &= left_over - 1)
		changed |= update_room(gaps, mark, (unsigned int)
				       __builtin_ctz(left_over));
	return changed;
}

static void learn(const struct carve_gaps *gaps, struct carve_mark *mark,
		  unsigned int alignment)
{
	for (int side = 0; side < 2; side++)
		if (mark->child[side])
			learn(gaps, mark->child[side], alignment);
	update_room(gaps, mark, alignment);
}

void carve_gap_tree_learn(struct carve_gaps *gaps, unsigned int alignment)
{
	if (gaps->alignments >> alignment & 1)
		return;
	gaps->alignments |= 1U << alignment;
	if (gaps->root)
		learn(gaps, gaps->root, alignment);
}

/* What points to @mark points to @other instead. */
static void replace(struct carve_gaps *gaps, struct carve_mark *mark,
		    struct carve_mark *other)
{
	struct carve_mark *parent = mark->parent;

	if (!parent)
		gaps->root = other;
	else
		parent->child[parent->child[1] == mark] = other;
	if (other)
		other->parent = parent;
}

static void adopt(struct carve_mark *parent, int side, struct carve_mark *child)
{
	parent->child[side] = child;
	if (child)
		child->parent = parent;
}

/* The child on @side goes up, @mark becomes its child on the other one. */
static struct carve_mark *rotate(struct carve_gaps *gaps,
				 struct carve_mark *mark, int side)
{
	struct carve_mark *up = mark->child[side];

	replace(gaps, mark, up);
	adopt(mark, side, up->child[!side]);
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
			struct carve_mark *child = mark->child[side];

			/* The inner grandchild is the higher one: it first. */
			if (side ? lean_of(child) > 0 : lean_of(child) < 0)
				rotate(gaps, child, !side);
			mark = rotate(gaps, mark, side);
		} else if (!update(gaps, mark)) {
			return;
		}
		mark = mark->parent;
	}
}

void carve_gap_tree_insert(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *lower = mark->lower, *upper = mark->upper;

	mark->parent = NULL;
	mark->child[0] = NULL;
	mark->child[1] = NULL;
	mark->height = 0;
	/* Of two neighbours one has no child on the side of the other. */
	if (lower != &gaps->start && !lower->child[1])
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
	struct carve_mark *lower = mark->lower, *next = mark->upper, *from;

	if (!mark->child[0] || !mark->child[1]) {
		from = mark->parent;
		replace(gaps, mark, mark->child[!mark->child[0]]);
		settle(gaps, from);
	} else {
		/* The next one by address is below, and has no lower child. */
		from = next->parent == mark ? next : next->parent;
		replace(gaps, next, next->child[1]);
		replace(gaps, mark, next);
		adopt(next, 0, mark->child[0]);
		adopt(next, 1, mark->child[1]);
		next->height = mark->height;
		settle(gaps, from);
		/* Its own gap is another than the one that stood here. */
		settle(gaps, next);
	}
	if (lower != &gaps->start)
		settle(gaps, lower);
}

/* The lowest of a subtree that has room. */
static struct carve_mark *descend(const struct carve_gaps *gaps,
				  struct carve_mark *mark,
				  unsigned int alignment, uint64_t pages)
{
	for (;;) {
		struct carve_mark *child = mark->child[0];

		if (child && child->room[alignment] >= pages)
			mark = child;
		else if (carve_gap_room(gaps, mark, alignment) >= pages)
			return mark;
		else
			mark = mark->child[1];
	}
}

struct carve_mark *carve_gap_tree_search(const struct carve_gaps *gaps,
					 const struct carve_mark *mark,
					 unsigned int alignment, uint64_t pages)
{
	struct carve_mark *from = NULL;

	if (mark == &gaps->start) {
		from = gaps->root;
	} else {
		from = mark->child[1];
		while (mark && (!from || from->room[alignment] < pages)) {
			struct carve_mark *parent = mark->parent;

			from = NULL;
			if (parent && parent->child[0] == mark) {
				if (carve_gap_room(gaps, parent, alignment) >=
				    pages)
					return parent;
				from = parent->child[1];
			}
			mark = parent;
		}
	}
	if (!from || from->room[alignment] < pages)
		return NULL;
	return descend(gaps, from, alignment, pages);
}

static const char *check(const struct carve_gaps *gaps,
			 const struct carve_mark *mark,
			 const struct carve_mark **last, uint64_t *count)
{
	struct carve_mark copy;
	const char *wrong;

	if (!mark)
		return NULL;
	for (int side = 0; side < 2; side++)
		if (mark->child[side] && mark->child[side]->parent != mark)
			return "gaps: a child of another parent";
	wrong = check(gaps, mark->child[0], last, count);
	if (wrong)
		return wrong;
	if (*last && (*last)->upper != mark)
		return "gaps: the tree and the neighbours disagree";
	*last = mark;
	++*count;
	wrong = check(gaps, mark->child[1], last, count);
	if (wrong)
		return wrong;
	if (lean_of(mark) > 1 || lean_of(mark) < -1)
		return "gaps: out of balance";
	copy = *mark;
	if (update(gaps, &copy))
		return "gaps: wrong height or room";
	return NULL;
}

const char *carve_gap_tree_check(const struct carve_gaps *gaps)
{
	const struct carve_mark *last = &gaps->start;
	uint64_t count = 0;
	const char *wrong;

	if (gaps->root && gaps->root->parent)
		return "gaps: a root with a parent";
	wrong = check(gaps, gaps->root, &last, &count);
	if (!wrong && count != gaps->count)
		wrong = "gaps: a mark is not in the tree";
	return wrong;
}
