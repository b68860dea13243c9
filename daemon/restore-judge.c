// SPDX-License-Identifier: MIT
/*
 * Which reservations can be restored: all or none of each. The device is right
 * about what lives, so a slot that it contradicts is none.
 */
#include "restore-plan.h"

#include <inttypes.h>

#include "carve.h"
#include "log.h"

/* ---- each by itself ---------------------------------------------------------- */

/* Only while one that is configured is not claimed, it is nobody's. */
static bool is_somebodys(const struct carve_cell_reservation *cell)
{
	return cell->client || (cell->flags & CARVE_RESERVATION_CONFIGURED &&
				!(cell->flags & CARVE_RESERVATION_CLAIMED));
}

static const char *check_complete(const struct restore_reservation *reservation)
{
	size_t count = 0;

	if (!is_somebodys(&reservation->cell))
		return "nobody could give it back";
	for (size_t i = 0; i < reservation->cell.class_count; i++) {
		if (!reservation->class_places[i])
			return "a class is missing";
		if (reservation->slot_counts[i] != reservation->kinds[i].count)
			return "a class has more or fewer buffers than it says";
		count += reservation->kinds[i].count;
	}
	return count == reservation->cell.slot_count ?
		NULL : "a buffer is missing";
}

/* What carve_slots_check() asks of a slot. */
static bool lies_well(const struct carve_placement *placement,
		      const struct restore_slot *slot)
{
	const struct carve_wish *wish = &slot->owner->kinds[slot->class].wish;
	uint64_t end = placement->used.bytes;
	uint64_t begin = placement->base + slot->offset;

	if (!slot->bytes || slot->offset >= end ||
	    slot->bytes > end - slot->offset ||
	    (slot->offset | slot->bytes) & (placement->page_bytes - 1))
		return false;
	if ((begin + wish->before) & (wish->alignment - 1))
		return false;
	return !wish->limit || begin + slot->bytes <= wish->limit;
}

static void check_each(struct restore_plan *plan)
{
	for (size_t i = 0; i < plan->reservation_count; i++) {
		struct restore_reservation *each = &plan->reservations[i];

		if (!each->wrong)
			each->wrong = check_complete(each);
	}
	for (size_t i = 0; i < plan->slot_count; i++) {
		struct restore_slot *slot = &plan->slots[i];

		if (!lies_well(&plan->region->placement, slot))
			slot->owner->wrong = "it does not lie where it may";
	}
}

/* ---- beside each other -------------------------------------------------------- */

/* Those that lie well, by address. A loser need not be told where it lay. */
static void drop_slots_of_losers(struct restore_plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->slot_count; i++) {
		struct restore_slot *slot = &plan->slots[i];

		if (slot->owner->wrong)
			carve_state_drop(plan->region->state, &slot->place);
		else
			plan->slots[count++] = *slot;
	}
	plan->slot_count = count;
}

static void check_disjoint(struct restore_plan *plan)
{
	struct restore_slot *last = NULL;

	for (size_t i = 0; i < plan->slot_count; i++) {
		struct restore_slot *slot = &plan->slots[i];

		if (last && slot->offset < last->offset + last->bytes)
			slot->owner->wrong = last->owner->wrong =
				"its memory is promised twice";
		if (!last || slot->offset + slot->bytes >
			     last->offset + last->bytes)
			last = slot;
	}
}

struct restore_slot *carve_restore_slot(const struct restore_plan *plan,
					uint64_t offset)
{
	size_t low = 0, high = plan->slot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct restore_slot *slot = &plan->slots[middle];

		if (slot->offset + slot->bytes <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return &plan->slots[low];
}

static void lay_over(struct restore_plan *plan,
		     const struct carve_device_extent *listed)
{
	const struct restore_slot *end = &plan->slots[plan->slot_count];
	struct restore_slot *slot = carve_restore_slot(plan, listed->offset);

	for (; slot < end && slot->offset < listed->offset + listed->bytes;
	     slot++) {
		if (!listed->live)
			slot->dirty = listed;
		else if (slot->offset == listed->offset &&
			 slot->bytes == listed->bytes)
			slot->live = listed;
		else
			slot->owner->wrong = "a buffer lies across its place";
	}
}

/* ---- the end of it -------------------------------------------------------------- */

static int give_up(const struct restore_plan *plan,
		   struct restore_reservation *loser)
{
	struct carve_region *region = plan->region;
	const struct carve_cell_reservation *cell = &loser->cell;
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.pid = cell->pid,
		.uid = cell->uid,
	};

	carve_log(LOG_WARNING, &about, "region %s: reservation %" PRIu64 "%s%s of "
		  "uid %u pid %d is lost in the restart: %s", about.region,
		  cell->id, cell->name[0] ? " " : "", cell->name,
		  (unsigned int)cell->uid, (int)cell->pid, loser->wrong);
	for (size_t i = 0; i < CARVE_SLOTS_CLASSES; i++)
		carve_state_drop(region->state, &loser->class_places[i]);
	return carve_restore_lose(plan, cell, loser->place);
}

/* Without classes it is what carve_restore_lose() left of one. */
static int part(struct restore_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->reservation_count; i++) {
		struct restore_reservation *each = &plan->reservations[i];

		if (each->wrong)
			r = give_up(plan, each);
		else if (!each->cell.class_count)
			r = carve_restore_lose(plan, &each->cell, each->place);
	}
	return r;
}

int carve_restore_judge(struct restore_plan *plan)
{
	check_each(plan);
	drop_slots_of_losers(plan);
	check_disjoint(plan);
	drop_slots_of_losers(plan);
	for (size_t i = 0; i < plan->listed_count; i++)
		lay_over(plan, &plan->listed[i]);
	drop_slots_of_losers(plan);
	return part(plan);
}
