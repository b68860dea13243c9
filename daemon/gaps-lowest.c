// SPDX-License-Identifier: MIT
/*
 * The lowest place, for any alignment.
 */
#include "gaps.h"

#include "gap-tree.h"

/* For alignments so large that there are only a few places to try. */
static struct carve_mark *lowest_of_few(const struct carve_gaps *gaps,
					const struct carve_fit *fit,
					uint64_t from, uint64_t *offset)
{
	uint64_t skip = -(gaps->base + from) & (fit->alignment - 1);

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
				 const struct carve_fit *fit, uint64_t from,
				 uint64_t *offset)
{
	unsigned int alignment = (unsigned int)__builtin_ctzll(
		fit->alignment / gaps->page_bytes);
	/* A mark that begins at @from itself counts as before it here. */
	struct carve_mark *mark = carve_gap_before(gaps, from + 1);
	uint64_t begin = carve_mark_end(mark), skip;
	uint64_t end = begin + carve_mark_gap(mark);

	if (alignment >= CARVE_GAPS_ALIGNMENTS)
		return lowest_of_few(gaps, fit, from, offset);
	begin = begin < from ? from : begin;
	skip = -(gaps->base + begin) & (fit->alignment - 1);
	if (begin <= end && skip <= end - begin &&
	    end - begin - skip >= fit->bytes) {
		*offset = begin + skip;
		return mark;
	}
	mark = carve_gap_tree_search(gaps, mark, alignment,
				     fit->bytes / gaps->page_bytes);
	if (mark) {
		begin = carve_mark_end(mark);
		skip = -(gaps->base + begin) & (fit->alignment - 1);
		*offset = begin + skip;
	}
	return mark;
}

/*
 * The lowest gap that takes all of it, from @mark on. Only those are tried that
 * have room for what is aligned.
 */
static struct carve_mark *try_each(struct carve_gaps *gaps,
				   struct carve_mark *mark,
				   const struct carve_fit *fit, uint64_t from,
				   uint64_t *offset)
{
	uint64_t pages = (fit->bytes - fit->before) / gaps->page_bytes;
	unsigned int alignment = (unsigned int)__builtin_ctzll(
		fit->alignment / gaps->page_bytes);
	bool known = alignment < CARVE_GAPS_ALIGNMENTS;

	while (mark && !(carve_gaps_place(gaps, mark, fit, false, offset) &&
			 *offset >= from))
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
		    uint64_t from, uint64_t *ret_offset,
		    struct carve_mark **ret_lower)
{
	uint64_t shift = -fit->before & (fit->alignment - 1);
	struct carve_fit wide = *fit;
	struct carve_mark *mark;
	uint64_t offset = 0;

	wide.bytes += shift;
	wide.before = 0;
	mark = lowest(gaps, &wide, from, &offset);
	offset += shift;
	if (!mark || offset > fit->end - fit->bytes)
		mark = try_each(gaps, carve_gap_before(gaps, from + 1), fit, from,
				&offset);
	if (!mark)
		return false;
	*ret_offset = offset;
	*ret_lower = mark;
	return true;
}

bool carve_gaps_lowest(struct carve_gaps *gaps, const struct carve_fit *fit,
		       uint64_t from, uint64_t *ret_offset,
		       struct carve_mark **ret_lower)
{
	struct carve_mark *lower;
	uint64_t offset;

	if (from >= gaps->bytes || fit->end < fit->bytes)
		return false;
	if (fit->before & (fit->alignment - 1))
		return shifted(gaps, fit, from, ret_offset, ret_lower);
	lower = lowest(gaps, fit, from, &offset);
	/* If the lowest one reaches too far, then all others do. */
	if (!lower || offset > fit->end - fit->bytes)
		return false;
	*ret_offset = offset;
	*ret_lower = lower;
	return true;
}
