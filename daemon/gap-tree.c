// SPDX-License-Identifier: MIT
#include "gap-tree.h"

#include <assert.h>

/*
 * Most is asked without an alignment, or several times with the same one. To the
 * compiler these are too large to be worth it; together it is a fifth of the time.
 */
#define ALWAYS_INLINE	static inline __attribute__((always_inline))

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

/**
 * struct place - where the loss for an alignment is in a mark
 * @word: of its losses
 * @shift, @bits: in that word
 */
struct place {
	unsigned int word;
	unsigned int shift;
	unsigned int bits;
};

_Static_assert(CARVE_GAPS_ALIGNMENTS == 19 && CARVE_GAPS_LOSSES == 11,
	       "1 to 8 at the bottom of a word each, 9 to 15 above 7 to 1");

/* @alignment: not 0, for which nothing is lost. */
ALWAYS_INLINE struct place place_of(unsigned int alignment)
{
	if (alignment <= 8)
		return (struct place){ alignment - 1, 0, alignment };
	if (alignment <= 15)
		return (struct place){ 15 - alignment, 16 - alignment, alignment };
	return (struct place){ alignment - 8, 0, 16 };
}

ALWAYS_INLINE uint16_t loss_of(const struct carve_mark *mark, struct place place)
{
	return (uint16_t)(mark->losses[place.word] >> place.shift &
			  ((1U << place.bits) - 1));
}

static void set_loss(struct carve_mark *mark, struct place place, uint16_t loss)
{
	unsigned int mask = ((1U << place.bits) - 1) << place.shift;
	uint16_t *word = &mark->losses[place.word];

	assert(!(loss >> place.bits));
	*word = (uint16_t)((*word & ~mask) | (unsigned int)loss << place.shift);
}

/* Somewhere in the subtree, at an alignment that the tree knows. */
ALWAYS_INLINE uint16_t room_of(const struct carve_mark *mark, unsigned int alignment)
{
	return alignment ? (uint16_t)(mark->room -
				      loss_of(mark, place_of(alignment))) :
			   mark->room;
}

static uint16_t room_at(const struct carve_gaps *gaps,
			const struct carve_mark *mark, unsigned int alignment)
{
	uint32_t room = mark->gap_pages ?
		carve_gap_room(gaps, mark, alignment) : 0;

	return room < CARVE_GAPS_ROOM_MAX ? (uint16_t)room : CARVE_GAPS_ROOM_MAX;
}

ALWAYS_INLINE uint16_t room_below(const struct carve_gaps *gaps,
			   const struct carve_mark *mark, unsigned int alignment)
{
	uint16_t room = room_at(gaps, mark, alignment);

	for (int side = 0; side < 2; side++) {
		const struct carve_mark *child = child_of(mark, side);
		uint16_t other;

		if (!child || child->room <= room)
			continue;
		other = room_of(child, alignment);
		room = other > room ? other : room;
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
	uint16_t room;

	mark->height = (uint8_t)height;
	room = room_below(gaps, mark, 0);
	changed |= room != mark->room;
	mark->room = room;
	for (unsigned int i = 1; i < gaps->alignment_count; i++) {
		unsigned int alignment = gaps->alignments[i];
		struct place place = place_of(alignment);
		uint16_t loss = (uint16_t)(room - room_below(gaps, mark,
							     alignment));

		changed |= loss != loss_of(mark, place);
		set_loss(mark, place, loss);
	}
	return changed;
}

static void learn_below(const struct carve_gaps *gaps, struct carve_mark *mark,
			unsigned int alignment)
{
	if (!mark)
		return;
	learn_below(gaps, child_of(mark, 0), alignment);
	learn_below(gaps, child_of(mark, 1), alignment);
	set_loss(mark, place_of(alignment),
		 (uint16_t)(mark->room - room_below(gaps, mark, alignment)));
}

/* From now on the tree knows an alignment. */
static void know(struct carve_gaps *gaps, unsigned int alignment)
{
	for (unsigned int i = 0; i < gaps->alignment_count; i++)
		if (gaps->alignments[i] == alignment)
			return;
	gaps->alignments[gaps->alignment_count++] = (uint8_t)alignment;
	learn_below(gaps, gaps->root, alignment);
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
				  struct carve_mark *mark, unsigned int alignment,
				  uint16_t pages)
{
	for (;;) {
		struct carve_mark *child = child_of(mark, 0);

		if (child && room_of(child, alignment) >= pages)
			mark = child;
		else if (room_at(gaps, mark, alignment) >= pages)
			return mark;
		else
			mark = child_of(mark, 1);
	}
}

/* The lowest mark above @mark with room for @pages, or for more than are told apart. */
static struct carve_mark *find(const struct carve_gaps *gaps,
			       struct carve_mark *mark, unsigned int alignment,
			       uint16_t pages)
{
	struct carve_mark *from = NULL;

	if (mark == &gaps->start) {
		from = gaps->root;
	} else {
		from = child_of(mark, 1);
		while (mark && (!from || room_of(from, alignment) < pages)) {
			struct carve_mark *parent = parent_of(mark);

			from = NULL;
			if (parent && child_of(parent, 0) == mark) {
				if (room_at(gaps, parent, alignment) >= pages)
					return parent;
				from = child_of(parent, 1);
			}
			mark = parent;
		}
	}
	if (!from || room_of(from, alignment) < pages)
		return NULL;
	return descend(gaps, from, alignment, pages);
}

struct carve_mark *carve_gap_tree_search(struct carve_gaps *gaps,
					 struct carve_mark *mark,
					 unsigned int alignment, uint64_t pages)
{
	uint16_t least = pages < CARVE_GAPS_ROOM_MAX ? (uint16_t)pages :
						      CARVE_GAPS_ROOM_MAX;

	know(gaps, alignment);
	do
		mark = find(gaps, mark, alignment, least);
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
		if (room_below(gaps, mark, gaps->alignments[i]) !=
		    room_of(mark, gaps->alignments[i]))
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
