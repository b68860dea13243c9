// SPDX-License-Identifier: MIT
/*
 * A change writes all classes and slots anew, with the number of the next
 * generation; they count once the reservation's own cell names it. So there is
 * one instant at which the old ones are replaced, whenever the daemon is killed.
 */
#include "reservation-save.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "carve.h"
#include "crash-point.h"
#include "state.h"

static struct carve_state *state_of(const struct carve_reservation *reservation)
{
	return reservation->region->state;
}

/* Do something with every slot. */
static void each_slot(struct carve_reservation *reservation,
		      void (*visit)(struct carve_reservation *reservation,
				    struct carve_record *record))
{
	struct carve_slots *slots = &reservation->slots;
	struct carve_slot *slot;

	for (size_t i = 0; i < slots->class_count; i++) {
		TAILQ_FOREACH(slot, &slots->classes[i].empty, link)
			visit(reservation, carve_record_of_slot(slot));
		TAILQ_FOREACH(slot, &slots->classes[i].live, link)
			visit(reservation, carve_record_of_slot(slot));
		TAILQ_FOREACH(slot, &slots->classes[i].dirty, link)
			visit(reservation, carve_record_of_slot(slot));
	}
}

int carve_reservation_expect(struct carve_reservation *reservation,
			     const struct carve_kind *kinds, size_t count)
{
	size_t cells = 1 + count;

	if (!state_of(reservation))
		return 0;
	for (size_t i = 0; i < count; i++)
		cells += kinds[i].count;
	return carve_state_expect(state_of(reservation), cells) < 0 ? -ENOMEM : 0;
}

/* ---- a generation ------------------------------------------------------- */

static void put(struct carve_reservation *reservation, struct carve_cell *cell,
		uint32_t *place)
{
	cell->region = reservation->region->state_index;
	/* There is room: it was expected, or it replaces something. */
	(void)carve_state_put(state_of(reservation), cell, place);
}

static void put_class(struct carve_reservation *reservation, size_t index)
{
	const struct carve_kind *kind =
		&reservation->slots.classes[index].kind;
	struct carve_cell cell = {
		.type = CARVE_CELL_CLASS,
		.class = {
			.reservation = reservation->id,
			.generation = reservation->generation,
			.class = (uint32_t)index,
			.count = (uint32_t)kind->count,
			.bytes = kind->wish.bytes,
			.alignment = kind->wish.alignment,
			.limit = kind->wish.limit,
			.before = kind->wish.before,
			.after = kind->wish.after,
		},
	};

	put(reservation, &cell,
	    &reservation->class_kept[reservation->generation & 1][index]);
}

static void put_slot(struct carve_reservation *reservation,
		     struct carve_record *record)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_SLOT,
		.slot = {
			.reservation = reservation->id,
			.generation = reservation->generation,
			.offset = carve_extent_offset(&record->extent),
			.class = (uint32_t)carve_record_slot(record)->slot.class,
		},
	};

	put(reservation, &cell,
	    &carve_record_slot(record)->kept[reservation->generation & 1]);
}

static void put_reservation(struct carve_reservation *reservation)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_RESERVATION,
		.reservation = {
			.id = reservation->id,
			.client = reservation->client,
			.made_by = reservation->made_by,
			.generation = reservation->generation,
			.uid = reservation->uid,
			.pid = reservation->pid,
			.flags = reservation->flags &
				 ~CARVE_RESERVATION_PENDING,
			.class_count =
				(uint16_t)reservation->slots.class_count,
			.slot_count = (uint16_t)
				carve_slots_count(&reservation->slots, false),
		},
	};

	snprintf(cell.reservation.unit, sizeof(cell.reservation.unit), "%s",
		 reservation->unit);
	snprintf(cell.reservation.name, sizeof(cell.reservation.name), "%s",
		 reservation->name);
	put(reservation, &cell, &reservation->kept);
}

/* What is not of this generation any more. */
static void drop_slot(struct carve_reservation *reservation,
		      struct carve_record *record)
{
	uint32_t *kept = carve_record_slot(record)->kept;

	carve_state_drop(state_of(reservation),
			 &kept[~reservation->generation & 1]);
}

static void drop_classes(struct carve_reservation *reservation)
{
	uint32_t *kept = reservation->class_kept[~reservation->generation & 1];

	for (size_t i = 0; i < CARVE_SLOTS_CLASSES; i++)
		carve_state_drop(state_of(reservation), &kept[i]);
}

void carve_reservation_commit(struct carve_reservation *reservation,
			      const struct carve_slot_list *left)
{
	struct carve_slot *slot;

	if (!state_of(reservation))
		return;
	reservation->generation++;
	for (size_t i = 0; i < reservation->slots.class_count; i++)
		put_class(reservation, i);
	each_slot(reservation, put_slot);
	CARVE_CRASH_POINT("reserve-written");
	put_reservation(reservation);
	CARVE_CRASH_POINT("reserve-committed");
	drop_classes(reservation);
	each_slot(reservation, drop_slot);
	TAILQ_FOREACH(slot, left, link)
		drop_slot(reservation, carve_record_of_slot(slot));
	CARVE_CRASH_POINT("reserve-dropped");
}

void carve_reservation_save(struct carve_reservation *reservation)
{
	if (state_of(reservation) && reservation->kept)
		put_reservation(reservation);
	CARVE_CRASH_POINT("reservation-saved");
}

void carve_reservation_forget(struct carve_reservation *reservation)
{
	if (!state_of(reservation))
		return;
	carve_state_drop(state_of(reservation), &reservation->kept);
	CARVE_CRASH_POINT("reservation-forgotten");
	/* The other parity's are gone already. */
	reservation->generation++;
	drop_classes(reservation);
	each_slot(reservation, drop_slot);
}
