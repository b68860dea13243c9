// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guards: pages of an extent in front of and behind its buffer, which nothing
 * may write to, and which tell at the release whether something did.
 *
 * Locks: a guard belongs to its buffer, and is touched by nobody else, before
 * the buffer is published and after its last reference is gone. So there are
 * none here, but for carve_region.lock around the count of hits.
 */
#include <linux/dma-mapping.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "dmabuf.h"
#include "trace.h"

/*
 * What eight bytes of a guard hold depends on where in the region they lie: a
 * copy that went on too long is noticed although it brings a guard's own bytes
 * along, and so is one constant for everything. No byte is 0x00, 0x10, 0x80 or
 * 0xff, nor even, nor above 0x7f: black, white and emptiness in every common
 * format are noticed from the first byte on.
 */
static u64 pattern(u64 offset)
{
	u64 word = (offset / sizeof(word) + 1) * GOLDEN_RATIO_64;

	word ^= word >> 29;
	return (word & 0x7e7e7e7e7e7e7e7eULL) | 0x0101010101010101ULL;
}

/*
 * Guards stay mapped as long as their buffers live. What is not in the linear map
 * takes some of the kernel's space for mappings, which a 32-bit machine has a few
 * hundred MiB of for everybody: all guards together get an eighth.
 */
#define CARVE_GUARD_SPACE_BYTES (VMALLOC_TOTAL / 8)
static atomic_long_t carve_guard_space;

/* With the hole that follows each mapping. */
static long space_of(const struct carve_guard *guard)
{
	return is_vmalloc_addr(guard->vaddr) ? guard->bytes + PAGE_SIZE : 0;
}

static void unmap_guard(struct carve_guard *guard)
{
	atomic_long_sub(space_of(guard), &carve_guard_space);
	memunmap(guard->vaddr);
	guard->vaddr = NULL;
}

static int map_guard(const struct carve_region *region,
		     struct carve_guard *guard, u64 offset, u32 bytes)
{
	if (!bytes)
		return 0;
	guard->vaddr = memremap(region->memory.phys + offset, bytes,
				carve_region_is_cached(region) ?
				MEMREMAP_WB : MEMREMAP_WC);
	if (!guard->vaddr)
		return -ENOMEM;
	guard->offset = offset;
	guard->bytes = bytes;
	if (atomic_long_add_return(space_of(guard), &carve_guard_space) >
	    CARVE_GUARD_SPACE_BYTES) {
		unmap_guard(guard);
		return -ENOSPC;
	}
	return 0;
}

/**
 * carve_guards_map() - have the guards of a buffer at hand until it dies
 * @buffer: not published, in the region's table
 *
 * So that the release, which has to look at them, needs no memory. Writes
 * nothing: carve_guards_fill() does.
 *
 * Return: 0; -ENOMEM, or -ENOSPC when all guards together would take too much
 * of the kernel's space: then none is mapped.
 */
int carve_guards_map(struct carve_buffer *buffer)
{
	const struct carve_extent *extent = buffer->extent;
	u64 behind = extent->offset + extent->bytes - extent->guard_after;
	int ret;

	ret = map_guard(buffer->region, &buffer->guards[0], extent->offset,
			extent->guard_before) ?:
	      map_guard(buffer->region, &buffer->guards[1], behind,
			extent->guard_after);
	if (ret)
		carve_guards_unmap(buffer);
	return ret;
}

/**
 * carve_guards_unmap() - undo carve_guards_map()
 * @buffer: its guards are mapped, or not
 */
void carve_guards_unmap(struct carve_buffer *buffer)
{
	struct carve_guard *guard = buffer->guards;

	for (; guard < buffer->guards + ARRAY_SIZE(buffer->guards); guard++)
		if (guard->vaddr)
			unmap_guard(guard);
}

/* After so much of a guard others may run: it may be a slow memory. */
#define CARVE_GUARD_PIECE_BYTES SZ_64K

static void fill_guard(struct carve_region *region,
		       const struct carve_guard *guard)
{
	u64 *word = guard->vaddr;
	u32 at;

	for (at = 0; at < guard->bytes; at += sizeof(*word)) {
		if (!(at % CARVE_GUARD_PIECE_BYTES))
			cond_resched();
		*word++ = pattern(guard->offset + at);
	}
	if (carve_region_is_cached(region))
		WARN_ON_ONCE(carve_sync_memory(region, guard->offset,
					       guard->bytes, DMA_TO_DEVICE));
	else
		wmb();	/* out of the write buffer, into memory */
}

/**
 * carve_guards_fill() - write the pattern, down to memory
 * @buffer: its guards are mapped; about to be published, which cannot fail any
 *	more: an export that is taken back leaves clean pages that were never
 *	written to
 */
void carve_guards_fill(struct carve_buffer *buffer)
{
	const struct carve_guard *guard = buffer->guards;

	for (; guard < buffer->guards + ARRAY_SIZE(buffer->guards); guard++)
		if (guard->vaddr)
			fill_guard(buffer->region, guard);
}

/*
 * A device may have written to memory, under lines that the cache has of the
 * guard, and a driver's CPU to the cache alone. Lines that were written to go
 * out first, then all lines go, and what is read comes from memory.
 */
static void fetch_guard(struct carve_region *region,
			const struct carve_guard *guard)
{
	if (carve_region_is_cached(region))
		WARN_ON_ONCE(carve_sync_memory(region, guard->offset,
					       guard->bytes, DMA_BIDIRECTIONAL));
	else
		rmb();	/* nothing read ahead */
}

static void note_damage(const struct carve_guard *guard, u32 at,
			struct carve_release *release)
{
	u32 kept = min_t(u32, guard->bytes - at, sizeof(release->guard_found));

	release->flags |= CARVE_RELEASE_GUARD_HIT;
	release->guard_offset = guard->offset + at;
	memcpy(release->guard_found, guard->vaddr + at, kept);
}

static void verify_word(const struct carve_guard *guard, u32 at,
			const u8 *found, struct carve_release *release)
{
	const u64 wanted = pattern(guard->offset + at);
	const u8 *want = (const u8 *)&wanted;
	u32 i;

	for (i = 0; i < sizeof(wanted); i++) {
		if (found[i] == want[i])
			continue;
		if (!release->guard_damaged++)
			note_damage(guard, at + i, release);
	}
}

static void verify_guard(const struct carve_guard *guard,
			 struct carve_release *release)
{
	const u64 *word = guard->vaddr;
	u32 at;

	for (at = 0; at < guard->bytes; at += sizeof(*word)) {
		u64 found = READ_ONCE(*word++);

		if (!(at % CARVE_GUARD_PIECE_BYTES))
			cond_resched();
		if (found != pattern(guard->offset + at))
			verify_word(guard, at, (const u8 *)&found, release);
	}
}

/*
 * The log is for people and can be flooded, the record is for the manager and
 * is always there. What was found, which may be somebody's picture, is in the
 * record alone. The name stands last: it is whatever a client liked.
 */
static void carve_guard_report(struct carve_buffer *buffer)
{
	const struct carve_extent *extent = buffer->extent;
	const struct carve_release *release = &buffer->record->release;
	struct carve_region *region = buffer->region;
	bool before = release->guard_offset < extent->offset + extent->guard_before;

	mutex_lock(&region->lock);
	region->guard_hits++;
	mutex_unlock(&region->lock);
	trace_carve_guard_hit(region, extent, release->guard_offset,
			      release->guard_damaged);
	if (!__ratelimit(&region->guard_limit))
		return;
	dev_warn(&region->dev,
		 "guard hit: written to %s, %u bytes, the first at %#llx: extent %#llx+%#llx, owner %llu %llu, name \"%*pE\"\n",
		 before ? "before the start of a buffer" : "past the end of a buffer",
		 release->guard_damaged, release->guard_offset, extent->offset,
		 extent->bytes, extent->owner[0], extent->owner[1],
		 (int)strlen(extent->name), extent->name);
}

/**
 * carve_guards_verify() - has anything written past the buffer?
 * @buffer: was published, its last reference is gone, its extent still live
 *
 * Allocates nothing, cannot fail. The release record says what was found.
 */
void carve_guards_verify(struct carve_buffer *buffer)
{
	struct carve_release *release = &buffer->record->release;
	const struct carve_guard *guard = buffer->guards;

	for (; guard < buffer->guards + ARRAY_SIZE(buffer->guards); guard++) {
		if (!guard->vaddr)
			continue;
		fetch_guard(buffer->region, guard);
		verify_guard(guard, release);
	}
	if (release->flags & CARVE_RELEASE_GUARD_HIT)
		carve_guard_report(buffer);
}
