/* SPDX-License-Identifier: MIT */
/*
 * Making buffers of what was placed.
 */
#ifndef CARVE_DAEMON_EXPORT_H
#define CARVE_DAEMON_EXPORT_H

#include "region.h"

/**
 * carve_export() - make buffers of live records, all or none
 * @grant: for whom; gets descriptors and results
 * @records: one for each of its items, live in the placement, in slots or not.
 *	On failure they are taken back: to the slot, or freed
 * @wishes: what each of them was placed for
 *
 * Return: 0; -ENOMEM; -EBUSY (out of descriptors); -EIO (the device contradicts
 * the daemon's books, or fails otherwise); -ENODEV.
 */
int carve_export(struct carve_region *region, struct carve_grant *grant,
		 struct carve_record **records, const struct carve_wish *wishes);

/* A live record nobody ever got: its slot's again, or clean memory and freed. */
void carve_export_undo(struct carve_region *region,
		       struct carve_record *record);

#endif /* CARVE_DAEMON_EXPORT_H */
