// SPDX-License-Identifier: MIT
/* What reservations there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Bounds for a daemon gone mad: one for every page of 4 GiB. */
#define LIST_MAX	(1U << 20)

struct carve_reservations {
	size_t count;
	size_t room;
	struct carve_reservation_info *items;
};

static bool item_ok(const struct carve_wire_reservation *wire)
{
	return carve_wire_string_ok(wire->region, sizeof(wire->region)) &&
	       carve_wire_string_ok(wire->name, sizeof(wire->name)) &&
	       wire->region[0] && wire->id && !wire->reserved;
}

/* Is it a page of the list that leads on from @cursor, or ends there? */
static bool page_ok(const struct carve_wire_reservations_reply *page,
		    uint64_t cursor)
{
	if (page->header.bytes < sizeof(*page) || page->reserved)
		return false;
	if (page->count > CARVE_WIRE_LIST_MAX)
		return false;
	if (page->header.bytes !=
	    sizeof(*page) + page->count * sizeof(page->items[0]))
		return false;
	/* More to come, but nothing here: that would go on for ever. */
	if (page->cursor && (page->cursor <= cursor || !page->count))
		return false;
	for (uint32_t i = 0; i < page->count; i++)
		if (!item_ok(&page->items[i]))
			return false;
	return true;
}

static void from_wire(const struct carve_wire_reservation *wire,
		      struct carve_reservation_info *info)
{
	*info = (struct carve_reservation_info){
		.struct_size = sizeof(*info),
		.flags = wire->flags,
		.id = wire->id,
		.bytes = wire->bytes,
		.live_bytes = wire->live_bytes,
		.uid = wire->uid,
		.pid = wire->pid,
		.slots = wire->slots,
		.live = wire->live,
	};
	strcpy(info->region, wire->region);
	strcpy(info->name, wire->name);
}

static int append(struct carve_reservations *reservations,
		  const struct carve_wire_reservations_reply *page)
{
	size_t need = reservations->count + page->count;

	if (need > LIST_MAX)
		return -EPROTO;
	if (need > reservations->room) {
		size_t room = need + reservations->room;
		void *items = realloc(reservations->items,
				      room * sizeof(reservations->items[0]));

		if (!items)
			return -ENOMEM;
		reservations->items = items;
		reservations->room = room;
	}
	for (uint32_t i = 0; i < page->count; i++)
		from_wire(&page->items[i],
			  &reservations->items[reservations->count++]);
	return 0;
}

static int list(struct carve *carve, struct carve_reservations *reservations)
{
	struct carve_wire_reservations request = {
		.header.bytes = sizeof(request),
		.header.type = CARVE_MSG_RESERVATIONS,
	};
	struct carve_reply reply;
	int r;

	do {
		r = carve_call(carve, &request.header, -1, 0, &reply);
		if (r < 0)
			return r;
		if (!page_ok(&reply.reservations, request.cursor))
			return -EPROTO;
		r = append(reservations, &reply.reservations);
		if (r < 0)
			return r;
		request.cursor = reply.reservations.cursor;
	} while (request.cursor);
	return 0;
}

int carve_reservations_new(struct carve *carve, struct carve_reservations **ret)
{
	struct carve_reservations *reservations;
	int r;

	if (!carve || !ret)
		return -EINVAL;
	reservations = calloc(1, sizeof(*reservations));
	if (!reservations)
		return -ENOMEM;
	r = list(carve, reservations);
	if (r < 0) {
		if (r == -EPROTO)
			carve_connection_fail(carve);
		carve_reservations_free(reservations);
		return r;
	}
	*ret = reservations;
	return 0;
}

struct carve_reservations *
carve_reservations_free(struct carve_reservations *reservations)
{
	if (!reservations)
		return NULL;
	free(reservations->items);
	free(reservations);
	return NULL;
}

size_t carve_reservations_count(const struct carve_reservations *reservations)
{
	return reservations->count;
}

const struct carve_reservation_info *
carve_reservations_get(const struct carve_reservations *reservations,
		       size_t index)
{
	return index < reservations->count ? &reservations->items[index] : NULL;
}
