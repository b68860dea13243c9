/* SPDX-License-Identifier: MIT */
/*
 * Telling the operator who wrote past the end of a buffer.
 */
#ifndef CARVE_DAEMON_OVERRUN_H
#define CARVE_DAEMON_OVERRUN_H

#include "region.h"

/* MESSAGE_ID= of these entries in the journal, as carved(8) says. */
#define CARVE_OVERRUN_MESSAGE_ID "318a4717680648269acd03d3383207e9"

/**
 * carve_overrun_report() - a dead buffer's guards were found damaged
 * @dead: what the device says has died; nothing is said without damage
 * @record: of the same extent, or NULL when it is not in the books
 */
void carve_overrun_report(const struct carve_region *region,
			  const struct carve_device_extent *dead,
			  const struct carve_record *record);

#endif /* CARVE_DAEMON_OVERRUN_H */
