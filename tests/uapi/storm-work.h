/* SPDX-License-Identifier: MIT */
/*
 * What the threads of a storm share; for storm.c and storm-work.c.
 */
#ifndef CARVE_STORM_WORK_H
#define CARVE_STORM_WORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STORM_SLOTS 48

enum storm_what {
	STORM_EXPORT, STORM_BUSY, STORM_SCRUB, STORM_READ, STORM_LOOK,
	STORM_IDENTIFY, STORM_MAP, STORM_SYNC, STORM_FORK, STORM_IMPORT,
	STORM_DEVICE, STORM_PLAY, STORM_UNLOAD, STORM_COUNTS
};

/**
 * struct storm_slot - place for a buffer
 * @lock: held by who exports into it or closes it
 * @fd: the buffer, or -1. All others read it without the lock: what they get may
 *	be closed, or somebody else's, by the time they use it, and that is
 *	what it is for
 * @bytes: of the buffer, without its guards
 * @owner: as storm_new_owner() gave it
 */
struct storm_slot {
	pthread_mutex_t lock;
	atomic_int fd;
	uint64_t bytes, owner;
};

struct storm {
	int manager;
	atomic_bool stop;
	_Atomic(const char *) wrong;
	atomic_ullong next_owner;
	uint64_t first_owner;
	struct storm_slot slots[STORM_SLOTS];
};

struct storm_thread {
	unsigned int number;
	uint64_t random;
	void (*work)(struct storm_thread *self);
};

extern struct storm storm;

void storm_count(enum storm_what what);
void storm_wrong(const char *why);

/* A number for a new buffer, or 0 when there is none left. */
uint64_t storm_new_owner(void);

/* The owner has the range: a record of it must come, once. */
void storm_book(uint64_t owner, uint64_t offset, uint64_t bytes);

/* Looks whether the buffer is still its owner's alone, and closes it. */
void storm_drop(struct storm_slot *slot);

/* The threads. All end when storm.stop is set or the region has gone. */
void storm_exporter(struct storm_thread *self);
void storm_reader(struct storm_thread *self);
void storm_scrubber(struct storm_thread *self);
void storm_looker(struct storm_thread *self);
void storm_mapper(struct storm_thread *self);
void storm_syncer(struct storm_thread *self);
void storm_forker(struct storm_thread *self);
void storm_importer(struct storm_thread *self);
void storm_device(struct storm_thread *self);
void storm_player(struct storm_thread *self);

#endif /* CARVE_STORM_WORK_H */
