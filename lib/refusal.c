// SPDX-License-Identifier: MIT
/* What a refusal says: numbers, and who has the memory. */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* Size in version 0 of the library: what every caller has. */
#define REFUSAL_FIRST	offsetof(struct carve_refusal, reserved_bytes)

_Static_assert(CARVE_HOLDERS_MAX == CARVE_WIRE_HOLDERS_MAX, "header and wire");

bool carve_refusal_is_one(const struct carve_wire_header *header)
{
	if (header->type != CARVE_MSG_ALLOC && header->type != CARVE_MSG_RESERVE)
		return false;
	return header->status == -ENOSPC || header->status == -EDQUOT ||
	       header->status == -ETIMEDOUT;
}

int carve_refusal_check(const struct carve_refusal *refusal)
{
	return refusal ? carve_struct_check(refusal->struct_size, REFUSAL_FIRST) :
			 0;
}

static bool take_holder(const struct carve_wire_holder *wire,
			struct carve_holder *holder)
{
	_Static_assert(sizeof(holder->unit) == sizeof(wire->unit), "header and wire");

	if (wire->reserved || !carve_wire_string_ok(wire->unit, sizeof(wire->unit)))
		return false;
	*holder = (struct carve_holder){
		.flags = wire->flags,
		.uid = wire->uid,
		.bytes = wire->bytes,
		.buffers = wire->buffers,
	};
	strcpy(holder->unit, wire->unit);
	return true;
}

int carve_refusal_take(const struct carve_reply *reply, size_t count,
		       struct carve_refusal *ret)
{
	const struct carve_wire_refusal *wire = &reply->refusal;
	struct carve_refusal refusal = {
		.index = wire->index,
		.wanted_bytes = wire->wanted_bytes,
		.region_bytes = wire->region_bytes,
		.free_bytes = wire->free_bytes,
		.largest_bytes = wire->largest_bytes,
		.dirty_bytes = wire->dirty_bytes,
		.live_bytes = wire->live_bytes,
		.own_bytes = wire->own_bytes,
		.reserved_bytes = wire->reserved_bytes,
		.kept_bytes = wire->kept_bytes,
		.own_limit = wire->own_limit,
		.reason = wire->reason,
		.holder_count = wire->holder_count,
	};

	if (wire->index >= count || wire->reserved ||
	    wire->header.bytes != sizeof(*wire) +
	    (uint64_t)wire->holder_count * sizeof(wire->holders[0]) ||
	    wire->holder_count > CARVE_HOLDERS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < wire->holder_count; i++)
		if (!take_holder(&wire->holders[i], &refusal.holders[i]))
			return -EPROTO;
	if (ret)
		carve_struct_out(ret, &refusal, sizeof(refusal));
	return reply->header.status;
}
