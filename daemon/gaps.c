// SPDX-License-Identifier: MIT
#include "gaps.h"

#include <assert.h>

#include "gap-tree.h"

struct bin {
	unsigned int row;
	unsigned int part;
};

/* Up to CARVE_GAPS_PARTS pages there is a bin for each number of pages. */
static struct bin bin_of(const struct carve_gaps *gaps, uint64_t bytes)
{
	uint64_t pages = bytes / gaps->page_bytes;
	unsigned int log2 = 63 - (unsigned int)__builtin_clzll(pages);

	if (log2 < CARVE_GAPS_PARTS_LOG2)
		return (struct bin){ 0, (unsigned int)pages };
	log2 -= CARVE_GAPS_PARTS_LOG2;
	return (struct bin){ log2 + 1, (unsigned int)(pages >> log2) &
					       (CARVE_GAPS_PARTS - 1) };
}

/* The first gap of @bin, or of the next one that has any. */
static struct carve_mark *first_of(const struct carve_gaps *gaps,
				   struct bin bin)
{
	uint32_t rows, parts = 0;

	if (bin.row < CARVE_GAPS_ROWS && bin.part < CARVE_GAPS_PARTS)
		parts = (uint32_t)gaps->parts[bin.row] >> bin.part << bin.part;
	if (!parts) {
		rows = gaps->rows & (uint32_t)(~1ULL << bin.row);
		if (!rows)
			return NULL;
		bin.row = (unsigned int)__builtin_ctz(rows);
		parts = gaps->parts[bin.row];
	}
	return gaps->bins[bin.row][__builtin_ctz(parts)];
}

static void bin_add(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct bin bin = bin_of(gaps, mark->gap);
	struct carve_mark **first = &gaps->bins[bin.row][bin.part];

	mark->previous = NULL;
	mark->next = *first;
	if (*first)
		(*first)->previous = mark;
	*first = mark;
	gaps->rows |= 1U << bin.row;
	gaps->parts[bin.row] |= (uint16_t)(1U << bin.part);
}

static void bin_take(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct bin bin;

	if (mark->next)
		mark->next->previous = mark->previous;
	if (mark->previous) {
		mark->previous->next = mark->next;
		return;
	}
	bin = bin_of(gaps, mark->gap);
	gaps->bins[bin.row][bin.part] = mark->next;
	if (mark->next)
		return;
	gaps->parts[bin.row] &= (uint16_t)~(1U << bin.part);
	if (!gaps->parts[bin.row])
		gaps->rows &= ~(1U << bin.row);
}

static void set_gap(struct carve_gaps *gaps, struct carve_mark *mark,
		    uint64_t gap)
{
	if (mark->gap)
		bin_take(gaps, mark);
	gaps->gap_bytes += gap - mark->gap;
	mark->gap = gap;
	if (mark->gap)
		bin_add(gaps, mark);
}

void carve_gaps_init(struct carve_gaps *gaps, uint64_t bytes,
		     uint64_t page_bytes, uint64_t base)
{
	assert(bytes / page_bytes < UINT32_MAX);
	*gaps = (struct carve_gaps){
		.bytes = bytes,
		.page_bytes = page_bytes,
		.base = base,
		.alignments = 1,
	};
	set_gap(gaps, &gaps->start, bytes);
}

/* The last mark that begins before @offset, or the one at the start. */
static struct carve_mark *mark_before(const struct carve_gaps *gaps,
				      uint64_t offset)
{
	const struct carve_mark *mark = gaps->root, *found = &gaps->start;

	while (mark) {
		if (mark->offset < offset) {
			found = mark;
			mark = mark->child[1];
		} else {
			mark = mark->child[0];
		}
	}
	return (struct carve_mark *)found;
}

struct carve_mark *carve_gaps_next(const struct carve_gaps *gaps,
				   uint64_t offset)
{
	return mark_before(gaps, offset)->upper;
}

bool carve_gaps_place(const struct carve_gaps *gaps,
		      const struct carve_mark *mark,
		      const struct carve_fit *fit, bool high,
		      uint64_t *ret_offset)
{
	uint64_t begin = mark->offset + mark->bytes;
	uint64_t end = begin + mark->gap, offset;
	uint64_t mask = fit->alignment - 1;

	end = end < fit->end ? end : fit->end;
	if (end < begin || end - begin < fit->bytes)
		return false;
	if (high) {
		uint64_t skip = (gaps->base + end - fit->bytes + fit->before) &
				mask;

		if (skip > end - fit->bytes - begin)
			return false;
		offset = end - fit->bytes - skip;
	} else {
		uint64_t skip = -(gaps->base + begin + fit->before) & mask;

		if (skip > end - fit->bytes - begin)
			return false;
		offset = begin + skip;
	}
	*ret_offset = offset;
	return true;
}

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
	struct carve_mark *mark = mark_before(gaps, from + 1);
	uint64_t end = mark->offset + mark->bytes + mark->gap;
	uint64_t begin = end - mark->gap, skip;

	if (alignment >= CARVE_GAPS_ALIGNMENTS)
		return lowest_of_few(gaps, fit, from, offset);
	begin = begin < from ? from : begin;
	skip = -(gaps->base + begin) & (fit->alignment - 1);
	if (begin <= end && skip <= end - begin &&
	    end - begin - skip >= fit->bytes) {
		*offset = begin + skip;
		return mark;
	}
	carve_gap_tree_learn(gaps, alignment);
	mark = carve_gap_tree_search(gaps, mark, alignment,
				     fit->bytes / gaps->page_bytes);
	if (mark) {
		begin = mark->offset + mark->bytes;
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

	if (known)
		carve_gap_tree_learn(gaps, alignment);
	while (mark && !(carve_gaps_place(gaps, mark, fit, false, offset) &&
			 *offset >= from))
		mark = known ? carve_gap_tree_search(gaps, mark, alignment,
						     pages) : mark->upper;
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
		mark = try_each(gaps, mark_before(gaps, from + 1), fit, from,
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

bool carve_gaps_within(const struct carve_gaps *gaps, uint64_t from,
		       uint64_t end, uint64_t *ret_offset, uint64_t *ret_bytes)
{
	const struct carve_mark *mark = mark_before(gaps, from + 1);

	for (; mark && mark->offset + mark->bytes < end; mark = mark->upper) {
		uint64_t begin = mark->offset + mark->bytes;
		uint64_t stop = begin + mark->gap;

		begin = begin < from ? from : begin;
		stop = stop > end ? end : stop;
		if (begin < stop) {
			*ret_offset = begin;
			*ret_bytes = stop - begin;
			return true;
		}
	}
	return false;
}

struct carve_mark *carve_gaps_first(const struct carve_gaps *gaps,
				    uint64_t bytes)
{
	return bytes > gaps->bytes ? NULL : first_of(gaps, bin_of(gaps, bytes));
}

struct carve_mark *carve_gaps_after(const struct carve_gaps *gaps,
				    const struct carve_mark *mark)
{
	struct bin bin;

	if (mark->next)
		return mark->next;
	bin = bin_of(gaps, mark->gap);
	bin.part++;
	return first_of(gaps, bin);
}

struct carve_mark *carve_gaps_behind(const struct carve_gaps *gaps,
				     uint64_t offset, uint64_t bytes)
{
	struct carve_mark *mark;
	uint64_t begin;

	if (offset >= gaps->bytes || bytes > gaps->bytes - offset)
		return NULL;
	/* A mark that begins at @offset itself counts as before it here. */
	mark = mark_before(gaps, offset + 1);
	begin = mark->offset + mark->bytes;
	return offset >= begin && offset + bytes <= begin + mark->gap ? mark :
									NULL;
}

void carve_gaps_insert(struct carve_gaps *gaps, struct carve_mark *lower,
		       struct carve_mark *mark, uint64_t offset, uint64_t bytes)
{
	uint64_t begin = lower->offset + lower->bytes;
	uint64_t end = begin + lower->gap;

	assert(bytes && offset >= begin && offset <= end &&
	       bytes <= end - offset);
	mark->offset = offset;
	mark->bytes = bytes;
	mark->gap = 0;
	mark->upper_bytes = lower->upper_bytes;
	mark->lower = lower;
	mark->upper = lower->upper;
	if (mark->upper)
		mark->upper->lower = mark;
	lower->upper = mark;
	lower->upper_bytes = bytes;
	set_gap(gaps, lower, offset - begin);
	set_gap(gaps, mark, end - (offset + bytes));
	carve_gap_tree_insert(gaps, mark);
	gaps->count++;
}

void carve_gaps_remove(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *lower = mark->lower;
	uint64_t gap = lower->gap + mark->bytes + mark->gap;

	set_gap(gaps, mark, 0);
	set_gap(gaps, lower, gap);
	carve_gap_tree_remove(gaps, mark);
	lower->upper = mark->upper;
	lower->upper_bytes = mark->upper_bytes;
	if (mark->upper)
		mark->upper->lower = lower;
	gaps->count--;
}

uint64_t carve_gaps_largest(const struct carve_gaps *gaps)
{
	uint64_t largest = gaps->root ?
				   gaps->root->room[0] * gaps->page_bytes : 0;

	return largest > gaps->start.gap ? largest : gaps->start.gap;
}

/* Every gap is in the bin of its size, and nothing else is in any. */
static const char *check_bins(const struct carve_gaps *gaps, uint64_t open)
{
	for (unsigned int row = 0; row < CARVE_GAPS_ROWS; row++) {
		if (!gaps->parts[row] != !(gaps->rows >> row & 1))
			return "gaps: a wrong bit for a row";
		for (unsigned int part = 0; part < CARVE_GAPS_PARTS; part++) {
			const struct carve_mark *mark = gaps->bins[row][part];
			const struct carve_mark *previous = NULL;

			if (!mark != !(gaps->parts[row] >> part & 1))
				return "gaps: a wrong bit for a bin";
			for (; mark; previous = mark, mark = mark->next) {
				struct bin bin = { 0, 0 };

				if (mark->gap)
					bin = bin_of(gaps, mark->gap);
				if (bin.row != row || bin.part != part ||
				    mark->previous != previous || !open--)
					return "gaps: a gap in the wrong bin";
			}
		}
	}
	return open ? "gaps: a gap in no bin" : NULL;
}

const char *carve_gaps_check(const struct carve_gaps *gaps)
{
	const struct carve_mark *mark = &gaps->start;
	uint64_t sum = 0, marks = 0, open = 0;
	const char *wrong;

	if (mark->offset || mark->bytes || mark->lower)
		return "gaps: the mark at the start is not empty";
	while (mark) {
		uint64_t end = mark->offset + mark->bytes;
		const struct carve_mark *upper = mark->upper;

		if (mark != &gaps->start && (!mark->bytes || ++marks > gaps->count))
			return "gaps: an empty mark, or one too many";
		if (mark->gap != (upper ? upper->offset : gaps->bytes) - end)
			return "gaps: a gap does not reach to the next mark";
		if (end > gaps->bytes || mark->gap > gaps->bytes - end)
			return "gaps: a mark reaches out of the range";
		if ((upper ? upper->bytes : 0) != mark->upper_bytes ||
		    (upper && upper->lower != mark))
			return "gaps: neighbours disagree";
		sum += mark->gap;
		open += mark->gap != 0;
		mark = upper;
	}
	if (sum != gaps->gap_bytes)
		return "gaps: wrong sum";
	if (marks != gaps->count)
		return "gaps: wrong count";
	wrong = carve_gap_tree_check(gaps);
	return wrong ? wrong : check_bins(gaps, open);
}
