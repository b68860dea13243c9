/* SPDX-License-Identifier: MIT */
/*
 * An importer: a device that does DMA, and its node in /dev/carve-test.
 *
 * Locks: struct carve_test_file has one, around the calls on one open file.
 */
#ifndef CARVE_TEST_DEVICE_H
#define CARVE_TEST_DEVICE_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "carve-test.h"

struct dma_buf;

/* The most that a copy function is asked for at a time. */
#define CARVE_TEST_PIECE_BYTES 2048

/**
 * struct carve_test_device - an importer
 * @dev: does the DMA
 * @misc: its node
 * @copy: moves @bytes between @data and the device address @addr the way the
 *	device does; 0 or negative errno
 */
struct carve_test_device {
	struct device *dev;
	struct miscdevice misc;
	int (*copy)(struct carve_test_device *device, dma_addr_t addr,
		    void *data, size_t bytes, bool to_memory);
};

struct iommu_domain;

/**
 * struct carve_test_file - an open file
 * @device: whose
 * @lock: guards what follows
 * @domain: which the device is attached to by this file, or NULL
 * @maps: struct carve_test_mapping by handle
 */
struct carve_test_file {
	struct carve_test_device *device;
	struct mutex lock;	/* the mappings */
	struct iommu_domain *domain;
	struct xarray maps;
};

/* device.c */
int carve_test_device_add(struct carve_test_device *device, const char *name);
void carve_test_set_mask(struct device *dev, unsigned int bits);

/* mapping.c */
int carve_test_map(struct carve_test_file *file, struct carve_test_map *map);
int carve_test_unmap(struct carve_test_file *file, u32 handle);
void carve_test_unmap_all(struct carve_test_file *file);
int carve_test_copy(struct carve_test_file *file,
		    const struct carve_test_copy *copy);

/* domain.c */
int carve_test_domain_set(struct carve_test_file *file, bool own);
int carve_test_domain_map(struct iommu_domain *domain, struct sg_table *sgt,
			  phys_addr_t phys);
void carve_test_domain_unmap(struct iommu_domain *domain, struct sg_table *sgt);

/* ops.c */
bool carve_test_ops_set(struct device *dev);

/* memory.c */
int carve_test_find_phys(struct dma_buf *dmabuf, phys_addr_t *ret_phys);
phys_addr_t carve_test_reached(struct device *dev, dma_addr_t addr);
int carve_test_memory_copy(struct carve_test_device *device, dma_addr_t addr,
			   void *data, size_t bytes, bool to_memory);
int carve_test_access(const struct carve_test_access *access);
int carve_test_poke(const struct carve_test_poke *poke);

/* platform.c */
struct device *carve_test_plain(void);
int carve_test_platform_init(void);
void carve_test_platform_done(void);

/* edu.c */
int carve_test_edu_init(void);
void carve_test_edu_done(void);

/* unplug.c */
int carve_test_unplug_init(void);
void carve_test_unplug_done(void);

#endif /* CARVE_TEST_DEVICE_H */
