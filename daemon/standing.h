/* SPDX-License-Identifier: MIT */
/*
 * Standing reservations: those of the configuration, which exist from the
 * daemon's start and are used by whoever they were made for.
 *
 * One that does not fit beside what survived a restart is pending: it stands at
 * the head of its region's queue, before all requests, until it does.
 */
#ifndef CARVE_DAEMON_STANDING_H
#define CARVE_DAEMON_STANDING_H

#include "reservation.h"
#include "service.h"

/**
 * carve_standing_configure() - what the configuration names, no less, no more
 *
 * What is granted stays as it was granted, whatever it says there now; who may
 * claim it changes. What is pending is asked for as it is named now, and whoever
 * waits to claim it goes on waiting. One that is named no longer goes, or when it
 * is claimed, with whoever has it. What cannot be is said in the log.
 */
void carve_standing_configure(struct carve_service *service);

/* The one of this name, or NULL. */
struct carve_reservation *
carve_standing_find(const struct carve_service *service, const char *name);

/**
 * carve_standing_claim() - have one
 * @reserve: reservation, who, timeout and done are set
 *
 * While it lacks nothing but zeroing it is waited for in any case, and so it is while
 * others that had waited are expected back (see hold.h).
 *
 * Return: 0, and it is the asker's; -EINPROGRESS (it is pending, and done() will
 * be called); -ENOSPC, from done() -ETIMEDOUT (it is pending), and the refusal;
 * -EACCES (it is for somebody else); -EBUSY (it is claimed).
 */
int carve_standing_claim(struct carve_reserve *reserve);

/*
 * Whoever had it, and was charged for it, has gone: it is for the next one, if it
 * is still named.
 */
void carve_standing_unclaim(struct carve_service *service,
			    struct carve_reservation *reservation);

/* Bytes and number of buffers of one that is pending. */
uint64_t carve_standing_wants(const struct carve_reservation *reservation,
			      size_t *ret_count);

#endif /* CARVE_DAEMON_STANDING_H */
