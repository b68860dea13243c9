// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: who has which memory, and how long a region lives.
 *
 * Locks: carve_claims_lock guards the list of claimed memory and is held while a
 * region on it becomes gone; the others are described in region.h.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/ioport.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "compat.h"
#include "region.h"

#define CARVE_MINORS 256

static DEFINE_MUTEX(carve_claims_lock);
static LIST_HEAD(carve_claims);
static DEFINE_IDA(carve_minors);
static dev_t carve_devt;
/* The regions, and the module itself; and that there is none of them left. */
static refcount_t carve_region_count = REFCOUNT_INIT(1);
static DECLARE_COMPLETION(carve_regions_freed);

static void free_extents(struct carve_region *region)
{
	struct carve_record *record, *next;
	struct carve_extent *extent;

	while ((extent = carve_table_first(&region->table, 0))) {
		carve_table_remove(&region->table, extent);
		kfree(extent);
	}
	list_for_each_entry_safe(record, next, &region->records, node)
		kfree(record);
}

/*
 * The last reference is gone: no device, no file, no buffer. If the module waits
 * for that in its exit, it goes on as soon as complete() has taken note, and
 * nothing of the module is run or looked at from then on but the way back.
 */
static void carve_region_free(struct device *dev)
{
	struct carve_region *region = container_of(dev, struct carve_region, dev);

	free_extents(region);
	ida_free(&carve_minors, MINOR(dev->devt));
	kfree(region);
	if (refcount_dec_and_test(&carve_region_count))
		complete(&carve_regions_freed);
}

/*
 * The region's own device takes part in no real transfer. It stands in for
 * every importer there may be when zeros are brought from the cache into
 * memory, so it is the worst of them: not coherent, and without a bus between
 * itself and memory that would translate or bounce anything.
 */
static void init_device(struct carve_region *region, struct device *parent,
			int minor)
{
	struct device *dev = &region->dev;

	device_initialize(dev);
	dev->parent = parent;
	dev->class = &carve_class;
	dev->release = carve_region_free;
	dev->devt = MKDEV(MAJOR(carve_devt), minor);
	region->dma_mask = DMA_BIT_MASK(64);
	dev->dma_mask = &region->dma_mask;
	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	carve_set_coherent(dev, false);
}

static int mark_all_dirty(struct carve_region *region)
{
	struct carve_extent *extent = kzalloc(sizeof(*extent), GFP_KERNEL);

	if (!extent)
		return -ENOMEM;
	extent->bytes = region->memory.bytes;
	extent->state = CARVE_STATE_DIRTY;
	return carve_table_insert(&region->table, extent);
}

/**
 * carve_region_new() - a region that nobody can see yet, all of it dirty
 * @parent: the platform device
 * @label: its name, already checked
 * @memory: its memory, already checked
 *
 * Return: the region with one reference (put_device() on its device frees
 * it), or an error pointer: -ENOMEM, -ENOSPC when there are too many.
 */
struct carve_region *carve_region_new(struct device *parent, const char *label,
				      const struct carve_memory_range *memory)
{
	struct carve_region *region;
	int minor, ret;

	minor = ida_alloc_max(&carve_minors, CARVE_MINORS - 1, GFP_KERNEL);
	if (minor < 0)
		return ERR_PTR(minor);
	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region) {
		ida_free(&carve_minors, minor);
		return ERR_PTR(-ENOMEM);
	}
	refcount_inc(&carve_region_count);
	region->memory = *memory;
	strscpy(region->label, label, sizeof(region->label));
	carve_table_init(&region->table, memory->bytes, PAGE_SIZE);
	INIT_LIST_HEAD(&region->claim);
	INIT_LIST_HEAD(&region->records);
	mutex_init(&region->scrub_lock);
	mutex_init(&region->read_lock);
	mutex_init(&region->lock);
	init_waitqueue_head(&region->wait);
	ratelimit_state_init(&region->guard_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	refcount_set(&region->memory_users, 1);
	init_device(region, parent, minor);
	ret = dev_set_name(&region->dev, "%s", label) ?: mark_all_dirty(region);
	if (ret) {
		put_device(&region->dev);
		return ERR_PTR(ret);
	}
	return region;
}

static bool overlaps(const struct carve_memory_range *a,
		     const struct carve_memory_range *b)
{
	return a->phys < b->phys + b->bytes && b->phys < a->phys + a->bytes;
}

/*
 * What is not gone cannot go while the list is locked, so its platform device
 * is there to be named.
 */
static int check_claims(struct carve_region *region)
{
	struct device *dev = region->dev.parent;
	struct carve_region *other;

	list_for_each_entry(other, &carve_claims, claim) {
		bool gone = other->gone;

		if (!gone && !strcmp(other->label, region->label))
			return dev_err_probe(dev, -EEXIST,
				"label \"%s\" is taken by %s: give each region a label of its own\n",
				region->label, dev_name(other->dev.parent));
		if (!overlaps(&other->memory, &region->memory))
			continue;
		if (gone)
			return dev_err_probe(dev, -EBUSY,
				"buffers of the removed region \"%s\" still live in this memory: end the programs that hold them\n",
				other->label);
		return dev_err_probe(dev, -EBUSY,
			"memory-region overlaps that of region \"%s\" (%s): give each region memory of its own\n",
			other->label, dev_name(other->dev.parent));
	}
	return 0;
}

/*
 * RAM the kernel manages is in nobody's hands once it is reserved, or in its
 * own. What lies outside may belong to a device, whose driver will have
 * requested it.
 */
static int request_memory(struct carve_region *region)
{
	const struct carve_memory_range *memory = &region->memory;

	if (memory->kind == CARVE_MEMORY_CACHED)
		return carve_memory_check_kernel(region->dev.parent, memory);
	/* NULL also means no memory for the entry: the second call tells. */
	if (!request_mem_region(memory->phys, memory->bytes, region->label) &&
	    !request_mem_region(memory->phys, memory->bytes, region->label))
		return dev_err_probe(region->dev.parent, -EBUSY,
			"memory-region overlaps a device's registers or another driver's memory: compare its reg with /proc/iomem\n");
	region->resource = true;
	return 0;
}

/**
 * carve_region_claim() - make the memory and the label this region's alone
 * @region: new
 *
 * Ended by carve_region_memory_put(). Says in the kernel log what is wrong.
 *
 * Return: 0; -EEXIST when another region has the label; -EBUSY when the memory
 * overlaps a region, live buffers of a removed one, a device, or the kernel.
 */
int carve_region_claim(struct carve_region *region)
{
	int ret;

	mutex_lock(&carve_claims_lock);
	ret = check_claims(region) ?: request_memory(region);
	if (!ret)
		list_add(&region->claim, &carve_claims);
	mutex_unlock(&carve_claims_lock);
	return ret;
}

/**
 * carve_region_memory_put() - one user of the memory less
 * @region: the region; the caller still holds a reference to it
 *
 * The users are the platform device and the live buffers. When there is none
 * left, the memory may be claimed by a new region.
 */
void carve_region_memory_put(struct carve_region *region)
{
	/* Nobody may see the claim once there is no user any more. */
	if (!refcount_dec_and_mutex_lock(&region->memory_users,
					 &carve_claims_lock))
		return;
	list_del_init(&region->claim);
	if (region->resource)
		release_mem_region(region->memory.phys, region->memory.bytes);
	mutex_unlock(&carve_claims_lock);
}

/**
 * carve_region_publish() - show the region to user space
 * @region: claimed
 *
 * Return: 0 or a negative errno.
 */
int carve_region_publish(struct carve_region *region)
{
	int ret;

	cdev_init(&region->cdev, &carve_fops);
	region->cdev.owner = THIS_MODULE;
	ret = cdev_device_add(&region->cdev, &region->dev);
	if (!ret)
		carve_debugfs_add(region);
	return ret;
}

/**
 * carve_region_remove() - the platform device goes
 * @region: published
 *
 * Open files get -ENODEV from now on; live buffers stay as they are and keep
 * the memory claimed. A scrub under way has ended when this returns, so that
 * nobody writes into memory that a new region may claim.
 */
void carve_region_remove(struct carve_region *region)
{
	carve_debugfs_remove(region);
	cdev_device_del(&region->cdev, &region->dev);

	mutex_lock(&carve_claims_lock);
	mutex_lock(&region->lock);
	WRITE_ONCE(region->gone, true);
	mutex_unlock(&region->lock);
	mutex_unlock(&carve_claims_lock);
	wake_up_all(&region->wait);

	mutex_lock(&region->scrub_lock);
	mutex_unlock(&region->scrub_lock);
}

/**
 * carve_region_init() - take device numbers and the class
 *
 * Return: 0 or a negative errno.
 */
int carve_region_init(void)
{
	int ret = alloc_chrdev_region(&carve_devt, 0, CARVE_MINORS, "carve");

	if (ret)
		return ret;
	ret = class_register(&carve_class);
	if (ret)
		unregister_chrdev_region(carve_devt, CARVE_MINORS);
	else
		carve_debugfs_init();
	return ret;
}

/**
 * carve_region_done() - undo carve_region_init(), after the last region
 *
 * The last reference to a region may be dropped after its device is gone, by
 * whoever looked the device up, or seconds later on purpose
 * (CONFIG_DEBUG_KOBJECT_RELEASE): the code that frees it has to be there still.
 */
void carve_region_done(void)
{
	if (!refcount_dec_and_test(&carve_region_count))
		wait_for_completion(&carve_regions_freed);
	carve_debugfs_done();
	class_unregister(&carve_class);
	unregister_chrdev_region(carve_devt, CARVE_MINORS);
	ida_destroy(&carve_minors);
}
