// SPDX-License-Identifier: MIT
#include "habit.h"

/* Above this share of what ends together, extents are taken for sessions. */
#define TOGETHER_MANY	(65536 / 4 * 3)

/* One end counts as much as what is left of 2^this ends before it. */
#define TOGETHER_LOG2	6

/* What is this many allocations apart, at most, was allocated together. */
#define TOGETHER_APART	16

/* One burst counts as much in the mean as what is left of 2^this before it. */
#define MEAN_LOG2	4

/* After how many allocations the largest one of them is the former largest. */
#define WINDOW		512

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4). */
static unsigned int place_of(uint64_t first)
{
	return (unsigned int)(first * 0x9e3779b97f4a7c15 >>
			      (64 - CARVE_HABIT_BURSTS_LOG2));
}

/* A burst is over. */
static void learn(struct carve_habit *habit)
{
	const struct carve_recent *recent = &habit->recent;
	struct carve_burst *burst = &habit->bursts[place_of(recent->first)];

	if (burst->first == recent->first) {
		burst->bytes = (burst->bytes + recent->bytes) / 2;
	} else {
		burst->first = recent->first;
		burst->bytes = recent->bytes;
	}
	habit->mean -= habit->mean >> MEAN_LOG2;
	habit->mean += recent->bytes >> MEAN_LOG2;
}

uint64_t carve_habit_allocate(struct carve_recent *recent, uint64_t offset,
			      uint64_t bytes)
{
	if (!recent->bytes)
		recent->first = bytes;
	recent->bytes += bytes;
	recent->cursor = offset + bytes;
	if (recent->allocated % WINDOW == 0) {
		recent->largest[1] = recent->largest[0];
		recent->largest[0] = 0;
	}
	recent->largest[0] = max(recent->largest[0], bytes);
	return ++recent->allocated;
}

void carve_habit_forget(struct carve_recent *recent,
			const struct carve_recent *before)
{
	uint64_t allocated = recent->allocated;

	*recent = *before;
	recent->allocated = allocated;
}

void carve_habit_release(struct carve_habit *habit, uint64_t number)
{
	uint64_t apart = number > habit->released ? number - habit->released :
						    habit->released - number;
	bool after_release = !habit->recent.bytes;

	habit->together -= habit->together >> TOGETHER_LOG2;
	if (after_release && apart <= TOGETHER_APART)
		habit->together += 65536 >> TOGETHER_LOG2;
	if (!after_release)
		learn(habit);
	habit->recent.bytes = 0;
	habit->released = number;
}

bool carve_habit_in_sessions(const struct carve_habit *habit)
{
	return habit->together > TOGETHER_MANY;
}

uint64_t carve_habit_to_come(const struct carve_habit *habit, uint64_t bytes)
{
	const struct carve_recent *recent = &habit->recent;
	uint64_t first = recent->bytes ? recent->first : bytes;
	const struct carve_burst *burst = &habit->bursts[place_of(first)];
	uint64_t all = burst->first == first ? burst->bytes : habit->mean;

	return all > recent->bytes ? max(all - recent->bytes, bytes) : bytes;
}

uint64_t carve_habit_largest(const struct carve_recent *recent)
{
	return max(recent->largest[0], recent->largest[1]);
}
