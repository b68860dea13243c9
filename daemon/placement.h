/* SPDX-License-Identifier: MIT */
/*
 * What lies where in a region. Pure: no system call, no clock, no allocation,
 * no thread, and no knowledge of clients or devices.
 *
 * Every page is clean (zeroed and free), live (in a buffer) or dirty (released
 * and not yet zeroed). Live and dirty pages belong to extents, which the
 * caller allocates, usually inside a larger structure, and keeps in place
 * until they leave the region again. Pages in no extent are clean.
 *
 *	          allocate            release           clean
 *	clean ---------------> live -----------> dirty -----------> clean
 *	      <---------------
 *	            undo
 *
 * What is promised to a reservation goes in a circle instead, and is nobody
 * else's at any point of it (carve_placement_turn()):
 *
 *	reserved -----> live -----> dirty, but held -----> reserved
 *
 * A second set of gaps, between the extents that are not simply dirty, says
 * what could be allocated were all dirty memory clean: whether waiting helps.
 */
#ifndef CARVE_DAEMON_PLACEMENT_H
#define CARVE_DAEMON_PLACEMENT_H

#include "choice.h"
#include "tree.h"

/* The most extents one call places. */
#define CARVE_PLACEMENT_MANY	64

/**
 * enum carve_extent_state - what an extent is
 * @CARVE_EXTENT_NONE: not in a region
 * @CARVE_EXTENT_LIVE: a buffer
 * @CARVE_EXTENT_DIRTY: released, not yet zeroed
 * @CARVE_EXTENT_RESERVED: clean, and promised to somebody
 * @CARVE_EXTENT_HELD: dirty, and promised to somebody
 */
enum carve_extent_state {
	CARVE_EXTENT_NONE,
	CARVE_EXTENT_LIVE,
	CARVE_EXTENT_DIRTY,
	CARVE_EXTENT_RESERVED,
	CARVE_EXTENT_HELD,
};

/**
 * struct carve_extent - one run of pages that is not free and clean
 * @used: private; among all extents
 * @held: private; among all that are not CARVE_EXTENT_DIRTY. The caller's while it
 *	is
 * @number: private; which allocation it was, the lower half
 * @state: what it is; an enum carve_extent_state
 * @tag: the caller's
 *
 * All zeros before its first use. Near its region; see near-link.h.
 */
struct carve_extent {
	struct carve_mark used;
	struct carve_mark held;
	uint32_t number;
	uint8_t state;
	uint8_t tag;
};

/**
 * struct carve_placement - a region
 * @page_bytes: the unit of every offset and size, a power of two
 * @base: physical address of the first byte, what alignments are judged by
 * @used: gaps here are clean
 * @held: gaps here are clean or dirty
 * @habit: what the choice of places goes by
 * @shut: among the marks are some that are in no extent; see earmark.h
 * @reserved_bytes, @reserved_count: extents that are CARVE_EXTENT_RESERVED
 * @promised_bytes, @promised_count: extents that are CARVE_EXTENT_HELD
 * @trial: private; for carve_placement_would_fit()
 *
 * Not to be moved or copied after carve_placement_init().
 */
struct carve_placement {
	uint64_t page_bytes;
	uint64_t base;
	struct carve_gaps used;
	struct carve_gaps held;
	struct carve_habit habit;
	bool shut;
	uint64_t reserved_bytes;
	uint64_t reserved_count;
	uint64_t promised_bytes;
	uint64_t promised_count;
	struct carve_mark trial[CARVE_PLACEMENT_MANY];
};

/**
 * struct carve_wish - one extent to be placed
 * @bytes: whole pages, more than 0, guards included
 * @alignment: of base + offset + before; a power of two, at least a page
 * @limit: base + offset + bytes may be this, but not more; 0 is no limit
 * @before: guard at the start, which is not what has to be aligned; whole pages
 * @after: guard at the end; of no meaning here
 */
struct carve_wish {
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint64_t before;
	uint64_t after;
};

/**
 * struct carve_figures - a region in numbers
 * @bytes: size; the sum of @clean, @dirty, @live and @reserved
 * @clean: bytes zeroed and free
 * @largest: the longest run of them
 * @dirty: bytes released and not yet zeroed
 * @live: bytes in buffers
 * @reserved: clean bytes that are promised to somebody
 * @live_count: buffers
 * @dirty_count: dirty extents
 */
struct carve_figures {
	uint64_t bytes;
	uint64_t clean;
	uint64_t largest;
	uint64_t dirty;
	uint64_t live;
	uint64_t reserved;
	uint64_t live_count;
	uint64_t dirty_count;
};

static inline uint64_t carve_extent_offset(const struct carve_extent *extent)
{
	return carve_mark_offset(&extent->used);
}

static inline uint64_t carve_extent_bytes(const struct carve_extent *extent)
{
	return carve_mark_bytes(&extent->used);
}

/* A region of @bytes, 1 to 2^32 - 2 whole pages, all clean. */
void carve_placement_init(struct carve_placement *placement, uint64_t bytes,
			  uint64_t page_bytes, uint64_t base);

/* Could @wish be placed if the region were empty? */
bool carve_placement_possible(const struct carve_placement *placement,
			      const struct carve_wish *wish);

/**
 * carve_placement_allocate() - place extents in clean memory, all or none
 * @extents: @count extents in no region; live on success
 * @wishes: @count wishes, placed in this order
 * @count: 1 to CARVE_PLACEMENT_MANY
 * @ret_index: written on failure only: the first that did not fit
 *
 * Where is decided in choice.h; a wish is refused only if no clean run will
 * do. O(log n) for alignments of up to 2^18 pages, beyond that O(log n) for
 * each multiple of the alignment in the region.
 *
 * Return: 0; -ENOSPC, and nothing has changed.
 */
int carve_placement_allocate(struct carve_placement *placement,
			     struct carve_extent *const *extents,
			     const struct carve_wish *wishes, size_t count,
			     size_t *ret_index);

/**
 * carve_placement_would_fit() - would carve_placement_allocate() succeed were
 *	all dirty memory clean?
 * @ret_index: written if not: the first that would not fit
 *
 * Certain for one wish. Of several each has to fit beside those before it, and
 * where these go may be another place by then.
 */
bool carve_placement_would_fit(struct carve_placement *placement,
			       const struct carve_wish *wishes, size_t count,
			       size_t *ret_index);

/**
 * carve_placement_insert() - put an extent where it is already
 * @state: any but CARVE_EXTENT_NONE
 *
 * For taking over a region that another manager left, and for taking back what
 * was undone a moment ago.
 *
 * Return: 0; -EINVAL (empty, or no whole pages); -ERANGE (not inside the
 * region); -EBUSY (not all of it is clean). On failure nothing has changed.
 */
int carve_placement_insert(struct carve_placement *placement,
			   struct carve_extent *extent, uint64_t offset,
			   uint64_t bytes, enum carve_extent_state state);

/* A live extent nobody ever got, or a reserved one: clean again. */
void carve_placement_undo(struct carve_placement *placement,
			  struct carve_extent *extent);

/* A live extent died: dirty. */
void carve_placement_release(struct carve_placement *placement,
			     struct carve_extent *extent);

/* A dirty extent was zeroed: clean, and @extent is in no region any more. */
void carve_placement_clean(struct carve_placement *placement,
			   struct carve_extent *extent);

/**
 * carve_placement_turn() - make an extent something else where it lies
 * @state: CARVE_EXTENT_LIVE or CARVE_EXTENT_RESERVED of each other;
 *	CARVE_EXTENT_HELD of a live one; of a held one CARVE_EXTENT_RESERVED
 *	(it was zeroed) or CARVE_EXTENT_DIRTY (the promise is off), of which
 *	CARVE_EXTENT_HELD (it is on again)
 */
void carve_placement_turn(struct carve_placement *placement,
			  struct carve_extent *extent,
			  enum carve_extent_state state);

/**
 * carve_placement_trial() - one step of carve_placement_would_fit(), for who
 *	has more wishes than that takes
 * @extent: in no region; stays so, but what it took has to be given back by
 *	carve_placement_trial_end() before anything else happens here
 *
 * Return: would it fit, were all dirty memory clean?
 */
bool carve_placement_trial(struct carve_placement *placement,
			   struct carve_extent *extent,
			   const struct carve_wish *wish);
void carve_placement_trial_end(struct carve_placement *placement,
			       struct carve_extent *extent);

/* The first extent that begins at @offset or behind it, or NULL. O(log n) */
struct carve_extent *
carve_placement_next(const struct carve_placement *placement, uint64_t offset);

/* O(log n) */
struct carve_figures
carve_placement_figures(const struct carve_placement *placement);

/**
 * carve_placement_check() - is every invariant of this page true? O(n log n)
 *
 * Return: NULL, or what is wrong, in words.
 */
const char *carve_placement_check(const struct carve_placement *placement);

#endif /* CARVE_DAEMON_PLACEMENT_H */
