// SPDX-License-Identifier: MIT
#include "charges.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* A box has a handful of users that hold video memory: a list will do. */
static struct carve_charge *find(const struct carve_charges *charges, uid_t uid)
{
	struct carve_charge *charge;

	LIST_FOREACH(charge, charges, link)
		if (charge->uid == uid)
			return charge;
	return NULL;
}

int carve_charges_add(struct carve_charges *charges, uid_t uid, uint64_t bytes)
{
	struct carve_charge *charge = find(charges, uid);

	if (!charge) {
		charge = calloc(1, sizeof(*charge));
		if (!charge)
			return -ENOMEM;
		charge->uid = uid;
		LIST_INSERT_HEAD(charges, charge, link);
	}
	charge->bytes += bytes;
	charge->buffers++;
	return 0;
}

void carve_charges_remove(struct carve_charges *charges, uid_t uid,
			  uint64_t bytes)
{
	struct carve_charge *charge = find(charges, uid);

	assert(charge && charge->buffers && charge->bytes >= bytes);
	charge->bytes -= bytes;
	if (--charge->buffers)
		return;
	LIST_REMOVE(charge, link);
	free(charge);
}

uint64_t carve_charges_bytes(const struct carve_charges *charges, uid_t uid)
{
	const struct carve_charge *charge = find(charges, uid);

	return charge ? charge->bytes : 0;
}
