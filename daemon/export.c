// SPDX-License-Identifier: MIT
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash-point.h"
#include "log.h"
#include "roll.h"
#include "state.h"

/* What a client is told; what it could make nothing of, the log is told. */
static int explain_export(const struct carve_log_about *about, int error)
{
	static struct carve_log_limit limit;

	switch (error) {
	case -EMFILE:
	case -ENFILE:
		return -EBUSY;
	case -ENOMEM:
	case -ENODEV:
		return error;
	default:
		carve_log_limited(&limit, LOG_ERR, about, "region %s: no buffer "
				  "can be made: %s", about->region,
				  strerror(-error));
		return -EIO;
	}
}

void carve_export_undo(struct carve_region *region, struct carve_record *record)
{
	if (carve_record_owner(record)) {
		carve_slot_put_back(&carve_record_slot(record)->slot);
		record->id = 0;
		carve_roll_add(region, record);
		return;
	}
	carve_placement_undo(&region->placement, &record->extent);
	carve_record_free(record);
}

/* Charge it, and let the device make it a buffer. Return: its descriptor. */
static int charge_and_export(struct carve_region *region,
			     struct carve_record *record,
			     const struct carve_identity *who,
			     const struct carve_device_extent *extent)
{
	int r = carve_charges_add(&region->charges, who->uid, who->unit,
				  extent->bytes, &record->charge);

	if (r < 0)
		return r;
	if (carve_record_owner(record))
		carve_charge_enter_slot(record->charge, extent->bytes);
	r = carve_device_export(region->device, extent);
	if (r >= 0 || r == -EBUSY)
		return r;
	if (carve_record_owner(record))
		carve_charge_leave_slot(record->charge, extent->bytes);
	carve_charge_remove(record->charge, extent->bytes);
	record->charge = NULL;
	return r;
}

/* Numbers are never given twice, so this comes before the device knows it. */
static uint64_t next_number(struct carve_region *region)
{
	uint64_t id = region->next_id++;

	if (region->state)
		carve_state_numbers(region->state)
			->buffer[region->state_index] = id;
	return id;
}

/* Before anybody can have it; carve_export() has seen to the room. */
static void keep(struct carve_region *region, struct carve_record *record,
		 const char *unit)
{
	struct carve_cell cell = {
		.type = CARVE_CELL_BUFFER,
		.region = region->state_index,
		.buffer = {
			.id = record->id,
			.offset = carve_extent_offset(&record->extent),
			.bytes = carve_extent_bytes(&record->extent),
			.uid = record->uid,
			.pid = record->pid,
		},
	};

	if (!region->state)
		return;
	CARVE_CRASH_POINT("export-made");
	snprintf(cell.buffer.unit, sizeof(cell.buffer.unit), "%s", unit);
	(void)carve_state_put(region->state, &cell, &record->kept);
	CARVE_CRASH_POINT("export-kept");
}

/* Make a placed record a buffer. On failure it is taken back, or dirty. */
static int export(struct carve_region *region, struct carve_record *record,
		  const struct carve_identity *who, const char *name,
		  const struct carve_wish *wish)
{
	struct carve_device_extent extent = {
		.offset = carve_extent_offset(&record->extent),
		.bytes = carve_extent_bytes(&record->extent),
		.id = next_number(region),
		.uid = who->uid,
		.live = true,
		.guard_before = (uint32_t)wish->before,
		.guard_after = (uint32_t)wish->after,
	};
	struct carve_log_about about = {
		.region = carve_region_label(region),
		.buffer = extent.id,
		.pid = who->pid,
		.uid = who->uid,
	};
	int fd;

	record->id = extent.id;
	record->uid = who->uid;
	record->pid = who->pid;
	strcpy(extent.name, name);
	fd = carve_record_set_name(record, name);
	if (fd == 0)
		fd = charge_and_export(region, record, who, &extent);
	if (fd < 0 && fd != -EBUSY) {
		carve_export_undo(region, record);
		return explain_export(&about, fd);
	}
	carve_roll_add(region, record);
	if (fd == -EBUSY) {
		/* The device knows better: zero it before it is tried again. */
		carve_log(LOG_ERR, &about, "region %s: the driver says that %"
			  PRIu64 " bytes at %#" PRIx64 " are not clean",
			  about.region, extent.bytes, extent.offset);
		carve_region_release(region, record);
		return -EIO;
	}
	keep(region, record, who->unit);
	carve_log(LOG_DEBUG, &about, "region %s: buffer %" PRIu64 " for uid %u "
		  "pid %d, %" PRIu64 " bytes", about.region, extent.id,
		  (unsigned int)who->uid, (int)who->pid, extent.bytes);
	return fd;
}

/* Buffers already made die with their descriptors, and the device says so. */
int carve_export(struct carve_region *region, struct carve_grant *grant,
		 struct carve_record **records, const struct carve_wish *wishes)
{
	/* A simulated region, which has no driver, writes down its extents as well. */
	size_t cells = grant->count * (region->device->info.simulated ? 2 : 1);

	if (region->state && carve_state_expect(region->state, cells) < 0) {
		for (size_t i = 0; i < grant->count; i++)
			carve_export_undo(region, records[i]);
		return -ENOMEM;
	}
	for (size_t i = 0; i < grant->count; i++) {
		int fd = export(region, records[i], grant->who,
				grant->items[i].name, &wishes[i]);

		if (fd < 0) {
			for (size_t j = i + 1; j < grant->count; j++)
				carve_export_undo(region, records[j]);
			while (i--)
				close(grant->answer->fds[i]);
			return fd;
		}
		grant->answer->fds[i] = fd;
		grant->answer->results[i] = (struct carve_wire_alloc_result){
			.id = records[i]->id,
			.bytes = wishes[i].bytes - wishes[i].before -
				 wishes[i].after,
		};
	}
	return 0;
}
