// SPDX-License-Identifier: MIT
/*
 * What a cell may say. Whoever reads the state can rely on it.
 */
#include "state-layout.h"

#include <string.h>

static bool is_number(uint64_t id)
{
	return id && id <= STATE_NUMBER_MAX;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size);
}

static bool reservation_is_sane(const struct carve_cell_reservation *cell)
{
	return is_number(cell->id) && cell->client <= STATE_NUMBER_MAX &&
	       cell->class_count <= CARVE_WIRE_CLASSES_MAX &&
	       cell->slot_count <= CARVE_WIRE_SLOTS_MAX &&
	       ends(cell->unit, sizeof(cell->unit)) &&
	       ends(cell->name, sizeof(cell->name));
}

static bool class_is_sane(const struct carve_cell_class *cell)
{
	return is_number(cell->reservation) &&
	       cell->class < CARVE_WIRE_CLASSES_MAX && cell->count &&
	       cell->count <= CARVE_WIRE_SLOTS_MAX && cell->bytes &&
	       cell->alignment && !(cell->alignment & (cell->alignment - 1)) &&
	       cell->before <= cell->bytes &&
	       cell->after <= cell->bytes - cell->before;
}

static bool buffer_is_sane(const struct carve_cell_buffer *cell)
{
	return is_number(cell->id) && cell->bytes &&
	       ends(cell->unit, sizeof(cell->unit));
}

bool carve_state_cell_is_sane(const struct carve_state *state,
			      const struct carve_cell *cell)
{
	if (cell->type != CARVE_CELL_CLIENT &&
	    (cell->region >= CARVE_WIRE_REGIONS_MAX ||
	     !state->head->labels[cell->region].check))
		return false;
	switch (cell->type) {
	case CARVE_CELL_CLIENT:
		return is_number(cell->client.client) &&
		       ends(cell->client.unit, sizeof(cell->client.unit));
	case CARVE_CELL_RESERVATION:
		return reservation_is_sane(&cell->reservation);
	case CARVE_CELL_CLASS:
		return class_is_sane(&cell->class);
	case CARVE_CELL_SLOT:
		return is_number(cell->slot.reservation) &&
		       cell->slot.class < CARVE_WIRE_CLASSES_MAX;
	case CARVE_CELL_BUFFER:
		return buffer_is_sane(&cell->buffer);
	case CARVE_CELL_SIMULATED:
		return ends(cell->simulated.name, sizeof(cell->simulated.name));
	default:
		return false;
	}
}
