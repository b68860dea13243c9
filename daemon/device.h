/* SPDX-License-Identifier: MIT */
/*
 * The one interface behind which a region lives: the driver (device.c), or a
 * simulated region (simulated.c). Mechanism only; what goes where is decided
 * by placement.
 *
 * Threads: carve_device_scrub() may run on another thread beside every other
 * call; all other calls belong to the event loop's thread.
 */
#ifndef CARVE_DAEMON_DEVICE_H
#define CARVE_DAEMON_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARVE_DEVICE_LABEL	32
#define CARVE_DEVICE_NAME	64
#define CARVE_DEVICE_FOUND	16

struct carve_device;

/**
 * struct carve_device_info - what a region is; does not change
 * @label: its name
 * @bytes: its size
 * @page_bytes: the unit of every offset and size
 * @phys: physical address of its start; 0 when simulated
 * @cached: user mappings are cached, else write-combined
 * @simulated: not physically contiguous
 */
struct carve_device_info {
	char label[CARVE_DEVICE_LABEL];
	uint64_t bytes;
	uint64_t page_bytes;
	uint64_t phys;
	bool cached;
	bool simulated;
};

/**
 * struct carve_device_damage - what was found in the guards of a dead buffer
 * @bytes: how many bytes of them were written to; 0: none, and nothing follows
 * @offset: the first of them, inside the region
 * @found: what stands there
 */
struct carve_device_damage {
	uint32_t bytes;
	uint64_t offset;
	uint8_t found[CARVE_DEVICE_FOUND];
};

/**
 * struct carve_device_extent - a live or dirty range
 * @uid: user it is charged to, as given at export
 * @id: number of the buffer, as given at export; 0 for memory that nobody has
 *	had since boot
 * @live: a buffer; else dirty: released and not yet scrubbed
 * @guard_before: bytes at its start that are no part of the buffer but watched
 *	until its end; whole pages, 0 for none and when it is dirty
 * @guard_after: likewise at its end
 * @damage: of a released buffer's guards; only carve_device_release() tells
 */
struct carve_device_extent {
	uint64_t offset;
	uint64_t bytes;
	uint64_t id;
	uint32_t uid;
	bool live;
	uint32_t guard_before;
	uint32_t guard_after;
	char name[CARVE_DEVICE_NAME];
	struct carve_device_damage damage;
};

/**
 * struct carve_device_ops - what a backend implements, same contracts as the
 *	calls below
 */
struct carve_device_ops {
	void (*free)(struct carve_device *device);
	int (*export)(struct carve_device *device,
		      const struct carve_device_extent *extent);
	int (*release)(struct carve_device *device,
		       struct carve_device_extent *ret);
	int (*list)(struct carve_device *device, uint64_t *cursor,
		    struct carve_device_extent *ret);
	int (*identify)(struct carve_device *device, int fd,
			struct carve_device_extent *ret);
	int (*scrub)(struct carve_device *device, uint64_t offset,
		     uint64_t bytes);
	/* May be NULL: records are taken one at a time, and none is held here. */
	bool (*has_more)(const struct carve_device *device);
	/* May be NULL: what cannot go does not come back. */
	bool (*is_back)(const struct carve_device *device);
};

/* The start of every backend's own structure. */
struct carve_device {
	const struct carve_device_ops *ops;
	struct carve_device_info info;
	int fd;
};

/**
 * carve_device_new_driver() - become the manager of a region of the driver
 * @ret: the device: carve_device_free()
 * @path: its node, /dev/carve/NAME
 *
 * Return: 0; -ENOENT (no such node); -ENXIO, -ENODEV; -EACCES; -EBUSY (another
 * manager has it); -ENOTTY (not a node of Carve's driver); -ENOMEM; -EMFILE.
 */
int carve_device_new_driver(struct carve_device **ret, const char *path);

/* Give the role of manager back; buffers live on. NULL is allowed. Return: NULL. */
static inline struct carve_device *carve_device_free(struct carve_device *device)
{
	if (device)
		device->ops->free(device);
	return NULL;
}

/*
 * Descriptor that polls readable when releases wait that carve_device_has_more()
 * does not tell of; borrowed.
 */
static inline int carve_device_get_fd(const struct carve_device *device)
{
	return device->fd;
}

/**
 * carve_device_export() - make a clean range a buffer
 * @extent: offset, bytes, uid, id, name, guards
 *
 * Return: its descriptor, the caller's to close; -EBUSY (a page is live or
 * dirty); -ERANGE; -EINVAL; -EOPNOTSUPP (guards, in a simulated region: what
 * writes past a memfd hits no page of it); -EMFILE, -ENFILE, -ENOMEM; -ENODEV
 * (the device has gone).
 */
static inline int carve_device_export(struct carve_device *device,
				      const struct carve_device_extent *extent)
{
	return device->ops->export(device, extent);
}

/**
 * carve_device_release() - take the record of one extent that died
 *
 * Never blocks. Return: 1 and @ret (its name empty, its guards 0); 0 when there
 * is none (now); -ENODEV.
 */
static inline int carve_device_release(struct carve_device *device,
				       struct carve_device_extent *ret)
{
	return device->ops->release(device, ret);
}

/**
 * carve_device_has_more() - does the backend hold records it has not told of?
 * @known: whether it could tell
 *
 * Then the descriptor need not poll readable for them: carve_device_release() has
 * to be called until this says no. After that, what is left makes it readable.
 */
static inline bool carve_device_has_more(const struct carve_device *device,
					 bool *known)
{
	*known = device->ops->has_more;
	return *known && device->ops->has_more(device);
}

/**
 * carve_device_list() - walk live and dirty extents by address
 * @cursor: 0 to start, kept by the backend in between
 *
 * Return: 1 and @ret; 0 at the end; negative errno.
 */
static inline int carve_device_list(struct carve_device *device,
				    uint64_t *cursor,
				    struct carve_device_extent *ret)
{
	return device->ops->list(device, cursor, ret);
}

/**
 * carve_device_identify() - which buffer is this descriptor?
 *
 * Return: 0; -ENOENT (none of this region's); -EBADF; -EINVAL.
 */
static inline int carve_device_identify(struct carve_device *device, int fd,
					struct carve_device_extent *ret)
{
	return device->ops->identify(device, fd, ret);
}

/**
 * carve_device_scrub() - zero the dirty pages of a range
 *
 * May take long, may run on any thread. Return: 0; -EBUSY (a page is live);
 * -ERANGE; -EINVAL; -EINTR (the process is being killed); -ENOMEM; -ENODEV.
 */
static inline int carve_device_scrub(struct carve_device *device,
				     uint64_t offset, uint64_t bytes)
{
	return device->ops->scrub(device, offset, bytes);
}

/**
 * carve_device_is_back() - is there a new device for one that has gone?
 *
 * Return: whether carve_device_new_driver() would find one under the same name
 * that this process may open.
 */
static inline bool carve_device_is_back(const struct carve_device *device)
{
	return device->ops->is_back && device->ops->is_back(device);
}

#endif /* CARVE_DAEMON_DEVICE_H */
