/* SPDX-License-Identifier: MIT */
/*
 * A region that is but a table of what is live and dirty, in memory that processes
 * share: it goes on while its manager is killed and started, and can be copied at
 * any instruction. As the driver does, it lists dirty memory in long ranges.
 */
#ifndef CARVE_TESTS_FAKE_DEVICE_H
#define CARVE_TESTS_FAKE_DEVICE_H

#include <pthread.h>

#include "device.h"

#define FAKE_PAGE	((uint64_t)4096)
#define FAKE_EXTENTS	256

/**
 * struct fake_table - what a driver would know
 * @live: buffers, one where id is not 0
 * @dirty: one byte a page
 * @dead: the first @dead_count are to be released, from @dead_taken on
 */
struct fake_table {
	pthread_mutex_t lock;
	uint64_t pages;
	struct carve_device_extent live[FAKE_EXTENTS];
	struct carve_device_extent dead[FAKE_EXTENTS];
	size_t dead_taken;
	size_t dead_count;
	uint8_t dirty[];
};

/* All of it dirty, as after boot. Never freed. */
struct fake_table *fake_table_new(uint64_t pages);

/* Of one that nobody holds the lock of. */
struct fake_table *fake_table_copy(const struct fake_table *table);
void fake_table_free(struct fake_table *table);

/* Is it another than @seen? That is made the same. */
bool fake_table_changed(const struct fake_table *table, struct fake_table *seen);

/* The last descriptor of a buffer is closed. */
void fake_table_die(struct fake_table *table, uint64_t id);

/* A manager's side of it; carve_device_free() leaves the table alone. */
struct carve_device *fake_device_new(struct fake_table *table);

#endif /* CARVE_TESTS_FAKE_DEVICE_H */
