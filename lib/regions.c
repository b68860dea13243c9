// SPDX-License-Identifier: MIT
/* What regions there are, and how full. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct carve_regions {
	size_t count;
	struct carve_region_info items[];
};

static bool region_ok(const struct carve_wire_region *wire)
{
	return carve_wire_string_ok(wire->label, sizeof(wire->label)) &&
	       wire->label[0] && wire->bytes && wire->page_bytes &&
	       !(wire->page_bytes & (wire->page_bytes - 1));
}

static void region_from_wire(const struct carve_wire_region *wire,
			     uint32_t clients, struct carve_region_info *info)
{
	*info = (struct carve_region_info) {
		.struct_size = sizeof(*info),
		.flags = wire->flags,
		.bytes = wire->bytes,
		.free_bytes = wire->free_bytes,
		.largest_bytes = wire->largest_bytes,
		.dirty_bytes = wire->dirty_bytes,
		.live_bytes = wire->live_bytes,
		.buffers = wire->buffers,
		.page_bytes = wire->page_bytes,
		.clients = clients,
		.waiting = wire->waiting,
		.reserved_bytes = wire->reserved_bytes,
		.kept_bytes = wire->kept_bytes,
	};
	strcpy(info->label, wire->label);
}

static bool reply_ok(const struct carve_wire_regions_reply *reply)
{
	if (reply->header.bytes < sizeof(*reply))
		return false;
	if (!reply->count || reply->count > CARVE_WIRE_REGIONS_MAX)
		return false;
	if (reply->header.bytes !=
	    sizeof(*reply) + reply->count * sizeof(reply->items[0]))
		return false;
	for (uint32_t i = 0; i < reply->count; i++)
		if (!region_ok(&reply->items[i]))
			return false;
	return true;
}

int carve_regions_new(struct carve *carve, struct carve_regions **ret)
{
	struct carve_wire_header request = {
		.bytes = sizeof(request),
		.type = CARVE_MSG_REGIONS,
	};
	struct carve_regions *regions;
	struct carve_reply reply;
	int r;

	if (!carve || !ret)
		return -EINVAL;
	r = carve_call(carve, &request, -1, 0, &reply);
	if (r < 0)
		return r;
	if (!reply_ok(&reply.regions))
		return carve_connection_fail(carve);

	regions = malloc(sizeof(*regions) +
			 reply.regions.count * sizeof(regions->items[0]));
	if (!regions)
		return -ENOMEM;
	regions->count = reply.regions.count;
	for (size_t i = 0; i < regions->count; i++)
		region_from_wire(&reply.regions.items[i], reply.regions.clients,
				 &regions->items[i]);
	*ret = regions;
	return 0;
}

struct carve_regions *carve_regions_free(struct carve_regions *regions)
{
	free(regions);
	return NULL;
}

size_t carve_regions_count(const struct carve_regions *regions)
{
	return regions->count;
}

const struct carve_region_info *
carve_regions_get(const struct carve_regions *regions, size_t index)
{
	return index < regions->count ? &regions->items[index] : NULL;
}
