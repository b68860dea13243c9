/* SPDX-License-Identifier: MIT */
/*
 * What the rules allow somebody to take: of memory at all, and of what is kept
 * for others. Pure: looks and decides, changes nothing but the refusal.
 *
 * A check that fails writes index, reason, own_bytes and own_limit of the
 * refusal, own_bytes as the limit counts.
 */
#ifndef CARVE_DAEMON_QUOTA_H
#define CARVE_DAEMON_QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "charges.h"
#include "identity.h"
#include "placement.h"
#include "protocol.h"

/**
 * struct carve_use - what somebody has, as a limit counts it
 * @bytes, @buffers: live, outside of reservations
 * @reserved: bytes in slots of reservations
 */
struct carve_use {
	uint64_t bytes;
	uint64_t buffers;
	uint64_t reserved;
};

/**
 * struct carve_keep - free memory that is not for everybody
 * @bytes: how much has to stay free
 * @priority: of requests that may take of it, and all above
 */
struct carve_keep {
	uint64_t bytes;
	int priority;
};

/* What @who has, and with it those whom the limits of @terms count with it. */
struct carve_use carve_quota_use(const struct carve_charges *charges,
				 const struct carve_identity *who,
				 const struct carve_terms *terms);

/**
 * carve_quota_buffers() - may @who have these buffers, outside of a reservation?
 * @wishes: @count of them
 *
 * Return: 0; -EDQUOT.
 */
int carve_quota_buffers(const struct carve_charges *charges,
			const struct carve_identity *who,
			const struct carve_terms *terms,
			const struct carve_wish *wishes, size_t count,
			struct carve_wire_refusal *refusal);

/**
 * carve_quota_reserve() - may @who reserve so much?
 * @bytes: all slots of the reservation, as it is to be; 0 to give it back, which
 *	is always allowed
 * @before: of these slots as they are, when it is to be changed; else 0
 *
 * Who has buffers beyond the limits for them may not: they are what ended
 * reservations left behind, and a new one would come on top, again and again.
 *
 * Return: 0; -EDQUOT.
 */
int carve_quota_reserve(const struct carve_charges *charges,
			const struct carve_identity *who,
			const struct carve_terms *terms, uint64_t bytes,
			uint64_t before, struct carve_wire_refusal *refusal);

/**
 * carve_quota_keep() - would enough stay free for requests of higher priority?
 * @free_bytes: what there is to take from
 * @wishes: @count of them, to be placed together
 *
 * Return: 0; -ENOSPC.
 */
int carve_quota_keep(const struct carve_keep *keep,
		     const struct carve_terms *terms, uint64_t free_bytes,
		     const struct carve_wish *wishes, size_t count,
		     struct carve_wire_refusal *refusal);

#endif /* CARVE_DAEMON_QUOTA_H */
