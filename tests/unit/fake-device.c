// SPDX-License-Identifier: MIT
#include "fake-device.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake {
	struct carve_device device;
	struct fake_table *table;
};

/* ---- the table ---------------------------------------------------------------- */

static size_t bytes_of(uint64_t pages)
{
	return sizeof(struct fake_table) + pages;
}

static struct fake_table *map(uint64_t pages)
{
	struct fake_table *table = mmap(NULL, bytes_of(pages),
					PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert(table != MAP_FAILED);
	return table;
}

struct fake_table *fake_table_new(uint64_t pages)
{
	struct fake_table *table = map(pages);

	pthread_mutex_init(&table->lock, NULL);
	table->pages = pages;
	memset(table->dirty, 1, pages);
	return table;
}

struct fake_table *fake_table_copy(const struct fake_table *table)
{
	struct fake_table *copy = map(table->pages);

	memcpy(copy, table, bytes_of(table->pages));
	pthread_mutex_init(&copy->lock, NULL);
	return copy;
}

void fake_table_free(struct fake_table *table)
{
	munmap(table, bytes_of(table->pages));
}

bool fake_table_changed(const struct fake_table *table, struct fake_table *seen)
{
	size_t from = offsetof(struct fake_table, live);
	size_t bytes = bytes_of(table->pages) - from;

	if (!memcmp(seen->live, table->live, bytes))
		return false;
	memcpy(seen->live, table->live, bytes);
	return true;
}

static struct carve_device_extent *find(struct fake_table *table, uint64_t id)
{
	for (size_t i = 0; i < FAKE_EXTENTS; i++)
		if (table->live[i].id == id)
			return &table->live[i];
	return NULL;
}

void fake_table_die(struct fake_table *table, uint64_t id)
{
	struct carve_device_extent *live = find(table, id);

	pthread_mutex_lock(&table->lock);
	if (table->dead_taken >= table->dead_count)
		table->dead_taken = table->dead_count = 0;
	assert(live && table->dead_count < FAKE_EXTENTS);
	table->dead[table->dead_count] = *live;
	table->dead[table->dead_count++].live = false;
	memset(table->dirty + live->offset / FAKE_PAGE, 1,
	       live->bytes / FAKE_PAGE);
	live->id = 0;
	pthread_mutex_unlock(&table->lock);
}

static bool is_live(const struct fake_table *table, uint64_t page)
{
	for (size_t i = 0; i < FAKE_EXTENTS; i++) {
		const struct carve_device_extent *each = &table->live[i];

		if (each->id && page * FAKE_PAGE >= each->offset &&
		    page * FAKE_PAGE < each->offset + each->bytes)
			return true;
	}
	return false;
}

/* ---- the device ---------------------------------------------------------------- */

static struct fake_table *table_of(struct carve_device *device)
{
	return ((struct fake *)device)->table;
}

static void fake_free(struct carve_device *device)
{
	close(device->fd);
	free(device);
}

static int fake_export(struct carve_device *device,
		       const struct carve_device_extent *extent)
{
	struct fake_table *table = table_of(device);
	struct carve_device_extent *slot = find(table, 0);
	struct carve_device_extent live = *extent;
	uint64_t page = extent->offset / FAKE_PAGE;
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	assert(slot && !find(table, extent->id));
	for (uint64_t i = 0; i < extent->bytes / FAKE_PAGE; i++) {
		if (!table->dirty[page + i] && !is_live(table, page + i))
			continue;
		close(fd);
		return -EBUSY;
	}
	/* The number is what makes it count: all at once. */
	live.id = 0;
	*slot = live;
	__atomic_store_n(&slot->id, extent->id, __ATOMIC_SEQ_CST);
	return fd;
}

static int fake_release(struct carve_device *device,
			struct carve_device_extent *ret)
{
	struct fake_table *table = table_of(device);

	if (table->dead_taken >= table->dead_count)
		return 0;
	*ret = table->dead[table->dead_taken++];
	return 1;
}

static bool is_dirty(const struct fake_table *table, uint64_t page)
{
	return page < table->pages && table->dirty[page];
}

/* Live at @page, or the dirty pages from there on. */
static bool take(const struct fake_table *table, uint64_t page,
		 struct carve_device_extent *ret)
{
	uint64_t end = page;

	for (size_t i = 0; i < FAKE_EXTENTS; i++) {
		if (!table->live[i].id ||
		    table->live[i].offset != page * FAKE_PAGE)
			continue;
		*ret = table->live[i];
		ret->live = true;
		return true;
	}
	while (is_dirty(table, end))
		end++;
	*ret = (struct carve_device_extent){
		.offset = page * FAKE_PAGE,
		.bytes = (end - page) * FAKE_PAGE,
	};
	return end > page;
}

static int fake_list(struct carve_device *device, uint64_t *cursor,
		     struct carve_device_extent *ret)
{
	const struct fake_table *table = table_of(device);

	for (; *cursor < table->pages; ++*cursor) {
		if (!take(table, *cursor, ret))
			continue;
		*cursor += ret->bytes / FAKE_PAGE;
		return 1;
	}
	return 0;
}

static int fake_identify(struct carve_device *device, int fd,
			 struct carve_device_extent *ret)
{
	(void)device;
	(void)fd;
	(void)ret;
	return -ENOENT;
}

static int fake_scrub(struct carve_device *device, uint64_t offset,
		      uint64_t bytes)
{
	struct fake_table *table = table_of(device);
	int r = 0;

	pthread_mutex_lock(&table->lock);
	for (uint64_t i = 0; i < bytes / FAKE_PAGE; i++)
		if (is_live(table, offset / FAKE_PAGE + i))
			r = -EBUSY;
	if (r == 0)
		memset(table->dirty + offset / FAKE_PAGE, 0, bytes / FAKE_PAGE);
	pthread_mutex_unlock(&table->lock);
	return r;
}

static const struct carve_device_ops fake_ops = {
	.free = fake_free,
	.export = fake_export,
	.release = fake_release,
	.list = fake_list,
	.identify = fake_identify,
	.scrub = fake_scrub,
};

struct carve_device *fake_device_new(struct fake_table *table)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert(fake);
	fake->table = table;
	fake->device = (struct carve_device){
		.ops = &fake_ops,
		.info = {
			.label = "main",
			.bytes = table->pages * FAKE_PAGE,
			.page_bytes = FAKE_PAGE,
			.phys = 0x80000000,
		},
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	assert(fake->device.fd >= 0);
	return &fake->device;
}
