/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extent table: which pages of a region are live or dirty.
 *
 * Live and dirty extents stand in one tree by offset and never overlap; a
 * page in no extent is clean. The table neither locks nor allocates: callers
 * hold the region's lock around every call and own the memory of the extents.
 * It needs nothing from the kernel but the red-black tree, so that it can be
 * compiled elsewhere and compared with a naive twin.
 */
#ifndef CARVE_EXTENT_H
#define CARVE_EXTENT_H

#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/carve.h>

/**
 * struct carve_extent - pages that are live or dirty
 * @node: place in the table
 * @offset: first byte inside the region
 * @bytes: length; offset and length are multiples of the page size
 * @owner: the manager's two words, zeros for what was dirty at probe
 * @state: one of enum carve_state
 * @name: as given at export, NUL terminated
 * @guard_before: bytes at its start that are no part of the buffer, while it is
 *	live; the table does not look at them
 * @guard_after: likewise at its end
 */
struct carve_extent {
	struct rb_node node;
	u64 offset;
	u64 bytes;
	u64 owner[2];
	u32 state;
	char name[CARVE_NAME_LEN];
	u32 guard_before;
	u32 guard_after;
};

/**
 * struct carve_table - the extents of one region and their sums
 * @extents: by offset
 * @bytes: size of the region
 * @page_bytes: unit of offsets and lengths, a power of two
 * @live_count: live extents
 * @live_bytes: in live extents
 * @dirty_bytes: in dirty extents
 */
struct carve_table {
	struct rb_root extents;
	u64 bytes;
	u32 page_bytes;
	u32 live_count;
	u64 live_bytes;
	u64 dirty_bytes;
};

void carve_table_init(struct carve_table *table, u64 bytes, u32 page_bytes);
int carve_table_check(const struct carve_table *table, u64 offset, u64 bytes);
struct carve_extent *carve_table_first(const struct carve_table *table,
				       u64 offset);
struct carve_extent *carve_table_next(const struct carve_extent *extent);
int carve_table_insert(struct carve_table *table, struct carve_extent *extent);
void carve_table_remove(struct carve_table *table, struct carve_extent *extent);
void carve_table_release(struct carve_table *table, struct carve_extent *extent);
bool carve_table_has_live(const struct carve_table *table, u64 offset,
			  u64 bytes);
struct carve_extent *carve_table_dirty(struct carve_table *table, u64 offset,
				       u64 end, struct carve_extent **spare);
struct carve_extent *carve_table_clean(struct carve_table *table,
				       struct carve_extent *extent, u64 bytes);

#endif /* CARVE_EXTENT_H */
