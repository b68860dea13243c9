// SPDX-License-Identifier: MIT
#include "orphans.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "carve.h"
#include "client.h"
#include "crash-point.h"
#include "hold.h"
#include "log.h"
#include "process.h"
#include "reservation.h"
#include "restore.h"
#include "service.h"
#include "session.h"
#include "standing.h"
#include "store.h"

/* Between two looks; without orphans there are none. */
#define LOOK_USEC	5000000U

static bool is_alive(const struct carve_cell_client *kept)
{
	return kept->start_time &&
	       carve_process_start_time(kept->pid) == kept->start_time;
}

static int add(struct carve_service *service,
	       const struct carve_cell_client *kept, uint32_t cell)
{
	struct carve_orphan *orphan = calloc(1, sizeof(*orphan));

	if (!orphan)
		return -ENOMEM;
	orphan->kept = *kept;
	orphan->cell = cell;
	/* The dead do not ask again. */
	if (kept->waiting && is_alive(kept)) {
		orphan->expected = true;
		service->hold.expected++;
	}
	LIST_INSERT_HEAD(&service->orphans.list, orphan, link);
	return 0;
}

int carve_orphans_load(struct carve_service *service)
{
	const struct carve_cell *cell;
	uint32_t place = 0;
	int r = 0;

	while (service->state && r == 0 &&
	       (cell = carve_state_next(service->state, &place)))
		if (cell->type == CARVE_CELL_CLIENT)
			r = add(service, &cell->client, place);
	return r;
}

struct carve_orphan *carve_orphans_find(struct carve_service *service,
					uint64_t number)
{
	struct carve_orphan *orphan;

	LIST_FOREACH(orphan, &service->orphans.list, link)
		if (orphan->kept.client == number)
			return orphan;
	return NULL;
}

void carve_orphan_free(struct carve_orphan *orphan)
{
	LIST_REMOVE(orphan, link);
	free(orphan);
}

void carve_orphan_forget_waiting(struct carve_service *service,
				 struct carve_orphan *orphan)
{
	struct carve_cell cell = { .type = CARVE_CELL_CLIENT };

	orphan->kept.waiting = 0;
	orphan->kept.since_usec = orphan->kept.deadline_usec = 0;
	cell.client = orphan->kept;
	/* It replaces one, so there is room. */
	(void)carve_state_put(service->state, &cell, &orphan->cell);
}

/* ---- what they leave ------------------------------------------------------ */

static struct carve_reservation *find_reservation(struct carve_region *region,
						  uint64_t client)
{
	struct carve_reservation *each;

	TAILQ_FOREACH(each, &region->reservations, of_region)
		if (each->client == client)
			return each;
	return NULL;
}

static void report(const struct carve_reservation *reservation, uint64_t bytes)
{
	struct carve_log_about about = {
		.region = carve_region_label(reservation->region),
		.pid = reservation->pid,
		.uid = reservation->uid,
	};

	carve_log(LOG_NOTICE, &about, "region %s: reservation %" PRIu64 " of uid "
		  "%u pid %d, %" PRIu64 " bytes, was freed: its client has not "
		  "come back after a restart", about.region, reservation->id,
		  (unsigned int)reservation->uid, (int)reservation->pid, bytes);
}

/* All that was reserved for it. */
static void free_reservations(struct carve_service *service, uint64_t client)
{
	struct carve_reservation *reservation;

	for (size_t i = 0; i < service->region_count; i++) {
		struct carve_region *region = service->regions[i];

		while ((reservation = find_reservation(region, client))) {
			report(reservation,
			       carve_slots_bytes(&reservation->slots, false));
			if (reservation->flags & CARVE_RESERVATION_CONFIGURED)
				carve_standing_unclaim(service, reservation);
			else
				carve_reservation_free(reservation);
		}
		carve_region_serve(region);
	}
}

static void give_up(struct carve_service *service, struct carve_orphan *orphan)
{
	free_reservations(service, orphan->kept.client);
	for (size_t i = 0; i < service->region_count; i++)
		carve_restore_told(service->regions[i], orphan->kept.client);
	CARVE_CRASH_POINT("orphan-freed");
	carve_state_drop(service->state, &orphan->cell);
	carve_hold_arrived(service, &orphan->expected);
	carve_orphan_free(orphan);
}

/* The daemon was killed while it hung up, or what it knew was damaged. */
static void free_unknown(struct carve_service *service,
			 struct carve_region *region)
{
	struct carve_reservation *each = TAILQ_FIRST(&region->reservations);

	while (each) {
		uint64_t client = each->client;

		if (!client || carve_session_find(service, client) ||
		    carve_orphans_find(service, client)) {
			each = TAILQ_NEXT(each, of_region);
			continue;
		}
		free_reservations(service, client);
		/* The next one may have been its, too. */
		each = TAILQ_FIRST(&region->reservations);
	}
}

/* A reservation, or one that is lost and it was not told of. */
static bool has_anything(const struct carve_service *service,
			 const struct carve_cell_client *kept)
{
	uint64_t client = kept->client;

	if (kept->flags & CARVE_CELL_LOST)
		return true;
	for (size_t i = 0; i < service->region_count; i++)
		if (find_reservation(service->regions[i], client) ||
		    carve_restore_is_lost(service->regions[i], client))
			return true;
	return false;
}

/* ---- how long ------------------------------------------------------------- */

/*
 * Who has ended does not come back. @is_late: nor is anybody waited for any more who
 * has no reservation to come back for.
 */
static void look(struct carve_service *service, bool is_late)
{
	struct carve_orphan *orphan = LIST_FIRST(&service->orphans.list), *next;

	for (; orphan; orphan = next) {
		next = LIST_NEXT(orphan, link);
		if (!is_alive(&orphan->kept) ||
		    (is_late && !has_anything(service, &orphan->kept)))
			give_up(service, orphan);
	}
}

static int on_look(sd_event_source *source, uint64_t usec, void *data)
{
	struct carve_service *service = data;

	if (usec >= service->orphans.until_usec)
		look(service, true);
	if (LIST_EMPTY(&service->orphans.list))
		return 0;
	sd_event_source_set_time_relative(source, LOOK_USEC);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

int carve_orphans_settle(struct carve_service *service, sd_event *event)
{
	struct carve_orphans *orphans = &service->orphans;
	int r;

	/* Its connection would have been kept, and would say that it is closed. */
	if (service->store && service->store->there)
		look(service, false);
	for (size_t i = 0; i < service->region_count; i++)
		free_unknown(service, service->regions[i]);
	if (LIST_EMPTY(&orphans->list))
		return 0;
	r = sd_event_now(event, CLOCK_MONOTONIC, &orphans->until_usec);
	orphans->until_usec += CARVE_ORPHANS_GRACE_USEC;
	if (r >= 0)
		r = sd_event_add_time_relative(event, &orphans->on_look,
					       CLOCK_MONOTONIC, LOOK_USEC,
					       LOOK_USEC / 10, on_look, service);
	return r < 0 ? r : 0;
}

void carve_orphans_done(struct carve_service *service)
{
	struct carve_orphan *orphan;

	sd_event_source_disable_unref(service->orphans.on_look);
	while ((orphan = LIST_FIRST(&service->orphans.list)))
		carve_orphan_free(orphan);
}
