// SPDX-License-Identifier: MIT
#include "choice.h"

/* Above this share of what ends together, extents are taken for sessions. */
#define TOGETHER_MANY	(65536 / 4 * 3)

/* One end counts as much as what is left of 2^this ends before it. */
#define TOGETHER_LOG2	7

/* What is this many allocations apart, at most, was allocated together. */
#define TOGETHER_APART	32

/* How many gaps are looked at, and how many that fit are compared. */
#define LOOKS_MAX	24
#define CANDIDATES_MAX	8

/* A neighbour counts as no longer than this many times the extent itself. */
#define NEIGHBOUR_TIMES	3

/* What is less than the region over this is small, and gathers at the top. */
#define SMALL_SHARE	128

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * How much worse a place is for lying where it does: for a large extent a
 * fourteenth of @weight at the very top, for a small one half of it at the
 * very bottom. So small ones lie less between large ones, of which a hole
 * would remain when these go that is too short for the next large one.
 */
static uint64_t astray(const struct carve_gaps *gaps,
		       const struct carve_fit *fit, uint64_t offset,
		       uint64_t weight)
{
	uint64_t all = gaps->bytes / gaps->page_bytes;
	uint64_t below = offset / gaps->page_bytes;

	if (fit->bytes < gaps->bytes / SMALL_SHARE)
		return weight * (all - below) / (2 * all);
	return weight * below / (14 * all);
}

/*
 * How large the hole would be that is spoiled: the gap, and half of each
 * neighbour, which may go any time. In 1/1024 pages.
 */
static uint64_t spoiled(const struct carve_gaps *gaps,
			const struct carve_mark *mark,
			const struct carve_fit *fit, bool high, uint64_t offset)
{
	uint64_t most = NEIGHBOUR_TIMES * fit->bytes;
	uint64_t gap = carve_mark_gap(mark), lower = carve_mark_bytes(mark);
	uint64_t upper = carve_mark_upper_bytes(mark);
	uint64_t hole = gap + min(lower, most) / 2 + min(upper, most) / 2;
	bool exact = gap == fit->bytes;
	bool same_lower = lower == fit->bytes;
	bool same_upper = upper == fit->bytes;
	uint64_t weight = 1024;

	/* Nothing is left over. */
	if (exact)
		weight = weight * 4 / 5;
	/* Where one of a size goes, another one may come. */
	if (high ? same_upper || (exact && same_lower) :
		   same_lower || (exact && same_upper))
		weight = weight * 4 / 5;
	weight += astray(gaps, fit, offset, weight);
	return hole / gaps->page_bytes * weight;
}

/* Of some gaps that are as large as @fit, or about as large. */
static bool least_spoiled(const struct carve_gaps *gaps,
			  const struct carve_fit *fit, uint64_t *ret_offset,
			  struct carve_mark **ret_lower)
{
	struct carve_mark *mark = carve_gaps_first(gaps, fit->bytes);
	uint64_t best = UINT64_MAX;
	unsigned int looks = 0, candidates = 0;

	for (; mark && looks < LOOKS_MAX && candidates < CANDIDATES_MAX;
	     looks++, mark = carve_gaps_after(gaps, mark)) {
		bool fits = false;

		for (int high = 0; high < 2; high++) {
			uint64_t offset, score;

			if (!carve_gaps_place(gaps, mark, fit, high, &offset))
				break;
			fits = true;
			score = spoiled(gaps, mark, fit, high, offset);
			if (score < best) {
				best = score;
				*ret_offset = offset;
				*ret_lower = mark;
			}
		}
		candidates += fits;
	}
	return best != UINT64_MAX;
}

bool carve_choose(struct carve_gaps *gaps, const struct carve_habit *habit,
		  const struct carve_fit *fit, uint64_t *ret_offset,
		  struct carve_mark **ret_lower)
{
	if (habit->together > TOGETHER_MANY) {
		/* Nothing is beside the last one when there is none. */
		uint64_t from = gaps->count ? habit->cursor : 0;

		if (carve_gaps_lowest(gaps, fit, from, ret_offset, ret_lower))
			return true;
	} else if (least_spoiled(gaps, fit, ret_offset, ret_lower)) {
		return true;
	}
	return carve_gaps_lowest(gaps, fit, 0, ret_offset, ret_lower);
}

uint64_t carve_habit_allocate(struct carve_habit *habit, uint64_t end)
{
	habit->after_release = false;
	habit->cursor = end;
	return ++habit->allocated;
}

void carve_habit_release(struct carve_habit *habit, uint64_t number)
{
	uint64_t apart = number > habit->released ? number - habit->released :
						    habit->released - number;
	bool together = habit->after_release && apart <= TOGETHER_APART;

	habit->together -= habit->together >> TOGETHER_LOG2;
	if (together)
		habit->together += 65536 >> TOGETHER_LOG2;
	habit->after_release = true;
	habit->released = number;
}
