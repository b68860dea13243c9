/* SPDX-License-Identifier: MIT */
/*
 * The importers of our own (tests/modules/carve-test.h), as functions that
 * return 0 or a negative errno.
 */
#ifndef CARVE_DEVICE_H
#define CARVE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "carve-test.h"

/* Opens /dev/carve-test/NAME; -1 when there is none. */
int device_open(const char *name);

/* Is there the node of an importer? */
bool device_exists(const char *name);

/**
 * device_map() - attach and map a buffer
 * @device: open importer
 * @buf: a dma-buf
 * @direction: enum carve_test_direction
 * @segments: room for @map->count
 * @ret_map: @count is how many fit, and then how many there are; @handle
 */
int device_map(int device, int buf, uint32_t direction,
	       struct carve_test_segment *segments,
	       struct carve_test_map *ret_map);
int device_unmap(int device, uint32_t handle);

/* The width of the device's DMA mask. */
int device_mask(int device, unsigned int bits);

/* Whether the kernel takes the device for coherent; returns what it was. */
int device_coherent(int device, bool coherent);

/* Attaches the device to an IOMMU domain of this descriptor's own, or back. */
int device_domain(int device, bool own);

/* The device writes to, or reads from, a mapped buffer. */
int device_write(int device, uint32_t handle, uint64_t offset,
		 const void *data, uint64_t bytes);
int device_read(int device, uint32_t handle, uint64_t offset, void *data,
		uint64_t bytes);

/* CPU access by a kernel importer, through any importer's node. */
int device_access(int device, int buf, uint32_t direction, bool end);

/* Writes @bytes times @value in or beside a buffer, through any node. */
int device_poke(int device, int buf, int64_t offset, uint64_t bytes,
		uint8_t value);

/* "remove" or "create" the platform device of a device-tree node. */
int device_unplug(const char *verb, const char *path);

#endif /* CARVE_DEVICE_H */
