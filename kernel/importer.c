// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importers: can a device reach a buffer, and the mapping that it gets.
 *
 * A device without an IOMMU reaches what its DMA mask, the dma-ranges of its
 * buses and its bus limit let it reach, and only there. Where that falls short
 * the DMA API would copy through a bounce buffer without a word, and for
 * memory outside the linear map it would crash doing so: such a device is
 * refused before anything is mapped. A device behind an IOMMU reaches all.
 *
 * Locks: none; the core serialises what concerns one attachment.
 */
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "dmabuf.h"

/* Nothing translates between the device and its bus's view of memory. */
static bool is_direct(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (domain && domain->type != IOMMU_DOMAIN_IDENTITY)
		return false;
	return !get_dma_ops(dev);
}

/* The bus may know memory in several windows: one piece must stay one piece. */
static bool is_one_piece(const struct carve_buffer *buffer, struct device *dev)
{
	dma_addr_t start = phys_to_dma(dev, buffer->phys);
	size_t at;

	if (start == DMA_MAPPING_ERROR)
		return false;
	if (!dev->dma_range_map)
		return true;
	for (at = 0; at < buffer->bytes; at += PAGE_SIZE)
		if (phys_to_dma(dev, buffer->phys + at) != start + at)
			return false;
	return true;
}

static int refuse(const struct carve_buffer *buffer, struct device *dev,
		  const char *why)
{
	dev_warn_ratelimited(&buffer->region->dev, "%s %s cannot import from this region: %s\n",
			     dev_driver_string(dev), dev_name(dev), why);
	return -EBUSY;
}

/*
 * Can this device reach the buffer as it lies? If not, -EBUSY, which is what
 * the dma-buf interface says of memory that the importer cannot reach and that
 * cannot be moved, and a line in the kernel log.
 */
static int check_reach(const struct carve_buffer *buffer, struct device *dev)
{
	if (!dev->dma_mask)
		return refuse(buffer, dev, "it has no DMA mask, so it does no DMA");
	if (dma_get_max_seg_size(dev) < PAGE_SIZE ||
	    dma_get_seg_boundary(dev) < PAGE_SIZE - 1)
		return refuse(buffer, dev, "its DMA segments are smaller than a page");
	if (!is_direct(dev))
		return 0;
	if (is_swiotlb_force_bounce(dev))
		return refuse(buffer, dev,
			"all its DMA goes through bounce buffers (swiotlb=force or a restricted-dma-pool)");
	if (!is_one_piece(buffer, dev))
		return refuse(buffer, dev,
			"the dma-ranges of its bus do not cover the region in one piece; move the region into them");
	if (!dma_capable(dev, phys_to_dma(dev, buffer->phys), buffer->bytes, true))
		return refuse(buffer, dev,
			"the region lies above its DMA mask or bus limit; move the region to lower addresses");
	return 0;
}

/*
 * How long one entry of the table may be that starts at @phys: at most
 * @room, what the device takes in a segment, up to its segment boundary, and
 * all of it with struct pages or all of it without. RAM that mem= cuts off in
 * the middle of a memory section has some of both.
 */
static size_t entry_bytes(struct device *dev, phys_addr_t phys, size_t room)
{
	unsigned long boundary = dma_get_seg_boundary(dev);
	dma_addr_t addr = is_direct(dev) ? phys_to_dma(dev, phys) : phys;
	size_t most = dma_get_max_seg_size(dev) & PAGE_MASK;
	bool has_page = pfn_valid(PHYS_PFN(phys));
	size_t bytes = PAGE_SIZE;

	most = min3(room, most, (size_t)(UINT_MAX & PAGE_MASK));
	if (boundary - (addr & boundary) < most)
		most = boundary - (addr & boundary) + 1;
	while (bytes < most && pfn_valid(PHYS_PFN(phys + bytes)) == has_page)
		bytes += PAGE_SIZE;
	return bytes;
}

static unsigned int count_entries(const struct carve_buffer *buffer,
				  struct device *dev)
{
	unsigned int count = 0;
	size_t at;

	for (at = 0; at < buffer->bytes; count++)
		at += entry_bytes(dev, buffer->phys + at, buffer->bytes - at);
	return count;
}

static int fill_table(const struct carve_buffer *buffer,
		      struct carve_mapping *mapping)
{
	struct scatterlist *sg;
	unsigned int i;
	size_t at = 0;
	int ret;

	ret = sg_alloc_table(&mapping->sgt, count_entries(buffer, mapping->dev),
			     GFP_KERNEL);
	if (ret)
		return ret;
	mapping->whole = true;
	for_each_sgtable_sg(&mapping->sgt, sg, i) {
		phys_addr_t phys = buffer->phys + at;
		size_t bytes = entry_bytes(mapping->dev, phys,
					   buffer->bytes - at);

		if (pfn_valid(PHYS_PFN(phys))) {
			sg_set_page(sg, pfn_to_page(PHYS_PFN(phys)), bytes, 0);
		} else {
			sg_set_page(sg, NULL, bytes, 0);
			mapping->whole = false;
		}
		at += bytes;
	}
	return 0;
}

/*
 * Cache maintenance goes through the linear map, where write-combined memory
 * is not, and there is nothing in a cache to maintain.
 */
static unsigned long map_attrs(const struct carve_buffer *buffer)
{
	return buffer->region->memory.kind == CARVE_MEMORY_CACHED ?
	       0 : DMA_ATTR_SKIP_CPU_SYNC;
}

/*
 * Memory without struct page. Behind an IOMMU dma_map_resource() is all there
 * is. Without one it would leave out the dma-ranges, so the address is what
 * dma_map_sgtable() would have said: there is nothing else to be done.
 */
static dma_addr_t map_pageless(const struct carve_mapping *mapping,
			       phys_addr_t phys, size_t bytes)
{
	if (mapping->direct)
		return phys_to_dma(mapping->dev, phys);
	return dma_map_resource(mapping->dev, phys, bytes, mapping->dir,
				DMA_ATTR_SKIP_CPU_SYNC);
}

static void unmap_entries(struct carve_mapping *mapping, unsigned int count,
			  unsigned long attrs)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(mapping->sgt.sgl, sg, count, i) {
		if (sg_page(sg))
			dma_unmap_page_attrs(mapping->dev, sg_dma_address(sg),
					     sg->length, mapping->dir, attrs);
		else if (!mapping->direct)
			dma_unmap_resource(mapping->dev, sg_dma_address(sg),
					   sg->length, mapping->dir, attrs);
	}
}

static int map_entries(const struct carve_buffer *buffer,
		       struct carve_mapping *mapping)
{
	unsigned long attrs = map_attrs(buffer);
	phys_addr_t phys = buffer->phys;
	struct scatterlist *sg;
	dma_addr_t addr;
	unsigned int i;

	for_each_sgtable_sg(&mapping->sgt, sg, i) {
		if (sg_page(sg))
			addr = dma_map_page_attrs(mapping->dev, sg_page(sg), 0,
						  sg->length, mapping->dir,
						  attrs);
		else
			addr = map_pageless(mapping, phys, sg->length);
		if (dma_mapping_error(mapping->dev, addr)) {
			unmap_entries(mapping, i, DMA_ATTR_SKIP_CPU_SYNC);
			return -EIO;
		}
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = sg->length;
		phys += sg->length;
	}
	mapping->sgt.nents = mapping->sgt.orig_nents;
	return 0;
}

static void unmap(struct carve_mapping *mapping, unsigned long attrs)
{
	if (mapping->whole)
		dma_unmap_sgtable(mapping->dev, &mapping->sgt, mapping->dir,
				  attrs);
	else
		unmap_entries(mapping, mapping->sgt.orig_nents, attrs);
}

/* The device must get the memory itself, and never a copy of it. */
static bool is_bounced(const struct carve_buffer *buffer,
		       const struct carve_mapping *mapping)
{
	phys_addr_t phys = buffer->phys;
	struct scatterlist *sg;
	unsigned int i;

	if (!mapping->direct)
		return false;
	for_each_sgtable_sg(&mapping->sgt, sg, i) {
		if (sg_dma_address(sg) != phys_to_dma(mapping->dev, phys))
			return true;
		phys += sg->length;
	}
	return false;
}

static int map(const struct carve_buffer *buffer, struct carve_mapping *mapping)
{
	int ret;

	if (mapping->whole)
		ret = dma_map_sgtable(mapping->dev, &mapping->sgt, mapping->dir,
				      map_attrs(buffer));
	else
		ret = map_entries(buffer, mapping);
	if (!ret && is_bounced(buffer, mapping)) {
		unmap(mapping, DMA_ATTR_SKIP_CPU_SYNC);
		ret = refuse(buffer, mapping->dev,
			     "the kernel wants to put a bounce buffer between");
	}
	return ret;
}

/**
 * carve_importer_map() - map a buffer for a device
 * @buffer: the buffer
 * @dev: the importer's device
 * @dir: what the device will do
 *
 * Return: the mapping, to be ended by carve_importer_unmap(), or an error
 * pointer: -EBUSY when the device cannot reach the buffer as it lies, after a
 * line in the kernel log; -ENOMEM, -EIO and what the DMA API says.
 */
struct carve_mapping *carve_importer_map(const struct carve_buffer *buffer,
					 struct device *dev,
					 enum dma_data_direction dir)
{
	struct carve_mapping *mapping;
	int ret;

	ret = check_reach(buffer, dev);
	if (ret)
		return ERR_PTR(ret);
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dev = dev;
	mapping->dir = dir;
	mapping->direct = is_direct(dev);
	ret = fill_table(buffer, mapping);
	if (ret)
		goto err_free;
	ret = map(buffer, mapping);
	if (ret)
		goto err_table;
	return mapping;

err_table:
	sg_free_table(&mapping->sgt);
err_free:
	kfree(mapping);
	return ERR_PTR(ret);
}

/**
 * carve_importer_unmap() - end a mapping
 * @buffer: the buffer
 * @mapping: of carve_importer_map(), freed here; synced by nobody any more
 */
void carve_importer_unmap(const struct carve_buffer *buffer,
			  struct carve_mapping *mapping)
{
	unmap(mapping, map_attrs(buffer));
	sg_free_table(&mapping->sgt);
	kfree(mapping);
}
