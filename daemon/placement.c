// SPDX-License-Identifier: MIT
#include "placement.h"

#include <assert.h>
#include <errno.h>

static struct carve_extent *of_used(struct carve_mark *mark)
{
	return carve_container_of(mark, struct carve_extent, used);
}

static struct carve_fit fit_of(const struct carve_placement *placement,
			       const struct carve_wish *wish)
{
	struct carve_fit fit = {
		.bytes = wish->bytes,
		.alignment = wish->alignment,
		.before = wish->before,
		.end = UINT64_MAX,
	};

	if (wish->limit)
		fit.end = wish->limit > placement->base ?
				  wish->limit - placement->base : 0;
	return fit;
}

void carve_placement_init(struct carve_placement *placement, uint64_t bytes,
			  uint64_t page_bytes, uint64_t base)
{
	assert(page_bytes && !(page_bytes & (page_bytes - 1)));
	assert(bytes && !(bytes & (page_bytes - 1)));

	*placement = (struct carve_placement){
		.page_bytes = page_bytes,
		.base = base,
	};
	carve_gaps_init(&placement->used, bytes, page_bytes, base);
	carve_gaps_init(&placement->held, bytes, page_bytes, base);
}

bool carve_placement_possible(const struct carve_placement *placement,
			      const struct carve_wish *wish)
{
	struct carve_fit fit = fit_of(placement, wish);
	uint64_t skip = -(placement->base + fit.before) & (fit.alignment - 1);
	uint64_t end = placement->used.bytes;

	end = end < fit.end ? end : fit.end;
	return skip <= end && end - skip >= fit.bytes;
}

/* Counted apart: what is held, but not live. */
static void count(struct carve_placement *placement,
		  const struct carve_extent *extent, bool comes)
{
	uint64_t bytes = carve_extent_bytes(extent);

	if (extent->state == CARVE_EXTENT_RESERVED) {
		placement->reserved_bytes += comes ? bytes : -bytes;
		placement->reserved_count += comes ? 1 : -1ULL;
	} else if (extent->state == CARVE_EXTENT_HELD) {
		placement->promised_bytes += comes ? bytes : -bytes;
		placement->promised_count += comes ? 1 : -1ULL;
	}
}

/* The held mark before @offset, which lies behind the used mark @lower. */
static struct carve_mark *held_behind(struct carve_placement *placement,
				      struct carve_mark *lower, uint64_t offset,
				      uint64_t bytes)
{
	/* Mostly the same extent, or one of the next: no need to search. */
	for (int i = 0; i < 4 && !placement->shut;
	     i++, lower = carve_mark_lower(lower)) {
		if (lower == &placement->used.start)
			return &placement->held.start;
		if (of_used(lower)->state != CARVE_EXTENT_DIRTY)
			return &of_used(lower)->held;
	}
	return carve_gaps_behind(&placement->held, offset, bytes);
}

/* What nothing can go wrong with any more; behind @lower it is clean. */
static void put(struct carve_placement *placement, struct carve_mark *lower,
		struct carve_extent *extent, uint64_t offset, uint64_t bytes,
		enum carve_extent_state state)
{
	if (state != CARVE_EXTENT_DIRTY)
		carve_gaps_insert(&placement->held,
				  held_behind(placement, lower, offset, bytes),
				  &extent->held, offset, bytes);
	if (state == CARVE_EXTENT_LIVE)
		extent->number = (uint32_t)carve_habit_allocate(
			&placement->habit.recent, offset, bytes);
	carve_gaps_insert(&placement->used, lower, &extent->used, offset,
			  bytes);
	extent->state = (uint8_t)state;
	count(placement, extent, true);
}

int carve_placement_allocate(struct carve_placement *placement,
			     struct carve_extent *const *extents,
			     const struct carve_wish *wishes, size_t count,
			     size_t *ret_index)
{
	struct carve_recent before = placement->habit.recent;

	assert(count && count <= CARVE_PLACEMENT_MANY);

	for (size_t i = 0; i < count; i++) {
		struct carve_fit fit = fit_of(placement, &wishes[i]);
		struct carve_mark *lower;
		uint64_t offset;

		if (!carve_choose(&placement->used, &placement->habit, &fit,
				  &offset, &lower)) {
			*ret_index = i;
			while (i--)
				carve_placement_undo(placement, extents[i]);
			placement->habit.recent = before;
			return -ENOSPC;
		}

		assert(extents[i]->state == CARVE_EXTENT_NONE);
		put(placement, lower, extents[i], offset, wishes[i].bytes,
		    CARVE_EXTENT_LIVE);
	}
	return 0;
}

bool carve_placement_would_fit(struct carve_placement *placement,
			       const struct carve_wish *wishes, size_t count,
			       size_t *ret_index)
{
	struct carve_mark *trial = placement->trial;
	struct carve_recent before = placement->habit.recent;
	size_t placed = 0;

	assert(count && count <= CARVE_PLACEMENT_MANY);

	for (; placed < count; placed++) {
		struct carve_fit fit = fit_of(placement, &wishes[placed]);
		struct carve_mark *lower;
		uint64_t offset;

		if (!carve_choose(&placement->held, &placement->habit, &fit,
				  &offset, &lower))
			break;
		carve_habit_allocate(&placement->habit.recent, offset,
				     fit.bytes);
		carve_gaps_insert(&placement->held, lower, &trial[placed],
				  offset, fit.bytes);
	}
	for (size_t i = placed; i--;)
		carve_gaps_remove(&placement->held, &trial[i]);
	placement->habit.recent = before;
	if (placed < count)
		*ret_index = placed;
	return placed == count;
}

bool carve_placement_trial(struct carve_placement *placement,
			   struct carve_extent *extent,
			   const struct carve_wish *wish)
{
	struct carve_fit fit = fit_of(placement, wish);
	struct carve_mark *lower;
	uint64_t offset;

	assert(extent->state == CARVE_EXTENT_NONE);
	if (!carve_choose(&placement->held, &placement->habit, &fit, &offset,
			  &lower))
		return false;
	carve_gaps_insert(&placement->held, lower, &extent->held, offset,
			  wish->bytes);
	return true;
}

void carve_placement_trial_end(struct carve_placement *placement,
			       struct carve_extent *extent)
{
	carve_gaps_remove(&placement->held, &extent->held);
}

int carve_placement_insert(struct carve_placement *placement,
			   struct carve_extent *extent, uint64_t offset,
			   uint64_t bytes, enum carve_extent_state state)
{
	struct carve_mark *lower;

	assert(extent->state == CARVE_EXTENT_NONE);
	assert(state != CARVE_EXTENT_NONE);

	if (!bytes || (offset | bytes) & (placement->page_bytes - 1))
		return -EINVAL;
	if (offset >= placement->used.bytes ||
	    bytes > placement->used.bytes - offset)
		return -ERANGE;
	lower = carve_gaps_behind(&placement->used, offset, bytes);
	if (!lower)
		return -EBUSY;
	put(placement, lower, extent, offset, bytes, state);
	/* What is there from before a restart is no burst. */
	if (state == CARVE_EXTENT_LIVE)
		placement->habit.recent.bytes = 0;
	return 0;
}

void carve_placement_undo(struct carve_placement *placement,
			  struct carve_extent *extent)
{
	uint64_t bytes = carve_extent_bytes(extent);
	uint64_t *burst = &placement->habit.recent.bytes;

	assert(extent->state == CARVE_EXTENT_LIVE ||
	       extent->state == CARVE_EXTENT_RESERVED);
	count(placement, extent, false);
	if (extent->state == CARVE_EXTENT_LIVE)
		*burst -= bytes < *burst ? bytes : *burst;
	carve_gaps_remove(&placement->held, &extent->held);
	carve_gaps_remove(&placement->used, &extent->used);
	extent->state = CARVE_EXTENT_NONE;
}

/* The upper half is that of the last one's, unless it has grown since. */
static uint64_t number_of(const struct carve_placement *placement,
			  const struct carve_extent *extent)
{
	uint64_t last = placement->habit.recent.allocated;

	return last - (uint32_t)((uint32_t)last - extent->number);
}

void carve_placement_release(struct carve_placement *placement,
			     struct carve_extent *extent)
{
	assert(extent->state == CARVE_EXTENT_LIVE);
	carve_gaps_remove(&placement->held, &extent->held);
	carve_habit_release(&placement->habit, number_of(placement, extent));
	extent->state = CARVE_EXTENT_DIRTY;
}

void carve_placement_clean(struct carve_placement *placement,
			   struct carve_extent *extent)
{
	assert(extent->state == CARVE_EXTENT_DIRTY);
	carve_gaps_remove(&placement->used, &extent->used);
	extent->state = CARVE_EXTENT_NONE;
}

static bool may_turn(enum carve_extent_state from, enum carve_extent_state to)
{
	switch (from) {
	case CARVE_EXTENT_LIVE:
		return to == CARVE_EXTENT_RESERVED || to == CARVE_EXTENT_HELD;
	case CARVE_EXTENT_RESERVED:
		return to == CARVE_EXTENT_LIVE;
	case CARVE_EXTENT_HELD:
		return to == CARVE_EXTENT_RESERVED || to == CARVE_EXTENT_DIRTY;
	case CARVE_EXTENT_DIRTY:
		return to == CARVE_EXTENT_HELD;
	default:
		return false;
	}
}

void carve_placement_turn(struct carve_placement *placement,
			  struct carve_extent *extent,
			  enum carve_extent_state state)
{
	assert(may_turn(extent->state, state));
	count(placement, extent, false);
	if (state == CARVE_EXTENT_DIRTY)
		carve_gaps_remove(&placement->held, &extent->held);
	if (extent->state == CARVE_EXTENT_DIRTY) {
		uint64_t offset = carve_extent_offset(extent);
		uint64_t bytes = carve_extent_bytes(extent);

		carve_gaps_insert(&placement->held,
				  carve_gaps_behind(&placement->held, offset,
						    bytes),
				  &extent->held, offset, bytes);
	}
	extent->state = (uint8_t)state;
	count(placement, extent, true);
}

struct carve_extent *
carve_placement_next(const struct carve_placement *placement, uint64_t offset)
{
	struct carve_mark *mark = carve_gaps_next(&placement->used, offset);

	return mark ? of_used(mark) : NULL;
}

struct carve_figures
carve_placement_figures(const struct carve_placement *placement)
{
	const struct carve_gaps *used = &placement->used;
	const struct carve_gaps *held = &placement->held;

	return (struct carve_figures){
		.bytes = used->bytes,
		.clean = used->gap_bytes,
		.largest = carve_gaps_largest(used),
		.dirty = held->gap_bytes - used->gap_bytes +
			 placement->promised_bytes,
		.live = held->bytes - held->gap_bytes -
			placement->promised_bytes - placement->reserved_bytes,
		.reserved = placement->reserved_bytes,
		.live_count = held->count - placement->promised_count -
			      placement->reserved_count,
		.dirty_count = used->count - held->count +
			       placement->promised_count,
	};
}

/* Of one extent; its bytes and one are added to the sums of its state. */
static const char *check_extent(const struct carve_placement *placement,
				const struct carve_extent *extent,
				uint64_t *bytes_of, uint64_t *count_of)
{
	uint64_t offset = carve_extent_offset(extent);
	uint64_t bytes = carve_extent_bytes(extent);

	if ((offset | bytes) & (placement->page_bytes - 1))
		return "placement: an extent of broken pages";
	if (extent->state == CARVE_EXTENT_NONE ||
	    extent->state > CARVE_EXTENT_HELD)
		return "placement: an extent in no state";
	bytes_of[extent->state] += bytes;
	count_of[extent->state]++;
	if (extent->state != CARVE_EXTENT_DIRTY &&
	    (carve_gaps_next(&placement->held, offset) != &extent->held ||
	     carve_mark_offset(&extent->held) != offset ||
	     carve_mark_bytes(&extent->held) != bytes))
		return "placement: an extent is not held";
	return NULL;
}

const char *carve_placement_check(const struct carve_placement *placement)
{
	const char *wrong = carve_gaps_check(&placement->used);
	struct carve_figures figures = carve_placement_figures(placement);
	uint64_t bytes[CARVE_EXTENT_HELD + 1] = { 0 };
	uint64_t counts[CARVE_EXTENT_HELD + 1] = { 0 };
	uint64_t from = 0;
	struct carve_extent *extent;

	if (!wrong)
		wrong = carve_gaps_check(&placement->held);
	while (!wrong && (extent = carve_placement_next(placement, from))) {
		from = carve_extent_offset(extent) + carve_extent_bytes(extent);
		wrong = check_extent(placement, extent, bytes, counts);
	}
	if (wrong)
		return wrong;

	if (counts[CARVE_EXTENT_LIVE] + counts[CARVE_EXTENT_RESERVED] +
	    counts[CARVE_EXTENT_HELD] != placement->held.count)
		return "placement: something is held that is dirty or gone";
	if (counts[CARVE_EXTENT_RESERVED] != placement->reserved_count ||
	    counts[CARVE_EXTENT_HELD] != placement->promised_count)
		return "placement: what is promised is counted wrongly";
	if (bytes[CARVE_EXTENT_LIVE] != figures.live ||
	    bytes[CARVE_EXTENT_RESERVED] != figures.reserved ||
	    bytes[CARVE_EXTENT_DIRTY] + bytes[CARVE_EXTENT_HELD] !=
	    figures.dirty ||
	    figures.clean + figures.dirty + figures.live + figures.reserved !=
	    figures.bytes)
		return "placement: the figures are wrong";
	return NULL;
}
