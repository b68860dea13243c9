/* SPDX-License-Identifier: MIT */
/*
 * How much of a region each user holds.
 */
#ifndef CARVE_DAEMON_CHARGES_H
#define CARVE_DAEMON_CHARGES_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/**
 * struct carve_charge - what one user holds
 * @bytes: sum of the user's live buffers
 * @buffers: their number; the charge exists while it is not 0
 */
struct carve_charge {
	uid_t uid;
	uint64_t bytes;
	uint64_t buffers;
	LIST_ENTRY(carve_charge) link;
};

LIST_HEAD(carve_charges, carve_charge);

/* Charge one more buffer to @uid. Return: 0; -ENOMEM. */
int carve_charges_add(struct carve_charges *charges, uid_t uid, uint64_t bytes);

/* Take a buffer off that was charged. */
void carve_charges_remove(struct carve_charges *charges, uid_t uid,
			  uint64_t bytes);

/* Bytes charged to @uid. */
uint64_t carve_charges_bytes(const struct carve_charges *charges, uid_t uid);

#endif /* CARVE_DAEMON_CHARGES_H */
