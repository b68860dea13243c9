// SPDX-License-Identifier: MIT
/* Lists that come page by page: of buffers, and of reservations. */
#include "list.h"

#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/*
 * Bounds for a daemon gone mad: more buffers than any region can have
 * descriptors for, and as many replies as one entry each would take.
 */
#define LIST_MAX	(1U << 20)
#define ROUNDS_MAX	(LIST_MAX + CARVE_WIRE_REGIONS_MAX)

/* How often a list may be begun again because the daemon was restarted. */
#define BEGINS_MAX	16U

/* Requests, and replies up to their entries, are the same for both. */
_Static_assert(sizeof(struct carve_wire_list) ==
	       sizeof(struct carve_wire_reservations), "wire");
_Static_assert(offsetof(struct carve_wire_list_reply, cursor) ==
	       offsetof(struct carve_wire_reservations_reply, cursor), "wire");
_Static_assert(offsetof(struct carve_wire_list_reply, count) ==
	       offsetof(struct carve_wire_reservations_reply, count), "wire");
_Static_assert(offsetof(struct carve_wire_list_reply, items) ==
	       offsetof(struct carve_wire_reservations_reply, items), "wire");

/* Is it a page of the list that leads on from @cursor, or ends there? */
static bool page_ok(const struct carve_list_kind *kind,
		    const struct carve_reply *reply, uint64_t cursor)
{
	const struct carve_wire_list_reply *page = &reply->list;
	const uint8_t *at = (const uint8_t *)page->items;

	if (page->header.bytes < sizeof(*page) || page->reserved)
		return false;
	if (page->count > CARVE_WIRE_LIST_MAX)
		return false;
	if (page->header.bytes != sizeof(*page) + page->count * kind->wire_bytes)
		return false;
	if (page->cursor && page->cursor <= cursor)
		return false;
	if (page->cursor && !page->count && !kind->may_be_empty)
		return false;
	for (uint32_t i = 0; i < page->count; i++, at += kind->wire_bytes)
		if (!kind->ok(at))
			return false;
	return true;
}

static int append(const struct carve_list_kind *kind, struct carve_list *list,
		  const struct carve_wire_list_reply *page)
{
	const uint8_t *from = (const uint8_t *)page->items;
	size_t need = list->count + page->count;

	if (need > LIST_MAX)
		return -EPROTO;
	if (need > list->room) {
		size_t room = need + list->room;
		void *items = realloc(list->items, room * kind->info_bytes);

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	for (uint32_t i = 0; i < page->count; i++, from += kind->wire_bytes)
		kind->take(from, (uint8_t *)list->items +
				 list->count++ * kind->info_bytes);
	return 0;
}

/* The connection is held: the daemon keeps one place in a list for each. */
static int walk(struct carve *carve, const struct carve_list_kind *kind,
		struct carve_list *list)
{
	struct carve_wire_list request = {
		.header.bytes = sizeof(request),
		.header.type = kind->type,
	};
	struct carve_reply reply;
	unsigned int begins = 1;
	int r;

	for (uint32_t rounds = 0; rounds < ROUNDS_MAX; rounds++) {
		r = carve_call_held(carve, &request.header, -1, 0, &reply);
		if (r == -ESTALE && request.cursor && begins++ < BEGINS_MAX) {
			request.cursor = 0;
			list->count = 0;
			continue;
		}
		if (r < 0)
			return r == -ESTALE ? -ECONNRESET : r;
		if (!page_ok(kind, &reply, request.cursor))
			return -EPROTO;
		r = append(kind, list, &reply.list);
		if (r < 0)
			return r;
		request.cursor = reply.list.cursor;
		if (!request.cursor)
			return 0;
	}
	return -EPROTO;
}

int carve_list_walk(struct carve *carve, const struct carve_list_kind *kind,
		    struct carve_list *list)
{
	int state = carve_hold(carve);
	int r = walk(carve, kind, list);

	if (r == -EPROTO)
		carve_link_break(carve);
	carve_let_go(carve, state);
	return r;
}
