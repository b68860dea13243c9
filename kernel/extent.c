// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extent table, see extent.h.
 *
 * Locks: none here. The caller holds carve_region.lock.
 */
#include <linux/errno.h>

#include "extent.h"

static struct carve_extent *to_extent(struct rb_node *node)
{
	return node ? rb_entry(node, struct carve_extent, node) : NULL;
}

static u64 extent_end(const struct carve_extent *extent)
{
	return extent->offset + extent->bytes;
}

static void account(struct carve_table *table, const struct carve_extent *extent,
		    bool enters)
{
	u64 *sum = extent->state == CARVE_STATE_LIVE ? &table->live_bytes :
						       &table->dirty_bytes;

	*sum += enters ? extent->bytes : -extent->bytes;
	if (extent->state == CARVE_STATE_LIVE)
		table->live_count += enters ? 1 : -1;
}

/**
 * carve_table_init() - an empty table: every page is clean
 * @table: to initialise
 * @bytes: size of the region, a multiple of @page_bytes
 * @page_bytes: a power of two
 */
void carve_table_init(struct carve_table *table, u64 bytes, u32 page_bytes)
{
	*table = (struct carve_table) {
		.extents = RB_ROOT,
		.bytes = bytes,
		.page_bytes = page_bytes,
	};
}

/**
 * carve_table_check() - may this be a range of the region?
 * @table: the table
 * @offset: first byte
 * @bytes: length
 *
 * Return: 0; -EINVAL when the range is empty, misaligned or overflows;
 * -ERANGE when it does not lie inside the region.
 */
int carve_table_check(const struct carve_table *table, u64 offset, u64 bytes)
{
	if (!bytes || ((offset | bytes) & (table->page_bytes - 1)))
		return -EINVAL;
	if (offset + bytes < offset)
		return -EINVAL;
	if (offset + bytes > table->bytes)
		return -ERANGE;
	return 0;
}

/**
 * carve_table_first() - the first extent that ends above an offset
 * @table: the table
 * @offset: any value
 *
 * Return: the extent, borrowed, or NULL when all end at or below @offset.
 */
struct carve_extent *carve_table_first(const struct carve_table *table,
				       u64 offset)
{
	struct rb_node *node = table->extents.rb_node;
	struct carve_extent *found = NULL;

	while (node) {
		struct carve_extent *extent = to_extent(node);

		if (extent_end(extent) > offset) {
			found = extent;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/**
 * carve_table_next() - the extent behind one, by address
 * @extent: in a table
 *
 * Return: the extent, borrowed, or NULL at the end.
 */
struct carve_extent *carve_table_next(const struct carve_extent *extent)
{
	return to_extent(rb_next(&extent->node));
}

/**
 * carve_table_insert() - enter an extent where every page is clean
 * @table: the table
 * @extent: with offset, bytes and state set, of a range that
 *	carve_table_check() allows; belongs to the table's owner
 *
 * Return: 0, or -EBUSY when a page of it is live or dirty; then nothing has
 * changed.
 */
int carve_table_insert(struct carve_table *table, struct carve_extent *extent)
{
	struct rb_node **link = &table->extents.rb_node;
	struct rb_node *parent = NULL;

	while (*link) {
		struct carve_extent *other = to_extent(*link);

		parent = *link;
		if (extent_end(extent) <= other->offset)
			link = &parent->rb_left;
		else if (extent->offset >= extent_end(other))
			link = &parent->rb_right;
		else
			return -EBUSY;
	}
	rb_link_node(&extent->node, parent, link);
	rb_insert_color(&extent->node, &table->extents);
	account(table, extent, true);
	return 0;
}

/**
 * carve_table_remove() - take an extent out: its pages are clean
 * @table: the table
 * @extent: in the table; the caller's to free afterwards
 */
void carve_table_remove(struct carve_table *table, struct carve_extent *extent)
{
	account(table, extent, false);
	rb_erase(&extent->node, &table->extents);
}

/**
 * carve_table_release() - a live extent becomes dirty
 * @table: the table
 * @extent: in the table, live
 */
void carve_table_release(struct carve_table *table, struct carve_extent *extent)
{
	account(table, extent, false);
	extent->state = CARVE_STATE_DIRTY;
	account(table, extent, true);
}

/**
 * carve_table_has_live() - is any page of a range live?
 * @table: the table
 * @offset: first byte
 * @bytes: length; the range is one that carve_table_check() allows
 *
 * Return: true when so.
 */
bool carve_table_has_live(const struct carve_table *table, u64 offset,
			  u64 bytes)
{
	struct carve_extent *extent = carve_table_first(table, offset);

	for (; extent && extent->offset < offset + bytes;
	     extent = carve_table_next(extent))
		if (extent->state == CARVE_STATE_LIVE)
			return true;
	return false;
}

/* Cut @extent in two at @offset; @rest becomes the upper part. */
static void split(struct carve_table *table, struct carve_extent *extent,
		  u64 offset, struct carve_extent *rest)
{
	struct rb_node **link = &extent->node.rb_right;
	struct rb_node *parent = &extent->node;

	*rest = *extent;
	rest->offset = offset;
	rest->bytes = extent_end(extent) - offset;
	extent->bytes = offset - extent->offset;

	/* Right behind the extent: the leftmost place of its right subtree. */
	while (*link) {
		parent = *link;
		link = &parent->rb_left;
	}
	rb_link_node(&rest->node, parent, link);
	rb_insert_color(&rest->node, &table->extents);
}

/**
 * carve_table_dirty() - the first dirty extent of a range
 * @table: the table
 * @offset: first byte of the range, page-aligned
 * @end: byte behind the range, page-aligned
 * @spare: an extent allocated by the caller; taken, and set to NULL, when
 *	a dirty extent has to be cut in two because it starts below @offset
 *
 * Return: a dirty extent that starts inside the range (and may end beyond
 * it), borrowed, or NULL when there is none.
 */
struct carve_extent *carve_table_dirty(struct carve_table *table, u64 offset,
				       u64 end, struct carve_extent **spare)
{
	struct carve_extent *extent = carve_table_first(table, offset);

	while (extent && extent->state != CARVE_STATE_DIRTY)
		extent = carve_table_next(extent);
	if (!extent || extent->offset >= end)
		return NULL;
	if (extent->offset < offset) {
		split(table, extent, offset, *spare);
		extent = *spare;
		*spare = NULL;
	}
	return extent;
}

/**
 * carve_table_clean() - the first pages of a dirty extent are zero now
 * @table: the table
 * @extent: in the table, dirty
 * @bytes: how much of it, a multiple of the page size, at most all of it
 *
 * Return: NULL, or @extent, out of the table and the caller's to free, when
 * nothing is left of it.
 */
struct carve_extent *carve_table_clean(struct carve_table *table,
				       struct carve_extent *extent, u64 bytes)
{
	if (bytes == extent->bytes) {
		carve_table_remove(table, extent);
		return extent;
	}
	/* It only shrinks, so its place among its neighbours stays right. */
	table->dirty_bytes -= bytes;
	extent->offset += bytes;
	extent->bytes -= bytes;
	return NULL;
}
