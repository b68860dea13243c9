/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One source for many kernels: what compat.mk found, made into one shape.
 */
#ifndef CARVE_COMPAT_H
#define CARVE_COMPAT_H

#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#ifdef CARVE_HAVE_USE_DMA_IOMMU
#include <linux/iommu-dma.h>
#endif
#ifdef CARVE_HAVE_ARM_MAPPING
#include <asm/dma-iommu.h>
#endif

#ifdef CARVE_HAVE_CONST_DEVNODE
#define CARVE_DEVNODE_CONST const
#else
#define CARVE_DEVNODE_CONST
#endif

#ifdef CARVE_HAVE_BARE_NAMESPACE
#define CARVE_IMPORT_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#else
#define CARVE_IMPORT_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#endif

/* Where a device cannot say so itself every one is coherent. */
#if defined(CARVE_HAVE_DMA_COHERENT) || defined(CARVE_HAVE_DMA_COHERENT_FLAG)
#define CARVE_HAVE_NONCOHERENT
#endif

static inline void carve_set_coherent(struct device *dev, bool coherent)
{
#if defined(CARVE_HAVE_DMA_COHERENT)
	dev->dma_coherent = coherent;
#elif defined(CARVE_HAVE_DMA_COHERENT_FLAG)
	dev_assign_dma_coherent(dev, coherent);
#endif
}

/*
 * Where it wants attributes, one of them leaves out whether the device may only
 * be given memory that an encrypted guest shares: a module cannot ask that
 * everywhere. Such a device would get a bounce buffer, and carve_importer_map()
 * refuses whoever gets one.
 */
static inline bool carve_dma_capable(struct device *dev, dma_addr_t addr,
				     size_t bytes)
{
#ifdef CARVE_HAVE_DMA_CAPABLE_ATTRS
	return dma_capable(dev, addr, bytes, true, DMA_ATTR_CC_SHARED);
#else
	return dma_capable(dev, addr, bytes, true);
#endif
}

/* The DMA API maps for this device by way of the IOMMU layer. */
static inline bool carve_dma_is_iommu(struct device *dev)
{
#ifdef CARVE_HAVE_USE_DMA_IOMMU
	return use_dma_iommu(dev);
#else
	return get_dma_ops(dev) && iommu_get_domain_for_dev(dev);
#endif
}

/*
 * The domain into which the DMA API maps, or NULL when it cannot be told: it is
 * the device's default, but what the device is attached to may be a domain that
 * its driver has made.
 */
static inline struct iommu_domain *carve_dma_domain(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (domain && domain->type & __IOMMU_DOMAIN_DMA_API)
		return domain;
#ifdef CARVE_HAVE_ARM_MAPPING
	if (to_dma_iommu_mapping(dev))
		return to_dma_iommu_mapping(dev)->domain;
#endif
	return NULL;
}

#endif /* CARVE_COMPAT_H */
