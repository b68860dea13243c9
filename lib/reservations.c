// SPDX-License-Identifier: MIT
/* What reservations there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "list.h"

struct carve_reservations {
	struct carve_list list;
};

static bool item_ok(const void *data)
{
	const struct carve_wire_reservation *wire = data;

	return carve_wire_string_ok(wire->region, sizeof(wire->region)) &&
	       carve_wire_string_ok(wire->name, sizeof(wire->name)) &&
	       wire->region[0] && wire->id && !wire->reserved;
}

static void from_wire(const void *data, void *ret)
{
	const struct carve_wire_reservation *wire = data;
	struct carve_reservation_info *info = ret;

	*info = (struct carve_reservation_info){
		.struct_size = sizeof(*info),
		.flags = wire->flags,
		.id = wire->id,
		.bytes = wire->bytes,
		.live_bytes = wire->live_bytes,
		.uid = wire->uid,
		.pid = wire->pid,
		.slots = wire->slots,
		.live = wire->live,
	};
	strcpy(info->region, wire->region);
	strcpy(info->name, wire->name);
}

static const struct carve_list_kind kind = {
	.type = CARVE_MSG_RESERVATIONS,
	.wire_bytes = sizeof(struct carve_wire_reservation),
	.info_bytes = sizeof(struct carve_reservation_info),
	.ok = item_ok,
	.take = from_wire,
};

int carve_reservations_new(struct carve *carve, struct carve_reservations **ret)
{
	struct carve_reservations *reservations;
	int r;

	if (!carve || !ret)
		return -EINVAL;
	reservations = calloc(1, sizeof(*reservations));
	if (!reservations)
		return -ENOMEM;
	r = carve_list_walk(carve, &kind, &reservations->list);
	if (r < 0) {
		carve_reservations_free(reservations);
		return r;
	}
	*ret = reservations;
	return 0;
}

struct carve_reservations *
carve_reservations_free(struct carve_reservations *reservations)
{
	if (!reservations)
		return NULL;
	free(reservations->list.items);
	free(reservations);
	return NULL;
}

size_t carve_reservations_count(const struct carve_reservations *reservations)
{
	return reservations->list.count;
}

const struct carve_reservation_info *
carve_reservations_get(const struct carve_reservations *reservations,
		       size_t index)
{
	const struct carve_reservation_info *items = reservations->list.items;

	return index < reservations->list.count ? &items[index] : NULL;
}
