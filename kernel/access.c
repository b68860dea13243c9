// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access: what the CPU wrote reaches the devices, and what devices wrote the
 * CPU, whoever else has the buffer. The table of who must sync what, and when,
 * is in docs/driver.md.
 *
 * Write-combined memory is in no cache, and not in the linear map, through which
 * caches are maintained: there, order is all that is needed.
 *
 * Cached memory is maintained for each mapping of each device, with the
 * direction of the mapping, as the DMA API demands (dma-api.rst): it says what
 * the device does. What the CPU does is known from the direction of its access.
 * To coherent devices the DMA API does nothing. What they write may be in a
 * cache just as what the CPU writes, and is kept in the same way where a device
 * beside them is not coherent.
 *
 * Locks: carve_buffer.lock guards the mappings and the state of CPU access, is
 * held over cache maintenance, and stands alone.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/sched.h>

#include "dmabuf.h"

/* Giving the buffer to this device writes all of it to memory. */
static bool cleans(const struct carve_mapping *mapping)
{
	return !dev_is_dma_coherent(mapping->dev) &&
	       mapping->dir != DMA_FROM_DEVICE;
}

/* Giving the buffer to this device may throw lines away (on arm64 it cleans). */
static bool drops_for_device(const struct carve_mapping *mapping)
{
	return !dev_is_dma_coherent(mapping->dev) &&
	       mapping->dir == DMA_FROM_DEVICE;
}

/* Taking the buffer from this device throws lines away. */
static bool drops_for_cpu(const struct carve_mapping *mapping)
{
	return !dev_is_dma_coherent(mapping->dev) &&
	       mapping->dir != DMA_TO_DEVICE;
}

/* The device sees the caches, and what it writes is in one, as with a CPU. */
static bool writes_to_cache(const struct carve_mapping *mapping)
{
	return dev_is_dma_coherent(mapping->dev) &&
	       mapping->dir != DMA_TO_DEVICE;
}

/*
 * That an access has ended is believed of the program that began it, and of no
 * other: to end one takes nothing but a descriptor, and it would be at the cost
 * of whoever is writing still. One program is known by its number. As soon as
 * another writes beside it, nobody's end counts any more.
 */
static void begin_write(struct carve_buffer *buffer)
{
	if (!buffer->writes)
		buffer->writer = current->tgid;
	if (buffer->writer == current->tgid)
		buffer->writes++;
	else
		buffer->shared = true;
	buffer->written = true;
}

static void end_write(struct carve_buffer *buffer)
{
	if (buffer->writes && buffer->writer == current->tgid)
		buffer->writes--;
	buffer->written = true;
}

/* All that was written is in memory; what is being written may not be. */
static void note_clean(struct carve_buffer *buffer)
{
	buffer->written = buffer->writes || buffer->shared ||
			  buffer->cache_writers;
}

/*
 * Before lines are thrown away, those that were written to go to memory.
 * The region's own device stands in for the CPU, since no device that has the
 * buffer may be one for which lines are cleaned.
 */
static void keep_writes(struct carve_buffer *buffer)
{
	u64 offset = buffer->phys - buffer->region->memory.phys;

	if (!buffer->written)
		return;
	if (!WARN_ON_ONCE(carve_sync_memory(buffer->region, offset,
					    buffer->bytes, DMA_TO_DEVICE)))
		note_clean(buffer);
}

static void sync_for_device(struct carve_mapping *mapping)
{
	dma_sync_sgtable_for_device(mapping->dev, &mapping->own, mapping->dir);
}

static void sync_for_cpu(struct carve_mapping *mapping)
{
	dma_sync_sgtable_for_cpu(mapping->dev, &mapping->own, mapping->dir);
}

/* Devices that only write come last: then all has been cleaned, once. */
static void sync_all_for_device(struct carve_buffer *buffer)
{
	bool cleaned = false, drops = false;
	struct carve_mapping *mapping;

	list_for_each_entry(mapping, &buffer->mappings, node) {
		cleaned |= cleans(mapping);
		drops |= drops_for_device(mapping);
		if (mapping->dir != DMA_FROM_DEVICE)
			sync_for_device(mapping);
	}
	if (cleaned)
		note_clean(buffer);
	else if (drops)
		keep_writes(buffer);
	list_for_each_entry(mapping, &buffer->mappings, node)
		if (mapping->dir == DMA_FROM_DEVICE)
			sync_for_device(mapping);
}

static void sync_all_for_cpu(struct carve_buffer *buffer)
{
	struct carve_mapping *mapping;
	bool drops = false;

	list_for_each_entry(mapping, &buffer->mappings, node)
		drops |= drops_for_cpu(mapping);
	if (drops)
		keep_writes(buffer);
	list_for_each_entry(mapping, &buffer->mappings, node)
		sync_for_cpu(mapping);
}

static void hand_over(struct carve_buffer *buffer, struct carve_mapping *mapping)
{
	if (drops_for_device(mapping))
		keep_writes(buffer);
	sync_for_device(mapping);
	if (cleans(mapping))
		note_clean(buffer);
	if (writes_to_cache(mapping)) {
		buffer->cache_writers++;
		buffer->written = true;
	}
}

static void take_back(struct carve_buffer *buffer, struct carve_mapping *mapping)
{
	if (drops_for_cpu(mapping))
		keep_writes(buffer);
	sync_for_cpu(mapping);
	if (writes_to_cache(mapping))
		buffer->cache_writers--;
}

/**
 * carve_access_enter() - a device gets the buffer
 * @buffer: the buffer
 * @mapping: new, not synced yet
 *
 * Syncing and entering the list are one step: a CPU access that ends before is
 * cleaned by this, one that ends later finds the mapping.
 */
void carve_access_enter(struct carve_buffer *buffer,
			struct carve_mapping *mapping)
{
	mutex_lock(&buffer->lock);
	if (carve_region_is_cached(buffer->region))
		hand_over(buffer, mapping);
	list_add_tail(&mapping->node, &buffer->mappings);
	mutex_unlock(&buffer->lock);
}

/**
 * carve_access_leave() - a device gives the buffer back
 * @buffer: the buffer
 * @mapping: entered; in no list afterwards
 */
void carve_access_leave(struct carve_buffer *buffer,
			struct carve_mapping *mapping)
{
	mutex_lock(&buffer->lock);
	if (carve_region_is_cached(buffer->region))
		take_back(buffer, mapping);
	list_del(&mapping->node);
	mutex_unlock(&buffer->lock);
}

/**
 * carve_access_begin() - the CPU is going to look at the buffer
 * @buffer: the buffer
 * @dir: DMA_FROM_DEVICE to read, DMA_TO_DEVICE to write, DMA_BIDIRECTIONAL
 *
 * Several may do so at a time, and nobody makes them wait for each other: to
 * begin is to throw away lines that another has written to and not ended yet,
 * which no cache does by itself. Writing them to memory first is what a cache
 * may do at any moment. An access that never ends, because its program is gone,
 * or ends in another program than it began in, costs that time again and again,
 * and nothing else.
 */
void carve_access_begin(struct carve_buffer *buffer, enum dma_data_direction dir)
{
	if (!carve_region_is_cached(buffer->region)) {
		mb();	/* what the device did before what the CPU does */
		return;
	}
	mutex_lock(&buffer->lock);
	sync_all_for_cpu(buffer);
	if (dir != DMA_FROM_DEVICE)
		begin_write(buffer);
	mutex_unlock(&buffer->lock);
}

/**
 * carve_access_end() - the CPU has looked at the buffer
 * @buffer: the buffer
 * @dir: as for carve_access_begin()
 */
void carve_access_end(struct carve_buffer *buffer, enum dma_data_direction dir)
{
	if (!carve_region_is_cached(buffer->region)) {
		mb();	/* out of the write buffer, into memory */
		return;
	}
	mutex_lock(&buffer->lock);
	if (dir != DMA_FROM_DEVICE)
		end_write(buffer);
	sync_all_for_device(buffer);
	mutex_unlock(&buffer->lock);
}
