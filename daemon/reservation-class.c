// SPDX-License-Identifier: MIT
/*
 * Classes as they are asked for, and as they were granted.
 */
#include "reservation.h"

#include <errno.h>

#include "want.h"

int carve_reserve_kinds(const struct carve_region *region,
			const struct carve_terms *terms,
			const struct carve_wire_class *classes, size_t count,
			struct carve_kind *kinds)
{
	size_t slots = 0;

	if (count > CARVE_SLOTS_CLASSES)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		const struct carve_wire_class *class = &classes[i];
		struct carve_want want = {
			.bytes = class->bytes,
			.alignment = class->alignment,
			.limit = class->limit,
			.guard_before = class->guard_before,
			.guard_after = class->guard_after,
		};
		int r = carve_want_check(region, terms, &want, &kinds[i].wish);

		if (r < 0)
			return r;
		if (!class->count || class->count > CARVE_WIRE_SLOTS_MAX - slots)
			return -EINVAL;
		kinds[i].count = class->count;
		slots += class->count;
	}
	return 0;
}

void carve_reserve_class(const struct carve_kind *kind,
			 struct carve_wire_class *ret)
{
	const struct carve_wish *wish = &kind->wish;

	*ret = (struct carve_wire_class){
		.bytes = wish->bytes - wish->before - wish->after,
		.alignment = wish->alignment,
		.limit = wish->limit,
		.guard_before = (uint32_t)wish->before,
		.guard_after = (uint32_t)wish->after,
		.count = (uint32_t)kind->count,
	};
}
