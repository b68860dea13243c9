// SPDX-License-Identifier: MIT
/*
 * Importers of every kind (tests/vm/importers.dtso): what addresses they get,
 * what they find there, and what it looks like from the other end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>

#include "check.h"
#include "device.h"
#include "moves.h"

#define BYTES (256 * page)

static int manager;

static int make(uint64_t offset)
{
	int buf = carve_export_buf(manager, offset, BYTES, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

static void take_back(const char *who, uint64_t offset)
{
	struct carve_release record = { 0 };
	char name[100];

	snprintf(name, sizeof(name), "%s: the buffer comes back, and no other", who);
	check(carve_wait_record(manager, 5000) == 1 &&
	      carve_read_records(manager, &record, 1) == 1 &&
	      record.offset == offset && !carve_wait_record(manager, 0),
	      name, "%#llx", (unsigned long long)record.offset);
	carve_scrub_range(manager, offset, BYTES);
}

static int open_device(const char *who)
{
	int device = device_open(who);

	if (device < 0)
		die("/dev/carve-test/%s: %m", who);
	return device;
}

/* Addresses by the bus, limits kept, bytes the same at both ends. */
static void check_moves(const char *who, const struct moves_limits *limits,
			uint64_t offset)
{
	int device = open_device(who), buf = make(offset);
	struct moves moves = {
		.who = who,
		.device = device,
		.buf = buf,
		.bytes = BYTES,
		.step = 16 * page,
		.phys = region.phys + offset,
	};

	moves_check(&moves, limits);
	close(buf);
	close(device);
	take_back(who, offset);
}

static void check_everywhere(const char *who, const struct moves_limits *limits)
{
	check_moves(who, limits, 3 * page);
	/* Where the struct pages may end. */
	check_moves(who, limits, region.bytes / 2 - BYTES / 2 + page);
	check_moves(who, limits, region.bytes - BYTES);
}

/* Maps for who does not care where; 0 or negative errno. */
static int try_map(int device, int buf, uint32_t direction)
{
	struct carve_test_map map = { .count = 0 };

	return device_map(device, buf, direction, NULL, &map);
}

/* Refused, and it costs nothing: others still can. */
static void check_refused(const char *who, uint64_t offset)
{
	int device = open_device(who), other = open_device("device");
	int buf = make(offset);
	char name[100];

	snprintf(name, sizeof(name), "%s: refused", who);
	check_value(name, try_map(device, buf, CARVE_TEST_BOTH), -EBUSY);
	snprintf(name, sizeof(name), "%s: refused again", who);
	check_value(name, try_map(device, buf, CARVE_TEST_TO_DEVICE), -EBUSY);
	snprintf(name, sizeof(name), "%s: another device is not", who);
	check_value(name, try_map(other, buf, CARVE_TEST_BOTH), 0);
	close(other);
	close(buf);
	close(device);
	take_back(who, offset);
}

/* A mask can change while the driver is at work; each map is judged anew. */
static void check_mask(void)
{
	int device = open_device("device"), buf = make(0);

	device_mask(device, 28);
	check_value("a mask made narrow: refused",
		    try_map(device, buf, CARVE_TEST_BOTH), -EBUSY);
	device_mask(device, 32);
	check_value("and made wide again: mapped",
		    try_map(device, buf, CARVE_TEST_BOTH), 0);
	close(device);
	close(buf);
	take_back("a mask made narrow", 0);
}

/* The range is taken as long as a device has it, whoever else is gone. */
static void check_held(void)
{
	struct carve_test_map map = { .count = 0 };
	int device = open_device("coherent"), buf = make(0);

	check_value("a device alone: mapped",
		    device_map(device, buf, CARVE_TEST_BOTH, NULL, &map), 0);
	close(buf);
	check_value("a device alone holds the buffer",
		    carve_wait_record(manager, 200), 0);
	check_value("it is not exported again",
		    carve_export_buf(manager, 0, page, 2), -EBUSY);
	check_value("unmapped", device_unmap(device, map.handle), 0);
	take_back("a device alone", 0);
	close(device);
}

/* One writes, all others see it, the CPU too. */
static void check_together(void)
{
	static const char *const names[] = {
		"device", "coherent", "offset", "short", "boundary", "plain",
	};
	struct carve_test_map maps[ARRAY_SIZE(names)];
	int devices[ARRAY_SIZE(names)], buf = make(page);
	unsigned char *ours = malloc(BYTES), *theirs = malloc(BYTES);
	unsigned int i, k, same = 0;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		devices[i] = open_device(names[i]);
		maps[i].count = 0;
		if (device_map(devices[i], buf, CARVE_TEST_BOTH, NULL, &maps[i]))
			die("%s cannot map", names[i]);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		moves_paint(ours, BYTES, 100 + i);
		if (device_write(devices[i], maps[i].handle, 0, ours, BYTES))
			die("%s cannot write", names[i]);
		for (k = 0; k < ARRAY_SIZE(names); k++)
			same += !device_read(devices[k], maps[k].handle, 0,
					     theirs, BYTES) &&
				!memcmp(ours, theirs, BYTES);
	}
	check_value("together: each sees what each wrote", same,
		    ARRAY_SIZE(names) * ARRAY_SIZE(names));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		close(devices[i]);
	free(ours);
	free(theirs);
	close(buf);
	take_back("together", page);
}

/*
 * Operations of the device's own, and no IOMMU that could be asked: only the
 * memory's own address is known not to be that of a copy.
 */
static void check_operations(void)
{
	int device, buf;

	if (!device_exists("straight")) {
		skip("DMA operations of a device's own", "the kernel has none");
		return;
	}
	device = open_device("straight");
	buf = make(0);
	check_value("DMA operations that give the memory: mapped",
		    try_map(device, buf, CARVE_TEST_BOTH), 0);
	close(device);
	close(buf);
	take_back("DMA operations that give the memory", 0);
	check_refused("copies", 0);
}

/* How far the bounce buffers have ever been used, of all devices. */
static long bounced(void)
{
	static const char *const files[] = {
		"/sys/kernel/debug/swiotlb/io_tlb_used_hiwater",
		"/sys/kernel/debug/swiotlb/io_tlb_used",
	};
	long used = -1;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files) && used < 0; i++) {
		FILE *file = fopen(files[i], "re");

		if (!file)
			continue;
		if (fscanf(file, "%ld", &used) != 1)
			used = -1;
		fclose(file);
	}
	return used;
}

int main(void)
{
	static const struct moves_limits none = { .segment = UINT64_MAX };
	static const struct moves_limits offset = { .segment = UINT64_MAX,
						    .shift = -0x40000000LL };
	static const struct moves_limits small = { .segment = 65536 };
	static const struct moves_limits uneven = { .segment = 10000 };
	static const struct moves_limits boundary = { .segment = UINT64_MAX,
						      .boundary = 0x1ffff };
	static const struct moves_limits all = { .segment = 65536,
						 .boundary = 0x1ffff,
						 .shift = -0x40000000LL };
	struct moves_limits window = { .segment = UINT64_MAX };
	long before = bounced();

	manager = region_open();
	check_everywhere("plain", &none);
	check_everywhere("device", &none);
	check_everywhere("coherent", &none);
	check_everywhere("offset", &offset);
	check_everywhere("offset-coherent", &offset);
	check_everywhere("short", &small);
	check_everywhere("uneven", &uneven);
	check_everywhere("boundary", &boundary);
	check_everywhere("offset-short", &all);

	/* Each half of the region has a window of its own. */
	window.shift = 0x11000000 - (int64_t)region.phys;
	check_moves("split", &window, region.bytes / 2 - BYTES);
	window.shift = 0x40000000 - (int64_t)(region.phys + region.bytes / 2);
	check_moves("split", &window, region.bytes / 2);
	check_refused("split", region.bytes / 2 - page);

	check_refused("narrow", 0);
	check_refused("away", 0);
	check_refused("tiny", 0);
	check_operations();
	check_mask();
	check_held();
	check_together();
	if (before < 0)
		skip("nothing went through a bounce buffer",
		     "this kernel does not count them");
	else
		check_value("nothing went through a bounce buffer", bounced(),
			    before);
	return finish();
}
