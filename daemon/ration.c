// SPDX-License-Identifier: MIT
#include "ration.h"

#include <stddef.h>

/* What was used comes back in so many times the time. */
#define USER_TIMES	20
#define ALL_TIMES	4

/* All that somebody has comes back in this time. */
#define FULL_USEC	1000000U

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The entry of a user, or the one that says least, to be used for this user. */
static size_t place_of(const struct carve_ration *ration, uid_t uid)
{
	size_t least = 0;

	for (size_t i = 0; i < CARVE_RATION_USERS; i++) {
		if (ration->users[i].full_usec && ration->users[i].uid == uid)
			return i;
		if (ration->users[i].full_usec < ration->users[least].full_usec)
			least = i;
	}
	return least;
}

bool carve_ration_is_own_left(const struct carve_ration *ration, uid_t uid,
			      uint64_t now_usec)
{
	const struct carve_ration_user *user =
		&ration->users[place_of(ration, uid)];

	return user->uid != uid || user->full_usec < now_usec + FULL_USEC;
}

bool carve_ration_is_left(const struct carve_ration *ration, uid_t uid,
			  uint64_t now_usec)
{
	return ration->all_usec < now_usec + FULL_USEC &&
	       carve_ration_is_own_left(ration, uid, now_usec);
}

void carve_ration_use(struct carve_ration *ration, uid_t uid, uint64_t now_usec,
		      uint64_t used_usec)
{
	struct carve_ration_user *user = &ration->users[place_of(ration, uid)];

	if (user->uid != uid)
		*user = (struct carve_ration_user){ .uid = uid };
	user->full_usec = later(user->full_usec, now_usec) +
			  used_usec * USER_TIMES;
	ration->all_usec = later(ration->all_usec, now_usec) +
			   used_usec * ALL_TIMES;
}
