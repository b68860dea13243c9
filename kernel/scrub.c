// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scrubbing: dirty pages become clean by zeroing, and by nothing else.
 *
 * Locks: carve_region.scrub_lock is held over a whole scrub, so that a dirty
 * extent, once found, changes under nobody's hands but ours: releases only add
 * extents, exports only take clean pages. carve_region.lock is held for the
 * moments at which the table is looked at or changed, never while zeroing.
 */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "region.h"
#include "trace.h"

/* After a step the table is told, and a fatal signal ends the scrub. */
#define CARVE_SCRUB_STEP_BYTES SZ_1M
/* After a piece others may run; it is still in the cache when it is cleaned. */
#define CARVE_SCRUB_PIECE_BYTES SZ_64K
/* What one entry of a page table can map, where the addresses allow it. */
#define CARVE_SCRUB_WINDOW_BYTES SZ_2M

/**
 * struct carve_scrubber - a scrub under way
 * @region: the region; its scrub_lock is held
 * @from: next byte
 * @end: one past the last byte
 * @spare: for an extent that is cut in two; NULL when it was used
 * @window: part of the region that is mapped, or NULL
 * @window_offset: its first byte
 * @window_bytes: its length
 */
struct carve_scrubber {
	struct carve_region *region;
	u64 from;
	u64 end;
	struct carve_extent *spare;
	void *window;
	u64 window_offset;
	u64 window_bytes;
};

/**
 * carve_sync_memory() - bring cache and memory of a cached region together
 * @region: its memory is cached: it is in the linear map
 * @offset: first byte
 * @bytes: length
 * @dir: DMA_TO_DEVICE: what the CPU has written is in memory afterwards;
 *	DMA_BIDIRECTIONAL: and what the CPU reads comes from memory
 *
 * The region's own device is not coherent whatever the device tree says about
 * the platform device (see init_device() in region.c), because importers may
 * not be; and its addresses are physical ones, so another address coming back
 * means that a bounce buffer would have been synced instead of the memory.
 *
 * Return: 0, or -EIO when the kernel would sync something else.
 */
int carve_sync_memory(struct carve_region *region, u64 offset, size_t bytes,
		      enum dma_data_direction dir)
{
	unsigned long attrs = dir == DMA_TO_DEVICE ? DMA_ATTR_SKIP_CPU_SYNC : 0;
	phys_addr_t phys = region->memory.phys + offset;
	struct device *dev = &region->dev;
	dma_addr_t addr;

	addr = dma_map_page_attrs(dev, pfn_to_page(PHYS_PFN(phys)), 0, bytes,
				  dir, 0);
	if (dma_mapping_error(dev, addr))
		return -EIO;
	dma_unmap_page_attrs(dev, addr, bytes, dir, attrs);
	return addr == phys ? 0 : -EIO;
}

static int zero_piece(struct carve_region *region, u64 offset, void *vaddr,
		      size_t bytes)
{
	memset(vaddr, 0, bytes);
	if (carve_region_is_cached(region))
		return carve_sync_memory(region, offset, bytes, DMA_TO_DEVICE);
	wmb();	/* out of the write buffer, into memory */
	return 0;
}

static void close_window(struct carve_scrubber *scrubber)
{
	if (scrubber->window)
		memunmap(scrubber->window);
	scrubber->window = NULL;
}

/*
 * Have the memory at @offset mapped, and what lies around it as far as the next
 * multiples of the window in physical memory: all of it is the region's, and
 * mapped elsewhere with the same attribute, if at all.
 */
static int open_window(struct carve_scrubber *scrubber, u64 offset)
{
	const struct carve_memory_range *memory = &scrubber->region->memory;
	bool cached = carve_region_is_cached(scrubber->region);
	u64 phys = memory->phys;
	u64 first = round_down(phys + offset, CARVE_SCRUB_WINDOW_BYTES);
	u64 end = min(first + CARVE_SCRUB_WINDOW_BYTES, phys + memory->bytes);

	if (scrubber->window && offset >= scrubber->window_offset &&
	    offset - scrubber->window_offset < scrubber->window_bytes)
		return 0;
	close_window(scrubber);
	first = max(first, phys);
	scrubber->window = memremap(first, end - first,
				    cached ? MEMREMAP_WB : MEMREMAP_WC);
	if (!scrubber->window)
		return -ENOMEM;
	scrubber->window_offset = first - phys;
	scrubber->window_bytes = end - first;
	return 0;
}

/* Zeroes from @offset on, inside the window, in pieces. */
static int zero_memory(struct carve_scrubber *scrubber, u64 offset, size_t bytes)
{
	void *vaddr = scrubber->window + (offset - scrubber->window_offset);
	size_t at, piece;
	int ret = 0;

	for (at = 0; at < bytes && !ret; at += piece) {
		piece = min_t(size_t, bytes - at, CARVE_SCRUB_PIECE_BYTES);
		ret = zero_piece(scrubber->region, offset + at, vaddr + at, piece);
		cond_resched();
	}
	return ret;
}

/* Find the next dirty piece of the range, or say that there is none. */
static struct carve_extent *next_dirty(struct carve_scrubber *scrubber)
{
	struct carve_region *region = scrubber->region;
	struct carve_extent *extent;

	mutex_lock(&region->lock);
	if (region->gone)
		extent = ERR_PTR(-ENODEV);
	else
		extent = carve_table_dirty(&region->table, scrubber->from,
					   scrubber->end, &scrubber->spare);
	mutex_unlock(&region->lock);
	return extent;
}

static void mark_clean(struct carve_region *region, struct carve_extent *extent,
		       size_t bytes)
{
	mutex_lock(&region->lock);
	extent = carve_table_clean(&region->table, extent, bytes);
	mutex_unlock(&region->lock);
	kfree(extent);
}

/*
 * One step: at most 1 MiB of the range. Returns how many bytes became clean, 0
 * at the end of the range.
 */
static ssize_t scrub_step(struct carve_scrubber *scrubber)
{
	struct carve_extent *extent;
	u64 bytes;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!scrubber->spare)
		scrubber->spare = kzalloc(sizeof(*scrubber->spare),
					  GFP_KERNEL_ACCOUNT);
	if (!scrubber->spare)
		return -ENOMEM;
	extent = next_dirty(scrubber);
	if (IS_ERR_OR_NULL(extent))
		return PTR_ERR(extent);
	ret = open_window(scrubber, extent->offset);
	if (ret)
		return ret;
	bytes = min3(extent->bytes, scrubber->end - extent->offset,
		     (u64)CARVE_SCRUB_STEP_BYTES);
	bytes = min(bytes, scrubber->window_offset + scrubber->window_bytes -
			   extent->offset);
	scrubber->from = extent->offset + bytes;
	ret = zero_memory(scrubber, extent->offset, bytes);
	if (ret)
		return ret;
	mark_clean(scrubber->region, extent, bytes);
	return bytes;
}

/* Counts in *@scrubbed what became clean, in a scrub that fails as well. */
static int scrub_range(struct carve_region *region, u64 offset, u64 end,
		       u64 *scrubbed)
{
	struct carve_scrubber scrubber = {
		.region = region,
		.from = offset,
		.end = end,
	};
	ssize_t step;
	int ret = 0;

	mutex_lock(&region->lock);
	if (region->gone)
		ret = -ENODEV;
	else if (carve_table_has_live(&region->table, offset, end - offset))
		ret = -EBUSY;
	mutex_unlock(&region->lock);
	if (ret)
		return ret;
	while ((step = scrub_step(&scrubber)) > 0)
		*scrubbed += step;
	close_window(&scrubber);
	kfree(scrubber.spare);
	return step;
}

/**
 * carve_scrub() - zero the dirty pages of a range
 * @region: the region
 * @offset: first byte
 * @bytes: length
 * @ret_scrubbed: bytes that were dirty and are clean now
 *
 * May sleep long; a fatal signal ends it between two steps. What was zeroed
 * until a failure is clean.
 *
 * Return: 0; -EINVAL or -ERANGE for a bad range; -EBUSY when a page of it is
 * live, before anything is touched; -EINTR; -ENOMEM; -ENODEV when the device
 * has gone; -EIO when the zeros cannot be brought to memory.
 */
int carve_scrub(struct carve_region *region, u64 offset, u64 bytes,
		u64 *ret_scrubbed)
{
	int ret = carve_table_check(&region->table, offset, bytes);
	u64 scrubbed = 0;

	if (ret)
		return ret;
	if (mutex_lock_killable(&region->scrub_lock))
		return -EINTR;
	ret = scrub_range(region, offset, offset + bytes, &scrubbed);
	trace_carve_scrub(region, offset, bytes, scrubbed, ret);
	mutex_unlock(&region->scrub_lock);
	if (!ret)
		*ret_scrubbed = scrubbed;
	return ret;
}

/**
 * carve_scrub_check() - can zeros be brought to memory at all?
 * @region: new and claimed
 *
 * Return: 0, or -EIO after a line in the kernel log.
 */
int carve_scrub_check(struct carve_region *region)
{
	const struct carve_memory_range *memory = &region->memory;
	u64 last = memory->bytes - PAGE_SIZE;

	if (!carve_region_is_cached(region))
		return 0;
	if (carve_sync_memory(region, 0, PAGE_SIZE, DMA_TO_DEVICE) ||
	    carve_sync_memory(region, last, PAGE_SIZE, DMA_TO_DEVICE))
		return dev_err_probe(region->dev.parent, -EIO,
			"the kernel puts bounce buffers between all devices and memory: start it without swiotlb=force\n");
	return 0;
}
