/* SPDX-License-Identifier: MIT */
/*
 * How much of a region each holder has: each user in each unit.
 */
#ifndef CARVE_DAEMON_CHARGES_H
#define CARVE_DAEMON_CHARGES_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "protocol.h"

/**
 * struct carve_charge - what one holder has; exists while @buffers or @reserved
 *	is not 0
 * @uid, @unit: who; an empty unit for one that is not known, which is so for
 *	what another daemon gave out
 * @bytes: sum of the holder's live buffers, guards included
 * @buffers: their number
 * @slot_bytes, @slot_buffers: of these, in slots of granted reservations
 * @reserved: bytes in slots of the holder's reservations, whatever is in them
 * @number: private to picture.c
 * @link: private
 */
struct carve_charge {
	uid_t uid;
	char unit[CARVE_WIRE_UNIT];
	uint64_t bytes;
	uint64_t buffers;
	uint64_t slot_bytes;
	uint64_t slot_buffers;
	uint64_t reserved;
	uint32_t number;
	LIST_ENTRY(carve_charge) link;
};

LIST_HEAD(carve_charges, carve_charge);

/**
 * carve_charges_add() - charge one more buffer, outside of a reservation
 * @unit: name of the unit, or ""
 * @ret: the charge, for carve_charge_remove()
 *
 * Return: 0; -ENOMEM.
 */
int carve_charges_add(struct carve_charges *charges, uid_t uid,
		      const char *unit, uint64_t bytes,
		      struct carve_charge **ret);

/* Take a buffer off that is in no slot (any more). @charge may be gone then. */
void carve_charge_remove(struct carve_charge *charge, uint64_t bytes);

/* A buffer that was charged lies in a slot of a reservation. */
void carve_charge_enter_slot(struct carve_charge *charge, uint64_t bytes);

/* It does no longer, because it has died or its reservation has ended. */
void carve_charge_leave_slot(struct carve_charge *charge, uint64_t bytes);

/**
 * carve_charges_reserve() - charge the slots of a reservation to its owner
 * @bytes: more than 0
 * @ret: the charge, for carve_charge_unreserve()
 *
 * Return: 0; -ENOMEM.
 */
int carve_charges_reserve(struct carve_charges *charges, uid_t uid,
			  const char *unit, uint64_t bytes,
			  struct carve_charge **ret);

/* Take them off. @charge may be gone then. */
void carve_charge_unreserve(struct carve_charge *charge, uint64_t bytes);

/* Bytes of buffers charged to @uid, in any unit. */
uint64_t carve_charges_bytes(const struct carve_charges *charges, uid_t uid);

#endif /* CARVE_DAEMON_CHARGES_H */
