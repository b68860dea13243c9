// SPDX-License-Identifier: GPL-2.0-only
/*
 * What everybody may know about a region: /sys/class/carve/NAME/, one value
 * per file, in sums and never in offsets. See docs/ABI/testing/sysfs-class-carve.
 *
 * Locks: carve_region.lock, for moments: to copy the sums, and for a batch of
 * extents of the walk for the largest hole. Whoever removes the region waits
 * for readers under way and holds no lock of ours meanwhile (region.c). The
 * counters of exports are atomic.
 */
#include <linux/device.h>
#include <linux/sched.h>
#include <linux/sysfs.h>

#include "region.h"
#include "trace.h"

/*
 * Extents looked at in one go. Everybody may read the file, an export waits
 * for at most one batch: some microseconds.
 */
#define CARVE_HOLE_BATCH 64

static struct carve_region *to_region(struct device *dev)
{
	return container_of(dev, struct carve_region, dev);
}

/* The sums of one moment; the tree in the copy is not to be followed. */
static struct carve_table get_sums(struct carve_region *region)
{
	struct carve_table sums;

	mutex_lock(&region->lock);
	sums = region->table;
	mutex_unlock(&region->lock);
	return sums;
}

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_region(dev)->memory.bytes);
}
static DEVICE_ATTR_RO(size);

static ssize_t free_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct carve_table sums = get_sums(to_region(dev));

	return sysfs_emit(buf, "%llu\n",
			  sums.bytes - sums.live_bytes - sums.dirty_bytes);
}
static DEVICE_ATTR_RO(free);

static ssize_t dirty_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%llu\n", get_sums(to_region(dev)).dirty_bytes);
}
static DEVICE_ATTR_RO(dirty);

static ssize_t live_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n", get_sums(to_region(dev)).live_bytes);
}
static DEVICE_ATTR_RO(live);

/* Go on from *@cursor for one batch. Returns false at the region's end. */
static bool walk_holes(struct carve_region *region, u64 *cursor, u64 *largest)
{
	const struct carve_extent *extent;
	unsigned int count = 0;

	mutex_lock(&region->lock);
	for (extent = carve_table_first(&region->table, *cursor);
	     extent && count < CARVE_HOLE_BATCH;
	     extent = carve_table_next(extent), count++) {
		if (extent->offset > *cursor)
			*largest = max(*largest, extent->offset - *cursor);
		*cursor = extent->offset + extent->bytes;
	}
	if (!extent)
		*largest = max(*largest, region->table.bytes - *cursor);
	mutex_unlock(&region->lock);
	return extent;
}

/*
 * A walk on demand and no sum kept up to date: the table, which everything
 * rests on, stays as simple as it is, and those pay for the answer who ask.
 * Each hole was one at the moment it was seen; while extents come and go
 * between two batches another one may be missed.
 */
static ssize_t largest_hole_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct carve_region *region = to_region(dev);
	u64 cursor = 0, largest = 0;

	while (walk_holes(region, &cursor, &largest))
		cond_resched();
	return sysfs_emit(buf, "%llu\n", largest);
}
static DEVICE_ATTR_RO(largest_hole);

static ssize_t exports_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%lld\n",
			  (s64)atomic64_read(&to_region(dev)->exports));
}
static DEVICE_ATTR_RO(exports);

static ssize_t failures_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%lld\n",
			  (s64)atomic64_read(&to_region(dev)->failures));
}
static DEVICE_ATTR_RO(failures);

static ssize_t guard_hits_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct carve_region *region = to_region(dev);
	u64 hits;

	mutex_lock(&region->lock);
	hits = region->guard_hits;
	mutex_unlock(&region->lock);
	return sysfs_emit(buf, "%llu\n", hits);
}
static DEVICE_ATTR_RO(guard_hits);

static struct attribute *carve_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_free.attr,
	&dev_attr_dirty.attr,
	&dev_attr_live.attr,
	&dev_attr_largest_hole.attr,
	&dev_attr_exports.attr,
	&dev_attr_failures.attr,
	&dev_attr_guard_hits.attr,
	NULL
};

static const struct attribute_group carve_group = {
	.attrs = carve_attrs,
};

const struct attribute_group *carve_groups[] = {
	&carve_group,
	NULL
};

/**
 * carve_count_export() - an export has succeeded or failed
 * @region: the region
 * @export: what was asked for; the name may have no end
 * @result: 0 or a negative errno
 *
 * To be called before user space can have the descriptor, so that an export
 * is seen before the release of its buffer.
 */
void carve_count_export(struct carve_region *region,
			const struct carve_export *export, int result)
{
	atomic64_inc(result ? &region->failures : &region->exports);
	trace_carve_export(region, export, result);
}
