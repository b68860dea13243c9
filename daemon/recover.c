// SPDX-License-Identifier: MIT
/*
 * Taking over a region from a manager that has gone: the device is the truth
 * about what is live and dirty. Guards are part of the extent: what a buffer
 * takes of the region, and what its user is charged with.
 */
#include "region.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crash-point.h"
#include "log.h"
#include "restore-plan.h"
#include "roll.h"

/*
 * Old dirty memory is taken over in pieces, so that the first request after
 * boot does not wait until the whole region has been zeroed.
 */
#define PIECE_BYTES	(16U << 20)

/* ---- what lives ------------------------------------------------------------ */

/* Return: @record with what is known of it; NULL if there was no memory. */
static struct carve_record *fill(struct carve_record *record,
				 const struct carve_device_extent *listed)
{
	if (!record || !listed)
		return record;
	record->id = listed->id;
	record->uid = listed->uid;
	if (carve_record_set_name(record, listed->name) < 0) {
		carve_record_free(record);
		return NULL;
	}
	return record;
}

/* Where an extent is already. Only no memory is nobody's fault. */
static int insert(struct carve_region *region, struct carve_record *record,
		  uint64_t offset, uint64_t bytes, enum carve_extent_state state)
{
	int r = carve_placement_insert(&region->placement, &record->extent,
				       offset, bytes, state);

	return r < 0 ? -EINVAL : 0;
}

/* A record that lies in the region becomes a slot. */
static void enter_slot(struct carve_record *record,
		       const struct restore_slot *saved)
{
	struct carve_reservation *owner = saved->owner->made;
	struct carve_slot_record *slot = carve_record_slot(record);

	slot->kept[owner->generation & 1] = saved->place;
	carve_slot_enter(&owner->slots, saved->class, &slot->slot);
	if (record->charge)
		carve_charge_enter_slot(record->charge, saved->bytes);
}

/* The slot that a buffer fills, or NULL. */
static const struct restore_slot *
slot_of(const struct restore_plan *plan, const struct carve_device_extent *listed)
{
	const struct restore_slot *slot =
		carve_restore_slot(plan, listed->offset);

	return slot < plan->slots + plan->slot_count && slot->live == listed ?
		slot : NULL;
}

/* Without a word in the state it is charged to nobody but its user. */
static int adopt_live(struct restore_plan *plan,
		      const struct carve_device_extent *listed)
{
	struct carve_region *region = plan->region;
	const struct restore_slot *slot = slot_of(plan, listed);
	struct restore_buffer *saved = carve_restore_find_buffer(plan, listed);
	struct carve_record *record = fill(slot ? carve_record_new_slot() :
						  carve_record_new(), listed);
	int r;

	if (!record)
		return -ENOMEM;
	r = carve_charges_add(&region->charges, listed->uid,
			      saved ? saved->cell.unit : "", listed->bytes,
			      &record->charge);
	if (r == 0) {
		r = insert(region, record, listed->offset, listed->bytes,
			   CARVE_EXTENT_LIVE);
		if (r < 0)
			carve_charge_remove(record->charge, listed->bytes);
	}
	if (r < 0) {
		carve_record_free(record);
		return r;
	}
	if (saved) {
		record->pid = saved->cell.pid;
		record->kept = saved->place;
	}
	if (slot)
		enter_slot(record, slot);
	carve_roll_add(region, record);
	return 0;
}

/* ---- what is dirty --------------------------------------------------------- */

static int adopt_dirty(struct carve_region *region,
		       const struct carve_device_extent *listed,
		       uint64_t offset, uint64_t end)
{
	while (offset < end) {
		uint64_t bytes = end - offset < PIECE_BYTES ? end - offset :
							      PIECE_BYTES;
		struct carve_record *record = fill(carve_record_new(), listed);
		int r;

		if (!record)
			return -ENOMEM;
		r = insert(region, record, offset, bytes, CARVE_EXTENT_DIRTY);
		if (r < 0) {
			carve_record_free(record);
			return r;
		}
		carve_roll_add(region, record);
		carve_region_scrub(region, record);
		offset += bytes;
	}
	return 0;
}

/* What of it is in no slot. */
static int adopt_rest(struct restore_plan *plan,
		      const struct carve_device_extent *listed)
{
	const struct restore_slot *slot =
		carve_restore_slot(plan, listed->offset);
	uint64_t offset = listed->offset, end = offset + listed->bytes;
	int r = 0;

	for (; r == 0 && slot < plan->slots + plan->slot_count &&
	       slot->offset < end; slot++) {
		r = adopt_dirty(plan->region, listed, offset, slot->offset);
		offset = slot->offset + slot->bytes;
	}
	return r == 0 ? adopt_dirty(plan->region, listed, offset, end) : r;
}

/* A slot without a buffer: dirty, even if only some of it is; or empty. */
static int adopt_slot(struct carve_region *region,
		      const struct restore_slot *slot)
{
	struct carve_record *record = fill(carve_record_new_slot(),
					   slot->dirty);
	int r;

	if (!record)
		return -ENOMEM;
	r = insert(region, record, slot->offset, slot->bytes,
		   slot->dirty ? CARVE_EXTENT_HELD : CARVE_EXTENT_RESERVED);
	if (r < 0) {
		carve_record_free(record);
		return r;
	}
	enter_slot(record, slot);
	carve_roll_add(region, record);
	if (slot->dirty)
		carve_region_scrub(region, record);
	return 0;
}

/* ---- all of it --------------------------------------------------------------- */

static int adopt(struct restore_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->listed_count; i++)
		r = plan->listed[i].live ? adopt_live(plan, &plan->listed[i]) :
					   adopt_rest(plan, &plan->listed[i]);
	for (size_t i = 0; r == 0 && i < plan->slot_count; i++)
		if (!plan->slots[i].live)
			r = adopt_slot(plan->region, &plan->slots[i]);
	/* Buffers that died meanwhile, or that nobody had got. */
	for (size_t i = 0; r == 0 && i < plan->buffer_count; i++)
		if (!plan->buffers[i].found)
			carve_state_drop(plan->region->state,
					 &plan->buffers[i].place);
	return r;
}

static int list(struct restore_plan *plan)
{
	struct carve_device_extent *more;
	size_t room = 0;
	uint64_t cursor = 0;
	int r;

	for (;;) {
		if (plan->listed_count == room) {
			room += room / 2 + 64;
			more = carve_restore_resize(&plan->arrays[0],
						    room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			plan->listed = more;
		}
		r = carve_device_list(plan->region->device, &cursor,
				      &plan->listed[plan->listed_count]);
		if (r <= 0)
			return r;
		plan->listed_count++;
	}
}

static void set_next_number(struct restore_plan *plan)
{
	struct carve_region *region = plan->region;
	uint64_t last = 0;

	if (region->state)
		last = carve_state_numbers(region->state)
			       ->buffer[region->state_index];
	for (size_t i = 0; i < plan->listed_count; i++)
		if (plan->listed[i].id > last)
			last = plan->listed[i].id;
	region->next_id = last + 1;
}

/* Both views of the region, and what comes of them. */
static int take_over(struct carve_region *region)
{
	struct restore_plan plan = { .region = region };
	int r = list(&plan);

	if (r == 0 && region->state) {
		r = carve_restore_gather(&plan);
		if (r == 0)
			r = carve_restore_judge(&plan);
		CARVE_CRASH_POINT("restore-judged");
		if (r == 0)
			r = carve_restore_reservations(&plan);
	}
	if (r == 0) {
		set_next_number(&plan);
		r = adopt(&plan);
	}
	CARVE_CRASH_POINT("restore-adopted");
	carve_restore_plan_done(&plan);
	return r;
}

/*
 * First the list, then the releases: what dies in between is in both, and
 * nobody can have been given its place yet.
 */
int carve_region_recover(struct carve_region *region)
{
	struct carve_log_about about = { .region = carve_region_label(region) };
	struct carve_device_extent extent;
	struct carve_figures figures;
	int r = take_over(region);

	if (r < 0)
		return r;
	while ((r = carve_device_release(region->device, &extent)) > 0) {
		struct carve_record *record = carve_region_find(region,
								&extent);

		carve_overrun_report(region, &extent, record);
		if (record && record->extent.state == CARVE_EXTENT_LIVE)
			carve_region_release(region, record);
	}
	if (r < 0)
		return r;

	figures = carve_placement_figures(&region->placement);
	carve_log(LOG_INFO, &about, "region %s%s: %" PRIu64 " bytes, %" PRIu64
		  " live in %" PRIu64 " buffers, %" PRIu64 " to be zeroed",
		  about.region, region->device->info.simulated ?
		  " (simulated: not physically contiguous)" : "",
		  figures.bytes, figures.live, figures.live_count,
		  figures.dirty);
	return 0;
}
