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

	char *copy;

	if (!extent || !*name)
		return extent;
	copy = carve_arena_new(bytes);
	if (!copy) {
		sim_extent_free(extent);
		return NULL;
	}
	memcpy(copy, name, bytes);
	carve_link_set(&extent->name, copy);
	return extent;
}

void sim_extent_free(struct sim_extent *extent)
{
	char *name = carve_link_get(&extent->name);

	if (name)
		carve_arena_free(name, strlen(name) + 1);
	carve_arena_free(extent, sizeof(*extent));
}

void sim_extent_describe(const struct sim_extent *extent,
			 struct carve_device_extent *ret)
{
	*ret = (struct carve_device_extent){
		.offset = sim_extent_offset(extent),
		.bytes = sim_extent_bytes(extent),
		.id = extent->id,
		.uid = extent->uid,
		.live = extent->live,
	};
	strcpy(ret->name, sim_extent_name(extent));
}

static struct sim_extent *extent_of(struct carve_tree_node *node)
{
	return carve_container_of(node, struct sim_extent, by_offset);
}

/* Extents never overlap, so this is the order of their ends as well. */
static int order_offset(const struct carve_tree_node *a,
			const struct carve_tree_node *b)
{
	uint32_t x = extent_of((struct carve_tree_node *)a)->offset_units;
	uint32_t y = extent_of((struct carve_tree_node *)b)->offset_units;

	return (x > y) - (x < y);
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
		if (sim_extent_end(extent_of(node)) > offset) {
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

	return !extent || sim_extent_offset(extent) >= offset + bytes;
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

	return extent && sim_extent_offset(extent) < end ? extent : NULL;
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
		offset = sim_extent_end(extent);
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
	uint64_t old_end = sim_extent_end(extent);

	books_remove(sim, extent);
	if (sim_extent_offset(extent) >= offset && old_end <= end) {
		forget_cell(sim, extent, true);
		return;
	}
	forget_cell(sim, extent, false);
	if (sim_extent_offset(extent) < offset) {
		tail = NULL;
		if (old_end > end) {
			tail = *spare;
			*spare = NULL;
			tail->id = extent->id;
			tail->uid = extent->uid;
		}
		sim_extent_set(extent, sim_extent_offset(extent),
			       offset - sim_extent_offset(extent));
		sim_books_insert(sim, extent);
	}
	if (tail) {
		sim_extent_set(tail, end, old_end - end);
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
	if (sim_extent_offset(extent) < offset && sim_extent_end(extent) > end) {
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
