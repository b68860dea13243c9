// SPDX-License-Identifier: MIT
/*
 * Memory as a device without mercy sees it: by physical address, whoever's it
 * is. And the accesses that the dma-buf interface has for the CPU.
 *
 * Locks: none.
 */
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/ioport.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "device.h"

#ifndef CARVE_HAVE_UNLOCKED_CALLS
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#define dma_buf_vmap_unlocked dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

/**
 * carve_test_reached() - where an address of a device leads
 * @dev: the device
 * @addr: address as the device uses it
 *
 * That is a matter of the domain it is attached to, whoever made it: the DMA API
 * may map into another one, where the device does not see it.
 *
 * Return: physical address.
 */
phys_addr_t carve_test_reached(struct device *dev, dma_addr_t addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (domain && domain->type != IOMMU_DOMAIN_IDENTITY)
		return iommu_iova_to_phys(domain, addr);
	return dma_to_phys(dev, addr);
}

/*
 * Bring it to memory, or take what is in memory: through a device that has no
 * limits and sees no caches, so that the DMA API does just that.
 */
static int sync_memory(phys_addr_t phys, size_t bytes,
		       enum dma_data_direction dir)
{
	struct device *dev = carve_test_plain();
	dma_addr_t addr;

	addr = dma_map_page(dev, pfn_to_page(PHYS_PFN(phys)),
			    offset_in_page(phys), bytes, dir);
	if (dma_mapping_error(dev, addr))
		return -EIO;
	dma_unmap_page(dev, addr, bytes, dir);
	return 0;
}

static void move(void *memory, void *data, size_t bytes, bool to_memory)
{
	if (to_memory)
		memcpy(memory, data, bytes);
	else
		memcpy(data, memory, bytes);
}

/* Memory of the kernel is cached, and there is no second way to map it. */
static int copy_physical(phys_addr_t phys, void *data, size_t bytes,
			 bool to_memory)
{
	int kind = region_intersects(phys, bytes, IORESOURCE_SYSTEM_RAM,
				     IORES_DESC_NONE);
	bool cached = kind == REGION_INTERSECTS;
	int ret = 0;
	void *memory;

	if (kind == REGION_MIXED)
		return -EINVAL;
	memory = memremap(phys, bytes, cached ? MEMREMAP_WB : MEMREMAP_WC);
	if (!memory)
		return -ENOMEM;
	if (cached && !to_memory)
		ret = sync_memory(phys, bytes, DMA_FROM_DEVICE);
	move(memory, data, bytes, to_memory);
	if (cached && to_memory)
		ret = sync_memory(phys, bytes, DMA_TO_DEVICE);
	else
		mb();	/* write-combined: out of the write buffer */
	memunmap(memory);
	return ret;
}

/**
 * carve_test_memory_copy() - the copy function of devices that have no engine
 * @device: the importer
 * @addr: address as the device uses it
 * @data: what is written, or where what is read goes
 * @bytes: how many
 * @to_memory: direction
 *
 * Return: 0 or negative errno.
 */
int carve_test_memory_copy(struct carve_test_device *device, dma_addr_t addr,
			   void *data, size_t bytes, bool to_memory)
{
	return copy_physical(carve_test_reached(device->dev, addr), data, bytes,
			     to_memory);
}

/**
 * carve_test_access() - begin or end CPU access
 * @access: as carve-test.h says
 *
 * Return: 0 or negative errno.
 */
int carve_test_access(const struct carve_test_access *access)
{
	struct dma_buf *dmabuf;
	int ret;

	if (access->direction > CARVE_TEST_FROM_DEVICE || access->end > 1 ||
	    access->reserved)
		return -EINVAL;
	dmabuf = dma_buf_get(access->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (access->end)
		ret = dma_buf_end_cpu_access(dmabuf, access->direction);
	else
		ret = dma_buf_begin_cpu_access(dmabuf, access->direction);
	dma_buf_put(dmabuf);
	return ret;
}

static int poke_inside(struct dma_buf *dmabuf, const struct carve_test_poke *poke)
{
	struct iosys_map map;
	int ret;

	ret = dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	ret = dma_buf_vmap_unlocked(dmabuf, &map);
	if (!ret) {
		iosys_map_memset(&map, poke->offset, poke->value, poke->bytes);
		dma_buf_vunmap_unlocked(dmabuf, &map);
	}
	return dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL) ?: ret;
}

/**
 * carve_test_find_phys() - where a buffer lies
 * @dmabuf: the buffer, in one piece
 * @ret_phys: physical address of its first byte
 *
 * No exporter says where its memory is; a device is told.
 *
 * Return: 0 or negative errno.
 */
int carve_test_find_phys(struct dma_buf *dmabuf, phys_addr_t *ret_phys)
{
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;

	attachment = dma_buf_attach(dmabuf, carve_test_plain());
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	sgt = dma_buf_map_attachment_unlocked(attachment, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt)) {
		*ret_phys = dma_to_phys(carve_test_plain(),
					sg_dma_address(sgt->sgl));
		dma_buf_unmap_attachment_unlocked(attachment, sgt,
						  DMA_BIDIRECTIONAL);
	}
	dma_buf_detach(dmabuf, attachment);
	return PTR_ERR_OR_ZERO(sgt);
}

static int poke_outside(struct dma_buf *dmabuf, const struct carve_test_poke *poke)
{
	u8 pattern[256];
	phys_addr_t phys;
	u64 done = 0;
	int ret;

	memset(pattern, poke->value, sizeof(pattern));
	ret = carve_test_find_phys(dmabuf, &phys);
	while (!ret && done < poke->bytes) {
		u64 at = phys + poke->offset + done;
		size_t bytes = min_t(u64, poke->bytes - done,
				     sizeof(pattern) - at % sizeof(pattern));

		ret = copy_physical(at, pattern, bytes, true);
		done += bytes;
	}
	return ret;
}

/**
 * carve_test_poke() - write in or beside a buffer
 * @poke: as carve-test.h says
 *
 * Return: 0 or negative errno.
 */
int carve_test_poke(const struct carve_test_poke *poke)
{
	struct dma_buf *dmabuf;
	int ret;

	if (poke->value > 255 || !poke->bytes || poke->bytes > SZ_1M ||
	    poke->offset > SZ_1G || poke->offset < -(s64)SZ_1G)
		return -EINVAL;
	dmabuf = dma_buf_get(poke->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (poke->offset >= 0 && poke->offset + poke->bytes <= dmabuf->size)
		ret = poke_inside(dmabuf, poke);
	else
		ret = poke_outside(dmabuf, poke);
	dma_buf_put(dmabuf);
	return ret;
}
