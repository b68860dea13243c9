/* SPDX-License-Identifier: MIT */
/*
 * A region's records by number: the order in which they are told to users who
 * may not know where buffers lie, since the order of addresses together with
 * all sizes would say it.
 */
#ifndef CARVE_DAEMON_ROLL_H
#define CARVE_DAEMON_ROLL_H

#include "region.h"

/**
 * struct carve_roll_place - where a record stands
 * @id: number of the buffer
 * @bytes: size; for several of one number, as memory nobody has had
 * @offset: for several of one number and size, which look all the same
 *
 * All zeros is before every record.
 */
struct carve_roll_place {
	uint64_t id;
	uint64_t bytes;
	uint64_t offset;
};

struct carve_roll_place carve_roll_place_of(const struct carve_record *record);

/* Of a record that lies in the region and has its number. O(log n) */
void carve_roll_add(struct carve_region *region, struct carve_record *record);
void carve_roll_remove(struct carve_region *region,
		       struct carve_record *record);

/* Slots that are no memory any more: before others get the same place and size. */
void carve_roll_remove_slots(struct carve_region *region,
			     struct carve_slot_list *left);

/* The first record behind @place, or NULL. O(log n) */
struct carve_record *carve_roll_next(const struct carve_region *region,
				     const struct carve_roll_place *place);

#endif /* CARVE_DAEMON_ROLL_H */
