/* SPDX-License-Identifier: MIT */
/*
 * Files with a state for tests: new ones, and copies of what another process is
 * just writing.
 */
#ifndef CARVE_TESTS_STATE_FILE_H
#define CARVE_TESTS_STATE_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state-layout.h"

#define BOOT	"6bdb2c62-5bd5-4e9c-8d8e-0a8b4d2c9f11"

static inline int file_new(void)
{
	int fd = memfd_create("state", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline size_t file_bytes(int fd)
{
	struct stat stat;

	assert_int_equal(fstat(fd, &stat), 0);
	return (size_t)stat.st_size;
}

/* The caller's to free. */
static inline uint8_t *file_read(int fd, size_t *ret_bytes)
{
	size_t bytes = file_bytes(fd);
	uint8_t *data = malloc(bytes + 1);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, bytes, 0), bytes);
	*ret_bytes = bytes;
	return data;
}

static inline int file_of(const uint8_t *data, size_t bytes)
{
	int fd = file_new();

	assert_int_equal(pwrite(fd, data, bytes, 0), bytes);
	return fd;
}

/* What is in the file stays as it is. */
static inline int file_copy(int fd)
{
	size_t bytes;
	uint8_t *data = file_read(fd, &bytes);
	int copy = file_of(data, bytes);

	free(data);
	return copy;
}

/* Takes the file over. */
static inline struct carve_state *state_of(int fd)
{
	struct carve_state *state;

	assert_int_equal(carve_state_new(&state, fd, BOOT), 0);
	return state;
}

/**
 * struct file_watch - a file that somebody else writes to
 * @seen: @bytes bytes, what was in it the last time
 */
struct file_watch {
	int fd;
	uint8_t *map;
	uint8_t *seen;
	size_t bytes;
};

static inline void watch_map(struct file_watch *watch)
{
	watch->bytes = file_bytes(watch->fd);
	watch->map = mmap(NULL, watch->bytes, PROT_READ, MAP_SHARED, watch->fd,
			  0);
	assert_ptr_not_equal(watch->map, MAP_FAILED);
	watch->seen = malloc(watch->bytes);
	assert_non_null(watch->seen);
	memcpy(watch->seen, watch->map, watch->bytes);
}

static inline void watch_end(struct file_watch *watch)
{
	munmap(watch->map, watch->bytes);
	free(watch->seen);
}

/* Is it another than the last time? */
static inline bool watch_changed(struct file_watch *watch)
{
	if (file_bytes(watch->fd) != watch->bytes) {
		watch_end(watch);
		watch_map(watch);
		return true;
	}
	if (!memcmp(watch->seen, watch->map, watch->bytes))
		return false;
	memcpy(watch->seen, watch->map, watch->bytes);
	return true;
}

#endif /* CARVE_TESTS_STATE_FILE_H */
