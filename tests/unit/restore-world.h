/* SPDX-License-Identifier: MIT */
/*
 * A region, its state, and one manager after the other.
 */
#ifndef CARVE_TESTS_RESTORE_WORLD_H
#define CARVE_TESTS_RESTORE_WORLD_H

#include "fake-device.h"
#include "reservation.h"
#include "state-file.h"

#define WORLD_TEXT	8192

/**
 * struct world - see above
 * @fd: the state's file
 * @request: id of the request made last
 */
struct world {
	struct fake_table *table;
	int fd;
	sd_event *event;
	struct carve_state *state;
	struct carve_region *region;
	struct carve_identity who;
	char unit[CARVE_WIRE_UNIT];
	uint64_t client;
	uint64_t request;
};

/* Of @pages, all clean. */
struct world world_new(uint64_t pages);
void world_free(struct world *world);

/* A manager begins, checks itself, and ends as if it were killed. */
void world_start(struct world *world);
void world_stop(struct world *world);

/* Both; what is reserved has to be the same afterwards. */
void world_restart(struct world *world);

/* Let it zero what is dirty. */
void world_settle(struct world *world);

/* Who asks from now on; the state knows this client. */
void world_set_client(struct world *world, uint64_t client, uid_t uid, pid_t pid,
		      const char *unit);

/* Of nothing yet. */
struct carve_reservation *world_reservation_new(struct world *world);

/* @count classes of pages and numbers; a new one if it is NULL. Return: as carve_reserve_ask(). */
int world_reserve(struct world *world, struct carve_reservation **reservation,
		  const uint32_t (*classes)[2], size_t count);

/* Buffers out of @reservation's @class, or of that many pages without one. */
int world_allocate(struct world *world, struct carve_reservation *reservation,
		   uint32_t what, size_t count, uint64_t *ids);

/* All invariants, and that charges are what they have to be. */
void world_check(struct world *world);

/* What is granted to whom and where it lies; never empty. */
void world_describe(const struct world *world, char *text);

struct carve_reservation *world_find(const struct world *world, uint64_t id);

#endif /* CARVE_TESTS_RESTORE_WORLD_H */
