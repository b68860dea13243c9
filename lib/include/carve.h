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
 * @timeout_nsec: how long to wait for others to give memory back, in
 *	nanoseconds; 0: not at all; CARVE_FOREVER. Memory that is free but still
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
 *	CARVE_HOLDERS_MAX)
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
 * May be called from a signal handler.
 *
 * Return: 0; -EINVAL; -EPIPE (the connection is lost).
 */
int carve_cancel(struct carve *carve);

/* ---- reservations ------------------------------------------------------ */

/**
 * struct carve_class - buffers of one kind
 * @struct_size: sizeof(struct carve_class)
 * @count: how many may be alive at a time, 1 or more
 * @bytes, @alignment, @limit, @guard_before, @guard_after: as in struct
 *	carve_request
 */
struct carve_class {
	uint32_t struct_size;
	uint32_t count;
	uint64_t bytes;
	uint64_t alignment;
	uint64_t limit;
	uint32_t guard_before;
	uint32_t guard_after;
};

#define CARVE_CLASS_INIT { .struct_size = sizeof(struct carve_class) }

/**
 * struct carve_profile - what to reserve
 * @struct_size: sizeof(struct carve_profile)
 * @class_count: 1 to CARVE_CLASSES_MAX
 * @classes: that many, all with the same struct_size, which is also the array's
 *	stride; together at most CARVE_SLOTS_MAX buffers
 * @region: as in struct carve_request; ignored by carve_reservation_change()
 * @name: shown by carvectl, up to 31 bytes; NULL or "" for none
 * @timeout_nsec: how long to wait until all of it can be granted; as in struct
 *	carve_request
 */
struct carve_profile {
	uint32_t struct_size;
	uint32_t class_count;
	const struct carve_class *classes;
	const char *region;
	const char *name;
	uint64_t timeout_nsec;
};

#define CARVE_PROFILE_INIT { .struct_size = sizeof(struct carve_profile) }

/**
 * carve_reserve() - have memory set aside
 * @carve: connection, which has to be freed after the reservation
 * @profile: what
 * @ret: the reservation, owned by the caller: carve_reservation_free()
 * @ret_refusal: as for carve_alloc_many(); its index is the class's
 *
 * All of it is granted or nothing. From then on, while fewer than @count buffers
 * of a class are alive anywhere (whoever holds them; closing one here is not
 * enough), carve_reservation_alloc() of that class does not fail for lack of
 * space, and waits for nothing but the zeroing of the reservation's own
 * buffers that came back, which goes before all other zeroing. What it can
 * still fail for are descriptors and the kernel's memory for one.
 *
 * Ends with carve_reservation_free() and with the connection. Buffers live on.
 *
 * Return: as carve_alloc_many(); -EINVAL also for classes that come to more than
 * CARVE_SLOTS_MAX buffers; -EBUSY (this connection has 64 reservations).
 */
int carve_reserve(struct carve *carve, const struct carve_profile *profile,
		  struct carve_reservation **ret,
		  struct carve_refusal *ret_refusal);

/**
 * carve_reservation_claim() - take over a reservation of the configuration
 * @carve: connection
 * @name: its name in the configuration
 * @timeout_nsec: how long to wait while it is pending, that is, does not fit yet
 *	beside what survived a restart of the daemon
 * @ret: as for carve_reserve()
 *
 * Return: 0; -ENOENT (no reservation of that name); -EACCES (it is another
 * user's or unit's); -EBUSY (it is claimed); -ETIMEDOUT, -ENOSPC (it is
 * pending); -EINVAL; -ENOMEM; -ECANCELED; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_reservation_claim(struct carve *carve, const char *name,
			    uint64_t timeout_nsec,
			    struct carve_reservation **ret);

/**
 * carve_reservation_change() - another profile in the place of the present one
 * @reservation: not NULL
 * @profile: the new one
 * @ret_refusal: as for carve_reserve()
 *
 * At once and as a whole; on failure everything stays as it was. Buffers that
 * are alive stay so: one whose class is also in the new profile (same size,
 * alignment, limit and guards) counts there, the others take their memory with
 * them until they are gone.
 *
 * Return: as carve_reserve(). One that was claimed cannot be changed: -EACCES.
 */
int carve_reservation_change(struct carve_reservation *reservation,
			     const struct carve_profile *profile,
			     struct carve_refusal *ret_refusal);

/**
 * carve_reservation_free() - give a reservation back
 * @reservation: may be NULL
 *
 * Its buffers live on. One that was claimed goes back to the daemon.
 *
 * Return: NULL.
 */
struct carve_reservation *
carve_reservation_free(struct carve_reservation *reservation);

/**
 * carve_reservation_count() - number of classes
 * @reservation: not NULL
 */
size_t carve_reservation_count(const struct carve_reservation *reservation);

/**
 * carve_reservation_get() - a class as it was granted, sizes in whole pages
 * @reservation: not NULL
 * @index: less than carve_reservation_count()
 *
 * Return: the class, borrowed until the reservation is changed or freed; NULL
 * past the end.
 */
const struct carve_class *
carve_reservation_get(const struct carve_reservation *reservation, size_t index);

/**
 * carve_reservation_alloc() - a buffer of a class
 * @reservation: not NULL
 * @index: of the class
 * @name: as in struct carve_request
 * @timeout_nsec: how long to wait for one of the class's buffers to go when all
 *	are alive
 * @ret: the buffer, with one reference
 *
 * Return: 0; -ENOSPC, -ETIMEDOUT (all buffers of the class are alive); -ENODEV
 * (the region's device has gone); -EINVAL; -ENOMEM, -EMFILE, -EBUSY, -EIO,
 * -ECANCELED, -ECONNRESET, -EPIPE, -EPROTO as carve_alloc().
 */
int carve_reservation_alloc(struct carve_reservation *reservation, size_t index,
			    const char *name, uint64_t timeout_nsec,
			    struct carve_buffer **ret);

/**
 * carve_reservation_alloc_many() - several in one round trip, all or none
 * @indexes: classes of @count buffers, 1 to CARVE_ALLOC_MAX
 * @names: @count names, or NULL for none
 * @ret: room for @count buffers
 * @ret_refusal: as for carve_alloc_many()
 */
int carve_reservation_alloc_many(struct carve_reservation *reservation,
				 const size_t *indexes, const char *const *names,
				 size_t count, uint64_t timeout_nsec,
				 struct carve_buffer **ret,
				 struct carve_refusal *ret_refusal);

/* ---- pressure ---------------------------------------------------------- */

/**
 * struct carve_pressure - somebody waits for memory
 * @struct_size: bytes the library filled in
 * @reserved: 0
 * @region: label of the region
 * @wanted_bytes: what the first in the queue lacks whom others could help: give
 *	back at least that much, if you can, in one piece if you can
 */
struct carve_pressure {
	uint32_t struct_size;
	uint32_t reserved;
	char region[32];
	uint64_t wanted_bytes;
};

typedef void (*carve_pressure_fn)(const struct carve_pressure *pressure,
				  void *data);

/**
 * carve_watch_pressure() - be told when others wait for memory
 * @carve: connection
 * @fn: called from carve_dispatch() alone; may call whatever it likes but
 *	carve_dispatch() and carve_free() of @carve; NULL: no longer
 * @data: passed on to it
 *
 * Return: 0; -EINVAL; -ENOMEM; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_watch_pressure(struct carve *carve, carve_pressure_fn fn, void *data);

/**
 * carve_get_fd() - descriptor for event loops: readable when carve_dispatch()
 *	has something to do
 * @carve: not NULL
 *
 * Return: a descriptor, which stays the connection's and the same for its life
 * (do not read, write or close it); -EINVAL; -EMFILE, -ENFILE, -ENOMEM.
 */
int carve_get_fd(struct carve *carve);

/**
 * carve_dispatch() - take in what the daemon said of its own accord
 * @carve: not NULL
 *
 * Never waits. Another thread that calls carve_watch_pressure() meanwhile may see
 * its old callback called once more. What arrived while another call waited for its answer is kept for
 * it: of each region the last.
 *
 * Return: number of calls of callbacks; -EINVAL; -EPIPE, -EPROTO (the connection
 * is lost).
 */
int carve_dispatch(struct carve *carve);

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
 * @waiting: requests that wait for memory
 * @reserved_bytes: promised to reservations, without a buffer now
 * @kept_bytes: free, but for requests of high priority alone
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
	uint32_t waiting;
	uint64_t reserved_bytes;
	uint64_t kept_bytes;
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
/* It lies in memory of a reservation; with an id of 0 and not dirty, it is such
 * memory without a buffer, and the owner is the reservation's. */
#define CARVE_BUFFER_RESERVED		(1U << 4)

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

/* Of struct carve_reservation_info. */
#define CARVE_RESERVATION_KNOWN		(1U << 0) /* uid, pid and name are filled in */
#define CARVE_RESERVATION_CONFIGURED	(1U << 1) /* of the configuration */
#define CARVE_RESERVATION_CLAIMED	(1U << 2) /* somebody uses it */
#define CARVE_RESERVATION_PENDING	(1U << 3) /* does not fit yet */

/**
 * struct carve_reservation_info - one reservation
 * @struct_size: bytes the library filled in
 * @flags: CARVE_RESERVATION_*
 * @id: number the daemon gave it
 * @bytes: of the region it takes, or would take
 * @live_bytes: of these, in buffers that are alive
 * @uid, @pid: whose it is; 0 while nobody has claimed it
 * @slots: number of buffers it is for
 * @live: how many of them are alive
 * @region: label of its region
 * @name: as given
 */
struct carve_reservation_info {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t id;
	uint64_t bytes;
	uint64_t live_bytes;
	uint32_t uid;
	int32_t pid;
	uint32_t slots;
	uint32_t live;
	char region[32];
	char name[32];
};

/**
 * carve_reservations_new() - list the reservations of all regions
 * @carve: connection
 * @ret: the answer, owned by the caller: carve_reservations_free()
 *
 * Everyone sees sizes; name, uid and pid are told to its user and the superuser.
 *
 * Return: 0; -EINVAL; -ENOMEM; -ECONNRESET, -EPIPE, -EPROTO.
 */
int carve_reservations_new(struct carve *carve, struct carve_reservations **ret);
/** carve_reservations_free() - NULL is allowed. Return: NULL. */
struct carve_reservations *
carve_reservations_free(struct carve_reservations *reservations);
/** carve_reservations_count() - number of reservations, 0 or more */
size_t carve_reservations_count(const struct carve_reservations *reservations);
/** carve_reservations_get() - reservation @index, borrowed; NULL past the end */
const struct carve_reservation_info *
carve_reservations_get(const struct carve_reservations *reservations,
		       size_t index);

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
