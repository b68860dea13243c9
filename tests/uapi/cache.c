// SPDX-License-Identifier: MIT
/*
 * Cache maintenance covers exactly what it must: for a cached region the pages
 * scrubbed, mapped, unmapped or bracketed, all of them and no others; for a
 * write-combined one none ever, since it is not in the linear map through
 * which maintenance would go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include "check.h"
#include "trace.h"
#include "vgem.h"
#include "vivid.h"

enum { BIDIRECTIONAL, TO_DEVICE, FROM_DEVICE };

#define FORMAT V4L2_PIX_FMT_YUYV
#define MAX_SYNCS 4096

static int manager;
static struct sync syncs[MAX_SYNCS];
static unsigned int sync_count;
static uint8_t *times;	/* how often a page of the region was covered */

/*
 * Counts for each page how often the last step's calls of one kind and
 * direction (-1: of any) covered it. False when a call crosses the region's
 * bounds or covers part of a page.
 */
static bool count_pages(bool to_device, int dir)
{
	uint64_t end = region.phys + region.bytes, at;
	unsigned int i;

	memset(times, 0, region.bytes / page);
	for (i = 0; i < sync_count; i++) {
		const struct sync *sync = &syncs[i];

		if (sync->to_device != to_device ||
		    (dir >= 0 && sync->dir != dir) || sync->phys >= end ||
		    sync->phys + sync->bytes <= region.phys)
			continue;
		if (sync->phys < region.phys || sync->phys + sync->bytes > end ||
		    sync->phys % page || sync->bytes % page)
			return false;
		for (at = sync->phys; at < sync->phys + sync->bytes; at += page)
			times[(at - region.phys) / page]++;
	}
	return true;
}

/* The pages of [offset, offset + bytes) @wanted times, all others never. */
static bool covers(uint64_t offset, uint64_t bytes, unsigned int wanted)
{
	uint64_t at;

	for (at = 0; at < region.bytes; at += page) {
		bool inside = at >= offset && at < offset + bytes;

		if (times[at / page] != (inside ? wanted : 0))
			return false;
	}
	return true;
}

static void describe(char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	snprintf(text, size, "nothing");
	for (i = 0; i < sync_count && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s %#llx+%#llx dir %d",
				 i ? ", " : "", syncs[i].to_device ? "device" : "cpu",
				 (unsigned long long)syncs[i].phys,
				 (unsigned long long)syncs[i].bytes, syncs[i].dir);
}

/* What a step should have done to one range. */
struct wanted {
	unsigned int to_device, to_cpu;	/* times each page is covered */
	int dir;			/* of all calls; -1 when they differ */
};

static void step(const char *name, uint64_t offset, uint64_t bytes,
		 struct wanted wanted)
{
	bool cached = region.memory == CARVE_MEMORY_CACHED, good;
	char text[600];

	sync_count = trace_take(syncs, MAX_SYNCS);
	if (!cached)
		wanted.to_device = wanted.to_cpu = 0;
	good = count_pages(true, -1) && covers(offset, bytes, wanted.to_device) &&
	       count_pages(false, -1) && covers(offset, bytes, wanted.to_cpu);
	if (good && cached && wanted.dir >= 0)
		good = count_pages(true, wanted.dir) &&
		       covers(offset, bytes, wanted.to_device) &&
		       count_pages(false, wanted.dir) &&
		       covers(offset, bytes, wanted.to_cpu);
	describe(text, sizeof(text));
	check(good, name, "want %#llx+%#llx device %u cpu %u dir %d, got %s",
	      (unsigned long long)(region.phys + offset),
	      (unsigned long long)bytes, wanted.to_device, wanted.to_cpu,
	      wanted.dir, text);
}

static const struct wanted nothing = { 0, 0, -1 };
static const struct wanted cleaned = { 1, 0, TO_DEVICE };

static int make(uint64_t offset, uint64_t bytes)
{
	int buf = carve_export_buf(manager, offset, bytes, 1);

	if (buf < 0)
		die("export: %s", strerror(-buf));
	return buf;
}

static void clean_up(void)
{
	struct carve_release records[16];

	while (carve_read_records(manager, records, ARRAY_SIZE(records)) > 0)
		;
	if (carve_scrub_range(manager, 0, region.bytes) < 0 ||
	    !region_is_clean(manager))
		die("cannot clean up");
	trace_clear();
}

static void check_scrub(void)
{
	/* More than three steps of 1 MiB, and not at a round place. */
	uint64_t offset = 7 * page, bytes = (3 << 20) + 2 * page;

	close(make(offset, bytes));
	step("export and release: none", 0, 0, nothing);
	carve_scrub_range(manager, offset + page, page);
	step("scrub of one page: that page", offset + page, page, cleaned);
	carve_scrub_range(manager, offset + page, page);
	step("scrub of clean pages: none", 0, 0, nothing);
	carve_scrub_range(manager, offset + 2 * page, bytes);
	step("scrub of the rest: the rest", offset + 2 * page, bytes - 2 * page,
	     cleaned);
	carve_scrub_range(manager, 0, region.bytes);
	step("scrub of everything: the one dirty page", offset, page, cleaned);
	clean_up();
}

static void check_unmapped(void)
{
	uint64_t offset = 50 * page, bytes = 8 * page;
	int buf = make(offset, bytes);
	uint64_t *map;

	trace_clear();
	map = buf_map(buf, bytes);
	check_value(region.memory == CARVE_MEMORY_CACHED ?
		    "user space maps it cached" :
		    "user space maps it write-combined",
		    trace_mapped_as(region.phys + offset + 3 * page),
		    region.memory == CARVE_MEMORY_CACHED ? MEMORY_NORMAL :
							   MEMORY_NORMAL_NC);
	map[0] = 1;
	buf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
	buf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
	step("CPU access while no device has the buffer: none", 0, 0, nothing);
	munmap(map, bytes);
	close(buf);
	clean_up();
}

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + page - 1) / page * page;
}

static void bracket(const char *who, int buf, uint64_t offset, uint64_t bytes,
		    unsigned int devices, int dir)
{
	const struct wanted begin = { 0, devices, dir }, end = { devices, 0, dir };
	static const struct { const char *name; uint64_t flags; } kinds[] = {
		{ "reading", DMA_BUF_SYNC_READ },
		{ "writing", DMA_BUF_SYNC_WRITE },
		{ "both", DMA_BUF_SYNC_RW },
	};
	char name[100];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		buf_sync(buf, DMA_BUF_SYNC_START | kinds[i].flags);
		snprintf(name, sizeof(name), "%s: begin %s: the buffer", who,
			 kinds[i].name);
		step(name, offset, bytes, begin);
		buf_sync(buf, DMA_BUF_SYNC_END | kinds[i].flags);
		snprintf(name, sizeof(name), "%s: end %s: the buffer", who,
			 kinds[i].name);
		step(name, offset, bytes, end);
	}
}

/* A queue that is not streaming maps at once, and unmaps when it ends. */
static void check_queue(const char *who, struct video *video, int dir)
{
	uint64_t offset = region.bytes / 2 - 100 * page, bytes;
	char name[100];
	int buf;

	video_format(video, FORMAT);
	bytes = round_up(video->bytes);
	buf = make(offset, bytes);
	video_request(video, V4L2_MEMORY_DMABUF, 2);
	trace_clear();
	if (video_queue(video, 0, buf))
		die("%s: cannot queue: %m", who);
	snprintf(name, sizeof(name), "%s: queued: the buffer", who);
	step(name, offset, bytes, (struct wanted){ 1, 0, dir });
	bracket(who, buf, offset, bytes, 1, dir);
	video_request(video, V4L2_MEMORY_DMABUF, 0);
	snprintf(name, sizeof(name), "%s: given back: the buffer", who);
	step(name, offset, bytes, (struct wanted){ 0, 1, dir });
	close(buf);
	step("and closed: none", 0, 0, nothing);
	clean_up();
}

/*
 * While it streams, V4L2 leaves its mapping as it is from turn to turn, and
 * that of a buffer it has given back as well: bracketing is all that tells the
 * caches, and the CPU has to do it.
 */
static void check_streaming(struct video *capture)
{
	uint64_t bytes, offset = 0;
	int bufs[2], i, index;

	video_format(capture, FORMAT);
	bytes = round_up(capture->bytes);
	video_request(capture, V4L2_MEMORY_DMABUF, 2);
	for (i = 0; i < 2; i++)
		bufs[i] = make(offset + i * bytes, bytes);
	trace_clear();
	for (i = 0; i < 2; i++)
		video_queue(capture, i, bufs[i]);
	step("two buffers queued: both", offset, 2 * bytes,
	     (struct wanted){ 1, 0, FROM_DEVICE });
	video_stream(capture, true);
	index = video_take(capture);
	if (index < 0)
		die("no frame: %s", strerror(-index));
	step("a frame taken: none", 0, 0, nothing);
	bracket("a frame taken", bufs[index], offset + index * bytes, bytes, 1,
		FROM_DEVICE);
	video_queue(capture, index, bufs[index]);
	step("queued again: none", 0, 0, nothing);
	video_stream(capture, false);
	video_request(capture, V4L2_MEMORY_DMABUF, 0);
	step("stopped and given back: both", offset, 2 * bytes,
	     (struct wanted){ 0, 1, FROM_DEVICE });
	for (i = 0; i < 2; i++)
		close(bufs[i]);
	clean_up();
}

/* Two devices have the buffer: both are told. */
static void check_two_devices(struct video *output)
{
	uint64_t offset = 300 * page, bytes;
	int card = vgem_open(), buf;
	uint32_t handle;

	if (card < 0) {
		skip("two devices with one buffer", "there is no vgem");
		return;
	}
	video_format(output, FORMAT);
	bytes = round_up(output->bytes);
	buf = make(offset, bytes);
	trace_clear();
	if (vgem_import(card, buf, &handle))
		die("vgem does not import: %m");
	step("imported by vgem: the buffer", offset, bytes,
	     (struct wanted){ 1, 0, BIDIRECTIONAL });
	bracket("vgem", buf, offset, bytes, 1, BIDIRECTIONAL);
	video_request(output, V4L2_MEMORY_DMABUF, 2);
	video_queue(output, 0, buf);
	step("and queued by vivid: the buffer", offset, bytes,
	     (struct wanted){ 1, 0, TO_DEVICE });
	bracket("two devices", buf, offset, bytes, 2, -1);
	video_request(output, V4L2_MEMORY_DMABUF, 0);
	trace_clear();
	vgem_drop(card, handle);
	step("vgem gives it back: the buffer", offset, bytes,
	     (struct wanted){ 0, 1, BIDIRECTIONAL });
	close(buf);
	close(card);
	clean_up();
}

int main(void)
{
	struct video capture, output;
	const char *why;

	manager = region_open();
	why = trace_open();
	if (why) {
		skip("cache maintenance", why);
		return finish();
	}
	times = calloc(region.bytes / page, 1);
	printf("# the region is %s\n", region.memory == CARVE_MEMORY_CACHED ?
	       "cached: exactly the right pages" : "write-combined: none at all");
	check_scrub();
	check_unmapped();
	if (video_open_capture(&capture) && video_open_output(&output)) {
		video_input(&capture, 0);
		check_queue("output", &output, TO_DEVICE);
		check_queue("capture", &capture, FROM_DEVICE);
		check_streaming(&capture);
		check_two_devices(&output);
	} else {
		skip("cache maintenance for V4L2", "there is no vivid");
	}
	trace_close();
	return finish();
}
