// SPDX-License-Identifier: MIT
/*
 * What a simulated region leaves to the next daemon: a cell for each extent,
 * where the driver would simply go on.
 *
 * The state belongs to the loop's thread, and scrubbing does not run there: what
 * it has made clean is put on a list, and its cell is dropped before anybody
 * could be given the place. A cell that is left over only makes a clean range
 * dirty once more.
 */
#include "simulated.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "crash-point.h"

static bool is_sound(const struct sim *sim, const struct carve_cell_simulated *kept)
{
	if (sim_books_check_range(sim, kept->offset, kept->bytes) < 0 ||
	    !memchr(kept->name, '\0', sizeof(kept->name)) ||
	    sim_books_first_within(sim, kept->offset, kept->offset + kept->bytes))
		return false;
	return !kept->live || (!sim_watches_find(&sim->watches, kept->watch) &&
			       !sim_watches_find_inode(&sim->watches, kept->inode));
}

static int load_one(struct sim *sim, const struct carve_cell_simulated *kept,
		    uint32_t place)
{
	struct sim_extent *extent = sim_extent_new(kept->name);

	if (!extent)
		return -ENOMEM;
	sim_extent_set(extent, kept->offset, kept->bytes);
	extent->id = kept->id;
	extent->uid = kept->uid;
	extent->live = kept->live;
	extent->watch = kept->watch;
	extent->place = place;
	sim_books_insert(sim, extent);
	if (kept->live) {
		extent->inode = kept->inode;
		sim_watches_insert(&sim->watches, extent);
	}
	return 0;
}

/* Return: the next cell of this region's, or NULL. */
static const struct carve_cell *next_cell(const struct sim *sim, uint32_t *place)
{
	const struct carve_cell *cell;

	while ((cell = carve_state_next(sim->keep.state, place)))
		if (cell->type == CARVE_CELL_SIMULATED &&
		    cell->region == sim->keep.region)
			return cell;
	return NULL;
}

/*
 * Fill the empty books. What does not fit into them (the region may have become
 * smaller) is dropped.
 *
 * Return: 0; -ENOMEM.
 */
int sim_keep_load(struct sim *sim)
{
	const struct carve_cell *cell;
	uint32_t place = 0, dropped;
	int r;

	while ((cell = next_cell(sim, &place))) {
		if (is_sound(sim, &cell->simulated)) {
			r = load_one(sim, &cell->simulated, place);
			if (r < 0)
				return r;
			continue;
		}
		dropped = place;
		carve_state_drop(sim->keep.state, &dropped);
	}
	return 0;
}

/* Nothing of it is left. */
void sim_keep_forget_all(struct sim *sim)
{
	uint32_t place = 0, dropped;

	while (sim->keep.state && next_cell(sim, &place)) {
		dropped = place;
		carve_state_drop(sim->keep.state, &dropped);
	}
}

/* The next sim_keep_put() will not fail. Return: 0; -ENOMEM. */
int sim_keep_expect(struct sim *sim)
{
	/* A full file system must not look like a full region. */
	if (sim->keep.state && carve_state_expect(sim->keep.state, 1) < 0)
		return -ENOMEM;
	return 0;
}

/*
 * Write down an extent as it is now. If that fails, its cell calls it live, and
 * the next daemon finds it dead.
 */
void sim_keep_put(struct sim *sim, struct sim_extent *extent)
{
	uint32_t place = extent->place;
	struct carve_cell cell = {
		.type = CARVE_CELL_SIMULATED,
		.region = (uint16_t)sim->keep.region,
		.simulated = {
			.id = extent->id,
			.offset = sim_extent_offset(extent),
			.bytes = sim_extent_bytes(extent),
			.inode = extent->live ? extent->inode : 0,
			.watch = extent->watch,
			.uid = extent->uid,
			.live = extent->live,
		},
	};

	if (!sim->keep.state)
		return;
	strcpy(cell.simulated.name, sim_extent_name(extent));
	carve_state_put(sim->keep.state, &cell, &place);
	extent->place = place & ((1U << SIM_PLACE_BITS) - 1);
	assert(extent->place == place);
}

/* Its cell is to be dropped; any thread. */
void sim_keep_make_stale(struct sim *sim, struct sim_extent *extent)
{
	if (extent->stale)
		return;
	extent->stale = true;
	carve_link_set(&extent->next, sim->stale);
	sim->stale = extent;
}

void sim_keep_drop_stale(struct sim *sim)
{
	struct sim_extent *extent;

	while ((extent = sim->stale)) {
		uint32_t place = extent->place;

		sim->stale = carve_link_get(&extent->next);
		CARVE_CRASH_POINT("simulated-scrub-clean");
		carve_state_drop(sim->keep.state, &place);
		extent->place = 0;
		extent->stale = false;
		if (extent->clean)
			sim_extent_free(extent);
	}
}
