/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A region: the memory of one device-tree node, its extents, its device.
 *
 * Locks, outermost first:
 *   carve_region.scrub_lock  one scrub at a time; held over the zeroing
 *   carve_region.read_lock   one reader of release records at a time
 *   carve_region.lock        the table, the records, the manager, @gone;
 *                            never held over a copy to or from user space,
 *                            an allocation or the zeroing of memory
 * The two outer ones are never held together. The lock of the list of claimed
 * memory (region.c) may be held around carve_region.lock, for the moment at
 * which a region becomes gone, and around the kernel's own of its resources. The lock of a buffer's
 * mappings (access.c) stands alone.
 *
 * Lifetime: struct device counts the references of the platform device, of
 * open files and of live buffers. The memory itself is counted apart
 * (@memory_users): a file may stay open for ever, but only the platform device
 * and live buffers keep others from claiming the memory.
 */
#ifndef CARVE_REGION_H
#define CARVE_REGION_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/refcount.h>
#include <linux/wait.h>

#include "extent.h"

struct attribute_group;
struct dentry;
struct file;

/**
 * struct carve_memory_range - what the device tree and the kernel's map say
 * @phys: physical address, page-aligned
 * @bytes: length, a multiple of the page size
 * @kind: one of enum carve_memory
 */
struct carve_memory_range {
	phys_addr_t phys;
	u64 bytes;
	u32 kind;
};

/**
 * struct carve_record - a release that waits to be read
 * @node: in carve_region.records
 * @release: as read() gives it
 *
 * Allocated together with the buffer, so that a release needs no memory.
 */
struct carve_record {
	struct list_head node;
	struct carve_release release;
};

/**
 * struct carve_region - see the head of this file
 * @dev: the device of /dev/carve/NAME; counts the references
 * @cdev: its operations
 * @memory: where, how much, mapped how; never changes
 * @label: name; never changes
 * @dma_mask: of @dev, which stands in for the importers when zeros and guards
 *	are cleaned out of the cache (scrub.c)
 * @claim: in the list of claimed memory
 * @resource: true when the memory was requested from the kernel's map
 * @memory_users: platform device and live buffers
 * @guard_limit: of the kernel log's lines about guards
 * @scrub_lock: see above
 * @read_lock: see above
 * @lock: guards everything below
 * @table: live and dirty extents
 * @records: released and unread, oldest first
 * @unread_count: length of @records
 * @guard_hits: buffers whose guards were found damaged at their release
 * @manager: the file that may export, scrub and read; NULL when there is none
 * @gone: the platform device has been removed; set under the lock of the list
 *	of claimed memory as well
 * @wait: woken when a record comes or the device goes
 * @exports: buffers given to user space so far; needs no lock
 * @failures: exports refused or failed so far; needs no lock
 * @debugfs: folder there, or an error; written while the region is made only
 */
struct carve_region {
	struct device dev;
	struct cdev cdev;
	struct carve_memory_range memory;
	char label[CARVE_LABEL_LEN];
	u64 dma_mask;
	struct list_head claim;
	bool resource;
	refcount_t memory_users;
	struct ratelimit_state guard_limit;
	struct mutex scrub_lock;	/* one scrub at a time */
	struct mutex read_lock;	/* one reader at a time */
	struct mutex lock;	/* what follows */
	struct carve_table table;
	struct list_head records;
	u32 unread_count;
	u64 guard_hits;
	struct file *manager;
	bool gone;
	wait_queue_head_t wait;
	atomic64_t exports;
	atomic64_t failures;
	struct dentry *debugfs;
};

/* Cached memory is in the linear map, and caches are maintained for it. */
static inline bool carve_region_is_cached(const struct carve_region *region)
{
	return region->memory.kind == CARVE_MEMORY_CACHED;
}

/* main.c */
extern const struct file_operations carve_fops;
extern struct class carve_class;

/* memory.c */
int carve_memory_find(struct device *dev, struct carve_memory_range *ret_memory);
int carve_memory_check_kernel(struct device *dev,
			      const struct carve_memory_range *memory);
int carve_memory_probe(struct device *dev,
		       const struct carve_memory_range *memory);

/* region.c */
struct carve_region *carve_region_new(struct device *parent, const char *label,
				      const struct carve_memory_range *memory);
int carve_region_claim(struct carve_region *region);
void carve_region_memory_put(struct carve_region *region);
int carve_region_publish(struct carve_region *region);
void carve_region_remove(struct carve_region *region);
int carve_region_init(void);
void carve_region_done(void);

/* ioctl.c */
long carve_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* scrub.c */
int carve_sync_memory(struct carve_region *region, u64 offset, size_t bytes,
		      enum dma_data_direction dir);
int carve_scrub_check(struct carve_region *region);
int carve_scrub(struct carve_region *region, u64 offset, u64 bytes,
		u64 *ret_scrubbed);

/* sysfs.c */
extern const struct attribute_group *carve_groups[];
void carve_count_export(struct carve_region *region,
			const struct carve_export *export, int result);

/* debugfs.c */
void carve_debugfs_add(struct carve_region *region);
void carve_debugfs_remove(struct carve_region *region);
void carve_debugfs_init(void);
void carve_debugfs_done(void);

/* trace.c */
void carve_make_printable(char *text);

#endif /* CARVE_REGION_H */
