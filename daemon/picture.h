/* SPDX-License-Identifier: MIT */
/*
 * A region as survey.h looks at it, and who its holders are.
 */
#ifndef CARVE_DAEMON_PICTURE_H
#define CARVE_DAEMON_PICTURE_H

#include <stdbool.h>

#include "region.h"
#include "survey.h"

/**
 * carve_picture_take() - what is in use now
 *
 * Holders get their numbers (struct carve_charge). What is dirty will be free by
 * itself, so it is in no block. A slot of a reservation is its owner's, whatever
 * is in it; one of the configuration that nobody has claimed stays.
 *
 * Return: the picture, which is the same one every time; never NULL.
 */
struct carve_survey *carve_picture_take(struct carve_region *region);

/* The same with all slots fixed: reservations do not end for anybody's sake. */
struct carve_survey *carve_picture_take_fixed(struct carve_region *region);

/**
 * struct carve_picture_room - for what is looked for in it
 * @wishes, @spans: for carve_survey_find_all()
 */
struct carve_picture_room {
	struct carve_wish wishes[CARVE_SURVEY_MANY];
	struct carve_span spans[CARVE_SURVEY_MANY];
};

/* The same one every time: nobody looks while another one does. */
struct carve_picture_room *carve_picture_room(void);

/**
 * carve_picture_begin() - may time be spent on looking for this user's sake?
 * @own: however much others have used: they shall not keep anybody from being
 *	served
 *
 * The superuser and the daemon's own user always may, others as ration.h says.
 * With true, carve_picture_end() is to follow.
 */
bool carve_picture_begin(const struct carve_identity *who, bool own);

/* What was used since then counts. */
void carve_picture_end(const struct carve_identity *who);

#endif /* CARVE_DAEMON_PICTURE_H */
