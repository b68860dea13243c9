// SPDX-License-Identifier: MIT
#include "choice.h"

/* How many gaps are looked at, and how many that fit are compared. */
#define LOOKS_MAX	48
#define CANDIDATES_MAX	8

/* A neighbour counts as no longer than this many times the extent itself. */
#define NEIGHBOUR_TIMES	3

/* What is less than the region over this is small, and gathers at the top. */
#define SMALL_SHARE	128

/* Where one place less is left for the largest buffers, a hole counts this much. */
#define LARGEST_TIMES	6

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
 * Would the gap have room for fewer of the largest buffers than before? What
 * fails for lack of space is nearly always one of these.
 */
static bool costs_largest(const struct carve_mark *mark,
			  const struct carve_fit *fit, uint64_t largest,
			  uint64_t offset)
{
	uint64_t gap = carve_mark_gap(mark);
	uint64_t below = offset - carve_mark_end(mark);
	uint64_t above = gap - below - fit->bytes;

	return fit->bytes < largest && gap >= largest &&
	       below / largest + above / largest < gap / largest;
}

/*
 * For a size that comes again: the largest ones from the bottom up, all others from
 * the top down, in gaps beside their like, and best where nothing is left over. As bytes
 * of the way from that end.
 */
static uint64_t disorder(const struct carve_gaps *gaps,
			 const struct carve_mark *mark,
			 const struct carve_fit *fit, uint64_t largest,
			 bool high, uint64_t offset)
{
	bool same_lower = carve_mark_bytes(mark) == fit->bytes;
	bool same_upper = carve_mark_upper_bytes(mark) == fit->bytes;
	bool exact = carve_mark_gap(mark) == fit->bytes;
	uint64_t score = fit->bytes < largest ? gaps->bytes - offset : offset;

	if (!(high ? same_upper || (exact && same_lower) :
		     same_lower || (exact && same_upper)))
		score += gaps->bytes / 2;
	if (!exact)
		score += gaps->bytes;
	if (costs_largest(mark, fit, largest, offset))
		score += 4 * gaps->bytes;
	return score;
}

/*
 * For any other size, and for bursts: how large the hole would be that is spoiled.
 * That is the gap, and a third of each neighbour, which may go any time. In 1/1024
 * pages.
 */
static uint64_t spoiled(const struct carve_gaps *gaps,
			const struct carve_mark *mark,
			const struct carve_fit *fit, uint64_t largest,
			bool high, uint64_t offset)
{
	uint64_t most = NEIGHBOUR_TIMES * fit->bytes;
	uint64_t gap = carve_mark_gap(mark), lower = carve_mark_bytes(mark);
	uint64_t upper = carve_mark_upper_bytes(mark);
	uint64_t hole = gap + min(lower, most) / 3 + min(upper, most) / 3;
	bool exact = gap == fit->bytes;
	bool same_lower = lower == fit->bytes;
	bool same_upper = upper == fit->bytes;
	uint64_t weight = 1024;

	/* Nothing is left over. */
	if (exact)
		weight = weight * 2 / 3;
	/* Where one of a size goes, another one may come. */
	if (high ? same_upper || (exact && same_lower) :
		   same_lower || (exact && same_upper))
		weight = weight * 3 / 4;
	if (costs_largest(mark, fit, largest, offset))
		weight *= LARGEST_TIMES;
	weight += astray(gaps, fit, offset, weight);
	return hole / gaps->page_bytes * weight;
}

/* Of some gaps that are as large as @fit, or about as large, at either end. */
static bool best_place(const struct carve_gaps *gaps, const struct carve_fit *fit,
		       uint64_t largest, bool known, uint64_t *ret_offset,
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
			score = (known ? disorder : spoiled)(
				gaps, mark, fit, largest, high, offset);
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

/*
 * Right behind the last one of this burst; or, if there is no room, where all that
 * is to come of it fits, at either end of a gap.
 */
static bool in_burst(const struct carve_gaps *gaps,
		     const struct carve_habit *habit,
		     const struct carve_fit *fit, uint64_t largest,
		     uint64_t *ret_offset, struct carve_mark **ret_lower)
{
	struct carve_fit all = *fit;

	all.bytes = carve_habit_to_come(habit, fit->bytes);
	if (!all.bytes)
		return false;
	if (habit->recent.bytes) {
		*ret_lower = carve_gaps_behind(gaps, habit->recent.cursor,
					       gaps->page_bytes);
		if (*ret_lower &&
		    carve_gaps_place(gaps, *ret_lower, fit, false, ret_offset))
			return true;
	}
	all.bytes -= all.bytes & (gaps->page_bytes - 1);
	return all.bytes > fit->bytes &&
	       best_place(gaps, &all, largest, false, ret_offset, ret_lower);
}

bool carve_choose(struct carve_gaps *gaps, const struct carve_habit *habit,
		  const struct carve_fit *fit, uint64_t *ret_offset,
		  struct carve_mark **ret_lower)
{
	uint64_t largest = carve_habit_largest(&habit->recent);

	return (carve_habit_in_sessions(habit) &&
		in_burst(gaps, habit, fit, largest, ret_offset, ret_lower)) ||
	       best_place(gaps, fit, largest,
			  carve_habit_knows(&habit->recent, fit->bytes),
			  ret_offset, ret_lower) ||
	       carve_gaps_lowest(gaps, fit, ret_offset, ret_lower);
}
