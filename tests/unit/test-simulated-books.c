// SPDX-License-Identifier: MIT
/*
 * The simulated region's books: the driver's rules of clean, live and dirty
 * pages, and no death missed or told twice, however many come at once.
 */
#include "simulated-region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define QUEUE_LIMIT "/proc/sys/fs/inotify/max_queued_events"

static int export_range(struct carve_device *device, uint64_t offset, uint64_t bytes)
{
	struct carve_device_extent extent = { .offset = offset, .bytes = bytes };

	return carve_device_export(device, &extent);
}

static void test_refusals(void **state)
{
	struct carve_device *device = *state;
	struct carve_device_extent extent = { .bytes = PAGE };
	uint64_t all = PAGES * PAGE;
	int fd = export_range(device, 4 * PAGE, 4 * PAGE);

	assert_true(fd >= 0);
	assert_int_equal(export_range(device, 4 * PAGE, 4 * PAGE), -EBUSY);
	assert_int_equal(export_range(device, 3 * PAGE, 2 * PAGE), -EBUSY);
	assert_int_equal(export_range(device, 7 * PAGE, 2 * PAGE), -EBUSY);
	assert_int_equal(export_range(device, 5 * PAGE, PAGE), -EBUSY);
	assert_int_equal(export_range(device, 0, all), -EBUSY);

	assert_int_equal(export_range(device, 0, 0), -EINVAL);
	assert_int_equal(export_range(device, 1, PAGE), -EINVAL);
	assert_int_equal(export_range(device, 0, PAGE + 1), -EINVAL);
	assert_int_equal(export_range(device, -PAGE, 2 * PAGE), -EINVAL);
	assert_int_equal(export_range(device, all, PAGE), -ERANGE);
	assert_int_equal(export_range(device, all - PAGE, 2 * PAGE), -ERANGE);
	memset(extent.name, 'x', sizeof(extent.name));
	assert_int_equal(carve_device_export(device, &extent), -EINVAL);
	extent = (struct carve_device_extent){ .bytes = 3 * PAGE, .guard_after = PAGE };
	assert_int_equal(carve_device_export(device, &extent), -EOPNOTSUPP);
	extent = (struct carve_device_extent){ .bytes = 3 * PAGE, .guard_before = PAGE };
	assert_int_equal(carve_device_export(device, &extent), -EOPNOTSUPP);

	assert_int_equal(carve_device_scrub(device, 4 * PAGE, PAGE), -EBUSY);
	assert_int_equal(carve_device_scrub(device, 0, 5 * PAGE), -EBUSY);
	assert_int_equal(carve_device_scrub(device, 0, 0), -EINVAL);
	assert_int_equal(carve_device_scrub(device, all, PAGE), -ERANGE);
	assert_int_equal(carve_device_scrub(device, 0, 4 * PAGE), 0);

	assert_int_equal(count_extents(device, true), 1);
	close(fd);
}

static void test_dirty_until_scrubbed(void **state)
{
	struct carve_device *device = *state;
	struct carve_device_extent extent;
	uint64_t cursor = 0;
	int fd = export_range(device, 8 * PAGE, 8 * PAGE);

	close(fd);
	/* Live in the books until it was told. */
	assert_int_equal(carve_device_scrub(device, 8 * PAGE, 8 * PAGE), -EBUSY);
	assert_int_equal(carve_device_release(device, &extent), 1);
	assert_int_equal(export_range(device, 8 * PAGE, PAGE), -EBUSY);

	/* A hole in the middle, then the ends. */
	assert_int_equal(carve_device_scrub(device, 10 * PAGE, 2 * PAGE), 0);
	assert_int_equal(count_extents(device, false), 2);
	assert_int_equal(carve_device_list(device, &cursor, &extent), 1);
	assert_int_equal(extent.offset, 8 * PAGE);
	assert_int_equal(extent.bytes, 2 * PAGE);
	assert_int_equal(carve_device_list(device, &cursor, &extent), 1);
	assert_int_equal(extent.offset, 12 * PAGE);
	assert_int_equal(extent.bytes, 4 * PAGE);
	assert_int_equal(carve_device_list(device, &cursor, &extent), 0);
	fd = export_range(device, 10 * PAGE, 2 * PAGE);
	assert_true(fd >= 0);
	assert_int_equal(export_range(device, 9 * PAGE, PAGE), -EBUSY);
	assert_int_equal(carve_device_scrub(device, 9 * PAGE, PAGE), 0);
	assert_int_equal(carve_device_scrub(device, 12 * PAGE, PAGE), 0);
	assert_int_equal(carve_device_scrub(device, 0, 10 * PAGE), 0);
	assert_int_equal(carve_device_scrub(device, 12 * PAGE, 20 * PAGE), 0);
	assert_int_equal(count_extents(device, false), 0);
	close(fd);
}

static void test_dirty_at_start(void **state)
{
	struct carve_device *device;
	struct carve_device_extent extent;
	uint64_t cursor = 0;

	(void)state;
	assert_int_equal(carve_device_new_simulated(&device, "main", PAGES * PAGE, NULL), 0);
	assert_true(device->info.simulated);
	assert_int_equal(device->info.bytes, PAGES * PAGE);
	assert_string_equal(device->info.label, "main");
	assert_int_equal(carve_device_list(device, &cursor, &extent), 1);
	assert_int_equal(extent.bytes, PAGES * PAGE);
	assert_int_equal(extent.id, 0);
	assert_false(extent.live);
	assert_int_equal(export_page(device, 0, 1), -EBUSY);
	carve_device_free(device);

	assert_int_equal(carve_device_new_simulated(&device, "main", 0, NULL), -EINVAL);
	assert_int_equal(carve_device_new_simulated(&device, "main", 1, NULL), -EINVAL);
	assert_int_equal(carve_device_new_simulated(&device, "main", -PAGE, NULL), -EINVAL);
	assert_int_equal(carve_device_new_simulated(&device, "", PAGE, NULL), -EINVAL);
}

static void test_buffers_survive_the_device(void **state)
{
	struct carve_device *device = region_new(PAGES);
	int fd = export_page(device, 0, 1);
	char byte = 1;

	(void)state;
	assert_null(carve_device_free(device));
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	close(fd);
}

/* ---- many ---------------------------------------------------------------- */

/* What is no longer in the descriptor's queue is known to wait. */
static bool death_waits(struct carve_device *device)
{
	bool known;

	return carve_device_has_more(device, &known) || is_readable(device);
}

/* Whatever order deaths are told in, each is told once. */
static void die_together(struct carve_device *device, uint64_t count)
{
	struct carve_device_extent extent;
	bool *told = calloc(count, sizeof(*told));
	int *fds = calloc(count, sizeof(*fds));
	uint64_t i, died;

	for (i = 0; i < count; i++) {
		fds[i] = export_page(device, i, i);
		assert_true(fds[i] >= 0);
	}
	/* Every seventh stays. */
	for (i = 0; i < count; i++)
		if (i % 7)
			close(fds[i]);
	for (died = 0; death_waits(device); ) {
		if (carve_device_release(device, &extent) == 0)
			continue;
		assert_true(extent.id < count && extent.id % 7);
		assert_false(told[extent.id]);
		told[extent.id] = true;
		died++;
		assert_int_equal(carve_device_scrub(device, extent.offset, extent.bytes), 0);
	}
	assert_int_equal(died, count - (count + 6) / 7);
	for (i = 0; i < count; i += 7)
		close(fds[i]);
	for (; carve_device_release(device, &extent) == 1; died++)
		assert_int_equal(carve_device_scrub(device, extent.offset, extent.bytes), 0);
	assert_int_equal(died, count);
	assert_int_equal(count_extents(device, true) + count_extents(device, false), 0);
	free(told);
	free(fds);
}

static void test_die_together(void **state)
{
	die_together(*state, PAGES);
}

static long read_limit(void)
{
	FILE *file = fopen(QUEUE_LIMIT, "re");
	long limit = 0;

	if (file) {
		if (fscanf(file, "%ld", &limit) != 1)
			limit = 0;
		fclose(file);
	}
	return limit;
}

static bool write_limit(long limit)
{
	FILE *file = fopen(QUEUE_LIMIT, "we");
	bool good;

	if (!file)
		return false;
	good = fprintf(file, "%ld", limit) > 0;
	return fclose(file) == 0 && good;
}

/* The limit is read when the instance is made; root may make it small. */
static void test_queue_overflow(void **state)
{
	const long sizes[] = { 1, 2, 3, 16, 97 };
	const long limit = read_limit();
	struct carve_device *device;
	size_t i;
	int r, round;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (limit <= 0 || !write_limit(sizes[i]))
			skip();
		r = carve_device_new_simulated(&device, "main", 1000 * PAGE, NULL);
		assert_true(write_limit(limit));
		assert_int_equal(r, 0);
		assert_int_equal(carve_device_scrub(device, 0, 1000 * PAGE), 0);
		for (round = 0; round < 5; round++)
			die_together(device, 1000);
		carve_device_free(device);
	}
}

/* The real limit is overrun by so many more that six of seven are enough. */
static void test_queue_overflow_unprivileged(void **state)
{
	const long limit = read_limit();
	const uint64_t count = (uint64_t)limit + (uint64_t)limit / 6 + 64;
	struct carve_device *device;
	struct rlimit files;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	if (limit <= 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    files.rlim_cur < (rlim_t)count + 64)
		skip();
	device = region_new(count);
	die_together(device, count);
	assert_true(((struct sim *)device)->watches.overflowed);
	carve_device_free(device);
}

/*
 * After 2^31 buffers the watches' numbers come again, and after an overflow
 * no event is believed without the list. Too many to make: say that it was so.
 */
static void test_numbers_come_again(void **state)
{
	struct sim *sim = *state;

	sim->watches.wrapped = true;
	sim->watches.overflowed = true;
	die_together(*state, PAGES);
	die_together(*state, PAGES);
}

static void test_hundred_thousand(void **state)
{
	struct carve_device *device = *state;
	struct carve_device_extent extent;
	uint64_t i;

	for (i = 1; i <= 100000; i++) {
		close(export_page(device, i % PAGES, i));
		assert_int_equal(carve_device_release(device, &extent), 1);
		assert_int_equal(extent.id, i);
		assert_int_equal(extent.offset, i % PAGES * PAGE);
		assert_int_equal(carve_device_scrub(device, extent.offset, extent.bytes), 0);
	}
	assert_int_equal(count_extents(device, true) + count_extents(device, false), 0);
	assert_false(is_readable(device));
}

/* ---- scrubbing beside everything else ------------------------------------ */

static void *scrub_rounds(void *argument)
{
	struct carve_device *device = argument;
	int i;

	for (i = 0; i < 20000; i++)
		carve_device_scrub(device, (uint64_t)i % PAGES * PAGE, PAGE);
	return NULL;
}

static void test_scrub_on_a_thread(void **state)
{
	struct carve_device *device = *state;
	struct carve_device_extent extent;
	pthread_t thread;
	uint64_t i;
	int fd;

	assert_int_equal(pthread_create(&thread, NULL, scrub_rounds, device), 0);
	for (i = 1; i <= 20000; i++) {
		fd = export_page(device, i * 7 % PAGES, i);
		assert_true(fd >= 0 || fd == -EBUSY);
		if (fd >= 0)
			close(fd);
		while (carve_device_release(device, &extent) == 1)
			;
	}
	pthread_join(thread, NULL);
	assert_int_equal(carve_device_scrub(device, 0, PAGES * PAGE), 0);
	assert_int_equal(count_extents(device, true) + count_extents(device, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIM_TEST(test_refusals),
		SIM_TEST(test_dirty_until_scrubbed),
		cmocka_unit_test(test_dirty_at_start),
		cmocka_unit_test(test_buffers_survive_the_device),
		SIM_TEST(test_die_together),
		cmocka_unit_test(test_queue_overflow),
		cmocka_unit_test(test_queue_overflow_unprivileged),
		SIM_TEST(test_numbers_come_again),
		SIM_TEST(test_hundred_thousand),
		SIM_TEST(test_scrub_on_a_thread),
	};

	return cmocka_run_group_tests_name("simulated-books", tests, NULL, NULL);
}
