// SPDX-License-Identifier: MIT
#include "resume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "crash-point.h"
#include "guard.h"
#include "hold.h"
#include "inventory.h"
#include "log.h"
#include "orphans.h"
#include "packet.h"
#include "request-reserve.h"
#include "restore.h"
#include "session.h"
#include "store.h"

/* How long it takes says nothing about where the first difference is. */
static bool is_secret(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t different = 0;

	for (size_t i = 0; i < CARVE_WIRE_SECRET; i++)
		different |= a[i] ^ b[i];
	return !different;
}

/* ---- EPOCH ------------------------------------------------------------- */

int carve_resume_announce(struct carve_client *client)
{
	struct carve_wire_epoch epoch = {
		.header.bytes = sizeof(epoch),
		.header.type = CARVE_MSG_EPOCH,
		.epoch = client->service->epoch,
	};
	int r = carve_packet_send(client->fd, &epoch, sizeof(epoch), NULL, 0);

	if (r == 0)
		client->epoch_due = false;
	CARVE_CRASH_POINT("epoch-sent");
	return r;
}

/*
 * Packets are read in their order, and none with descriptors comes behind EPOCH
 * before the client resumes. So if no more is unread than EPOCH weighs, it is that.
 */
bool carve_resume_has_read(const struct carve_client *client)
{
	static size_t weight;

	if (carve_packet_all_read(client->fd))
		return true;
	if (!weight)
		weight = carve_packet_weight(sizeof(struct carve_wire_epoch));
	return !client->epoch_due && weight &&
	       carve_packet_unread(client->fd) <= weight;
}

/* ---- RESUME ------------------------------------------------------------ */

bool carve_resume_is_meant(const struct carve_client *client, size_t bytes)
{
	const struct carve_wire_resume *resume = &client->request->resume;

	return bytes == sizeof(*resume) &&
	       resume->header.type == CARVE_MSG_RESUME &&
	       resume->epoch == client->service->epoch;
}

void carve_resume_drop_buffer(struct carve_client *client)
{
	struct carve_wire_buffer buffer;

	if (client->request_fd < 0 ||
	    carve_inventory_query(client, client->request_fd, &buffer) < 0)
		return;
	close(client->request_fd);
	client->request_fd = -1;
}

const char *carve_resume_check(const struct carve_client *client)
{
	const struct carve_wire_resume *resume = &client->request->resume;

	if (client->state == CARVE_CLIENT_RESYNC)
		return NULL;
	if (!client->fresh)
		return "a resume of what goes on";
	if (resume->epoch != client->service->epoch)
		return "a resume of another epoch";
	return resume->client ? NULL : "a resume of nobody";
}

/* Is it the one this connection was all the time? */
static bool is_self(const struct carve_client *client)
{
	const struct carve_wire_resume *resume = &client->request->resume;

	return client->known && resume->client == client->number &&
	       is_secret(resume->secret, client->secret);
}

/* Its connection broke, and this is a new one. Return: is it? */
static bool take_over(struct carve_client *client)
{
	const struct carve_wire_resume *resume = &client->request->resume;
	struct carve_orphan *orphan =
		carve_orphans_find(client->service, resume->client);

	if (!orphan || orphan->kept.uid != client->who.uid ||
	    !is_secret(resume->secret, orphan->kept.secret))
		return false;
	carve_request_end_reservations(client);
	carve_hold_arrived(client->service, &client->expected);
	client->expected = orphan->expected;
	carve_session_recall(client, &orphan->kept, orphan->cell);
	carve_orphan_free(orphan);
	return true;
}

static bool has_lost(const struct carve_client *client)
{
	const struct carve_service *service = client->service;
	bool lost = client->lost;

	for (size_t i = 0; i < service->region_count; i++)
		lost |= carve_restore_is_lost(service->regions[i],
					      client->number);
	return lost;
}

/* Return: 0 or negative errno, and what the reply's flags are. */
static int find(struct carve_client *client, uint32_t *ret_flags)
{
	bool is_known = is_self(client) || take_over(client);
	int r = 0;

	*ret_flags = 0;
	if (is_known && !has_lost(client))
		return 0;
	*ret_flags = CARVE_WIRE_RESUME_LOST;
	carve_request_end_reservations(client);
	if (!is_known)
		r = carve_session_new_secret(client);
	return r;
}

/* Its HELLO was not answered, and follows. */
static enum carve_outcome run_nobody(struct carve_client *client)
{
	client->greeted = false;
	carve_hold_arrived(client->service, &client->expected);
	carve_client_expect_hello(client);
	carve_request_start(client, sizeof(client->reply->resume_reply));
	return CARVE_OUTCOME_REPLY;
}

enum carve_outcome carve_resume_run(struct carve_client *client)
{
	struct carve_wire_resume_reply *reply = &client->reply->resume_reply;
	uint32_t flags;
	int r;

	if (!client->request->resume.client)
		return run_nobody(client);
	r = find(client, &flags);
	if (r < 0) {
		carve_request_fail(client, r);
		return CARVE_OUTCOME_REPLY;
	}
	client->greeted = true;
	client->known = true;
	client->fresh = false;
	client->resumed = true;
	carve_session_save(client);
	CARVE_CRASH_POINT("resume-found");
	carve_request_start(client, sizeof(*reply));
	reply->flags = flags;
	reply->client = client->number;
	memcpy(reply->secret, client->secret, sizeof(reply->secret));
	return CARVE_OUTCOME_REPLY;
}

/* ---- at start ---------------------------------------------------------- */

/* Whoever has gone is seen to have gone by its first event. */
static int welcome_back(struct carve_service *service, sd_event *event,
			uint64_t number, int fd)
{
	struct carve_orphan *orphan = carve_orphans_find(service, number);
	struct carve_client *client;
	struct carve_identity who;
	int r;

	if (carve_session_find(service, number))
		return -EEXIST;
	r = carve_identity_init(&who, fd);
	/* In which unit its process is now, if that lives, says nothing. */
	if (r == 0 && orphan && orphan->kept.uid == who.uid &&
	    orphan->kept.pid == who.pid)
		r = carve_identity_set_unit(&who, orphan->kept.unit);
	if (r == 0)
		who.terms = carve_config_terms(service->config, &who);
	if (r == 0)
		r = carve_client_new(&client, service, event, fd, &who);
	if (r < 0) {
		carve_identity_done(&who);
		return r;
	}
	client->number = number;
	client->stored = true;
	if (orphan) {
		client->expected = orphan->expected;
		carve_session_recall(client, &orphan->kept, orphan->cell);
		carve_orphan_free(orphan);
	} else {
		client->sent = true;
		carve_request_adopt_reservations(client);
	}
	carve_client_resync(client);
	return 0;
}

/* Numbers that were damaged are above those in use again. */
static void pass_number(struct carve_service *service, uint64_t number)
{
	struct carve_state_numbers *numbers;

	if (service->last_client < number)
		service->last_client = number;
	if (!service->state)
		return;
	numbers = carve_state_numbers(service->state);
	if (numbers->client < number)
		numbers->client = number;
}

/*
 * It connects anew, and is known by its cell. Of two of one number the first is the
 * one: there is no way to tell, but by what they know of it.
 */
static void hang_up(struct carve_service *service, uint64_t number, int fd,
		    int error)
{
	struct carve_client *other = carve_session_find(service, number);

	carve_log(LOG_WARNING, NULL, "client %" PRIu64 " could not be taken over "
		  "and was hung up on: %s", number, error == -EEXIST ?
		  "its number is in use" : strerror(-error));
	if (other)
		carve_session_store_anew(other);
	else
		carve_session_drop_stored(service, number);
	/* It may be a second descriptor of the very same connection. */
	if (!other)
		shutdown(fd, SHUT_RDWR);
	carve_guard_close(fd);
}

static void welcome_all(struct carve_service *service, sd_event *event)
{
	uint64_t number;
	int fd, r;

	while (service->store &&
	       (fd = carve_store_take_client(service->store, &number)) >= 0) {
		pass_number(service, number);
		r = number ? welcome_back(service, event, number, fd) : -EINVAL;
		if (r < 0)
			hang_up(service, number, fd, r);
	}
}

int carve_resume_clients(struct carve_service *service, sd_event *event)
{
	int r = service->store ? carve_store_attach(service->store, event) : 0;

	if (r == 0)
		r = carve_orphans_load(service);
	if (r == 0)
		welcome_all(service, event);
	CARVE_CRASH_POINT("start-clients");
	if (r == 0)
		r = carve_orphans_settle(service, event);
	if (r == 0)
		r = carve_hold_begin(service, event);
	return r;
}
