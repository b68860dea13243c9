// SPDX-License-Identifier: MIT
/*
 * What every importer owes a buffer, see moves.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>

#include "check.h"
#include "device.h"
#include "moves.h"

#define SEGMENTS 1024

static unsigned int failed;

/* Many and alike: only what fails is a line of its own. */
static bool good(const struct moves *moves, bool yes, const char *what,
		 long long got)
{
	char name[120];

	if (yes)
		return true;
	failed++;
	snprintf(name, sizeof(name), "%s: %s", moves->who, what);
	return check(false, name, "%#llx, in the buffer at %#llx", got,
		     (unsigned long long)moves->phys);
}

void moves_paint(unsigned char *bytes, uint64_t count, uint32_t salt)
{
	uint32_t value = salt * 2654435761u + 1;
	uint64_t at;

	for (at = 0; at < count; at++) {
		value = value * 1664525 + 1013904223;
		bytes[at] = value >> 24;
	}
}

/*
 * How many of the segments have a struct page: all of them in a region that the
 * kernel was told of, none outside /memory, and some where mem= cuts RAM off in
 * the middle.
 */
static void check_pages(const struct moves *moves, unsigned int pages,
			unsigned int count)
{
	const char *kernel = getenv("CARVE_KERNEL") ?: "";
	const char *kind = getenv("CARVE_REGION") ?: "";
	static bool said;

	if (!strcmp(kernel, "debug")) {
		if (!said)
			skip("sg_phys()", "DMABUF_DEBUG hides the pages from importers");
		said = true;
	} else if (!strcmp(kind, "outside")) {
		good(moves, !pages, "no segment has a page", pages);
	} else if (strcmp(kind, "mem")) {
		good(moves, pages == count, "every segment has a page", pages);
	}
}

static void check_segments(const struct moves *moves,
			   const struct moves_limits *limits,
			   const struct carve_test_segment *segments,
			   unsigned int count)
{
	uint64_t phys = moves->phys, wide = 0, across = 0, far = 0, lost = 0;
	uint64_t wrong = 0, high = 0;
	unsigned int i, pages = 0;

	for (i = 0; i < count; i++) {
		const struct carve_test_segment *s = &segments[i];

		wide += s->bytes > limits->segment;
		across += limits->boundary &&
			  (s->dma ^ (s->dma + s->bytes - 1)) & ~limits->boundary;
		far += !limits->translated && s->dma != phys + limits->shift;
		high += limits->bits && (s->dma + s->bytes - 1) >> limits->bits;
		lost += s->reached != phys;
		pages += s->phys != CARVE_TEST_NO_PAGE;
		wrong += s->phys != CARVE_TEST_NO_PAGE && s->phys != phys;
		phys += s->bytes;
	}
	good(moves, phys == moves->phys + moves->bytes, "its segments are the buffer",
	     phys - moves->phys);
	good(moves, !wide && !across, "no segment is too long for it", wide + across);
	good(moves, !far && !high, "addresses are those of its bus", far + high);
	good(moves, !lost, "they lead to the memory", lost);
	if (!limits->translated) {
		good(moves, !wrong, "sg_phys() says the same", wrong);
		check_pages(moves, pages, count);
	}
}

/* By user space, between DMA_BUF_IOCTL_SYNC. */
static void cpu_copy(const struct moves *moves, unsigned char *map, uint64_t at,
		     unsigned char *bytes, bool write)
{
	uint64_t flags = write ? DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ;

	buf_sync(moves->buf, DMA_BUF_SYNC_START | flags);
	if (write)
		memcpy(map + at, bytes, moves->step);
	else
		memcpy(bytes, map + at, moves->step);
	buf_sync(moves->buf, DMA_BUF_SYNC_END | flags);
}

static void check_bytes(const struct moves *moves, uint32_t handle,
			unsigned char *map, uint64_t at)
{
	unsigned char *sent = malloc(moves->step), *got = malloc(moves->step);
	int ret;

	if (!sent || !got)
		die("malloc");
	moves_paint(sent, moves->step, at + 1);
	ret = device_write(moves->device, handle, at, sent, moves->step);
	cpu_copy(moves, map, at, got, false);
	good(moves, !ret && !memcmp(sent, got, moves->step),
	     "what it writes is what the CPU reads", ret);

	moves_paint(sent, moves->step, at + 2);
	cpu_copy(moves, map, at, sent, true);
	ret = device_read(moves->device, handle, at, got, moves->step);
	good(moves, !ret && !memcmp(sent, got, moves->step),
	     "what the CPU writes is what it reads", ret);
	free(sent);
	free(got);
}

/* A kernel driver that writes through vmap, while the device is there. */
static void check_kernel(const struct moves *moves, uint32_t handle)
{
	unsigned char got[64], want[64];
	int ret;

	memset(want, 0x5a, sizeof(want));
	ret = device_access(moves->device, moves->buf, CARVE_TEST_BOTH, false) ?:
	      device_poke(moves->device, moves->buf, 8, sizeof(want), 0x5a) ?:
	      device_access(moves->device, moves->buf, CARVE_TEST_BOTH, true) ?:
	      device_read(moves->device, handle, 8, got, sizeof(got));
	good(moves, !ret && !memcmp(got, want, sizeof(want)),
	     "what a kernel driver writes is what it reads", ret);
}

void moves_check(const struct moves *moves, const struct moves_limits *limits)
{
	static struct carve_test_segment segments[SEGMENTS];
	struct carve_test_map map = { .count = SEGMENTS };
	unsigned char *ours;
	char name[120];
	int ret;

	failed = 0;
	ret = device_map(moves->device, moves->buf, CARVE_TEST_BOTH, segments, &map);
	if (!good(moves, !ret, "maps a buffer", ret))
		return;
	if (map.count > SEGMENTS)
		die("%u segments", map.count);
	check_segments(moves, limits, segments, map.count);
	ours = buf_map(moves->buf, moves->bytes);
	check_bytes(moves, map.handle, ours, 0);
	check_bytes(moves, map.handle, ours,
		    moves->bytes / 2 - moves->step / 2);
	check_bytes(moves, map.handle, ours, moves->bytes - moves->step);
	check_kernel(moves, map.handle);
	munmap(ours, moves->bytes);
	ret = device_unmap(moves->device, map.handle);
	good(moves, !ret, "unmaps it", ret);
	snprintf(name, sizeof(name), "%s: addresses and bytes at %#llx",
		 moves->who, (unsigned long long)moves->phys);
	if (!failed)
		check(true, name, "-");
}
