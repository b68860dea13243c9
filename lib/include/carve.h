/* SPDX-License-Identifier: MIT */
/*
 * libcarve: physically contiguous buffers for media devices, out of a
 * reserved region that carved hands out.
 *
 * Rules for every call:
 *  - int functions return 0 or a negative errno; outputs (ret_...) are written
 *    on success only, unless the function says otherwise.
 *  - Every call may be made from any thread. Calls on one struct carve wait
 *    for each other; buffers do not need their connection any more.
 *  - The library never logs, never installs signal handlers, and every file
 *    descriptor it opens is close-on-exec.
 *  - After fork() the child must not use a struct carve of its parent but to
 *    carve_free() it, at any time, which closes the child's copy of the
 *    connection; buffers may be used by both.
 *  - There is no time limit: a call waits for its answer, and for ever for that
 *    of a daemon that neither answers nor ends.
 *  - Sizes and offsets are bytes. Strings are NUL terminated UTF-8.
 *  - Structures that start with struct_size grow at their end: set it to
 *    sizeof() of the structure you compiled against (the _INIT macros do).
 *    Library and program may be of different versions: members that the
 *    program does not know are zero, members that the library does not know
 *    have to be zero (-E2BIG) and come back as zero. -EINVAL: struct_size is
 *    smaller than it ever was, so it was not set.
 *  - What is borrowed from the library (carve_regions_get(),
 *    carve_buffers_get()) is as long as the library knows it: before a member
 *    is read that is newer than the first version of its structure, the
 *    struct_size of that very item has to be checked to reach behind it.
 *  - -ECONNRESET, -EPIPE (the daemon has gone) and -EPROTO (it broke the
 *    protocol) end a connection: every later call on it gives -EPIPE. Free it
 *    and make a new one; the buffers stay.
 *  - A thread is never cancelled inside a round trip to the daemon.
 *
 * A buffer lives as long as anything refers to it: a descriptor, a mapping, a
 * device that has imported it, another process it was sent to. There is no
 * call that frees it; dropping the last reference does.
 */
#ifndef CARVE_H
#define CARVE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CARVE_DEFAULT_SOCKET	"/run/carve/socket"

/* The most buffers one carve_alloc_many() can ask for. */
#define CARVE_ALLOC_MAX		64

struct carve;
struct carve_buffer;
struct carve_regions;
struct carve_buffers;

/* ---- connection -------------------------------------------------------- */

/**
 * carve_new() - connect to carved
 * @ret: the connection, owned by the caller: carve_free()
 * @socket_path: path of the daemon's socket; NULL for $CARVE_SOCKET if that is
 *	set (ignored in a set-user-ID program), else CARVE_DEFAULT_SOCKET
 *
 * Return: 0; -EINVAL (@ret is NULL, or the path is empty); -ENAMETOOLONG;
 * -ENOENT or -ECONNREFUSED (no daemon: is carved.socket started?); -EACCES (you
 * may not open the socket: see carve.conf's group in the manual);
 * -EPROTONOSUPPORT (the daemon speaks no version this library knows);
 * -EPROTO (what answers is not carved); -ECONNRESET, -EPIPE (it hung up at
 * once); -ENOMEM; -EMFILE, -ENFILE.
 */
int carve_new(struct carve **ret, const char *socket_path);

/**
 * carve_free() - close a connection
 * @carve: may be NULL
 *
 * Buffers that came through it stay valid.
 *
 * Return: NULL.
 */
struct carve *carve_free(struct carve *carve);

/* ---- allocation -------------------------------------------------------- */

/**
 * struct carve_request - what to allocate
 * @struct_size: sizeof(struct carve_request)
 * @flags: must be 0
 * @bytes: at least this much, more than 0; rounded up to whole pages, never
 *	further
 * @alignment: of the physical address: 0 for a page, else a power of two up
 *	to 1 GiB
 * @name: shown by carvectl and in the kernel's fdinfo, up to 63 bytes (the
 *	kernel shows 31) without control characters; NULL or "" for none
 * @region: the region's label; NULL or "" for the daemon's default region
 */
struct carve_request {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t bytes;
	uint64_t alignment;
	const char *name;
	const char *region;
};

#define CARVE_REQUEST_INIT { .struct_size = sizeof(struct carve_request) }

/**
 * struct carve_refusal - why there was no room, in numbers
 * @struct_size: sizeof(struct carve_refusal), set by the caller
 * @index: which of the requests did not fit
 * @wanted_bytes: its size in whole pages
 * @region_bytes: size of the region
 * @free_bytes: zeroed and unused
 * @largest_bytes: the largest run of them
 * @dirty_bytes: released, still being zeroed
 * @live_bytes: in buffers that are alive
 * @own_bytes: of these, charged to the caller's user
 */
struct carve_refusal {
	uint32_t struct_size;
	uint32_t index;
	uint64_t wanted_bytes;
	uint64_t region_bytes;
	uint64_t free_bytes;
	uint64_t largest_bytes;
	uint64_t dirty_bytes;
	uint64_t live_bytes;
	uint64_t own_bytes;
};

#define CARVE_REFUSAL_INIT { .struct_size = sizeof(struct carve_refusal) }

/**
 * carve_alloc() - allocate one buffer
 * @carve: connection
 * @request: what to allocate
 * @ret: the buffer, with one reference: carve_buffer_unref()
 *
 * The memory is physically contiguous and reads as zeros. Waits for memory
 * that was released and is still being zeroed, and for nothing else.
 *
 * Return: 0; -EINVAL (a NULL, struct_size, unknown flag, size 0, alignment no
 * power of two, name too long, not UTF-8 or with control characters); -E2BIG
 * (see the rules above); -EOVERFLOW (the size does not fit in whole pages);
 * -ENOENT (no such region); -ENOSPC (no room: carve_alloc_many() says why in
 * numbers); -ERANGE (alignment above 1 GiB, or a buffer that could not fit
 * into the empty region); -ENOMEM (here or in the daemon), -EMFILE (here), and
 * nothing stays allocated; -EBUSY (the daemon is out of descriptors); -ENODEV
 * (the region's device has gone); -EIO (the driver could not make the buffer:
 * the daemon's log says why); -ECONNRESET, -EPIPE, -EPROTO (see the rules
 * above).
 */
int carve_alloc(struct carve *carve, const struct carve_request *request,
		struct carve_buffer **ret);

/**
 * carve_alloc_many() - allocate several buffers in one round trip, all or none
 * @carve: connection
 * @requests: array of @count requests, all for the same region and with the
 *	same struct_size, which is also the array's stride
 * @count: 1 to CARVE_ALLOC_MAX
 * @ret: room for @count buffers, each with one reference
 * @ret_refusal: NULL, or where to say why; written only with -ENOSPC
 *
 * Return: as carve_alloc(); -EINVAL also for a count out of range and for
 * requests that name different regions or differ in struct_size.
 */
int carve_alloc_many(struct carve *carve, const struct carve_request *requests,
		     size_t count, struct carve_buffer **ret,
		     struct carve_refusal *ret_refusal);

/* ---- buffers ----------------------------------------------------------- */

/**
 * carve_buffer_import() - make a buffer of a dma-buf that came from elsewhere
 * @fd: descriptor of a buffer (from another process, say); taken over on
 *	success, left alone on failure
 * @ret: the buffer, with one reference
 *
 * It may be a dma-buf of any exporter, or a buffer of a simulated region: a
 * memfd that is sealed against shrinking and growing.
 *
 * Return: 0; -EBADF; -EINVAL (@ret is NULL, or the descriptor is neither);
 * -ENOMEM.
 */
int carve_buffer_import(int fd, struct carve_buffer **ret);

/**
 * carve_buffer_ref() - take one more reference
 * @buffer: not NULL
 *
 * Return: @buffer.
 */
struct carve_buffer *carve_buffer_ref(struct carve_buffer *buffer);

/**
 * carve_buffer_unref() - drop a reference
 * @buffer: may be NULL
 *
 * The last one unmaps the buffer and closes its descriptor in this process.
 *
 * Return: NULL.
 */
struct carve_buffer *carve_buffer_unref(struct carve_buffer *buffer);

/**
 * carve_buffer_get_fd() - the dma-buf descriptor
 * @buffer: not NULL
 *
 * Hand it to V4L2, DRM or another process; those take references of their own.
 *
 * Return: the descriptor, which stays the buffer's (do not close it).
 */
int carve_buffer_get_fd(const struct carve_buffer *buffer);

/**
 * carve_buffer_get_bytes() - size of a buffer
 * @buffer: not NULL
 *
 * Return: bytes, whole pages; for an imported dma-buf what its exporter says.
 */
uint64_t carve_buffer_get_bytes(const struct carve_buffer *buffer);

/**
 * carve_buffer_map() - map the whole buffer into this process
 * @buffer: not NULL
 * @ret: start of the mapping, readable and writable
 *
 * Mapped once, however often it is called; valid until the last reference to
 * @buffer is dropped. Bracket every access with carve_buffer_begin_cpu() and
 * carve_buffer_end_cpu().
 *
 * Return: 0; -EINVAL; -EACCES (a descriptor open for reading only); -ENOMEM;
 * -ENODEV (no mapping from this exporter); what else its mmap() answers.
 */
int carve_buffer_map(struct carve_buffer *buffer, void **ret);

/* Directions of CPU access; may be or-ed. */
#define CARVE_CPU_READ	(1U << 0)
#define CARVE_CPU_WRITE	(1U << 1)

/**
 * carve_buffer_begin_cpu() - before the CPU touches the mapping
 * @buffer: not NULL
 * @access: CARVE_CPU_READ, CARVE_CPU_WRITE or both
 *
 * Makes what devices wrote visible to the CPU (DMA_BUF_IOCTL_SYNC, see the
 * kernel's Documentation/driver-api/dma-buf.rst). Waits for a device's
 * fences, if the buffer has any. Does nothing for a buffer of a simulated
 * region, which no device can write to.
 *
 * Return: 0; -EINVAL; what the exporter answers.
 */
int carve_buffer_begin_cpu(struct carve_buffer *buffer, unsigned int access);

/**
 * carve_buffer_end_cpu() - after the CPU touched the mapping
 * @buffer: not NULL
 * @access: as given to carve_buffer_begin_cpu()
 *
 * Makes what the CPU wrote visible to devices.
 *
 * Return: 0; -EINVAL; what the exporter answers.
 */
int carve_buffer_end_cpu(struct carve_buffer *buffer, unsigned int access);

/* ---- what is there ----------------------------------------------------- */

/* Of struct carve_region_info and struct carve_buffer_info. */
#define CARVE_REGION_SIMULATED	(1U << 0) /* not physically contiguous */
#define CARVE_REGION_CACHED	(1U << 1) /* user mappings are cached, else write-combined */
#define CARVE_REGION_DEFAULT	(1U << 2) /* used when a request names no region */

/**
 * struct carve_region_info - one region
 * @struct_size: bytes the library filled in
 * @flags: CARVE_REGION_*
 * @label: the region's name
 * @bytes: size
 * @free_bytes: zeroed and unused
 * @largest_bytes: the largest run of free bytes
 * @dirty_bytes: released, not yet zeroed
 * @live_bytes: in buffers
 * @buffers: number of buffers alive
 * @page_bytes: the unit everything is rounded to
 * @clients: connections to the daemon, this one among them
 */
struct carve_region_info {
	uint32_t struct_size;
	uint32_t flags;
	char label[32];
	uint64_t bytes;
	uint64_t free_bytes;
	uint64_t largest_bytes;
	uint64_t dirty_bytes;
	uint64_t live_bytes;
	uint32_t buffers;
	uint32_t page_bytes;
	uint32_t clients;
	uint32_t reserved;
};

/**
 * carve_regions_new() - ask for all regions and their figures
 * @carve: connection
 * @ret: the answer, owned by the caller: carve_regions_free()
 *
 * Return: 0; -EINVAL; -ENOMEM; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_regions_new(struct carve *carve, struct carve_regions **ret);
/** carve_regions_free() - NULL is allowed. Return: NULL. */
struct carve_regions *carve_regions_free(struct carve_regions *regions);
/** carve_regions_count() - number of regions, at least 1 */
size_t carve_regions_count(const struct carve_regions *regions);
/** carve_regions_get() - region @index, borrowed; NULL past the end */
const struct carve_region_info *
carve_regions_get(const struct carve_regions *regions, size_t index);

/* What the asker may not see is left zero, and this is not set. */
#define CARVE_BUFFER_OWNER_KNOWN	(1U << 0)
/* offset is filled in: only for the superuser. */
#define CARVE_BUFFER_OFFSET_KNOWN	(1U << 1)
/* The region is simulated: not physically contiguous. */
#define CARVE_BUFFER_SIMULATED		(1U << 2)
/* Released, not yet zeroed: nobody holds it any more. */
#define CARVE_BUFFER_DIRTY		(1U << 3)

/**
 * struct carve_buffer_info - one buffer
 * @struct_size: bytes the library filled in
 * @flags: CARVE_BUFFER_*
 * @id: number the daemon gave it, of its own among all that a region has,
 *	released ones that are not yet zeroed included; one that is completely
 *	gone may come again after the daemon was restarted, never before; 0 for
 *	memory nobody has had since boot
 * @bytes: size
 * @offset: where it lies in the region
 * @uid: user it is charged to
 * @pid: process that asked for it (it may be gone); 0 if not known any more
 * @region: label of its region
 * @name: as requested
 */
struct carve_buffer_info {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t id;
	uint64_t bytes;
	uint64_t offset;
	uint32_t uid;
	int32_t pid;
	char region[32];
	char name[64];
};

/**
 * carve_buffers_new() - list the buffers of all regions, by region
 * @carve: connection
 * @ret: the answer, owned by the caller: carve_buffers_free()
 *
 * Everyone sees sizes; name, uid and pid are told to the user the buffer
 * belongs to and to the superuser, the offset only to the superuser. Inside a
 * region the list is by address for who is told offsets, and else by number,
 * which says nothing about addresses.
 *
 * A long list takes several round trips; buffers that come and go meanwhile
 * may be in it or not.
 *
 * Return: 0; -EINVAL; -ENOMEM; -ECONNRESET, -EPIPE, -EPROTO (also for a list
 * that does not end: more than 1,048,576 buffers).
 */
int carve_buffers_new(struct carve *carve, struct carve_buffers **ret);
/** carve_buffers_free() - NULL is allowed. Return: NULL. */
struct carve_buffers *carve_buffers_free(struct carve_buffers *buffers);
/** carve_buffers_count() - number of buffers, 0 or more */
size_t carve_buffers_count(const struct carve_buffers *buffers);
/** carve_buffers_get() - buffer @index, borrowed; NULL past the end */
const struct carve_buffer_info *
carve_buffers_get(const struct carve_buffers *buffers, size_t index);

/**
 * carve_query() - what is this descriptor?
 * @carve: connection
 * @fd: a descriptor, stays the caller's
 * @ret: where to say it; struct_size has to be set (CARVE_BUFFER_INFO_INIT)
 *
 * Holding the descriptor is the permission: name, uid and pid are always told.
 *
 * Return: 0; -EBADF; -EINVAL; -E2BIG; -ENOENT (no buffer of this daemon's);
 * -EBUSY (the daemon is out of descriptors, or still has to close too many that
 * this user asked about and that are no buffers); -ETOOMANYREFS (this user has
 * too many descriptors under way); -ENOMEM; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_query(struct carve *carve, int fd, struct carve_buffer_info *ret);

#define CARVE_BUFFER_INFO_INIT { .struct_size = sizeof(struct carve_buffer_info) }

#ifdef __cplusplus
}
#endif

#endif /* CARVE_H */
