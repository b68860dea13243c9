/* SPDX-License-Identifier: MIT */
/*
 * Clients of the daemon before that have no connection here yet: each is known by
 * its cell of the state, and what it had reserved stays reserved until it comes
 * back, or its process has ended and it had time to.
 */
#ifndef CARVE_DAEMON_ORPHANS_H
#define CARVE_DAEMON_ORPHANS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "state.h"

struct carve_service;

/* How long one has to come back at least: 30 seconds. */
#define CARVE_ORPHANS_GRACE_USEC	30000000U

/**
 * struct carve_orphan - a client that is away
 * @kept: what its cell says
 * @cell: place of that
 * @expected: others are held back for it
 */
struct carve_orphan {
	struct carve_cell_client kept;
	uint32_t cell;
	bool expected;
	LIST_ENTRY(carve_orphan) link;
};

/**
 * struct carve_orphans - all of them
 * @until_usec: end of the grace, of CLOCK_MONOTONIC
 * @on_look: looks who is still there; NULL without orphans
 */
struct carve_orphans {
	LIST_HEAD(, carve_orphan) list;
	uint64_t until_usec;
	sd_event_source *on_look;
};

/* All clients that the state knows. Return: 0; -ENOMEM. */
int carve_orphans_load(struct carve_service *service);

/**
 * carve_orphans_settle() - begin the grace of those that are left
 *
 * Where connections are kept, who has none of these and no process has gone. What is
 * reserved for clients nobody knows comes free.
 *
 * Return: 0; what sd-event answers.
 */
int carve_orphans_settle(struct carve_service *service, sd_event *event);

/* The one of this number, or NULL. */
struct carve_orphan *carve_orphans_find(struct carve_service *service,
					uint64_t number);

/* It is back: its cell and reservations are the caller's now. */
void carve_orphan_free(struct carve_orphan *orphan);

/* Whatever it was waiting for when the last daemon died. */
void carve_orphan_forget_waiting(struct carve_service *service,
				 struct carve_orphan *orphan);

/* Forget them; what the state says of them stays. */
void carve_orphans_done(struct carve_service *service);

#endif /* CARVE_DAEMON_ORPHANS_H */
