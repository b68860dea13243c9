// SPDX-License-Identifier: MIT
#include "earmark.h"

#include <assert.h>
#include <errno.h>

/* Cover what is free of a window. Return: marks used, at most @room. */
static size_t cover(struct carve_gaps *gaps, const struct carve_span *span,
		    struct carve_mark *marks, size_t room)
{
	uint64_t at = span->offset, end = span->offset + span->bytes;
	uint64_t offset, bytes;
	size_t count = 0;

	while (count < room && carve_gaps_within(gaps, at, end, &offset, &bytes)) {
		carve_gaps_insert(gaps, carve_gaps_behind(gaps, offset, bytes),
				  &marks[count++], offset, bytes);
		at = offset + bytes;
	}
	return count;
}

void carve_earmark_shut(struct carve_earmark *earmark,
			struct carve_placement *placement)
{
	assert(!placement->shut);
	placement->shut = true;
	for (size_t i = 0; i < earmark->count; i++) {
		const struct carve_span *span = &earmark->spans[i];

		earmark->used_count +=
			cover(&placement->used, span,
			      &earmark->used[earmark->used_count],
			      CARVE_EARMARK_MARKS - earmark->used_count);
		earmark->held_count +=
			cover(&placement->held, span,
			      &earmark->held[earmark->held_count],
			      CARVE_EARMARK_MARKS - earmark->held_count);
	}
}

void carve_earmark_open(struct carve_earmark *earmark,
			struct carve_placement *placement)
{
	while (earmark->used_count)
		carve_gaps_remove(&placement->used,
				  &earmark->used[--earmark->used_count]);
	while (earmark->held_count)
		carve_gaps_remove(&placement->held,
				  &earmark->held[--earmark->held_count]);
	placement->shut = false;
}

int carve_earmark_place(const struct carve_earmark *earmark,
			struct carve_placement *placement,
			struct carve_extent *const *extents)
{
	for (size_t i = 0; i < earmark->count; i++)
		if (!carve_gaps_behind(&placement->used, earmark->spans[i].offset,
				       earmark->spans[i].bytes))
			return -ENOSPC;
	for (size_t i = 0; i < earmark->count; i++) {
		int r = carve_placement_insert(placement, extents[i],
					       earmark->spans[i].offset,
					       earmark->spans[i].bytes,
					       CARVE_EXTENT_LIVE);

		assert(r == 0);
		(void)r;
	}
	return 0;
}
