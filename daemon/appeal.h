/* SPDX-License-Identifier: MIT */
/*
 * When others are asked to give memory back: as soon as somebody waits for it, and
 * again from time to time while that is so, since who reads late, or has asked to
 * be told only now, is to hear of it too.
 */
#ifndef CARVE_DAEMON_APPEAL_H
#define CARVE_DAEMON_APPEAL_H

#include <stdint.h>

struct carve_queue;
struct carve_region;

/* Between two appeals: 1 s; but for a new request that waits, 100 ms. */
#define CARVE_APPEAL_USEC	1000000U
#define CARVE_APPEAL_NEW_USEC	100000U

/**
 * struct carve_appeal - the appeals of a region
 * @tell: NULL, or called with what the first in the queue lacks whom it helps if
 *	others give memory back
 * @last_usec: when, of CLOCK_MONOTONIC
 * @next_usec: when again, while somebody waits
 */
struct carve_appeal {
	struct carve_region *region;
	void (*tell)(struct carve_region *region, uint64_t wanted_bytes,
		     void *data);
	void *data;
	uint64_t last_usec;
	uint64_t next_usec;
};

/* Somebody begins to wait for others. */
void carve_appeal_new(struct carve_appeal *appeal, uint64_t now_usec);

/* Appeal, if somebody waits and it is time. */
void carve_appeal_settle(struct carve_appeal *appeal,
			 const struct carve_queue *queue, uint64_t now_usec);

/* When to look again, or UINT64_MAX. */
uint64_t carve_appeal_wakes(const struct carve_appeal *appeal,
			    const struct carve_queue *queue);

#endif /* CARVE_DAEMON_APPEAL_H */
