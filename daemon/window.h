/* SPDX-License-Identifier: MIT */
/*
 * Who of those that wait has space earmarked, and until when.
 *
 * The first in the queue that lacks memory of others has: small requests may
 * overtake it where that cannot delay it, and nowhere else. One at a time in each
 * region. It is no weapon:
 *  - Nothing is earmarked for what its own limits forbid, nor for what would wait
 *    without a deadline for memory that other users have.
 *  - A user's requests together may have it for CARVE_WINDOW_USEC, and not again
 *    before as long a rest, unless they were served. What only waits for zeroing
 *    keeps it. Looking for windows comes out of the user's ration (ration.h).
 *  - Requests of higher priority and buffers of granted reservations ignore it.
 * What is earmarked is free memory, which the user might have taken at once.
 */
#ifndef CARVE_DAEMON_WINDOW_H
#define CARVE_DAEMON_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "earmark.h"

struct carve_queue;
struct carve_region;
struct carve_waiter;

/* How long an earmark lasts, and a rest: 5 seconds. */
#define CARVE_WINDOW_USEC	5000000U

/**
 * struct carve_window - the earmark of a region
 * @owner: whose it is, or NULL
 * @until_usec: when it ends, of CLOCK_MONOTONIC
 * @last_uid: user who had the last one that did not do its work
 * @period_usec: when that user's time began; 0: nobody's
 */
struct carve_window {
	struct carve_region *region;
	struct carve_waiter *owner;
	uint64_t until_usec;
	uid_t last_uid;
	uint64_t period_usec;
	struct carve_earmark earmark;
};

/* End an earmark whose time is over. Return: whether it ended. */
bool carve_window_expire(struct carve_window *window, uint64_t now_usec);

/* @waiter waits no longer. Return: whether that ended an earmark. */
bool carve_window_leave(struct carve_window *window,
			const struct carve_waiter *waiter, bool served);

/* Decide who has it, once all that can be served was. */
void carve_window_settle(struct carve_window *window, struct carve_queue *queue,
			 uint64_t now_usec);

/* When to look again, or UINT64_MAX. */
uint64_t carve_window_wakes(const struct carve_window *window,
			    const struct carve_queue *queue, uint64_t now_usec);

/**
 * carve_window_shut() - look for a place where this request may have one
 *
 * As carve_earmark_shut() for all but the owner and those above it.
 *
 * Return: whether it was shut.
 */
bool carve_window_shut(struct carve_window *window,
		       const struct carve_waiter *waiter);
void carve_window_open(struct carve_window *window);

/* carve_earmark_place() for its owner; -ENOSPC for anybody else. */
int carve_window_place(struct carve_window *window,
		       const struct carve_waiter *waiter,
		       struct carve_extent *const *extents, size_t count);

#endif /* CARVE_DAEMON_WINDOW_H */
