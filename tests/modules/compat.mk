# SPDX-License-Identifier: MIT
#
# What an importer has to know about a kernel, by the probes of the driver's
# compat.mk.

ifneq ($(and $(KBUILD_CFLAGS),$(LINUXINCLUDE),$(obj)),)

# the dma-buf calls that take the reservation lock themselves (6.2)
CARVE_HAVE += $(call carve-probe,UNLOCKED_CALLS,linux/dma-buf.h,int f(struct dma_buf *d$(comma) struct iosys_map *m) { return dma_buf_vmap_unlocked(d$(comma) m); })

# pages of one's own in an IOMMU are asked for with GFP flags (6.3)
CARVE_HAVE += $(call carve-probe,IOMMU_MAP_GFP,linux/iommu.h,int f(struct iommu_domain *d) { return iommu_map(d$(comma) 0$(comma) 0$(comma) 0$(comma) 0$(comma) GFP_KERNEL); })

# a domain of one's own is made for a device, no longer for its bus (6.11)
CARVE_HAVE += $(call carve-probe,PAGING_DOMAIN,linux/iommu.h,struct iommu_domain *f(struct device *d) { return iommu_paging_domain_alloc(d); })

# DMA operations map what has a struct page and what has none alike (6.19)
CARVE_HAVE += $(call carve-probe,MAP_PHYS,linux/dma-map-ops.h,struct dma_map_ops o = { .map_phys = NULL };)

endif
