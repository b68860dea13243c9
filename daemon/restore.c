// SPDX-License-Identifier: MIT
#include "restore-plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carve.h"

/* ---- what was lost ----------------------------------------------------------- */

/**
 * struct carve_lost - a client that has to be told
 * @place: of a reservation's cell without classes, which says so to later daemons
 */
struct carve_lost {
	uint64_t client;
	uint32_t place;
	LIST_ENTRY(carve_lost) link;
};

int carve_restore_lose(const struct restore_plan *plan,
		       const struct carve_cell_reservation *cell,
		       uint32_t place)
{
	struct carve_region *region = plan->region;
	struct carve_cell left = {
		.type = CARVE_CELL_RESERVATION,
		.region = region->state_index,
		.reservation = *cell,
	};
	struct carve_lost *lost;

	if (!carve_restore_find_client(&plan->clients, cell->client)) {
		carve_state_drop(region->state, &place);
		return 0;
	}
	lost = malloc(sizeof(*lost));
	if (!lost)
		return -ENOMEM;
	left.reservation.class_count = 0;
	left.reservation.slot_count = 0;
	if (cell->class_count || cell->slot_count)
		/* In the place of another, it cannot fail. */
		(void)carve_state_put(region->state, &left, &place);
	*lost = (struct carve_lost){ .client = cell->client, .place = place };
	LIST_INSERT_HEAD(&region->lost, lost, link);
	return 0;
}

bool carve_restore_is_lost(const struct carve_region *region, uint64_t client)
{
	const struct carve_lost *lost;

	LIST_FOREACH(lost, &region->lost, link)
		if (lost->client == client)
			return true;
	return false;
}

void carve_restore_told(struct carve_region *region, uint64_t client)
{
	struct carve_lost *lost = LIST_FIRST(&region->lost), *next;

	for (; lost; lost = next) {
		next = LIST_NEXT(lost, link);
		if (lost->client != client)
			continue;
		carve_state_drop(region->state, &lost->place);
		LIST_REMOVE(lost, link);
		free(lost);
	}
}

void carve_restore_done(struct carve_region *region)
{
	struct carve_lost *lost;

	while ((lost = LIST_FIRST(&region->lost))) {
		LIST_REMOVE(lost, link);
		free(lost);
	}
}

/* ---- what was not ------------------------------------------------------------- */

static int charge(struct carve_reservation *reservation)
{
	uint64_t bytes = carve_slots_bytes(&reservation->slots, false);
	int r = carve_charges_reserve(&reservation->region->charges,
				      reservation->uid, reservation->unit,
				      bytes, &reservation->charge);

	if (r == 0)
		reservation->charged_bytes = bytes;
	return r;
}

static int make(struct carve_region *region, struct restore_reservation *saved)
{
	const struct carve_cell_reservation *cell = &saved->cell;
	struct carve_reservation *made;
	uint32_t *kept;
	int r = carve_reservation_new(&made, region, cell->id, cell->name);

	if (r < 0)
		return r;
	made->uid = cell->uid;
	made->pid = cell->pid;
	snprintf(made->unit, sizeof(made->unit), "%s", cell->unit);
	made->flags = cell->flags & (CARVE_RESERVATION_CONFIGURED |
				     CARVE_RESERVATION_CLAIMED);
	made->client = cell->client;
	made->made_by = cell->made_by;
	made->generation = cell->generation;
	made->kept = saved->place;
	kept = made->class_kept[cell->generation & 1];
	made->slots.class_count = cell->class_count;
	for (size_t i = 0; i < cell->class_count; i++) {
		kept[i] = saved->class_places[i];
		made->slots.classes[i].kind = saved->kinds[i];
	}
	saved->made = made;
	return charge(made);
}

int carve_restore_reservations(struct restore_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->reservation_count; i++) {
		struct restore_reservation *each = &plan->reservations[i];

		if (!each->wrong && each->cell.class_count)
			r = make(plan->region, each);
	}
	return r;
}
