/* SPDX-License-Identifier: MIT */
/*
 * What the files of the simulated region (simulated*.c) share; nobody else
 * includes this.
 */
#ifndef CARVE_DAEMON_SIMULATED_H
#define CARVE_DAEMON_SIMULATED_H

#include <pthread.h>
#include <sys/inotify.h>
#include <sys/types.h>

#include "device-simulated.h"
#include "tree.h"

/* The smallest pages that there are are 2^this bytes, and all are multiples of it. */
#define SIM_UNIT_LOG2	12

/* Regions are no larger: there would not be numbers for all units. */
#define SIM_BYTES_MAX	((uint64_t)UINT32_MAX << SIM_UNIT_LOG2)

/* A state has up to 2^24 cells. */
#define SIM_PLACE_BITS	28

/**
 * struct sim_extent - a live or dirty range
 * @by_offset: node of the books, as long as the range is not clean
 * @by_watch, @by_inode: nodes as long as the buffer is not known to be dead
 * @watch: its number in the inotify instance
 * @uid, @id: as in struct carve_device_extent
 * @offset_units, @units: likewise, in SIM_UNIT_LOG2
 * @name: private; NULL: empty
 * @place: of its cell in the state; 0: none
 * @live: a buffer; else dirty
 * @seen: found in the list of watches; used while resynchronising
 * @stale: the cell says more than is dirty, or nothing is any more
 * @clean: it is in no books, and goes with its cell
 * @inode: of its memfd, as long as the buffer is not known to be dead
 * @next: from then on, as long as it is live, next one that release() has to tell
 *	of; then, next one whose cell is to be dropped
 */
struct sim_extent {
	struct carve_tree_node by_offset;
	struct carve_tree_node by_watch;
	struct carve_tree_node by_inode;
	int watch;
	uint32_t uid;
	uint32_t offset_units;
	uint32_t units;
	struct carve_link name;
	uint32_t place : SIM_PLACE_BITS;
	uint32_t live : 1;
	uint32_t seen : 1;
	uint32_t stale : 1;
	uint32_t clean : 1;
	uint64_t id;
	union {
		uint64_t inode;
		struct carve_link next;
	};
};

_Static_assert(sizeof(struct sim_extent) == 64, "a simulated buffer has one");

static inline uint64_t sim_extent_offset(const struct sim_extent *extent)
{
	return (uint64_t)extent->offset_units << SIM_UNIT_LOG2;
}

static inline uint64_t sim_extent_bytes(const struct sim_extent *extent)
{
	return (uint64_t)extent->units << SIM_UNIT_LOG2;
}

static inline uint64_t sim_extent_end(const struct sim_extent *extent)
{
	return sim_extent_offset(extent) + sim_extent_bytes(extent);
}

static inline void sim_extent_set(struct sim_extent *extent, uint64_t offset,
				  uint64_t bytes)
{
	extent->offset_units = (uint32_t)(offset >> SIM_UNIT_LOG2);
	extent->units = (uint32_t)(bytes >> SIM_UNIT_LOG2);
}

static inline const char *sim_extent_name(const struct sim_extent *extent)
{
	const char *name = carve_link_get(&extent->name);

	return name ? name : "";
}

/* Deaths read at a time: as many as the region takes in in one turn of the loop. */
#define SIM_WATCHES_BATCH	16

/**
 * struct sim_watches - the memfds that live and how their end is learned
 * @inotify: the instance; the device's descriptor
 * @fdinfo: its /proc/self/fdinfo, open from the start so that a daemon that
 *	is out of descriptors can still resynchronise
 * @self: this process in /proc, looked up once; like @fdinfo it is of no use to a
 *	child of fork()
 * @bell: a memfd watched for IN_MODIFY: writing to it makes @inotify readable
 * @bell_watch: its number, always in the list of watches
 * @memfd_dev: device number of all memfds
 * @memfd_flags: what this kernel's memfd_create() knows
 * @last_watch: the number given out last
 * @behind: events were lost, and resynchronising has not succeeded yet
 * @overflowed: events were lost at some time
 * @wrapped: the numbers have been used up once and come again
 * @dead, @last_dead: extents found dead by resynchronising, not told of yet
 * @events: taken out of @inotify, of which @event_next is looked at next
 */
struct sim_watches {
	int inotify;
	int fdinfo;
	char self[16];
	int bell;
	int bell_watch;
	dev_t memfd_dev;
	unsigned int memfd_flags;
	int last_watch;
	bool behind;
	bool overflowed;
	bool wrapped;
	struct carve_tree_node *by_watch;
	struct carve_tree_node *by_inode;
	struct sim_extent *dead;
	struct sim_extent *last_dead;
	struct inotify_event events[SIM_WATCHES_BATCH];
	size_t event_count;
	size_t event_next;
};

/**
 * struct sim - the region
 * @lock: over all below; held for short, bounded work only
 * @by_offset: every live and dirty extent
 * @keep: its state is NULL when nothing is kept
 * @stale: see struct sim_extent
 */
struct sim {
	struct carve_device device;
	pthread_mutex_t lock;
	struct carve_tree_node *by_offset;
	struct sim_watches watches;
	struct carve_simulated_keep keep;
	struct sim_extent *stale;
};

/* simulated-memfd.c */
int sim_watches_init(struct sim_watches *watches, int inotify);
int sim_watches_start(struct sim_watches *watches);
int sim_watches_resume(struct sim_watches *watches);
void sim_watches_done(struct sim_watches *watches);
int sim_watches_create(struct sim_watches *watches, struct sim_extent *extent);
int sim_watches_identify(const struct sim_watches *watches, int fd,
			 struct sim_extent **ret);

/* simulated-watch.c */
struct sim_extent *sim_watches_find(const struct sim_watches *watches, int watch);
struct sim_extent *sim_watches_find_inode(const struct sim_watches *watches, ino_t inode);
void sim_watches_insert(struct sim_watches *watches, struct sim_extent *extent);
void sim_watches_forget(struct sim_watches *watches, struct sim_extent *extent);
int sim_watches_next_dead(struct sim_watches *watches, struct sim_extent **ret);
bool sim_watches_has_more(const struct sim_watches *watches);
int sim_watches_resynchronise(struct sim_watches *watches);
void sim_watches_ring(struct sim_watches *watches);

/* simulated-books.c */
struct sim_extent *sim_extent_new(const char *name);
void sim_extent_free(struct sim_extent *extent);
void sim_extent_describe(const struct sim_extent *extent,
			 struct carve_device_extent *ret);
int sim_books_check_range(const struct sim *sim, uint64_t offset, uint64_t bytes);
struct sim_extent *sim_books_first_above(const struct sim *sim, uint64_t offset);
bool sim_books_is_clean(const struct sim *sim, uint64_t offset, uint64_t bytes);
struct sim_extent *sim_books_first_within(const struct sim *sim, uint64_t offset,
					  uint64_t end);
void sim_books_insert(struct sim *sim, struct sim_extent *extent);
int sim_books_scrub(struct sim *sim, uint64_t offset, uint64_t bytes);
void sim_books_done(struct sim *sim);

/* simulated-keep.c */
int sim_keep_load(struct sim *sim);
void sim_keep_forget_all(struct sim *sim);
int sim_keep_expect(struct sim *sim);
void sim_keep_put(struct sim *sim, struct sim_extent *extent);
void sim_keep_make_stale(struct sim *sim, struct sim_extent *extent);
void sim_keep_drop_stale(struct sim *sim);

#endif /* CARVE_DAEMON_SIMULATED_H */
