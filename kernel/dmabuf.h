/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A buffer: one live extent behind a dma-buf, and its mappings for devices.
 *
 * Locks: carve_buffer.lock, see access.c; the rest of a buffer does not change
 * between its birth and its death.
 */
#ifndef CARVE_DMABUF_H
#define CARVE_DMABUF_H

#include <linux/dma-direction.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

#include "region.h"

struct dma_buf;

/**
 * struct carve_guard - one guard of a buffer, see guard.c
 * @vaddr: mapped as the region is; NULL when there is no such guard
 * @offset: first byte inside the region
 * @bytes: length, a multiple of the page size
 */
struct carve_guard {
	void *vaddr;
	u64 offset;
	u32 bytes;
};

/**
 * struct carve_buffer - what a dma-buf's priv points to
 * @region: counted
 * @extent: live, in the region's table
 * @record: becomes the release record
 * @published: user space has or had a descriptor; guarded by nothing, since
 *	it is written before anybody else can have the buffer
 * @phys: physical address of the first byte, behind the guard if there is one
 * @bytes: length without guards, a multiple of the page size
 * @guards: the one in front and the one behind
 * @lock: guards everything below
 * @mappings: struct carve_mapping, one for each map of an importer
 * @writer: the program, by its thread group, of the accesses in @writes
 * @writes: its CPU accesses that write and have not ended
 * @shared: another program has begun to write meanwhile; from then on it is not
 *	known whether somebody is writing
 * @cache_writers: mappings of coherent devices that write
 * @written: the cache may have what memory has not; only cleaning ends that
 */
struct carve_buffer {
	struct carve_region *region;
	struct carve_extent *extent;
	struct carve_record *record;
	bool published;
	phys_addr_t phys;
	size_t bytes;
	struct carve_guard guards[2];
	struct mutex lock;	/* what follows */
	struct list_head mappings;
	pid_t writer;
	unsigned int writes;
	bool shared;
	unsigned int cache_writers;
	bool written;
};

/**
 * struct carve_mapping - a buffer as one importer's device sees it
 * @node: in carve_buffer.mappings
 * @dev: the importer's device
 * @dir: as mapped
 * @direct: no IOMMU and no other layer translates for the device
 * @whole: mapped by one dma_map_sgtable(), else entry by entry
 * @own: what the DMA API was given; nobody else sees it
 * @sgt: a copy, which the importer gets
 */
struct carve_mapping {
	struct list_head node;
	struct device *dev;
	enum dma_data_direction dir;
	bool direct;
	bool whole;
	struct sg_table own;
	struct sg_table sgt;
};

/* dmabuf.c */
struct dma_buf *carve_buffer_new(struct carve_region *region,
				 const struct carve_export *export);
void carve_buffer_publish(struct dma_buf *dmabuf, int fd);
const struct carve_extent *
carve_buffer_extent(const struct dma_buf *dmabuf,
		    const struct carve_region *region);

/* guard.c */
int carve_guards_map(struct carve_buffer *buffer);
void carve_guards_unmap(struct carve_buffer *buffer);
void carve_guards_fill(struct carve_buffer *buffer);
void carve_guards_verify(struct carve_buffer *buffer);

/* importer.c */
struct carve_mapping *carve_importer_map(const struct carve_buffer *buffer,
					 struct device *dev,
					 enum dma_data_direction dir);
void carve_importer_unmap(struct carve_mapping *mapping);

/* access.c */
void carve_access_enter(struct carve_buffer *buffer,
			struct carve_mapping *mapping);
void carve_access_leave(struct carve_buffer *buffer,
			struct carve_mapping *mapping);
void carve_access_begin(struct carve_buffer *buffer,
			enum dma_data_direction dir);
void carve_access_end(struct carve_buffer *buffer, enum dma_data_direction dir);

#endif /* CARVE_DMABUF_H */
