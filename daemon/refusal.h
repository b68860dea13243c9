/* SPDX-License-Identifier: MIT */
/*
 * Why there was no room, in numbers.
 */
#ifndef CARVE_DAEMON_REFUSAL_H
#define CARVE_DAEMON_REFUSAL_H

#include "explain.h"
#include "region.h"

/**
 * carve_refusal_fill() - the numbers of a region as it is now
 * @who: who asked
 * @ret: its header, index and reason are left alone, and what quota.h wrote of
 *	own use and limit; what was wanted is 0
 */
void carve_refusal_fill(const struct carve_region *region,
			const struct carve_identity *who,
			struct carve_wire_refusal *ret);

/**
 * carve_refusal_explain() - who holds the memory
 * @refusal: was filled in; its holder_count is set
 * @wishes: @count wishes, all that was asked for
 * @ret: only for want of room somebody is in the way
 */
void carve_refusal_explain(struct carve_region *region,
			   const struct carve_identity *who,
			   const struct carve_wish *wishes, size_t count,
			   struct carve_wire_refusal *refusal,
			   struct carve_holders *ret);

#endif /* CARVE_DAEMON_REFUSAL_H */
