// SPDX-License-Identifier: MIT
/*
 * Giving buffers out: check, place, export; or wait for the scrubber; or
 * refuse with the numbers.
 */
#include "region.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "carve.h"
#include "export.h"
#include "log.h"
#include "name.h"
#include "quota.h"
#include "refusal.h"
#include "reservation.h"
#include "want.h"

static int check(const struct carve_region *region,
		 const struct carve_grant *grant, struct carve_wish *wishes)
{
	for (size_t i = 0; i < grant->count; i++) {
		const struct carve_wire_alloc_item *item = &grant->items[i];
		struct carve_want want = {
			.bytes = item->bytes,
			.alignment = item->alignment,
			.limit = item->limit,
			.guard_before = item->guard_before,
			.guard_after = item->guard_after,
		};
		int r = carve_name_is_printable(item->name) ? 0 : -EINVAL;

		if (r == 0)
			r = carve_want_check(region, &grant->terms, &want,
					     &wishes[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void free_records(struct carve_record **records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		carve_record_free(records[i]);
}

static int new_records(struct carve_record **records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		records[i] = carve_record_new();
		if (!records[i]) {
			free_records(records, i);
			return -ENOMEM;
		}
	}
	return 0;
}

/* With what is clean now. -ENOSPC sets the refusal's index. */
static int attempt(struct carve_region *region, struct carve_grant *grant,
		   const struct carve_wish *wishes)
{
	struct carve_record *records[CARVE_WIRE_ALLOC_MAX];
	struct carve_extent *extents[CARVE_WIRE_ALLOC_MAX];
	size_t index;
	bool shut;
	int r = new_records(records, grant->count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < grant->count; i++)
		extents[i] = &records[i]->extent;
	shut = carve_window_shut(&region->window, &grant->waiter);
	r = carve_placement_allocate(&region->placement, extents, wishes,
				     grant->count, &index);
	if (shut)
		carve_window_open(&region->window);
	if (r < 0)
		r = carve_window_place(&region->window, &grant->waiter, extents,
				       grant->count);
	if (r < 0) {
		free_records(records, grant->count);
		grant->refusal.index = (uint32_t)index;
		grant->refusal.reason = CARVE_REFUSED_SPACE;
		return r;
	}
	return carve_export(region, grant, records, wishes);
}

/* What the rules say about it, were so many bytes free. */
static int admit(const struct carve_region *region, struct carve_grant *grant,
		 const struct carve_wish *wishes, uint64_t free_bytes)
{
	int r = carve_quota_buffers(&region->charges, grant->who, &grant->terms,
				    wishes, grant->count, &grant->refusal);

	return r < 0 ? r : carve_quota_keep(&region->keep, &grant->terms,
					    free_bytes, wishes, grant->count,
					    &grant->refusal);
}

/* Could it be admitted were nothing taken? Else no wait helps. */
static int admit_ever(const struct carve_region *region,
		      struct carve_grant *grant,
		      const struct carve_wish *wishes)
{
	static const struct carve_charges none = LIST_HEAD_INITIALIZER(none);
	int r = carve_quota_buffers(&none, grant->who, &grant->terms, wishes,
				    grant->count, &grant->refusal);

	if (r < 0) {
		grant->refusal.own_bytes = carve_quota_use(&region->charges,
				grant->who, &grant->terms).bytes;
		return r;
	}
	return carve_quota_keep(&region->keep, &grant->terms,
				region->placement.used.bytes, wishes,
				grant->count, &grant->refusal);
}

static int admit_and_attempt(struct carve_region *region,
			     struct carve_grant *grant,
			     const struct carve_wish *wishes)
{
	int r = admit(region, grant, wishes,
		      carve_placement_figures(&region->placement).clean);

	return r < 0 ? r : attempt(region, grant, wishes);
}

/* Would it do, were all that is dirty zeroed? Else the refusal says why not. */
static int would_do(struct carve_region *region, struct carve_grant *grant,
		    const struct carve_wish *wishes)
{
	size_t index;
	bool shut, fits;
	int r = admit(region, grant, wishes, region->placement.held.gap_bytes);

	if (r < 0)
		return r;
	shut = carve_window_shut(&region->window, &grant->waiter);
	fits = carve_placement_would_fit(&region->placement, wishes, grant->count,
					 &index);
	if (shut)
		carve_window_open(&region->window);
	if (fits)
		return -EINPROGRESS;
	/* Not the one that only lacks what is still being zeroed. */
	grant->refusal.index = (uint32_t)index;
	grant->refusal.reason = CARVE_REFUSED_SPACE;
	return -ENOSPC;
}

/* For the log. */
static const char *explain_reason(uint32_t reason)
{
	switch (reason) {
	case CARVE_REFUSED_KEPT:
		return "what is free is kept for higher priority than that of";
	case CARVE_REFUSED_BYTES:
		return "it would be more bytes than the rules allow";
	case CARVE_REFUSED_BUFFERS:
		return "it would be more buffers than the rules allow";
	case CARVE_REFUSED_EARMARKED:
		return "what is free is earmarked for another one that waits";
	default:
		return "no room";
	}
}

static void fill_refusal(struct carve_region *region,
			 struct carve_grant *grant,
			 const struct carve_wish *wishes)
{
	static struct carve_log_limit limit;
	struct carve_figures figures =
		carve_placement_figures(&region->placement);
	struct carve_wire_refusal *refusal = &grant->refusal;
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.pid = grant->who->pid,
		.uid = grant->who->uid,
	};

	carve_refusal_fill(region, grant->who, refusal);
	refusal->wanted_bytes = wishes[refusal->index].bytes;
	if (grant->explain)
		carve_refusal_explain(region, grant->who, wishes, grant->count,
				      refusal, &grant->answer->holders);
	carve_log_limited(&limit, LOG_INFO, &about, "region %s: %s: %"
			  PRIu64 " bytes (number %u of %zu) for uid %u pid %d: %"
			  PRIu64 " of %" PRIu64 " free, the largest hole %"
			  PRIu64 ", %" PRIu64 " being zeroed, %" PRIu64
			  " live, %" PRIu64 " of them this user's", about.region,
			  explain_reason(refusal->reason),
			  refusal->wanted_bytes, refusal->index + 1,
			  grant->count, (unsigned int)grant->who->uid,
			  (int)grant->who->pid, figures.clean, figures.bytes,
			  figures.largest, figures.dirty, figures.live,
			  refusal->own_bytes);
}

static struct carve_grant *of_waiter(struct carve_waiter *waiter)
{
	return carve_container_of(waiter, struct carve_grant, waiter);
}

/* Return: as struct carve_waiter's answer(). */
static int answer(struct carve_waiter *waiter)
{
	struct carve_wish wishes[CARVE_WIRE_ALLOC_MAX];
	struct carve_grant *grant = of_waiter(waiter);
	struct carve_region *region = grant->region;
	int r = region->gone ? -ENODEV : check(region, grant, wishes);

	if (r == 0)
		r = admit_and_attempt(region, grant, wishes);
	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	carve_region_collect(region);
	if (region->gone)
		return -ENODEV;
	/* What has just been taken in is charged to nobody any more. */
	if (r == -EDQUOT)
		r = admit_and_attempt(region, grant, wishes);
	if (r == -ENOSPC && region->scrubbing)
		r = would_do(region, grant, wishes);
	return r;
}

/* Whoever stands before it will have something of it, too: at best it is so. */
static int outlook(struct carve_waiter *waiter)
{
	struct carve_wish wishes[CARVE_WIRE_ALLOC_MAX];
	struct carve_grant *grant = of_waiter(waiter);
	struct carve_region *region = grant->region;

	carve_region_collect(region);
	if (region->gone || check(region, grant, wishes) < 0)
		return -EINPROGRESS;
	return would_do(region, grant, wishes);
}

static void refuse(struct carve_grant *grant, int result)
{
	struct carve_wish wishes[CARVE_WIRE_ALLOC_MAX];
	struct carve_region *region = grant->region;
	size_t index;

	if (result != -ENOSPC && result != -EDQUOT && result != -ETIMEDOUT)
		return;
	if (check(region, grant, wishes) < 0)
		return;
	/* Numbers that would do need another reason than that there is no room. */
	if (grant->refusal.reason == CARVE_REFUSED_SPACE &&
	    region->window.owner &&
	    carve_placement_would_fit(&region->placement, wishes, grant->count,
				      &index))
		grant->refusal.reason = CARVE_REFUSED_EARMARKED;
	fill_refusal(region, grant, wishes);
}

/* What its limits forbid would not be served, however much came free. */
static size_t wishes_of(struct carve_waiter *waiter, struct carve_wish *wishes,
			size_t room)
{
	struct carve_grant *grant = of_waiter(waiter);

	if (grant->refusal.reason != CARVE_REFUSED_SPACE || grant->count > room ||
	    check(grant->region, grant, wishes) < 0)
		return 0;
	return grant->count;
}

static void waited(struct carve_waiter *waiter, int result)
{
	struct carve_grant *grant = of_waiter(waiter);

	refuse(grant, result);
	grant->done(grant, result);
}

int carve_region_allocate(struct carve_region *region,
			  struct carve_grant *grant)
{
	struct carve_wish wishes[CARVE_WIRE_ALLOC_MAX];
	int r = check(region, grant, wishes);

	/* Behind others nobody waits for nothing but an error. */
	if (r < 0)
		return r;
	grant->region = region;
	grant->refusal = (struct carve_wire_refusal){ 0 };
	r = admit_ever(region, grant, wishes);
	if (r < 0) {
		refuse(grant, r);
		return r;
	}
	grant->waiter = (struct carve_waiter){
		.priority = grant->terms.priority,
		.timeout_nsec = grant->timeout_nsec,
		.since_usec = grant->since_usec,
		.deadline_usec = grant->deadline_usec,
		.answer = answer,
		.outlook = outlook,
		.done = waited,
		.who = grant->who,
		.wishes = wishes_of,
	};
	r = carve_queue_ask(&region->queue, &grant->waiter);
	if (r != -EINPROGRESS)
		refuse(grant, r);
	return r;
}

void carve_region_serve(struct carve_region *region)
{
	do {
		region->serve_again = false;
		carve_queue_run(&region->queue);
		/* After it: what is pending may have been granted there. */
		carve_reservations_serve(region);
	} while (region->serve_again);
}
