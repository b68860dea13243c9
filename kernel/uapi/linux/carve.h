/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Carve: contiguous memory out of a device-tree reserved region.
 *
 * The interface of /dev/carve/NAME. Every command takes one structure whose
 * first member is its own size in bytes, so that structures can grow: a
 * longer structure from newer user space is accepted as long as the tail the
 * kernel does not know is zero, a shorter one (down to the first version) is
 * extended with zeros.
 *
 * Errors all commands share:
 *   ENOTTY      unknown command
 *   EINVAL      structure shorter than its first version, or a bad value
 *   E2BIG       nonzero bytes behind what this kernel knows
 *   EOPNOTSUPP  unknown flag, or a reserved member that is not zero
 *   EFAULT      bad pointer
 *   ENODEV      the region's device has gone
 */
#ifndef _UAPI_LINUX_CARVE_H
#define _UAPI_LINUX_CARVE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define CARVE_IOC_TYPE	0xCA

/* Lengths include the terminating NUL. */
#define CARVE_LABEL_LEN	32
#define CARVE_NAME_LEN	64

/* The longest guard, in bytes. */
#define CARVE_GUARD_MAX	0x100000

/* What is kept of a damaged guard, in bytes. */
#define CARVE_GUARD_FOUND	16

/**
 * enum carve_memory - how the region's memory is mapped, fixed by the device tree
 * @CARVE_MEMORY_CACHED: the region is part of the kernel's linear map; user
 *	mappings are cached and CPU access has to be bracketed
 *	(DMA_BUF_IOCTL_SYNC)
 * @CARVE_MEMORY_WC: the region is not in the linear map (no-map, or RAM the
 *	kernel was not told of); user mappings are write-combined
 */
enum carve_memory {
	CARVE_MEMORY_CACHED = 1,
	CARVE_MEMORY_WC = 2,
};

/**
 * struct carve_info - what the region is, and its counters (CARVE_IOC_INFO)
 * @size: sizeof(struct carve_info)
 * @flags: must be zero
 * @bytes: out, size of the region
 * @phys: out, physical address of the region for its manager, else 0
 * @live_bytes: out, in buffers that exist
 * @dirty_bytes: out, released and not yet zeroed
 * @page_bytes: out, the unit of every offset and size
 * @memory: out, one of enum carve_memory
 * @live_count: out, buffers that exist
 * @unread_count: out, released extents waiting for read()
 * @label: out, the region's name, NUL terminated
 *
 * Open to everyone who could open the node.
 */
struct carve_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 bytes;
	__aligned_u64 phys;
	__aligned_u64 live_bytes;
	__aligned_u64 dirty_bytes;
	__u32 page_bytes;
	__u32 memory;
	__u32 live_count;
	__u32 unread_count;
	char label[CARVE_LABEL_LEN];
};

/**
 * struct carve_export - turn a clean range into a dma-buf (CARVE_IOC_EXPORT)
 * @size: sizeof(struct carve_export)
 * @flags: must be zero
 * @offset: in, first byte inside the region, a multiple of the page size
 * @bytes: in, length, a multiple of the page size, not zero
 * @owner: in, two words that mean nothing to the driver; they come back in
 *	the list and in the release record. carved stores the uid and the
 *	number of the request
 * @name: in, NUL terminated, for the list and the kernel log; may be empty
 * @fd_flags: in, O_CLOEXEC, O_RDWR, O_RDONLY or O_WRONLY. The access mode
 *	binds mmap(), whichever device's node the mapping is asked of; it does
 *	not bind devices: who holds an O_RDONLY buffer can still have a device
 *	write into it
 * @fd: out, the dma-buf; written last
 * @guard_before: in, bytes at the start of the range that are a guard and no
 *	part of the dma-buf: a multiple of the page size, at most
 *	CARVE_GUARD_MAX, 0 for none
 * @guard_after: in, likewise at the end of the range
 *
 * The dma-buf is what lies between the guards, so their sum is less than
 * @bytes; the extent is all of the range. The driver fills the guards with a
 * pattern and looks at them again when the buffer's last reference is gone:
 * the release record says whether something wrote past the buffer.
 *
 * Manager only (EPERM). EBUSY when a page of the range is live or dirty,
 * ERANGE when the range does not lie inside the region, EINVAL when it is
 * empty, misaligned or overflows, a guard is misaligned or too long, the guards
 * leave nothing between them or the name has no end, ENOBUFS when live
 * buffers and release records that wait would together be more than the region
 * has pages: read() the records first (a manager that reads a record before it
 * scrubs that extent never sees this), ENOSPC when the guards of all live
 * buffers would together take more than an eighth of the space that the kernel
 * has for mappings (a few ten MiB with 32 bits, and never reached with 64; a
 * region in low memory takes none), EMFILE/ENFILE/ENOMEM as usual. On failure
 * nothing has changed.
 */
struct carve_export {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 bytes;
	__aligned_u64 owner[2];
	char name[CARVE_NAME_LEN];
	__u32 fd_flags;
	__s32 fd;
	__u32 guard_before;
	__u32 guard_after;
};

/**
 * enum carve_state - state of the pages of a listed extent
 * @CARVE_STATE_LIVE: one dma-buf
 * @CARVE_STATE_DIRTY: released, not yet zeroed; cannot be exported
 *
 * Pages in no extent are clean: zeroed and free.
 */
enum carve_state {
	CARVE_STATE_LIVE = 1,
	CARVE_STATE_DIRTY = 2,
};

/**
 * struct carve_extent_info - one entry of the list
 * @offset: first byte inside the region
 * @bytes: length
 * @owner: as given at export; zeros for an extent nobody ever exported
 * @state: one of enum carve_state
 * @reserved: zero
 * @name: as given at export
 * @guard_before: bytes of a live extent's guard in front of the buffer; 0 for a
 *	dirty one, where nothing is watched any more
 * @guard_after: likewise behind the buffer
 */
struct carve_extent_info {
	__aligned_u64 offset;
	__aligned_u64 bytes;
	__aligned_u64 owner[2];
	__u32 state;
	__u32 reserved;
	char name[CARVE_NAME_LEN];
	__u32 guard_before;
	__u32 guard_after;
};

/**
 * struct carve_list - live and dirty extents by address (CARVE_IOC_LIST)
 * @size: sizeof(struct carve_list)
 * @flags: must be zero
 * @cursor: in, list extents that end above this offset, 0 to start; out,
 *	where to go on
 * @entries: in, user pointer to an array of struct carve_extent_info
 * @count: in, entries that fit; out, entries written, 0 at the end
 * @entry_size: in, sizeof(struct carve_extent_info)
 *
 * Open to everyone who could open the node. Each call sees one consistent
 * moment; between calls extents may come and go. A call may write fewer
 * entries than fit: only 0 is the end. Longer entries than the kernel knows
 * end in zeros, shorter ones leave out what their version did not have. EINVAL
 * when @count is 0 or an entry is shorter than its first version, E2BIG when
 * one is longer than a page, ENOMEM.
 */
struct carve_list {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__aligned_u64 entries;
	__u32 count;
	__u32 entry_size;
};

/**
 * struct carve_scrub - zero the dirty pages of a range (CARVE_IOC_SCRUB)
 * @size: sizeof(struct carve_scrub)
 * @flags: must be zero
 * @offset: in, first byte inside the region, a multiple of the page size
 * @bytes: in, length, a multiple of the page size, not zero
 * @scrubbed: out, bytes that were dirty and are clean now
 *
 * Manager only (EPERM). Clean pages are passed over; a live page anywhere in
 * the range gives EBUSY before anything is touched. Works in steps of at most
 * 1 MiB; a fatal signal ends it between steps with EINTR, and what was zeroed
 * until then is clean. ERANGE, EINVAL as for export, ENOMEM.
 */
struct carve_scrub {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 bytes;
	__aligned_u64 scrubbed;
};

/* carve_release.flags: something wrote past the buffer, into a guard. */
#define CARVE_RELEASE_GUARD_HIT	0x1

/**
 * struct carve_release - one released extent, as read() returns it
 * @offset: first byte inside the region
 * @bytes: length
 * @owner: as given at export
 * @flags: CARVE_RELEASE_GUARD_HIT or zero; what follows is zero without it
 * @guard_damaged: how many bytes of both guards are not as they were written.
 *	A byte that was overwritten with what it held is not seen
 * @guard_offset: the first of them, inside the region (not the extent)
 * @guard_found: what it and the bytes behind it hold, up to the end of that
 *	guard, then zeros
 *
 * read() gives as many whole records as fit, at least one (EINVAL when not
 * even one fits), blocks until there is one or gives EAGAIN under O_NONBLOCK.
 * Manager only (EPERM). A record that was read is gone; its extent stays
 * dirty, and listed, until it is scrubbed. poll() says POLLIN while there
 * are records, POLLHUP | POLLERR once the device has gone.
 */
struct carve_release {
	__aligned_u64 offset;
	__aligned_u64 bytes;
	__aligned_u64 owner[2];
	__u32 flags;
	__u32 guard_damaged;
	__aligned_u64 guard_offset;
	__u8 guard_found[CARVE_GUARD_FOUND];
};

/**
 * struct carve_identify - which extent a dma-buf is (CARVE_IOC_IDENTIFY)
 * @size: sizeof(struct carve_identify)
 * @flags: must be zero
 * @fd: in, a dma-buf
 * @reserved: must be zero
 * @extent: out, the extent, state CARVE_STATE_LIVE
 *
 * Manager only (EPERM): a client proves by the descriptor that it holds the
 * buffer, and the manager needs no memory of its own to answer it. EBADF when
 * @fd is not open, EINVAL when it is no dma-buf, ENOENT when it is not one of
 * this region.
 */
struct carve_identify {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
	struct carve_extent_info extent;
};

#define CARVE_IOC_INFO		_IO(CARVE_IOC_TYPE, 0x00)
#define CARVE_IOC_EXPORT	_IO(CARVE_IOC_TYPE, 0x01)
#define CARVE_IOC_LIST		_IO(CARVE_IOC_TYPE, 0x02)
#define CARVE_IOC_SCRUB		_IO(CARVE_IOC_TYPE, 0x03)
#define CARVE_IOC_IDENTIFY	_IO(CARVE_IOC_TYPE, 0x04)

/*
 * open(): O_RDWR makes the caller the region's one manager, EBUSY while there
 * is another; the role ends when the last descriptor of that open file is
 * closed. O_RDONLY may only ask for information and the list.
 */

#endif /* _UAPI_LINUX_CARVE_H */
