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
 * Mappings are made and ended without any cache maintenance: access.c does that,
 * which knows who else has the buffer.
 *
 * Locks: none. A mapping is in nobody else's hands before it enters the buffer's
 * list (access.c) and after it has left; the core serialises what concerns one
 * attachment.
 */
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "compat.h"
#include "dmabuf.h"

/*
 * For the DMA API nothing translates between the device and its bus's view of
 * memory. That is not the same as what the device is attached to: its driver may
 * have given it a domain of its own, of which the DMA API knows nothing.
 */
static bool is_direct(struct device *dev)
{
	return !carve_dma_is_iommu(dev) && !get_dma_ops(dev);
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
	if (!carve_dma_capable(dev, phys_to_dma(dev, buffer->phys), buffer->bytes))
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

	ret = sg_alloc_table(&mapping->own, count_entries(buffer, mapping->dev),
			     GFP_KERNEL);
	if (ret)
		return ret;
	mapping->whole = true;
	for_each_sgtable_sg(&mapping->own, sg, i) {
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
 * For the DMA API a device that writes to memory has it alone, and mapping it
 * a second time is a mistake; but for DMA_ATTR_SKIP_CPU_SYNC, which is made for
 * buffers that several devices share (dma-attributes.rst). So caches are no
 * business of map and unmap: memory that is write-combined is not in the linear
 * map through which maintenance goes, and for cached memory there is access.c.
 */
#define CARVE_MAP_ATTRS DMA_ATTR_SKIP_CPU_SYNC

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
				CARVE_MAP_ATTRS);
}

static void unmap_entries(struct carve_mapping *mapping, unsigned int count)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(mapping->own.sgl, sg, count, i) {
		if (sg_page(sg))
			dma_unmap_page_attrs(mapping->dev, sg_dma_address(sg),
					     sg->length, mapping->dir,
					     CARVE_MAP_ATTRS);
		else if (!mapping->direct)
			dma_unmap_resource(mapping->dev, sg_dma_address(sg),
					   sg->length, mapping->dir,
					   CARVE_MAP_ATTRS);
	}
}

static int map_entries(const struct carve_buffer *buffer,
		       struct carve_mapping *mapping)
{
	phys_addr_t phys = buffer->phys;
	struct scatterlist *sg;
	dma_addr_t addr;
	unsigned int i;

	for_each_sgtable_sg(&mapping->own, sg, i) {
		if (sg_page(sg))
			addr = dma_map_page_attrs(mapping->dev, sg_page(sg), 0,
						  sg->length, mapping->dir,
						  CARVE_MAP_ATTRS);
		else
			addr = map_pageless(mapping, phys, sg->length);
		if (dma_mapping_error(mapping->dev, addr)) {
			unmap_entries(mapping, i);
			return -EIO;
		}
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = sg->length;
		phys += sg->length;
	}
	mapping->own.nents = mapping->own.orig_nents;
	return 0;
}

static void unmap(struct carve_mapping *mapping)
{
	if (mapping->whole)
		dma_unmap_sgtable(mapping->dev, &mapping->own, mapping->dir,
				  CARVE_MAP_ATTRS);
	else
		unmap_entries(mapping, mapping->own.orig_nents);
}

/*
 * Does @addr, which the DMA API gave for the memory at @phys, lead there? Where
 * the domain can be asked, it is. Where the device is attached to another one
 * the IOMMU layer is believed: what it copies are ends of pages (granules of an
 * IOMMU are no larger), and all that is mapped here are whole ones. Other
 * operations can hide anything behind any address but the memory's own.
 */
static bool leads_to(const struct carve_mapping *mapping, dma_addr_t addr,
		     phys_addr_t phys)
{
	struct device *dev = mapping->dev;
	struct iommu_domain *domain;

	if (!mapping->direct) {
		domain = carve_dma_domain(dev);
		if (domain)
			return iommu_iova_to_phys(domain, addr) == phys;
		if (carve_dma_is_iommu(dev))
			return true;
	}
	return addr == phys_to_dma(dev, phys);
}

/*
 * The device must get the memory itself, and never a copy of it: behind an
 * IOMMU that is not a matter of course for devices that are not trusted. An
 * IOMMU may have made one segment out of several.
 */
static bool is_bounced(const struct carve_buffer *buffer,
		       const struct carve_mapping *mapping)
{
	phys_addr_t phys = buffer->phys;
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(&mapping->own, sg, i) {
		if (!leads_to(mapping, sg_dma_address(sg), phys))
			return true;
		phys += sg_dma_len(sg);
	}
	return false;
}

static int map(const struct carve_buffer *buffer, struct carve_mapping *mapping)
{
	int ret;

	if (mapping->whole)
		ret = dma_map_sgtable(mapping->dev, &mapping->own, mapping->dir,
				      CARVE_MAP_ATTRS);
	else
		ret = map_entries(buffer, mapping);
	if (!ret && is_bounced(buffer, mapping)) {
		unmap(mapping);
		ret = refuse(buffer, mapping->dev,
			     "the kernel wants to put a bounce buffer between");
	}
	return ret;
}

/*
 * The importer gets a copy. The table is in its hands then, and in the core's,
 * which under CONFIG_DMABUF_DEBUG makes its page pointers useless on purpose:
 * what is synced and unmapped has to be what was mapped.
 */
static int copy_table(struct carve_mapping *mapping)
{
	struct scatterlist *from = mapping->own.sgl, *to;
	unsigned int i;
	int ret;

	ret = sg_alloc_table(&mapping->sgt, mapping->own.orig_nents, GFP_KERNEL);
	if (ret)
		return ret;
	for_each_sgtable_sg(&mapping->sgt, to, i) {
		sg_set_page(to, sg_page(from), from->length, 0);
		sg_dma_address(to) = sg_dma_address(from);
		sg_dma_len(to) = sg_dma_len(from);
		from = sg_next(from);
	}
	mapping->sgt.nents = mapping->own.nents;
	return 0;
}

/**
 * carve_importer_map() - map a buffer for a device
 * @buffer: the buffer
 * @dev: the importer's device
 * @dir: what the device will do
 *
 * No cache is maintained: carve_access_enter() and carve_access_leave() do that.
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
	ret = copy_table(mapping);
	if (ret)
		goto err_unmap;
	return mapping;

err_unmap:
	unmap(mapping);
err_table:
	sg_free_table(&mapping->own);
err_free:
	kfree(mapping);
	return ERR_PTR(ret);
}

/**
 * carve_importer_unmap() - end a mapping
 * @mapping: of carve_importer_map(), in no list, freed here
 */
void carve_importer_unmap(struct carve_mapping *mapping)
{
	unmap(mapping);
	sg_free_table(&mapping->sgt);
	sg_free_table(&mapping->own);
	kfree(mapping);
}
