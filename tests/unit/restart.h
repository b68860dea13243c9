/* SPDX-License-Identifier: MIT */
/* What tests of restarts have in common: calls, and a peer that dies. */
#ifndef CARVE_TESTS_RESTART_H
#define CARVE_TESTS_RESTART_H

#include "../patience.h"
#include "peer.h"

#define RESTART_SEEN_MAX	2048

/**
 * struct restart_seen - requests that the peer noted
 * @count: how many; there may be more than are kept
 * @ids, @timeouts: of each, in order; 0 for what has no timeout
 */
struct restart_seen {
	_Atomic unsigned int count;
	uint64_t ids[RESTART_SEEN_MAX];
	uint64_t timeouts[RESTART_SEEN_MAX];
};

extern struct restart_seen restart_seen;

/* For peer::spoil: note this request. */
void restart_note(struct peer *peer);

/*
 * A peer::spoil: requests come in pairs, the first one for a daemon that dies of it,
 * which the next one tells on the connection that was kept.
 */
void restart_die_first(struct peer *peer, struct peer_answer *answer);

/* Forget what was noted, start the peer and connect to it. */
struct carve *restart_begin(struct peer *peer);

/* Free the connection and stop the peer. */
void restart_end(struct peer *peer, struct carve *carve);

/* Allocate a page, and drop it. Return: as carve_alloc(). */
int restart_alloc(struct carve *carve, uint64_t timeout_nsec);

/* Ask what regions there are. Return: as carve_regions_new(). */
int restart_regions(struct carve *carve);

/* A reservation of one class, two pages. */
struct carve_reservation *restart_reserve(struct carve *carve);

/* Wait until it is that much, not for ever. */
void restart_await(_Atomic unsigned int *what, unsigned int value);

#endif /* CARVE_TESTS_RESTART_H */
