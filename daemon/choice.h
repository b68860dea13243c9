/* SPDX-License-Identifier: MIT */
/*
 * Which gap an extent goes into. What was tried, what each gave and why this
 * is what came out: docs/placement.md.
 */
#ifndef CARVE_DAEMON_CHOICE_H
#define CARVE_DAEMON_CHOICE_H

#include "gaps.h"
#include "habit.h"

/**
 * carve_choose() - a place for @fit
 *
 * @ret_lower: the mark that it is behind, for carve_gaps_insert()
 *
 * Finds one whenever there is one. Costs what carve_gaps_lowest() does.
 */
bool carve_choose(struct carve_gaps *gaps, const struct carve_habit *habit,
		  const struct carve_fit *fit, uint64_t *ret_offset,
		  struct carve_mark **ret_lower);

#endif /* CARVE_DAEMON_CHOICE_H */
