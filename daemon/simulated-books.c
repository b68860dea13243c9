// SPDX-License-Identifier: MIT
/*
 * The books of a simulated region: which range is live or dirty. What is in
 * no extent is clean. The rules are the driver's (kernel/uapi/linux/carve.h).
 */
#include "simulated.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "arena.h"

/* A dirty one of nothing yet. Return: NULL, there is no memory. */
struct sim_extent *sim_extent_new(const char *name)
{
	struct sim_extent *extent = carve_arena_new(sizeof(*extent));
	size_t bytes = strlen(name) + 1;

	if (!extent || !*name)
		return extent;
	extent->name = carve_arena_new(bytes);
	if (!extent->name) {
		sim_extent_free(extent);
		return NULL;
	}
	memcpy(extent->name, name, bytes);
	return extent;
}

void sim_extent_free(struct sim_extent *extent)
{
	if (extent->name)
		carve_arena_free(extent->name, strlen(extent->name) + 1);
	carve_arena_free(extent, sizeof(*extent));
}

void sim_extent_describe(const struct sim_extent *extent,
			 struct carve_device_extent *ret)
{
	*ret = (struct carve_device_extent){
		.offset = extent->offset,
		.bytes = extent->bytes,
		.id = extent->id,
		.uid = extent->uid,
		.live = extent->live,
	};
	if (extent->name)
		strcpy(ret->name, extent->name);
}

static struct sim_extent *extent_of(struct carve_tree_node *node)
{
	return carve_container_of(node, struct sim_extent, by_offset);
}

/* Extents never overlap, so this is the order of their ends as well. */
static int order_offset(const struct carve_tree_node *a,
			const struct carve_tree_node *b)
{
	uint64_t x = extent_of((struct carve_tree_node *)a)->offset;
	uint64_t y = extent_of((struct carve_tree_node *)b)->offset;

	return (x > y) - (x < y);
}

static uint64_t end_of(const struct sim_extent *extent)
{
	return extent->offset + extent->bytes;
}

/* Return: 0; -EINVAL; -ERANGE. */
int sim_books_check_range(const struct sim *sim, uint64_t offset, uint64_t bytes)
{
	const struct carve_device_info *info = &sim->device.info;

	if (bytes == 0 || offset % info->page_bytes || bytes % info->page_bytes ||
	    offset + bytes < offset)
		return -EINVAL;
	if (offset + bytes > info->bytes)
		return -ERANGE;
	return 0;
}

/* The first extent that ends above @offset, or NULL. */
struct sim_extent *sim_books_first_above(const struct sim *sim, uint64_t offset)
{
	struct carve_tree_node *node = sim->by_offset;
	struct sim_extent *found = NULL;

	while (node) {
		if (end_of(extent_of(node)) > offset) {
			found = extent_of(node);
			node = carve_tree_left(node);
		} else {
			node = carve_tree_right(node);
		}
	}
	return found;
}

bool sim_books_is_clean(const struct sim *sim, uint64_t offset, uint64_t bytes)
{
	struct sim_extent *extent = sim_books_first_above(sim, offset);

	return !extent || extent->offset >= offset + bytes;
}

void sim_books_insert(struct sim *sim, struct sim_extent *extent)
{
	carve_tree_insert(&sim->by_offset, &extent->by_offset, order_offset);
}

static void books_remove(struct sim *sim, struct sim_extent *extent)
{
	carve_tree_remove(&sim->by_offset, &extent->by_offset, order_offset);
}

/* The first extent with a page in [offset, end), or NULL. */
struct sim_extent *sim_books_first_within(const struct sim *sim, uint64_t offset,
					  uint64_t end)
{
	struct sim_extent *extent = sim_books_first_above(sim, offset);

	return extent && extent->offset < end ? extent : NULL;
}

/*
 * It is clean now, or in part. What it says in the state is too much then; of the
 * rest nothing is said any more, as there is nothing to zero in a simulation.
 */
static void forget_cell(struct sim *sim, struct sim_extent *extent, bool clean)
{
	extent->clean = clean;
	if (extent->place)
		sim_keep_make_stale(sim, extent);
	else if (clean)
		sim_extent_free(extent);
}

static bool is_live_within(const struct sim *sim, uint64_t offset, uint64_t end)
{
	struct sim_extent *extent;

	while ((extent = sim_books_first_within(sim, offset, end))) {
		if (extent->live)
			return true;
		offset = end_of(extent);
	}
	return false;
}

/*
 * Take [offset, end) out of a dirty extent. @spare becomes the part behind it
 * when a part before it stays as well.
 */
static void cut(struct sim *sim, struct sim_extent *extent, uint64_t offset,
		uint64_t end, struct sim_extent **spare)
{
	struct sim_extent *tail = extent;
	uint64_t old_end = end_of(extent);

	books_remove(sim, extent);
	if (extent->offset >= offset && old_end <= end) {
		forget_cell(sim, extent, true);
		return;
	}
	forget_cell(sim, extent, false);
	if (extent->offset < offset) {
		tail = NULL;
		if (old_end > end) {
			tail = *spare;
			*spare = NULL;
			tail->bytes = extent->bytes;
			tail->id = extent->id;
			tail->uid = extent->uid;
		}
		extent->bytes = offset - extent->offset;
		sim_books_insert(sim, extent);
	}
	if (tail) {
		tail->offset = end;
		tail->bytes = old_end - end;
		sim_books_insert(sim, tail);
	}
}

/*
 * Make the dirty pages of a range, which sim_books_check_range() found good,
 * clean.
 *
 * There is nothing to zero, since the next buffer is a memfd of its own. The
 * range was dirty until now all the same, so that the daemon goes the
 * driver's way.
 *
 * Return: 0; -EBUSY (a page is live); -ENOMEM. On failure nothing changed.
 */
int sim_books_scrub(struct sim *sim, uint64_t offset, uint64_t bytes)
{
	struct sim_extent *extent, *spare = NULL;
	uint64_t end = offset + bytes;

	if (is_live_within(sim, offset, end))
		return -EBUSY;
	extent = sim_books_first_within(sim, offset, end);
	if (!extent)
		return 0;
	/* A hole inside one extent makes two of it; nothing else takes memory. */
	if (extent->offset < offset && end_of(extent) > end) {
		spare = sim_extent_new("");
		if (!spare)
			return -ENOMEM;
	}
	do {
		cut(sim, extent, offset, end, &spare);
		extent = sim_books_first_within(sim, offset, end);
	} while (extent);
	assert(!spare);
	return 0;
}

void sim_books_done(struct sim *sim)
{
	struct sim_extent *extent;

	while ((extent = sim_books_first_above(sim, 0))) {
		books_remove(sim, extent);
		sim_extent_free(extent);
	}
}
