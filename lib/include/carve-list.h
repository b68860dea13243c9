/* SPDX-License-Identifier: MIT */
/*
 * libcarve: what regions, buffers and reservations there are.
 * A part of carve.h, which is what programs include; its rules hold here, too.
 */
#ifndef CARVE_H
#error "include <carve.h>"
#endif
#ifndef CARVE_LIST_H
#define CARVE_LIST_H

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
 * may be in it or not. A daemon that was restarted meanwhile is asked for all of
 * it again, 15 times at most.
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

#endif /* CARVE_LIST_H */
