// SPDX-License-Identifier: MIT
#include "habit.h"

/* Above this share of what ends together, extents are taken for sessions. */
#define TOGETHER_MANY	(65536 / 4 * 3)

/* One end counts as much as what is left of 2^this ends before it. */
#define TOGETHER_LOG2	6

/* What is this many allocations apart, at most, was allocated together. */
#define TOGETHER_APART	16

/* So many bursts as long as those before, to a quarter, make a habit. */
#define STEADY_ENOUGH	4

/* After how many allocations the largest one of them is the former largest. */
#define WINDOW		512

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
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

	if (burst->first != recent->first ||
	    apart(burst->bytes, recent->bytes) > burst->bytes / 4) {
		*burst = (struct carve_burst){ recent->first, recent->bytes, 0 };
		return;
	}
	if (burst->steady < STEADY_ENOUGH)
		burst->steady++;
	burst->bytes = (burst->bytes + recent->bytes) / 2;
}

/* Where @bytes stand among the known sizes, or CARVE_HABIT_SIZES. */
static unsigned int find(const struct carve_recent *recent, uint64_t bytes)
{
	unsigned int i = 0;

	while (i < CARVE_HABIT_SIZES && recent->sizes[i] != bytes)
		i++;
	return i;
}

static void know(struct carve_recent *recent, uint64_t bytes)
{
	unsigned int i = find(recent, bytes);

	/* The one that has not come for the longest time makes room. */
	if (i == CARVE_HABIT_SIZES)
		i--;
	for (; i; i--)
		recent->sizes[i] = recent->sizes[i - 1];
	recent->sizes[0] = bytes;
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
	know(recent, bytes);
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
	bool after_release = !habit->recent.bytes;

	habit->together -= habit->together >> TOGETHER_LOG2;
	if (after_release && apart(number, habit->released) <= TOGETHER_APART)
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

bool carve_habit_knows(const struct carve_recent *recent, uint64_t bytes)
{
	return find(recent, bytes) < CARVE_HABIT_SIZES;
}

uint64_t carve_habit_to_come(const struct carve_habit *habit, uint64_t bytes)
{
	const struct carve_recent *recent = &habit->recent;
	uint64_t first = recent->bytes ? recent->first : bytes;
	const struct carve_burst *burst = &habit->bursts[place_of(first)];

	if (burst->first != first || burst->steady < STEADY_ENOUGH)
		return 0;
	return burst->bytes > recent->bytes ?
		       max(burst->bytes - recent->bytes, bytes) : bytes;
}

uint64_t carve_habit_largest(const struct carve_recent *recent)
{
	return max(recent->largest[0], recent->largest[1]);
}
