/* SPDX-License-Identifier: MIT */
/*
 * After a restart, who waited is to find its place again: nothing is served from the
 * regions' queues until every client that was waiting has come back and asked
 * again, or for a second; and nobody claims what is configured. Reservations are
 * served: what is in them is nobody else's.
 */
#ifndef CARVE_DAEMON_HOLD_H
#define CARVE_DAEMON_HOLD_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct carve_service;

/* How long at most: 1 second. */
#define CARVE_HOLD_USEC		1000000U

/**
 * struct carve_hold - who is waited for
 * @expected: so many clients
 * @on_end: NULL when nothing is held back
 */
struct carve_hold {
	unsigned int expected;
	sd_event_source *on_end;
};

/* Hold back, if anybody is expected. Return: 0; what sd-event answers. */
int carve_hold_begin(struct carve_service *service, sd_event *event);

/* One who may be expected is here, or gone; @expected is false from then on. */
void carve_hold_arrived(struct carve_service *service, bool *expected);

/* Nothing is served any more: the daemon ends. */
void carve_hold_for_ever(struct carve_service *service);

#endif /* CARVE_DAEMON_HOLD_H */
