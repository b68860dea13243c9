/* SPDX-License-Identifier: MIT */
/*
 * One extent of a region, and what is known of it. There may be tens of thousands,
 * so what only some need is not in all: what a slot is besides comes behind the
 * record, and what only dirty memory needs lies where only live memory has
 * something.
 */
#ifndef CARVE_DAEMON_RECORD_H
#define CARVE_DAEMON_RECORD_H

#include <stdint.h>
#include <sys/types.h>

#include "charges.h"
#include "device.h"
#include "placement.h"
#include "scrubber.h"
#include "slots.h"
#include "tree.h"

/**
 * struct carve_record - one extent that is not clean and free
 * @extent: where it lies; live until the device says that it died, then dirty
 *	until it was scrubbed, and then the record is freed, or an empty slot. Its
 *	tag says whether this is the first part of a struct carve_slot_record
 * @by_number: private to roll.c
 * @name: private; see carve_record_name()
 * @kept: place of its CARVE_CELL_BUFFER, or 0
 * @id: number of the buffer, 0 for memory nobody has had since boot and for
 *	empty slots
 * @uid: user it is or was charged to
 * @pid: process that asked for it, 0 if another daemon gave it out
 * @charge: of its holder while it is live
 */
struct carve_record {
	struct carve_extent extent;
	struct carve_tree_node by_number;
	struct carve_link name;
	uint32_t kept;
	uint64_t id;
	uid_t uid;
	pid_t pid;
	struct carve_charge *charge;
};

/**
 * struct carve_slot_record - one that was made for a reservation
 * @slot: of which it is, as long as it has an owner
 * @kept: of its CARVE_CELL_SLOT, for generations of both parities
 * @job: while it is dirty
 * @name: of its buffer: to give one out takes no memory
 */
struct carve_slot_record {
	struct carve_record record;
	struct carve_slot slot;
	uint32_t kept[2];
	struct carve_scrub_job job;
	char name[CARVE_DEVICE_NAME] __attribute__((aligned(4)));
};

/* For a buffer, or for a slot, in no region. Return: NULL, there is no memory. */
struct carve_record *carve_record_new(void);
struct carve_record *carve_record_new_slot(void);

/* It is in no region any more. */
void carve_record_free(struct carve_record *record);

/* Return: NULL for what was not made for a reservation. */
static inline struct carve_slot_record *
carve_record_slot(const struct carve_record *record)
{
	return record->extent.tag ?
		carve_container_of(record, struct carve_slot_record, record) :
		NULL;
}

/* Of which it is a slot, or NULL. */
static inline struct carve_slots *
carve_record_owner(const struct carve_record *record)
{
	const struct carve_slot_record *slot = carve_record_slot(record);

	return slot ? slot->slot.owner : NULL;
}

static inline struct carve_record *carve_record_of_slot(struct carve_slot *slot)
{
	return &carve_container_of(slot, struct carve_slot_record, slot)->record;
}

/* As long as it is dirty; what was in it before is lost. */
struct carve_scrub_job *carve_record_job(struct carve_record *record);
struct carve_record *carve_record_of_job(struct carve_scrub_job *job);

/**
 * carve_record_set_name() - name its buffer
 * @name: shorter than CARVE_DEVICE_NAME
 *
 * Return: 0, of a slot always; -ENOMEM, and it is as before.
 */
int carve_record_set_name(struct carve_record *record, const char *name);

static inline const char *carve_record_name(const struct carve_record *record)
{
	const char *name = carve_link_get(&record->name);

	return name ? name : "";
}

#endif /* CARVE_DAEMON_RECORD_H */
