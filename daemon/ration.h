/* SPDX-License-Identifier: MIT */
/*
 * How much of the event loop's time a user may take for what is a service and no
 * duty, so that asking again and again slows down nobody else. Pure: no system
 * call, no clock, no allocation.
 *
 * Each user has 50 ms of every second, all together 250 ms; who has used none
 * may take 50 ms at a time, or 250 ms.
 */
#ifndef CARVE_DAEMON_RATION_H
#define CARVE_DAEMON_RATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* More of them at a time share what all have together. */
#define CARVE_RATION_USERS	64

/**
 * struct carve_ration - who has used what
 * @users: those who have used some of theirs: when they have all of it again
 * @all_usec: when all together have all of it again
 *
 * All zeros before its first use.
 */
struct carve_ration {
	struct carve_ration_user {
		uid_t uid;
		uint64_t full_usec;
	} users[CARVE_RATION_USERS];
	uint64_t all_usec;
};

/* Has this user anything left, whatever all have? @now_usec never goes back. */
bool carve_ration_is_own_left(const struct carve_ration *ration, uid_t uid,
			      uint64_t now_usec);

/* Have both, this user and all together, anything left? */
bool carve_ration_is_left(const struct carve_ration *ration, uid_t uid,
			  uint64_t now_usec);

/* This user has used so much. It may be more than was left. */
void carve_ration_use(struct carve_ration *ration, uid_t uid, uint64_t now_usec,
		      uint64_t used_usec);

#endif /* CARVE_DAEMON_RATION_H */
