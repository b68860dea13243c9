// SPDX-License-Identifier: MIT
#include "request-reserve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "carve.h"
#include "crash-point.h"
#include "inventory.h"
#include "name.h"
#include "reservation.h"
#include "standing.h"

#define FLAGS	(CARVE_WIRE_RESERVE_CLAIM | CARVE_WIRE_RESERVE_EXPLAIN)

static const char *check_claim(const struct carve_wire_reserve *reserve)
{
	if (reserve->count || reserve->reservation)
		return "a claim that says what it wants";
	if (reserve->region[0] || !reserve->name[0])
		return "a claim without a name, or with a region";
	return NULL;
}

const char *carve_request_check_reserve(const struct carve_client *client)
{
	const struct carve_wire_reserve *reserve = &client->request->reserve;

	if (reserve->count > CARVE_WIRE_CLASSES_MAX)
		return "a reservation of too many classes";
	if (reserve->header.bytes != sizeof(*reserve) +
	    reserve->count * sizeof(reserve->classes[0]))
		return "a reservation of a wrong length";
	if (reserve->flags & ~FLAGS)
		return "an unknown flag";
	if (!carve_name_ends(reserve->region, sizeof(reserve->region)) ||
	    !carve_name_ends(reserve->name, sizeof(reserve->name)))
		return "a name without end";
	if (reserve->reservation && (reserve->region[0] || reserve->name[0]))
		return "a change of what cannot be changed";
	for (uint32_t i = 0; i < reserve->count; i++)
		if (reserve->classes[i].reserved)
			return "a reserved member that is not zero";
	return reserve->flags & CARVE_WIRE_RESERVE_CLAIM ?
		check_claim(reserve) : NULL;
}

struct carve_reservation *
carve_request_find_reservation(const struct carve_client *client, uint64_t id)
{
	struct carve_reservation *reservation;

	LIST_FOREACH(reservation, &client->reservations, of_client)
		if (reservation->id == id)
			return reservation;
	return NULL;
}

void carve_request_adopt_reservations(struct carve_client *client)
{
	const struct carve_service *service = client->service;
	struct carve_reservation *each;

	for (size_t i = 0; i < service->region_count; i++) {
		TAILQ_FOREACH(each, &service->regions[i]->reservations, of_region) {
			if (each->client != client->number)
				continue;
			LIST_INSERT_HEAD(&client->reservations, each, of_client);
			client->reservation_count++;
		}
	}
}

/* What another daemon has granted by this very request, or NULL. */
static struct carve_reservation *find_made(const struct carve_client *client)
{
	struct carve_reservation *each;

	LIST_FOREACH(each, &client->reservations, of_client)
		if (each->made_by == client->request->header.id)
			return each;
	return NULL;
}

static void leave(struct carve_client *client,
		  struct carve_reservation *reservation)
{
	LIST_REMOVE(reservation, of_client);
	client->reservation_count--;
	if (reservation->flags & CARVE_RESERVATION_CONFIGURED)
		carve_standing_unclaim(client->service, reservation);
	else
		carve_reservation_free(reservation);
}

void carve_request_end_reservations(struct carve_client *client)
{
	struct carve_reservation *reservation;

	while ((reservation = LIST_FIRST(&client->reservations))) {
		struct carve_region *region = reservation->region;

		leave(client, reservation);
		carve_region_serve(region);
	}
}

/* ---- RESERVE ----------------------------------------------------------- */

static void reply_reserve(struct carve_client *client,
			  const struct carve_reservation *reservation)
{
	struct carve_wire_reserve_reply *reply = &client->reply->reserve_reply;
	const struct carve_slots *slots = &reservation->slots;

	carve_request_start(client, sizeof(*reply) + slots->class_count *
					    sizeof(reply->classes[0]));
	reply->reservation = reservation->id;
	reply->bytes = carve_slots_bytes(slots, false);
	reply->count = (uint32_t)slots->class_count;
	for (size_t i = 0; i < slots->class_count; i++)
		carve_reserve_class(&slots->classes[i].kind, &reply->classes[i]);
}

static void answer(struct carve_client *client, int r)
{
	const struct carve_reserve *reserve = &client->exchange->reserve;
	struct carve_reservation *reservation = reserve->reservation;

	if (r == -ENOSPC || r == -EDQUOT || r == -ETIMEDOUT) {
		carve_request_refuse(client, &reserve->refusal,
				     reserve->holders, r);
	} else if (r < 0) {
		carve_request_fail(client, r);
	} else {
		/* A new one, or one that was claimed. */
		if (!carve_request_find_reservation(client, reservation->id)) {
			LIST_INSERT_HEAD(&client->reservations, reservation,
					 of_client);
			client->reservation_count++;
		}
		reply_reserve(client, reservation);
	}
}

static void reserved(struct carve_reserve *reserve, int r)
{
	struct carve_client *client =
		carve_container_of(reserve, struct carve_exchange, reserve)
			->client;

	CARVE_CRASH_POINT("reserve-waited");
	answer(client, r);
	carve_client_reply(client);
}

/* Slots it gives up for these may be counted twice: near the limit, that is all. */
static int check_room(const struct carve_client *client)
{
	const struct carve_wire_reserve *wire = &client->request->reserve;
	size_t slots = 0;

	for (uint32_t i = 0; i < wire->count; i++)
		slots += wire->classes[i].count;
	return carve_service_has_room(client->service, slots) ? 0 : -ENOMEM;
}

/* Return: 0, and it is to be asked for; negative errno. */
static int start_new(struct carve_client *client)
{
	const struct carve_wire_reserve *wire = &client->request->reserve;
	struct carve_region *region = carve_service_region(client->service,
							   wire->region);
	struct carve_reserve *reserve = &client->exchange->reserve;
	int r;

	if (!region)
		return -ENOENT;
	if (!wire->count || !carve_name_is_printable(wire->name))
		return -EINVAL;
	if (client->reservation_count >= CARVE_RESERVATIONS_MAX)
		return -EBUSY;
	r = carve_reserve_kinds(region, &reserve->terms, wire->classes,
				wire->count, reserve->kinds);
	if (r == 0)
		r = check_room(client);
	if (r == 0)
		r = carve_reservation_new(&reserve->reservation, region,
					  carve_service_number_reservation(client->service),
					  wire->name);
	if (r < 0)
		return r;
	reserve->reservation->uid = client->who.uid;
	reserve->reservation->pid = client->who.pid;
	snprintf(reserve->reservation->unit, sizeof(reserve->reservation->unit),
		 "%s", client->who.unit);
	reserve->is_new = true;
	return 0;
}

static int start_change(struct carve_client *client)
{
	const struct carve_wire_reserve *wire = &client->request->reserve;
	struct carve_reserve *reserve = &client->exchange->reserve;
	struct carve_reservation *reservation =
		carve_request_find_reservation(client, wire->reservation);
	int r;

	if (!reservation)
		return -ENOENT;
	if (reservation->flags & CARVE_RESERVATION_CONFIGURED)
		return -EACCES;
	reserve->reservation = reservation;
	reserve->is_new = false;
	r = carve_reserve_kinds(reservation->region, &reserve->terms,
				wire->classes, wire->count, reserve->kinds);
	return r < 0 ? r : check_room(client);
}

static int claim(struct carve_client *client)
{
	struct carve_reserve *reserve = &client->exchange->reserve;

	reserve->is_new = false;
	reserve->reservation =
		carve_standing_find(client->service,
				    client->request->reserve.name);
	return reserve->reservation ? carve_standing_claim(reserve) : -ENOENT;
}

static int run(struct carve_client *client)
{
	const struct carve_wire_reserve *wire = &client->request->reserve;
	struct carve_reserve *reserve = &client->exchange->reserve;
	int r;

	if (wire->flags & CARVE_WIRE_RESERVE_CLAIM)
		return claim(client);
	r = wire->reservation ? start_change(client) : start_new(client);
	if (r == 0)
		r = carve_reserve_ask(reserve);
	if (r == 0 && reserve->reservation->region->serve_again)
		carve_region_serve(reserve->reservation->region);
	return r;
}

/* What cannot fail is not asked for. */
static enum carve_outcome give_back(struct carve_client *client)
{
	const struct carve_wire_reserve *wire = &client->request->reserve;
	struct carve_wire_reserve_reply *reply = &client->reply->reserve_reply;
	struct carve_reservation *reservation =
		carve_request_find_reservation(client, wire->reservation);
	struct carve_region *region;

	if (!reservation) {
		carve_request_fail(client, -ENOENT);
		return CARVE_OUTCOME_REPLY;
	}
	region = reservation->region;
	leave(client, reservation);
	CARVE_CRASH_POINT("reserve-given-back");
	/* First others, who are answered at the same desk. */
	carve_region_serve(region);
	carve_request_start(client, sizeof(*reply));
	reply->reservation = wire->reservation;
	return CARVE_OUTCOME_REPLY;
}

enum carve_outcome carve_request_run_reserve(struct carve_client *client)
{
	const struct carve_wire_reserve *wire = &client->request->reserve;
	struct carve_reserve *reserve = &client->exchange->reserve;
	struct carve_reservation *made =
		client->repeats ? find_made(client) : NULL;
	int r;

	if (made) {
		CARVE_CRASH_POINT("reserve-repeated");
		reply_reserve(client, made);
		return CARVE_OUTCOME_REPLY;
	}
	if (wire->reservation && !wire->count)
		return give_back(client);
	*reserve = (struct carve_reserve){
		.who = &client->who,
		.terms = client->who.terms,
		.timeout_nsec = wire->timeout_nsec,
		.explain = wire->flags & CARVE_WIRE_RESERVE_EXPLAIN,
		.count = wire->count,
		.client = client->number,
		.made_by = wire->header.id,
		.since_usec = client->since_usec,
		.deadline_usec = client->deadline_usec,
		.done = reserved,
		.holders = &client->service->desk->answer.holders,
	};
	r = run(client);
	if (r == -EINPROGRESS) {
		client->waiter = &reserve->waiter;
		return CARVE_OUTCOME_WAITING;
	}
	CARVE_CRASH_POINT("reserve-granted");
	answer(client, r);
	return CARVE_OUTCOME_REPLY;
}

/* ---- RESERVATIONS ------------------------------------------------------ */

/* The first one behind @id that anything can be said of, or NULL. */
static const struct carve_reservation *
next_of_region(const struct carve_reservation *reservation, uint64_t id)
{
	while (reservation &&
	       (reservation->id <= id || (!reservation->slots.class_count &&
		!(reservation->flags & CARVE_RESERVATION_CONFIGURED))))
		reservation = TAILQ_NEXT(reservation, of_region);
	return reservation;
}

enum carve_outcome carve_request_run_reservations(struct carve_client *client)
{
	const struct carve_service *service = client->service;
	const struct carve_reservation *next[CARVE_WIRE_REGIONS_MAX];
	struct carve_wire_reservations_reply *reply =
		&client->reply->reservations_reply;
	uint64_t id = client->request->reservations.cursor;

	for (size_t i = 0; i < service->region_count; i++)
		next[i] = next_of_region(
			TAILQ_FIRST(&service->regions[i]->reservations), id);
	carve_request_start(client, sizeof(*reply));
	for (;;) {
		size_t first = service->region_count;

		for (size_t i = 0; i < service->region_count; i++)
			if (next[i] && (first == service->region_count ||
					next[i]->id < next[first]->id))
				first = i;
		if (first == service->region_count)
			break;
		if (reply->count == CARVE_WIRE_LIST_MAX) {
			reply->cursor = id;
			break;
		}
		id = next[first]->id;
		carve_inventory_reservation(client, next[first],
					    &reply->items[reply->count++]);
		next[first] = next_of_region(next[first], id);
	}
	reply->header.bytes += reply->count * (uint32_t)sizeof(reply->items[0]);
	return CARVE_OUTCOME_REPLY;
}
