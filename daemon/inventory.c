// SPDX-License-Identifier: MIT
#include "inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "carve.h"
#include "standing.h"

uint32_t carve_inventory_flags(const struct carve_service *service,
			       const struct carve_region *region)
{
	const struct carve_device_info *info = &region->device->info;
	uint32_t flags = 0;

	if (info->simulated)
		flags |= CARVE_REGION_SIMULATED;
	if (info->cached)
		flags |= CARVE_REGION_CACHED;
	if (region == service->regions[service->default_region])
		flags |= CARVE_REGION_DEFAULT;
	return flags;
}

void carve_inventory_region(const struct carve_service *service,
			    const struct carve_region *region,
			    struct carve_wire_region *ret)
{
	struct carve_figures figures =
		carve_placement_figures(&region->placement);

	*ret = (struct carve_wire_region){
		.flags = carve_inventory_flags(service, region),
		.page_bytes = (uint32_t)region->placement.page_bytes,
		.bytes = figures.bytes,
		/* Of a device that has gone nothing can be had. */
		.free_bytes = region->gone ? 0 : figures.clean,
		.largest_bytes = region->gone ? 0 : figures.largest,
		.dirty_bytes = figures.dirty,
		.live_bytes = figures.live,
		.kept_bytes = region->gone ? 0 : carve_region_kept(region),
		.buffers = (uint32_t)figures.live_count,
		.reserved_bytes = figures.reserved,
		.waiting = region->queue.count +
			   carve_reservations_waiting(region),
	};
	snprintf(ret->label, sizeof(ret->label), "%s",
		 carve_region_label(region));
}

/* The superuser and the daemon's own user may see everyone's buffers. */
static bool sees_all(const struct carve_client *client)
{
	return client->who.uid == 0 || client->who.uid == client->service->own_uid;
}

/*
 * An offset is a physical address, but for a simulated region: for those whom
 * the rules let see it, without any for the superuser.
 */
static bool sees_offset(const struct carve_client *client,
			const struct carve_region *region)
{
	return client->who.terms.show_addresses ||
	       (region->device->info.simulated && sees_all(client));
}

static void describe(const struct carve_client *client,
		     const struct carve_region *region, uint64_t offset,
		     uint64_t bytes, struct carve_wire_buffer *ret)
{
	*ret = (struct carve_wire_buffer){ .bytes = bytes };
	snprintf(ret->region, sizeof(ret->region), "%s",
		 carve_region_label(region));
	if (region->device->info.simulated)
		ret->flags |= CARVE_BUFFER_SIMULATED;
	if (sees_offset(client, region)) {
		ret->flags |= CARVE_BUFFER_OFFSET_KNOWN;
		ret->offset = offset;
	}
}

static void describe_owner(struct carve_wire_buffer *ret, uid_t uid, pid_t pid,
			   const char *name)
{
	ret->flags |= CARVE_BUFFER_OWNER_KNOWN;
	ret->uid = uid;
	ret->pid = pid;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
}

static void describe_record(const struct carve_client *client,
			    const struct carve_region *region,
			    const struct carve_record *record,
			    struct carve_wire_buffer *ret)
{
	describe(client, region, carve_extent_offset(&record->extent),
		 carve_extent_bytes(&record->extent), ret);
	ret->id = record->id;
	if (record->extent.state == CARVE_EXTENT_DIRTY ||
	    record->extent.state == CARVE_EXTENT_HELD)
		ret->flags |= CARVE_BUFFER_DIRTY;
	if (carve_record_owner(record))
		ret->flags |= CARVE_BUFFER_RESERVED;
	if (record->extent.state == CARVE_EXTENT_RESERVED) {
		const struct carve_reservation *its =
			carve_reservation_of(record);

		if (sees_all(client) || client->who.uid == its->uid)
			describe_owner(ret, its->uid, its->pid, its->name);
		return;
	}
	/* What nobody has had since boot has no owner to be known. */
	if (record->id && (sees_all(client) || client->who.uid == record->uid))
		describe_owner(ret, record->uid, record->pid,
			       carve_record_name(record));
}

/* By address for who may know it, else by number. */
static const struct carve_record *next_record(struct carve_client *client,
					      const struct carve_region *region)
{
	const struct carve_record *record;

	record = sees_offset(client, region) ?
		 carve_region_next(region, client->list_place.offset) :
		 carve_roll_next(region, &client->list_place);
	if (!record) {
		client->list_region++;
		client->list_place = (struct carve_roll_place){ 0 };
		return NULL;
	}
	client->list_place = carve_roll_place_of(record);
	if (sees_offset(client, region))
		client->list_place.offset += client->list_place.bytes;
	return record;
}

uint32_t carve_inventory_list(struct carve_client *client,
			      struct carve_wire_buffer *items)
{
	const struct carve_service *service = client->service;
	uint32_t count = 0;

	while (client->list_region < service->region_count &&
	       count < CARVE_WIRE_LIST_MAX) {
		const struct carve_region *region =
			service->regions[client->list_region];
		const struct carve_record *record = next_record(client, region);

		if (record)
			describe_record(client, region, record,
					&items[count++]);
	}
	return count;
}

void carve_inventory_reservation(const struct carve_client *client,
				 const struct carve_reservation *reservation,
				 struct carve_wire_reservation *ret)
{
	const struct carve_slots *slots = &reservation->slots;

	*ret = (struct carve_wire_reservation){
		.id = reservation->id,
		.bytes = carve_slots_bytes(slots, false),
		.live_bytes = carve_slots_bytes(slots, true),
		.flags = reservation->flags,
		.slots = (uint32_t)carve_slots_count(slots, false),
		.live = (uint32_t)carve_slots_count(slots, true),
	};
	if (reservation->flags & CARVE_RESERVATION_PENDING) {
		size_t count;

		ret->bytes = carve_standing_wants(reservation, &count);
		ret->slots = (uint32_t)count;
	}
	snprintf(ret->region, sizeof(ret->region), "%s",
		 carve_region_label(reservation->region));
	if (!sees_all(client) && client->who.uid != reservation->uid)
		return;
	ret->flags |= CARVE_RESERVATION_KNOWN;
	ret->uid = reservation->uid;
	ret->pid = reservation->pid;
	snprintf(ret->name, sizeof(ret->name), "%s", reservation->name);
}

int carve_inventory_query(const struct carve_client *client, int fd,
			  struct carve_wire_buffer *ret)
{
	const struct carve_service *service = client->service;

	for (size_t i = 0; i < service->region_count; i++) {
		const struct carve_region *region = service->regions[i];
		struct carve_device_extent extent;
		pid_t pid;

		if (carve_region_identify(region, fd, &extent, &pid) < 0)
			continue;
		describe(client, region, extent.offset, extent.bytes, ret);
		ret->id = extent.id;
		describe_owner(ret, extent.uid, pid, extent.name);
		return 0;
	}
	return -ENOENT;
}
