/* SPDX-License-Identifier: MIT */
/*
 * From what a client wants of a buffer to what that takes of a region.
 */
#ifndef CARVE_DAEMON_WANT_H
#define CARVE_DAEMON_WANT_H

#include "region.h"

/**
 * struct carve_want - one buffer, as it was asked for
 * @bytes: more than 0; rounded up to whole pages
 * @alignment, @limit, @guard_before, @guard_after: as in struct carve_request
 */
struct carve_want {
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
};

/**
 * carve_want_check() - what does a buffer take?
 * @terms: whose limit and least guards are added; a simulated region cannot
 *	have guards, so there only those that were asked for are an error
 *
 * Return: 0; -EINVAL (size 0, an alignment that is no power of two, a guard of
 * broken pages); -ERANGE (alignment above 1 GiB, a guard above 1 MiB, or it
 * could not fit into the empty region); -EOVERFLOW; -EOPNOTSUPP (guards in a
 * simulated region).
 */
int carve_want_check(const struct carve_region *region,
		     const struct carve_terms *terms,
		     const struct carve_want *want, struct carve_wish *ret);

#endif /* CARVE_DAEMON_WANT_H */
