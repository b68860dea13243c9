// SPDX-License-Identifier: MIT
#include "hold.h"

#include "client.h"
#include "log.h"
#include "service.h"
#include "session.h"

static void set_held(struct carve_service *service, bool held)
{
	for (size_t i = 0; i < service->region_count; i++)
		service->regions[i]->queue.held = held;
}

static void end(struct carve_service *service)
{
	service->hold.on_end =
		sd_event_source_disable_unref(service->hold.on_end);
	set_held(service, false);
	for (size_t i = 0; i < service->region_count; i++)
		carve_region_serve(service->regions[i]);
}

/*
 * They had their answer, and the last daemon did not get to write that down; or
 * they sleep, and others take their places. The next start is not to wait, too.
 */
static void give_up(struct carve_service *service)
{
	struct carve_client *client;
	struct carve_orphan *orphan;

	TAILQ_FOREACH(client, &service->clients, link) {
		if (client->expected)
			carve_session_forget_waiting(client);
		client->expected = false;
	}
	LIST_FOREACH(orphan, &service->orphans.list, link) {
		if (orphan->expected)
			carve_orphan_forget_waiting(service, orphan);
		orphan->expected = false;
	}
	service->hold.expected = 0;
}

static int on_end(sd_event_source *source, uint64_t usec, void *data)
{
	struct carve_service *service = data;

	(void)source;
	(void)usec;
	carve_log(LOG_INFO, NULL, "%u of those that were waiting have not come "
		  "back yet: others are served now", service->hold.expected);
	give_up(service);
	end(service);
	return 0;
}

int carve_hold_begin(struct carve_service *service, sd_event *event)
{
	int r;

	if (!service->hold.expected)
		return 0;
	r = sd_event_add_time_relative(event, &service->hold.on_end,
				       CLOCK_MONOTONIC, CARVE_HOLD_USEC, 0,
				       on_end, service);
	if (r < 0)
		return r;
	set_held(service, true);
	return 0;
}

void carve_hold_arrived(struct carve_service *service, bool *expected)
{
	if (!*expected)
		return;
	*expected = false;
	service->hold.expected--;
	if (!service->hold.expected && service->hold.on_end)
		end(service);
}

void carve_hold_for_ever(struct carve_service *service)
{
	service->hold.on_end =
		sd_event_source_disable_unref(service->hold.on_end);
	set_held(service, true);
}
