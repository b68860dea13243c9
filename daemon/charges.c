// SPDX-License-Identifier: MIT
#include "charges.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A box has a handful of programs that hold video memory: a list will do. */
static struct carve_charge *find(const struct carve_charges *charges, uid_t uid,
				 const char *unit)
{
	struct carve_charge *charge;

	LIST_FOREACH(charge, charges, link)
		if (charge->uid == uid && !strcmp(charge->unit, unit))
			return charge;
	return NULL;
}

static struct carve_charge *find_or_add(struct carve_charges *charges,
					uid_t uid, const char *unit)
{
	struct carve_charge *charge = find(charges, uid, unit);

	if (charge)
		return charge;
	charge = calloc(1, sizeof(*charge));
	if (!charge)
		return NULL;
	charge->uid = uid;
	snprintf(charge->unit, sizeof(charge->unit), "%s", unit);
	LIST_INSERT_HEAD(charges, charge, link);
	return charge;
}

static void drop_if_empty(struct carve_charge *charge)
{
	if (charge->buffers || charge->reserved)
		return;
	LIST_REMOVE(charge, link);
	free(charge);
}

int carve_charges_add(struct carve_charges *charges, uid_t uid,
		      const char *unit, uint64_t bytes,
		      struct carve_charge **ret)
{
	struct carve_charge *charge = find_or_add(charges, uid, unit);

	if (!charge)
		return -ENOMEM;
	charge->bytes += bytes;
	charge->buffers++;
	*ret = charge;
	return 0;
}

void carve_charge_remove(struct carve_charge *charge, uint64_t bytes)
{
	assert(charge->buffers > charge->slot_buffers);
	assert(charge->bytes - charge->slot_bytes >= bytes);
	charge->bytes -= bytes;
	charge->buffers--;
	drop_if_empty(charge);
}

void carve_charge_enter_slot(struct carve_charge *charge, uint64_t bytes)
{
	charge->slot_bytes += bytes;
	charge->slot_buffers++;
	assert(charge->slot_bytes <= charge->bytes);
	assert(charge->slot_buffers <= charge->buffers);
}

void carve_charge_leave_slot(struct carve_charge *charge, uint64_t bytes)
{
	assert(charge->slot_buffers && charge->slot_bytes >= bytes);
	charge->slot_bytes -= bytes;
	charge->slot_buffers--;
}

int carve_charges_reserve(struct carve_charges *charges, uid_t uid,
			  const char *unit, uint64_t bytes,
			  struct carve_charge **ret)
{
	struct carve_charge *charge = find_or_add(charges, uid, unit);

	assert(bytes);
	if (!charge)
		return -ENOMEM;
	charge->reserved += bytes;
	*ret = charge;
	return 0;
}

void carve_charge_unreserve(struct carve_charge *charge, uint64_t bytes)
{
	assert(charge->reserved >= bytes);
	charge->reserved -= bytes;
	drop_if_empty(charge);
}

uint64_t carve_charges_bytes(const struct carve_charges *charges, uid_t uid)
{
	const struct carve_charge *charge;
	uint64_t bytes = 0;

	LIST_FOREACH(charge, charges, link)
		if (charge->uid == uid)
			bytes += charge->bytes;
	return bytes;
}
