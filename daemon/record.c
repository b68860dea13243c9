// SPDX-License-Identifier: MIT
#include "record.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "arena.h"

/* Where a job is, for who gets it back from the scrubber. */
enum {
	IN_EXTENT,
	IN_SLOT,
};

/* What is only dirty is not held. */
_Static_assert(sizeof(struct carve_scrub_job) <= sizeof(struct carve_mark) &&
	       !(offsetof(struct carve_record, extent.held) %
		 _Alignof(struct carve_scrub_job)), "a job takes a mark's place");

struct carve_record *carve_record_new(void)
{
	return carve_arena_new(sizeof(struct carve_record));
}

struct carve_record *carve_record_new_slot(void)
{
	struct carve_slot_record *slot = carve_arena_new(sizeof(*slot));

	if (!slot)
		return NULL;
	slot->record.extent.tag = true;
	slot->slot.extent = &slot->record.extent;
	return &slot->record;
}

static void drop_name(struct carve_record *record)
{
	char *name = carve_link_get(&record->name);

	if (name && !carve_record_slot(record))
		carve_arena_free(name, strlen(name) + 1);
	carve_link_set(&record->name, NULL);
}

void carve_record_free(struct carve_record *record)
{
	drop_name(record);
	carve_arena_free(record, record->extent.tag ?
					 sizeof(struct carve_slot_record) :
					 sizeof(*record));
}

struct carve_scrub_job *carve_record_job(struct carve_record *record)
{
	struct carve_slot_record *slot = carve_record_slot(record);
	struct carve_scrub_job *job;

	assert(slot || record->extent.state == CARVE_EXTENT_DIRTY);
	job = slot ? &slot->job : (void *)&record->extent.held;
	*job = (struct carve_scrub_job){ .mine = slot ? IN_SLOT : IN_EXTENT };
	return job;
}

struct carve_record *carve_record_of_job(struct carve_scrub_job *job)
{
	struct carve_mark *held = (void *)job;

	if (job->mine == IN_SLOT)
		return &carve_container_of(job, struct carve_slot_record,
					   job)->record;
	return carve_container_of(held, struct carve_record, extent.held);
}

int carve_record_set_name(struct carve_record *record, const char *name)
{
	struct carve_slot_record *slot = carve_record_slot(record);
	size_t bytes = strlen(name) + 1;
	char *copy = NULL;

	if (slot)
		copy = slot->name;
	else if (*name)
		copy = carve_arena_new(bytes);
	if (*name && !copy)
		return -ENOMEM;
	if (copy)
		memcpy(copy, name, bytes);
	drop_name(record);
	carve_link_set(&record->name, copy);
	return 0;
}
