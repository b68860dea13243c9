// SPDX-License-Identifier: MIT
/*
 * Mappings: dma-bufs attached to and mapped for an importer.
 *
 * Locks: the caller holds carve_test_file.lock, but for the last close.
 */
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "device.h"

#ifndef CARVE_HAVE_UNLOCKED_CALLS
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#endif

/**
 * struct carve_test_mapping - what a handle stands for
 * @dmabuf: counted
 * @attachment: of @dmabuf
 * @sgt: mapped
 * @dir: how
 * @domain: where it is mapped besides, or NULL
 */
struct carve_test_mapping {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;
	enum dma_data_direction dir;
	struct iommu_domain *domain;
};

/* As a driver does that has a domain of its own. */
static int map_domain(struct carve_test_mapping *mapping,
		      struct iommu_domain *domain)
{
	phys_addr_t phys;
	int ret;

	if (!domain)
		return 0;
	ret = carve_test_find_phys(mapping->dmabuf, &phys) ?:
	      carve_test_domain_map(domain, mapping->sgt, phys);
	if (!ret)
		mapping->domain = domain;
	return ret;
}

static struct carve_test_mapping *mapping_new(const struct carve_test_file *file,
					      int fd, enum dma_data_direction dir)
{
	struct carve_test_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->dir = dir;
	mapping->dmabuf = dma_buf_get(fd);
	if (IS_ERR(mapping->dmabuf)) {
		ret = PTR_ERR(mapping->dmabuf);
		goto err_free;
	}
	mapping->attachment = dma_buf_attach(mapping->dmabuf, file->device->dev);
	if (IS_ERR(mapping->attachment)) {
		ret = PTR_ERR(mapping->attachment);
		goto err_put;
	}
	mapping->sgt = dma_buf_map_attachment_unlocked(mapping->attachment, dir);
	if (IS_ERR(mapping->sgt)) {
		ret = PTR_ERR(mapping->sgt);
		goto err_detach;
	}
	ret = map_domain(mapping, file->domain);
	if (ret)
		goto err_unmap;
	return mapping;

err_unmap:
	dma_buf_unmap_attachment_unlocked(mapping->attachment, mapping->sgt, dir);
err_detach:
	dma_buf_detach(mapping->dmabuf, mapping->attachment);
err_put:
	dma_buf_put(mapping->dmabuf);
err_free:
	kfree(mapping);
	return ERR_PTR(ret);
}

static void mapping_free(struct carve_test_mapping *mapping)
{
	if (mapping->domain)
		carve_test_domain_unmap(mapping->domain, mapping->sgt);
	dma_buf_unmap_attachment_unlocked(mapping->attachment, mapping->sgt,
					  mapping->dir);
	dma_buf_detach(mapping->dmabuf, mapping->attachment);
	dma_buf_put(mapping->dmabuf);
	kfree(mapping);
}

/* A kernel with DMABUF_DEBUG puts nonsense where the page should be. */
static u64 segment_phys(struct scatterlist *sg)
{
	if (IS_ENABLED(CONFIG_DMABUF_DEBUG) || !sg_page(sg))
		return CARVE_TEST_NO_PAGE;
	return sg_phys(sg);
}

static int copy_segments(struct device *dev, struct sg_table *sgt,
			 struct carve_test_map *map)
{
	struct carve_test_segment __user *user = u64_to_user_ptr(map->segments);
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		struct carve_test_segment segment = {
			.dma = sg_dma_address(sg),
			.bytes = sg_dma_len(sg),
			/* An IOMMU may join entries: then this says nothing. */
			.phys = sgt->nents == sgt->orig_nents ?
				segment_phys(sg) : CARVE_TEST_NO_PAGE,
			.reached = carve_test_reached(dev, sg_dma_address(sg)),
		};

		if (i < map->count &&
		    copy_to_user(user + i, &segment, sizeof(segment)))
			return -EFAULT;
	}
	map->count = i;
	return 0;
}

/**
 * carve_test_map() - attach and map
 * @file: open file that will own the mapping
 * @map: as carve-test.h says; @map->handle and @map->count are written
 *
 * Return: 0 or negative errno.
 */
int carve_test_map(struct carve_test_file *file, struct carve_test_map *map)
{
	struct device *dev = file->device->dev;
	struct carve_test_mapping *mapping;
	u32 handle;
	int ret;

	if (map->direction > CARVE_TEST_FROM_DEVICE)
		return -EINVAL;
	mapping = mapping_new(file, map->fd, map->direction);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	ret = copy_segments(dev, mapping->sgt, map);
	if (!ret)
		ret = xa_alloc(&file->maps, &handle, mapping, xa_limit_31b,
			       GFP_KERNEL);
	if (ret) {
		mapping_free(mapping);
		return ret;
	}
	map->handle = handle;
	return 0;
}

/**
 * carve_test_unmap() - unmap and detach
 * @file: owns it
 * @handle: of carve_test_map()
 *
 * Return: 0, or -ENOENT.
 */
int carve_test_unmap(struct carve_test_file *file, u32 handle)
{
	struct carve_test_mapping *mapping = xa_erase(&file->maps, handle);

	if (!mapping)
		return -ENOENT;
	mapping_free(mapping);
	return 0;
}

/**
 * carve_test_unmap_all() - at the last close
 * @file: the open file
 */
void carve_test_unmap_all(struct carve_test_file *file)
{
	struct carve_test_mapping *mapping;
	unsigned long handle;

	xa_for_each(&file->maps, handle, mapping)
		mapping_free(mapping);
}

/* Where a byte of the buffer is for the device, and how much follows there. */
static size_t find_piece(struct sg_table *sgt, u64 offset, dma_addr_t *ret_addr)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (offset < sg_dma_len(sg)) {
			*ret_addr = sg_dma_address(sg) + offset;
			return sg_dma_len(sg) - offset;
		}
		offset -= sg_dma_len(sg);
	}
	return 0;
}

/* What an engine needs of its own is not mapped in a domain of ours. */
static int copy_piece(const struct carve_test_file *file, dma_addr_t addr,
		      void __user *user, void *data, size_t bytes, bool to_memory)
{
	struct carve_test_device *device = file->device;
	int ret;

	if (to_memory && copy_from_user(data, user, bytes))
		return -EFAULT;
	if (file->domain)
		ret = carve_test_memory_copy(device, addr, data, bytes, to_memory);
	else
		ret = device->copy(device, addr, data, bytes, to_memory);
	if (ret)
		return ret;
	return !to_memory && copy_to_user(user, data, bytes) ? -EFAULT : 0;
}

static int copy_pieces(const struct carve_test_file *file, struct sg_table *sgt,
		       const struct carve_test_copy *copy, void *data)
{
	u64 done = 0;
	int ret;

	while (done < copy->bytes) {
		dma_addr_t addr;
		size_t bytes = find_piece(sgt, copy->offset + done, &addr);

		if (!bytes)
			return -ERANGE;
		bytes = min3((u64)bytes, copy->bytes - done,
			     (u64)CARVE_TEST_PIECE_BYTES);
		ret = copy_piece(file, addr, u64_to_user_ptr(copy->user + done),
				 data, bytes, copy->to_memory);
		if (ret)
			return ret;
		done += bytes;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/**
 * carve_test_copy() - the device reads or writes a buffer
 * @file: owns the mapping
 * @copy: as carve-test.h says
 *
 * Return: 0; -ENOENT for a handle that is none; -ERANGE; -EFAULT; what the
 * device's copy function gives.
 */
int carve_test_copy(struct carve_test_file *file,
		    const struct carve_test_copy *copy)
{
	struct carve_test_mapping *mapping = xa_load(&file->maps, copy->handle);
	void *data;
	int ret;

	if (!mapping)
		return -ENOENT;
	data = kmalloc(CARVE_TEST_PIECE_BYTES, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	ret = copy_pieces(file, mapping->sgt, copy, data);
	kfree(data);
	return ret;
}
