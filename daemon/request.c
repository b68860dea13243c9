// SPDX-License-Identifier: MIT
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carve.h"
#include "crash-point.h"
#include "inventory.h"
#include "name.h"
#include "request-reserve.h"
#include "reservation.h"
#include "resume.h"
#include "session.h"
#include "unread.h"
#include "watch.h"

void carve_request_start(struct carve_client *client, size_t bytes)
{
	/* Another one may have been kept, in the place of the request. */
	client->reply = &client->service->desk->reply;
	memset(client->reply, 0, bytes);
	client->reply->header = (struct carve_wire_header){
		.bytes = (uint32_t)bytes,
		.type = client->request->header.type,
		.id = client->request->header.id,
	};
	client->reply_fds = 0;
}

void carve_request_fail(struct carve_client *client, int error)
{
	carve_request_start(client, sizeof(struct carve_wire_header));
	client->reply->header.status = (int16_t)error;
}

/* ---- HELLO ------------------------------------------------------------- */

static const char *check_hello(const struct carve_client *client)
{
	const struct carve_wire_hello *hello = &client->request->hello;

	if (client->greeted)
		return "a second hello";
	if (hello->version_min > hello->version_max)
		return "an empty range of versions";
	return NULL;
}

static enum carve_outcome run_hello(struct carve_client *client)
{
	const struct carve_wire_hello *hello = &client->request->hello;
	struct carve_wire_hello_reply *reply = &client->reply->hello_reply;
	int r;

	if (hello->version_min > CARVE_WIRE_VERSION ||
	    hello->version_max < CARVE_WIRE_VERSION) {
		carve_request_fail(client, -EPROTONOSUPPORT);
		return CARVE_OUTCOME_REPLY;
	}
	r = carve_session_begin(client);
	if (r < 0) {
		carve_request_fail(client, r);
		return CARVE_OUTCOME_REPLY;
	}
	carve_request_start(client, sizeof(*reply));
	reply->version = CARVE_WIRE_VERSION;
	reply->epoch = client->service->epoch;
	reply->client = client->number;
	memcpy(reply->secret, client->secret, sizeof(reply->secret));
	return CARVE_OUTCOME_REPLY;
}

/* ---- ALLOC ------------------------------------------------------------- */

static const char *check_item(const struct carve_wire_alloc *alloc,
			      const struct carve_wire_alloc_item *item)
{
	if (!carve_name_ends(item->name, sizeof(item->name)))
		return "a name without end";
	if (item->reserved || (item->class && !alloc->reservation))
		return "a member that is not zero";
	if (alloc->reservation &&
	    (item->bytes || item->alignment || item->limit ||
	     item->guard_before || item->guard_after))
		return "a buffer that says what its class says";
	return NULL;
}

static const char *check_alloc(const struct carve_client *client)
{
	const struct carve_wire_alloc *alloc = &client->request->alloc;

	if (!alloc->count || alloc->count > CARVE_WIRE_ALLOC_MAX)
		return "an allocation of no or too many buffers";
	if (alloc->header.bytes != sizeof(*alloc) +
	    alloc->count * sizeof(alloc->items[0]))
		return "an allocation of a wrong length";
	if (alloc->flags & ~CARVE_WIRE_ALLOC_EXPLAIN)
		return "an unknown flag";
	if (!carve_name_ends(alloc->region, sizeof(alloc->region)))
		return "a label without end";
	if (alloc->reservation && alloc->region[0])
		return "a region beside a reservation";
	for (uint32_t i = 0; i < alloc->count; i++) {
		const char *wrong = check_item(alloc, &alloc->items[i]);

		if (wrong)
			return wrong;
	}
	return NULL;
}

static void reply_alloc(struct carve_client *client,
			const struct carve_region *region)
{
	struct carve_wire_alloc_reply *reply = &client->reply->alloc_reply;
	const struct carve_grant *grant = &client->exchange->grant;
	size_t count = grant->count;

	carve_request_start(client, sizeof(*reply) + count * sizeof(reply->items[0]));
	reply->count = (uint32_t)count;
	reply->region_flags = carve_inventory_flags(client->service, region);
	memcpy(reply->items, grant->answer->results,
	       count * sizeof(reply->items[0]));
	client->reply_fds = (unsigned int)count;
}

void carve_request_refuse(struct carve_client *client,
			  const struct carve_wire_refusal *refusal,
			  const struct carve_holders *holders, int error)
{
	size_t bytes = refusal->holder_count * sizeof(holders->items[0]);
	struct carve_wire_header header;

	carve_request_start(client, sizeof(*refusal) + bytes);
	header = client->reply->header;
	header.status = (int16_t)error;
	client->reply->refusal = *refusal;
	client->reply->header = header;
	memcpy(client->reply->refusal.holders, holders->items, bytes);
}

static void answer_alloc(struct carve_client *client, int r)
{
	const struct carve_grant *grant = &client->exchange->grant;

	if (r == 0)
		reply_alloc(client, grant->region);
	else if (r == -ENOSPC || r == -EDQUOT || r == -ETIMEDOUT)
		carve_request_refuse(client, &grant->refusal,
				     &grant->answer->holders, r);
	else
		carve_request_fail(client, r);
}

static void granted(struct carve_grant *grant, int r)
{
	struct carve_client *client =
		carve_container_of(grant, struct carve_exchange, grant)->client;

	CARVE_CRASH_POINT("alloc-waited");
	answer_alloc(client, r);
	carve_client_reply(client);
}

static enum carve_outcome run_alloc(struct carve_client *client)
{
	const struct carve_wire_alloc *alloc = &client->request->alloc;
	struct carve_grant *grant = &client->exchange->grant;
	struct carve_region *region = carve_service_region(client->service,
							   alloc->region);
	struct carve_reservation *reservation =
		carve_request_find_reservation(client, alloc->reservation);
	int r;

	switch (carve_unread_ask(client, alloc->count)) {
	case CARVE_UNREAD_OWN:
		return CARVE_OUTCOME_UNREAD;
	case CARVE_UNREAD_OTHERS:
		return CARVE_OUTCOME_CROWDED;
	case CARVE_UNREAD_ROOM:
		break;
	}
	if (alloc->reservation ? !reservation : !region) {
		carve_request_fail(client, -ENOENT);
		return CARVE_OUTCOME_REPLY;
	}
	if (!reservation &&
	    !carve_service_has_room(client->service, alloc->count)) {
		carve_request_fail(client, -ENOMEM);
		return CARVE_OUTCOME_REPLY;
	}
	*grant = (struct carve_grant){
		.who = &client->who,
		.terms = client->who.terms,
		.timeout_nsec = alloc->timeout_nsec,
		.explain = alloc->flags & CARVE_WIRE_ALLOC_EXPLAIN,
		.items = alloc->items,
		.count = alloc->count,
		.since_usec = client->since_usec,
		.deadline_usec = client->deadline_usec,
		.done = granted,
		.answer = &client->service->desk->answer,
	};
	r = reservation ? carve_reservation_allocate(reservation, grant) :
			  carve_region_allocate(region, grant);
	if (r == -EINPROGRESS) {
		client->waiter = &grant->waiter;
		return CARVE_OUTCOME_WAITING;
	}
	CARVE_CRASH_POINT("alloc-granted");
	answer_alloc(client, r);
	return CARVE_OUTCOME_REPLY;
}

/* ---- REGIONS, LIST, QUERY ---------------------------------------------- */

static enum carve_outcome run_regions(struct carve_client *client)
{
	const struct carve_service *service = client->service;
	struct carve_wire_regions_reply *reply = &client->reply->regions_reply;

	carve_request_start(client, sizeof(*reply) +
		    service->region_count * sizeof(reply->items[0]));
	reply->count = (uint32_t)service->region_count;
	reply->clients = service->client_count;
	for (size_t i = 0; i < service->region_count; i++)
		carve_inventory_region(service, service->regions[i],
				       &reply->items[i]);
	return CARVE_OUTCOME_REPLY;
}

/*
 * Where a list goes on is known to one daemon alone, so its cursors say which: by
 * the lower half of the epoch, and never 0.
 */
static uint64_t first_token(const struct carve_service *service)
{
	return service->epoch << 32;
}

static bool is_of_epoch(const struct carve_service *service, uint64_t cursor)
{
	return cursor >> 32 == (service->epoch & UINT32_MAX);
}

static enum carve_outcome run_list(struct carve_client *client)
{
	struct carve_wire_list_reply *reply = &client->reply->list_reply;
	uint64_t cursor = client->request->list.cursor;
	uint32_t count;

	/*
	 * Where a list goes on is kept here: an address in the cursor would
	 * tell every user where others' buffers lie.
	 */
	if (!cursor) {
		client->list_region = 0;
		client->list_place = (struct carve_roll_place){ 0 };
		if (!client->list_token)
			client->list_token = first_token(client->service);
	} else if (cursor != client->list_token) {
		carve_request_fail(client,
				   is_of_epoch(client->service, cursor) ?
				   -EINVAL : -ESTALE);
		return CARVE_OUTCOME_REPLY;
	}
	carve_request_start(client, sizeof(*reply));
	count = carve_inventory_list(client, reply->items);
	reply->header.bytes += count * (uint32_t)sizeof(reply->items[0]);
	reply->count = count;
	if (client->list_region < client->service->region_count)
		reply->cursor = ++client->list_token;
	return CARVE_OUTCOME_REPLY;
}

static enum carve_outcome run_query(struct carve_client *client)
{
	int r;

	carve_request_start(client, sizeof(client->reply->query_reply));
	r = carve_inventory_query(client, client->request_fd,
				  &client->reply->query_reply.buffer);
	if (r < 0) {
		carve_request_fail(client, r);
		return CARVE_OUTCOME_REPLY;
	}
	/* What is known to be a buffer waits for nobody when it is closed. */
	close(client->request_fd);
	client->request_fd = -1;
	return CARVE_OUTCOME_REPLY;
}

/* ---- WATCH ------------------------------------------------------------- */

static const char *check_watch(const struct carve_client *client)
{
	const struct carve_wire_watch *watch = &client->request->watch;

	if (watch->flags & ~CARVE_WIRE_WATCH_PRESSURE || watch->reserved)
		return "an unknown flag";
	return NULL;
}

static enum carve_outcome run_watch(struct carve_client *client)
{
	carve_watch_set(client, client->request->watch.flags &
				CARVE_WIRE_WATCH_PRESSURE);
	CARVE_CRASH_POINT("watch-set");
	carve_session_save(client);
	CARVE_CRASH_POINT("watch-saved");
	carve_request_start(client, sizeof(struct carve_wire_header));
	return CARVE_OUTCOME_REPLY;
}

/* ---- CANCEL ------------------------------------------------------------ */

/* Nothing waits: what it means was answered before it came (see cancel.h). */
static enum carve_outcome run_cancel(struct carve_client *client)
{
	(void)client;
	return CARVE_OUTCOME_SILENT;
}

/* ---- dispatch ---------------------------------------------------------- */

/**
 * struct request_type - how a request is checked and run
 * @bytes: length
 * @is_longer: that is the least, and @check knows more
 * @fds: descriptors it comes with
 * @check: NULL, or what else to check
 */
struct request_type {
	size_t bytes;
	bool is_longer;
	int fds;
	const char *(*check)(const struct carve_client *client);
	enum carve_outcome (*run)(struct carve_client *client);
};

static const struct request_type types[] = {
	[CARVE_MSG_HELLO] = {
		.bytes = sizeof(struct carve_wire_hello),
		.check = check_hello,
		.run = run_hello,
	},
	[CARVE_MSG_ALLOC] = {
		.bytes = sizeof(struct carve_wire_alloc),
		.is_longer = true,
		.check = check_alloc,
		.run = run_alloc,
	},
	[CARVE_MSG_REGIONS] = {
		.bytes = sizeof(struct carve_wire_header),
		.run = run_regions,
	},
	[CARVE_MSG_LIST] = {
		.bytes = sizeof(struct carve_wire_list),
		.run = run_list,
	},
	[CARVE_MSG_QUERY] = {
		.bytes = sizeof(struct carve_wire_header),
		.fds = 1,
		.run = run_query,
	},
	[CARVE_MSG_RESERVE] = {
		.bytes = sizeof(struct carve_wire_reserve),
		.is_longer = true,
		.check = carve_request_check_reserve,
		.run = carve_request_run_reserve,
	},
	[CARVE_MSG_RESERVATIONS] = {
		.bytes = sizeof(struct carve_wire_reservations),
		.run = carve_request_run_reservations,
	},
	[CARVE_MSG_WATCH] = {
		.bytes = sizeof(struct carve_wire_watch),
		.check = check_watch,
		.run = run_watch,
	},
	[CARVE_MSG_RESUME] = {
		.bytes = sizeof(struct carve_wire_resume),
		.check = carve_resume_check,
		.run = carve_resume_run,
	},
	[CARVE_MSG_CANCEL] = {
		.bytes = sizeof(struct carve_wire_cancel),
		.run = run_cancel,
	},
};

const char *carve_request_check(const struct carve_client *client, size_t bytes)
{
	const struct carve_wire_header *header = &client->request->header;
	const struct request_type *type;

	if (bytes < sizeof(*header) || bytes > sizeof(*client->request))
		return "a packet of a length no message has";
	if (header->bytes != bytes)
		return "a message that misstates its length";
	if (header->status)
		return "a request with a status";
	if (header->type >= sizeof(types) / sizeof(types[0]) ||
	    !types[header->type].run)
		return "an unknown type of message";
	if (!client->greeted && header->type != CARVE_MSG_HELLO &&
	    client->state != CARVE_CLIENT_RESYNC)
		return "no hello first";
	type = &types[header->type];
	if (type->is_longer ? bytes < type->bytes : bytes != type->bytes)
		return "a message of a wrong length";
	if ((client->request_fd >= 0) != type->fds)
		return "a descriptor missing or not expected";
	return type->check ? type->check(client) : NULL;
}

enum carve_outcome carve_request_run(struct carve_client *client)
{
	enum carve_outcome outcome = types[client->request->header.type].run(client);

	if (outcome == CARVE_OUTCOME_REPLY || outcome == CARVE_OUTCOME_SILENT ||
	    carve_exchange_keep(client) == 0)
		return outcome;
	if (outcome == CARVE_OUTCOME_WAITING)
		carve_queue_cancel(client->waiter);
	carve_request_fail(client, -ENOMEM);
	return CARVE_OUTCOME_REPLY;
}
