// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: a live extent behind a dma-buf.
 *
 * Locks: the dma-buf core may hold the buffer's reservation lock around these
 * callbacks (which ones differs between kernels), so nothing here takes that
 * lock. carve_buffer.lock is taken in access.c, and carve_region.lock at birth
 * and at death, for moments.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "dmabuf.h"
#include "trace.h"

/*
 * A device that cannot reach the buffer is refused here, in
 * carve_importer_map(), and not at attach, which would be the earlier place:
 * V4L2 (videobuf2 of 6.12) loses a reference to a buffer whose attach fails,
 * and with it the range for good. With one plane it does not lose one when the
 * map fails. With several it has taken the references of all planes before it
 * maps the first, and gives back only those up to the plane that failed: the
 * planes behind it are lost. No place to refuse is without such a loss, only
 * a region that the devices reach.
 */
static struct sg_table *carve_map(struct dma_buf_attachment *attachment,
				  enum dma_data_direction dir)
{
	struct carve_buffer *buffer = attachment->dmabuf->priv;
	struct carve_mapping *mapping;

	mapping = carve_importer_map(buffer, attachment->dev, dir);
	if (IS_ERR(mapping))
		return ERR_CAST(mapping);
	carve_access_enter(buffer, mapping);
	return &mapping->sgt;
}

static void carve_unmap(struct dma_buf_attachment *attachment,
			struct sg_table *sgt, enum dma_data_direction dir)
{
	struct carve_mapping *mapping =
		container_of(sgt, struct carve_mapping, sgt);

	carve_access_leave(attachment->dmabuf->priv, mapping);
	carve_importer_unmap(mapping);
}

/*
 * The core waits for the buffer's fences after this: too late, since the cache
 * may fetch old lines anew while a device is still writing. So wait first, and
 * begin nothing when the wait was interrupted.
 */
static int carve_begin_cpu_access(struct dma_buf *dmabuf,
				  enum dma_data_direction dir)
{
	long ret = dma_resv_wait_timeout(dmabuf->resv,
					 dma_resv_usage_rw(dir != DMA_FROM_DEVICE),
					 true, MAX_SCHEDULE_TIMEOUT);

	if (ret < 0)
		return ret;
	carve_access_begin(dmabuf->priv, dir);
	return 0;
}

static int carve_end_cpu_access(struct dma_buf *dmabuf,
				enum dma_data_direction dir)
{
	carve_access_end(dmabuf->priv, dir);
	return 0;
}

/*
 * VM_MAYSHARE and not VM_SHARED says that the caller asked for a shared
 * mapping: of a read-only descriptor the latter is taken away. A private
 * mapping would show the process pages that no device ever sees.
 *
 * The mapping need not come from a descriptor of ours. An importer may pass on
 * one of its own node's: then the flags were checked against that node, which
 * is open for writing, and the protection is what the importer likes, where a
 * second kind of mapping for the same memory would be none of its business.
 *
 * remap_pfn_range() sets VM_DONTEXPAND and VM_DONTDUMP.
 */
static int carve_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	const struct carve_buffer *buffer = dmabuf->priv;
	unsigned long pages = buffer->bytes >> PAGE_SHIFT;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	if ((vma->vm_flags & VM_MAYWRITE) && !(dmabuf->file->f_mode & FMODE_WRITE))
		return -EACCES;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	if (!carve_region_is_cached(buffer->region))
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	return remap_pfn_range(vma, vma->vm_start,
			       PHYS_PFN(buffer->phys) + vma->vm_pgoff,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static int carve_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	const struct carve_buffer *buffer = dmabuf->priv;
	void *vaddr = memremap(buffer->phys, buffer->bytes,
			       carve_region_is_cached(buffer->region) ?
			       MEMREMAP_WB : MEMREMAP_WC);

	if (!vaddr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, vaddr);
	return 0;
}

static void carve_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	memunmap(map->vaddr);
}

/* Nobody ever had the buffer: its pages are as clean as they were. */
static void withdraw(struct carve_buffer *buffer)
{
	struct carve_region *region = buffer->region;

	mutex_lock(&region->lock);
	carve_table_remove(&region->table, buffer->extent);
	mutex_unlock(&region->lock);
	kfree(buffer->extent);
	kfree(buffer->record);
}

static void bury(struct carve_buffer *buffer)
{
	struct carve_region *region = buffer->region;

	trace_carve_release(region, buffer->extent);
	mutex_lock(&region->lock);
	carve_table_release(&region->table, buffer->extent);
	list_add_tail(&buffer->record->node, &region->records);
	WRITE_ONCE(region->unread_count, region->unread_count + 1);
	mutex_unlock(&region->lock);
	wake_up_all(&region->wait);
}

/* Allocates nothing, cannot fail. */
static void end_buffer(struct carve_buffer *buffer)
{
	struct carve_region *region = buffer->region;

	if (buffer->published)
		carve_guards_verify(buffer);
	carve_guards_unmap(buffer);
	if (buffer->published)
		bury(buffer);
	else
		withdraw(buffer);
	kfree(buffer);
	carve_region_memory_put(region);
	put_device(&region->dev);
}

/* The last reference anywhere is gone. */
static void carve_dmabuf_release(struct dma_buf *dmabuf)
{
	struct carve_buffer *buffer = dmabuf->priv;

	WARN_ON(!list_empty(&buffer->mappings));
	end_buffer(buffer);
}

static const struct dma_buf_ops carve_dmabuf_ops = {
	.map_dma_buf = carve_map,
	.unmap_dma_buf = carve_unmap,
	.begin_cpu_access = carve_begin_cpu_access,
	.end_cpu_access = carve_end_cpu_access,
	.mmap = carve_mmap,
	.vmap = carve_vmap,
	.vunmap = carve_vunmap,
	.release = carve_dmabuf_release,
};

static void free_buffer(struct carve_buffer *buffer)
{
	if (!buffer)
		return;
	kfree(buffer->extent);
	kfree(buffer->record);
	kfree(buffer);
}

/*
 * Everything a buffer will need until its release record has been read,
 * charged to the manager: one that never reads pays for that itself.
 */
static struct carve_buffer *alloc_buffer(const struct carve_export *export)
{
	struct carve_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);

	if (!buffer)
		return NULL;
	buffer->extent = kzalloc(sizeof(*buffer->extent), GFP_KERNEL_ACCOUNT);
	buffer->record = kzalloc(sizeof(*buffer->record), GFP_KERNEL_ACCOUNT);
	if (!buffer->extent || !buffer->record) {
		free_buffer(buffer);
		return NULL;
	}
	mutex_init(&buffer->lock);
	INIT_LIST_HEAD(&buffer->mappings);
	buffer->bytes = export->bytes - export->guard_before -
			export->guard_after;

	buffer->extent->offset = export->offset;
	buffer->extent->bytes = export->bytes;
	buffer->extent->state = CARVE_STATE_LIVE;
	buffer->extent->guard_before = export->guard_before;
	buffer->extent->guard_after = export->guard_after;
	memcpy(buffer->extent->owner, export->owner, sizeof(export->owner));
	strscpy(buffer->extent->name, export->name, CARVE_NAME_LEN);

	buffer->record->release.offset = export->offset;
	buffer->record->release.bytes = export->bytes;
	memcpy(buffer->record->release.owner, export->owner,
	       sizeof(export->owner));
	return buffer;
}

/*
 * One that never reads may still scrub, and export the same page again and
 * again. Records that wait and buffers that will leave one are together no more
 * than the region has pages; who reads a record before scrubbing its extent
 * never meets that limit. The caller holds carve_region.lock.
 */
static bool has_too_many_records(const struct carve_region *region)
{
	return (u64)region->unread_count + region->table.live_count >
	       region->memory.bytes >> PAGE_SHIFT;
}

/* Take the range, a share of the memory and a reference. */
static int enter(struct carve_region *region, struct carve_buffer *buffer)
{
	int ret = -ENODEV;

	mutex_lock(&region->lock);
	if (!region->gone)
		ret = carve_table_insert(&region->table, buffer->extent);
	if (!ret && has_too_many_records(region)) {
		carve_table_remove(&region->table, buffer->extent);
		ret = -ENOBUFS;
	}
	if (!ret) {
		refcount_inc(&region->memory_users);
		get_device(&region->dev);
		buffer->region = region;
		buffer->phys = region->memory.phys + buffer->extent->offset +
			       buffer->extent->guard_before;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/* What the core allows for a name, with its end (not in any header). */
#define CARVE_DMABUF_NAME_LEN 32

/* For fdinfo only, where a line break would be a line of its own. */
static void set_name(struct dma_buf *dmabuf, const char *name)
{
	char *copy = kstrndup(name, CARVE_DMABUF_NAME_LEN - 1, GFP_KERNEL_ACCOUNT);

	if (copy)
		carve_make_printable(copy);
	spin_lock(&dmabuf->name_lock);
	dmabuf->name = copy;
	spin_unlock(&dmabuf->name_lock);
}

/**
 * carve_buffer_new() - turn a clean range into a dma-buf
 * @region: the region
 * @export: offset, bytes and guards, checked; owner, name, fd_flags
 *
 * Until carve_buffer_publish() the last dma_buf_put() makes everything as it
 * was: the range is clean, nothing is reported.
 *
 * Return: the dma-buf, the caller's reference, or an error pointer: -EBUSY
 * when a page of the range is live or dirty, -ENOBUFS when too many records
 * wait to be read, -ENODEV when the device has gone, -ENOSPC when there are too
 * many guards, -ENOMEM and what dma_buf_export() gives.
 */
struct dma_buf *carve_buffer_new(struct carve_region *region,
				 const struct carve_export *export)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct carve_buffer *buffer;
	struct dma_buf *dmabuf;
	int ret;

	buffer = alloc_buffer(export);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	ret = enter(region, buffer);
	if (ret) {
		free_buffer(buffer);
		return ERR_PTR(ret);
	}
	info.ops = &carve_dmabuf_ops;
	info.size = buffer->bytes;
	info.flags = export->fd_flags & O_ACCMODE;
	info.priv = buffer;
	ret = carve_guards_map(buffer);
	dmabuf = ret ? ERR_PTR(ret) : dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		end_buffer(buffer);
		return dmabuf;
	}
	if (export->name[0])
		set_name(dmabuf, export->name);
	return dmabuf;
}

/**
 * carve_buffer_publish() - give the dma-buf to the calling process
 * @dmabuf: of carve_buffer_new(); the reference is taken over
 * @fd: reserved with get_unused_fd_flags()
 *
 * Cannot fail. From here on the last reference makes the range dirty.
 */
void carve_buffer_publish(struct dma_buf *dmabuf, int fd)
{
	struct carve_buffer *buffer = dmabuf->priv;

	carve_guards_fill(buffer);
	buffer->published = true;
	fd_install(fd, dmabuf->file);
}

/**
 * carve_buffer_extent() - which extent a dma-buf is
 * @dmabuf: anybody's, the caller holds a reference
 * @region: the region
 *
 * Return: the extent, as long as the reference is held, or NULL when the
 * dma-buf is not one of this region.
 */
const struct carve_extent *
carve_buffer_extent(const struct dma_buf *dmabuf,
		    const struct carve_region *region)
{
	const struct carve_buffer *buffer = dmabuf->priv;

	if (dmabuf->ops != &carve_dmabuf_ops || buffer->region != region)
		return NULL;
	return buffer->extent;
}
