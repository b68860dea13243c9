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

#include "log.h"
#include "roll.h"

/*
 * Old dirty memory is taken over in pieces, so that the first request after
 * boot does not wait until the whole region has been zeroed.
 */
#define PIECE_BYTES	(16U << 20)

/* Put one listed extent, or a piece of it, into the books. */
static int adopt_piece(struct carve_region *region,
		       const struct carve_device_extent *listed,
		       uint64_t offset, uint64_t bytes)
{
	struct carve_record *record = calloc(1, sizeof(*record));
	int r;

	if (!record)
		return -ENOMEM;
	record->id = listed->id;
	record->uid = listed->uid;
	memcpy(record->name, listed->name, sizeof(record->name));
	if (listed->live)
		r = carve_charges_add(&region->charges, listed->uid, "", bytes,
				      &record->charge);
	else
		r = 0;
	if (r == 0) {
		r = carve_placement_insert(&region->placement, &record->extent,
					   offset, bytes,
					   listed->live ? CARVE_EXTENT_LIVE :
							  CARVE_EXTENT_DIRTY);
		if (r < 0 && listed->live)
			carve_charge_remove(record->charge, bytes);
	}
	if (r < 0) {
		free(record);
		return r == -ENOMEM ? r : -EINVAL;
	}
	carve_roll_add(region, record);
	if (!listed->live)
		carve_region_scrub(region, record);
	return 0;
}

static int adopt(struct carve_region *region,
		 const struct carve_device_extent *listed)
{
	uint64_t done = 0;

	if (listed->id >= region->next_id)
		region->next_id = listed->id + 1;
	do {
		uint64_t bytes = listed->bytes - done;
		int r;

		if (!listed->live && bytes > PIECE_BYTES)
			bytes = PIECE_BYTES;
		r = adopt_piece(region, listed, listed->offset + done, bytes);
		if (r < 0)
			return r;
		done += bytes;
	} while (done < listed->bytes);
	return 0;
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
	uint64_t cursor = 0;
	int r;

	while ((r = carve_device_list(region->device, &cursor, &extent)) > 0) {
		r = adopt(region, &extent);
		if (r < 0)
			return r;
	}
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
