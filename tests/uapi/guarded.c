// SPDX-License-Identifier: MIT
#include "guarded.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

struct carve_export guarded_args(uint64_t offset, uint64_t bytes,
				 uint32_t before, uint32_t after)
{
	struct carve_export export = {
		.size = sizeof(export),
		.offset = offset,
		.bytes = bytes,
		.owner = { 4711, 42 },
		.name = "frame",
		.fd_flags = O_RDWR | O_CLOEXEC,
		.guard_before = before,
		.guard_after = after,
	};

	return export;
}

int guarded_run(int fd, struct carve_export *export)
{
	return ioctl(fd, CARVE_IOC_EXPORT, export) ? -errno : 0;
}

int guarded_new(int fd, uint64_t offset, uint64_t bytes, uint32_t before,
		uint32_t after)
{
	struct carve_export export = guarded_args(offset, bytes, before, after);
	int ret = guarded_run(fd, &export);

	if (ret)
		die("export: %s", strerror(-ret));
	return export.fd;
}

struct carve_release guarded_end(int fd, int buf)
{
	struct carve_release record = { 0 };

	close(buf);
	if (carve_read_records(fd, &record, 1) != 1)
		die("no record of a buffer that was closed");
	if (carve_scrub_range(fd, record.offset, record.bytes) !=
	    (int64_t)record.bytes || !region_is_clean(fd))
		die("cannot clean up");
	return record;
}

bool guarded_intact(const struct carve_release *record)
{
	static const uint8_t nothing[CARVE_GUARD_FOUND];

	return !record->flags && !record->guard_damaged &&
	       !record->guard_offset &&
	       !memcmp(record->guard_found, nothing, sizeof(nothing));
}

bool range_is_zero(int fd, uint64_t offset, uint64_t bytes)
{
	int buf = guarded_new(fd, offset, bytes, 0, 0);
	const uint64_t *map = buf_map(buf, bytes);
	bool zero = true;
	size_t i;

	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	for (i = 0; i < bytes / sizeof(*map) && zero; i++)
		zero = !map[i];
	munmap((void *)map, bytes);
	guarded_end(fd, buf);
	return zero;
}
