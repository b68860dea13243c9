// SPDX-License-Identifier: MIT
#include "standing.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carve.h"
#include "log.h"
#include "refusal.h"
#include "reservation-save.h"

static struct carve_reserve *of_waiter(struct carve_waiter *waiter)
{
	return carve_container_of(waiter, struct carve_reserve, waiter);
}

struct carve_reservation *
carve_standing_find(const struct carve_service *service, const char *name)
{
	struct carve_reservation *each;

	for (size_t i = 0; i < service->region_count; i++)
		TAILQ_FOREACH(each, &service->regions[i]->reservations, of_region)
			if (each->flags & CARVE_RESERVATION_CONFIGURED &&
			    !strcmp(each->name, name))
				return each;
	return NULL;
}

static const struct carve_config_reservation *
find_section(const struct carve_config *config, const char *name)
{
	for (size_t i = 0; i < config->reservation_count; i++)
		if (!strcmp(config->reservations[i].name, name))
			return &config->reservations[i];
	return NULL;
}

/* ---- being granted ----------------------------------------------------- */

uint64_t carve_standing_wants(const struct carve_reservation *reservation,
			      size_t *ret_count)
{
	const struct carve_reserve *pending = reservation->pending;
	uint64_t bytes = 0;

	*ret_count = 0;
	for (size_t i = 0; i < pending->count; i++) {
		bytes += pending->kinds[i].wish.bytes * pending->kinds[i].count;
		*ret_count += pending->kinds[i].count;
	}
	return bytes;
}

/* Whoever has waited to claim it may have it now. */
static void settle(struct carve_reserve *pending, int r)
{
	struct carve_reservation *reservation = pending->reservation;

	if (r < 0) {
		carve_log(LOG_ERR, NULL, "reservation %s stays pending: %s",
			  reservation->name, strerror(-r));
		return;
	}
	reservation->flags &= ~CARVE_RESERVATION_PENDING;
	carve_queue_serve(&reservation->queue);
}

/* Is it pending for nothing else? That ends by itself. */
static bool lacks_zeroing(const struct carve_reservation *reservation)
{
	return reservation->region->queue.blocking ==
	       &reservation->pending->waiter;
}

static void ask(struct carve_reservation *reservation,
		const struct carve_config_place *place)
{
	struct carve_reserve *pending = reservation->pending;
	int r = carve_reserve_ask(pending);
	size_t count;
	uint64_t bytes = carve_standing_wants(reservation, &count);

	if (r != -EINPROGRESS) {
		settle(pending, r);
		return;
	}
	if (lacks_zeroing(reservation))
		return;
	carve_log(LOG_WARNING, NULL, "%s:%u: reservation %s does not fit beside "
		  "what is alive in region %s: %zu buffers, %" PRIu64 " bytes. "
		  "It is pending", place->file, place->line, reservation->name,
		  carve_region_label(reservation->region), count, bytes);
}

/* To whom it is now. Without memory for that it stays with whom it was. */
static void move_charge(struct carve_reservation *reservation)
{
	struct carve_charge *charge;

	if (!reservation->charge ||
	    carve_charges_reserve(&reservation->region->charges,
				  reservation->uid, reservation->unit,
				  reservation->charged_bytes, &charge) < 0)
		return;
	carve_charge_unreserve(reservation->charge, reservation->charged_bytes);
	reservation->charge = charge;
}

/* Who is charged while nobody has claimed it: whom it was made for. */
static void set_owner(struct carve_reservation *reservation,
		      const struct carve_config_match *owner)
{
	reservation->owner = *owner;
	reservation->uid = owner->has_uid ? owner->uid : 0;
	reservation->pid = 0;
	snprintf(reservation->unit, sizeof(reservation->unit), "%s",
		 owner->unit);
	move_charge(reservation);
	carve_reservation_save(reservation);
}

static int set_classes(struct carve_reserve *pending,
		       const struct carve_config_reservation *section,
		       const struct carve_region *region)
{
	pending->count = section->class_count;
	return carve_reserve_kinds(region, &pending->terms, section->classes,
				   section->class_count, pending->kinds);
}

static int add(struct carve_service *service,
	       const struct carve_config_reservation *section,
	       struct carve_region *region)
{
	struct carve_reservation *reservation;
	struct carve_reserve *pending = calloc(1, sizeof(*pending));
	int r;

	if (!pending)
		return -ENOMEM;
	pending->terms = carve_terms_default(0);
	pending->terms.priority = INT_MAX;
	pending->timeout_nsec = UINT64_MAX;
	pending->done = settle;
	r = set_classes(pending, section, region);
	if (r == 0)
		r = carve_reservation_new(&reservation, region,
					  carve_service_number_reservation(service),
					  section->name);
	if (r < 0) {
		free(pending);
		return r;
	}
	pending->reservation = reservation;
	reservation->pending = pending;
	reservation->flags = CARVE_RESERVATION_CONFIGURED |
			     CARVE_RESERVATION_PENDING;
	set_owner(reservation, &section->owner);
	ask(reservation, &section->place);
	return 0;
}

/* ---- the configuration --------------------------------------------------- */

/* What is not named, but for what somebody has: who waits to claim it has nothing. */
static bool is_old(const struct carve_service *service,
		   const struct carve_reservation *reservation)
{
	return reservation->flags & CARVE_RESERVATION_CONFIGURED &&
	       !(reservation->flags & CARVE_RESERVATION_CLAIMED) &&
	       !find_section(service->config, reservation->name);
}

static void give_up(struct carve_reservation *reservation)
{
	/* Who waits to claim it waits for what will not be. */
	reservation->flags &= ~CARVE_RESERVATION_CONFIGURED;
	carve_queue_serve(&reservation->queue);
	carve_reservation_free(reservation);
}

/* What is pending goes out of the queue, to be asked for in a new order. */
static void remove_old(struct carve_service *service,
		       struct carve_region *region)
{
	struct carve_reservation *each = TAILQ_FIRST(&region->reservations);

	while (each) {
		if (is_old(service, each)) {
			give_up(each);
			/* Who was answered may have gone, with the next one. */
			each = TAILQ_FIRST(&region->reservations);
			continue;
		}
		if (each->flags & CARVE_RESERVATION_PENDING)
			carve_queue_drop(&each->pending->waiter);
		each = TAILQ_NEXT(each, of_region);
	}
}

/* There is nothing of it in the region where it was. */
static void move_to(struct carve_reservation *reservation,
		    struct carve_region *region)
{
	struct carve_reservation *each;

	TAILQ_REMOVE(&reservation->region->reservations, reservation,
		     of_region);
	reservation->region = region;
	carve_slots_init(&reservation->slots, &region->placement);
	TAILQ_FOREACH(each, &region->reservations, of_region) {
		if (each->id > reservation->id) {
			TAILQ_INSERT_BEFORE(each, reservation, of_region);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&region->reservations, reservation, of_region);
}

/* What is pending is as it is named now; whoever waits to claim it goes on. */
static int ask_again(struct carve_reservation *reservation,
		     const struct carve_config_reservation *section,
		     struct carve_region *region)
{
	int r = region ? set_classes(reservation->pending, section, region) :
			 -ENODEV;

	if (r < 0) {
		give_up(reservation);
		return r;
	}
	if (region != reservation->region)
		move_to(reservation, region);
	set_owner(reservation, &section->owner);
	ask(reservation, &section->place);
	return 0;
}

static int configure(struct carve_service *service,
		     const struct carve_config_reservation *section,
		     struct carve_region *region)
{
	struct carve_reservation *old = carve_standing_find(service,
							    section->name);

	if (!old)
		return region ? add(service, section, region) : 0;
	if (old->flags & CARVE_RESERVATION_PENDING)
		return ask_again(old, section, region);
	if (old->flags & CARVE_RESERVATION_CLAIMED)
		old->owner = section->owner;
	else
		set_owner(old, &section->owner);
	return 0;
}

void carve_standing_configure(struct carve_service *service)
{
	const struct carve_config *config = service->config;

	for (size_t i = 0; i < service->region_count; i++)
		remove_old(service, service->regions[i]);
	for (size_t i = 0; i < config->reservation_count; i++) {
		const struct carve_config_reservation *section =
			&config->reservations[i];
		struct carve_region *region =
			carve_service_region(service, section->region);
		int r = configure(service, section, region);

		/* That there is no such region is said already. */
		if (r < 0 && region)
			carve_log(LOG_ERR, NULL, "%s:%u: there is no reservation "
				  "%s: region %s cannot have it: %s",
				  section->place.file, section->place.line,
				  section->name, carve_region_label(region),
				  strerror(-r));
	}
	for (size_t i = 0; i < service->region_count; i++)
		carve_region_serve(service->regions[i]);
}

/* ---- being claimed ------------------------------------------------------- */

static int answer(struct carve_waiter *waiter)
{
	struct carve_reserve *reserve = of_waiter(waiter);
	struct carve_reservation *reservation = reserve->reservation;

	if (!(reservation->flags & CARVE_RESERVATION_CONFIGURED))
		return -ENOENT;
	if (!carve_config_matches(&reservation->owner, reserve->who))
		return -EACCES;
	if (reservation->flags & CARVE_RESERVATION_CLAIMED)
		return -EBUSY;
	if (reservation->flags & CARVE_RESERVATION_PENDING)
		return lacks_zeroing(reservation) ? -EINPROGRESS : -ENOSPC;
	/* Who has waited for it longer may not have come back yet. */
	if (reservation->region->queue.held)
		return -EINPROGRESS;
	reservation->flags |= CARVE_RESERVATION_CLAIMED;
	reservation->uid = reserve->who->uid;
	snprintf(reservation->unit, sizeof(reservation->unit), "%s",
		 reserve->who->unit);
	move_charge(reservation);
	reservation->pid = reserve->who->pid;
	reservation->client = reserve->client;
	reservation->made_by = reserve->made_by;
	carve_reservation_save(reservation);
	return 0;
}

static void refuse(struct carve_reserve *reserve, int result)
{
	size_t count;

	if (result != -ENOSPC && result != -ETIMEDOUT)
		return;
	carve_refusal_fill(reserve->reservation->region, reserve->who,
			   &reserve->refusal);
	reserve->refusal.wanted_bytes =
		carve_standing_wants(reserve->reservation, &count);
}

static void waited(struct carve_waiter *waiter, int result)
{
	struct carve_reserve *reserve = of_waiter(waiter);

	refuse(reserve, result);
	reserve->done(reserve, result);
}

int carve_standing_claim(struct carve_reserve *reserve)
{
	int r;

	reserve->refusal = (struct carve_wire_refusal){ 0 };
	reserve->waiter = (struct carve_waiter){
		.timeout_nsec = reserve->timeout_nsec,
		.since_usec = reserve->since_usec,
		.deadline_usec = reserve->deadline_usec,
		.answer = answer,
		.done = waited,
	};
	r = carve_queue_ask(&reserve->reservation->queue, &reserve->waiter);
	if (r != -EINPROGRESS)
		refuse(reserve, r);
	return r;
}

void carve_standing_unclaim(struct carve_service *service,
			    struct carve_reservation *reservation)
{
	reservation->flags &= ~CARVE_RESERVATION_CLAIMED;
	reservation->client = 0;
	reservation->made_by = 0;
	if (find_section(service->config, reservation->name))
		set_owner(reservation, &reservation->owner);
	else
		carve_reservation_free(reservation);
}
