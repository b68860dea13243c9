// SPDX-License-Identifier: MIT
/*
 * Guard pages: what exports may ask for, and what the buffer is then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "guarded.h"

#define FIRST_EXPORT_BYTES offsetof(struct carve_export, guard_before)
#define FIRST_ENTRY_BYTES offsetof(struct carve_extent_info, guard_before)

static int manager;

static void check_intact(const char *name, int buf)
{
	struct carve_release record = guarded_end(manager, buf);

	check(guarded_intact(&record), name, "flags %#x, %u bytes at %#llx",
	      record.flags, record.guard_damaged, record.guard_offset);
}

/* Guards that no buffer can have: refused, and nothing has changed. */
static void check_values(void)
{
	static const uint32_t max = CARVE_GUARD_MAX, half = UINT32_C(1) << 31;
	const uint32_t p = page;
	const struct { const char *name; uint32_t before, after; uint64_t bytes; } cases[] = {
		{ "half a page before", p / 2, 0, 4 * page },
		{ "a byte more than a page behind", 0, p + 1, 4 * page },
		{ "a page more than 1 MiB before", max + p, 0, 4 * max },
		{ "a page more than 1 MiB behind", 0, max + p, 4 * max },
		{ "nearly 4 GiB behind", 0, -p, 4 * page },
		{ "a sum that wraps to a page", half, half + p, 4 * page },
		{ "nothing left by one", 0, p, page },
		{ "nothing left by both", 2 * p, 2 * p, 4 * page },
		{ "more than the range", 3 * p, 2 * p, 4 * page },
	};
	struct carve_export export;
	char name[80];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		export = guarded_args(0, cases[i].bytes, cases[i].before, cases[i].after);
		snprintf(name, sizeof(name), "export with %s", cases[i].name);
		check_value(name, guarded_run(manager, &export), -EINVAL);
	}
	check(region_is_clean(manager), "bad guards left nothing",
	      "something is live, dirty or unread");
	export = guarded_args(page, 2 * max + page, max, max);
	if (check_value("export with the longest guards", guarded_run(manager, &export), 0))
		check_intact("and nothing happens to them", export.fd);
	export = guarded_args(0, 3 * page, page, page);
	export.fd_flags = O_RDONLY;
	if (check_value("export for reading only", guarded_run(manager, &export), 0))
		check_intact("nothing happens to its guards", export.fd);
}

/* A program of the first version: what lies behind its structures is its own. */
static void check_first_version(void)
{
	struct carve_export export = guarded_args(0, 4 * page, page, page);
	struct { struct carve_extent_info info; char more[32]; } entry;
	struct carve_list list = {
		.size = sizeof(list),
		.entries = (uintptr_t)&entry,
		.count = 1,
		.entry_size = FIRST_ENTRY_BYTES,
	};
	struct carve_export old = export;

	old.size = FIRST_EXPORT_BYTES;
	if (!check_value("export of the first version", guarded_run(manager, &old), 0))
		return;
	check_value("has no guards", lseek(old.fd, 0, SEEK_END), 4 * page);
	check_intact("nor a record of any", old.fd);

	if (guarded_run(manager, &export))
		die("export: %m");
	memset(&entry, 0xaa, sizeof(entry));
	if (ioctl(manager, CARVE_IOC_LIST, &list))
		die("list: %m");
	check(entry.info.bytes == 4 * page &&
	      entry.info.guard_before == 0xaaaaaaaa &&
	      entry.info.guard_after == 0xaaaaaaaa,
	      "a list entry of the first version ends where it did",
	      "bytes %llu, before %#x, after %#x", entry.info.bytes,
	      entry.info.guard_before, entry.info.guard_after);
	guarded_end(manager, export.fd);
}

static void check_mapping(int buf, uint64_t bytes)
{
	void *map = mmap(NULL, bytes + page, PROT_READ, MAP_SHARED, buf, 0);

	check(map == MAP_FAILED && errno == EINVAL,
	      "the guard behind cannot be mapped", "it can, or %m");
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, buf, bytes);
	check(map == MAP_FAILED && errno == EINVAL, "nor alone",
	      "it can, or %m");
	map = buf_map(buf, bytes);
	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	memset(map, 0, bytes);
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
	munmap(map, bytes);
}

static void check_inside(void)
{
	uint64_t offset = 3 * page, bytes = 9 * page;
	int buf = guarded_new(manager, offset, bytes, 2 * page, page);
	struct carve_identify identify = { .size = sizeof(identify), .fd = buf };
	struct carve_extent_info info = { 0 };
	struct carve_release record;
	struct carve_info counts;

	check_value("the buffer is what the guards leave",
		    lseek(buf, 0, SEEK_END), 6 * page);
	check_mapping(buf, 6 * page);
	carve_info_get(manager, &counts);
	check_value("the extent is all of it", counts.live_bytes, bytes);
	check_value("the list has one extent",
		    carve_list_all(manager, &info, 1), 1);
	check(info.offset == offset && info.bytes == bytes &&
	      info.guard_before == 2 * page && info.guard_after == page,
	      "the list says what is guarded", "before %u after %u",
	      info.guard_before, info.guard_after);
	if (ioctl(manager, CARVE_IOC_IDENTIFY, &identify))
		die("identify: %m");
	check(!memcmp(&identify.extent, &info, sizeof(info)),
	      "and so does the descriptor", "before %u after %u",
	      identify.extent.guard_before, identify.extent.guard_after);

	close(buf);
	check_value("a record", carve_read_records(manager, &record, 1), 1);
	check(guarded_intact(&record), "writing the whole buffer is no damage",
	      "%u bytes at %#llx", record.guard_damaged, record.guard_offset);
	carve_list_all(manager, &info, 1);
	check(info.state == CARVE_STATE_DIRTY && info.bytes == bytes &&
	      !info.guard_before && !info.guard_after,
	      "when released all is dirty and nothing guarded any more",
	      "bytes %llu before %u after %u", info.bytes, info.guard_before,
	      info.guard_after);
	check_value("and all is scrubbed",
		    carve_scrub_range(manager, 0, region.bytes), bytes);
	check(range_is_zero(manager, offset, bytes), "and zero, where guards were as well",
	      "it is not");
}

/* Exports that fail when all but the descriptor is there. */
static void check_failed(void)
{
	struct carve_export export = guarded_args(0, 8 * page, page, page);
	struct carve_export *bad;
	struct rlimit limit, none;

	bad = mmap(NULL, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bad == MAP_FAILED)
		die("mmap: %m");
	*bad = export;
	mprotect(bad, page, PROT_READ);
	check_value("export that cannot tell the descriptor", guarded_run(manager, bad), -EFAULT);
	munmap(bad, page);

	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	check_value("export without a descriptor to be had", guarded_run(manager, &export),
		    -EMFILE);
	setrlimit(RLIMIT_NOFILE, &limit);
	check(region_is_clean(manager), "neither left anything",
	      "something is live, dirty or unread");
	check(range_is_zero(manager, 0, 8 * page), "the pages of their guards are still zero",
	      "they are not");
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What a guard costs, for who reads this: not judged, machines differ. */
static void measure(uint32_t guard)
{
	enum { ROUNDS = 101 };
	static double birth[ROUNDS], death[ROUNDS];
	struct carve_release record;
	double t0, t1;
	int i, buf;

	for (i = 0; i < ROUNDS; i++) {
		t0 = now_us();
		buf = guarded_new(manager, 0, page + guard, 0, guard);
		t1 = now_us();
		birth[i] = t1 - t0;
		close(buf);
		death[i] = now_us() - t1;
		carve_read_records(manager, &record, 1);
		carve_scrub_range(manager, 0, page + guard);
	}
	qsort(birth, ROUNDS, sizeof(birth[0]), compare);
	qsort(death, ROUNDS, sizeof(death[0]), compare);
	printf("# a guard of %u KiB: export %.1f us, close %.1f us (median)\n",
	       guard >> 10, birth[ROUNDS / 2], death[ROUNDS / 2]);
}

/*
 * As many of the longest guards as the region has room for. A 32-bit kernel has
 * no space to map them all, and says so before it has used up everybody's; what
 * is in the linear map already takes none.
 */
static void check_many(void)
{
	enum { MAX = 64 };
	const uint64_t each = 2 * CARVE_GUARD_MAX + page;
	uint64_t room = region.bytes / each;
	const char *kind = getenv("CARVE_REGION") ?: "";
	struct carve_release records[MAX];
	int bufs[MAX], count, ret = 0, other;
	struct carve_export export;
	struct utsname kernel;
	char name[100];
	bool narrow;

	if (uname(&kernel))
		die("uname: %m");
	narrow = !strncmp(kernel.machine, "armv7", 5) &&
		 (strcmp(kind, "mapped") || region.phys >> 32);
	room = room < MAX ? room : MAX;
	for (count = 0; count < (int)room; count++) {
		export = guarded_args(count * each, each, CARVE_GUARD_MAX,
				      CARVE_GUARD_MAX);
		ret = guarded_run(manager, &export);
		if (ret)
			break;
		bufs[count] = export.fd;
	}
	snprintf(name, sizeof(name), "%s, %d of %d longest guards", narrow ?
		 "no space for all of them" : "space for all of them", count,
		 (int)room);
	check_value(name, ret, narrow ? -ENOSPC : 0);
	check(count > 8, "but for some", "%d", count);
	other = carve_export_buf(manager, region.bytes - page, page, 1);
	check(other >= 0, "an export without guards is not concerned", "%d", other);
	close(other);
	while (count--)
		close(bufs[count]);
	count = carve_read_records(manager, records, MAX);
	carve_scrub_range(manager, 0, region.bytes);
	check(region_is_clean(manager), "all of them come back", "of %d", count);
	guarded_end(manager, guarded_new(manager, 0, each, CARVE_GUARD_MAX,
					 CARVE_GUARD_MAX));
}

int main(void)
{
	manager = region_open();
	check_values();
	check_first_version();
	check_inside();
	check_failed();
	measure(0);
	measure(page);
	measure(CARVE_GUARD_MAX / 16);
	measure(CARVE_GUARD_MAX);
	check_many();
	check(region_is_clean(manager), "clean in the end", "it is not");
	return finish();
}
