// SPDX-License-Identifier: MIT
#include "gaps.h"

#include <assert.h>

static struct carve_mark *of_offset(const struct carve_tree_node *node)
{
	return carve_container_of(node, struct carve_mark, by_offset);
}

static struct carve_mark *of_gap(const struct carve_tree_node *node)
{
	return carve_container_of(node, struct carve_mark, by_gap);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int order_by_offset(const struct carve_tree_node *a,
			   const struct carve_tree_node *b)
{
	return compare(of_offset(a)->offset, of_offset(b)->offset);
}

/*
 * Of equal gaps the lowest comes first. No two in the tree have one offset: the
 * empty mark at the start has no gap while another mark begins at 0.
 */
static int order_by_gap(const struct carve_tree_node *a,
			const struct carve_tree_node *b)
{
	const struct carve_mark *x = of_gap(a);
	const struct carve_mark *y = of_gap(b);
	int order = compare(x->gap, y->gap);

	return order ? order : compare(x->offset, y->offset);
}

static void set_gap(struct carve_gaps *gaps, struct carve_mark *mark,
		    uint64_t gap)
{
	if (mark->gap)
		carve_tree_remove(&gaps->by_gap, &mark->by_gap, order_by_gap);
	gaps->gap_bytes += gap - mark->gap;
	mark->gap = gap;
	if (mark->gap)
		carve_tree_insert(&gaps->by_gap, &mark->by_gap, order_by_gap);
}

void carve_gaps_init(struct carve_gaps *gaps, uint64_t bytes)
{
	*gaps = (struct carve_gaps){ .bytes = bytes };
	set_gap(gaps, &gaps->start, bytes);
}

/* The last mark that begins before @offset, or the one at the start. */
static struct carve_mark *mark_before(const struct carve_gaps *gaps,
				      uint64_t offset)
{
	const struct carve_tree_node *node = gaps->by_offset;
	const struct carve_mark *found = &gaps->start;

	while (node) {
		if (of_offset(node)->offset < offset) {
			found = of_offset(node);
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return (struct carve_mark *)found;
}

struct carve_mark *carve_gaps_next(const struct carve_gaps *gaps,
				   uint64_t offset)
{
	const struct carve_tree_node *node = gaps->by_offset;
	struct carve_mark *found = NULL;

	while (node) {
		if (of_offset(node)->offset >= offset) {
			found = of_offset(node);
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

/* Where in the gap behind @mark the first aligned byte is, if it fits there. */
static bool place(const struct carve_mark *mark, const struct carve_fit *fit,
		  uint64_t *ret_offset)
{
	uint64_t offset = mark->offset + mark->bytes;
	uint64_t skip = -(fit->base + offset) & (fit->alignment - 1);

	if (skip > mark->gap || mark->gap - skip < fit->bytes)
		return false;
	if (fit->end < fit->bytes || offset + skip > fit->end - fit->bytes)
		return false;
	*ret_offset = offset + skip;
	return true;
}

/* In order, from the smallest gap that is long enough. */
static bool find(const struct carve_tree_node *node,
		 const struct carve_fit *fit, uint64_t *ret_offset)
{
	while (node) {
		const struct carve_mark *mark = of_gap(node);

		if (mark->gap >= fit->bytes &&
		    (find(node->left, fit, ret_offset) ||
		     place(mark, fit, ret_offset)))
			return true;
		node = node->right;
	}
	return false;
}

bool carve_gaps_find(const struct carve_gaps *gaps, const struct carve_fit *fit,
		     uint64_t *ret_offset)
{
	return find(gaps->by_gap, fit, ret_offset);
}

bool carve_gaps_covers(const struct carve_gaps *gaps, uint64_t offset,
		       uint64_t bytes)
{
	if (offset >= gaps->bytes || bytes > gaps->bytes - offset)
		return false;

	/* A mark that begins at @offset itself counts as before it here. */
	const struct carve_mark *mark = mark_before(gaps, offset + 1);
	uint64_t begin = mark->offset + mark->bytes;

	return offset >= begin && offset + bytes <= begin + mark->gap;
}

bool carve_gaps_within(const struct carve_gaps *gaps, uint64_t from,
		       uint64_t end, uint64_t *ret_offset, uint64_t *ret_bytes)
{
	const struct carve_mark *mark = mark_before(gaps, from + 1);

	while (mark && mark->offset + mark->bytes < end) {
		uint64_t begin = mark->offset + mark->bytes;
		uint64_t stop = begin + mark->gap;

		begin = begin < from ? from : begin;
		stop = stop > end ? end : stop;
		if (begin < stop) {
			*ret_offset = begin;
			*ret_bytes = stop - begin;
			return true;
		}
		mark = carve_gaps_next(gaps, mark->offset + 1 > from ?
				       mark->offset + 1 : from);
	}
	return false;
}

void carve_gaps_insert(struct carve_gaps *gaps, struct carve_mark *mark,
		       uint64_t offset, uint64_t bytes)
{
	assert(bytes && carve_gaps_covers(gaps, offset, bytes));

	struct carve_mark *before = mark_before(gaps, offset);
	uint64_t begin = before->offset + before->bytes;
	uint64_t end = begin + before->gap;

	*mark = (struct carve_mark){ .offset = offset, .bytes = bytes };
	set_gap(gaps, before, offset - begin);
	set_gap(gaps, mark, end - (offset + bytes));
	carve_tree_insert(&gaps->by_offset, &mark->by_offset, order_by_offset);
	gaps->count++;
}

void carve_gaps_remove(struct carve_gaps *gaps, struct carve_mark *mark)
{
	struct carve_mark *before = mark_before(gaps, mark->offset);
	uint64_t gap = before->gap + mark->bytes + mark->gap;

	carve_tree_remove(&gaps->by_offset, &mark->by_offset, order_by_offset);
	set_gap(gaps, mark, 0);
	set_gap(gaps, before, gap);
	gaps->count--;
}

uint64_t carve_gaps_largest(const struct carve_gaps *gaps)
{
	const struct carve_tree_node *node = gaps->by_gap;

	while (node && node->right)
		node = node->right;
	return node ? of_gap(node)->gap : 0;
}

const char *carve_gaps_check(const struct carve_gaps *gaps)
{
	const struct carve_mark *mark = &gaps->start;
	uint64_t sum = 0, marks = 0, open = 0;
	const char *wrong;
	size_t count;

	if (mark->offset || mark->bytes)
		return "gaps: the mark at the start is not empty";
	while (mark) {
		uint64_t end = mark->offset + mark->bytes;
		struct carve_mark *next = carve_gaps_next(gaps, end);

		if (mark != &gaps->start && !mark->bytes)
			return "gaps: an empty mark";
		if (mark->gap != (next ? next->offset : gaps->bytes) - end)
			return "gaps: a gap does not reach to the next mark";
		if (end > gaps->bytes)
			return "gaps: a mark reaches out of the range";
		sum += mark->gap;
		open += mark->gap != 0;
		marks += mark != &gaps->start;
		mark = next;
	}
	if (sum != gaps->gap_bytes)
		return "gaps: wrong sum";
	if (marks != gaps->count)
		return "gaps: overlapping marks, or a wrong count";
	wrong = carve_tree_check(gaps->by_offset, order_by_offset, &count);
	if (!wrong && count != marks)
		wrong = "gaps: overlapping marks";
	if (!wrong)
		wrong = carve_tree_check(gaps->by_gap, order_by_gap, &count);
	if (!wrong && count != open)
		wrong = "gaps: the tree of gaps lacks one or has one too many";
	return wrong;
}
