// SPDX-License-Identifier: MIT
#include "exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"

/*
 * The least that is kept of a request: the reply to a claim, which says more than
 * the claim does, fits into it.
 */
#define KEPT_LEAST	(sizeof(struct carve_wire_reserve_reply) + \
			 CARVE_WIRE_CLASSES_MAX * sizeof(struct carve_wire_class))

/*
 * Of what was prepared for all. More than may be had by those who wait for others:
 * of these, who is one too many is to be told.
 */
#define OF_USER_MAX	(CARVE_EXCHANGE_SPARES / 2 + 1)

_Static_assert(KEPT_LEAST >= sizeof(struct carve_wire_refusal), "refusal");
_Static_assert(sizeof(struct carve_wire_alloc) >=
	       sizeof(struct carve_wire_alloc_reply) &&
	       sizeof(struct carve_wire_alloc_item) >=
	       sizeof(struct carve_wire_alloc_result) + sizeof(int), "reply");
_Static_assert(sizeof(struct carve_wire_reserve) >=
	       sizeof(struct carve_wire_reserve_reply), "reply");

/* ---- spares ------------------------------------------------------------ */

static void put_spare(struct carve_desk *desk, struct carve_exchange *exchange)
{
	SLIST_INSERT_HEAD(&desk->spares, exchange, spare);
	desk->spare_count++;
}

static struct carve_exchange *take_spare(struct carve_desk *desk)
{
	struct carve_exchange *exchange = SLIST_FIRST(&desk->spares);

	SLIST_REMOVE_HEAD(&desk->spares, spare);
	desk->spare_count--;
	return exchange;
}

static void free_exchange(struct carve_exchange *exchange)
{
	free(exchange->packet);
	free(exchange);
}

/* As many as there were at the start, or as there is memory for. */
static int refill(struct carve_desk *desk)
{
	while (desk->spare_count < CARVE_EXCHANGE_SPARES) {
		struct carve_exchange *exchange = malloc(sizeof(*exchange));

		if (!exchange)
			return -ENOMEM;
		exchange->room = sizeof(*exchange->packet);
		exchange->packet = malloc(exchange->room);
		if (!exchange->packet) {
			free(exchange);
			return -ENOMEM;
		}
		put_spare(desk, exchange);
	}
	return 0;
}

int carve_desk_new(struct carve_desk **ret)
{
	struct carve_desk *desk = malloc(sizeof(*desk));
	int r;

	if (!desk)
		return -ENOMEM;
	SLIST_INIT(&desk->spares);
	desk->spare_count = 0;
	r = refill(desk);
	if (r < 0) {
		carve_desk_free(desk);
		return r;
	}
	*ret = desk;
	return 0;
}

struct carve_desk *carve_desk_free(struct carve_desk *desk)
{
	if (!desk)
		return NULL;
	while (desk->spare_count)
		free_exchange(take_spare(desk));
	free(desk);
	return NULL;
}

/* ---- begin ------------------------------------------------------------- */

/* What is asked for without a change that may have to wait. */
static bool gives_back(const struct carve_wire_reserve *reserve)
{
	return reserve->header.bytes == sizeof(*reserve) &&
	       !(reserve->flags & CARVE_WIRE_RESERVE_CLAIM);
}

/* As much of a message as is_brief() looks at. */
union beginning {
	struct carve_wire_header header;
	struct carve_wire_alloc alloc;
	struct carve_wire_reserve reserve;
};

static bool may_wait(const union beginning *next)
{
	if (next->header.type == CARVE_MSG_ALLOC)
		return next->alloc.timeout_nsec;
	return next->header.type == CARVE_MSG_RESERVE &&
	       !gives_back(&next->reserve) && next->reserve.timeout_nsec;
}

/* Is what it says next sure to be answered at once, and the reply to be taken? */
static bool is_brief(const struct carve_client *client)
{
	struct pollfd pollfd = { .fd = client->fd, .events = POLLOUT };
	union beginning next;

	if (poll(&pollfd, 1, 0) != 1 || !(pollfd.revents & POLLOUT))
		return false;
	/* Of what the last daemon was asked nothing but RESUME is answered. */
	if (client->state == CARVE_CLIENT_RESYNC)
		return true;
	memset(&next, 0, sizeof(next));
	if (recv(client->fd, &next, sizeof(next), MSG_PEEK | MSG_DONTWAIT) < 0)
		return true;
	return !may_wait(&next);
}

static bool has_all_room(const struct carve_exchange *exchange)
{
	return exchange->room == sizeof(*exchange->packet);
}

/* Are so many of its user's requests where any would have found room? */
static bool has_share(const struct carve_client *client)
{
	const struct carve_client *other;
	unsigned int count = 0;

	TAILQ_FOREACH(other, &client->service->clients, link)
		count += other->exchange && has_all_room(other->exchange) &&
			 other->who.uid == client->who.uid;
	return count >= OF_USER_MAX;
}

int carve_exchange_begin(struct carve_client *client)
{
	struct carve_desk *desk = client->service->desk;
	bool scarce;

	if (desk->spare_count <= CARVE_EXCHANGE_SPARES / 2)
		refill(desk);
	scarce = desk->spare_count <= CARVE_EXCHANGE_SPARES / 2 &&
		 (desk->spare_count <= 1 || has_share(client));
	if (!desk->spare_count || (scarce && !is_brief(client)))
		return -ENOMEM;
	client->exchange = take_spare(desk);
	client->exchange->client = client;
	client->request = client->exchange->packet;
	client->reply = &desk->reply;
	return 0;
}

/* ---- keep -------------------------------------------------------------- */

static void put_back(struct carve_desk *desk, struct carve_exchange *exchange)
{
	if (has_all_room(exchange) && desk->spare_count < CARVE_EXCHANGE_SPARES)
		put_spare(desk, exchange);
	else
		free_exchange(exchange);
}

/*
 * Another packet, with what the one there was begins with. Return: is there memory
 * for it?
 */
static bool move(struct carve_client *client, size_t room, size_t bytes)
{
	struct carve_exchange *exchange = client->exchange;
	struct carve_exchange *other = malloc(sizeof(*other));
	union carve_client_packet *packet = malloc(room);

	if (!packet || !other) {
		free(packet);
		free(other);
		return false;
	}
	memcpy(packet, exchange->packet, bytes);
	other->packet = exchange->packet;
	other->room = exchange->room;
	exchange->packet = packet;
	exchange->room = room;
	client->request = packet;
	put_back(client->service->desk, other);
	return true;
}

/*
 * In the room that was prepared for any request. What was promised does not fail for
 * want of memory; who waits for others leaves half of it.
 */
static bool may_stay(const struct carve_client *client)
{
	const struct carve_wire_alloc *alloc = &client->request->alloc;
	bool promised = alloc->header.type == CARVE_MSG_ALLOC && alloc->reservation;

	return client->service->desk->spare_count >=
	       (promised ? 1 : CARVE_EXCHANGE_SPARES / 2);
}

int carve_exchange_keep(struct carve_client *client)
{
	struct carve_exchange *exchange = client->exchange;
	size_t bytes = client->request->header.bytes;

	if (has_all_room(exchange) &&
	    !move(client, bytes > KEPT_LEAST ? bytes : KEPT_LEAST, bytes) &&
	    !may_stay(client))
		return -ENOMEM;
	if (client->request->header.type == CARVE_MSG_ALLOC)
		exchange->grant.items = client->request->alloc.items;
	return 0;
}

static size_t reply_bytes(const struct carve_client *client)
{
	return client->reply->header.bytes + client->reply_fds * sizeof(int);
}

void carve_exchange_keep_reply(struct carve_client *client)
{
	struct carve_exchange *exchange = client->exchange;
	size_t bytes = client->reply->header.bytes;

	if (client->reply == exchange->packet)
		return;
	if (has_all_room(exchange) || exchange->room < reply_bytes(client))
		move(client, reply_bytes(client), 0);
	/* Only with those it names it may be longer than what was asked for. */
	if (exchange->room < reply_bytes(client)) {
		bytes = sizeof(client->reply->refusal);
		client->reply->header.bytes = (uint32_t)bytes;
		client->reply->refusal.holder_count = 0;
	}
	memcpy(exchange->packet, client->reply, bytes);
	memcpy(exchange->packet->room + bytes, client->service->desk->answer.fds,
	       client->reply_fds * sizeof(int));
	client->reply = exchange->packet;
}

int *carve_exchange_fds(const struct carve_client *client)
{
	if (client->reply != client->exchange->packet)
		return client->service->desk->answer.fds;
	/* Replies are multiples of 8 bytes. */
	return (int *)(void *)(client->reply->room + client->reply->header.bytes);
}

void carve_exchange_end(struct carve_client *client)
{
	if (client->exchange)
		put_back(client->service->desk, client->exchange);
	client->exchange = NULL;
	client->request = client->reply = NULL;
	client->waiter = NULL;
}
