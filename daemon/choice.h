/* SPDX-License-Identifier: MIT */
/*
 * Which gap an extent goes into. What was tried, what each gave and why this
 * is what came out: docs/placement.md.
 */
#ifndef CARVE_DAEMON_CHOICE_H
#define CARVE_DAEMON_CHOICE_H

#include "gaps.h"

/**
 * struct carve_habit - what was seen of allocations and ends, all of bounded size
 * @allocated: how many were allocated
 * @released: number of the one that was released last
 * @after_release: nothing was allocated since then
 * @together: how often what ended right after another had been allocated about
 *	when it was, in 1/65536
 * @cursor: end of what was placed last
 *
 * All zeros before its first use; may be copied.
 */
struct carve_habit {
	uint64_t allocated;
	uint64_t released;
	bool after_release;
	uint32_t together;
	uint64_t cursor;
};

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

/* Something was placed. Return: its number, for carve_habit_release(). */
uint64_t carve_habit_allocate(struct carve_habit *habit, uint64_t end);

/* What has this number has ended. */
void carve_habit_release(struct carve_habit *habit, uint64_t number);

#endif /* CARVE_DAEMON_CHOICE_H */
