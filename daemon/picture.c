// SPDX-License-Identifier: MIT
#include "picture.h"

#include <time.h>
#include <unistd.h>

#include "ration.h"
#include "reservation.h"

/* Static: it is needed most when there is no memory. */
static struct carve_survey survey;
static struct carve_picture_room room;

static struct carve_ration ration;
static uint64_t begun_usec;

static uint64_t usec_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_limited(const struct carve_identity *who)
{
	return who->uid != 0 && who->uid != geteuid();
}

/* Not the time that passes: on a busy machine that says nothing of the work. */
bool carve_picture_begin(const struct carve_identity *who, bool own)
{
	uint64_t now_usec = usec_of(CLOCK_MONOTONIC);

	if (is_limited(who) &&
	    !(own ? carve_ration_is_own_left(&ration, who->uid, now_usec) :
		    carve_ration_is_left(&ration, who->uid, now_usec)))
		return false;
	begun_usec = usec_of(CLOCK_THREAD_CPUTIME_ID);
	return true;
}

void carve_picture_end(const struct carve_identity *who)
{
	if (is_limited(who))
		carve_ration_use(&ration, who->uid, usec_of(CLOCK_MONOTONIC),
				 usec_of(CLOCK_THREAD_CPUTIME_ID) - begun_usec);
}

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

	if (carve_record_owner(record))
		charge = fixed_slots ? NULL :
				       carve_reservation_of(record)->charge;
	return charge ? charge->number : CARVE_SURVEY_FIXED;
}

static struct carve_survey *take(struct carve_region *region, bool fixed_slots)
{
	const struct carve_record *record;
	uint64_t offset = 0;

	number_holders(region);
	carve_survey_init(&survey, region->placement.used.bytes,
			  region->placement.page_bytes, region->placement.base);
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

struct carve_picture_room *carve_picture_room(void)
{
	return &room;
}

struct carve_survey *carve_picture_take(struct carve_region *region)
{
	return take(region, false);
}

struct carve_survey *carve_picture_take_fixed(struct carve_region *region)
{
	return take(region, true);
}
