// SPDX-License-Identifier: MIT
#include "quota.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "carve.h"

/* Where the unit is not known it may be this one: to the asker's own cost. */
static bool counts(const struct carve_charge *charge,
		   const struct carve_identity *who,
		   enum carve_terms_scope scope)
{
	bool same_user = charge->uid == who->uid;
	bool same_unit = who->unit[0] && !strcmp(charge->unit, who->unit);
	bool unknown = same_user && !charge->unit[0];

	switch (scope) {
	case CARVE_TERMS_UNIT:
		return same_unit || unknown;
	case CARVE_TERMS_USER_IN_UNIT:
		return (same_user && same_unit) || unknown;
	default:
		return same_user;
	}
}

struct carve_use carve_quota_use(const struct carve_charges *charges,
				 const struct carve_identity *who,
				 const struct carve_terms *terms)
{
	const struct carve_charge *charge;
	struct carve_use use = { 0 };

	LIST_FOREACH(charge, charges, link) {
		if (!counts(charge, who, terms->scope))
			continue;
		use.bytes += charge->bytes - charge->slot_bytes;
		use.buffers += charge->buffers - charge->slot_buffers;
		use.reserved += charge->reserved;
	}
	return use;
}

static int refuse(struct carve_wire_refusal *refusal, size_t index,
		  uint32_t reason, uint64_t own, uint64_t limit)
{
	refusal->index = (uint32_t)index;
	refusal->reason = reason;
	refusal->own_bytes = own;
	refusal->own_limit = limit;
	return -EDQUOT;
}

/* What is there may be above the limit: of a rule before, or by reservations. */
static uint64_t left(uint64_t max, uint64_t used)
{
	return used < max ? max - used : 0;
}

int carve_quota_buffers(const struct carve_charges *charges,
			const struct carve_identity *who,
			const struct carve_terms *terms,
			const struct carve_wish *wishes, size_t count,
			struct carve_wire_refusal *refusal)
{
	struct carve_use use = carve_quota_use(charges, who, terms);
	uint64_t bytes_left = left(terms->max_bytes, use.bytes);
	uint64_t buffers_left = left(terms->max_buffers, use.buffers);

	for (size_t i = 0; i < count; i++) {
		if (i >= buffers_left)
			return refuse(refusal, i, CARVE_REFUSED_BUFFERS,
				      use.bytes, terms->max_buffers);
		if (wishes[i].bytes > bytes_left)
			return refuse(refusal, i, CARVE_REFUSED_BYTES,
				      use.bytes, terms->max_bytes);
		bytes_left -= wishes[i].bytes;
	}
	return 0;
}

int carve_quota_reserve(const struct carve_charges *charges,
			const struct carve_identity *who,
			const struct carve_terms *terms, uint64_t bytes,
			uint64_t before, struct carve_wire_refusal *refusal)
{
	struct carve_use use = carve_quota_use(charges, who, terms);

	/* To give back is always allowed. */
	if (!bytes)
		return 0;
	if (use.bytes > terms->max_bytes)
		return refuse(refusal, 0, CARVE_REFUSED_BYTES, use.bytes,
			      terms->max_bytes);
	if (use.buffers > terms->max_buffers)
		return refuse(refusal, 0, CARVE_REFUSED_BUFFERS, use.bytes,
			      terms->max_buffers);
	/* Smaller or the same: a stricter rule takes nothing back. */
	if (bytes <= before)
		return 0;
	if (bytes - before > left(terms->max_reserved, use.reserved))
		return refuse(refusal, 0, CARVE_REFUSED_RESERVED, use.reserved,
			      terms->max_reserved);
	return 0;
}

int carve_quota_keep(const struct carve_keep *keep,
		     const struct carve_terms *terms, uint64_t free_bytes,
		     const struct carve_wish *wishes, size_t count,
		     struct carve_wire_refusal *refusal)
{
	uint64_t rest = left(free_bytes, keep->bytes);

	if (!keep->bytes || terms->priority >= keep->priority)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (wishes[i].bytes > rest) {
			refusal->index = (uint32_t)i;
			refusal->reason = CARVE_REFUSED_KEPT;
			refusal->own_limit = 0;
			return -ENOSPC;
		}
		rest -= wishes[i].bytes;
	}
	return 0;
}
