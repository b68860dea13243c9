// SPDX-License-Identifier: MIT
/*
 * The driver behind device.h. Nothing else in the daemon calls it.
 */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/carve.h>
#include <linux/dma-buf.h>

#define LIST_BATCH	64

_Static_assert(CARVE_DEVICE_LABEL == CARVE_LABEL_LEN, "label");
_Static_assert(CARVE_DEVICE_NAME == CARVE_NAME_LEN, "name");
_Static_assert(CARVE_DEVICE_FOUND == CARVE_GUARD_FOUND, "guard");

/* linux/dma-buf.h does not say it: DMA_BUF_NAME_LEN of the kernel's own. */
#define DMA_BUF_NAME_BYTES	32

/**
 * struct driver - one region of the driver, with the role of its manager
 * @path: of its node
 * @batch: what the last list call gave, @batch_count entries
 * @batch_next: the first one that was not handed on yet
 */
struct driver {
	struct carve_device device;
	char *path;
	struct carve_extent_info batch[LIST_BATCH];
	unsigned int batch_count;
	unsigned int batch_next;
};

/* Which of the two words of an extent's owner says what. */
enum {
	OWNER_UID,
	OWNER_ID,
};

static int call(const struct carve_device *device, unsigned long command,
		void *arg)
{
	return ioctl(device->fd, command, arg) < 0 ? -errno : 0;
}

static void driver_free(struct carve_device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	free(((struct driver *)device)->path);
	free(device);
}

/*
 * The node goes before the device says that it has gone, so what is there is a
 * new one. It is root's until udev has come round to it.
 */
static bool driver_is_back(const struct carve_device *device)
{
	return !access(((const struct driver *)device)->path, R_OK | W_OK);
}

/* For /proc/PID/fdinfo; the kernel's names are shorter, and cut in whole characters. */
static void set_name(int fd, const char *name)
{
	char cut[DMA_BUF_NAME_BYTES];
	size_t bytes = strnlen(name, sizeof(cut) - 1);

	while (bytes && (name[bytes] & 0xc0) == 0x80)
		bytes--;
	if (!bytes)
		return;
	memcpy(cut, name, bytes);
	cut[bytes] = 0;
	/* A buffer without a name is as good a buffer. */
	(void)ioctl(fd, DMA_BUF_SET_NAME, cut);
}

static int driver_export(struct carve_device *device,
			 const struct carve_device_extent *extent)
{
	struct carve_export args = {
		.size = sizeof(args),
		.offset = extent->offset,
		.bytes = extent->bytes,
		.owner = { [OWNER_UID] = extent->uid, [OWNER_ID] = extent->id },
		.fd_flags = O_RDWR | O_CLOEXEC,
		.guard_before = extent->guard_before,
		.guard_after = extent->guard_after,
	};
	int r;

	memcpy(args.name, extent->name, sizeof(args.name));
	r = call(device, CARVE_IOC_EXPORT, &args);
	if (r < 0)
		return r;
	set_name(args.fd, extent->name);
	return args.fd;
}

static int driver_release(struct carve_device *device,
			  struct carve_device_extent *ret)
{
	struct carve_release record;
	ssize_t bytes;

	do {
		bytes = read(device->fd, &record, sizeof(record));
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (bytes != sizeof(record))
		return -ENODEV;
	*ret = (struct carve_device_extent){
		.offset = record.offset,
		.bytes = record.bytes,
		.id = record.owner[OWNER_ID],
		.uid = (uint32_t)record.owner[OWNER_UID],
	};
	if (record.flags & CARVE_RELEASE_GUARD_HIT) {
		ret->damage.bytes = record.guard_damaged;
		ret->damage.offset = record.guard_offset;
		memcpy(ret->damage.found, record.guard_found,
		       sizeof(ret->damage.found));
	}
	return 1;
}

static void from_info(const struct carve_extent_info *info,
		      struct carve_device_extent *ret)
{
	*ret = (struct carve_device_extent){
		.offset = info->offset,
		.bytes = info->bytes,
		.id = info->owner[OWNER_ID],
		.uid = (uint32_t)info->owner[OWNER_UID],
		.live = info->state == CARVE_STATE_LIVE,
		.guard_before = info->guard_before,
		.guard_after = info->guard_after,
	};
	memcpy(ret->name, info->name, sizeof(ret->name));
	ret->name[sizeof(ret->name) - 1] = 0;
}

static int driver_list(struct carve_device *device, uint64_t *cursor,
		       struct carve_device_extent *ret)
{
	struct driver *driver = (struct driver *)device;

	if (!*cursor)
		driver->batch_next = driver->batch_count = 0;
	if (driver->batch_next == driver->batch_count) {
		struct carve_list args = {
			.size = sizeof(args),
			.cursor = *cursor,
			.entries = (uintptr_t)driver->batch,
			.count = LIST_BATCH,
			.entry_size = sizeof(driver->batch[0]),
		};
		int r = call(device, CARVE_IOC_LIST, &args);

		if (r < 0)
			return r;
		if (!args.count)
			return 0;
		if (args.count > LIST_BATCH)
			return -EINVAL;
		driver->batch_next = 0;
		driver->batch_count = args.count;
		*cursor = args.cursor;
	}
	from_info(&driver->batch[driver->batch_next++], ret);
	return 1;
}

static int driver_identify(struct carve_device *device, int fd,
			   struct carve_device_extent *ret)
{
	struct carve_identify args = { .size = sizeof(args), .fd = fd };
	int r = call(device, CARVE_IOC_IDENTIFY, &args);

	if (r < 0)
		return r;
	from_info(&args.extent, ret);
	return 0;
}

static int driver_scrub(struct carve_device *device, uint64_t offset,
			uint64_t bytes)
{
	struct carve_scrub args = {
		.size = sizeof(args),
		.offset = offset,
		.bytes = bytes,
	};

	return call(device, CARVE_IOC_SCRUB, &args);
}

static const struct carve_device_ops driver_ops = {
	.free = driver_free,
	.export = driver_export,
	.release = driver_release,
	.list = driver_list,
	.identify = driver_identify,
	.scrub = driver_scrub,
	.is_back = driver_is_back,
};

static int read_info(struct carve_device *device)
{
	struct carve_info info = { .size = sizeof(info) };
	int r = call(device, CARVE_IOC_INFO, &info);

	if (r < 0)
		return r;
	device->info = (struct carve_device_info){
		.bytes = info.bytes,
		.page_bytes = info.page_bytes,
		.phys = info.phys,
		.cached = info.memory == CARVE_MEMORY_CACHED,
	};
	memcpy(device->info.label, info.label, sizeof(device->info.label));
	device->info.label[sizeof(device->info.label) - 1] = 0;
	return 0;
}

int carve_device_new_driver(struct carve_device **ret, const char *path)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	int r;

	if (!driver)
		return -ENOMEM;
	driver->device.ops = &driver_ops;
	driver->device.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	r = driver->device.fd < 0 ? -errno : 0;
	driver->path = strdup(path);
	if (r == 0 && !driver->path)
		r = -ENOMEM;
	if (r == 0)
		r = read_info(&driver->device);
	if (r < 0) {
		driver_free(&driver->device);
		return r;
	}
	*ret = &driver->device;
	return 0;
}
