/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the simulated region share: a region of PAGES clean
 * pages, and what to say about it.
 */
#ifndef CARVE_TESTS_SIMULATED_REGION_H
#define CARVE_TESTS_SIMULATED_REGION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "simulated.h"

#define PAGE	((uint64_t)sysconf(_SC_PAGESIZE))
#define PAGES	64

static inline struct carve_device *region_new(uint64_t pages)
{
	struct carve_device *device;

	assert_int_equal(carve_device_new_simulated(&device, "main", pages * PAGE, NULL), 0);
	assert_int_equal(carve_device_scrub(device, 0, pages * PAGE), 0);
	return device;
}

static inline int export_page(struct carve_device *device, uint64_t page, uint64_t id)
{
	struct carve_device_extent extent = {
		.offset = page * PAGE, .bytes = PAGE, .id = id, .uid = 1000 + id,
	};

	snprintf(extent.name, sizeof(extent.name), "buffer-%llu",
		 (unsigned long long)id);
	return carve_device_export(device, &extent);
}

static inline bool is_readable(const struct carve_device *device)
{
	struct pollfd pollfd = { .fd = carve_device_get_fd(device), .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

static inline int count_extents(struct carve_device *device, bool live)
{
	struct carve_device_extent extent;
	uint64_t cursor = 0, end = 0;
	int count = 0;

	while (carve_device_list(device, &cursor, &extent) == 1) {
		assert_true(extent.offset >= end);
		end = extent.offset + extent.bytes;
		count += extent.live == live;
	}
	return count;
}

static inline int setup(void **state)
{
	*state = region_new(PAGES);
	return 0;
}

static inline int teardown(void **state)
{
	carve_device_free(*state);
	return 0;
}

#define SIM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* CARVE_TESTS_SIMULATED_REGION_H */
