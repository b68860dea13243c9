/* SPDX-License-Identifier: MIT */
/*
 * What makes a reservation's promise true: memory set aside for every buffer it
 * is for. Pure, as placement is: no system call, no clock, no allocation.
 *
 * A slot is a fixed extent, placed when the reservation is granted, in clean
 * memory, all slots or none. It goes round and round:
 *
 *	empty (CARVE_EXTENT_RESERVED) --take--> live (CARVE_EXTENT_LIVE)
 *	      ^                                       |
 *	      +---clean---- dirty (CARVE_EXTENT_HELD) <--release--+
 *
 * and is nobody else's anywhere on the way, since placement looks for room
 * between extents only.
 *
 * INVARIANT: for every class the slots are exactly @count, disjoint, each of
 * the class's size, alignment, limit and guards; each is empty, or dirty and on
 * its way to being empty, or holds one live buffer of this class.
 *
 * Hence while fewer than @count buffers of a class are alive, wherever they are,
 * one of its slots is not live, and this one is empty or waits for the scrubber
 * alone: carve_slots_take() succeeds now or when that is done. Nobody else's
 * request comes into it. carve_slots_check() looks whether all this is so.
 */
#ifndef CARVE_DAEMON_SLOTS_H
#define CARVE_DAEMON_SLOTS_H

#include <sys/queue.h>

#include "placement.h"

/* The most classes; the number of slots is bounded by whoever makes them. */
#define CARVE_SLOTS_CLASSES	16

struct carve_slots;

/**
 * struct carve_slot - one extent's part in a reservation
 * @extent: where it lies, set by whoever allocates both, in one structure with
 *	it or not
 * @owner: of which it is a slot, NULL for none
 * @class: index of its class there
 * @link: private
 */
struct carve_slot {
	struct carve_extent *extent;
	struct carve_slots *owner;
	size_t class;
	TAILQ_ENTRY(carve_slot) link;
};

TAILQ_HEAD(carve_slot_list, carve_slot);

/**
 * struct carve_kind - buffers of one kind, so many of them
 * @wish: of each
 * @count: how many, 1 or more
 */
struct carve_kind {
	struct carve_wish wish;
	size_t count;
};

/**
 * struct carve_slot_class - the slots of one class
 * @empty, @live, @dirty: its slots, by state
 * @empty_count, @live_count, @dirty_count: their numbers
 */
struct carve_slot_class {
	struct carve_kind kind;
	struct carve_slot_list empty;
	struct carve_slot_list live;
	struct carve_slot_list dirty;
	size_t empty_count;
	size_t live_count;
	size_t dirty_count;
};

/**
 * struct carve_slots - a granted profile
 * @classes: @class_count classes; read freely
 *
 * Not to be moved or copied after carve_slots_init().
 */
struct carve_slots {
	struct carve_placement *placement;
	size_t class_count;
	struct carve_slot_class classes[CARVE_SLOTS_CLASSES];
};

/* No classes yet. */
void carve_slots_init(struct carve_slots *slots,
		      struct carve_placement *placement);

/**
 * carve_slots_missing() - how many slots carve_slots_change() has to place
 *
 * The same as long as nothing but take, put back, release and clean happens.
 */
size_t carve_slots_missing(const struct carve_slots *slots,
			   const struct carve_kind *kinds, size_t count);

/**
 * carve_slots_growth() - how much clean memory carve_slots_change() would take
 *
 * What it gives up is counted against it; 0 if that is more.
 */
uint64_t carve_slots_growth(const struct carve_slots *slots,
			    const struct carve_kind *kinds, size_t count);

/* The wishes of these slots, class by class. Return: carve_slots_missing(). */
size_t carve_slots_missing_wishes(const struct carve_slots *slots,
				  const struct carve_kind *kinds, size_t count,
				  struct carve_wish *wishes);

/**
 * carve_slots_change() - another profile in the place of this one, all or none
 * @kinds: @count kinds, at most CARVE_SLOTS_CLASSES; none gives all back
 * @fresh: carve_slots_missing() slots or more, with extents in no region; those
 *	that are used are taken out, on success only
 * @left: where slots are put that belong to it no longer, on success only. Their
 *	extents are in no region (they were empty), live (ordinary buffers from
 *	now on) or dirty (ordinary dirty memory)
 * @ret_index: written on failure: the first of @kinds that does not fit
 *
 * Slots of a class that is in both stay, the live ones first, then the dirty.
 * What else was empty is given up before the new ones are placed, in what is
 * clean then, the most demanding first.
 *
 * Return: 0; -EAGAIN (it would probably fit were all dirty memory clean; never
 * without any); -ENOSPC. On
 * failure nothing has changed.
 */
int carve_slots_change(struct carve_slots *slots,
		       const struct carve_kind *kinds, size_t count,
		       struct carve_slot_list *fresh,
		       struct carve_slot_list *left, size_t *ret_index);

/* An empty slot of a class becomes live. NULL: none is empty (now). */
struct carve_slot *carve_slots_take(struct carve_slots *slots, size_t class);

/* A live slot whose buffer nobody ever got: empty again. */
void carve_slot_put_back(struct carve_slot *slot);

/* Its buffer died: dirty. */
void carve_slot_release(struct carve_slot *slot);

/* It was zeroed: empty. */
void carve_slot_clean(struct carve_slot *slot);

/* Bytes of the region that all slots take; with @live only those alive. */
uint64_t carve_slots_bytes(const struct carve_slots *slots, bool live);

/* Number of slots; with @live of those alive. */
size_t carve_slots_count(const struct carve_slots *slots, bool live);

/**
 * carve_slots_check() - does the invariant of this page hold? O(slots * log n)
 *
 * carve_placement_check() has to be content as well: that extents are disjoint
 * and held is its part.
 *
 * Return: NULL, or what is wrong, in words.
 */
const char *carve_slots_check(const struct carve_slots *slots);

/* For slots.c and slots-change.c: in the list its extent's state says, or out. */
void carve_slot_enter(struct carve_slots *slots, size_t class,
		      struct carve_slot *slot);
void carve_slot_leave(struct carve_slot *slot);

#endif /* CARVE_DAEMON_SLOTS_H */
