// SPDX-License-Identifier: MIT
/*
 * The lowest place, for any alignment.
 */
#include "gaps.h"

#include "gap-tree.h"

/* For alignments so large that there are only a few places to try. */
static struct carve_mark *lowest_of_few(const struct carve_gaps *gaps,
					const struct carve_fit *fit,
					uint64_t *offset)
{
	uint64_t skip = -gaps->base & (fit->alignment - 1), from = 0;

	while (skip < gaps->bytes - from) {
		from += skip;

		struct carve_mark *lower = carve_gaps_behind(gaps, from,
							     fit->bytes);

		if (lower) {
			*offset = from;
			return lower;
		}
		skip = fit->alignment;
	}
	return NULL;
}

static struct carve_mark *lowest(struct carve_gaps *gaps,
				 const struct carve_fit *fit, uint64_t *offset)
{
	unsigned int alignment = (unsigned int)__builtin_ctzll(
		fit->alignment / gaps->page_bytes);
	struct carve_mark *mark = &gaps->start;

	if (alignment >= CARVE_GAPS_ALIGNMENTS)
		return lowest_of_few(gaps, fit, offset);
	if (carve_gaps_place(gaps, mark, fit, false, offset))
		return mark;
	mark = carve_gap_tree_search(gaps, mark, alignment,
				     fit->bytes / gaps->page_bytes);
	if (mark) {
		uint64_t begin = carve_mark_end(mark);

		*offset = begin + (-(gaps->base + begin) &
				   (fit->alignment - 1));
	}
	return mark;
}

/*
 * The lowest gap that takes all of it. Only those are tried that have room for
 * what is aligned.
 */
static struct carve_mark *try_each(struct carve_gaps *gaps,
				   const struct carve_fit *fit,
				   uint64_t *offset)
{
	struct carve_mark *mark = &gaps->start;
	uint64_t pages = (fit->bytes - fit->before) / gaps->page_bytes;
	unsigned int alignment = (unsigned int)__builtin_ctzll(
		fit->alignment / gaps->page_bytes);
	bool known = alignment < CARVE_GAPS_ALIGNMENTS;

	while (mark && !carve_gaps_place(gaps, mark, fit, false, offset))
		mark = known ? carve_gap_tree_search(gaps, mark, alignment,
						     pages) :
			       carve_mark_upper(mark);
	return mark;
}

/*
 * What is aligned does not begin where the whole does. The tree knows nothing of
 * that; but where there is as much more room as it may take at most, there is a
 * place. Only if there is not so much anywhere, gaps are tried one by one.
 */
static bool shifted(struct carve_gaps *gaps, const struct carve_fit *fit,
		    uint64_t *ret_offset, struct carve_mark **ret_lower)
{
	uint64_t shift = -fit->before & (fit->alignment - 1);
	struct carve_fit wide = *fit;
	struct carve_mark *mark;
	uint64_t offset = 0;

	wide.bytes += shift;
	wide.before = 0;
	mark = lowest(gaps, &wide, &offset);
	offset += shift;
	if (!mark || offset > fit->end - fit->bytes)
		mark = try_each(gaps, fit, &offset);
	if (!mark)
		return false;
	*ret_offset = offset;
	*ret_lower = mark;
	return true;
}

bool carve_gaps_lowest(struct carve_gaps *gaps, const struct carve_fit *fit,
		       uint64_t *ret_offset, struct carve_mark **ret_lower)
{
	struct carve_mark *lower;
	uint64_t offset;

	if (fit->end < fit->bytes)
		return false;
	if (fit->before & (fit->alignment - 1))
		return shifted(gaps, fit, ret_offset, ret_lower);
	lower = lowest(gaps, fit, &offset);
	/* If the lowest one reaches too far, then all others do. */
	if (!lower || offset > fit->end - fit->bytes)
		return false;
	*ret_offset = offset;
	*ret_lower = lower;
	return true;
}
