// SPDX-License-Identifier: MIT
#include "watch.h"

#include <stdio.h>

#include "packet.h"

void carve_watch_set(struct carve_client *client, bool watch)
{
	if (watch && !client->watches)
		LIST_INSERT_HEAD(&client->service->watchers, client, of_watchers);
	else if (!watch && client->watches)
		LIST_REMOVE(client, of_watchers);
	client->watches = watch;
}

static uint32_t bit_of(const struct carve_service *service,
		       const struct carve_region *region)
{
	size_t i = 0;

	while (service->regions[i] != region)
		i++;
	return UINT32_C(1) << i;
}

static void tell(struct carve_client *client, uint32_t bit,
		 const struct carve_wire_pressure *message)
{
	if (client->epoch_due)
		return;
	if (carve_packet_all_read(client->fd))
		client->told = 0;
	if (client->told & bit)
		return;
	/* Whatever is wrong with it, its own events will say. */
	if (carve_packet_send(client->fd, message, sizeof(*message), NULL, 0) == 0)
		client->told |= bit;
}

void carve_watch_tell(struct carve_region *region, uint64_t wanted_bytes,
		      void *data)
{
	struct carve_service *service = data;
	struct carve_wire_pressure message = {
		.header.bytes = sizeof(message),
		.header.type = CARVE_MSG_PRESSURE,
		.wanted_bytes = wanted_bytes,
	};
	uint32_t bit = bit_of(service, region);
	struct carve_client *client;

	snprintf(message.region, sizeof(message.region), "%s",
		 carve_region_label(region));
	LIST_FOREACH(client, &service->watchers, of_watchers)
		tell(client, bit, &message);
}
