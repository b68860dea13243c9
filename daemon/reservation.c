// SPDX-License-Identifier: MIT
#include "reservation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "carve.h"
#include "crash-point.h"
#include "log.h"
#include "picture.h"
#include "refusal.h"
#include "reservation-save.h"
#include "roll.h"

static struct carve_reserve *of_waiter(struct carve_waiter *waiter)
{
	return carve_container_of(waiter, struct carve_reserve, waiter);
}

struct carve_reservation *carve_reservation_of(const struct carve_record *record)
{
	struct carve_slots *owner = carve_record_owner(record);

	return owner ? carve_container_of(owner, struct carve_reservation,
					  slots) : NULL;
}

void carve_reservation_release(struct carve_record *record)
{
	carve_slot_release(&carve_record_slot(record)->slot);
}

void carve_reservation_clean(struct carve_record *record)
{
	carve_slot_clean(&carve_record_slot(record)->slot);
	/* From now on it is no buffer's that was. */
	record->id = 0;
}

static uint64_t wanted_bytes(const struct carve_reserve *reserve)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < reserve->count; i++)
		bytes += reserve->kinds[i].wish.bytes * reserve->kinds[i].count;
	return bytes;
}

/* ---- a change -------------------------------------------------------------- */

static void free_fresh(struct carve_reserve *reserve)
{
	for (size_t i = 0; i < reserve->fresh_count; i++)
		carve_record_free(reserve->fresh[i]);
	free(reserve->fresh);
	reserve->fresh = NULL;
	reserve->fresh_count = 0;
}

/* All that is ever needed for it, before it may have to wait. */
static int new_fresh(struct carve_reserve *reserve)
{
	size_t count = carve_slots_missing(&reserve->reservation->slots,
					   reserve->kinds, reserve->count);

	reserve->fresh_count = 0;
	reserve->fresh = calloc(count ? count : 1, sizeof(*reserve->fresh));
	if (!reserve->fresh)
		return -ENOMEM;
	for (; reserve->fresh_count < count; reserve->fresh_count++) {
		struct carve_record *record = carve_record_new_slot();

		if (!record) {
			free_fresh(reserve);
			return -ENOMEM;
		}
		reserve->fresh[reserve->fresh_count] = record;
	}
	return 0;
}

static void take_leave(struct carve_region *region,
		       struct carve_slot_list *left)
{
	struct carve_slot *slot;

	/* Clean memory came free, or dirty memory that others may wait for. */
	region->serve_again |= !TAILQ_EMPTY(left);
	while ((slot = TAILQ_FIRST(left))) {
		struct carve_record *record = carve_record_of_slot(slot);

		TAILQ_REMOVE(left, slot, link);
		if (record->extent.state == CARVE_EXTENT_LIVE)
			carve_charge_leave_slot(record->charge,
				carve_extent_bytes(&record->extent));
		else if (record->extent.state == CARVE_EXTENT_NONE)
			carve_record_free(record);
	}
}

static void set_charge(struct carve_reservation *reservation,
		       struct carve_charge *charge, uint64_t bytes)
{
	if (reservation->charge)
		carve_charge_unreserve(reservation->charge,
				       reservation->charged_bytes);
	reservation->charge = charge;
	reservation->charged_bytes = bytes;
}

static void report(const struct carve_reservation *reservation)
{
	const struct carve_slots *slots = &reservation->slots;
	struct carve_log_about about = {
		.region = carve_region_label(reservation->region),
		.pid = reservation->pid,
		.uid = reservation->uid,
	};

	carve_log(LOG_INFO, &about, "region %s: reservation %" PRIu64 "%s%s of "
		  "uid %u pid %d has %zu buffers of %zu classes, %" PRIu64
		  " bytes", about.region, reservation->id,
		  reservation->name[0] ? " " : "", reservation->name,
		  (unsigned int)reservation->uid, (int)reservation->pid,
		  carve_slots_count(slots, false), slots->class_count,
		  carve_slots_bytes(slots, false));
}

static void succeed(struct carve_reserve *reserve, struct carve_charge *charge,
		    struct carve_slot_list *left)
{
	struct carve_reservation *reservation = reserve->reservation;

	reservation->client = reserve->client;
	reservation->made_by = reserve->made_by;
	CARVE_CRASH_POINT("reserve-placed");
	set_charge(reservation, charge, wanted_bytes(reserve));
	carve_roll_remove_slots(reservation->region, left);
	for (size_t i = 0; i < reserve->fresh_count; i++)
		carve_roll_add(reservation->region, reserve->fresh[i]);
	/* They are the slots' now. */
	reserve->fresh_count = 0;
	carve_reservation_commit(reservation, left);
	take_leave(reservation->region, left);
	report(reservation);
}

/*
 * What the rules say about it, were so many bytes free. What a change gives up
 * is free already.
 */
static int admit(struct carve_reserve *reserve, uint64_t free_bytes)
{
	struct carve_reservation *reservation = reserve->reservation;
	struct carve_region *region = reservation->region;
	struct carve_wish growth = {
		.bytes = carve_slots_growth(&reservation->slots, reserve->kinds,
					    reserve->count),
	};
	int r;

	/* The administrator asks for what the configuration says. */
	if (!reserve->who)
		return 0;
	r = carve_quota_reserve(&region->charges, reserve->who,
				&reserve->terms, wanted_bytes(reserve),
				reservation->charged_bytes, &reserve->refusal);
	if (r < 0 || !growth.bytes)
		return r;
	return carve_quota_keep(&region->keep, &reserve->terms, free_bytes,
				&growth, 1, &reserve->refusal);
}

/* Could it be admitted were nothing else taken? Else no wait helps. */
static int admit_ever(struct carve_reserve *reserve)
{
	static const struct carve_charges none = LIST_HEAD_INITIALIZER(none);
	const struct carve_reservation *reservation = reserve->reservation;
	struct carve_region *region = reservation->region;
	struct carve_wish all = { .bytes = wanted_bytes(reserve) };
	int r;

	/* Smaller or the same: a stricter rule takes nothing back. */
	if (!reserve->who || all.bytes <= reservation->charged_bytes)
		return 0;
	r = carve_quota_reserve(&none, reserve->who, &reserve->terms, all.bytes,
				0, &reserve->refusal);
	if (r < 0) {
		reserve->refusal.own_bytes = carve_quota_use(&region->charges,
				reserve->who, &reserve->terms).reserved;
		return r;
	}
	all.bytes -= reservation->charged_bytes;
	return carve_quota_keep(&region->keep, &reserve->terms,
				region->placement.used.bytes, &all, 1,
				&reserve->refusal);
}

/* With what is clean now. Return: as carve_slots_change(); -ENOMEM. */
static int attempt(struct carve_reserve *reserve)
{
	struct carve_reservation *reservation = reserve->reservation;
	uint64_t bytes = wanted_bytes(reserve);
	struct carve_slot_list fresh, left;
	struct carve_charge *charge = NULL;
	size_t index = 0;
	bool shut;
	int r = carve_reservation_expect(reservation, reserve->kinds,
					 reserve->count);

	if (r < 0)
		return r;
	TAILQ_INIT(&fresh);
	TAILQ_INIT(&left);
	for (size_t i = 0; i < reserve->fresh_count; i++)
		TAILQ_INSERT_TAIL(&fresh,
				  &carve_record_slot(reserve->fresh[i])->slot,
				  link);
	if (bytes)
		r = carve_charges_reserve(&reservation->region->charges,
					  reservation->uid, reservation->unit,
					  bytes, &charge);
	if (r < 0)
		return r;
	shut = carve_window_shut(&reservation->region->window, &reserve->waiter);
	r = carve_slots_change(&reservation->slots, reserve->kinds,
			       reserve->count, &fresh, &left, &index);
	if (shut)
		carve_window_open(&reservation->region->window);
	if (r == 0) {
		succeed(reserve, charge, &left);
		return 0;
	}
	carve_charge_unreserve(charge, bytes);
	reserve->refusal.index = (uint32_t)index;
	reserve->refusal.reason = CARVE_REFUSED_SPACE;
	return r;
}

static int admit_and_attempt(struct carve_reserve *reserve)
{
	const struct carve_placement *placement =
		&reserve->reservation->region->placement;
	int r = admit(reserve, carve_placement_figures(placement).clean);

	if (r == -ENOSPC &&
	    admit(reserve, placement->held.gap_bytes) == 0)
		/* It would be enough, were all dirty memory clean. */
		return -EAGAIN;
	return r < 0 ? r : attempt(reserve);
}

static int answer(struct carve_waiter *waiter)
{
	struct carve_reserve *reserve = of_waiter(waiter);
	struct carve_region *region = reserve->reservation->region;
	int r = region->gone ? -ENODEV : admit_and_attempt(reserve);

	if (r != -EAGAIN && r != -ENOSPC && r != -EDQUOT)
		return r;
	carve_region_collect(region);
	if (region->gone)
		return -ENODEV;
	/* Once more, for what has just come in: does waiting help? */
	r = admit_and_attempt(reserve);
	if (r == -EAGAIN)
		return region->scrubbing ? -EINPROGRESS : -ENOSPC;
	return r;
}

_Static_assert(CARVE_SURVEY_MANY >= CARVE_WIRE_SLOTS_MAX, "explain");

/* All that is new lies somewhere else than what stays. */
static void explain(struct carve_reserve *reserve)
{
	struct carve_wish *wishes = carve_picture_room()->wishes;
	size_t count = carve_slots_missing_wishes(&reserve->reservation->slots,
						  reserve->kinds, reserve->count,
						  wishes);

	carve_refusal_explain(reserve->reservation->region, reserve->who, wishes,
			      count, &reserve->refusal, reserve->holders);
}

static void refuse(struct carve_reserve *reserve, int result)
{
	const struct carve_region *region = reserve->reservation->region;
	struct carve_wire_refusal *refusal = &reserve->refusal;
	uint32_t index = refusal->index;

	if (!reserve->who || (result != -ENOSPC && result != -EDQUOT &&
			      result != -ETIMEDOUT))
		return;
	carve_refusal_fill(region, reserve->who, refusal);
	if (index < reserve->count)
		refusal->wanted_bytes = reserve->kinds[index].wish.bytes;
	if (reserve->explain)
		explain(reserve);
}

/* All that is left of a request but its result. */
static void finish(struct carve_reserve *reserve, int result)
{
	refuse(reserve, result);
	free_fresh(reserve);
	if (result < 0 && reserve->is_new)
		reserve->reservation =
			carve_reservation_free(reserve->reservation);
}

/* What its limits forbid would not be served, however much came free. */
static size_t wishes_of(struct carve_waiter *waiter, struct carve_wish *wishes,
			size_t room)
{
	struct carve_reserve *reserve = of_waiter(waiter);
	const struct carve_slots *slots = &reserve->reservation->slots;

	if (reserve->refusal.reason != CARVE_REFUSED_SPACE ||
	    carve_slots_missing(slots, reserve->kinds, reserve->count) > room)
		return 0;
	return carve_slots_missing_wishes(slots, reserve->kinds, reserve->count,
					  wishes);
}

static void waited(struct carve_waiter *waiter, int result)
{
	struct carve_reserve *reserve = of_waiter(waiter);

	finish(reserve, result);
	reserve->done(reserve, result);
}

static void dropped(struct carve_waiter *waiter)
{
	finish(of_waiter(waiter), -ECANCELED);
}

int carve_reserve_ask(struct carve_reserve *reserve)
{
	struct carve_region *region = reserve->reservation->region;
	int r;

	reserve->refusal = (struct carve_wire_refusal){ 0 };
	r = admit_ever(reserve);
	if (r == 0)
		r = new_fresh(reserve);
	if (r < 0) {
		finish(reserve, r);
		return r;
	}
	reserve->waiter = (struct carve_waiter){
		.priority = reserve->terms.priority,
		.timeout_nsec = reserve->timeout_nsec,
		.since_usec = reserve->since_usec,
		.deadline_usec = reserve->deadline_usec,
		.answer = answer,
		.done = waited,
		.dropped = dropped,
		.who = reserve->who,
		.wishes = wishes_of,
	};
	r = carve_queue_ask(&region->queue, &reserve->waiter);
	if (r != -EINPROGRESS)
		finish(reserve, r);
	return r;
}

unsigned int carve_reservations_waiting(const struct carve_region *region)
{
	const struct carve_reservation *reservation;
	unsigned int count = 0;

	TAILQ_FOREACH(reservation, &region->reservations, of_region)
		count += reservation->queue.count;
	return count;
}

void carve_reservations_serve(struct carve_region *region)
{
	struct carve_reservation *reservation;

	TAILQ_FOREACH(reservation, &region->reservations, of_region)
		if (reservation->queue.count)
			carve_queue_serve(&reservation->queue);
}

/* ---- beginning and end ------------------------------------------------------ */

int carve_reservation_new(struct carve_reservation **ret,
			  struct carve_region *region, uint64_t id,
			  const char *name)
{
	struct carve_reservation *reservation = calloc(1, sizeof(*reservation));
	int r;

	if (!reservation)
		return -ENOMEM;
	reservation->id = id;
	reservation->region = region;
	snprintf(reservation->name, sizeof(reservation->name), "%s", name);
	carve_slots_init(&reservation->slots, &region->placement);
	r = carve_queue_init(&reservation->queue, region->event);
	if (r < 0) {
		free(reservation);
		return r;
	}
	TAILQ_INSERT_TAIL(&region->reservations, reservation, of_region);
	*ret = reservation;
	return 0;
}

struct carve_reservation *
carve_reservation_free(struct carve_reservation *reservation)
{
	struct carve_slot_list fresh, left;
	size_t index;

	if (!reservation)
		return NULL;
	if (reservation->pending)
		carve_queue_drop(&reservation->pending->waiter);
	free(reservation->pending);
	carve_reservation_forget(reservation);
	TAILQ_INIT(&fresh);
	TAILQ_INIT(&left);
	/* Nothing new is asked for, so this cannot fail. */
	carve_slots_change(&reservation->slots, NULL, 0, &fresh, &left, &index);
	set_charge(reservation, NULL, 0);
	carve_roll_remove_slots(reservation->region, &left);
	take_leave(reservation->region, &left);
	carve_queue_done(&reservation->queue);
	TAILQ_REMOVE(&reservation->region->reservations, reservation,
		     of_region);
	free(reservation);
	return NULL;
}
