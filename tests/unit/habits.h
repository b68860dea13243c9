/* SPDX-License-Identifier: MIT */
/* Habits to be had before a test. */
#ifndef CARVE_TESTS_HABITS_H
#define CARVE_TESTS_HABITS_H

#include "habit.h"

#define PAGE	4096ULL

/* A burst of @count times @pages, all of which ended together. */
static inline void see_burst(struct carve_habit *habit, uint64_t count, uint64_t pages)
{
	uint64_t first = habit->recent.allocated + 1;

	for (uint64_t i = 0; i < count; i++)
		carve_habit_allocate(&habit->recent, 0, pages * PAGE);
	for (uint64_t i = 0; i < count; i++)
		carve_habit_release(habit, first + i);
}

/* What ended had been allocated together, so often that it is believed. */
static inline void many_end_together(struct carve_habit *habit)
{
	see_burst(habit, 400, 1);
}

/* So often that it is known how much comes, if one of @pages comes first. */
static inline void see_bursts(struct carve_habit *habit, uint64_t count, uint64_t pages)
{
	for (int i = 0; i < 8; i++)
		see_burst(habit, count, pages);
}

#endif /* CARVE_TESTS_HABITS_H */
