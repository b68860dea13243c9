// SPDX-License-Identifier: MIT
#include "gaps.h"

#include <assert.h>

#include "gap-tree.h"

struct bin {
	unsigned int row;
	unsigned int part;
};

/* Up to CARVE_GAPS_PARTS pages there is a bin for each number of pages. */
static struct bin bin_of(uint32_t pages)
{
	unsigned int log2 = 31 - (unsigned int)__builtin_clz(pages);

	if (log2 < CARVE_GAPS_PARTS_LOG2)
		return (struct bin){ 0, pages };
	log2 -= CARVE_GAPS_PARTS_LOG2;
	return (struct bin){ log2 + 1, pages >> log2 & (CARVE_GAPS_PARTS - 1) };
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
	struct bin bin = bin_of(mark->gap_pages);
	struct carve_mark **first = &gaps->bins[bin.row][bin.part];

	carve_link_set(&mark->previous, NULL);
	carve_link_set(&mark->next, *first);
	if (*first)
		carve_link_set(&(*first)->previous, mark);
	*first = mark;
	gaps->rows |= 1U << bin.row;
	gaps->parts[bin.row] |= (uint16_t)(1U << bin.part);
}

static void bin_take(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *next = carve_link_get(&mark->next);
	struct carve_mark *previous = carve_link_get(&mark->previous);
	struct bin bin;

	if (next)
		carve_link_set(&next->previous, previous);
	if (previous) {
		carve_link_set(&previous->next, next);
		return;
	}
	bin = bin_of(mark->gap_pages);
	gaps->bins[bin.row][bin.part] = next;
	if (next)
		return;
	gaps->parts[bin.row] &= (uint16_t)~(1U << bin.part);
	if (!gaps->parts[bin.row])
		gaps->rows &= ~(1U << bin.row);
}

static void set_gap(struct carve_gaps *gaps, struct carve_mark *mark,
		    uint32_t gap_pages)
{
	if (mark->gap_pages)
		bin_take(gaps, mark);
	gaps->gap_bytes -= carve_mark_gap(mark);
	mark->gap_pages = gap_pages;
	gaps->gap_bytes += carve_mark_gap(mark);
	if (gap_pages)
		bin_add(gaps, mark);
}

static uint32_t pages_of(const struct carve_gaps *gaps, uint64_t bytes)
{
	return (uint32_t)(bytes >> gaps->start.page_log2);
}

void carve_gaps_init(struct carve_gaps *gaps, uint64_t bytes,
		     uint64_t page_bytes, uint64_t base)
{
	assert(bytes / page_bytes < UINT32_MAX);
	*gaps = (struct carve_gaps){
		.bytes = bytes,
		.page_bytes = page_bytes,
		.base = base,
		.start.page_log2 = (uint8_t)__builtin_ctzll(page_bytes),
		.alignment_count = 1,
	};
	set_gap(gaps, &gaps->start, pages_of(gaps, bytes));
}

struct carve_mark *carve_gaps_next(const struct carve_gaps *gaps,
				   uint64_t offset)
{
	return carve_mark_upper(carve_gap_before(gaps, offset));
}

bool carve_gaps_place(const struct carve_gaps *gaps,
		      const struct carve_mark *mark,
		      const struct carve_fit *fit, bool high,
		      uint64_t *ret_offset)
{
	uint64_t begin = carve_mark_end(mark);
	uint64_t end = begin + carve_mark_gap(mark), offset;
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

bool carve_gaps_within(const struct carve_gaps *gaps, uint64_t from,
		       uint64_t end, uint64_t *ret_offset, uint64_t *ret_bytes)
{
	const struct carve_mark *mark = carve_gap_before(gaps, from + 1);

	for (; mark && carve_mark_end(mark) < end;
	     mark = carve_mark_upper(mark)) {
		uint64_t begin = carve_mark_end(mark);
		uint64_t stop = begin + carve_mark_gap(mark);

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
	return bytes > gaps->bytes ? NULL :
				     first_of(gaps, bin_of(pages_of(gaps, bytes)));
}

struct carve_mark *carve_gaps_after(const struct carve_gaps *gaps,
				    const struct carve_mark *mark)
{
	struct carve_mark *next = carve_link_get(&mark->next);
	struct bin bin;

	if (next)
		return next;
	bin = bin_of(mark->gap_pages);
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
	mark = carve_gap_before(gaps, offset + 1);
	begin = carve_mark_end(mark);
	return offset >= begin &&
	       offset + bytes <= begin + carve_mark_gap(mark) ? mark : NULL;
}

void carve_gaps_insert(struct carve_gaps *gaps, struct carve_mark *lower,
		       struct carve_mark *mark, uint64_t offset, uint64_t bytes)
{
	uint32_t begin = lower->offset_pages + lower->pages;
	uint32_t end = begin + lower->gap_pages;
	uint32_t first = pages_of(gaps, offset), pages = pages_of(gaps, bytes);
	struct carve_mark *upper = carve_mark_upper(lower);

	assert(bytes && offset >= carve_mark_end(lower) && first <= end &&
	       pages <= end - first);
	mark->offset_pages = first;
	mark->pages = pages;
	mark->gap_pages = 0;
	mark->page_log2 = gaps->start.page_log2;
	mark->upper_pages = lower->upper_pages;
	carve_link_set(&mark->lower, lower);
	carve_link_set(&mark->upper, upper);
	if (upper)
		carve_link_set(&upper->lower, mark);
	carve_link_set(&lower->upper, mark);
	lower->upper_pages = pages;
	set_gap(gaps, lower, first - begin);
	set_gap(gaps, mark, end - (first + pages));
	carve_gap_tree_insert(gaps, mark);
	gaps->count++;
}

void carve_gaps_remove(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *lower = carve_mark_lower(mark);
	struct carve_mark *upper = carve_mark_upper(mark);
	uint32_t gap_pages = lower->gap_pages + mark->pages + mark->gap_pages;

	set_gap(gaps, mark, 0);
	set_gap(gaps, lower, gap_pages);
	carve_gap_tree_remove(gaps, mark);
	carve_link_set(&lower->upper, upper);
	lower->upper_pages = mark->upper_pages;
	if (upper)
		carve_link_set(&upper->lower, lower);
	gaps->count--;
}

/* Where there are some that the tree does not tell apart, which are few. */
static uint32_t largest_of_last_bin(const struct carve_gaps *gaps)
{
	unsigned int row = 31 - (unsigned int)__builtin_clz(gaps->rows);
	unsigned int part = 31 - (unsigned int)__builtin_clz(gaps->parts[row]);
	const struct carve_mark *mark = gaps->bins[row][part];
	uint32_t largest = 0;

	for (; mark; mark = carve_link_get(&mark->next))
		if (mark->gap_pages > largest)
			largest = mark->gap_pages;
	return largest;
}

uint64_t carve_gaps_largest(const struct carve_gaps *gaps)
{
	uint32_t largest = gaps->start.gap_pages;

	if (gaps->root && gaps->root->room > largest)
		largest = gaps->root->room;
	if (largest >= CARVE_GAPS_ROOM_MAX)
		largest = largest_of_last_bin(gaps);
	return (uint64_t)largest << gaps->start.page_log2;
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
			for (; mark; previous = mark,
			     mark = carve_link_get(&mark->next)) {
				struct bin bin = { 0, 0 };

				if (mark->gap_pages)
					bin = bin_of(mark->gap_pages);
				if (bin.row != row || bin.part != part ||
				    carve_link_get(&mark->previous) != previous ||
				    !open--)
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

	if (mark->offset_pages || mark->pages || carve_mark_lower(mark))
		return "gaps: the mark at the start is not empty";
	while (mark) {
		uint64_t end = carve_mark_end(mark), gap = carve_mark_gap(mark);
		const struct carve_mark *upper = carve_mark_upper(mark);

		if (mark->page_log2 != gaps->start.page_log2)
			return "gaps: pages of another size";
		if (mark != &gaps->start && (!mark->pages || ++marks > gaps->count))
			return "gaps: an empty mark, or one too many";
		if (gap != (upper ? carve_mark_offset(upper) : gaps->bytes) - end)
			return "gaps: a gap does not reach to the next mark";
		if (end > gaps->bytes || gap > gaps->bytes - end)
			return "gaps: a mark reaches out of the range";
		if ((upper ? upper->pages : 0) != mark->upper_pages ||
		    (upper && carve_mark_lower(upper) != mark))
			return "gaps: neighbours disagree";
		sum += gap;
		open += gap != 0;
		mark = upper;
	}
	if (sum != gaps->gap_bytes)
		return "gaps: wrong sum";
	if (marks != gaps->count)
		return "gaps: wrong count";
	wrong = carve_gap_tree_check(gaps);
	return wrong ? wrong : check_bins(gaps, open);
}
