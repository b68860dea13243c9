// SPDX-License-Identifier: MIT
/*
 * DMA operations of a device's own, as under Xen: behind them there may be the
 * memory or a copy of it, and no IOMMU can be asked which.
 *
 * Locks: none.
 */
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/of.h>
#include <linux/scatterlist.h>

#include "device.h"

#define SHIFT_NAME "carve-test,ops-shift"

static u32 shift_of(const struct device *dev)
{
	u32 shift = 0;

	of_property_read_u32(dev->of_node, SHIFT_NAME, &shift);
	return shift;
}

/* Memory without struct page; on some kernels, all that is no table. */
static dma_addr_t ops_map_phys(struct device *dev, phys_addr_t phys, size_t bytes,
			       enum dma_data_direction dir, unsigned long attrs)
{
	return phys_to_dma(dev, phys) + shift_of(dev);
}

static void ops_unmap_phys(struct device *dev, dma_addr_t addr, size_t bytes,
			   enum dma_data_direction dir, unsigned long attrs)
{
}

#ifndef CARVE_HAVE_MAP_PHYS
static dma_addr_t ops_map_page(struct device *dev, struct page *page,
			       unsigned long offset, size_t bytes,
			       enum dma_data_direction dir, unsigned long attrs)
{
	return ops_map_phys(dev, page_to_phys(page) + offset, bytes, dir, attrs);
}
#endif

static int ops_map_sg(struct device *dev, struct scatterlist *sgl, int count,
		      enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	u32 shift = shift_of(dev);
	int i;

	for_each_sg(sgl, sg, count, i) {
		sg_dma_address(sg) = phys_to_dma(dev, sg_phys(sg)) + shift;
		sg_dma_len(sg) = sg->length;
	}
	return count;
}

static void ops_unmap_sg(struct device *dev, struct scatterlist *sgl, int count,
			 enum dma_data_direction dir, unsigned long attrs)
{
}

static const struct dma_map_ops own_ops = {
#ifdef CARVE_HAVE_MAP_PHYS
	.map_phys = ops_map_phys,
	.unmap_phys = ops_unmap_phys,
#else
	.map_page = ops_map_page,
	.unmap_page = ops_unmap_phys,
	.map_resource = ops_map_phys,
	.unmap_resource = ops_unmap_phys,
#endif
	.map_sg = ops_map_sg,
	.unmap_sg = ops_unmap_sg,
};

/**
 * carve_test_ops_set() - give a device the operations its node asks for
 * @dev: with a node
 *
 * Return: false when the kernel has none for one device alone.
 */
bool carve_test_ops_set(struct device *dev)
{
	if (!of_find_property(dev->of_node, SHIFT_NAME, NULL))
		return true;
	set_dma_ops(dev, &own_ops);
	return get_dma_ops(dev) == &own_ops;
}
