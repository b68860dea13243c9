// SPDX-License-Identifier: MIT
/*
 * The importers of our own, see device.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "device.h"

int device_open(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/carve-test/%s", name);
	return open(path, O_RDWR | O_CLOEXEC);
}

bool device_exists(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/carve-test/%s", name);
	return !access(path, F_OK);
}

int device_map(int device, int buf, uint32_t direction,
	       struct carve_test_segment *segments,
	       struct carve_test_map *ret_map)
{
	ret_map->fd = buf;
	ret_map->direction = direction;
	ret_map->segments = (uintptr_t)segments;
	return ioctl(device, CARVE_TEST_IOC_MAP, ret_map) ? -errno : 0;
}

int device_unmap(int device, uint32_t handle)
{
	return ioctl(device, CARVE_TEST_IOC_UNMAP, handle) ? -errno : 0;
}

int device_mask(int device, unsigned int bits)
{
	return ioctl(device, CARVE_TEST_IOC_MASK, bits) ? -errno : 0;
}

int device_domain(int device, bool own)
{
	return ioctl(device, CARVE_TEST_IOC_DOMAIN, own) ? -errno : 0;
}

int device_coherent(int device, bool coherent)
{
	int was = ioctl(device, CARVE_TEST_IOC_COHERENT, coherent);

	return was < 0 ? -errno : was;
}

static int copy(int device, uint32_t handle, uint64_t offset, uintptr_t data,
		uint64_t bytes, bool to_memory)
{
	struct carve_test_copy copy = {
		.user = data,
		.offset = offset,
		.bytes = bytes,
		.handle = handle,
		.to_memory = to_memory,
	};

	return ioctl(device, CARVE_TEST_IOC_COPY, &copy) ? -errno : 0;
}

int device_write(int device, uint32_t handle, uint64_t offset,
		 const void *data, uint64_t bytes)
{
	return copy(device, handle, offset, (uintptr_t)data, bytes, true);
}

int device_read(int device, uint32_t handle, uint64_t offset, void *data,
		uint64_t bytes)
{
	return copy(device, handle, offset, (uintptr_t)data, bytes, false);
}

int device_access(int device, int buf, uint32_t direction, bool end)
{
	struct carve_test_access access = {
		.fd = buf,
		.direction = direction,
		.end = end,
	};

	return ioctl(device, CARVE_TEST_IOC_ACCESS, &access) ? -errno : 0;
}

int device_poke(int device, int buf, int64_t offset, uint64_t bytes,
		uint8_t value)
{
	struct carve_test_poke poke = {
		.offset = offset,
		.bytes = bytes,
		.fd = buf,
		.value = value,
	};

	return ioctl(device, CARVE_TEST_IOC_POKE, &poke) ? -errno : 0;
}

int device_unplug(const char *verb, const char *path)
{
	int fd = open("/dev/carve-test/unplug", O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = dprintf(fd, "%s %s", verb, path) < 0 ? -errno : 0;
	close(fd);
	return ret;
}
