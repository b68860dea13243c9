/* SPDX-License-Identifier: MIT */
/*
 * What clients are told about regions and buffers, and who may see what.
 */
#ifndef CARVE_DAEMON_INVENTORY_H
#define CARVE_DAEMON_INVENTORY_H

#include "client.h"

/* CARVE_REGION_* of carve.h. */
uint32_t carve_inventory_flags(const struct carve_service *service,
			       const struct carve_region *region);

/* All members of @ret are written. */
void carve_inventory_region(const struct carve_service *service,
			    const struct carve_region *region,
			    struct carve_wire_region *ret);

/* All members of @ret are written. */
void carve_inventory_reservation(const struct carve_client *client,
				 const struct carve_reservation *reservation,
				 struct carve_wire_reservation *ret);

/**
 * carve_inventory_list() - the next buffers of a client's list
 * @items: room for CARVE_WIRE_LIST_MAX
 *
 * Moves the client's list_region and list_place on; list_region is the number
 * of regions at the end.
 *
 * Return: entries written.
 */
uint32_t carve_inventory_list(struct carve_client *client,
			      struct carve_wire_buffer *items);

/**
 * carve_inventory_query() - which buffer is this descriptor?
 * @fd: whoever holds it may know name and owner
 *
 * Return: 0; -ENOENT.
 */
int carve_inventory_query(const struct carve_client *client, int fd,
			  struct carve_wire_buffer *ret);

#endif /* CARVE_DAEMON_INVENTORY_H */
