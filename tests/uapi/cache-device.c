// SPDX-License-Identifier: MIT
/*
 * Cache maintenance for importers that are coherent and for such that are not
 * (/dev/carve-test/coherent and plain, tests/modules): exactly the buffer for
 * the one, nothing for the other, in each direction, and for both at a time.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>

#include "check.h"
#include "device.h"
#include "syncs.h"
#include "trace.h"

static const char *const ways[] = { "both ways", "reads", "writes" };
static const uint64_t accesses[] = {
	DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
};

static int manager;

struct buffer {
	uint64_t offset, bytes;
	int buf;
};

static struct buffer make(uint64_t offset, uint64_t bytes)
{
	struct buffer buffer = {
		.offset = offset,
		.bytes = bytes,
		.buf = carve_export_buf(manager, offset, bytes, 1),
	};

	if (buffer.buf < 0)
		die("export: %s", strerror(-buffer.buf));
	trace_clear();
	return buffer;
}

static void drop(const struct buffer *buffer)
{
	struct carve_release record;

	close(buffer->buf);
	carve_wait_record(manager, 5000);
	carve_read_records(manager, &record, 1);
	carve_scrub_range(manager, 0, region.bytes);
}

static uint32_t map(int device, const struct buffer *buffer, uint32_t direction)
{
	struct carve_test_map map = { 0 };
	int ret = device_map(device, buffer->buf, direction, NULL, &map);

	if (ret)
		die("cannot map: %s", strerror(-ret));
	return map.handle;
}

/* A step, named after who and what; nothing is wanted of a coherent device. */
static void step(const char *who, const char *what, const struct buffer *buffer,
		 bool coherent, struct wanted wanted)
{
	char name[120];

	snprintf(name, sizeof(name), "%s: %s", who, what);
	if (coherent)
		step_check(name, 0, 0, nothing);
	else
		step_check(name, buffer->offset, buffer->bytes, wanted);
}

static void check_access(const char *who, const struct buffer *buffer,
			 bool coherent, int dir)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		struct wanted end = { 1, 0, dir };

		if (dir == FROM_DEVICE && accesses[i] & DMA_BUF_SYNC_WRITE)
			end = kept_for_device;
		buf_sync(buffer->buf, DMA_BUF_SYNC_START | accesses[i]);
		step(who, "CPU access begins", buffer, coherent,
		     (struct wanted){ 0, 1, dir });
		buf_sync(buffer->buf, DMA_BUF_SYNC_END | accesses[i]);
		step(who, "CPU access ends", buffer, coherent, end);
	}
}

/* The same out of the kernel, as drivers do it around dma_buf_vmap(). */
static void check_kernel_access(const char *who, int device,
				const struct buffer *buffer, bool coherent,
				int dir)
{
	device_access(device, buffer->buf, CARVE_TEST_FROM_DEVICE, false);
	step(who, "a driver's access begins", buffer, coherent,
	     (struct wanted){ 0, 1, dir });
	device_access(device, buffer->buf, CARVE_TEST_FROM_DEVICE, true);
	step(who, "a driver's access ends", buffer, coherent,
	     (struct wanted){ 1, 0, dir });
}

static void check_device(const char *device_name, bool coherent)
{
	struct buffer buffer;
	uint32_t handle, dir;
	char who[60];
	int device;

	device = device_open(device_name);
	if (device < 0) {
		skip(device_name, "there is no such importer");
		return;
	}
	for (dir = 0; dir < ARRAY_SIZE(ways); dir++) {
		snprintf(who, sizeof(who), "%s device, %s", device_name, ways[dir]);
		buffer = make(region.bytes / 2 - 33 * page, 70 * page);
		handle = map(device, &buffer, dir);
		step(who, "mapped", &buffer, coherent,
		     (struct wanted){ 1, 0, dir });
		check_access(who, &buffer, coherent, dir);
		check_kernel_access(who, device, &buffer, coherent, dir);
		device_unmap(device, handle);
		step(who, "unmapped", &buffer, coherent,
		     (struct wanted){ 0, 1, dir });
		drop(&buffer);
	}
	close(device);
}

/*
 * Behind an IOMMU (the argument is "smmu"), where addresses say nothing about
 * memory and a sync goes by the pages of the table: not by those of the one that
 * the importer has, which CONFIG_DMABUF_DEBUG garbles.
 */
static void check_iommu(void)
{
	int edu = device_open("edu"), was;

	if (edu < 0)
		die("there is no edu device");
	was = device_coherent(edu, false);
	if (was < 0)
		die("edu cannot be made non-coherent: %s", strerror(-was));
	check_device("edu", false);
	device_coherent(edu, true);
	check_device("edu", true);
	device_coherent(edu, was);
	close(edu);
}

/*
 * Many mappings of one buffer, most of devices that write. The kernel's own
 * checks (CONFIG_DMA_API_DEBUG) take that for a mistake unless it is said that
 * caches are not their business.
 */
static void check_many(void)
{
	static const uint32_t dirs[] = { FROM_DEVICE, BIDIRECTIONAL, FROM_DEVICE,
					 TO_DEVICE };
	struct buffer buffer = make(3 * page, 5 * page);
	int plain = device_open("plain"), coherent = device_open("coherent");
	uint32_t handles[ARRAY_SIZE(dirs)];
	const unsigned int count = ARRAY_SIZE(dirs);
	/* All of the coherent ones but the last write. */
	const bool written = coherent >= 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		handles[i] = map(plain, &buffer, dirs[i]);
		step("one more device", "mapped", &buffer, false,
		     i && written && dirs[i] == FROM_DEVICE ? kept_for_device :
		     (struct wanted){ 1, 0, dirs[i] });
		if (coherent < 0)
			continue;
		map(coherent, &buffer, dirs[i]);
		step("and a coherent one", "mapped", &buffer, true, nothing);
	}
	buf_sync(buffer.buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	step("all of them", "CPU access begins", &buffer, false,
	     (struct wanted){ written, count, -1 });
	buf_sync(buffer.buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	step("all of them", "another begins beside it", &buffer, false,
	     (struct wanted){ 1, count, -1 });
	steps_cleaned_first("all of them: before it is thrown away");
	buf_sync(buffer.buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	step("all of them", "the other ends", &buffer, false,
	     (struct wanted){ count, 0, -1 });
	buf_sync(buffer.buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
	step("all of them", "CPU access ends", &buffer, false,
	     (struct wanted){ count, 0, -1 });
	for (i = 0; i < count; i++) {
		device_unmap(plain, handles[i]);
		step("one device less", "unmapped", &buffer, false,
		     written && dirs[i] != TO_DEVICE ? kept :
		     (struct wanted){ 0, 1, dirs[i] });
	}
	if (coherent >= 0)
		close(coherent);
	step("the coherent ones", "unmapped", &buffer, true, nothing);
	close(plain);
	drop(&buffer);
}

/*
 * A coherent device writes to where the CPU's caches are, as a CPU does: what it
 * is writing is not thrown away because another device is not coherent, and what
 * it has written is in memory before that one is handed the buffer.
 */
static void check_coherent_writer(void)
{
	int plain = device_open("plain"), coherent = device_open("coherent");
	struct buffer buffer = make(9 * page, 6 * page);
	const struct wanted dropped = { 0, 1, FROM_DEVICE };
	uint32_t writes, reads, other;

	if (coherent < 0) {
		skip("a coherent device that writes", "there is none");
		close(plain);
		drop(&buffer);
		return;
	}
	reads = map(coherent, &buffer, CARVE_TEST_TO_DEVICE);
	other = map(plain, &buffer, CARVE_TEST_FROM_DEVICE);
	step("a coherent device that reads", "another is mapped", &buffer, false,
	     (struct wanted){ 1, 0, FROM_DEVICE });
	buf_sync(buffer.buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	step("a coherent device that reads", "CPU access begins", &buffer, false,
	     dropped);
	writes = map(coherent, &buffer, CARVE_TEST_FROM_DEVICE);
	trace_clear();
	buf_sync(buffer.buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	step("a coherent device writes", "CPU access ends", &buffer, false,
	     kept_for_device);
	buf_sync(buffer.buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	step("a coherent device writes", "CPU access begins", &buffer, false, kept);
	steps_cleaned_first("a coherent device writes: before it is thrown away");
	device_unmap(plain, other);
	step("a coherent device writes", "the other is unmapped", &buffer, false,
	     kept);
	steps_cleaned_first("a coherent device writes: before it is thrown away, again");
	device_unmap(coherent, writes);
	step("a coherent device has written", "unmapped", &buffer, true, nothing);
	other = map(plain, &buffer, CARVE_TEST_FROM_DEVICE);
	step("a coherent device has written", "another is mapped", &buffer, false,
	     kept_for_device);
	steps_cleaned_first("a coherent device has written: before it is handed over");
	buf_sync(buffer.buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	step("a coherent device has gone", "CPU access begins", &buffer, false,
	     dropped);
	device_unmap(plain, other);
	device_unmap(coherent, reads);
	close(plain);
	close(coherent);
	drop(&buffer);
}

int main(int argc, char **argv)
{
	bool smmu = argc == 2 && !strcmp(argv[1], "smmu");
	const char *why;

	manager = region_open();
	why = trace_open();
	if (why) {
		skip("cache maintenance for devices", why);
		return finish();
	}
	if (!device_exists("plain"))
		die("the module carve-test is not loaded");
	if (carve_scrub_range(manager, 0, region.bytes) < 0)
		die("cannot scrub");
	if (smmu) {
		check_iommu();
	} else {
		check_device("plain", false);
		check_device("coherent", true);
		check_many();
		check_coherent_writer();
	}
	trace_close();
	return finish();
}
