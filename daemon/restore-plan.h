/* SPDX-License-Identifier: MIT */
/*
 * What restore*.c and recover.c share: the state's view of one region, laid beside
 * what the device lists. Nobody else includes this.
 */
#ifndef CARVE_DAEMON_RESTORE_PLAN_H
#define CARVE_DAEMON_RESTORE_PLAN_H

#include "reservation.h"
#include "restore.h"
#include "state.h"

/**
 * struct restore_array - memory that is needed once
 *
 * Pages of their own, since what the heap has grown by it keeps.
 */
struct restore_array {
	void *data;
	size_t bytes;
};

/**
 * struct restore_buffer - what the state says of a buffer
 * @place: of its cell
 * @found: the device knows it, too
 */
struct restore_buffer {
	struct carve_cell_buffer cell;
	uint32_t place;
	bool found;
};

/**
 * struct restore_reservation - what the state says of a reservation
 * @place: of its cell
 * @kinds: its classes, those that were found
 * @class_places: of their cells, 0 for those that were not
 * @slot_counts: how many slots of each class were found
 * @wrong: why it cannot be restored, in words, or NULL
 * @made: itself, once it is restored
 */
struct restore_reservation {
	struct carve_cell_reservation cell;
	uint32_t place;
	struct carve_kind kinds[CARVE_SLOTS_CLASSES];
	uint32_t class_places[CARVE_SLOTS_CLASSES];
	size_t slot_counts[CARVE_SLOTS_CLASSES];
	const char *wrong;
	struct carve_reservation *made;
};

/**
 * struct restore_slot - a slot of a reservation
 * @live: what lies there according to the device, or NULL
 * @dirty: some of it is dirty
 */
struct restore_slot {
	struct restore_reservation *owner;
	uint64_t offset;
	uint64_t bytes;
	uint32_t class;
	uint32_t place;
	const struct carve_device_extent *live;
	const struct carve_device_extent *dirty;
};

/* A client that the state knows. */
struct restore_client {
	uint64_t number;
	uint32_t place;
};

/**
 * struct restore_clients - all of them
 * @all: @count, by number
 */
struct restore_clients {
	struct restore_client *all;
	size_t count;
	struct restore_array array;
};

/**
 * struct restore_plan - all of one region
 * @listed: what the device lists, by address
 * @buffers: by number
 * @reservations: by number
 * @slots: by address; after carve_restore_judge() of those alone that will be
 * @clients: that the state knows
 * @arrays: where these four are, in this order
 */
struct restore_plan {
	struct carve_region *region;
	struct carve_device_extent *listed;
	size_t listed_count;
	struct restore_buffer *buffers;
	size_t buffer_count;
	struct restore_reservation *reservations;
	size_t reservation_count;
	struct restore_slot *slots;
	size_t slot_count;
	struct restore_clients clients;
	struct restore_array arrays[4];
};

/* restore-cells.c. Return: 0; -ENOMEM. */
int carve_restore_clients_init(struct restore_clients *clients,
			       const struct carve_state *state);
void carve_restore_clients_done(struct restore_clients *clients);

/* Return: NULL if it is not known. */
struct restore_client *
carve_restore_find_client(const struct restore_clients *clients, uint64_t number);

/* Make it so large; what is new is zero. Return: its data; NULL: -ENOMEM. */
void *carve_restore_resize(struct restore_array *array, size_t bytes);

/* restore-cells.c: read the state. Return: 0; -ENOMEM. */
int carve_restore_gather(struct restore_plan *plan);

/* What the state knows of a listed buffer, or NULL; marked as found. */
struct restore_buffer *
carve_restore_find_buffer(struct restore_plan *plan,
			  const struct carve_device_extent *listed);

/* Memory of @plan alone. */
void carve_restore_plan_done(struct restore_plan *plan);

/* restore-judge.c: what can be restored; the rest is given up. Return: 0; -ENOMEM. */
int carve_restore_judge(struct restore_plan *plan);

/* The first slot that ends behind @offset: @plan's end if there is none. */
struct restore_slot *carve_restore_slot(const struct restore_plan *plan,
					uint64_t offset);

/* restore.c: make the reservations, without any slot yet. Return: 0; -ENOMEM. */
int carve_restore_reservations(struct restore_plan *plan);

/* Its client will be told. Return: 0; -ENOMEM. */
int carve_restore_lose(const struct restore_plan *plan,
		       const struct carve_cell_reservation *cell,
		       uint32_t place);

#endif /* CARVE_DAEMON_RESTORE_PLAN_H */
