// SPDX-License-Identifier: MIT
#include "want.h"

#include <errno.h>

#define ALIGNMENT_MAX	(1ULL << 30)
#define GUARD_MAX	(1U << 20)

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Of two limits the stricter one; 0 is none. */
static uint64_t stricter(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

static int check_guards(const struct carve_region *region,
			const struct carve_want *want)
{
	uint64_t page = region->placement.page_bytes;

	if ((want->guard_before | want->guard_after) & (page - 1))
		return -EINVAL;
	if (want->guard_before > GUARD_MAX || want->guard_after > GUARD_MAX)
		return -ERANGE;
	if ((want->guard_before || want->guard_after) &&
	    region->device->info.simulated)
		return -EOPNOTSUPP;
	return 0;
}

int carve_want_check(const struct carve_region *region,
		     const struct carve_terms *terms,
		     const struct carve_want *want, struct carve_wish *ret)
{
	bool guards = !region->device->info.simulated;
	uint64_t page = region->placement.page_bytes;
	struct carve_wish wish = {
		.alignment = larger(want->alignment, page),
		.limit = stricter(want->limit, terms->limit),
	};
	int r;

	if (!want->bytes || want->alignment & (want->alignment - 1))
		return -EINVAL;
	if (want->alignment > ALIGNMENT_MAX)
		return -ERANGE;
	r = check_guards(region, want);
	if (r < 0)
		return r;
	if (want->bytes > UINT64_MAX - (page - 1))
		return -EOVERFLOW;
	wish.bytes = (want->bytes + page - 1) & ~(page - 1);
	if (wish.bytes > region->placement.used.bytes)
		return -ERANGE;
	wish.before = larger(want->guard_before,
				  guards ? terms->guard_before : 0);
	wish.after = larger(want->guard_after, guards ? terms->guard_after : 0);
	wish.bytes += wish.before + wish.after;
	if (!carve_placement_possible(&region->placement, &wish))
		return -ERANGE;
	*ret = wish;
	return 0;
}
