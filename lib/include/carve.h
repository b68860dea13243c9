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
 *  - A call waits for its answer, and for ever for that of a daemon that
 *    neither answers nor ends. Where a timeout is given, the daemon keeps it.
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
 *  - The daemon may be killed and started again at any time, also in the middle
 *    of a call: what was not answered is asked again, with what is left of its
 *    timeout, and done once. Where the connection breaks, because no service
 *    manager keeps it, another one is made to the same path. A call that finds
 *    none for 5 seconds gives -ECONNRESET, and so does one whose request 17
 *    daemons in a row did not survive (1001 if it has a timeout, for one that
 *    waits may see many; and that one bears 5 seconds each time). The next call
 *    tries again. -EPROTONOSUPPORT, of any call: the daemon was replaced by one
 *    that speaks no version this library knows.
 *  - -EPROTO (the daemon broke the protocol) ends a connection: every later call
 *    on it gives -EPIPE. Free it and make a new one; the buffers stay.
 *  - A thread is never cancelled inside a round trip to the daemon.
 *
 * A buffer lives as long as anything refers to it: a descriptor, a mapping, a
 * device that has imported it, another process it was sent to. There is no
 * call that frees it; dropping the last reference does.
 */
#ifndef CARVE_H
#define CARVE_H

/* Reservations and pressure: carve-reserve.h; lists: carve-list.h; see the end. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CARVE_DEFAULT_SOCKET	"/run/carve/socket"

/* The most buffers one carve_alloc_many() can ask for. */
#define CARVE_ALLOC_MAX		64
/* The most classes and, over all of them, buffers of one reservation. */
#define CARVE_CLASSES_MAX	16
#define CARVE_SLOTS_MAX		1024
/* The most holders a refusal names. */
#define CARVE_HOLDERS_MAX	16
/* As a timeout. */
#define CARVE_FOREVER		UINT64_MAX

struct carve;
struct carve_buffer;
struct carve_reservation;
struct carve_reservations;
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
 * -EPROTO (what answers is not carved); -ECONNRESET (it hung up, and so did who
 * was asked instead of it, for 5 seconds); -ENOMEM; -EMFILE, -ENFILE.
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
 * @timeout_nsec: how long to wait for others to give memory back, in
 *	nanoseconds; 0: not at all; CARVE_FOREVER, and so is what is beyond
 *	INT64_MAX (292 years). Memory that is free but still
 *	being zeroed is waited for in any case. Of several requests the first
 *	one's counts. Of one user, but for the superuser, 64 requests wait in a
 *	region; for one more it is 0
 * @limit: the physical address the whole buffer, guards included, has to lie
 *	below (0x100000000 for a device of 32 bits); 0 for no limit
 * @guard_before: bytes of guard pages before the buffer: whole pages, up to
 *	1 MiB; 0 for none. Who writes there is named in the daemon's journal when
 *	the buffer is gone
 * @guard_after: likewise behind it
 */
struct carve_request {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t bytes;
	uint64_t alignment;
	const char *name;
	const char *region;
	uint64_t timeout_nsec;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
};

#define CARVE_REQUEST_INIT { .struct_size = sizeof(struct carve_request) }

/* Of struct carve_holder. */
#define CARVE_HOLDER_KNOWN	(1U << 0) /* uid and unit are filled in */
#define CARVE_HOLDER_SELF	(1U << 1) /* it is the asker */
#define CARVE_HOLDER_NEEDED	(1U << 2) /* of the smallest set in the way */

/**
 * struct carve_holder - who has memory of a region: one user in one unit
 * @flags: CARVE_HOLDER_*
 * @uid, @unit: who; zeros for who may not see it (neither the holder itself nor
 *	the superuser). No unit: an empty string
 * @bytes, @buffers: what is charged to it, reserved memory included
 */
struct carve_holder {
	uint32_t flags;
	uint32_t uid;
	uint64_t bytes;
	uint32_t buffers;
	uint32_t reserved;
	char unit[64];
};

/* Why: of struct carve_refusal. */
enum carve_refused {
	CARVE_REFUSED_SPACE = 0,	/* not enough memory in one piece */
	CARVE_REFUSED_KEPT = 1,		/* what there is, is for higher priority */
	CARVE_REFUSED_BYTES = 2,	/* own limit: bytes in buffers */
	CARVE_REFUSED_BUFFERS = 3,	/* own limit: number of buffers */
	CARVE_REFUSED_RESERVED = 4,	/* own limit: bytes in reservations */
	CARVE_REFUSED_CLASS = 5,	/* all buffers of the class are alive */
	CARVE_REFUSED_EARMARKED = 6,	/* what there is, is for one that waits */
};

/**
 * struct carve_refusal - why there was no room, in numbers
 * @struct_size: sizeof(struct carve_refusal), set by the caller
 * @index: which of the requests, or classes, did not fit
 * @wanted_bytes: its size in whole pages
 * @region_bytes: size of the region
 * @free_bytes: zeroed and unused
 * @largest_bytes: the largest run of them
 * @dirty_bytes: released, still being zeroed
 * @live_bytes: in buffers that are alive
 * @own_bytes: of these, charged to the caller's user; with CARVE_REFUSED_BYTES
 *	and CARVE_REFUSED_BUFFERS as that limit counts (of a unit, say, and
 *	outside of reservations), with CARVE_REFUSED_RESERVED in reservations
 * @reserved_bytes: promised to reservations, without a buffer now
 * @kept_bytes: free, but for requests of high priority alone
 * @own_limit: the limit that was reached, in bytes or buffers as @reason says; 0
 *	for no limit
 * @reason: enum carve_refused
 * @holder_count: entries of @holders
 * @holders: the largest holders, largest first, and the smallest set of holders
 *	whose memory would have to go for the request to fit
 *	(CARVE_HOLDER_NEEDED; no such entry: there is no such set of up to
 *	CARVE_HOLDERS_MAX, or it was not looked for, as that takes time and the
 *	user has asked often)
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
	uint64_t reserved_bytes;
	uint64_t kept_bytes;
	uint64_t own_limit;
	uint32_t reason;
	uint32_t holder_count;
	struct carve_holder holders[CARVE_HOLDERS_MAX];
};

#define CARVE_REFUSAL_INIT { .struct_size = sizeof(struct carve_refusal) }

/**
 * carve_alloc() - allocate one buffer
 * @carve: connection
 * @request: what to allocate
 * @ret: the buffer, with one reference: carve_buffer_unref()
 *
 * The memory is physically contiguous and reads as zeros. Who waits is served by
 * priority, then age.
 *
 * Return: 0; -EINVAL (a NULL, struct_size, unknown flag, size 0, alignment no
 * power of two, guards of broken pages, name too long, not UTF-8 or with control
 * characters); -E2BIG
 * (see the rules above); -EOVERFLOW (the size does not fit in whole pages);
 * -ENOENT (no such region); -ENOSPC (no room), -EDQUOT (more than the
 * administrator allows this user or unit), -ETIMEDOUT (none until the timeout):
 * carve_alloc_many() says why in numbers; -ECANCELED (by carve_cancel());
 * -EOPNOTSUPP (guards in a simulated region); -ERANGE (alignment above 1 GiB,
 * guards above 1 MiB, or a buffer that could not fit into the empty region with
 * its guards and below its limit); -ENOMEM (here or in the daemon), -EMFILE (here), and
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
 * @ret_refusal: NULL, or where to say why; written only with -ENOSPC,
 *	-EDQUOT and -ETIMEDOUT
 *
 * Return: as carve_alloc(); -EINVAL also for a count out of range and for
 * requests that name different regions or differ in struct_size.
 */
int carve_alloc_many(struct carve *carve, const struct carve_request *requests,
		     size_t count, struct carve_buffer **ret,
		     struct carve_refusal *ret_refusal);

/**
 * carve_cancel() - end the wait of another thread
 * @carve: connection
 *
 * A call on @carve that is waiting for memory in another thread returns
 * -ECANCELED, or what it got at that very moment. Without one nothing happens.
 * May be called from a signal handler. While the daemon is restarted it is kept
 * for the next one.
 *
 * Return: 0; -EINVAL; -EPIPE (there is neither such a call nor a connection).
 */
int carve_cancel(struct carve *carve);

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

/* ---- the rest ----------------------------------------------------------- */

#include "carve-reserve.h"
#include "carve-list.h"

#ifdef __cplusplus
}
#endif

#endif /* CARVE_H */
