// SPDX-License-Identifier: MIT
/*
 * Structures of the public header grow at their end. A caller compiled against
 * an older header passes a shorter one, one compiled against a newer header a
 * longer one; both work as long as nothing is asked for that is not known here.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* A size beyond this was never set: refuse it instead of reading that far. */
#define STRUCT_SIZE_MAX	4096

int carve_struct_check(uint32_t theirs, size_t first)
{
	if (theirs < first)
		return -EINVAL;
	if (theirs > STRUCT_SIZE_MAX)
		return -E2BIG;
	return 0;
}

int carve_struct_in(void *to, size_t ours, size_t first, const void *from)
{
	const uint8_t *bytes = from;
	uint32_t theirs;
	int r;

	memcpy(&theirs, from, sizeof(theirs));
	r = carve_struct_check(theirs, first);
	if (r < 0)
		return r;

	for (size_t i = ours; i < theirs; i++)
		if (bytes[i])
			return -E2BIG;

	memset(to, 0, ours);
	memcpy(to, from, theirs < ours ? theirs : ours);
	return 0;
}

void carve_struct_out(void *to, const void *from, size_t ours)
{
	uint32_t theirs, filled;

	memcpy(&theirs, to, sizeof(theirs));
	filled = theirs < ours ? theirs : ours;

	memset(to, 0, theirs);
	memcpy(to, from, filled);
	memcpy(to, &filled, sizeof(filled));
}
