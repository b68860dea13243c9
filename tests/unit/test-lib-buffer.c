// SPDX-License-Identifier: MIT
/*
 * Buffers in one process: taking over descriptors, counting, mapping. Syncing a
 * real dma-buf is tested where there is one, in the VM.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void import_takes_the_descriptor_over(void **state)
{
	struct carve_buffer *buffer = NULL;
	int fd = peer_memfd(3 * PEER_PAGE, true);

	(void)state;
	assert_int_equal(carve_buffer_import(fd, &buffer), 0);
	assert_int_equal(carve_buffer_get_fd(buffer), fd);
	assert_int_equal(carve_buffer_get_bytes(buffer), 3 * PEER_PAGE);
	assert_ptr_equal(carve_buffer_ref(buffer), buffer);
	assert_null(carve_buffer_unref(buffer));
	assert_int_not_equal(fcntl(fd, F_GETFD), -1);
	assert_null(carve_buffer_unref(buffer));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_null(carve_buffer_unref(NULL));
}

static void import_leaves_what_is_no_buffer_alone(void **state)
{
	int half = memfd_create("half", MFD_ALLOW_SEALING);
	int plain = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	const struct {
		int fd;
		int error;
	} cases[] = {
		{ -1, -EBADF },
		{ 4000, -EBADF },
		{ open("/dev/null", O_RDWR), -EINVAL },
		{ open("/usr", O_RDONLY), -EINVAL },
		{ open("/usr", O_PATH), -EBADF },
		{ peer_memfd(PEER_PAGE, false), -EINVAL },
		{ peer_memfd(0, true), -EINVAL },
		{ half, -EINVAL },
		{ plain, -EINVAL },
	};
	struct carve_buffer *buffer = NULL;

	(void)state;
	assert_int_equal(ftruncate(half, PEER_PAGE), 0);
	assert_int_equal(fcntl(half, F_ADD_SEALS, F_SEAL_GROW), 0);
	assert_int_equal(ftruncate(plain, PEER_PAGE), 0);
	assert_int_equal(carve_buffer_import(half, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = carve_buffer_import(cases[i].fd, &buffer);

		if (r != cases[i].error || buffer)
			fail_msg("case %zu: %d, not %d", i, r, cases[i].error);
		if (i < 2)
			continue;
		assert_int_not_equal(fcntl(cases[i].fd, F_GETFD), -1);
		close(cases[i].fd);
	}
}

static unsigned int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "memfd:peer") != NULL;
	fclose(maps);
	return count;
}

static void a_mapping_is_shared_and_lives_with_the_buffer(void **state)
{
	struct carve_buffer *buffer, *same;
	int fd = peer_memfd(2 * PEER_PAGE, true);
	char *map = NULL, *other = NULL;

	(void)state;
	assert_int_equal(carve_buffer_import(dup(fd), &buffer), 0);
	assert_int_equal(carve_buffer_import(fd, &same), 0);
	assert_int_equal(carve_buffer_map(buffer, NULL), -EINVAL);
	assert_int_equal(carve_buffer_map(buffer, (void **)&map), 0);
	assert_int_equal(carve_buffer_map(buffer, (void **)&other), 0);
	assert_ptr_equal(map, other);
	assert_int_equal(count_mappings(), 1);

	assert_int_equal(carve_buffer_begin_cpu(buffer, CARVE_CPU_WRITE), 0);
	map[2 * PEER_PAGE - 1] = 'x';
	assert_int_equal(carve_buffer_end_cpu(buffer, CARVE_CPU_WRITE), 0);

	assert_int_equal(carve_buffer_map(same, (void **)&other), 0);
	assert_int_equal(other[2 * PEER_PAGE - 1], 'x');
	carve_buffer_unref(same);
	carve_buffer_unref(buffer);
	assert_int_equal(count_mappings(), 0);
}

static void access_must_have_a_direction(void **state)
{
	struct carve_buffer *buffer;

	(void)state;
	assert_int_equal(carve_buffer_import(peer_memfd(PEER_PAGE, true),
					     &buffer), 0);
	assert_int_equal(carve_buffer_begin_cpu(buffer, 0), -EINVAL);
	assert_int_equal(carve_buffer_begin_cpu(buffer, 4), -EINVAL);
	assert_int_equal(carve_buffer_begin_cpu(NULL, CARVE_CPU_READ), -EINVAL);
	assert_int_equal(carve_buffer_end_cpu(buffer, 0), -EINVAL);
	assert_int_equal(carve_buffer_end_cpu(buffer, 8 | CARVE_CPU_READ), -EINVAL);
	assert_int_equal(carve_buffer_begin_cpu(buffer, CARVE_CPU_READ |
						CARVE_CPU_WRITE), 0);
	carve_buffer_unref(buffer);
}

static void a_mapping_needs_a_writable_descriptor(void **state)
{
	int fd = peer_memfd(PEER_PAGE, true);
	struct carve_buffer *buffer;
	void *map = NULL;
	char path[40];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(carve_buffer_import(open(path, O_RDONLY), &buffer), 0);
	assert_int_equal(carve_buffer_map(buffer, &map), -EACCES);
	assert_null(map);
	carve_buffer_unref(buffer);
	close(fd);
}

struct crowd {
	struct carve_buffer *buffer;
	void *maps[4];
};

static void *use_and_drop(void *data)
{
	struct crowd *crowd = data;
	static int next;
	int me = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);

	for (int i = 0; i < 20000; i++) {
		carve_buffer_ref(crowd->buffer);
		if (carve_buffer_map(crowd->buffer, &crowd->maps[me]) < 0)
			abort();
		carve_buffer_unref(crowd->buffer);
	}
	carve_buffer_unref(crowd->buffer);
	return NULL;
}

static void many_threads_share_a_buffer(void **state)
{
	int fd = peer_memfd(PEER_PAGE, true);
	struct crowd crowd = { 0 };
	pthread_t threads[4];

	(void)state;
	assert_int_equal(carve_buffer_import(fd, &crowd.buffer), 0);
	for (int i = 0; i < 4; i++) {
		carve_buffer_ref(crowd.buffer);
		assert_int_equal(pthread_create(&threads[i], NULL, use_and_drop,
						&crowd), 0);
	}
	carve_buffer_unref(crowd.buffer);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < 4; i++)
		assert_ptr_equal(crowd.maps[i], crowd.maps[0]);
	/* The last of them tore it down. */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(count_mappings(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(import_takes_the_descriptor_over),
		cmocka_unit_test(import_leaves_what_is_no_buffer_alone),
		cmocka_unit_test(a_mapping_is_shared_and_lives_with_the_buffer),
		cmocka_unit_test(access_must_have_a_direction),
		cmocka_unit_test(a_mapping_needs_a_writable_descriptor),
		cmocka_unit_test(many_threads_share_a_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
