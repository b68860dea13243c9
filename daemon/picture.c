// SPDX-License-Identifier: MIT
#include "picture.h"

#include "reservation.h"

/* Static: it is needed most when there is no memory. */
static struct carve_survey survey;

static void number_holders(struct carve_region *region)
{
	uint32_t number = 0;
	struct carve_charge *charge;

	LIST_FOREACH(charge, &region->charges, link) {
		charge->number = number;
		if (number < CARVE_SURVEY_HOLDERS - 1)
			number++;
	}
}

static uint32_t holder_of(const struct carve_record *record, bool fixed_slots)
{
	const struct carve_charge *charge = record->charge;

	if (record->slot.owner) {
		const struct carve_reservation *reservation =
			carve_container_of(record->slot.owner,
					   struct carve_reservation, slots);

		charge = fixed_slots ? NULL : reservation->charge;
	}
	return charge ? charge->number : CARVE_SURVEY_FIXED;
}

static struct carve_survey *take(struct carve_region *region, bool fixed_slots)
{
	const struct carve_record *record;
	uint64_t offset = 0;

	number_holders(region);
	carve_survey_init(&survey, region->placement.used.bytes,
			  region->placement.base);
	while ((record = carve_region_next(region, offset))) {
		uint64_t bytes = carve_extent_bytes(&record->extent);

		offset = carve_extent_offset(&record->extent);
		if (record->extent.state != CARVE_EXTENT_DIRTY &&
		    !carve_survey_add(&survey, offset, bytes,
				      holder_of(record, fixed_slots)))
			break;
		offset += bytes;
	}
	return &survey;
}

struct carve_survey *carve_picture_take(struct carve_region *region)
{
	return take(region, false);
}

struct carve_survey *carve_picture_take_fixed(struct carve_region *region)
{
	return take(region, true);
}
