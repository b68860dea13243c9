// SPDX-License-Identifier: MIT
/*
 * LIST with each value at its edges, and entries in memory that is not there or
 * not all there. What a list is for stands in events.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "command.h"

#define EXTENTS	3
#define FIRST_ENTRY_BYTES 104	/* of the first version, whatever comes */

static int manager;
static char *area;		/* two pages, the second is not there */

/* Returns how many entries, or a negative errno; then nothing was written. */
static int run(struct carve_list *list)
{
	struct carve_list asked = *list;
	int ret = command_run(manager, CARVE_IOC_LIST, list);

	if (ret && memcmp(list, &asked, sizeof(asked)))
		return -EPROTO;
	return ret ?: (int)list->count;
}

static struct carve_list good_list(void *entries, uint32_t count)
{
	return (struct carve_list){
		.size = sizeof(struct carve_list),
		.entries = (uintptr_t)entries,
		.count = count,
		.entry_size = sizeof(struct carve_extent_info),
	};
}

/* Every length an entry may have: its start is right, its end zero. */
static void check_entry_sizes(void)
{
	static struct carve_extent_info known[EXTENTS];
	static unsigned char entries[EXTENTS * 65536];
	struct carve_list list = good_list(known, EXTENTS);
	uint32_t size = 0, i, n;
	int ret = run(&list);

	check_value("list of three extents", ret, EXTENTS);
	for (size = FIRST_ENTRY_BYTES; size <= page; size += size < 300 ? 1 : 97) {
		list = good_list(entries, EXTENTS);
		list.entry_size = size;
		memset(entries, 0xee, sizeof(entries));
		ret = run(&list);
		for (i = 0; ret == EXTENTS && i < EXTENTS; i++) {
			unsigned char *entry = entries + i * size;

			n = size < sizeof(known[i]) ? size : sizeof(known[i]);
			if (memcmp(entry, &known[i], n))
				ret = -EPROTO;
			for (; n < size; n++)
				if (entry[n])
					ret = -EPROTO;
		}
		if (ret != EXTENTS || entries[EXTENTS * size] != 0xee)
			break;
	}
	check(size > page, "entries of every length", "%u bytes: %s", size,
	      ret < 0 ? strerror(-ret) : "wrong entries");
	list = good_list(entries, EXTENTS);
	list.entry_size = page;
	check_value("entries as long as a page", run(&list), EXTENTS);
	list = good_list(entries, EXTENTS);
	list.entry_size = page + 1;
	check_value("entries longer than a page", run(&list), -E2BIG);
	list.entry_size = 0;
	check_value("entries of no length", run(&list), -EINVAL);
	list.entry_size = FIRST_ENTRY_BYTES - 1;
	check_value("entries shorter than ever", run(&list), -EINVAL);
}

static void check_counts(void)
{
	struct carve_extent_info infos[EXTENTS + 1];
	struct carve_list list = good_list(infos, 0);

	check_value("room for none", run(&list), -EINVAL);
	list = good_list(infos, EXTENTS + 1);
	check_value("room for one more than there are", run(&list), EXTENTS);
	list = good_list(infos, UINT32_MAX);
	check_value("room for more than there can be", run(&list), EXTENTS);
	list.count = 1;
	check_value("nothing behind the last", run(&list), 0);
	list = good_list(infos, 1);
	list.cursor = UINT64_MAX;
	check_value("nothing at the end of all offsets", run(&list), 0);
}

static void check_entries(void)
{
	const uint32_t size = sizeof(struct carve_extent_info);
	struct carve_list list;
	uint32_t there;
	int ret = -EFAULT;

	list = good_list(NULL, EXTENTS);
	check_value("entries nowhere", run(&list), -EFAULT);
	list = good_list(area + page, EXTENTS);
	check_value("entries where nothing is mapped", run(&list), -EFAULT);
	list = good_list((void *)(uintptr_t)(UINTPTR_MAX - 2 * page + 1), EXTENTS);
	check_value("entries at an address of the kernel", run(&list), -EFAULT);
	list = good_list((void *)(UINTPTR_MAX - size), EXTENTS);
	check_value("entries around the end of all addresses", run(&list), -EFAULT);
	for (there = 1; there < EXTENTS * size && ret == -EFAULT; there++) {
		list = good_list(area + page - there, EXTENTS);
		ret = run(&list);
	}
	check(ret == -EFAULT, "entries across the end of memory", "with %u bytes: %d",
	      there - 1, ret);
	list = good_list(area + page - EXTENTS * size, EXTENTS);
	check_value("entries up to the end of memory", run(&list), EXTENTS);
	list = good_list(area + page - EXTENTS * size, 100);
	check_value("what is not needed need not be there", run(&list), EXTENTS);
	list = good_list(area + 1, EXTENTS);
	check_value("entries at an odd address", run(&list), EXTENTS);
	mprotect(area, page, PROT_READ);
	list = good_list(area, EXTENTS);
	check_value("entries that can only be read", run(&list), -EFAULT);
	mprotect(area, page, PROT_READ | PROT_WRITE);
}

int main(void)
{
	struct carve_release records[EXTENTS];
	int bufs[EXTENTS], i;

	manager = region_open();
	area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + page, page, PROT_NONE))
		die("mmap: %m");
	for (i = 0; i < EXTENTS; i++) {
		bufs[i] = carve_export_buf(manager, 2 * i * page, page, i);
		if (bufs[i] < 0)
			die("cannot export: %s", strerror(-bufs[i]));
	}
	check_entry_sizes();
	check_counts();
	check_entries();
	for (i = 0; i < EXTENTS; i++)
		close(bufs[i]);
	check_value("records", carve_read_records(manager, records, EXTENTS), EXTENTS);
	check_value("dirty pages", carve_scrub_range(manager, 0, region.bytes),
		    EXTENTS * page);
	return finish();
}
