/* SPDX-License-Identifier: MIT */
/*
 * A load for a daemon that is killed all the time: processes that do what clients
 * do, and books of their own, in shared memory, of everything they hold. What the
 * daemon may not refuse is a failed call when it does; a page that two have is an
 * overlap; and when all stand still, the daemon's lists have to be the books.
 */
#ifndef CARVE_TESTS_CRASH_LOAD_H
#define CARVE_TESTS_CRASH_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "fixture.h"

#define MSEC		1000000ULL

/* Two regions: in the first there is room for all, in the second there is not. */
#define CRASH_REGIONS	2
#define CRASH_ROOMY	0
#define CRASH_TIGHT	1
#define CRASH_BYTES	(64 * MIB)
#define CRASH_PAGES	16384

#define CRASH_WORKERS	20
#define CRASH_HELD	24
#define CRASH_CLASSES	2

extern const char *const crash_labels[CRASH_REGIONS];

enum crash_role {
	CRASH_CHURN,		/* allocate, several at a time, and close */
	CRASH_RESERVE,		/* reserve, change, allocate inside, give back */
	CRASH_CLAIM,		/* the same with the configuration's */
	CRASH_IDLE,		/* hold a reservation and call nothing */
	CRASH_WAIT,		/* for room: with deadlines, for ever, cancelled */
	CRASH_YIELD,		/* have it, and give it up when asked */
	CRASH_FORWARD,		/* hand buffers to another process, and die */
	CRASH_RECEIVE,		/* that process: no client at all */
	CRASH_LOOK,		/* list and query */
	CRASH_CYCLE,		/* allocate and close, nothing else */
};

/**
 * struct crash_held - a buffer somebody has
 * @id: of the daemon's; 0: none
 * @mark: what its first and last page are full of
 */
struct crash_held {
	_Atomic uint64_t id;
	uint64_t mark;
	uint64_t offset;
	uint64_t bytes;
	unsigned int region;
	char name[32];
};

/**
 * struct crash_reserved - a reservation somebody has
 * @there: 0: none
 */
struct crash_reserved {
	_Atomic int there;
	uint32_t slots;
	uint32_t live;
	char name[32];
};

/**
 * struct crash_worker - what all may see of a process
 * @life: how often it was started; 0: never
 * @doomed: the life that is about to be, or has been, killed
 * @parked: it stands still
 * @doing: the call it is in
 * @failure: its first failed call, in words
 * @slowest_ms: the longest step between two stands
 * @cycles: buffers that CRASH_CYCLE has had
 * @sent: by CRASH_FORWARD, and taken in by CRASH_RECEIVE
 */
struct crash_worker {
	enum crash_role role;
	pid_t pid;
	bool mortal;
	_Atomic unsigned int life;
	_Atomic unsigned int doomed;
	_Atomic bool parked;
	const char *_Atomic doing;
	_Atomic uint64_t calls;
	_Atomic uint64_t failed;
	char failure[160];
	int64_t slowest_ms;
	_Atomic uint64_t cycles;
	_Atomic uint64_t sent;
	struct crash_held held[CRASH_HELD];
	struct crash_reserved reserved;
};

/**
 * struct crash_world
 * @deaths: of the daemon so far
 * @empty: whoever stands still gives up its buffers
 * @outside: buffers that outlive the daemon are in no books: pages may have two
 *	owners, and nobody may know a buffer
 * @stale_allowed: reservations may be lost: the state was taken away
 * @lost: calls that said so
 * @busy_allowed: the daemon may be out of descriptors
 * @busy: calls that said so
 * @looked_ms, @ran_ms: see crash_ms()
 * @rest_ms: who does more than CRASH_CYCLE rests so long after each step
 * @owners: by page: life and number of the worker that has it, 0: nobody
 */
struct crash_world {
	char socket[64];
	_Atomic bool stop;
	_Atomic bool pause;
	_Atomic unsigned int deaths;
	_Atomic bool empty;
	_Atomic bool outside;
	_Atomic bool stale_allowed;
	_Atomic uint64_t lost;
	_Atomic bool busy_allowed;
	_Atomic uint64_t busy;
	_Atomic int64_t looked_ms;
	_Atomic int64_t ran_ms;
	int rest_ms;
	_Atomic uint64_t overlaps;
	_Atomic uint64_t spoilt;
	_Atomic uint64_t appeals;
	unsigned int count;
	struct crash_worker workers[CRASH_WORKERS];
	_Atomic uint32_t owners[CRASH_REGIONS][CRASH_PAGES];
};

/**
 * struct crash_self - a worker's own
 * @buffers, @fds: by index of held; a receiver has descriptors alone
 * @mates: a pair of sockets for CRASH_FORWARD and CRASH_RECEIVE
 */
struct crash_self {
	struct crash_world *world;
	struct crash_worker *worker;
	unsigned int index;
	unsigned int seed;
	unsigned int serial;
	struct carve *carve;
	struct carve_buffer *buffers[CRASH_HELD];
	int fds[CRASH_HELD];
	const int *mates;
};

/* crash-load.c: what all roles do */
unsigned int crash_below(struct crash_self *self, unsigned int bound);
void crash_fail(struct crash_self *self, const char *what, int r);
/* Milliseconds of a clock that goes on only as long as any worker does. */
int64_t crash_ms(struct crash_world *world);
/* Stand still while the world does. Return: go on? */
bool crash_go_on(struct crash_self *self);
/* Call something; counts. */
#define CRASH_CALL(self, what, call)					\
	(atomic_store(&(self)->worker->doing, what),			\
	 atomic_fetch_add(&(self)->worker->calls, 1), (call))
/* Connected, or ended. */
void crash_connect(struct crash_self *self);
/* A free place of held; -1: all are taken. */
int crash_place(const struct crash_self *self);
/* Any place that is taken; -1: none is. */
int crash_any(struct crash_self *self);
/* Have a buffer, mark it, and be its pages' owner. */
void crash_keep(struct crash_self *self, int place, unsigned int region,
		struct carve_buffer *buffer, const char *name);
/* Look whether it is what it was. */
void crash_look(struct crash_self *self, int place);
void crash_drop(struct crash_self *self, int place);
void crash_drop_all(struct crash_self *self);
void crash_own(struct crash_self *self, const struct crash_held *held);
void crash_disown(struct crash_self *self, const struct crash_held *held);
void crash_name(struct crash_self *self, char *name, size_t size);

/* crash-roles.c, crash-reserve.c, crash-forward.c: a step each */
void crash_churn(struct crash_self *self);
void crash_cycle(struct crash_self *self);
void crash_look_around(struct crash_self *self);
void crash_wait(struct crash_self *self);
void crash_yield(struct crash_self *self);
void crash_reserve(struct crash_self *self);
/* Its buffers have been dropped, and it counts none any more. */
void crash_reserve_empty(struct crash_self *self);
void crash_claim(struct crash_self *self);
void crash_idle(struct crash_self *self);
void crash_forward(struct crash_self *self);
void crash_receive(struct crash_self *self);
/* Return: does CRASH_FORWARD stand still, and is nothing in flight from it? */
bool crash_receive_all(struct crash_self *self);

/* crash-world.c: the test's side */
struct crash_world *crash_world_new(const struct daemon *daemon);
/* Start a worker in a place of its own. */
void crash_world_add(struct crash_world *world, enum crash_role role, bool mortal);
/* Kill a mortal one, and start another; and replace who has died by itself. */
void crash_world_replace(struct crash_world *world, unsigned int random);
void crash_world_reap(struct crash_world *world);
/* All stand still; the daemon's lists are held against the books. */
void crash_world_check(struct crash_world *world, struct carve *carve);
/* All stand still without a buffer, until crash_world_go_on(). */
void crash_world_empty(struct crash_world *world);
void crash_world_go_on(struct crash_world *world);
/* All end. Return: failed calls. */
void crash_world_end(struct crash_world *world);
uint64_t crash_world_calls(const struct crash_world *world);
uint64_t crash_world_cycles(const struct crash_world *world);
int64_t crash_world_slowest_ms(const struct crash_world *world);
/* Prints the failed ones. Return: how many. */
uint64_t crash_world_failed(const struct crash_world *world);
void crash_world_free(struct crash_world *world);
/* For teardown when the test has failed: whoever still runs. */
void crash_world_kill(void);

#endif /* CARVE_TESTS_CRASH_LOAD_H */
