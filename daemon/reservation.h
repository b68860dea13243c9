/* SPDX-License-Identifier: MIT */
/*
 * Reservations: profiles that were granted, who has them, and what is asked of
 * them. That they can be kept is proved in slots.h.
 *
 * Everything here belongs to the event loop's thread.
 */
#ifndef CARVE_DAEMON_RESERVATION_H
#define CARVE_DAEMON_RESERVATION_H

#include "config.h"
#include "queue.h"
#include "region.h"
#include "slots.h"

/* Of one connection: each costs the daemon some KiB. */
#define CARVE_RESERVATIONS_MAX	64

_Static_assert(CARVE_SLOTS_CLASSES == CARVE_WIRE_CLASSES_MAX, "wire");

struct carve_reserve;

/**
 * struct carve_reservation - memory set aside, or about to be
 * @id: number, of its own
 * @slots: what is granted; no classes: nothing yet, or not any more
 * @queue: its user's request for buffers, should that have to wait; only what
 *	happens to its own slots helps
 * @uid, @pid, @unit: whose it is; of a configured one that nobody has claimed
 *	the pid is 0
 * @flags: CARVE_RESERVATION_* of carve.h, but for KNOWN
 * @client: number of the connection it belongs to; 0: a configured one that nobody
 *	has claimed
 * @made_by: id of the request that made, changed or claimed it last
 * @generation: of its classes and slots in the state
 * @kept: place of its CARVE_CELL_RESERVATION, or 0
 * @class_kept: of its CARVE_CELL_CLASS, for generations of both parities
 * @charge, @charged_bytes: what its owner is charged for it
 * @owner: who may have it, if it is configured (see standing.h)
 * @pending: how it is asked for, if it is configured, else NULL
 * @of_region: in the region's list
 * @of_client: in its client's list
 */
struct carve_reservation {
	uint64_t id;
	struct carve_region *region;
	struct carve_slots slots;
	struct carve_queue queue;
	uid_t uid;
	pid_t pid;
	char unit[CARVE_WIRE_UNIT];
	char name[CARVE_WIRE_LABEL];
	uint32_t flags;
	uint64_t client;
	uint64_t made_by;
	uint64_t generation;
	uint32_t kept;
	uint32_t class_kept[2][CARVE_SLOTS_CLASSES];
	struct carve_charge *charge;
	uint64_t charged_bytes;
	struct carve_config_match owner;
	struct carve_reserve *pending;
	TAILQ_ENTRY(carve_reservation) of_region;
	LIST_ENTRY(carve_reservation) of_client;
};

LIST_HEAD(carve_reservation_list, carve_reservation);

/**
 * struct carve_reserve - one request to change a reservation, and its answer
 * @who: who asks; borrowed. NULL: the configuration, which no rule limits
 * @client: number of the connection that asks; 0: the configuration
 * @made_by: id of the request there
 * @terms: what the rules said about it when it was asked
 * @timeout_nsec: how long to wait for others; 0: not at all; UINT64_MAX: for ever
 * @since_usec, @deadline_usec: as in struct carve_waiter
 * @explain: say who holds the memory, should it be refused
 * @reservation: to be changed to @kinds; it is, all or none
 * @is_new: it is freed, and NULL, if that fails
 * @kinds: @count kinds, from carve_reserve_kinds(); none gives all back
 * @done: called with the result of a request that had to wait, which is then no
 *	longer waiting
 * @refusal: with -ENOSPC, -EDQUOT and -ETIMEDOUT: the numbers, header left alone
 * @holders: with these, too, if @explain; borrowed, as in struct carve_answer
 * @fresh: private: @fresh_count records for new slots
 * @waiter: private
 */
struct carve_reserve {
	const struct carve_identity *who;
	uint64_t client;
	uint64_t made_by;
	struct carve_terms terms;
	uint64_t timeout_nsec;
	uint64_t since_usec;
	uint64_t deadline_usec;
	bool explain;
	struct carve_reservation *reservation;
	bool is_new;
	struct carve_kind kinds[CARVE_SLOTS_CLASSES];
	size_t count;
	void (*done)(struct carve_reserve *reserve, int result);

	struct carve_wire_refusal refusal;
	struct carve_holders *holders;

	struct carve_record **fresh;
	size_t fresh_count;
	struct carve_waiter waiter;
};

/**
 * carve_reservation_new() - a reservation of nothing yet
 * @ret: carve_reservation_free()
 * @id: its number
 * @name: shorter than CARVE_WIRE_LABEL
 *
 * Return: 0; -ENOMEM; what sd-event answers.
 */
int carve_reservation_new(struct carve_reservation **ret,
			  struct carve_region *region, uint64_t id,
			  const char *name);

/**
 * carve_reservation_free() - give all of it back
 *
 * Its buffers live on. Nobody may wait for it; whoever calls has to serve the
 * region. NULL is allowed. Return: NULL.
 */
struct carve_reservation *
carve_reservation_free(struct carve_reservation *reservation);

/* Of which a record is a slot, or NULL. */
struct carve_reservation *
carve_reservation_of(const struct carve_record *record);

/**
 * carve_reserve_kinds() - what classes take of a region
 * @classes: @count classes
 *
 * Return: 0; -EINVAL (too many classes, a count of 0, more than
 * CARVE_WIRE_SLOTS_MAX buffers); as carve_want_check().
 */
int carve_reserve_kinds(const struct carve_region *region,
			const struct carve_terms *terms,
			const struct carve_wire_class *classes, size_t count,
			struct carve_kind *kinds);

/* The other way round: a class as it was granted. */
void carve_reserve_class(const struct carve_kind *kind,
			 struct carve_wire_class *ret);

/**
 * carve_reserve_ask() - change a reservation, all or none
 *
 * Return: 0; -EINPROGRESS (it waits, and done() will be called); -ENOSPC,
 * -EDQUOT, or from done() -ETIMEDOUT, and the refusal; -ENOMEM; -ENODEV. With 0
 * whoever calls has to serve the region: smaller than before, it has given
 * something back.
 */
int carve_reserve_ask(struct carve_reserve *reserve);

/**
 * carve_reservation_allocate() - buffers out of slots, all or none
 * @grant: its items say nothing but class and name
 *
 * Return: as carve_region_allocate(); -ENOSPC only when more would be alive than
 * was granted; -EINVAL also for a class there is not.
 */
int carve_reservation_allocate(struct carve_reservation *reservation,
			       struct carve_grant *grant);

/* Number of requests that wait for slots, or for one that is pending. */
unsigned int carve_reservations_waiting(const struct carve_region *region);

/* Answer what waits for slots, as far as that is possible now. */
void carve_reservations_serve(struct carve_region *region);

/* What happens to the record of a slot, for region.c and export.c. */
void carve_reservation_release(struct carve_record *record);
void carve_reservation_clean(struct carve_record *record);

#endif /* CARVE_DAEMON_RESERVATION_H */
