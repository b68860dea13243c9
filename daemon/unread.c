// SPDX-License-Identifier: MIT
#include "unread.h"

#include <time.h>

#include "client.h"
#include "packet.h"
#include "resume.h"
#include "session.h"

/* To look at a thousand clients takes a third of a millisecond. */
#define LOOK_USEC	10000U

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Of one user, in all its connections. */
static size_t sum_of(const struct carve_service *service, uid_t uid)
{
	const struct carve_client *client;
	size_t sum = 0;

	TAILQ_FOREACH(client, &service->clients, link)
		if (client->who.uid == uid)
			sum += client->unread_fds;
	return sum;
}

/*
 * What clients of one user were sent by another daemon: each may have all that one
 * may have unread, but all together no more than one user may.
 */
static void share_inherited(struct carve_service *service, uid_t uid)
{
	struct carve_unread *unread = &service->unread;
	size_t sum = sum_of(service, uid), room = SIZE_MAX;
	struct carve_client *client;

	if (unread->max)
		room = sum < unread->max / 2 ? unread->max / 2 - sum : 0;
	TAILQ_FOREACH(client, &service->clients, link) {
		size_t more = CARVE_UNREAD_CLIENT - client->unread_fds;

		if (!client->inherits || client->who.uid != uid)
			continue;
		more = more < room ? more : room;
		carve_unread_add(client, more);
		room -= more;
	}
}

static bool has_read_all(const struct carve_client *client)
{
	return client->state == CARVE_CLIENT_RESYNC ?
		carve_resume_has_read(client) : carve_packet_all_read(client->fd);
}

static void look_at_all(struct carve_service *service)
{
	struct carve_unread *unread = &service->unread;
	struct carve_client *client;
	uint64_t now = now_usec();

	if (now - unread->looked_usec < LOOK_USEC)
		return;
	unread->looked_usec = now;
	TAILQ_FOREACH(client, &service->clients, link) {
		if ((!client->unread_fds && !client->inherits) ||
		    !has_read_all(client))
			continue;
		if (client->inherits)
			carve_session_set_sent(client, false);
		carve_unread_clear(client);
	}
}

enum carve_unread_answer carve_unread_ask(struct carve_client *client,
					  size_t count)
{
	struct carve_service *service = client->service;
	struct carve_unread *unread = &service->unread;

	if (client->inherits ||
	    client->unread_fds + count > CARVE_UNREAD_CLIENT) {
		if (!carve_packet_all_read(client->fd))
			return CARVE_UNREAD_OWN;
		carve_unread_clear(client);
	}
	/* Then nobody can have more than half of it. */
	if (!unread->max || unread->sum + count <= unread->max / 2)
		return CARVE_UNREAD_ROOM;
	look_at_all(service);
	if (unread->sum + count <= unread->max / 2 ||
	    (unread->sum + count <= unread->max &&
	     sum_of(service, client->who.uid) + count <= unread->max / 2))
		return CARVE_UNREAD_ROOM;
	return CARVE_UNREAD_OTHERS;
}

void carve_unread_add(struct carve_client *client, size_t count)
{
	client->unread_fds += (unsigned int)count;
	client->service->unread.sum += count;
}

void carve_unread_inherit(struct carve_client *client)
{
	client->inherits = true;
	share_inherited(client->service, client->who.uid);
}

void carve_unread_clear(struct carve_client *client)
{
	bool inherits = client->inherits;

	client->service->unread.sum -= client->unread_fds;
	client->unread_fds = 0;
	client->inherits = false;
	/* What was not counted here because it was counted there. */
	if (inherits)
		share_inherited(client->service, client->who.uid);
}
