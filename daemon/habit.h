/* SPDX-License-Identifier: MIT */
/*
 * What allocations and ends have been like: choice.h goes by it.
 *
 * Sizes that come again are known; a device asks for few. A burst is what is
 * allocated between two ends: the pictures of a decoder, and whatever it needs
 * beside them. How much will follow is known when the last bursts that began with a
 * buffer of this size were about as long. Where bursts also end as a whole, as
 * decoders do, allocations are said to be in sessions.
 */
#ifndef CARVE_DAEMON_HABIT_H
#define CARVE_DAEMON_HABIT_H

#include <stdbool.h>
#include <stdint.h>

/* How many kinds of bursts are remembered, at most; a power of two. */
#define CARVE_HABIT_BURSTS_LOG2	7
#define CARVE_HABIT_BURSTS	(1U << CARVE_HABIT_BURSTS_LOG2)

/* How many sizes are known. */
#define CARVE_HABIT_SIZES	16

/**
 * struct carve_recent - what an allocation changes
 * @allocated: how many were allocated
 * @cursor: end of what was placed last
 * @first: bytes of the first of this burst; of no meaning when @bytes is 0
 * @bytes: of this burst so far; 0 when the next allocation begins one
 * @largest: bytes of the largest of the last 512 or fewer, and of 512 before
 * @sizes: bytes, the last ones that came, each once, the latest first; 0 for none
 *
 * May be copied, and put back when what was allocated is undone.
 */
struct carve_recent {
	uint64_t allocated;
	uint64_t cursor;
	uint64_t first;
	uint64_t bytes;
	uint64_t largest[2];
	uint64_t sizes[CARVE_HABIT_SIZES];
};

/**
 * struct carve_burst - what bursts were like that began with one size
 * @first: that size; 0 when there were none
 * @bytes: of a burst, the mean of the last one and of the mean before
 * @steady: how many of the last ones were about as long as those before
 */
struct carve_burst {
	uint64_t first;
	uint64_t bytes;
	uint32_t steady;
};

/**
 * struct carve_habit - what was seen of allocations and ends, of bounded size
 * @recent: of allocations
 * @released: number of the one that was released last
 * @together: how often what ended right after another had been allocated about
 *	when it was, in 1/65536
 * @bursts: private; by a hash of the first one's size
 *
 * All zeros before its first use.
 */
struct carve_habit {
	struct carve_recent recent;
	uint64_t released;
	uint32_t together;
	struct carve_burst bursts[CARVE_HABIT_BURSTS];
};

/* Something was placed. Return: its number, for carve_habit_release(). O(1) */
uint64_t carve_habit_allocate(struct carve_recent *recent, uint64_t offset,
			      uint64_t bytes);

/* What was placed since @before is to be no habit; its numbers stay used. */
void carve_habit_forget(struct carve_recent *recent,
			const struct carve_recent *before);

/* What has this number has ended. O(1) */
void carve_habit_release(struct carve_habit *habit, uint64_t number);

/* Is what is allocated together mostly released together? */
bool carve_habit_in_sessions(const struct carve_habit *habit);

/* Did one of @bytes come lately? */
bool carve_habit_knows(const struct carve_recent *recent, uint64_t bytes);

/*
 * How much is likely to be allocated until something ends, if @bytes are now;
 * these included. 0 when bursts of this kind are not known to be alike.
 */
uint64_t carve_habit_to_come(const struct carve_habit *habit, uint64_t bytes);

/* The largest of about the last thousand, in bytes. */
uint64_t carve_habit_largest(const struct carve_recent *recent);

#endif /* CARVE_DAEMON_HABIT_H */
