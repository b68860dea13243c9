// SPDX-License-Identifier: MIT
/*
 * An IOMMU domain of the driver's own, as those of GPUs have: the device is
 * attached to it, while the DMA API goes on with the one that it made.
 *
 * Locks: the caller holds carve_test_file.lock, but for the last close.
 */
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>

#include "device.h"

static struct iommu_domain *make_domain(struct device *dev)
{
#ifdef CARVE_HAVE_PAGING_DOMAIN
	return iommu_paging_domain_alloc(dev);
#else
	return iommu_domain_alloc(dev->bus) ?: ERR_PTR(-ENODEV);
#endif
}

static int map_page_range(struct iommu_domain *domain, dma_addr_t addr,
			  phys_addr_t phys, size_t bytes)
{
#ifdef CARVE_HAVE_IOMMU_MAP_GFP
	return iommu_map(domain, addr, phys, bytes, IOMMU_READ | IOMMU_WRITE,
			 GFP_KERNEL);
#else
	return iommu_map(domain, addr, phys, bytes, IOMMU_READ | IOMMU_WRITE);
#endif
}

static int attach(struct carve_test_file *file)
{
	struct device *dev = file->device->dev;
	struct iommu_domain *domain;
	int ret;

	if (!iommu_get_domain_for_dev(dev))
		return -ENODEV;
	domain = make_domain(dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	ret = iommu_attach_device(domain, dev);
	if (ret)
		iommu_domain_free(domain);
	else
		file->domain = domain;
	return ret;
}

/**
 * carve_test_domain_set() - attach the device to a domain of its own, or not
 * @file: open file that will own the domain
 * @own: attach, else back to what it was
 *
 * Return: 0; -EBUSY; -ENODEV; what the IOMMU says.
 */
int carve_test_domain_set(struct carve_test_file *file, bool own)
{
	if (own == !!file->domain)
		return 0;
	if (!xa_empty(&file->maps))
		return -EBUSY;
	if (own)
		return attach(file);
	iommu_detach_device(file->domain, file->device->dev);
	iommu_domain_free(file->domain);
	file->domain = NULL;
	return 0;
}

/**
 * carve_test_domain_map() - map memory where the DMA API has mapped it elsewhere
 * @domain: the domain
 * @sgt: gives the addresses
 * @phys: physical address of what the table is, in one piece
 *
 * Return: 0 or negative errno, then nothing is mapped.
 */
int carve_test_domain_map(struct iommu_domain *domain, struct sg_table *sgt,
			  phys_addr_t phys)
{
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		ret = map_page_range(domain, sg_dma_address(sg), phys,
				     sg_dma_len(sg));
		if (ret) {
			carve_test_domain_unmap(domain, sgt);
			return ret;
		}
		phys += sg_dma_len(sg);
	}
	return 0;
}

/**
 * carve_test_domain_unmap() - undo carve_test_domain_map(), as far as it came
 * @domain: the domain
 * @sgt: the same
 */
void carve_test_domain_unmap(struct iommu_domain *domain, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (iommu_iova_to_phys(domain, sg_dma_address(sg)))
			iommu_unmap(domain, sg_dma_address(sg), sg_dma_len(sg));
}
