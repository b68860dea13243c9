// SPDX-License-Identifier: MIT
/*
 * Regions that the state knows and this daemon does not serve. Whoever has a
 * reservation there could neither use it nor give it back, and it would be nobody's
 * when the region comes back: it is lost. What the state says of buffers is kept, as
 * long as no other region needs the place.
 */
#include "restore.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "carve.h"
#include "crash-point.h"
#include "log.h"
#include "restore-plan.h"

/**
 * struct gone - what is at hand
 * @served: indexes of the regions of this daemon, as bits
 */
struct gone {
	struct carve_state *state;
	uint32_t served;
	struct restore_clients clients;
};

static bool is_gone(const struct gone *gone, const struct carve_cell *cell)
{
	return cell->type != CARVE_CELL_CLIENT &&
	       !(gone->served & 1U << cell->region);
}

/* Its client has to be told, whenever it asks. */
static void mark_client(struct gone *gone, uint64_t number)
{
	struct restore_client *client =
		carve_restore_find_client(&gone->clients, number);
	struct carve_cell cell;

	if (!client)
		return;
	cell = *carve_state_get(gone->state, client->place);
	if (cell.client.flags & CARVE_CELL_LOST)
		return;
	cell.client.flags |= CARVE_CELL_LOST;
	/* In the place of another, it cannot fail. */
	(void)carve_state_put(gone->state, &cell, &client->place);
}

static void lose(struct gone *gone, const struct carve_cell *cell, uint32_t place)
{
	const struct carve_cell_reservation *lost = &cell->reservation;
	struct carve_log_about about = {
		.region = carve_state_label(gone->state, cell->region),
		.pid = lost->pid,
		.uid = lost->uid,
	};

	carve_log(LOG_WARNING, &about, "region %s is not served any more: "
		  "reservation %" PRIu64 "%s%s of uid %u pid %d in it is lost",
		  about.region, lost->id, lost->name[0] ? " " : "", lost->name,
		  (unsigned int)lost->uid, (int)lost->pid);
	if (lost->client)
		mark_client(gone, lost->client);
	CARVE_CRASH_POINT("gone-marked");
	carve_state_drop(gone->state, &place);
}

/* Reservations first: what is left then refers to nothing. */
static void lose_all(struct gone *gone)
{
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = carve_state_next(gone->state, &place)))
		if (is_gone(gone, cell) && cell->type == CARVE_CELL_RESERVATION)
			lose(gone, cell, place);
	CARVE_CRASH_POINT("gone-lost");
	for (place = 0; (cell = carve_state_next(gone->state, &place));) {
		uint32_t drop = place;

		if (is_gone(gone, cell) && (cell->type == CARVE_CELL_CLASS ||
					    cell->type == CARVE_CELL_SLOT))
			carve_state_drop(gone->state, &drop);
	}
}

/* ---- places for regions ---------------------------------------------------- */

/* Of a region that is not served, of one of which nothing is known if possible. */
static int find_place(const struct gone *gone)
{
	uint32_t known = 0, free;
	const struct carve_cell *cell;
	uint32_t place = 0;

	while ((cell = carve_state_next(gone->state, &place)))
		if (cell->type != CARVE_CELL_CLIENT)
			known |= 1U << cell->region;
	free = ~gone->served & ((1U << CARVE_WIRE_REGIONS_MAX) - 1);
	if (free & ~known)
		free &= ~known;
	return free ? __builtin_ctz(free) : -ENOSPC;
}

static int make_place(struct gone *gone,
		      void (*forgotten)(void *data, const char *label),
		      void *data)
{
	int index = find_place(gone);
	const struct carve_cell *cell;
	uint32_t place = 0;

	if (index < 0)
		return index;
	while ((cell = carve_state_next(gone->state, &place))) {
		uint32_t drop = place;

		if (cell->type != CARVE_CELL_CLIENT && cell->region == index)
			carve_state_drop(gone->state, &drop);
	}
	CARVE_CRASH_POINT("gone-forgotten");
	forgotten(data, carve_state_label(gone->state, (unsigned int)index));
	carve_state_forget_region(gone->state, (unsigned int)index);
	return 0;
}

static void find_served(struct gone *gone, const char *const *labels,
			size_t count)
{
	for (unsigned int i = 0; i < CARVE_WIRE_REGIONS_MAX; i++) {
		const char *known = carve_state_label(gone->state, i);

		for (size_t k = 0; known && k < count; k++)
			if (!strcmp(known, labels[k]))
				gone->served |= 1U << i;
	}
}

int carve_restore_serve(struct carve_state *state, const char *const *labels,
			size_t count,
			void (*forgotten)(void *data, const char *label),
			void *data)
{
	struct gone gone = { .state = state };
	int r = carve_restore_clients_init(&gone.clients, state);

	if (r < 0)
		return r;
	find_served(&gone, labels, count);
	lose_all(&gone);
	carve_restore_clients_done(&gone.clients);
	for (size_t i = 0; i < count; i++) {
		r = carve_state_region(state, labels[i]);
		if (r == -ENOSPC && make_place(&gone, forgotten, data) == 0)
			r = carve_state_region(state, labels[i]);
		/* More than there can be: whoever adds the last one says so. */
		if (r < 0)
			break;
		gone.served |= 1U << r;
	}
	return 0;
}
