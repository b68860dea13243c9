// SPDX-License-Identifier: MIT
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crash-point.h"
#include "hold.h"
#include "log.h"
#include "process.h"
#include "ration.h"
#include "request-reserve.h"
#include "restore.h"
#include "store.h"
#include "watch.h"

static uint64_t new_number(struct carve_service *service)
{
	if (!service->state)
		return ++service->last_client;
	return ++carve_state_numbers(service->state)->client;
}

int carve_session_new_secret(struct carve_client *client)
{
	ssize_t bytes = getrandom(client->secret, sizeof(client->secret), 0);

	if (bytes == sizeof(client->secret))
		return 0;
	return bytes < 0 ? -errno : -EAGAIN;
}

static void warn(const struct carve_client *client, const char *what, int error)
{
	static struct carve_log_limit limit;
	struct carve_log_about about = {
		.pid = client->who.pid,
		.uid = client->who.uid,
	};

	carve_log_limited(&limit, LOG_WARNING, &about, "%s of uid %u pid %d is "
			  "not kept for another start: %s", what,
			  (unsigned int)client->who.uid, (int)client->who.pid,
			  strerror(-error));
}

void carve_session_save(struct carve_client *client)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_CLIENT,
		.client = {
			.client = client->number,
			.uid = client->who.uid,
			.pid = client->who.pid,
			.start_time = client->start_time,
			.flags = (client->greeted ? CARVE_CELL_GREETED : 0) |
				 (client->watches ? CARVE_CELL_WATCHES : 0) |
				 (client->sent ? CARVE_CELL_SENT : 0) |
				 (client->lost ? CARVE_CELL_LOST : 0),
			.waiting = client->waiting.id,
			.since_usec = client->waiting.since_usec,
			.deadline_usec = client->waiting.deadline_usec,
		},
	};
	int r;

	if (!client->service->state)
		return;
	memcpy(cell.client.secret, client->secret, sizeof(client->secret));
	snprintf(cell.client.unit, sizeof(cell.client.unit), "%s",
		 client->who.unit);
	r = carve_state_put(client->service->state, &cell, &client->cell);
	if (r < 0)
		warn(client, "what is known", r);
}

/* ---- the service manager's store ------------------------------------------ */

/*
 * What it takes the service manager, which serves the whole machine, to keep a
 * connection and to drop it. Not measured: on a machine that is slow or busy it would
 * be those who come once that are not kept.
 */
#define MANAGER_USEC	200U

/* Of the time that keeping connections takes. */
static struct carve_ration ration;

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_limited(const struct carve_client *client)
{
	return client->who.uid != 0 && client->who.uid != geteuid();
}

static void store(struct carve_client *client)
{
	char name[CARVE_STORE_NAME];
	int r;

	carve_store_client_name(name, client->number);
	r = carve_store_put(client->service->store, name, client->fd);
	client->stored = r == 0;
	if (r < 0)
		warn(client, "the connection", r);
}

/* @again: it was not when it should have been; then nobody is exempt. */
static void store_rationed(struct carve_client *client, bool again)
{
	const struct carve_store *kept = client->service->store;
	uint64_t usec;

	if (!kept || !kept->there || (!again && !is_limited(client))) {
		store(client);
		return;
	}
	usec = now_usec();
	if (!carve_ration_is_left(&ration, client->who.uid, usec)) {
		if (!again)
			warn(client, "the connection", -EAGAIN);
		return;
	}
	store(client);
	carve_ration_use(&ration, client->who.uid, usec, MANAGER_USEC);
}

void carve_session_drop_stored(const struct carve_service *service,
			       uint64_t number)
{
	carve_store_remove_client(service->store, number);
}

struct carve_client *carve_session_find(const struct carve_service *service,
					uint64_t number)
{
	struct carve_client *client;

	TAILQ_FOREACH(client, &service->clients, link)
		if (client->number == number)
			return client;
	return NULL;
}

void carve_session_store_anew(struct carve_client *client)
{
	carve_session_drop_stored(client->service, client->number);
	store(client);
}

static void unstore(struct carve_client *client)
{
	if (client->stored)
		carve_session_drop_stored(client->service, client->number);
	client->stored = false;
}

/* ---- beginning and end ---------------------------------------------------- */

int carve_session_begin(struct carve_client *client)
{
	int r = carve_session_new_secret(client);

	if (r < 0)
		return r;
	if (!client->number)
		client->number = new_number(client->service);
	client->start_time = carve_process_start_time(client->who.pid);
	/* A cell without a connection would look like one that was lost. */
	if (!client->stored)
		store_rationed(client, false);
	CARVE_CRASH_POINT("hello-stored");
	client->greeted = true;
	client->fresh = true;
	carve_session_save(client);
	CARVE_CRASH_POINT("hello-saved");
	return 0;
}

void carve_session_recall(struct carve_client *client,
			  const struct carve_cell_client *kept, uint32_t cell)
{
	uint32_t other = client->cell;
	bool is_new = client->number != kept->client;

	if (is_new)
		unstore(client);
	CARVE_CRASH_POINT("resume-unstored");
	client->number = kept->client;
	memcpy(client->secret, kept->secret, sizeof(client->secret));
	client->known = true;
	client->greeted = kept->flags & CARVE_CELL_GREETED;
	client->lost = kept->flags & CARVE_CELL_LOST;
	/* On a new connection nothing has been sent. */
	client->sent = !is_new && kept->flags & CARVE_CELL_SENT;
	client->waiting = (struct carve_waiting){
		.id = kept->waiting,
		.since_usec = kept->since_usec,
		.deadline_usec = kept->deadline_usec,
	};
	carve_watch_set(client, kept->flags & CARVE_CELL_WATCHES);
	client->cell = cell;
	/* The process may have gone since it connected, and its number be another's. */
	if (!is_new)
		client->start_time = kept->start_time;
	if (is_new)
		store_rationed(client, false);
	CARVE_CRASH_POINT("resume-stored");
	/* It may be another process of the same user now. */
	if (is_new)
		carve_session_save(client);
	CARVE_CRASH_POINT("resume-saved");
	carve_state_drop(client->service->state, &other);
	CARVE_CRASH_POINT("resume-dropped");
	carve_request_adopt_reservations(client);
}

static bool may_wait(const struct carve_wire_header *header)
{
	return header->type == CARVE_MSG_ALLOC ||
	       header->type == CARVE_MSG_RESERVE;
}

void carve_session_forget_waiting(struct carve_client *client)
{
	if (!client->waiting.id)
		return;
	client->waiting = (struct carve_waiting){ 0 };
	carve_session_save(client);
}

/*
 * What the library says of its own accord, before it asks again for what was not
 * answered: that it wants to hear of pressure, and what it has given back since.
 */
static bool goes_before(const struct carve_client *client)
{
	const struct carve_wire_reserve *reserve = &client->request->reserve;

	return reserve->header.type == CARVE_MSG_WATCH ||
	       (reserve->header.type == CARVE_MSG_RESERVE &&
		reserve->reservation && !reserve->count);
}

void carve_session_request(struct carve_client *client)
{
	const struct carve_wire_header *header = &client->request->header;
	bool first = client->resumed;

	client->repeats = false;
	client->since_usec = client->deadline_usec = 0;
	if (header->type == CARVE_MSG_CANCEL ||
	    header->type == CARVE_MSG_RESUME)
		return;
	client->fresh = false;
	if (!client->stored && client->number)
		store_rationed(client, true);
	if (first && goes_before(client))
		return;
	client->resumed = false;
	if (!first)
		return;
	client->repeats = header->id != 0;
	if (may_wait(header) && header->id == client->waiting.id) {
		client->since_usec = client->waiting.since_usec;
		client->deadline_usec = client->waiting.deadline_usec;
	} else {
		carve_session_forget_waiting(client);
	}
}

void carve_session_wait(struct carve_client *client)
{
	CARVE_CRASH_POINT("wait-begun");
	/* What has no number cannot be known again. */
	if (!client->request->header.id)
		return;
	client->waiting = (struct carve_waiting){
		.id = client->request->header.id,
		.since_usec = client->waiter->since_usec,
		.deadline_usec = client->waiter->deadline_usec,
	};
	carve_session_save(client);
	CARVE_CRASH_POINT("wait-saved");
}

/* For tests; otherwise there is nothing in it. */
static void die_behind_reply(uint16_t type)
{
	switch (type) {
	case CARVE_MSG_HELLO:
		CARVE_CRASH_POINT("hello-answered");
		break;
	case CARVE_MSG_RESUME:
		CARVE_CRASH_POINT("resume-answered");
		break;
	case CARVE_MSG_ALLOC:
		CARVE_CRASH_POINT("alloc-answered");
		break;
	case CARVE_MSG_RESERVE:
		CARVE_CRASH_POINT("reserve-answered");
		break;
	case CARVE_MSG_WATCH:
		CARVE_CRASH_POINT("watch-answered");
		break;
	}
}

void carve_session_set_sent(struct carve_client *client, bool sent)
{
	if (client->sent == sent)
		return;
	client->sent = sent;
	/* Of whom nothing is known, nothing is said. */
	if (client->cell)
		carve_session_save(client);
}

static void told_of_loss(struct carve_client *client)
{
	const struct carve_service *service = client->service;

	for (size_t i = 0; i < service->region_count; i++)
		carve_restore_told(service->regions[i], client->number);
	if (!client->lost)
		return;
	client->lost = false;
	carve_session_save(client);
}

void carve_session_answered(struct carve_client *client)
{
	const struct carve_wire_header *header = &client->reply->header;

	die_behind_reply(header->type);
	if (header->type == CARVE_MSG_RESUME &&
	    client->reply->resume_reply.flags & CARVE_WIRE_RESUME_LOST)
		told_of_loss(client);
	if (may_wait(header) && header->id == client->waiting.id)
		carve_session_forget_waiting(client);
}

void carve_session_hang_up(struct carve_client *client)
{
	if (client->service->ending)
		return;
	shutdown(client->fd, SHUT_RDWR);
	CARVE_CRASH_POINT("hangup-shut");
}

void carve_session_end(struct carve_client *client)
{
	struct carve_service *service = client->service;

	carve_hold_arrived(service, &client->expected);
	if (service->ending)
		return;
	for (size_t i = 0; client->number && i < service->region_count; i++)
		carve_restore_told(service->regions[i], client->number);
	CARVE_CRASH_POINT("hangup-freed");
	if (service->state)
		carve_state_drop(service->state, &client->cell);
	CARVE_CRASH_POINT("hangup-forgotten");
	unstore(client);
	CARVE_CRASH_POINT("hangup-removed");
}
