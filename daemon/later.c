// SPDX-License-Identifier: MIT
#include "later.h"

#include <time.h>

#include "client.h"

#define RETRY_USEC	10000U

static int start_timer(struct carve_later *later)
{
	int r = sd_event_source_set_time_relative(later->timer, RETRY_USEC);

	if (r >= 0)
		r = sd_event_source_set_enabled(later->timer, SD_EVENT_ONESHOT);
	return r;
}

/* Those that have to come again go behind the others, and wait for the next time. */
static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct carve_service *service = data;
	struct carve_later *later = &service->later;
	struct carve_client *client;
	unsigned int count = 0;

	(void)source;
	(void)usec;
	TAILQ_FOREACH(client, &later->clients, of_later)
		count++;
	while (count-- && (client = TAILQ_FIRST(&later->clients))) {
		carve_later_remove(client);
		carve_client_retry(client);
	}
	if (!TAILQ_EMPTY(&later->clients))
		start_timer(later);
	return 0;
}

int carve_later_init(struct carve_service *service, sd_event *event)
{
	struct carve_later *later = &service->later;
	int r;

	TAILQ_INIT(&later->clients);
	r = sd_event_add_time_relative(event, &later->timer, CLOCK_MONOTONIC,
				       RETRY_USEC, RETRY_USEC / 10, on_timer,
				       service);
	if (r >= 0)
		r = sd_event_source_set_enabled(later->timer, SD_EVENT_OFF);
	return r < 0 ? r : 0;
}

void carve_later_done(struct carve_service *service)
{
	service->later.timer =
		sd_event_source_disable_unref(service->later.timer);
}

int carve_later_add(struct carve_client *client)
{
	struct carve_later *later = &client->service->later;
	int r = 0;

	if (client->is_later)
		return 0;
	if (TAILQ_EMPTY(&later->clients))
		r = start_timer(later);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&later->clients, client, of_later);
	client->is_later = true;
	return 0;
}

void carve_later_remove(struct carve_client *client)
{
	struct carve_later *later = &client->service->later;

	if (client->is_later)
		TAILQ_REMOVE(&later->clients, client, of_later);
	later->starved -= client->starved;
	client->is_later = client->starved = false;
}
