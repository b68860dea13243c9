// SPDX-License-Identifier: MIT
/*
 * The random tester: who holds what, and what must therefore be so.
 *
 * A page is entered as held after its export and taken out before the last
 * descriptor or mapping goes: in between an export of it must not succeed.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "fuzz.h"

struct fuzz_shared *shared;
struct fuzz_slot slots[SLOTS];

static uint32_t number_of(const struct fuzz_object *object)
{
	return object - shared->objects + 1;
}

/* Takes a free object and enters its pages; @id is the caller's to set. */
struct fuzz_object *fuzz_object_new(uint32_t first, uint32_t count)
{
	struct fuzz_object *object = shared->objects;
	uint32_t none = 0, i;

	for (; !atomic_compare_exchange_strong(&object->refs, &none, 1); none = 0)
		if (++object == shared->objects + OBJECTS)
			die("too few objects");
	object->first = first;
	object->count = count;
	object->stamped = false;
	for (i = first; i < first + count; i++, none = 0)
		if (!atomic_compare_exchange_strong(&shared->owner[i], &none,
						    number_of(object)))
			fuzz_fail("page %u was exported while it was live", i);
	return object;
}

void fuzz_object_ref(struct fuzz_object *object)
{
	atomic_fetch_add(&object->refs, 1);
}

/* The object is free for others only when its pages have been taken out. */
void fuzz_object_unref(struct fuzz_object *object)
{
	uint32_t refs = atomic_load(&object->refs), i;

	while (refs > 1)
		if (atomic_compare_exchange_weak(&object->refs, &refs, refs - 1))
			return;
	for (i = object->first; i < object->first + object->count; i++)
		atomic_store(&shared->owner[i], 0);
	atomic_fetch_add(&shared->ended, 1);
	atomic_store(&object->refs, 0);
}

uint64_t fuzz_object_bytes(const struct fuzz_object *object)
{
	return (object->count - object->before - object->after) * page;
}

/* What page @n of the buffer begins with. */
uint64_t fuzz_stamp(const struct fuzz_object *object, uint64_t n)
{
	return object->stamped ? object->id << 16 | n : 0;
}

static bool take(struct fuzz_slot *slot)
{
	return !atomic_exchange(&slot->busy, true);
}

void fuzz_slot_leave(struct fuzz_slot *slot)
{
	atomic_store(&slot->busy, false);
}

struct fuzz_slot *fuzz_slot_free(struct fuzz_thread *t)
{
	unsigned int from = fuzz_below(t, SLOTS), i;

	for (i = 0; i < SLOTS; i++) {
		struct fuzz_slot *slot = &slots[(from + i) % SLOTS];

		if (slot->object || !take(slot))
			continue;
		if (!slot->object)
			return slot;
		fuzz_slot_leave(slot);
	}
	return NULL;
}

struct fuzz_slot *fuzz_slot_pick(struct fuzz_thread *t, bool mapping)
{
	unsigned int from = fuzz_below(t, SLOTS), i;

	for (i = 0; i < SLOTS; i++) {
		struct fuzz_slot *slot = &slots[(from + i) % SLOTS];

		if (!slot->object || (slot->fd < 0) != mapping || !take(slot))
			continue;
		if (slot->object && (slot->fd < 0) == mapping)
			return slot;
		fuzz_slot_leave(slot);
	}
	return NULL;
}

void fuzz_slot_set(struct fuzz_slot *slot, struct fuzz_object *object, int fd,
		   int mode)
{
	slot->fd = fd;
	slot->mode = mode;
	slot->object = object;
}

void fuzz_slot_end(struct fuzz_slot *slot)
{
	struct fuzz_object *object = slot->object;

	fuzz_object_unref(object);
	if (slot->fd >= 0 ? close(slot->fd) : munmap(slot->map, slot->bytes))
		fuzz_fail("a buffer cannot be given back: %s",
			  strerrorname_np(errno));
	slot->object = NULL;
	fuzz_slot_leave(slot);
}

void fuzz_slots_end(void)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		if (slots[i].object)
			fuzz_slot_end(&slots[i]);
}

static bool is_zero(const char *at, uint64_t bytes)
{
	return !at[0] && !memcmp(at, at + 1, bytes - 1);
}

/* A buffer is zero at first; the pages of a long one are sampled. */
void fuzz_first_sight(struct fuzz_thread *t, int fd, struct fuzz_object *object,
		      int mode)
{
	bool writable = mode == O_RDWR;
	uint64_t bytes = fuzz_object_bytes(object), pages = bytes / page, i, n;
	char *map;

	if (mode == O_WRONLY)
		return;
	map = mmap(NULL, bytes, PROT_READ | (writable ? PROT_WRITE : 0),
		   MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		fuzz_fail("a new buffer cannot be mapped: %s",
			  strerrorname_np(errno));
		return;
	}
	for (i = 0; i < pages && i < 16; i++) {
		n = pages <= 16 ? i : fuzz_below(t, pages);
		if (!is_zero(map + n * page, page))
			fuzz_fail("page %llu of a new buffer is not zero",
				  (unsigned long long)(object->first + n));
	}
	object->stamped = writable;
	for (i = 0; writable && i < pages; i++)
		*(volatile uint64_t *)(map + i * page) = fuzz_stamp(object, i);
	munmap(map, bytes);
}

/* What a mapping shows is still what its holder wrote there. */
void fuzz_check_pages(const struct fuzz_slot *slot)
{
	uint64_t i;

	if (!(slot->mode & PROT_READ))
		return;
	for (i = 0; i < slot->bytes / page; i++) {
		uint64_t found = *(volatile uint64_t *)(slot->map + i * page);
		uint64_t wanted = fuzz_stamp(slot->object, slot->from + i);

		if (found != wanted)
			fuzz_fail("a live page has %#llx instead of %#llx",
				  (unsigned long long)found,
				  (unsigned long long)wanted);
	}
}

/* One answer to LIST: in order, inside the region, no two on one page. */
void fuzz_check_extents(const struct carve_extent_info *infos, uint32_t count,
			uint64_t cursor)
{
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		const struct carve_extent_info *info = &infos[i];
		bool live = info->state == CARVE_STATE_LIVE;

		if (info->offset < at || info->offset % page ||
		    info->bytes % page || !info->bytes ||
		    info->offset >= region.bytes ||
		    info->bytes > region.bytes - info->offset)
			fuzz_fail("the list is wrong at %#llx+%#llx",
				  info->offset, info->bytes);
		at = info->offset + info->bytes;
		if (at <= cursor)
			fuzz_fail("what ends at %#llx is listed above %#llx",
				  info->offset + info->bytes,
				  (unsigned long long)cursor);
		if ((!live && info->state != CARVE_STATE_DIRTY) ||
		    info->reserved || info->name[CARVE_NAME_LEN - 1])
			fuzz_fail("a listed extent has state %u, reserved %u",
				  info->state, info->reserved);
		if (!live && (info->guard_before || info->guard_after))
			fuzz_fail("a dirty extent has guards");
	}
}

static const struct fuzz_object *held_at(uint64_t offset)
{
	uint32_t number = shared->owner[offset / page];

	return number ? &shared->objects[number - 1] : NULL;
}

static bool is_held(const struct carve_extent_info *info)
{
	const struct fuzz_object *object = held_at(info->offset);

	return object && object->id == info->owner[0] &&
	       object->first * page == info->offset &&
	       object->count * page == info->bytes &&
	       object->before * page == info->guard_before &&
	       object->after * page == info->guard_after;
}

static const char *compare(void)
{
	static struct carve_extent_info infos[4096];
	int count = carve_list_all(manager, infos, ARRAY_SIZE(infos)), i;
	uint64_t live = 0, dirty = 0;
	uint32_t live_count = 0, held = 0;
	struct carve_info info;

	if (count < 0 || count == ARRAY_SIZE(infos) ||
	    carve_info_get(manager, &info))
		return "the list cannot be had";
	fuzz_check_extents(infos, count, 0);
	for (i = 0; i < count; i++) {
		if (infos[i].state != CARVE_STATE_LIVE) {
			dirty += infos[i].bytes;
			continue;
		}
		live += infos[i].bytes;
		live_count++;
		if (!is_held(&infos[i]))
			return "an extent is live that nobody holds";
	}
	for (i = 0; i < OBJECTS; i++)
		held += shared->objects[i].refs != 0;
	if (held != live_count)
		return "a buffer that is held is not live";
	if (info.live_bytes != live || info.dirty_bytes != dirty ||
	    info.live_count != live_count || info.bytes != region.bytes ||
	    live + dirty > info.bytes)
		return "the sums are not those of the list";
	return NULL;
}

/* The last reference of a process that ended may go a moment later. */
void fuzz_compare(void)
{
	const char *wrong = compare();
	int tries;

	for (tries = 0; wrong && tries < 100; tries++) {
		usleep(20000);
		wrong = compare();
	}
	if (wrong)
		fuzz_fail("when all is quiet %s", wrong);
}

static void read_all(void)
{
	struct carve_release records[16];
	struct carve_info info;
	uint32_t all = 0;
	int got, i;

	carve_info_get(manager, &info);
	while ((got = carve_read_records(manager, records, 16)) > 0)
		for (all += got, i = 0; i < got; i++)
			if (records[i].flags || records[i].guard_damaged)
				fuzz_fail("a guard is said to be damaged");
	if (all != info.unread_count)
		fuzz_fail("%u records instead of %u", all, info.unread_count);
	shared->records += all;
	if (shared->records != shared->ended)
		fuzz_fail("%llu buffers ended, and there were %llu records",
			  (unsigned long long)shared->ended,
			  (unsigned long long)shared->records);
}

void fuzz_settle(void)
{
	struct carve_info info;
	int64_t scrubbed;
	char *map;
	int buf;

	fuzz_slots_end();
	fuzz_compare();
	read_all();
	carve_info_get(manager, &info);
	scrubbed = carve_scrub_range(manager, 0, region.bytes);
	if (scrubbed != (int64_t)info.dirty_bytes || !region_is_clean(manager))
		fuzz_fail("%lld of %llu dirty bytes were scrubbed",
			  (long long)scrubbed, info.dirty_bytes);
	buf = carve_export_buf(manager, 0, WINDOW * page, 1);
	if (buf < 0) {
		fuzz_fail("a clean range cannot be exported: %s",
			  strerrorname_np(-buf));
		return;
	}
	map = buf_map(buf, WINDOW * page);
	if (!is_zero(map, WINDOW * page))
		fuzz_fail("a scrubbed range is not zero");
	munmap(map, WINDOW * page);
	close(buf);
	shared->ended++;
	read_all();
	if (carve_scrub_range(manager, 0, WINDOW * page) !=
	    (int64_t)(WINDOW * page))
		fuzz_fail("the range was not dirty afterwards");
}
