/* SPDX-License-Identifier: MIT */
/*
 * What every client is served from.
 */
#ifndef CARVE_DAEMON_SERVICE_H
#define CARVE_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "hold.h"
#include "later.h"
#include "orphans.h"
#include "protocol.h"
#include "region.h"
#include "state.h"
#include "unread.h"

/*
 * Buffers, slots, and memory to be zeroed, in all regions together: each costs the
 * daemon memory, which the unit limits (see memory.h).
 */
#define CARVE_EXTENTS_MAX	65536U

struct carve_closer;
struct carve_config;
struct carve_desk;
struct carve_store;

struct carve_client;

LIST_HEAD(carve_watchers, carve_client);
TAILQ_HEAD(carve_clients, carve_client);

/**
 * struct carve_service - what all clients are served from
 * @regions: @region_count regions
 * @default_region: index of the one used when a request names none
 * @clients: connections there are, @client_count of them
 * @desk: where their requests are worked on
 * @later: those for which something is tried again
 * @unread: descriptors they have not read
 * @watchers: those that want to hear when others wait for memory
 * @own_uid: user the daemon runs as
 * @last_reservation: number given out last, without @state
 * @closer: for descriptors that clients sent
 * @state: what survives this daemon, or NULL: nothing
 * @store: what of this the service manager keeps; NULL: nothing
 * @epoch: of this daemon
 * @last_client: number given out last, without @state
 * @orphans: clients of the daemon before that have not come back yet
 * @hold: what waits for some of them
 * @ending: the daemon ends, and what its clients have is not to end with it
 * @config: as it is now; never NULL when there are clients, replaced as a whole
 */
struct carve_service {
	struct carve_region *regions[CARVE_WIRE_REGIONS_MAX];
	size_t region_count;
	size_t default_region;
	struct carve_clients clients;
	unsigned int client_count;
	struct carve_desk *desk;
	struct carve_later later;
	struct carve_unread unread;
	struct carve_watchers watchers;
	uid_t own_uid;
	uint64_t last_reservation;
	struct carve_closer *closer;
	struct carve_state *state;
	struct carve_store *store;
	uint64_t epoch;
	uint64_t last_client;
	struct carve_orphans orphans;
	struct carve_hold hold;
	bool ending;
	const struct carve_config *config;
};

/* Return: a number no reservation has had, of this daemon or of those before. */
static inline uint64_t
carve_service_number_reservation(struct carve_service *service)
{
	if (!service->state)
		return ++service->last_reservation;
	return ++carve_state_numbers(service->state)->reservation;
}

/* The region of this label, "" for the default one, or NULL. */
struct carve_region *carve_service_region(const struct carve_service *service,
					  const char *label);

/* May there be so many more extents? */
bool carve_service_has_room(const struct carve_service *service, size_t extents);

#endif /* CARVE_DAEMON_SERVICE_H */
