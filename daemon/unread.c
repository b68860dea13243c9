// SPDX-License-Identifier: MIT
#include "unread.h"

#include <time.h>

#include "client.h"
#include "packet.h"

/* To look at a thousand clients takes a third of a millisecond. */
#define LOOK_USEC	10000U

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void look_at_all(struct carve_service *service)
{
	struct carve_unread *unread = &service->unread;
	struct carve_client *client;
	uint64_t now = now_usec();

	if (now - unread->looked_usec < LOOK_USEC)
		return;
	unread->looked_usec = now;
	TAILQ_FOREACH(client, &service->clients, link)
		if (client->unread_fds && carve_packet_all_read(client->fd))
			carve_unread_clear(client);
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

enum carve_unread_answer carve_unread_ask(struct carve_client *client,
					  size_t count)
{
	struct carve_service *service = client->service;
	struct carve_unread *unread = &service->unread;

	if (client->unread_fds + count > CARVE_UNREAD_CLIENT) {
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

void carve_unread_clear(struct carve_client *client)
{
	client->service->unread.sum -= client->unread_fds;
	client->unread_fds = 0;
}
