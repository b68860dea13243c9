/* SPDX-License-Identifier: MIT */
/*
 * Who holds the memory that was refused to somebody else.
 */
#ifndef CARVE_DAEMON_EXPLAIN_H
#define CARVE_DAEMON_EXPLAIN_H

#include <stddef.h>

#include "identity.h"
#include "placement.h"
#include "protocol.h"

struct carve_region;

/**
 * struct carve_holders - the largest holders of a region, largest first, and
 *	among them those of the smallest set that is in the way
 */
struct carve_holders {
	uint32_t count;
	struct carve_wire_holder items[CARVE_WIRE_HOLDERS_MAX];
};

/**
 * carve_explain() - who would have to give memory back?
 * @who: who asks
 * @wishes: @count wishes that do not fit; none: nobody is in the way
 *
 * The set is the smallest there is for one wish, and enough for several. It is not
 * looked for beyond the bounds of survey.h: 16,384 extents, 256 holders, and about
 * half a million steps (10 ms), nor for a user whose ration of time is used up
 * (ration.h).
 */
void carve_explain(struct carve_region *region,
		   const struct carve_identity *who,
		   const struct carve_wish *wishes, size_t count,
		   struct carve_holders *ret);

/* Without the names of users that @who may not see. */
void carve_explain_hide(const struct carve_identity *who,
			struct carve_holders *holders);

/* For the journal: those that are in the way, cut if there is no room. */
void carve_explain_names(const struct carve_holders *holders, char *text,
			 size_t size);

#endif /* CARVE_DAEMON_EXPLAIN_H */
