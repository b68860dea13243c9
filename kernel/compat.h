/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One source for many kernels: what compat.mk found, made into one shape.
 */
#ifndef CARVE_COMPAT_H
#define CARVE_COMPAT_H

#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>

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

/* Where there is no such member every device is coherent. */
static inline void carve_set_noncoherent(struct device *dev)
{
#ifdef CARVE_HAVE_DMA_COHERENT
	dev->dma_coherent = false;
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

#endif /* CARVE_COMPAT_H */
