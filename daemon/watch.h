/* SPDX-License-Identifier: MIT */
/*
 * Clients that want to hear when others wait for memory.
 */
#ifndef CARVE_DAEMON_WATCH_H
#define CARVE_DAEMON_WATCH_H

#include "client.h"

/* From now on, or no longer. */
void carve_watch_set(struct carve_client *client, bool watch);

/**
 * carve_watch_tell() - tell all that watch
 * @data: the service
 *
 * Never waits: a client that has not read what it was last told of this region is
 * left out.
 */
void carve_watch_tell(struct carve_region *region, uint64_t wanted_bytes,
		      void *data);

#endif /* CARVE_DAEMON_WATCH_H */
