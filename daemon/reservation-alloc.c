// SPDX-License-Identifier: MIT
/*
 * Buffers out of a reservation. Nobody else's request comes into it: not the
 * region's queue, not who is of higher priority, not how full the region is.
 */
#include "reservation.h"

#include <errno.h>

#include "carve.h"
#include "export.h"
#include "name.h"
#include "refusal.h"
#include "roll.h"

static struct carve_grant *of_waiter(struct carve_waiter *waiter)
{
	return carve_container_of(waiter, struct carve_grant, waiter);
}

static int check(const struct carve_reservation *reservation,
		 const struct carve_grant *grant)
{
	for (size_t i = 0; i < grant->count; i++)
		if (grant->items[i].class >= reservation->slots.class_count ||
		    !carve_name_is_printable(grant->items[i].name))
			return -EINVAL;
	return 0;
}

/* An empty slot for every item, all or none. -ENOSPC sets the refusal's index. */
static int take(struct carve_reservation *reservation,
		struct carve_grant *grant, struct carve_record **records,
		struct carve_wish *wishes)
{
	struct carve_slots *slots = &reservation->slots;

	for (size_t i = 0; i < grant->count; i++) {
		size_t class = grant->items[i].class;
		struct carve_slot *slot = carve_slots_take(slots, class);

		if (!slot) {
			grant->refusal.index = (uint32_t)i;
			while (i--)
				carve_export_undo(reservation->region,
						  records[i]);
			return -ENOSPC;
		}
		wishes[i] = slots->classes[class].kind.wish;
		records[i] = carve_record_of_slot(slot);
		carve_roll_remove(reservation->region, records[i]);
	}
	return 0;
}

/* Are there slots enough that are empty, or will be without anybody's doing? */
static bool scrubbing_helps(const struct carve_reservation *reservation,
			    const struct carve_grant *grant)
{
	size_t wanted[CARVE_SLOTS_CLASSES] = { 0 };

	for (size_t i = 0; i < grant->count; i++) {
		const struct carve_slot_class *class =
			&reservation->slots.classes[grant->items[i].class];

		if (++wanted[grant->items[i].class] >
		    class->empty_count + class->dirty_count)
			return false;
	}
	return true;
}

static int answer(struct carve_waiter *waiter)
{
	struct carve_wish wishes[CARVE_WIRE_ALLOC_MAX];
	struct carve_record *records[CARVE_WIRE_ALLOC_MAX];
	struct carve_grant *grant = of_waiter(waiter);
	struct carve_reservation *reservation = grant->reservation;
	struct carve_region *region = reservation->region;
	int r;

	if (region->gone)
		return -ENODEV;
	r = take(reservation, grant, records, wishes);
	if (r == 0)
		return carve_export(region, grant, records, wishes);
	carve_region_collect(region);
	if (region->gone)
		return -ENODEV;
	return scrubbing_helps(reservation, grant) ? -EINPROGRESS : -ENOSPC;
}

static void refuse(struct carve_grant *grant, int result)
{
	const struct carve_slots *slots = &grant->reservation->slots;
	struct carve_wire_refusal *refusal = &grant->refusal;
	const struct carve_kind *kind;

	if (result != -ENOSPC && result != -ETIMEDOUT)
		return;
	kind = &slots->classes[grant->items[refusal->index].class].kind;
	carve_refusal_fill(grant->region, grant->who, refusal);
	refusal->reason = CARVE_REFUSED_CLASS;
	refusal->wanted_bytes = kind->wish.bytes;
	refusal->own_limit = kind->count;
}

static void waited(struct carve_waiter *waiter, int result)
{
	struct carve_grant *grant = of_waiter(waiter);

	refuse(grant, result);
	grant->done(grant, result);
}

int carve_reservation_allocate(struct carve_reservation *reservation,
			       struct carve_grant *grant)
{
	int r = check(reservation, grant);

	if (r < 0)
		return r;
	grant->region = reservation->region;
	grant->reservation = reservation;
	grant->refusal = (struct carve_wire_refusal){ 0 };
	grant->waiter = (struct carve_waiter){
		.timeout_nsec = grant->timeout_nsec,
		.since_usec = grant->since_usec,
		.deadline_usec = grant->deadline_usec,
		.answer = answer,
		.done = waited,
	};
	r = carve_queue_ask(&reservation->queue, &grant->waiter);
	if (r != -EINPROGRESS)
		refuse(grant, r);
	return r;
}
